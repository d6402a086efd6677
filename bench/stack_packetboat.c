/*
 * A stack of ours under the rows of stack_rows.h: two stacks and a pair of devices in memory, applications on
 * the public sockets interface without copies (pb_give, pb_take).
 *
 * bulk: the wire takes only frames of 1514 bytes, checksums are made and verified. bulk-trusted: likewise,
 * but the checksums are left out, as on a machine's own wire. bulk-super: super-segments pass whole.
 * bulk-copied: as bulk-super, by pb_send() and pb_recv().
 *
 * memory: connections that have been silent for so long that they sleep (options.idle_after, 5 s).
 * memory-awake: those that do not yet. memory-million: as memory, a million of them.
 */
#include "stack_rows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <packetboat/packetboat.h>

#define SILENCE PB_SEC(12) /* twice what makes connections sleep, and some */

struct host {
	struct pb_stack *stack;
	struct sockaddr_in addr;
};

static struct host host[2];
static pb_time now;
static uint8_t text[BULK_PIECE];

static void make_host(int which, struct pb_device *device)
{
	struct pb_stack_options o = { .seed = { (uint8_t)(which + 1) }, .memory_max = (size_t)1 << 32 };
	struct host *h = &host[which];

	h->addr = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(80) };
	inet_pton(AF_INET, which ? "10.0.0.2" : "10.0.0.1", &h->addr.sin_addr);
	if (pb_stack_new(&o, &h->stack) < 0)
		die("no stack", which);
	int index = pb_stack_attach(h->stack, device, "wire");
	if (index < 0 || pb_stack_add_address(h->stack, (unsigned)index, (struct sockaddr *)&h->addr, 24,
					      PB_USE_AT_ONCE) < 0)
		die("no address", index);
}

static void set_up(unsigned offload)
{
	struct pb_device *end[2];

	if (pb_device_pair(1500, false, 65536, end) < 0)
		die("no wire", 0);
	for (int i = 0; i < 2; i++) {
		end[i]->offload &= PB_OFFLOAD_PARTS | offload;
		make_host(i, end[i]);
	}
}

/* As a loop does when frames have come. */
static void poll_host(int which)
{
	now += 1000;
	pb_stack_poll(host[which].stack, now);
}

static void turn(void)
{
	poll_host(0);
	poll_host(1);
}

static struct pb_socket *open_stream(struct host *h)
{
	static const int on = 1;
	struct pb_socket *s;

	if (pb_socket_open(pb_stack_net(h->stack), AF_INET, SOCK_STREAM, 0, &s) < 0)
		die("socket", 0);
	pb_setsockopt(s, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
	return s;
}

static struct pb_socket *listen_on(void)
{
	struct pb_socket *l = open_stream(&host[1]);

	if (pb_bind(l, (struct sockaddr *)&host[1].addr, sizeof host[1].addr) < 0 || pb_listen(l, 1024) < 0)
		die("listen", 0);
	return l;
}

static struct pb_socket *call(void)
{
	struct pb_socket *s = open_stream(&host[0]);
	int rc = pb_connect(s, (struct sockaddr *)&host[1].addr, sizeof host[1].addr);

	if (rc != -EINPROGRESS)
		die("connect", rc);
	return s;
}

static struct pb_socket *answer_call(struct pb_socket *l)
{
	struct pb_socket *conn;

