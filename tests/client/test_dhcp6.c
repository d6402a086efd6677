/*
 * DHCPv6 for information (RFC 8415 §18.2.6): a client on a stack, a router and a server on another that are written
 * here, and virtual time.
 */
#include "client/dhcp6.h"

#include "base/addr.h"
#include "wire/dhcp6.h"
#include "wire/nd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MANAGED 0x80
#define OTHER   0x40

static struct world {
	struct pb_loop *loop;
	struct pb_stack *client, *server;
	struct pb_socket *socket, *router;
	struct pb_watch watch;
	struct dhcp6 *dhcp;
	unsigned heard;
	pb_time heard_at[16];
	struct dhcp6_message request; /* the last one */
	/* What the server does. */
	bool silent, wrong_xid, names_us, nameless, fails;
	uint32_t refresh, timeout_max; /* 0: not told */
	uint8_t last;                  /* of the name server's address */
} w;

static void wr_option(struct writer *out, uint16_t code, const void *data, uint16_t len)
{
	wr_u16(out, code);
	wr_u16(out, len);
	wr_bytes(out, data, len);
}

static void wr_option32(struct writer *out, uint16_t code, uint32_t v)
{
	const uint8_t bytes[] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

	if (v)
		wr_option(out, code, bytes, sizeof bytes);
}

static size_t write_reply(uint8_t *bytes, size_t room)
{
	struct writer out = { .p = bytes, .left = room };
	uint8_t server[16] = { 0xfd, [15] = w.last };

	wr_u32(&out, (uint32_t)DHCP6_REPLY << 24 | (w.request.xid ^ w.wrong_xid));
	if (!w.nameless)
		wr_option(&out, 2, "\0\3\0\1server", 10);
	if (w.names_us)
		wr_option(&out, 1, "\0\3\0\1client", 10);
	if (w.fails)
		wr_option(&out, 13, "\0\1", 2);
	wr_option(&out, 23, server, sizeof server);
	wr_option(&out, 24, "\7example", 9);
	wr_option32(&out, 32, w.refresh);
	wr_option32(&out, 83, w.timeout_max);
	assert_false(out.bad);
	return room - out.left;
}

static void on_message(struct pb_watch *watch, int ready)
{
	uint8_t bytes[512];
	union pb_addr from;
	socklen_t len = sizeof from;
	ssize_t n;

	(void)ready;
	while ((n = pb_recvfrom(watch->socket, bytes, sizeof bytes, 0, &from.sa, &len)) >= 0) {
		assert_true(pb_dhcp6_parse(&w.request, &(struct reader){ .p = bytes, .left = (size_t)n }));
		assert_int_equal(w.request.type, DHCP6_INFORMATION_REQUEST);
		assert_false(w.request.has_client);
		assert_int_equal(pb_addr_port(&from), DHCP6_CLIENT_PORT);
		assert_true(IN6_IS_ADDR_LINKLOCAL(&from.v6.sin6_addr));
		if (w.heard < 16)
			w.heard_at[w.heard] = pb_loop_now(w.loop);
		w.heard++;
		size_t size = write_reply(bytes, sizeof bytes);
		if (!w.silent)
			assert_int_equal(pb_sendto(watch->socket, bytes, size, 0, &from.sa, len), size);
		len = sizeof from;
	}
}

static union pb_addr group(const char *text, uint16_t port)
{
	union pb_addr a;

	assert_true(pb_addr_parse(&a, text));
	pb_addr_set_port(&a, port);
	a.v6.sin6_scope_id = 2;
	return a;
}

/* A router's advertisement to all nodes: no router for long, no prefix, but flags. */
static void advertise(uint8_t flags)
{
	uint8_t bytes[16] = { 134, 0, 0, 0, 64, flags };
	union pb_addr all = group("ff02::1", 0);

	assert_int_equal(pb_sendto(w.router, bytes, sizeof bytes, 0, &all.sa, pb_addr_len(&all)),
			 sizeof bytes);
}

static struct pb_stack *open_stack(const char *seed, struct pb_device *device)
{
	struct pb_stack_options options = { 0 };
	struct pb_stack *stack;

	memcpy(options.seed, seed, strlen(seed));
	assert_int_equal(pb_stack_new(&options, &stack), 0);
	assert_int_equal(pb_stack_attach(stack, device, "wire"), 2);
	assert_int_equal(pb_loop_add_net(w.loop, pb_stack_net(stack)), 0);
	return stack;
}

