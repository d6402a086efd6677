/* RFC 2131 §4.4: a client on a stack, a server on another that is written here, and virtual time. */
#include "client/dhcp.h"

#include "base/list.h"
#include "wire/dhcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct world {
	struct pb_loop *loop;
	struct pb_stack *client, *server;
	struct pb_socket *socket; /* the server's */
	struct pb_watch watch;
	struct dhcp *dhcp;
	bool silent, refuses;
	uint32_t lease;
	uint8_t last; /* of the address that is given */
	unsigned heard[DHCP_RELEASE + 1];
	struct dhcp_message request; /* the last one */
} w;

static struct ip address(uint8_t last)
{
	return ip_from4((const uint8_t[4]){ 192, 168, 1, last });
}

/* A server's answer, as short as can be. */
static size_t write_answer(uint8_t *bytes, const struct dhcp_message *q, enum dhcp_type type)
{
	uint8_t options[] = { 53,
			      1,
			      (uint8_t)type,
			      54,
			      4,
			      192,
			      168,
			      1,
			      1,
			      1,
			      4,
			      255,
			      255,
			      255,
			      0,
			      3,
			      4,
			      192,
			      168,
			      1,
			      1,
			      6,
			      8,
			      192,
			      168,
			      1,
			      1,
			      192,
			      168,
			      1,
			      2,
			      51,
			      4,
			      (uint8_t)(w.lease >> 24),
			      (uint8_t)(w.lease >> 16),
			      (uint8_t)(w.lease >> 8),
			      (uint8_t)w.lease,
			      15,
			      4,
			      'c',
			      'o',
			      'r',
			      'p',
			      255 };
	struct writer out = { .p = bytes, .left = DHCP_LEN_MIN };

	assert_true(pb_dhcp_write(q, &out));
	bytes[0] = 2;
	memcpy(bytes + 16, (const uint8_t[4]){ 192, 168, 1, w.last }, 4);
	memcpy(bytes + 240, options, sizeof options);
	return 240 + sizeof options;
}

