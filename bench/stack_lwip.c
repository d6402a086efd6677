/*
 * lwIP (Debian's liblwip) under the rows of stack_rows.h. Two interfaces, joined by a wire that passes
 * references and delivers at once; applications on lwIP's fastest interface, the callbacks. lwIP makes and
 * verifies checksums, and cuts segments at 1460 bytes, as its library was built to.
 */
#include "stack_rows.h"

#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/netif.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>

#define WIRE_MAX 4096

struct wire {
	struct pbuf *packet[WIRE_MAX]; /* what an interface sent */
	unsigned first, count;
};

static struct netif side[2];
static struct wire wire[2];
static double bytes, trips, calls;
static uint8_t text[BULK_PIECE];

static err_t on_output(struct netif *n, struct pbuf *p, const ip4_addr_t *to)
{
	struct wire *w = &wire[n == &side[1]];

	(void)to;
	if (w->count == WIRE_MAX)
		return ERR_BUF;
	pbuf_ref(p);
	w->packet[(w->first + w->count++) % WIRE_MAX] = p;
	return ERR_OK;
}

static err_t on_init(struct netif *n)
{
	n->output = on_output;
	n->mtu = 1500;
	n->flags = NETIF_FLAG_UP | NETIF_FLAG_LINK_UP;
	return ERR_OK;
}

/*
 * A packet for the receiver: a copy of the headers, which he turns into his byte order in place, and a
 * reference to the text, which he has done with when ip_input() returns.
 */
static struct pbuf *hand_over(struct pbuf *p)
{
	const uint8_t *ip = p->payload, *tcp = ip + (ip[0] & 15) * 4;
	u16_t headers = (u16_t)((ip[0] & 15) * 4 + (tcp[12] >> 4) * 4);
	struct pbuf *head = pbuf_alloc(PBUF_RAW, headers, PBUF_RAM);

	if (!head || p->next)
		die("no memory, or a packet in parts", p->tot_len);
	memcpy(head->payload, ip, headers);
	if (p->len > headers) {
		struct pbuf *rest = pbuf_alloc(PBUF_RAW, (u16_t)(p->len - headers), PBUF_REF);
		if (!rest)
			die("no memory", 0);
		rest->payload = (uint8_t *)p->payload + headers;
		pbuf_cat(head, rest);
	}
	return head;
}

/* What one side sent comes in at the other. */
static unsigned deliver(int from)
{
	struct wire *w = &wire[from];
	unsigned n = w->count;

	for (unsigned i = 0; i < n; i++, w->first = (w->first + 1) % WIRE_MAX, w->count--) {
		struct pbuf *p = w->packet[w->first];
		ip_input(hand_over(p), &side[!from]);
		pbuf_free(p);
	}
	return n;
}

static void turn(void)
{
	static unsigned turns;

	if (turns++ % 1024 == 0)
		sys_check_timeouts();
	deliver(0);
	deliver(1);
}

static void set_up(void)
{
	ip4_addr_t a, b, mask;

	lwip_init();
	IP4_ADDR(&a, 10, 0, 0, 1);
	IP4_ADDR(&b, 10, 0, 1, 1);
	IP4_ADDR(&mask, 255, 255, 255, 0);
	netif_add(&side[0], &a, &mask, NULL, NULL, on_init, ip_input);
	netif_add(&side[1], &b, &mask, NULL, NULL, on_init, ip_input);
}

static void on_error(void *arg, err_t err)
{
	(void)arg;
	(void)err;
}

static void listen_on(tcp_accept_fn on_accept)
{
	struct tcp_pcb *l = tcp_new();

	tcp_bind_netif(l, &side[1]);
	if (tcp_bind(l, netif_ip_addr4(&side[1]), 80) != ERR_OK)
		die("bind", 0);
	l = tcp_listen_with_backlog(l, 255);
	tcp_accept(l, on_accept);
}

static struct tcp_pcb *call(tcp_connected_fn on_connected, tcp_recv_fn on_recv)
{
	struct tcp_pcb *c = tcp_new();

	tcp_bind_netif(c, &side[0]);
	tcp_bind(c, netif_ip_addr4(&side[0]), 0);
	tcp_nagle_disable(c);
	tcp_recv(c, on_recv);
	tcp_err(c, on_error);
	err_t err = tcp_connect(c, netif_ip_addr4(&side[1]), 80, on_connected);
	if (err != ERR_OK)
		die("connect", err);
	return c;
}

/*
 * Bulk
 * --------------------------------------------------------------------------------------------------------------
 */

static err_t count_bytes(void *arg, struct tcp_pcb *c, struct pbuf *p, err_t err)
{
	(void)arg;
	(void)err;
	if (!p)
		return ERR_OK;
	bytes += p->tot_len;
	tcp_recved(c, p->tot_len);
	pbuf_free(p);
	return ERR_OK;
}

static err_t accept_bulk(void *arg, struct tcp_pcb *c, err_t err)
{
	(void)arg;
	(void)err;
	tcp_recv(c, count_bytes);
	return ERR_OK;
}

