/* The resolver: what it answers by itself, how it gives up on a silent server, and that it never calls back at once. */
#include "client/resolve.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct answer {
	int calls, err;
	size_t count;
	union pb_addr addrs[RESOLVE_ADDRS_MAX];
	char name[RESOLVE_NAME_MAX];
};

static struct pb_loop *loop;
static struct pb_net *net;
static struct resolver *resolver;
static int server; /* a UDP socket on loopback that never answers by itself */

static void take(void *arg, int err, const char *why, const union pb_addr *addrs, size_t count)
{
	struct answer *a = arg;

	assert_non_null(why);
	a->calls++;
	a->err = err;
	a->count = count;
	memcpy(a->addrs, addrs, count * sizeof *addrs);
}

static void take_name(void *arg, int err, const char *why, const char *name)
{
	struct answer *a = arg;

	assert_non_null(why);
	a->calls++;
	a->err = err;
	snprintf(a->name, sizeof a->name, "%s", name ? name : "");
}

/* Turn until the answer is there, for two seconds at most. */
static void wait_for(struct answer *a)
{
	pb_time until = pb_loop_now(loop) + PB_SEC(2);

	assert_int_equal(a->calls, 0);
	while (!a->calls && pb_loop_now(loop) < until)
		assert_true(pb_loop_turn(loop, until) >= 0);
	assert_int_equal(a->calls, 1);
}

static struct answer look_up(const char *host, int family)
{
	struct answer a = { 0 };

	assert_non_null(resolver_lookup(resolver, host, family, PB_MSEC(200), take, &a));
	wait_for(&a);
	return a;
}

static int start(void **state)
{
	union pb_addr addr = pb_addr_any(AF_INET);
	socklen_t len = sizeof addr;

	(void)state;
	addr.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server, &addr.sa, pb_addr_len(&addr)), 0);
	assert_int_equal(getsockname(server, &addr.sa, &len), 0);
	assert_int_equal(pb_loop_new(&loop), 0);
	assert_int_equal(pb_net_host(&net), 0);
	assert_int_equal(pb_loop_add_net(loop, net), 0);
	assert_int_equal(resolver_new(loop, net, &resolver), 0);
	resolver_use_servers(resolver, &addr, 1);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	resolver_free(resolver);
	pb_loop_free(loop);
	pb_net_close(net);
	return close(server);
}

static bool is(const union pb_addr *a, const char *text)
{
	char buf[PB_ADDR_TEXT];

	return strcmp(pb_addr_host(a, buf), text) == 0 && pb_addr_port(a) == 0;
}

static void literals(void **state)
{
	struct answer a = look_up("192.0.2.7", AF_UNSPEC);

	(void)state;
	assert_int_equal(a.err, 0);
	assert_int_equal(a.count, 1);
	assert_true(is(&a.addrs[0], "192.0.2.7"));
	a = look_up("2001:db8::7", AF_INET6);
	assert_true(a.count == 1 && is(&a.addrs[0], "2001:db8::7"));
	a = look_up("[2001:db8::7]", AF_UNSPEC);
	assert_true(a.count == 1 && is(&a.addrs[0], "2001:db8::7"));
	assert_int_equal(look_up("[192.0.2.7]", AF_UNSPEC).err, -ETIMEDOUT); /* a name, and an odd one */
	a = look_up("2001:db8::7", AF_INET);
	assert_int_equal(a.err, -ENXIO);
	assert_int_equal(a.count, 0);
}

