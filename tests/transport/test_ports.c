/* Ports: who may be bound beside whom, who is found, and which ephemeral port is chosen. */
#include "random.h"
#include "transport/ports.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct env env;
static struct ports ports;
static struct pairs pairs;

static void begin(bool stream)
{
	static const uint8_t seed[16] = "ports";

	env = (struct env){ .rng = pb_rng_derive(seed, "test") };
	assert_int_equal(pb_ports_init(&ports, &env.rng, stream), 0);
	assert_int_equal(pb_pairs_init(&pairs, pb_rng_key(&env.rng), 100000), 0);
}

static void end(void)
{
	pb_ports_fini(&ports);
	pb_pairs_fini(&pairs);
}

static struct ip ip(const char *text)
{
	struct ip a;

	assert_true(pb_ip_parse(&a, text));
	return a;
}

/* A binding in letters: a reuse_addr, p reuse_port, l listening, 6 v6only, c connected, y any. */
static struct binding binding(const char *addr, uint16_t port, const char *flags)
{
	return (struct binding){
		.addr = ip(addr),
		.port = port,
		.reuse_addr = strchr(flags, 'a'),
		.reuse_port = strchr(flags, 'p'),
		.listening = strchr(flags, 'l'),
		.v6only = strchr(flags, '6'),
		.connected = strchr(flags, 'c'),
		.any = strchr(flags, 'y'),
	};
}

/* Each as Linux 6 answers to the same calls; both ways round, as far as the flags allow. */
static const struct {
	const char *first, *first_flags, *second, *second_flags;
	int result;
	bool stream;
} conflicts[] = {
	{"192.0.2.1",    "",   "192.0.2.1",        "",   -EADDRINUSE, true },
	{ "192.0.2.1",   "",   "192.0.2.2",        "",   0,           true },
	{ "0.0.0.0",     "",   "192.0.2.1",        "",   -EADDRINUSE, true },
	{ "192.0.2.1",   "",   "0.0.0.0",          "",   -EADDRINUSE, true },
	{ "::",          "",   "0.0.0.0",          "",   -EADDRINUSE, true },
	{ "::",          "6",  "0.0.0.0",          "",   0,           true },
	{ "::",          "",   "192.0.2.1",        "",   -EADDRINUSE, true },
	{ "::",          "6",  "192.0.2.1",        "",   0,           true },
	{ "::",          "6",  "::ffff:192.0.2.1", "",   0,           true },
	{ "::",          "6",  "2001:db8::1",      "",   -EADDRINUSE, true },
	{ "2001:db8::1", "",   "0.0.0.0",          "",   0,           true },
	{ "2001:db8::1", "",   "::",               "",   -EADDRINUSE, true },
	{ "0.0.0.0",     "a",  "0.0.0.0",          "a",  0,           true },
	{ "0.0.0.0",     "a",  "0.0.0.0",          "",   -EADDRINUSE, true },
	{ "0.0.0.0",     "",   "0.0.0.0",          "a",  -EADDRINUSE, true },
	{ "0.0.0.0",     "al", "0.0.0.0",          "a",  -EADDRINUSE, true },
	{ "192.0.2.1",   "al", "0.0.0.0",          "a",  -EADDRINUSE, true },
	{ "192.0.2.1",   "ac", "0.0.0.0",          "a",  0,           true },
	{ "192.0.2.1",   "c",  "0.0.0.0",          "a",  -EADDRINUSE, true },
	{ "192.0.2.1",   "ac", "0.0.0.0",          "",   -EADDRINUSE, true },
	{ "0.0.0.0",     "pl", "0.0.0.0",          "p",  0,           true },
	{ "0.0.0.0",     "pl", "0.0.0.0",          "a",  -EADDRINUSE, true },
	{ "0.0.0.0",     "p",  "0.0.0.0",          "",   -EADDRINUSE, true },
	{ "0.0.0.0",     "p",  "192.0.2.1",        "p",  0,           true },
	{ "0.0.0.0",     "l",  "0.0.0.0",          "",   -EADDRINUSE, false},
	{ "0.0.0.0",     "al", "0.0.0.0",          "al", 0,           false},
	{ "0.0.0.0",     "al", "0.0.0.0",          "l",  -EADDRINUSE, false},
	{ "0.0.0.0",     "pl", "0.0.0.0",          "pl", 0,           false},
	{ "0.0.0.0",     "pl", "0.0.0.0",          "al", -EADDRINUSE, false},
};