static err_t fill(void *arg, struct tcp_pcb *c, u16_t len)
{
	u16_t room = tcp_sndbuf(c);

	(void)arg;
	(void)len;
	if (room)
		tcp_write(c, text, room, 0);
	return ERR_OK;
}

static err_t begin_bulk(void *arg, struct tcp_pcb *c, err_t err)
{
	(void)err;
	tcp_sent(c, fill);
	fill(arg, c, 0);
	tcp_output(c);
	return ERR_OK;
}

static double bulk(double time)
{
	listen_on(accept_bulk);
	call(begin_bulk, count_bytes);
	for (double end = seconds() + time / 4; seconds() < end;)
		for (int i = 0; i < 64; i++)
			turn();
	double start = seconds(), before = bytes;
	while (seconds() < start + time)
		for (int i = 0; i < 64; i++)
			turn();
	return (bytes - before) * 8 / (seconds() - start) / 1e9;
}

/*
 * One byte there, one byte back
 * ----------------------------------------------------------------------------------------
 */

static err_t answer(void *arg, struct tcp_pcb *c, struct pbuf *p, err_t err)
{
	(void)arg;
	(void)err;
	if (!p)
		return ERR_OK;
	tcp_recved(c, p->tot_len);
	pbuf_free(p);
	tcp_write(c, text, 1, TCP_WRITE_FLAG_COPY);
	return tcp_output(c);
}

static err_t ask_again(void *arg, struct tcp_pcb *c, struct pbuf *p, err_t err)
{
	trips++;
	return answer(arg, c, p, err);
}

static err_t accept_trips(void *arg, struct tcp_pcb *c, err_t err)
{
	(void)arg;
	(void)err;
	tcp_nagle_disable(c);
	tcp_recv(c, answer);
	return ERR_OK;
}

static err_t begin_trips(void *arg, struct tcp_pcb *c, err_t err)
{
	(void)arg;
	(void)err;
	tcp_write(c, text, 1, TCP_WRITE_FLAG_COPY);
	return tcp_output(c);
}

static double round_trips(double time)
{
	listen_on(accept_trips);
	call(begin_trips, ask_again);
	for (int i = 0; i < 100000; i++)
		turn();
	double start = seconds(), before = trips;
	while (seconds() < start + time)
		for (int i = 0; i < 256; i++)
			turn();
	return (trips - before) / (seconds() - start);
}

/*
 * Connect, one byte there, one back and the end, reset
 * ------------------------------------------------------------------
 */

static err_t answer_and_close(void *arg, struct tcp_pcb *c, struct pbuf *p, err_t err)
{
	if (!p)
		return ERR_OK;
	answer(arg, c, p, err);
	return tcp_close(c);
}

static err_t accept_call(void *arg, struct tcp_pcb *c, err_t err)
{
	(void)arg;
	(void)err;
	tcp_recv(c, answer_and_close);
	tcp_err(c, on_error);
	return ERR_OK;
}

static err_t hear_end(void *arg, struct tcp_pcb *c, struct pbuf *p, err_t err)
{
	(void)err;
	if (p) {
		tcp_recved(c, p->tot_len);
		pbuf_free(p);
		return ERR_OK;
	}
	calls++;
	*(int *)arg = 1;
	tcp_abort(c);
	return ERR_ABRT;
}

static double whole_calls(double time)
{
	listen_on(accept_call);
	double start = seconds();
	while (seconds() < start + time)
		for (int i = 0; i < 64; i++) {
			int ended = 0;
			struct tcp_pcb *c = call(begin_trips, hear_end);
			tcp_arg(c, &ended);
			while (!ended)
				turn();
			turn();
		}
	return calls / (seconds() - start);
}

/*
 * Memory
 * --------------------------------------------------------------------------------------------------------------
 */

static err_t just_accept(void *arg, struct tcp_pcb *c, err_t err)
{
	(void)arg;
	(void)err;
	(void)c;
	return ERR_OK;
}

static err_t connected(void *arg, struct tcp_pcb *c, err_t err)
{
	(void)arg;
	(void)c;
	(void)err;
	calls++;
	return ERR_OK;
}

static double idle_memory(void)
{
	listen_on(just_accept);
	double before = heap();
	for (int i = 0; i < IDLE_CONNECTIONS; i++) {
		call(connected, count_bytes);
		while (calls < i + 1)
			turn();
		turn();
	}
	return (heap() - before) / IDLE_CONNECTIONS / 2;
}

int main(int argc, char **argv)
{
	double time = argc > 2 ? strtod(argv[2], NULL) : 1, value;

	if (argc < 2)
		die("usage: stack-lwip bulk|trips|calls|memory SECONDS", argc);
	set_up();
	if (strcmp(argv[1], "bulk") == 0)
		value = bulk(time);
	else if (strcmp(argv[1], "trips") == 0)
		value = round_trips(time);
	else if (strcmp(argv[1], "calls") == 0)
		value = whole_calls(time);
	else
		value = idle_memory();
	printf("%.6g\n", value);
	return 0;
}