/* RFC 6761 6.3: whatever the host's files and servers say. */
static void localhost(void **state)
{
	static const char *const names[] = { "localhost", "LocalHost.", "www.localhost" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct answer a = look_up(names[i], AF_UNSPEC);
		assert_int_equal(a.err, 0);
		assert_int_equal(a.count, 2);
		assert_true(pb_addr_is_loopback(&a.addrs[0]) && pb_addr_is_loopback(&a.addrs[1]));
		a = look_up(names[i], AF_INET);
		assert_true(a.count == 1 && is(&a.addrs[0], "127.0.0.1"));
	}
	assert_int_equal(look_up("notlocalhost", AF_UNSPEC).err, -ETIMEDOUT);
	assert_int_equal(look_up("nosuch.Invalid.", AF_UNSPEC).err, -ENXIO);
	assert_int_equal(look_up("invalid", AF_INET).err, -ENXIO);
	assert_int_equal(look_up("notinvalid", AF_UNSPEC).err, -ETIMEDOUT);
}

static void silent_server(void **state)
{
	pb_time from = pb_loop_now(loop);
	struct answer a = look_up("host.example", AF_UNSPEC);
	uint8_t query[512];

	(void)state;
	assert_int_equal(a.err, -ETIMEDOUT);
	assert_true(pb_loop_now(loop) - from >= PB_MSEC(200));
	assert_true(recv(server, query, sizeof query, MSG_DONTWAIT) > 12); /* it was asked */
}

/* The server says that there is no such name (RFC 1035 4.1.1: RCODE 3). */
static void no_such_name(void **state)
{
	struct answer a = { 0 };
	uint8_t query[512];
	union pb_addr from;
	socklen_t len = sizeof from;
	ssize_t n;

	(void)state;
	while (recv(server, query, sizeof query, MSG_DONTWAIT) > 0)
		; /* questions of earlier tests */
	assert_non_null(resolver_lookup(resolver, "none.example.", AF_INET, PB_SEC(2), take, &a));
	n = recvfrom(server, query, sizeof query, 0, &from.sa, &len);
	assert_true(n > 12);
	query[2] |= 0x80; /* QR: a response */
	query[3] = 0x83;  /* RA, NXDOMAIN */
	assert_int_equal(sendto(server, query, (size_t)n, 0, &from.sa, len), n);
	wait_for(&a);
	assert_int_equal(a.err, -ENXIO);
}

static void reverse(void **state)
{
	struct answer a = { 0 };
	union pb_addr addr;

	(void)state;
	assert_true(pb_addr_parse(&addr, "2001:db8::7"));
	assert_non_null(resolver_reverse(resolver, &addr, PB_MSEC(100), take_name, &a));
	wait_for(&a);
	assert_int_equal(a.err, -ETIMEDOUT);
	assert_string_equal(a.name, "");
}

static void cancelled(void **state)
{
	struct answer a = { 0 };
	pb_time until = pb_loop_now(loop) + PB_MSEC(50);

	(void)state;
	resolver_cancel(resolver_lookup(resolver, "127.0.0.1", AF_UNSPEC, PB_NEVER, take, &a));
	resolver_cancel(resolver_lookup(resolver, "host.example", AF_UNSPEC, PB_MSEC(10), take, &a));
	while (pb_loop_now(loop) < until)
		pb_loop_turn(loop, until);
	assert_int_equal(a.calls, 0);
}

/* Freed with queries under way: nobody is called, nothing leaks (the sanitizers look). */
static void freed_early(void **state)
{
	struct answer a = { 0 };
	struct resolver *r;
	union pb_addr nobody;

	(void)state;
	assert_true(pb_addr_parse(&nobody, "127.0.0.1"));
	pb_addr_set_port(&nobody, 9);
	assert_int_equal(resolver_new(loop, net, &r), 0);
	resolver_use_servers(r, &nobody, 1);
	resolver_lookup(r, "127.0.0.1", AF_UNSPEC, PB_NEVER, take, &a);
	resolver_lookup(r, "host.example", AF_UNSPEC, PB_NEVER, take, &a);
	resolver_free(r);
	pb_loop_turn(loop, 0);
	assert_int_equal(a.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals),      cmocka_unit_test(localhost),
		cmocka_unit_test(silent_server), cmocka_unit_test(reverse),
		cmocka_unit_test(no_such_name),  cmocka_unit_test(cancelled),
		cmocka_unit_test(freed_early),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