static void bind_conflicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof conflicts / sizeof *conflicts; i++) {
		struct binding a = binding(conflicts[i].first, 80, conflicts[i].first_flags);
		struct binding b = binding(conflicts[i].second, 80, conflicts[i].second_flags);
		struct binding elsewhere = binding(conflicts[i].second, 81, conflicts[i].second_flags);

		begin(conflicts[i].stream);
		assert_int_equal(pb_ports_bind(&ports, &env, &a), 0);
		assert_int_equal(pb_ports_bind(&ports, &env, &elsewhere), 0);
		if (pb_ports_bind(&ports, &env, &b) != conflicts[i].result)
			fail_msg("%s '%s' beside %s '%s'", conflicts[i].second, conflicts[i].second_flags,
				 conflicts[i].first, conflicts[i].first_flags);
		pb_ports_release(&ports, &a);
		if (conflicts[i].result) {
			b.port = 80;
			assert_int_equal(pb_ports_bind(&ports, &env, &b), 0); /* now that it is free */
		}
		end();
	}
}

static void one_listens(void **state)
{
	struct binding a = binding("0.0.0.0", 80, "a"), b = binding("192.0.2.1", 80, "a");
	struct binding c = binding("192.0.2.2", 80, "a");

	(void)state;
	begin(true);
	assert_int_equal(pb_ports_bind(&ports, &env, &a), 0);
	assert_int_equal(pb_ports_bind(&ports, &env, &b), 0);
	assert_int_equal(pb_ports_bind(&ports, &env, &c), 0);
	assert_int_equal(pb_ports_listen(&ports, &b), 0);
	assert_int_equal(pb_ports_listen(&ports, &a), -EADDRINUSE);
	assert_false(a.listening);
	assert_int_equal(pb_ports_listen(&ports, &c), 0);
	assert_int_equal(pb_ports_listen(&ports, &b), 0); /* again: its backlog may change */
	end();
}

static void most_specific_is_found(void **state)
{
	struct binding exact = binding("192.0.2.1", 80, "l"), four = binding("0.0.0.0", 80, "pl");
	struct binding both = binding("::", 80, "pl"), six = binding("2001:db8::1", 80, "pl");
	struct binding deaf = binding("192.0.2.3", 80, "p"), other = binding("192.0.2.1", 81, "l");
	struct ip ours = ip("192.0.2.1"), second = ip("192.0.2.2"), third = ip("192.0.2.3");
	struct ip v6 = ip("2001:db8::1"), w6 = ip("2001:db8::2");

	(void)state;
	exact.reuse_port = true;
	begin(true);
	assert_null(pb_ports_find(&ports, &ours, 80, 0, false));
	assert_int_equal(pb_ports_bind(&ports, &env, &exact), 0);
	assert_int_equal(pb_ports_bind(&ports, &env, &four), 0);
	assert_int_equal(pb_ports_bind(&ports, &env, &both), 0);
	assert_int_equal(pb_ports_bind(&ports, &env, &six), 0);
	assert_int_equal(pb_ports_bind(&ports, &env, &deaf), 0);
	assert_int_equal(pb_ports_bind(&ports, &env, &other), 0);
	assert_ptr_equal(pb_ports_find(&ports, &ours, 80, 0, false), &exact);
	assert_ptr_equal(pb_ports_find(&ports, &ours, 81, 0, false), &other);
	assert_ptr_equal(pb_ports_find(&ports, &second, 80, 0, false), &four);
	assert_ptr_equal(pb_ports_find(&ports, &third, 80, 0, false), &four);
	assert_ptr_equal(pb_ports_find(&ports, &v6, 80, 0, false), &six);
	assert_ptr_equal(pb_ports_find(&ports, &w6, 80, 0, false), &both);
	pb_ports_release(&ports, &four);
	assert_ptr_equal(pb_ports_find(&ports, &second, 80, 0, false), &both);
	both.v6only = true;
	assert_null(pb_ports_find(&ports, &second, 80, 0, false));
	assert_null(pb_ports_find(&ports, &second, 82, 0, false));
	end();
}

