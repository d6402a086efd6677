/*
 * Names over sockets of our own stack, in virtual time: a client's stack, a line, and another with name servers on it
 * that are written here (RFC 1035 §4).
 */
#include "client/resolve.h"

#include "base/list.h"
#include "wire/reader.h"

#include <errno.h>
#include <packetboat/stack.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DNS_PORT   53
#define TYPE_A     1
#define TYPE_AAAA  28
#define TRUNCATED  0x0200 /* TC */
#define RESPONSE   0x8180 /* QR, RD, RA */
#define NAME_ERROR 3

struct answer {
	int calls, err;
	char why[128];
	size_t count;
	union pb_addr addrs[RESOLVE_ADDRS_MAX];
};

/* A name server: a socket of UDP at an address, and one that listens there. */
struct server {
	struct pb_watch udp, listener, tcp;
	bool silent, truncates, refuses;
	unsigned deaf; /* so many questions more are not heard */
	unsigned asked, asked_by_tcp;
	char last[256]; /* the name that was asked for last */
};

static struct world {
	struct pb_loop *loop;
	struct pb_stack *client, *servers;
	struct server server[2]; /* 10.0.0.53 and fd00::53 */
	struct resolver *resolver;
} w;

static union pb_addr address(const char *text, uint16_t port)
{
	union pb_addr a;

	assert_true(pb_addr_parse(&a, text));
	pb_addr_set_port(&a, port);
	return a;
}

/*
 * The servers ----------------------------------------------------------------------------------------------
 */

/* The name of a question, with dots. False: it is none. */
static bool read_name(struct reader *r, char name[256])
{
	size_t n = 0;
	uint8_t len;

	while ((len = rd_u8(r)) && !r->bad && n + len + 2 < 256) {
		const uint8_t *label = rd_bytes(r, len);
		if (!label)
			return false;
		memcpy(name + n, label, len);
		n += len;
		name[n++] = '.';
	}
	name[n ? n - 1 : 0] = '\0';
	return !r->bad;
}

/* www.example is 192.0.2.80 and 2001:db8::80; nothing else is. How long the answer is; 0: none. */
static size_t write_answer(struct server *s, const uint8_t *question, size_t len, uint8_t *bytes, size_t room,
			   bool tcp)
{
	static const uint8_t v4[] = { 192, 0, 2, 80 }, v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 0x80 };
	struct reader r = { .p = question, .left = len };
	struct writer out = { .p = bytes, .left = room };
	uint16_t id = rd_u16(&r);

	rd_bytes(&r, 10);
	const uint8_t *name = r.p;
	assert_true(read_name(&r, s->last));
	uint16_t type = rd_u16(&r);
	rd_u16(&r);
	assert_false(r.bad);
	bool known = strcmp(s->last, "www.example") == 0, cut = s->truncates && !tcp;
	wr_u16(&out, id);
	wr_u16(&out, (uint16_t)(RESPONSE | (cut ? TRUNCATED : 0) | (known ? 0 : NAME_ERROR)));
	wr_u16(&out, 1);
	wr_u16(&out, known && !cut);
	wr_u32(&out, 0);
	wr_bytes(&out, name, (size_t)(r.p - name));
	if (known && !cut) {
		wr_u16(&out, 0xc00c); /* the name of the question (RFC 1035 §4.1.4) */
		wr_u16(&out, type);
		wr_u16(&out, 1);
		wr_u32(&out, 60);
		wr_u16(&out, type == TYPE_A ? sizeof v4 : sizeof v6);
		wr_bytes(&out, type == TYPE_A ? v4 : v6, type == TYPE_A ? sizeof v4 : sizeof v6);
	}
	assert_true(type == TYPE_A || type == TYPE_AAAA);
	assert_false(out.bad);
	return room - out.left;
}

static bool hears(struct server *s)
{
	s->asked++;
	if (s->deaf) {
		s->deaf--;
		return false;
	}
	return !s->silent;
}

static void on_datagram(struct pb_watch *watch, int ready)
{
	struct server *s = container_of(watch, struct server, udp);
	uint8_t question[512], bytes[512];
	union pb_addr from;
	socklen_t len = sizeof from;
	ssize_t n;

	(void)ready;
	while ((n = pb_recvfrom(watch->socket, question, sizeof question, 0, &from.sa, &len)) >= 0) {
		if (!hears(s))
			continue;
		size_t size = write_answer(s, question, (size_t)n, bytes, sizeof bytes, false);
		assert_int_equal(pb_sendto(watch->socket, bytes, size, 0, &from.sa, pb_addr_len(&from)),
				 size);
		len = sizeof from;
	}
}