static void open_server(void)
{
	struct pb_net *net = pb_stack_net(w.server);
	union pb_addr ours = group("fe80::1", 0), at = pb_addr_any(AF_INET6);
	struct ipv6_mreq all = { .ipv6mr_multiaddr = group("ff02::1:2", 0).v6.sin6_addr,
				 .ipv6mr_interface = 2 };
	int hops = ND_HOP_LIMIT;

	assert_int_equal(pb_stack_add_address(w.server, 2, &ours.sa, 64, PB_USE_AT_ONCE), 0);
	pb_addr_set_port(&at, DHCP6_SERVER_PORT);
	assert_int_equal(pb_socket_open(net, AF_INET6, SOCK_DGRAM, 0, &w.socket), 0);
	assert_int_equal(pb_bind(w.socket, &at.sa, pb_addr_len(&at)), 0);
	assert_int_equal(pb_setsockopt(w.socket, IPPROTO_IPV6, IPV6_JOIN_GROUP, &all, sizeof all), 0);
	assert_int_equal(pb_watch_socket(w.loop, &w.watch, w.socket, POLLIN, on_message), 0);
	assert_int_equal(pb_socket_open(net, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, &w.router), 0);
	assert_int_equal(pb_setsockopt(w.router, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops), 0);
}

static void pass_in(struct pb_loop *loop, pb_time time)
{
	pb_time end = pb_loop_now(loop) + time;

	while (pb_loop_now(loop) < end)
		assert_true(pb_loop_turn(loop, end) >= 0);
}

static void pass(pb_time time)
{
	pass_in(w.loop, time);
}

static int open_world(void **state)
{
	struct pb_device *end[2];

	(void)state;
	memset(&w, 0, sizeof w);
	w.last = 0x53;
	assert_int_equal(pb_loop_new_virtual(0, &w.loop), 0);
	assert_int_equal(pb_device_pair(1500, true, 64, end), 0);
	w.server = open_stack("server", end[0]);
	w.client = open_stack("client", end[1]);
	open_server();
	assert_int_equal(pb_stack_autoconfigure(w.client, 2, PB_AUTO_STABLE), 0);
	assert_int_equal(dhcp6_new(w.client, 2, w.loop, &w.dhcp), 0);
	pass(PB_SEC(3)); /* its own address is known to be its own */
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	dhcp6_free(w.dhcp);
	pb_watch_close(&w.watch);
	pb_close(w.router);
	pb_loop_free(w.loop);
	pb_net_close(pb_stack_net(w.client));
	pb_net_close(pb_stack_net(w.server));
	return 0;
}

static void take_server(const struct sockaddr *addr, void *context)
{
	pb_addr_host((const union pb_addr *)addr, context);
}

static const char *name_server(void)
{
	static char text[PB_ADDR_TEXT];

	text[0] = '\0';
	pb_stack_each_name_server(w.client, take_server, text);
	return text;
}

static void take_domain(const char *domain, void *context)
{
	snprintf(context, DOMAIN_TEXT, "%s", domain);
}

static const char *search_domain(void)
{
	static char text[DOMAIN_TEXT];

	text[0] = '\0';
	pb_stack_each_search_domain(w.client, take_domain, text);
	return text;
}

static void asks_when_a_router_says_so(void **state)
{
	(void)state;
	advertise(0);
	pass(PB_SEC(10));
	assert_int_equal(w.heard, 0);
	assert_false(dhcp6_is_waiting(w.dhcp));
	advertise(OTHER);
	pb_time told = pb_loop_now(w.loop);
	pass(PB_MSEC(1100)); /* RFC 8415 §18.2.6: a random delay of a second at most */
	assert_int_equal(w.heard, 1);
	assert_true(w.heard_at[0] >= told);
	assert_false(dhcp6_is_waiting(w.dhcp));
	assert_string_equal(name_server(), "fd00::53");
	assert_string_equal(search_domain(), "example");
	advertise(OTHER); /* once is enough */
	pass(PB_SEC(10));
	assert_int_equal(w.heard, 1);
}

