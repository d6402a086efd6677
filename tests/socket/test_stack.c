/*
 * What sockets do on a stack only, or only with privileges on a host: text without a copy, any-address listeners,
 * groups, raw sockets, bounds. Two stacks with an Ethernet between them, in virtual time.
 */
#include "base/addr.h"
#include "transport/endpoint.h"

#include <errno.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <packetboat/loop.h>
#include <packetboat/stack.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define PORT        80
#define ESTABLISHED 1 /* as the kernel numbers states (tcp_states.h) */

struct host {
	struct pb_stack *stack;
	struct pb_net *net;
	union pb_addr addr;
};

static struct {
	struct pb_loop *loop;
	struct host server, client;
} w;

static union pb_addr at(const char *text, uint16_t port)
{
	union pb_addr a;

	assert_true(pb_addr_parse(&a, text));
	pb_addr_set_port(&a, port);
	return a;
}

static void open_host(struct host *h, uint8_t seed, const char *addr, struct pb_device *device,
		      size_t memory_max)
{
	struct pb_stack_options options = { .seed = { seed }, .memory_max = memory_max };

	h->addr = at(addr, PORT);
	assert_int_equal(pb_stack_new(&options, &h->stack), 0);
	assert_int_equal(pb_stack_attach(h->stack, device, "wire"), 2);
	assert_int_equal(pb_stack_add_address(h->stack, 2, &h->addr.sa, 24, PB_USE_AT_ONCE), 0);
	h->net = pb_stack_net(h->stack);
	assert_int_equal(pb_loop_add_net(w.loop, h->net), 0);
}

static int begin_with(size_t client_memory)
{
	struct pb_device *end[2];

	assert_int_equal(pb_loop_new_virtual(0, &w.loop), 0);
	assert_int_equal(pb_device_pair(1500, true, 1024, end), 0);
	open_host(&w.server, 1, "10.0.0.1", end[0], 0);
	open_host(&w.client, 2, "10.0.0.2", end[1], client_memory);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	return begin_with(0);
}

#define LITTLE ((size_t)40 * 1024) /* of memory: less than writers want to have at once */

static int begin_with_little(void **state)
{
	(void)state;
	return begin_with(LITTLE);
}

static void run_for(pb_time time)
{
	pb_time until = pb_loop_now(w.loop) + time;

	while (pb_loop_now(w.loop) < until)
		assert_true(pb_loop_turn(w.loop, until) >= 0);
}

/* Every socket is closed: in an hour, nothing is left of them. */
static int end(void **state)
{
	(void)state;
	run_for(PB_SEC(3600));
	assert_int_equal(pb_pool_bytes(pb_stack_pool(w.server.stack)), 0);
	assert_int_equal(pb_pool_bytes(pb_stack_pool(w.client.stack)), 0);
	pb_loop_free(w.loop);
	pb_net_close(w.client.net);
	pb_net_close(w.server.net);
	return 0;
}

static struct pb_socket *open_socket(struct host *h, int type, int protocol)
{
	struct pb_socket *s;

	assert_int_equal(pb_socket_open(h->net, AF_INET, type, protocol, &s), 0);
	return s;
}

static void set(struct pb_socket *s, int level, int name, int value)
{
	assert_int_equal(pb_setsockopt(s, level, name, &value, sizeof value), 0);
}

static int bind_to(struct pb_socket *s, const union pb_addr *a)
{
	return pb_bind(s, &a->sa, pb_addr_len(a));
}

static ssize_t send_to(struct pb_socket *s, const char *text, const union pb_addr *a)
{
	return pb_sendto(s, text, strlen(text), 0, &a->sa, pb_addr_len(a));
}