static void on_message(struct pb_watch *watch, int ready)
{
	uint8_t bytes[1500];
	ssize_t n;

	(void)watch, (void)ready;
	while ((n = pb_recv(w.socket, bytes, sizeof bytes, 0)) >= 0) {
		struct dhcp_message q;
		assert_true(pb_dhcp_parse(&q, &(struct reader){ .p = bytes, .left = (size_t)n }));
		assert_false(q.reply);
		w.heard[q.type]++;
		w.request = q;
		if (w.silent)
			continue;
		enum dhcp_type type = q.type == DHCP_DISCOVER ? DHCP_OFFER : w.refuses ? DHCP_NAK : DHCP_ACK;
		struct ip to = q.broadcast ? ip_from4((const uint8_t[4]){ 255, 255, 255, 255 }) : q.client;
		union pb_addr addr;
		pb_ip_to_sockaddr(&addr, &to, DHCP_CLIENT_PORT, AF_INET);
		size_t len = write_answer(bytes, &q, type);
		assert_int_equal(pb_sendto(w.socket, bytes, len, 0, &addr.sa, pb_addr_len(&addr)), len);
	}
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

static int open_world(void **state)
{
	struct pb_device *end[2];
	union pb_addr at, ours;
	int one = 1;

	(void)state;
	memset(&w, 0, sizeof w);
	w.lease = 3600;
	w.last = 7;
	assert_int_equal(pb_loop_new_virtual(0, &w.loop), 0);
	assert_int_equal(pb_device_pair(1500, true, 64, end), 0);
	w.server = open_stack("server", end[0]);
	w.client = open_stack("client", end[1]);
	struct ip server = address(1);
	pb_ip_to_sockaddr(&ours, &server, 0, AF_INET);
	assert_int_equal(pb_stack_add_address(w.server, 2, &ours.sa, 24, PB_USE_AT_ONCE), 0);
	at = pb_addr_any(AF_INET);
	pb_addr_set_port(&at, DHCP_SERVER_PORT);
	assert_int_equal(pb_socket_open(pb_stack_net(w.server), AF_INET, SOCK_DGRAM, 0, &w.socket), 0);
	assert_int_equal(pb_setsockopt(w.socket, SOL_SOCKET, SO_BROADCAST, &one, sizeof one), 0);
	assert_int_equal(pb_bind(w.socket, &at.sa, pb_addr_len(&at)), 0);
	assert_int_equal(pb_watch_socket(w.loop, &w.watch, w.socket, POLLIN, on_message), 0);
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	dhcp_free(w.dhcp);
	pb_watch_stop(&w.watch);
	pb_close(w.socket);
	pb_loop_free(w.loop);
	pb_net_close(pb_stack_net(w.client));
	pb_net_close(pb_stack_net(w.server));
	return 0;
}

static void pass(pb_time time)
{
	pb_time end = pb_loop_now(w.loop) + time;

	while (pb_loop_now(w.loop) < end)
		assert_true(pb_loop_turn(w.loop, end) >= 0);
}

static void start(void)
{
	assert_int_equal(dhcp_new(w.client, 2, w.loop, &w.dhcp), 0);
	pass(PB_MSEC(100));
}

static bool has(uint8_t last)
{
	struct ip a = address(last);
	union pb_addr addr;

	pb_ip_to_sockaddr(&addr, &a, 0, AF_INET);
	return pb_stack_address_state(w.client, 2, &addr.sa) == PB_ADDRESS_READY;
}

static void count_server(const struct sockaddr *addr, void *context)
{
	unsigned *count = context;
	struct ip expected = address((uint8_t)(*count + 1)), server;
	uint16_t port;

	assert_true(pb_ip_from_sockaddr(&server, &port, addr, sizeof(struct sockaddr_in)));
	assert_true(ip_equal(&server, &expected));
	++*count;
}

static unsigned name_servers(void)
{
	unsigned count = 0;

	pb_stack_each_name_server(w.client, count_server, &count);
	return count;
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

static void gets_an_address(void **state)
{
	(void)state;
	start();
	assert_true(dhcp_is_bound(w.dhcp) && has(7));
	assert_int_equal(w.heard[DHCP_DISCOVER], 1);
	assert_int_equal(w.heard[DHCP_REQUEST], 1);
	struct ip server = address(1), ours = address(7);
	assert_true(ip_equal(&w.request.server, &server) && ip_equal(&w.request.requested, &ours));
	assert_true(w.request.broadcast && ip_is_any(&w.request.client));
	assert_int_equal(name_servers(), 2);
	assert_string_equal(search_domain(), "corp");
	pass(PB_SEC(1801)); /* renewed: no more than there were */
	assert_int_equal(name_servers(), 2);
	dhcp_free(w.dhcp);
	w.dhcp = NULL;
	assert_false(has(7));
	assert_int_equal(name_servers(), 0);
	assert_string_equal(search_domain(), "");
}

/* RFC 2131 §4.1: at 4, 8, 16, 32, 64, 64 … seconds, each a second more or less. */
static void asks_again(void **state)
{
	(void)state;
	w.silent = true;
	start();
	assert_int_equal(w.heard[DHCP_DISCOVER], 1);
	for (unsigned n = 0, wait = 4; n < 6; n++, wait = wait < 64 ? wait * 2 : 64) {
		pass(PB_SEC(wait) - PB_SEC(1) - PB_MSEC(200));
		unsigned before = w.heard[DHCP_DISCOVER];
		for (int tenths = 0; tenths < 24 && w.heard[DHCP_DISCOVER] == before; tenths++)
			pass(PB_MSEC(100));
		assert_int_equal(w.heard[DHCP_DISCOVER], before + 1);
	}
	w.silent = false;
	pass(PB_SEC(66));
	assert_true(has(7));
}

/* RFC 2131 §4.4.5: at half of the lease the server itself is asked, from the address. */
static void renews(void **state)
{
	(void)state;
	start();
	struct ip ours = address(7);
	for (unsigned n = 1; n < 4; n++) {
		pass(PB_SEC(1801));
		assert_int_equal(w.heard[DHCP_REQUEST], 1 + n);
		assert_true(ip_equal(&w.request.client, &ours));
		assert_true(!w.request.broadcast && ip_is_any(&w.request.server) &&
			    ip_is_any(&w.request.requested));
		assert_true(has(7));
	}
	assert_int_equal(w.heard[DHCP_DISCOVER], 1);
}

/* RFC 2131 §4.4.5: nobody answers: everybody is asked at seven eighths, and at the end the address goes. */
static void loses_it_in_time(void **state)
{
	(void)state;
	start();
	w.silent = true;
	pass(PB_SEC(3590));
	assert_true(has(7));
	assert_true(w.heard[DHCP_REQUEST] >= 3);
	pass(PB_SEC(20));
	assert_false(has(7));
	assert_true(w.heard[DHCP_DISCOVER] >= 2);
	w.silent = false;
	w.last = 8;
	pass(PB_SEC(20));
	assert_true(has(8));
}

/* RFC 2131 §4.4.5: who is refused begins anew, without the address. */
static void is_refused(void **state)
{
	(void)state;
	start();
	w.refuses = true;
	pass(PB_SEC(1800));
	assert_false(has(7));
	w.refuses = false;
	pass(PB_SEC(70));
	assert_true(has(7));
}

/* The lease lives on in another loop. */
static void moves(void **state)
{
	struct pb_loop *other;

	(void)state;
	start();
	dhcp_move(w.dhcp, NULL);
	pb_loop_remove_net(w.loop, pb_stack_net(w.client));
	assert_int_equal(pb_loop_new_virtual(pb_loop_now(w.loop), &other), 0);
	assert_int_equal(pb_loop_add_net(other, pb_stack_net(w.client)), 0);
	dhcp_move(w.dhcp, other);
	assert_true(pb_loop_turn(other, pb_loop_now(other) + PB_SEC(1900)) >= 0);
	assert_true(has(7));
	dhcp_free(w.dhcp);
	w.dhcp = NULL;
	pb_loop_free(other);
}

/* A lease as short as can be is renewed, but not as fast as the server answers. */
static void is_not_kept_busy(void **state)
{
	(void)state;
	w.lease = 1;
	start();
	for (int turns = 0; turns < 1000 && pb_loop_now(w.loop) < PB_SEC(60); turns++)
		assert_true(pb_loop_turn(w.loop, PB_SEC(60)) >= 0);
	assert_int_equal(pb_loop_now(w.loop), PB_SEC(60));
	assert_in_range(w.heard[DHCP_REQUEST], 4, 8);
	assert_true(has(7));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gets_an_address), TEST(asks_again), TEST(renews),           TEST(loses_it_in_time),
		TEST(is_refused),      TEST(moves),      TEST(is_not_kept_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
