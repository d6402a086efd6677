/* The congestion window by the rules of RFC 5681, 3465 and 6928. */
#include "random.h"
#include "transport/tcp/congestion.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MSS 1000

static struct tcp_congestion started(uint32_t mss)
{
	struct tcp_congestion c = { .ops = &pb_tcp_newreno, .mss = mss };

	c.ops->start(&c, 0);
	return c;
}

static void acked_of(struct tcp_congestion *c, uint32_t bytes, uint32_t flight)
{
	c->ops->acked(c, 0, &(struct tcp_ack){ .acked = bytes, .flight = flight });
}

/* In use to the last byte. */
static void acked(struct tcp_congestion *c, uint32_t bytes)
{
	acked_of(c, bytes, c->cwnd);
}

/* RFC 6928 §2, equation 1. */
static void initial_window(void **state)
{
	static const uint32_t mss_and_window[][2] = {
		{536,   5360 },
                { 1220, 12200},
                { 1460, 14600},
                { 4000, 14600},
                { 8960, 17920},
	};

	(void)state;
	for (size_t i = 0; i < sizeof mss_and_window / sizeof *mss_and_window; i++) {
		struct tcp_congestion c = started(mss_and_window[i][0]);
		assert_int_equal(c.cwnd, mss_and_window[i][1]);
		assert_true(c.ssthresh >= 1 << 30);
	}
}

/* RFC 5681 §3.1: a window of acknowledgements doubles it. */
static void slow_start_doubles(void **state)
{
	struct tcp_congestion c = started(MSS);

	(void)state;
	for (int round = 0; round < 8; round++) {
		uint32_t before = c.cwnd;
		for (uint32_t bytes = 0; bytes < before; bytes += 2 * MSS)
			acked_of(&c, 2 * MSS, before);
		assert_int_equal(c.cwnd, 2 * before);
	}
}

/* RFC 9406 §4.3: L = 8; RFC 3465 §2.3: 1 after a time-out. */
static void slow_start_limits_what_one_ack_opens(void **state)
{
	struct tcp_congestion c = started(MSS);

	(void)state;
	acked(&c, 10 * MSS);
	assert_int_equal(c.cwnd, 18 * MSS);
	c.ops->timeout(&c, 0, 18 * MSS, true);
	acked(&c, 10 * MSS);
	assert_int_equal(c.cwnd, 2 * MSS);
}

static void an_unused_window_does_not_grow(void **state)
{
	struct tcp_congestion c = started(MSS);

	(void)state;
	for (int i = 0; i < 100; i++)
		acked_of(&c, MSS, MSS);
	assert_int_equal(c.cwnd, 10 * MSS);
	c.ssthresh = 5 * MSS;
	for (int i = 0; i < 100; i++)
		acked_of(&c, MSS, MSS);
	assert_int_equal(c.cwnd, 10 * MSS);
}

/* RFC 5681 §3.1, equation 3 and what is said of counting bytes: one segment a window. */
static void avoidance_adds_a_segment_a_window(void **state)
{
	struct tcp_congestion c = started(MSS);

	(void)state;
	c.ssthresh = c.cwnd = 20 * MSS;
	for (int i = 0; i < 19; i++)
		acked(&c, MSS);
	assert_int_equal(c.cwnd, 20 * MSS);
	acked(&c, MSS);
	assert_int_equal(c.cwnd, 21 * MSS);
	acked(&c, 20 * MSS);
	assert_int_equal(c.cwnd, 21 * MSS);
	acked(&c, MSS);
	assert_int_equal(c.cwnd, 22 * MSS);
}

/* RFC 5681 §3.1, equation 4. */
static void a_loss_halves(void **state)
{
	struct tcp_congestion c = started(MSS);

	(void)state;
	c.ops->lost(&c, 0, 30 * MSS);
	assert_int_equal(c.ssthresh, 15 * MSS);
	c.ops->lost(&c, 0, 3 * MSS);
	assert_int_equal(c.ssthresh, 2 * MSS);
}

static void a_timeout_leaves_one_segment(void **state)
{
	struct tcp_congestion c = started(MSS);

	(void)state;
	c.ops->timeout(&c, 0, 30 * MSS, true);
	assert_int_equal(c.cwnd, MSS);
	assert_int_equal(c.ssthresh, 15 * MSS);
	c.ops->timeout(&c, 0, MSS, false);
	assert_int_equal(c.ssthresh, 15 * MSS);
}

/* RFC 5681 §4.1. */
static void idle_time_restarts(void **state)
{
	struct tcp_congestion c = started(MSS);

	(void)state;
	c.cwnd = 100 * MSS;
	c.ops->idle(&c, 0);
	assert_int_equal(c.cwnd, 10 * MSS);
	c.cwnd = 4 * MSS;
	c.ops->idle(&c, 0);
	assert_int_equal(c.cwnd, 4 * MSS);
}

static void step(struct tcp_congestion *c, struct random *random)
{
	uint32_t flight = (uint32_t)random_magnitude(random, 31);
	uint32_t bytes = (uint32_t)random_below(random, (uint64_t)flight + 1);

	switch (random_below(random, 20)) {
	case 0:
		c->ops->lost(c, 0, flight);
		c->cwnd += 3 * c->mss;
		c->ops->recovered(c, 0);
		break;
	case 1:
		c->ops->timeout(c, 0, flight, random_below(random, 2));
		break;
	case 2:
		c->ops->idle(c, 0);
		break;
	default:
		acked_of(c, bytes, flight);
	}
}

/* Whatever happens: a segment may be sent, and no counter runs over. */
static void stays_within_bounds(void **state)
{
	struct seeds seeds = seeds_to_try(100);

	(void)state;
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct random random = { seed };
		struct tcp_congestion c = started(1 + (uint32_t)random_below(&random, 65535));
		for (int i = 0; i < 5000; i++) {
			step(&c, &random);
			if (c.cwnd < c.mss || c.cwnd > (2u << 30) || c.ssthresh < 2 * c.mss)
				fail_msg("PACKETBOAT_SEED=%llu: cwnd %u, ssthresh %u",
					 (unsigned long long)seed, c.cwnd, c.ssthresh);
		}
	}
}

static void is_found_by_its_name(void **state)
{
	(void)state;
	assert_ptr_equal(pb_tcp_congestion_find("reno and more", 4), &pb_tcp_newreno);
	assert_null(pb_tcp_congestion_find("reno", 3));
	assert_null(pb_tcp_congestion_find("renos", 5));
	assert_null(pb_tcp_congestion_find("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(initial_window),
		cmocka_unit_test(slow_start_doubles),
		cmocka_unit_test(slow_start_limits_what_one_ack_opens),
		cmocka_unit_test(an_unused_window_does_not_grow),
		cmocka_unit_test(avoidance_adds_a_segment_a_window),
		cmocka_unit_test(a_loss_halves),
		cmocka_unit_test(a_timeout_leaves_one_segment),
		cmocka_unit_test(idle_time_restarts),
		cmocka_unit_test(stays_within_bounds),
		cmocka_unit_test(is_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