static void expect(struct pb_socket *s, const char *text)
{
	char got[256];

	assert_int_equal(pb_recv(s, got, sizeof got, 0), strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

/* A listener, and a connection to to that it has accepted. */
static void connect_pair(const union pb_addr *to, bool any, struct pb_socket **client,
			 struct pb_socket **server)
{
	struct pb_socket *l = open_socket(&w.server, SOCK_STREAM, 0);
	union pb_addr wildcard = at("0.0.0.0", PORT);

	*client = open_socket(&w.client, SOCK_STREAM, 0);
	set(l, IPPROTO_IP, IP_TRANSPARENT, any);
	assert_int_equal(bind_to(l, &wildcard), 0);
	assert_int_equal(pb_listen(l, 4), 0);
	assert_int_equal(pb_connect(*client, &to->sa, pb_addr_len(to)), -EINPROGRESS);
	run_for(PB_MSEC(100));
	assert_int_equal(pb_accept(l, server), 0);
	pb_close(l);
}

static void count_release(void *context)
{
	++*(int *)context;
}

/* Lent memory is the stack's until it is acknowledged, and comes out at the other end as it went in. */
static void text_without_a_copy(void **state)
{
	static char text[40000];
	struct pb_socket *c, *s;
	int released = 0, why = 1;
	size_t got = 0;

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i * 7 >> 3);
	connect_pair(&w.server.addr, false, &c, &s);
	struct pb_buf *b =
		pb_buf_lend(pb_stack_pool(w.client.stack), text, sizeof text, count_release, &released);
	assert_int_equal(pb_give(c, b), 0);
	assert_int_equal(released, 0);
	run_for(PB_SEC(1));
	while ((b = pb_take(s, &why))) {
		char part[sizeof text];
		assert_true(got + b->total <= sizeof text);
		pb_buf_copy(b, 0, part, b->total);
		assert_memory_equal(part, text + got, b->total);
		got += b->total;
		pb_buf_free(b);
	}
	assert_int_equal(why, -EAGAIN);
	assert_int_equal(got, sizeof text);
	run_for(PB_SEC(1));
	assert_int_equal(released, 1);
	assert_int_equal(pb_shutdown(c, SHUT_WR), 0);
	b = pb_buf_new(pb_stack_pool(w.client.stack), 0, 1);
	assert_int_equal(pb_give(c, b), -EPIPE); /* and it stays ours */
	pb_buf_free(b);
	run_for(PB_SEC(1));
	assert_null(pb_take(s, &why));
	assert_int_equal(why, 0);
	pb_close(c);
	pb_close(s);
}

/* Memory that is lent costs nothing, but sequence numbers do: RFC 9293 3.4. */
static void more_than_can_be_given(void **state)
{
	static const size_t gigabyte = (size_t)1 << 30;
	struct pb_pool *pool = pb_stack_pool(w.client.stack);
	struct pb_socket *client, *server;
	static char byte;
	int released = 0;

	(void)state;
	connect_pair(&w.server.addr, false, &client, &server);
	assert_null(pb_buf_lend(pool, &byte, 4 * gigabyte, count_release, &released));
	struct pb_buf *text = pb_buf_lend(pool, &byte, gigabyte + 1, count_release, &released);
	assert_int_equal(pb_give(client, text), -EMSGSIZE);
	assert_int_equal(released, 0);
	pb_buf_free(text);
	assert_int_equal(released, 1);
	pb_close(client);
	pb_close(server);
}

struct writer {
	struct pb_watch watch;
	size_t sent, calls;
};

static void write_more(struct pb_watch *watch, int ready)
{
	struct writer *writer = container_of(watch, struct writer, watch);
	char text[20000] = { 0 };
	ssize_t n = pb_send(watch->socket, text, sizeof text, 0);

	assert_true(ready & POLLOUT);
	assert_true(n > 0 || n == -EAGAIN);
	writer->sent += n > 0 ? (size_t)n : 0;
	assert_true(++writer->calls < 100000); /* or it turns for nothing, in no time */
}

static size_t read_all(struct pb_socket *s)
{
	char text[4096];
	size_t got = 0;

	for (ssize_t n; (n = pb_recv(s, text, sizeof text, 0)) > 0;)
		got += (size_t)n;
	return got;
}

/* Whoever finds no memory to write to hears of it when there is some, and keeps nobody's headers from leaving. */
static void writers_wait_for_memory(void **state)
{
	struct pb_pool *pool = pb_stack_pool(w.client.stack);
	struct writer writer = { .sent = 0 };
	struct pb_socket *client, *server;
	struct pb_buf *others[] = { pb_buf_new(pool, 0, 16384), pb_buf_new(pool, 0, 16384), NULL, NULL };
	size_t got = 0;

	(void)state;
	connect_pair(&w.server.addr, false, &client, &server);
	for (size_t i = 2; i < 4; i++)
		others[i] = pb_buf_new(pool, 0, 2048);
	assert_int_equal(pb_watch_socket(w.loop, &writer.watch, client, POLLOUT, write_more), 0);
	run_for(PB_SEC(1));
	assert_int_equal(writer.sent, 0);
	for (size_t i = 0; i < 4; i++)
		pb_buf_free(others[i]);
	for (int i = 0; i < 100; i++) {
		run_for(PB_MSEC(10));
		got += read_all(server);
	}
	assert_true(got > (size_t)1024 * 1024);
	run_for(PB_SEC(1)); /* nobody reads */
	pb_watch_stop(&writer.watch);
	pb_close(client);
	for (int i = 0; i < 100 && got < writer.sent; i++) {
		got += read_all(server);
		run_for(PB_MSEC(10));
	}
	assert_int_equal(got, writer.sent);
	pb_close(server);
}

static void only_streams_give_and_take(void **state)
{
	struct pb_socket *udp = open_socket(&w.client, SOCK_DGRAM, 0),
			 *fresh = open_socket(&w.client, SOCK_STREAM, 0);
	struct pb_buf *b = pb_buf_new(pb_stack_pool(w.client.stack), 0, 1);
	int why;

	(void)state;
	assert_int_equal(pb_give(udp, b), -EOPNOTSUPP);
	assert_int_equal(pb_give(fresh, b), -EPIPE);
	pb_buf_free(b);
	assert_null(pb_take(udp, &why));
	assert_int_equal(why, -EOPNOTSUPP);
	assert_null(pb_take(fresh, &why));
	assert_int_equal(why, -ENOTCONN);
	pb_close(udp);
	pb_close(fresh);
}

/* The client's packets for everywhere go to the server: it is the gateway. */
static void route_everything(void)
{
	union pb_addr all = at("0.0.0.0", 0);

	assert_int_equal(pb_stack_add_route(w.client.stack, &all.sa, 0, &w.server.addr.sa, 2), 0);
}

/* A listener for any address (IP_TRANSPARENT) is whoever was called. */
static void a_stream_for_any_address(void **state)
{
	union pb_addr to = at("198.51.100.7", PORT), name;
	socklen_t len = sizeof name;
	struct pb_socket *c, *s;

	(void)state;
	route_everything();
	connect_pair(&to, true, &c, &s);
	assert_int_equal(pb_getsockname(s, &name.sa, &len), 0);
	assert_true(pb_addr_equal(&name, &to));
	assert_int_equal(pb_send(s, "as you wish", 11, 0), 11);
	run_for(PB_MSEC(100));
	expect(c, "as you wish");
	pb_close(c);
	pb_close(s);
}

static void datagrams_for_any_address(void **state)
{
	struct pb_socket *plain = open_socket(&w.server, SOCK_DGRAM, 0),
			 *any = open_socket(&w.server, SOCK_DGRAM, 0);
	struct pb_socket *c = open_socket(&w.client, SOCK_DGRAM, 0);
	union pb_addr to = at("198.51.100.7", 53), wildcard = at("0.0.0.0", 53);

	(void)state;
	route_everything();
	set(any, IPPROTO_IP, IP_TRANSPARENT, 1);
	set(any, SOL_SOCKET, SO_REUSEADDR, 1);
	set(plain, SOL_SOCKET, SO_REUSEADDR, 1);
	assert_int_equal(bind_to(any, &wildcard), 0);
	assert_int_equal(bind_to(plain, &wildcard), 0);
	assert_int_equal(send_to(c, "to a stranger", &to), 13);
	run_for(PB_MSEC(100));
	expect(any, "to a stranger");
	assert_int_equal(pb_ready(plain), POLLOUT);
	pb_close(any);
	pb_close(plain);
	pb_close(c);
}

/* Who may send to all (SO_BROADCAST), and that all who listen hear it. */
static void a_broadcast_is_for_all(void **state)
{
	struct pb_socket *s[3], *other = open_socket(&w.server, SOCK_DGRAM, 0),
				*c = open_socket(&w.client, SOCK_DGRAM, 0);
	union pb_addr wildcard = at("0.0.0.0", PORT), elsewhere = at("0.0.0.0", PORT + 1),
		      all = at("10.0.0.255", PORT);

	(void)state;
	for (int i = 0; i < 3; i++) {
		s[i] = open_socket(&w.server, SOCK_DGRAM, 0);
		set(s[i], SOL_SOCKET, SO_REUSEADDR, 1);
		assert_int_equal(bind_to(s[i], &wildcard), 0);
	}
	assert_int_equal(bind_to(other, &elsewhere), 0);
	assert_int_equal(send_to(c, "x", &all), -EACCES);
	set(c, SOL_SOCKET, SO_BROADCAST, 1);
	assert_int_equal(send_to(c, "everybody", &all), 9);
	run_for(PB_MSEC(100));
	for (int i = 0; i < 3; i++) {
		expect(s[i], "everybody");
		pb_close(s[i]);
	}
	assert_int_equal(pb_ready(other), POLLOUT);
	pb_close(other);
	pb_close(c);
}

/* One that reads no errors keeps ERROR_QUEUE_MAX of them. */
static void queued_errors_are_bounded(void **state)
{
	struct pb_socket *c = open_socket(&w.client, SOCK_DGRAM, 0);
	char text[8], control[256];
	int queued = 0;

	(void)state;
	set(c, IPPROTO_IP, IP_RECVERR, 1);
	for (int i = 0; i < ERROR_QUEUE_MAX + 20; i++) {
		ssize_t n = send_to(c, "lost", &w.server.addr);
		if (n == -ECONNREFUSED) /* the pending one first */
			n = send_to(c, "lost", &w.server.addr);
		assert_int_equal(n, 4);
		run_for(PB_SEC(2)); /* ICMP errors are limited */
	}
	for (ssize_t n = 0; n >= 0; queued += n == 4) {
		struct iovec iov = { text, sizeof text };
		struct msghdr h = { .msg_iov = &iov,
				    .msg_iovlen = 1,
				    .msg_control = control,
				    .msg_controllen = sizeof control };
		n = pb_recvmsg(c, &h, MSG_ERRQUEUE);
	}
	assert_int_equal(queued, ERROR_QUEUE_MAX);
	pb_close(c);
}

/* A datagram socket bound to an interface does not hear the others. */
static void bound_to_a_device(void **state)
{
	struct pb_socket *s = open_socket(&w.server, SOCK_DGRAM, 0),
			 *c = open_socket(&w.client, SOCK_DGRAM, 0);
	union pb_addr wildcard = at("0.0.0.0", PORT);

	(void)state;
	assert_int_equal(bind_to(s, &wildcard), 0);
	assert_int_equal(pb_setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2), 0);
	assert_int_equal(send_to(c, "over the wire", &w.server.addr), 13);
	run_for(PB_MSEC(100));
	assert_int_equal(pb_ready(s), POLLOUT);
	assert_int_equal(pb_setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "wire", 4), 0);
	assert_int_equal(send_to(c, "once more", &w.server.addr), 9);
	run_for(PB_MSEC(100));
	expect(s, "once more");
	pb_close(s);
	pb_close(c);
}