/* RFC 1035 §4.2.2: each message has its length in front. */
static void on_stream(struct pb_watch *watch, int ready)
{
	struct server *s = container_of(watch, struct server, tcp);
	uint8_t in[1024], bytes[514];
	ssize_t n = pb_recv(watch->socket, in, sizeof in, 0);

	(void)ready;
	if (n <= 0) {
		if (n != -EAGAIN)
			pb_watch_close(watch);
		return;
	}
	for (size_t at = 0; at + 2 < (size_t)n;) {
		size_t len = (size_t)in[at] << 8 | in[at + 1];
		s->asked_by_tcp++;
		size_t size = write_answer(s, in + at + 2, len, bytes + 2, sizeof bytes - 2, true);
		bytes[0] = (uint8_t)(size >> 8);
		bytes[1] = (uint8_t)size;
		assert_int_equal(pb_send(watch->socket, bytes, size + 2, 0), size + 2);
		at += 2 + len;
	}
}

static void on_call(struct pb_watch *watch, int ready)
{
	struct server *s = container_of(watch, struct server, listener);
	struct pb_socket *conn;

	(void)ready;
	while (pb_accept(watch->socket, &conn) == 0) {
		pb_watch_close(&s->tcp);
		assert_int_equal(pb_watch_socket(w.loop, &s->tcp, conn, POLLIN, on_stream), 0);
	}
}

static void open_server(struct server *s, const char *host)
{
	struct pb_net *net = pb_stack_net(w.servers);
	union pb_addr at = address(host, DNS_PORT);
	struct pb_socket *udp, *tcp;

	assert_int_equal(pb_socket_open(net, at.sa.sa_family, SOCK_DGRAM, 0, &udp), 0);
	assert_int_equal(pb_bind(udp, &at.sa, pb_addr_len(&at)), 0);
	assert_int_equal(pb_watch_socket(w.loop, &s->udp, udp, POLLIN, on_datagram), 0);
	assert_int_equal(pb_socket_open(net, at.sa.sa_family, SOCK_STREAM, 0, &tcp), 0);
	assert_int_equal(pb_bind(tcp, &at.sa, pb_addr_len(&at)), 0);
	assert_int_equal(pb_listen(tcp, 4), 0);
	assert_int_equal(pb_watch_socket(w.loop, &s->listener, tcp, POLLIN, on_call), 0);
}

/*
 * The world ------------------------------------------------------------------------------------------------
 */

static struct pb_stack *open_stack(const char *seed, struct pb_device *device, const char *v4, const char *v6)
{
	struct pb_stack_options options = { 0 };
	union pb_addr addr4 = address(v4, 0), addr6 = address(v6, 0);
	struct pb_stack *stack;

	memcpy(options.seed, seed, strlen(seed));
	assert_int_equal(pb_stack_new(&options, &stack), 0);
	assert_int_equal(pb_stack_attach(stack, device, "line"), 2);
	assert_int_equal(pb_stack_add_address(stack, 2, &addr4.sa, 24, PB_USE_AT_ONCE), 0);
	assert_int_equal(pb_stack_add_address(stack, 2, &addr6.sa, 64, PB_USE_AT_ONCE), 0);
	assert_int_equal(pb_loop_add_net(w.loop, pb_stack_net(stack)), 0);
	return stack;
}

static int open_world(void **state)
{
	struct pb_device *end[2];

	(void)state;
	memset(&w, 0, sizeof w);
	assert_int_equal(pb_loop_new_virtual(0, &w.loop), 0);
	assert_int_equal(pb_device_pair(1500, true, 64, end), 0);
	w.client = open_stack("client", end[0], "10.0.0.2", "fd00::2");
	w.servers = open_stack("servers", end[1], "10.0.0.53", "fd00::53");
	open_server(&w.server[0], "10.0.0.53");
	open_server(&w.server[1], "fd00::53");
	assert_int_equal(resolver_new(w.loop, pb_stack_net(w.client), &w.resolver), 0);
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	resolver_free(w.resolver);
	for (size_t i = 0; i < 2; i++) {
		pb_watch_close(&w.server[i].udp);
		pb_watch_close(&w.server[i].listener);
		pb_watch_close(&w.server[i].tcp);
	}
	pb_loop_free(w.loop);
	pb_net_close(pb_stack_net(w.client));
	pb_net_close(pb_stack_net(w.servers));
	return 0;
}