static void foreign_needs_any(void **state)
{
	struct binding plain = binding("0.0.0.0", 80, "pl"), any = binding("0.0.0.0", 80, "ply");
	struct ip a = ip("203.0.113.9");

	(void)state;
	begin(true);
	assert_int_equal(pb_ports_bind(&ports, &env, &plain), 0);
	assert_null(pb_ports_find(&ports, &a, 80, 0, true));
	assert_int_equal(pb_ports_bind(&ports, &env, &any), 0);
	for (uint32_t hash = 1; hash; hash <<= 1)
		assert_ptr_equal(pb_ports_find(&ports, &a, 80, hash, true), &any);
	end();
}

/* Each of those that share a port has about its part, and the same hash always the same one. */
static void shared_evenly(void **state)
{
	struct binding b[5];
	struct ip a = ip("192.0.2.1");
	int found[5] = { 0 };
	struct random r = { 1 };

	(void)state;
	begin(true);
	for (int i = 0; i < 5; i++) {
		b[i] = binding("0.0.0.0", 80, "pl");
		assert_int_equal(pb_ports_bind(&ports, &env, &b[i]), 0);
	}
	for (int i = 0; i < 5000; i++) {
		uint32_t hash = (uint32_t)random_next(&r);
		struct binding *f = pb_ports_find(&ports, &a, 80, hash, false);
		assert_ptr_equal(f, pb_ports_find(&ports, &a, 80, hash, false));
		found[f - b]++;
	}
	for (int i = 0; i < 5; i++)
		assert_in_range(found[i], 880, 1120);
	end();
}

/* UDP: of two that both set SO_REUSEADDR, the newer has what comes, as on Linux. */
static void newest_is_found(void **state)
{
	struct binding old = binding("0.0.0.0", 53, "al"), new = old;
	struct ip a = ip("192.0.2.1");

	(void)state;
	begin(false);
	assert_int_equal(pb_ports_bind(&ports, &env, &old), 0);
	assert_int_equal(pb_ports_bind(&ports, &env, &new), 0);
	assert_ptr_equal(pb_ports_find(&ports, &a, 53, 77, false), &new);
	pb_ports_release(&ports, &new);
	assert_ptr_equal(pb_ports_find(&ports, &a, 53, 77, false), &old);
	end();
}

static void listener_stands_first(void **state)
{
	struct binding listener = binding("0.0.0.0", 80, "al"), kept[100], moved;
	struct ip a = ip("192.0.2.1");

	(void)state;
	begin(true);
	assert_int_equal(pb_ports_bind(&ports, &env, &listener), 0);
	for (int i = 0; i < 100; i++) {
		kept[i] = binding("192.0.2.1", 80, "a");
		assert_int_equal(pb_ports_keep(&ports, &kept[i]), 0);
	}
	assert_ptr_equal(pb_ports_find(&ports, &a, 80, 0, false), &listener);
	pb_ports_move(&ports, &listener, &moved);
	assert_int_equal(listener.port, 0);
	assert_int_equal(moved.port, 80);
	assert_ptr_equal(pb_ports_find(&ports, &a, 80, 0, false), &moved);
	moved.connected = true;
	pb_ports_move(&ports, &moved, &listener);
	assert_null(pb_ports_find(&ports, &a, 80, 0, false));
	end();
}

static void count_binding(struct binding *b, void *context)
{
	assert_in_range(b->port, PB_PORT_DYNAMIC_FIRST, PB_PORT_DYNAMIC_LAST);
	++*(int *)context;
	pb_ports_release(&ports, b);
}

/* Port 0: each of the dynamic range once, then no more; one address does not take another's. */
static void ephemeral_bind(void **state)
{
	static struct binding b[PB_PORT_DYNAMIC_LAST - PB_PORT_DYNAMIC_FIRST + 1], more;
	int count = sizeof b / sizeof *b, met = 0, neighbours = 0;

	(void)state;
	begin(true);
	for (int i = 0; i < count; i++) {
		b[i] = binding("192.0.2.1", 0, "ap"); /* what could be shared is not shared by chance */
		assert_int_equal(pb_ports_bind(&ports, &env, &b[i]), 0);
		if (i && i < 100 && b[i].port == b[i - 1].port + 1)
			neighbours++;
	}
	assert_true(neighbours < 5); /* they are not handed out in a row */
	more = binding("0.0.0.0", 0, "ap");
	assert_int_equal(pb_ports_bind(&ports, &env, &more), -EADDRINUSE);
	more = binding("192.0.2.2", 0, "");
	assert_int_equal(pb_ports_bind(&ports, &env, &more), 0);
	pb_ports_each(&ports, count_binding, &met);
	assert_int_equal(met, count + 1);
	end();
}