/* RFC 4861 §4.2: M says that there is more, too. */
static void asks_where_addresses_are_managed(void **state)
{
	(void)state;
	advertise(MANAGED);
	pass(PB_MSEC(1100));
	assert_int_equal(w.heard, 1);
}

/* RFC 8415 §15: 1, 2, 4 … seconds, each a tenth more or less, and INF_MAX_RT at most. */
static void asks_again(void **state)
{
	pb_time wait = PB_SEC(1);

	(void)state;
	w.silent = true;
	advertise(OTHER);
	pass(PB_SEC(3 * 3600));
	assert_true(w.heard > 12);
	for (unsigned n = 1; n < 16 && n < w.heard; n++) {
		pb_time passed = w.heard_at[n] - w.heard_at[n - 1];
		if (passed > PB_SEC(3000)) {
			assert_true(passed <= PB_SEC(3960));
			continue;
		}
		assert_true(passed >= wait * 18 / 10 / 2 && passed <= wait * 22 / 10);
		wait = passed;
	}
	assert_true(w.request.elapsed == UINT16_MAX); /* RFC 8415 §21.9: more is not told */
	assert_true(dhcp6_is_waiting(w.dhcp));
	w.silent = false;
	pass(PB_SEC(4000));
	assert_string_equal(name_server(), "fd00::53");
}

/* RFC 8415 §16.10 */
static void what_is_not_for_us(void **state)
{
	bool *const wrongs[] = { &w.wrong_xid, &w.names_us, &w.nameless, &w.fails };

	(void)state;
	advertise(OTHER);
	for (size_t n = 0; n < sizeof wrongs / sizeof *wrongs; n++) {
		unsigned before = w.heard;
		*wrongs[n] = true;
		for (int tenths = 0; tenths < 400 && w.heard == before; tenths++)
			pass(PB_MSEC(100));
		assert_int_equal(w.heard, before + 1);
		assert_string_equal(name_server(), "");
		*wrongs[n] = false;
	}
	pass(PB_SEC(40));
	assert_string_equal(name_server(), "fd00::53");
}

/* RFC 8415 §21.23: at the time that was told, ten minutes at least, a day where none was. */
static void refreshes(void **state)
{
	(void)state;
	w.refresh = 60;
	advertise(OTHER);
	pass(PB_SEC(2));
	pass(PB_SEC(590));
	assert_int_equal(w.heard, 1);
	w.last = 0x54;
	w.refresh = 0;
	pass(PB_SEC(12));
	assert_int_equal(w.heard, 2);
	assert_string_equal(name_server(), "fd00::54");
	pass(PB_SEC(86390));
	assert_int_equal(w.heard, 2);
	w.refresh = DHCP6_FOREVER;
	pass(PB_SEC(20));
	assert_int_equal(w.heard, 3);
	pass(PB_SEC(10 * 86400));
	assert_int_equal(w.heard, 3);
	assert_string_equal(name_server(), "fd00::54");
}

static void what_was_told_goes_with_it(void **state)
{
	(void)state;
	advertise(OTHER);
	pass(PB_SEC(2));
	assert_string_equal(name_server(), "fd00::53");
	dhcp6_free(w.dhcp);
	w.dhcp = NULL;
	assert_string_equal(name_server(), "");
	assert_string_equal(search_domain(), "");
}

/* The question lives on in another loop. */
static void moves(void **state)
{
	struct pb_loop *other;

	(void)state;
	w.silent = true;
	advertise(OTHER);
	pass(PB_SEC(2));
	dhcp6_move(w.dhcp, NULL);
	pb_loop_remove_net(w.loop, pb_stack_net(w.client));
	assert_int_equal(pb_loop_new_virtual(pb_loop_now(w.loop), &other), 0);
	assert_int_equal(pb_loop_add_net(other, pb_stack_net(w.client)), 0);
	dhcp6_move(w.dhcp, other);
	unsigned before = w.heard;
	pass_in(other, PB_SEC(10));
	pass(PB_SEC(1));
	assert_true(w.heard > before);
	dhcp6_free(w.dhcp);
	w.dhcp = NULL;
	pb_loop_free(other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(asks_when_a_router_says_so),
		TEST(asks_where_addresses_are_managed),
		TEST(asks_again),
		TEST(what_is_not_for_us),
		TEST(refreshes),
		TEST(what_was_told_goes_with_it),
		TEST(moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
