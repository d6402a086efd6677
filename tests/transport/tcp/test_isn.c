/* Initial sequence numbers by RFC 6528: they grow with the clock for a pair, and tell nothing of another's. */
#include "random.h"
#include "transport/tcp/isn.h"
#include "transport/tcp/seq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct env env;
static struct tcp tcp;

static int begin(void **state)
{
	static const uint8_t seed[16] = "isn";

	(void)state;
	env = (struct env){ .rng = pb_rng_derive(seed, "test") };
	tcp = (struct tcp){ .env = &env, .secret_key = pb_rng_key(&env.rng) };
	return 0;
}

static struct socket_pair pair_to(uint16_t port)
{
	struct socket_pair p;

	memset(&p, 0, sizeof p);
	assert_true(pb_ip_parse(&p.local, "192.0.2.1"));
	assert_true(pb_ip_parse(&p.remote, "198.51.100.1"));
	p.local_port = 50000;
	p.remote_port = port;
	return p;
}

static seq isn_of(const struct tcp *t, const struct socket_pair *pair)
{
	return pb_tcp_isn(t, pb_tcp_secret(t, pair));
}

/* One each 4 microseconds: 250,000 a second, so that a pair's next connection is beyond its last. */
static void grows_with_the_clock(void **state)
{
	struct socket_pair pair = pair_to(80);
	seq before = isn_of(&tcp, &pair);

	(void)state;
	env.timers.now += PB_SEC(1);
	assert_int_equal(seq_diff(isn_of(&tcp, &pair), before), 250000);
	env.timers.now += PB_SEC(3600);
	assert_int_equal(seq_diff(isn_of(&tcp, &pair), before), 3601 * 250000);
}

/* Of neighbouring pairs, half of the bits differ on average; so of two keys. */
static void tells_nothing_of_others(void **state)
{
	int bits = 0, key_bits = 0, time_bits = 0;

	(void)state;
	for (uint16_t port = 1; port <= 1000; port++) {
		struct socket_pair a = pair_to(port), b = pair_to(port + 1);
		struct tcp other = tcp;
		other.secret_key.k1 ^= 1;
		bits += __builtin_popcount(isn_of(&tcp, &a).v ^ isn_of(&tcp, &b).v);
		key_bits += __builtin_popcount(isn_of(&tcp, &a).v ^ isn_of(&other, &a).v);
		time_bits += __builtin_popcount(pb_tcp_timestamp_offset(pb_tcp_secret(&tcp, &a)) ^
						pb_tcp_timestamp_offset(pb_tcp_secret(&tcp, &b)));
	}
	assert_in_range(bits, 15500, 16500);
	assert_in_range(key_bits, 15500, 16500);
	assert_in_range(time_bits, 15500, 16500);
}

static void timestamps_are_milliseconds(void **state)
{
	uint32_t before = pb_tcp_timestamp(&tcp, 0xffffffff);

	(void)state;
	env.timers.now += PB_SEC(2);
	assert_int_equal(pb_tcp_timestamp(&tcp, 0xffffffff) - before, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(grows_with_the_clock, begin),
		cmocka_unit_test_setup(tells_nothing_of_others, begin),
		cmocka_unit_test_setup(timestamps_are_milliseconds, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