/* raw(7): with IP_HDRINCL the header is the owner's, but for what the stack fills in; a raw socket is shown it. */
static void raw_packets_with_their_header(void **state)
{
	struct pb_socket *s = open_socket(&w.server, SOCK_RAW, 253),
			 *c = open_socket(&w.client, SOCK_RAW, IPPROTO_RAW);
	union pb_addr to = at("10.0.0.1", 0);
	struct {
		struct iphdr ip;
		char text[4];
	} packet = {
		{ .version = 4, .ihl = 5, .ttl = 9, .protocol = 253, .daddr = to.v4.sin_addr.s_addr },
                "abcd"
        }, got;

	(void)state;
	assert_int_equal(pb_sendto(c, &packet, sizeof packet, 0, &to.sa, sizeof to.v4), sizeof packet);
	run_for(PB_MSEC(100));
	assert_int_equal(pb_recv(s, &got, sizeof got, 0), sizeof got);
	assert_memory_equal(got.text, "abcd", 4);
	assert_int_equal(got.ip.ttl, 9);
	assert_int_equal(got.ip.saddr, w.client.addr.v4.sin_addr.s_addr); /* it was 0 */
	assert_int_equal(ntohs(got.ip.tot_len), sizeof packet);
	packet.ip.ihl = 4;
	assert_int_equal(pb_sendto(c, &packet, sizeof packet, 0, &to.sa, sizeof to.v4), -EINVAL);
	packet.ip.ihl = 15; /* longer than what there is */
	assert_int_equal(pb_sendto(c, &packet, sizeof packet, 0, &to.sa, sizeof to.v4), -EINVAL);
	pb_close(s);
	pb_close(c);
}