	for (int i = 0; pb_accept(l, &conn) < 0; i++) {
		if (i > 1000)
			die("no call came", i);
		turn();
	}
	return conn;
}

/*
 * Bulk
 * --------------------------------------------------------------------------------------------------------------
 */

static void nothing(void *context)
{
	(void)context;
}

static void give(struct pb_socket *s)
{
	for (;;) {
		struct pb_buf *b =
			pb_buf_lend(pb_stack_pool(host[0].stack), text, sizeof text, nothing, NULL);
		if (!b)
			return;
		if (pb_give(s, b) < 0) {
			pb_buf_free(b);
			return;
		}
	}
}

static double take(struct pb_socket *s)
{
	double bytes = 0;
	struct pb_buf *b;
	int why;

	while ((b = pb_take(s, &why))) {
		bytes += b->total;
		pb_buf_free(b);
	}
	return bytes;
}

static double copy(struct pb_socket *from, struct pb_socket *to)
{
	static uint8_t room[BULK_PIECE];
	double bytes = 0;

	for (ssize_t n; (n = pb_recv(to, room, sizeof room, 0)) > 0;)
		bytes += (double)n;
	while (pb_send(from, text, sizeof text, 0) > 0)
		;
	return bytes;
}

static double bulk(double time, int copied)
{
	struct pb_socket *l = listen_on(), *client = call(), *server = answer_call(l);
	double start = seconds(), bytes = 0, measured = 0;

	while (seconds() < start + time * 5 / 4) {
		if (!measured && seconds() > start + time / 4) { /* warm by now */
			measured = seconds();
			bytes = 0;
		}
		for (int i = 0; i < 64; i++) {
			if (copied) {
				bytes += copy(client, server);
			} else {
				give(client);
				bytes += take(server);
			}
			turn();
		}
	}
	return bytes * 8 / (seconds() - measured) / 1e9;
}

/*
 * One byte there, one byte back
 * ----------------------------------------------------------------------------------------
 */

static double round_trips(double time)
{
	struct pb_socket *l = listen_on(), *client = call(), *server = answer_call(l);
	double start, trips = 0;
	char byte = 'x';

	turn();
	for (start = seconds(); seconds() < start + time;)
		for (int i = 0; i < 256; i++) {
			pb_send(client, &byte, 1, 0);
			poll_host(1);
			if (pb_recv(server, &byte, 1, 0) == 1)
				pb_send(server, &byte, 1, 0);
			poll_host(0);
			trips += pb_recv(client, &byte, 1, 0) == 1;
		}
	return trips / (seconds() - start);
}

/*
 * Connect, one byte there, one back and the end, reset
 * ------------------------------------------------------------------
 */

static void whole_call(struct pb_socket *l)
{
	static const struct linger reset = { .l_onoff = 1 };
	struct pb_socket *client = call(), *server;
	char byte = 'x';

	poll_host(1); /* SYN */
	poll_host(0); /* SYN, ACK */
	if (pb_send(client, &byte, 1, 0) != 1)
		die("not connected", 0);
	poll_host(1);
	if (pb_accept(l, &server) < 0 || pb_recv(server, &byte, 1, 0) != 1)
		die("no request", 0);
	pb_send(server, &byte, 1, MSG_MORE);
	pb_close(server);
	poll_host(1); /* the answer and FIN leave */
	poll_host(0);
	if (pb_recv(client, &byte, 1, 0) != 1 || pb_recv(client, &byte, 1, 0) != 0)
		die("no answer and end", 0);
	pb_setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	pb_close(client);
	poll_host(1); /* RST */
}

static double whole_calls(double time)
{
	struct pb_socket *l = listen_on();
	double start = seconds(), calls = 0;

	while (seconds() < start + time)
		for (int i = 0; i < 64; i++, calls++)
			whole_call(l);
	return calls / (seconds() - start);
}

/*
 * Memory
 * --------------------------------------------------------------------------------------------------------------
 */

static void pass(pb_time time)
{
	for (pb_time end = now + time; now < end; now += PB_MSEC(10))
		turn();
}

/* Servers listen on as many ports as it takes, for a client has 16,384 towards each. */
static void open_idle(struct host *server, int connections, pb_time silence)
{
	for (int port = 80; connections > 0; port++, connections -= IDLE_CONNECTIONS) {
		server->addr.sin_port = htons((uint16_t)port);
		struct pb_socket *l = listen_on();
		for (int i = 0; i < IDLE_CONNECTIONS && i < connections; i++) {
			call();
			answer_call(l);
			turn();
		}
		pass(silence);
	}
}

static double idle_memory(int connections, pb_time silence)
{
	double before = heap();

	open_idle(&host[1], connections, silence);
	return (heap() - before) / connections / 2;
}

int main(int argc, char **argv)
{
	double time = argc > 2 ? strtod(argv[2], NULL) : 1, value = 0;
	const char *row = argc > 1 ? argv[1] : "";

	set_up(strcmp(row, "bulk") == 0           ? 0
	       : strcmp(row, "bulk-trusted") == 0 ? PB_OFFLOAD_CHECKSUM
						  : PB_OFFLOAD_CHECKSUM | PB_OFFLOAD_SEGMENT);
	if (strncmp(row, "bulk", 4) == 0)
		value = bulk(time, strcmp(row, "bulk-copied") == 0);
	else if (strcmp(row, "trips") == 0)
		value = round_trips(time);
	else if (strcmp(row, "calls") == 0)
		value = whole_calls(time);
	else if (strcmp(row, "memory") == 0)
		value = idle_memory(IDLE_CONNECTIONS, SILENCE);
	else if (strcmp(row, "memory-awake") == 0)
		value = idle_memory(IDLE_CONNECTIONS, 0);
	else if (strcmp(row, "memory-million") == 0)
		value = idle_memory(1000000, SILENCE);
	else
		die("usage: stack-packetboat bulk|bulk-trusted|bulk-super|bulk-copied|trips|calls|"
		    "memory|memory-awake|memory-million SECONDS",
		    argc);
	printf("%.6g\n", value);
	return 0;
}