static void take(void *arg, int err, const char *why, const union pb_addr *addrs, size_t count)
{
	struct answer *a = arg;

	a->calls++;
	a->err = err;
	a->count = count;
	snprintf(a->why, sizeof a->why, "%s", why);
	memcpy(a->addrs, addrs, count * sizeof *addrs);
}

static struct answer look_up(const char *host, int family)
{
	struct answer a = { 0 };
	pb_time end = pb_loop_now(w.loop) + PB_SEC(120);

	assert_non_null(resolver_lookup(w.resolver, host, family, PB_NEVER, take, &a));
	while (!a.calls && pb_loop_now(w.loop) < end)
		assert_true(pb_loop_turn(w.loop, end) >= 0);
	assert_int_equal(a.calls, 1);
	return a;
}

static void use(const char *server, enum pb_stack_word word)
{
	union pb_addr a = address(server, 0);

	assert_int_equal(pb_stack_add_name_server(w.client, &a.sa, word), 0);
}

static void assert_addr(const union pb_addr *a, const char *text)
{
	char buf[PB_ADDR_TEXT];

	assert_string_equal(pb_addr_host(a, buf), text);
}

/*
 * What is to be so -----------------------------------------------------------------------------------------
 */

static void asks_the_stacks_server(void **state)
{
	struct answer a;

	(void)state;
	use("10.0.0.53", PB_GIVEN);
	a = look_up("www.example", AF_UNSPEC);
	assert_int_equal(a.err, 0);
	assert_int_equal(a.count, 2);
	assert_addr(&a.addrs[0],
		    "192.0.2.80"); /* RFC 6724: there is only a unique local source for the other */
	assert_addr(&a.addrs[1], "2001:db8::80");
	assert_int_equal(w.server[0].asked, 2);
	a = look_up("www.example", AF_INET6);
	assert_int_equal(a.count, 1);
	assert_int_equal(look_up("nobody.example.", AF_INET).err, -ENXIO);
}

static void asks_over_ipv6(void **state)
{
	struct answer a;

	(void)state;
	use("fd00::53", PB_GIVEN);
	a = look_up("www.example", AF_INET);
	assert_int_equal(a.err, 0);
	assert_addr(&a.addrs[0], "192.0.2.80");
	assert_int_equal(w.server[1].asked, 1);
}

static void asks_by_tcp_what_was_cut(void **state)
{
	struct answer a;

	(void)state;
	use("10.0.0.53", PB_GIVEN);
	w.server[0].truncates = true;
	a = look_up("www.example", AF_INET);
	assert_int_equal(a.err, 0);
	assert_addr(&a.addrs[0], "192.0.2.80");
	assert_int_equal(w.server[0].asked_by_tcp, 1);
}

/* Time is virtual, and two seconds of it pass. */
static void asks_again(void **state)
{
	pb_time began = pb_loop_now(w.loop);

	(void)state;
	use("10.0.0.53", PB_GIVEN);
	w.server[0].deaf = 2;
	assert_int_equal(look_up("www.example", AF_INET).err, 0);
	assert_int_equal(w.server[0].asked, 3);
	pb_time took = pb_loop_now(w.loop) - began;
	assert_true(took >= PB_SEC(4) && took < PB_SEC(5));
}

static void asks_another(void **state)
{
	(void)state;
	use("10.0.0.53", PB_GIVEN);
	use("fd00::53", PB_GIVEN);
	w.server[0].silent = true;
	assert_int_equal(look_up("www.example", AF_INET).err, 0);
	assert_int_equal(w.server[0].asked, 1);
	assert_int_equal(w.server[1].asked, 1);
}

static void gives_up(void **state)
{
	struct answer a;

	(void)state;
	use("10.0.0.53", PB_GIVEN);
	w.server[0].silent = true;
	a = look_up("www.example", AF_INET);
	assert_int_equal(a.err, -ETIMEDOUT);
	assert_string_equal(a.why, "no name server has answered");
	assert_int_equal(w.server[0].asked, 3);
	assert_int_equal(pb_loop_now(w.loop) / PB_SEC(1), 6);
}

/* Nobody is there to listen: ICMP says so, at once. */
static void is_refused(void **state)
{
	struct answer a;

	(void)state;
	use("10.0.0.53", PB_GIVEN);
	pb_watch_close(&w.server[0].udp);
	a = look_up("www.example", AF_INET);
	assert_int_equal(a.err, -EIO);
	assert_true(pb_loop_now(w.loop) < PB_SEC(2));
}