/* What a stack counts of connections that sleep. */
static uint64_t sleeps(const struct host *h)
{
	return pb_stack_counters(h->stack)->tcp.IdleSleeps;
}

static uint64_t wakes(const struct host *h)
{
	return pb_stack_counters(h->stack)->tcp.IdleWakes;
}

struct wanted {
	union pb_addr addr;
	bool found;
};

static void find_address(const struct pb_stack_address *a, void *context)
{
	struct wanted *wanted = context;

	if (pb_addr_equal((const union pb_addr *)a->addr, &wanted->addr))
		wanted->found = a->bits == 24 && a->interface == 2 && a->state == PB_ADDRESS_READY;
}

/* RFC 903: a station asks who it is, and is told. */
static void an_address_by_rarp(void **state)
{
	static const uint8_t group[PB_MAC_LEN] = { 1 };
	const uint8_t *mac = pb_stack_device(w.client.stack, 2)->mac;
	struct wanted wanted = { .addr = at("10.0.0.77", 0) };
	union pb_addr six = at("fd00::1", 0), any = at("0.0.0.0", 0);

	(void)state;
	assert_int_equal(pb_stack_rarp_answer(w.server.stack, mac, &six.sa), -EAFNOSUPPORT);
	assert_int_equal(pb_stack_rarp_answer(w.server.stack, mac, &any.sa), -EINVAL);
	assert_int_equal(pb_stack_rarp_answer(w.server.stack, group, &wanted.addr.sa), -EINVAL);
	assert_int_equal(pb_stack_rarp_answer(w.server.stack, mac, &wanted.addr.sa), 0);
	assert_int_equal(pb_stack_rarp_ask(w.client.stack, 1, 24), -EINVAL); /* the loopback */
	assert_int_equal(pb_stack_rarp_ask(w.client.stack, 2, 0), -EINVAL);
	assert_int_equal(pb_stack_rarp_ask(w.client.stack, 3, 24), -ENODEV);
	assert_int_equal(pb_stack_rarp_ask(w.client.stack, 2, 24), 0);
	assert_int_equal(pb_stack_rarp_ask(w.client.stack, 2, 24), -EALREADY);
	run_for(PB_MSEC(10));
	pb_stack_each_address(w.client.stack, find_address, &wanted);
	assert_true(wanted.found);
}