static struct socket_pair call(const char *remote, uint16_t port)
{
	return (struct socket_pair){ ip("192.0.2.1"), ip(remote), 0, port };
}

/*
 * RFC 6056 §3.3.4: to one destination the ports come in a row from a secret beginning; another destination has
 * another; and a port serves any number of destinations.
 */
static void ephemeral_connect(void **state)
{
	static struct binding b[PB_PORT_DYNAMIC_LAST - PB_PORT_DYNAMIC_FIRST + 1], taken, other, last;
	static struct pair_entry entries[PB_PORT_DYNAMIC_LAST - PB_PORT_DYNAMIC_FIRST + 1];
	int count = sizeof b / sizeof *b - 1; /* one is bound */
	struct socket_pair there = call("198.51.100.1", 80), elsewhere = call("198.51.100.1", 81);

	(void)state;
	begin(true);
	taken = binding("0.0.0.0", 50000, "a");
	assert_int_equal(pb_ports_bind(&ports, &env, &taken), 0);
	for (int i = 0; i < count; i++) {
		struct socket_pair *pair = &entries[i].pair;
		*pair = there;
		assert_int_equal(pb_ports_connect(&ports, &pairs, pair, &b[i]), 0);
		assert_in_range(pair->local_port, PB_PORT_DYNAMIC_FIRST, PB_PORT_DYNAMIC_LAST);
		assert_int_not_equal(pair->local_port, 50000);
		assert_int_equal(b[i].port, pair->local_port);
		assert_true(b[i].connected);
		assert_int_equal(pb_pairs_add(&pairs, &entries[i]), 0); /* nobody has it */
		if (i && entries[i - 1].pair.local_port < PB_PORT_DYNAMIC_LAST &&
		    entries[i - 1].pair.local_port + 1 != 50000)
			assert_int_equal(pair->local_port, entries[i - 1].pair.local_port + 1);
	}
	assert_int_equal(pb_ports_connect(&ports, &pairs, &there, &last), -EADDRNOTAVAIL);
	assert_int_equal(there.local_port, 0);
	assert_int_equal(pb_ports_connect(&ports, &pairs, &elsewhere, &other), 0);
	assert_int_not_equal(elsewhere.local_port, entries[count - 1].pair.local_port + 1);
	end();
}

/* Of 200 destinations no two begin near each other more often than chance has it. */
static void destinations_apart(void **state)
{
	uint16_t ports_chosen[200];
	int near = 0;

	(void)state;
	begin(true);
	for (int i = 0; i < 200; i++) {
		static struct binding b[200];
		struct socket_pair to = call("198.51.100.1", (uint16_t)(1 + i));
		assert_int_equal(pb_ports_connect(&ports, &pairs, &to, &b[i]), 0);
		ports_chosen[i] = to.local_port;
		near += i && abs(to.local_port - ports_chosen[i - 1]) < 64;
	}
	assert_true(near < 10); /* 1.6 are expected */
	end();
}

static void never_to_oneself(void **state)
{
	(void)state;
	begin(true);
	ports.first = ports.last = 50001;
	struct socket_pair self = call("192.0.2.1", 50001);
	struct binding b = { 0 };
	assert_int_equal(pb_ports_connect(&ports, &pairs, &self, &b), -EADDRNOTAVAIL);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bind_conflicts),         cmocka_unit_test(one_listens),
		cmocka_unit_test(most_specific_is_found), cmocka_unit_test(foreign_needs_any),
		cmocka_unit_test(shared_evenly),          cmocka_unit_test(newest_is_found),
		cmocka_unit_test(listener_stands_first),  cmocka_unit_test(ephemeral_bind),
		cmocka_unit_test(ephemeral_connect),      cmocka_unit_test(destinations_apart),
		cmocka_unit_test(never_to_oneself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