static void knows_no_server(void **state)
{
	struct answer a;

	(void)state;
	a = look_up("www.example", AF_UNSPEC);
	assert_int_equal(a.err, -EIO);
	assert_string_equal(a.why, "no name server known for tap:; give dns=ADDR");
	assert_int_equal(look_up("192.0.2.1", AF_UNSPEC).err, 0);
	assert_int_equal(look_up("localhost", AF_INET).err, 0);
}

/* What is given counts alone; what is leased goes when its lease does. */
static void given_before_leased(void **state)
{
	union pb_addr v4 = address("10.0.0.53", 0), v6 = address("fd00::53", 0), none = address("0.0.0.0", 0);

	(void)state;
	use("fd00::53", PB_LEASED);
	assert_int_equal(look_up("www.example", AF_INET).err, 0);
	assert_int_equal(w.server[1].asked, 1);
	use("10.0.0.53", PB_GIVEN);
	assert_int_equal(look_up("www.example", AF_INET).err, 0);
	assert_int_equal(w.server[0].asked, 1);
	assert_int_equal(w.server[1].asked, 1);
	assert_int_equal(pb_stack_add_name_server(w.client, &v4.sa, PB_GIVEN), -EEXIST);
	assert_int_equal(pb_stack_add_name_server(w.client, &none.sa, PB_GIVEN), -EINVAL);
	assert_int_equal(pb_stack_remove_name_server(w.client, &v4.sa, PB_LEASED), -ENOENT);
	assert_int_equal(pb_stack_remove_name_server(w.client, &v4.sa, PB_GIVEN), 0);
	assert_int_equal(pb_stack_remove_name_server(w.client, &v6.sa, PB_LEASED), 0);
	assert_int_equal(look_up("www.example", AF_INET).err, -EIO);
}

static void looks_in_domains(void **state)
{
	(void)state;
	use("10.0.0.53", PB_GIVEN);
	assert_int_equal(look_up("www", AF_INET).err, -ENXIO);
	assert_int_equal(pb_stack_add_search_domain(w.client, "elsewhere", PB_LEASED), 0);
	assert_int_equal(pb_stack_add_search_domain(w.client, "example", PB_LEASED), 0);
	assert_int_equal(look_up("www", AF_INET).err, 0);
	assert_string_equal(w.server[0].last, "www.example");
	assert_int_equal(pb_stack_add_search_domain(w.client, "Example", PB_LEASED), -EEXIST);
	assert_int_equal(pb_stack_add_search_domain(w.client, "a b", PB_LEASED), -EINVAL);
	assert_int_equal(pb_stack_add_search_domain(w.client, ".example", PB_LEASED), -EINVAL);
	assert_int_equal(pb_stack_remove_search_domain(w.client, "example", PB_LEASED), 0);
	assert_int_equal(look_up("www", AF_INET).err, -ENXIO);
}

static void tables_are_bounded(void **state)
{
	char text[32];

	(void)state;
	for (int i = 0; i < 9; i++) {
		snprintf(text, sizeof text, "10.0.0.%d", i + 1);
		union pb_addr a = address(text, 0);
		assert_int_equal(pb_stack_add_name_server(w.client, &a.sa, PB_GIVEN), i < 8 ? 0 : -ENOSPC);
		snprintf(text, sizeof text, "d%d.example", i);
		assert_int_equal(pb_stack_add_search_domain(w.client, text, PB_GIVEN), i < 8 ? 0 : -ENOSPC);
	}
}

/* Asked and cancelled: nothing is called, sockets are closed, and the next question is answered. */
static void cancelled(void **state)
{
	struct answer a = { 0 };

	(void)state;
	use("10.0.0.53", PB_GIVEN);
	w.server[0].silent = true;
	struct resolver_query *q = resolver_lookup(w.resolver, "www.example", AF_INET, PB_NEVER, take, &a);
	assert_true(pb_loop_turn(w.loop, pb_loop_now(w.loop) + PB_MSEC(100)) >= 0);
	resolver_cancel(q);
	w.server[0].silent = false;
	assert_int_equal(look_up("www.example", AF_INET).err, 0);
	assert_int_equal(a.calls, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(asks_the_stacks_server),
		TEST(asks_over_ipv6),
		TEST(asks_by_tcp_what_was_cut),
		TEST(asks_again),
		TEST(asks_another),
		TEST(gives_up),
		TEST(is_refused),
		TEST(knows_no_server),
		TEST(given_before_leased),
		TEST(looks_in_domains),
		TEST(tables_are_bounded),
		TEST(cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