/* Who pings an address of the link that nobody has is told so by his own host, as by Linux (RFC 1122 2.3.2.2). */
static void nobody_answers_a_ping(void **state)
{
	static const uint8_t requests[2][8] = { { 8 }, { 128 } }; /* RFC 792, RFC 4443 4.1 */
	const union pb_addr own = at("fd00::2", 0), nobody[] = { at("10.0.0.9", 0), at("fd00::9", 0) };
	char byte;

	(void)state;
	assert_int_equal(pb_stack_add_address(w.client.stack, 2, &own.sa, 64, PB_USE_AT_ONCE), 0);
	for (int i = 0; i < 2; i++) {
		struct pb_socket *s;
		assert_int_equal(pb_socket_open(w.client.net, nobody[i].sa.sa_family, SOCK_DGRAM,
						i ? IPPROTO_ICMPV6 : IPPROTO_ICMP, &s),
				 0);
		assert_int_equal(pb_setsockopt(s, i ? IPPROTO_IPV6 : IPPROTO_IP,
					       i ? IPV6_RECVERR : IP_RECVERR, &(int){ 1 }, sizeof(int)),
				 0);
		assert_int_equal(pb_sendto(s, requests[i], 8, 0, &nobody[i].sa, pb_addr_len(&nobody[i])), 8);
		run_for(PB_SEC(5));
		assert_int_equal(pb_recv(s, &byte, 1, 0), -EHOSTUNREACH);
		pb_close(s);
	}
}

