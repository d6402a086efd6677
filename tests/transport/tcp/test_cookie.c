/* SYN cookies: what they bring back, how long they are good, and that nothing else is one. */
#include "random.h"
#include "transport/tcp/cookie.h"
#include "transport/tcp/isn.h"
#include "transport/tcp/listen.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct env env;
static struct tcp tcp;

static int begin(void **state)
{
	static const uint8_t seed[16] = "cookie";

	(void)state;
	env = (struct env){ .rng = pb_rng_derive(seed, "test") };
	tcp = (struct tcp){ .env = &env, .cookie_key = pb_rng_key(&env.rng) };
	return 0;
}

static struct socket_pair some_pair(struct random *r)
{
	struct socket_pair p;

	memset(&p, 0, sizeof p);
	for (size_t i = 0; i < SOCKET_PAIR_LEN; i++)
		((uint8_t *)&p)[i] = (uint8_t)random_next(r);
	return p;
}

/* The MSS comes back as the largest of the table that is not above it, so that it never is too large. */
static void keeps_mss(void **state)
{
	static const struct {
		uint16_t announced, kept;
	} cases[] = {
		{1,      64  },
                { 64,    64  },
                { 535,   64  },
                { 536,   536 },
		{ 1219,  536 },
                { 1220,  1220},
                { 1400,  1360},
                { 1459,  1452},
		{ 1460,  1460},
                { 8939,  1460},
                { 8960,  8940},
                { 65495, 8940},
	};
	struct random r = { 1 };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct socket_pair pair = some_pair(&r);
		seq irs = { (uint32_t)random_next(&r) };
		uint16_t mss = 0;
		seq cookie = pb_tcp_cookie(&tcp, &pair, irs, cases[i].announced);
		assert_true(pb_tcp_cookie_check(&tcp, &pair, irs, cookie, &mss));
		assert_int_equal(mss, cases[i].kept);
	}
}

static void good_for_a_while(void **state)
{
	struct seeds s = seeds_to_try(200);

	(void)state;
	for (uint64_t seed = s.first; seed < s.end; seed++) {
		struct random r = { seed };
		struct socket_pair pair = some_pair(&r);
		pb_time then = env.timers.now = (pb_time)random_below(&r, (uint64_t)PB_SEC(100000));
		seq cookie = pb_tcp_cookie(&tcp, &pair, (seq){ 7 }, 1460);
		uint16_t mss;

		env.timers.now = then + (pb_time)random_below(&r, TCP_COOKIE_PERIOD + 1);
		if (!pb_tcp_cookie_check(&tcp, &pair, (seq){ 7 }, cookie, &mss))
			fail_msg("too short (PACKETBOAT_SEED=%" PRIu64 ")", seed);
		env.timers.now = then + 2 * TCP_COOKIE_PERIOD;
		if (pb_tcp_cookie_check(&tcp, &pair, (seq){ 7 }, cookie, &mss))
			fail_msg("too long (PACKETBOAT_SEED=%" PRIu64 ")", seed);
	}
}

/* Another pair, another IRS, another bit: none of them passes. */
static void nothing_else_is_one(void **state)
{
	struct random r = { 3 };
	struct socket_pair pair = some_pair(&r);
	seq irs = { 12345 }, cookie = pb_tcp_cookie(&tcp, &pair, irs, 1460);
	uint16_t mss;

	(void)state;
	for (unsigned bit = 0; bit < 32; bit++) {
		assert_false(pb_tcp_cookie_check(&tcp, &pair, irs, (seq){ cookie.v ^ 1u << bit }, &mss));
		assert_false(pb_tcp_cookie_check(&tcp, &pair, (seq){ irs.v ^ 1u << bit }, cookie, &mss));
	}
	for (unsigned bit = 0; bit < SOCKET_PAIR_LEN * 8; bit++) {
		struct socket_pair other = pair;
		((uint8_t *)&other)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(pb_tcp_cookie_check(&tcp, &other, irs, cookie, &mss));
	}
	int passed = 0;
	for (int i = 0; i < 1000000; i++)
		passed += pb_tcp_cookie_check(&tcp, &pair, irs, (seq){ (uint32_t)random_next(&r) }, &mss);
	assert_true(passed <= 1); /* 16 of 2^32 numbers are cookies */
}

/* Window scale and SACK come back in a timestamp, which is never ahead of the clock, nor far behind. */
static void timestamps_keep_options(void **state)
{
	struct seeds s = seeds_to_try(1000);

	(void)state;
	for (uint64_t seed = s.first; seed < s.end; seed++) {
		struct random r = { seed };
		struct tcp_syn call = {
			.ts_offset = (uint32_t)random_next(&r),
			.has_sack = random_below(&r, 2),
			.has_scale = random_below(&r, 2),
			.snd_scale = (uint8_t)random_below(&r, 16), /* above 14 is 14: RFC 7323 §2.3 */
		};
		struct tcp_syn back = { 0 };
		env.timers.now = (pb_time)random_below(&r, (uint64_t)PB_SEC(100000));
		uint32_t stamp = pb_tcp_cookie_timestamp(&tcp, &call);
		assert_in_range(pb_tcp_timestamp(&tcp, call.ts_offset) - stamp, 0, 63);
		pb_tcp_cookie_options(&back, stamp);
		assert_true(back.has_timestamps);
		assert_int_equal(back.has_sack, call.has_sack);
		assert_int_equal(back.has_scale, call.has_scale);
		if (call.has_scale)
			assert_int_equal(back.snd_scale, call.snd_scale < 14 ? call.snd_scale : 14);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(keeps_mss, begin),
		cmocka_unit_test_setup(good_for_a_while, begin),
		cmocka_unit_test_setup(nothing_else_is_one, begin),
		cmocka_unit_test_setup(timestamps_keep_options, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