static void check_wildcards(const struct pb_stack_entry *e, void *context)
{
	const union pb_addr *local = (const union pb_addr *)e->local,
			    *remote = (const union pb_addr *)e->remote;

	assert_int_equal(remote->sa.sa_family, local->sa.sa_family);
	assert_true(pb_addr_is_any(local) && pb_addr_is_any(remote));
	++*(int *)context;
}

/* Who waits for anybody is shown with the wildcard of his own family. */
static void listeners_are_shown(void **state)
{
	static const char *const wildcards[] = { "0.0.0.0", "::" };
	struct pb_socket *s[4];
	int count = 0, value = 1;

	(void)state;
	for (int i = 0; i < 4; i++) {
		union pb_addr any = at(wildcards[i % 2], PORT);
		assert_int_equal(pb_socket_open(w.server.net, any.sa.sa_family,
						i < 2 ? SOCK_STREAM : SOCK_DGRAM, 0, &s[i]),
				 0);
		if (i % 2)
			pb_setsockopt(s[i], IPPROTO_IPV6, IPV6_V6ONLY, &value, sizeof value);
		assert_int_equal(bind_to(s[i], &any), 0);
		if (i < 2)
			assert_int_equal(pb_listen(s[i], 1), 0);
	}
	pb_stack_each(w.server.stack, check_wildcards, &count);
	assert_int_equal(count, 4);
	for (int i = 0; i < 4; i++)
		pb_close(s[i]);
}

static void find_established(const struct pb_stack_entry *e, void *context)
{
	if (e->state == ESTABLISHED)
		*(struct pb_socket **)context = e->socket;
}

/* Asked what it is, a connection that sleeps answers as if it were awake, and sleeps on. */
static void asked_asleep(void **state)
{
	struct pb_socket *c, *s, *found = NULL;
	struct tcp_info info;
	union pb_addr name;
	socklen_t len = sizeof name, info_len = sizeof info, int_len = sizeof(int);
	char byte;
	int n;

	(void)state;
	connect_pair(&w.server.addr, false, &c, &s);
	assert_int_equal(pb_send(c, "hello", 5, 0), 5);
	run_for(PB_SEC(1));
	expect(s, "hello");
	run_for(PB_SEC(10));
	assert_int_equal(sleeps(&w.server), 1);
	assert_int_equal(sleeps(&w.client), 1);
	assert_int_equal(pb_ready(s), POLLOUT);
	assert_int_equal(pb_recv(s, &byte, 1, 0), -EAGAIN);
	assert_int_equal(pb_recv(s, &byte, 1, MSG_PEEK), -EAGAIN);
	assert_null(pb_take(s, &n));
	assert_int_equal(n, -EAGAIN);
	assert_int_equal(pb_getsockname(s, &name.sa, &len), 0);
	assert_true(pb_addr_equal(&name, &w.server.addr));
	len = sizeof name;
	assert_int_equal(pb_getpeername(c, &name.sa, &len), 0);
	assert_true(pb_addr_equal(&name, &w.server.addr));
	assert_int_equal(pb_connect(c, &w.server.addr.sa, pb_addr_len(&w.server.addr)), 0);
	assert_int_equal(pb_connect(c, &w.server.addr.sa, pb_addr_len(&w.server.addr)), -EISCONN);
	assert_int_equal(pb_getsockopt(s, SOL_SOCKET, SO_ERROR, &n, &int_len), 0);
	assert_int_equal(n, 0);
	assert_int_equal(pb_getsockopt(s, IPPROTO_TCP, TCP_INFO, &info, &info_len), 0);
	assert_int_equal(info.tcpi_state, ESTABLISHED);
	assert_int_equal(info.tcpi_bytes_received, 5);
	assert_in_range(info.tcpi_last_data_recv, 9000, 12000);
	pb_stack_each(w.server.stack, find_established, &found);
	assert_ptr_equal(found, s);
	assert_int_equal(wakes(&w.server), 0);
	assert_int_equal(wakes(&w.client), 0);
	pb_close(c);
	pb_close(s);
}

/* What comes wakes one that sleeps, and so do calls that do something; then it sleeps again. */
static void used_asleep(void **state)
{
	struct pb_socket *c, *s;
	char byte;

	(void)state;
	connect_pair(&w.server.addr, false, &c, &s);
	run_for(PB_SEC(10));
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(pb_send(c, "x", 1, 0), 1);
		assert_int_equal(wakes(&w.client), i);
		assert_int_equal(pb_ready(s), POLLOUT);
		run_for(PB_SEC(1));
		assert_int_equal(wakes(&w.server), i);
		assert_int_equal(pb_ready(s), POLLIN | POLLOUT);
		expect(s, "x");
		run_for(PB_SEC(10));
		assert_int_equal(sleeps(&w.server), i + 1);
		assert_int_equal(sleeps(&w.client), i + 1);
	}
	set(s, IPPROTO_TCP, TCP_NODELAY, 1);
	assert_int_equal(wakes(&w.server), 4);
	run_for(PB_SEC(10));
	assert_int_equal(pb_shutdown(c, SHUT_WR), 0);
	run_for(PB_SEC(1));
	assert_int_equal(pb_ready(s), POLLIN | POLLOUT | POLLRDHUP);
	assert_int_equal(pb_recv(s, &byte, 1, 0), 0);
	pb_close(c);
	pb_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(text_without_a_copy, begin, end),
		cmocka_unit_test_setup_teardown(only_streams_give_and_take, begin, end),
		cmocka_unit_test_setup_teardown(more_than_can_be_given, begin, end),
		cmocka_unit_test_setup_teardown(writers_wait_for_memory, begin_with_little, end),
		cmocka_unit_test_setup_teardown(a_stream_for_any_address, begin, end),
		cmocka_unit_test_setup_teardown(datagrams_for_any_address, begin, end),
		cmocka_unit_test_setup_teardown(a_broadcast_is_for_all, begin, end),
		cmocka_unit_test_setup_teardown(queued_errors_are_bounded, begin, end),
		cmocka_unit_test_setup_teardown(bound_to_a_device, begin, end),
		cmocka_unit_test_setup_teardown(raw_packets_with_their_header, begin, end),
		cmocka_unit_test_setup_teardown(an_address_by_rarp, begin, end),
		cmocka_unit_test_setup_teardown(nobody_answers_a_ping, begin, end),
		cmocka_unit_test_setup_teardown(listeners_are_shown, begin, end),
		cmocka_unit_test_setup_teardown(asked_asleep, begin, end),
		cmocka_unit_test_setup_teardown(used_asleep, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
