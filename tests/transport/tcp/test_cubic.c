/* The congestion window by the rules of RFC 9438, computed anew here in floating point, and those of RFC 7661. */
#include "random.h"
#include "transport/tcp/congestion.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MSS  1000
#define RTT  PB_MSEC(100)
#define C    0.4
#define BETA 0.7

struct flow {
	struct tcp_congestion c;
	pb_time now;
};

static struct flow started(uint32_t mss)
{
	struct flow f = {
		.c = {.ops = &pb_tcp_cubic, .mss = mss},
                  .now = PB_SEC(1)
	};

	f.c.ops->start(&f.c, f.now);
	return f;
}

static void ack(struct flow *f, uint32_t acked, uint32_t flight, pb_time rtt)
{
	f->c.ops->acked(&f->c, f->now, &(struct tcp_ack){ acked, flight, rtt, RTT });
}

/* A round trip in which all of the window is used and acknowledged, two segments at a time. */
static void round_trip(struct flow *f, pb_time rtt)
{
	uint32_t acks = f->c.cwnd / (2 * f->c.mss), flight = f->c.cwnd;

	for (uint32_t i = 0; i < acks; i++) {
		f->now += rtt / acks;
		ack(f, 2 * f->c.mss, flight, rtt);
	}
}

/* A flow that has lost at a window of so many segments, and goes on. */
static struct flow after_loss(uint32_t segments)
{
	struct flow f = started(MSS);

	f.c.cwnd = segments * MSS;
	f.c.ops->lost(&f.c, f.now, f.c.cwnd);
	f.c.ops->recovered(&f.c, f.now);
	return f;
}

static void assert_near(double is, double should_be, double tolerance)
{
	if (fabs(is - should_be) > tolerance * should_be)
		fail_msg("%.1f instead of %.1f", is, should_be);
}

/* §4.6: beta = 0.7. */
static void a_loss_leaves_seven_tenths(void **state)
{
	struct flow f = after_loss(100);

	(void)state;
	assert_int_equal(f.c.cwnd, 70 * MSS);
	assert_int_equal(f.c.ssthresh, 70 * MSS);
	f.c.ops->lost(&f.c, f.now, 50 * MSS); /* of the window, which was made use of some time */
	assert_int_equal(f.c.ssthresh, 49 * MSS);
	f.c.cwnd = 2 * MSS;
	f.c.ops->lost(&f.c, f.now, 2 * MSS);
	assert_int_equal(f.c.ssthresh, 2 * MSS);
}

/* §4.2: W_cubic(t) = C (t - K)³ + W_max, a round trip ahead; concave until K, then convex. */
static void grows_by_the_cubic_function(void **state)
{
	const uint32_t w_max = 5000;
	struct flow f = after_loss(w_max);
	double k = cbrt(w_max * (1 - BETA) / C);
	pb_time begin = 0;

	(void)state;
	while (f.now < PB_SEC(31)) {
		round_trip(&f, RTT);
		if (!begin)
			begin = f.now - RTT;
		double t = (double)(f.now - begin) /
			   1e9; /* what a round's ACKs spend is W_cubic() a round ahead */
		assert_near(f.c.cwnd, MSS * (C * pow(t - k, 3) + w_max), 0.01);
	}
	assert_true(f.c.cwnd > w_max * MSS); /* K was passed, and the convex region begun */
}

/* §4.2: target <= 1.5 cwnd: never more in a round trip, however long ago the epoch began. */
static void grows_by_half_at_most(void **state)
{
	struct flow f = after_loss(20);

	(void)state;
	round_trip(&f, RTT);
	f.now += PB_SEC(1000000);
	f.c.cubic.updated = f.now;
	uint32_t before = f.c.cwnd;
	round_trip(&f, RTT);
	assert_true(f.c.cwnd <= before + before / 2);
	assert_near(f.c.cwnd, before * 1.5, 0.1);
}

/* §4.3: on a short path where C gives less, Reno's growth: alpha = 9/17 of a segment up to cwnd_prior, then 1. */
static void never_slower_than_reno(void **state)
{
	struct flow f = after_loss(100);
	const pb_time rtt = PB_MSEC(5);
	double reno = 70;

	(void)state;
	for (int round = 0; round < 80; round++) {
		round_trip(&f, rtt);
		reno += reno < 100 ? 9.0 / 17 : 1;
		assert_near(f.c.cwnd, reno * MSS, 0.02);
	}
	assert_true(f.c.cwnd > 110 * MSS);
}

/* §4.7: lost before it was back: W_max = cwnd (1 + beta) / 2. */
static void makes_room_for_others(void **state)
{
	struct flow f = after_loss(1000);

	(void)state;
	f.c.cwnd = 800 * MSS;
	f.c.ops->lost(&f.c, f.now, f.c.cwnd);
	assert_int_equal(f.c.cubic.w_max, 680 * MSS);
	f.c.cwnd = 700 * MSS;
	f.c.ops->lost(&f.c, f.now, f.c.cwnd);
	assert_int_equal(f.c.cubic.w_max, 700 * MSS);
}

/* §4.8: one segment, slow start up to 0.7 of what was in flight; then K = 0. */
static void a_timeout_begins_anew(void **state)
{
	struct flow f = after_loss(100);

	(void)state;
	f.c.cwnd = 100 * MSS;
	f.c.ops->timeout(&f.c, f.now, 100 * MSS, true);
	assert_int_equal(f.c.cwnd, MSS);
	assert_int_equal(f.c.ssthresh, 70 * MSS);
	f.c.ops->timeout(&f.c, f.now, MSS, false);
	assert_int_equal(f.c.ssthresh, 70 * MSS);
	while (f.c.cwnd < f.c.ssthresh)
		ack(&f, MSS, f.c.cwnd, 0);
	ack(&f, MSS, f.c.cwnd, 0);
	assert_int_equal(f.c.cubic.k, 0);
	assert_int_equal(f.c.cubic.w_max, f.c.cwnd);
}

/* RFC 9406: no loss, but round trips become longer: slow start ends, and growth goes on from there. */
static void slow_start_ends_without_loss(void **state)
{
	struct flow f = started(MSS);

	(void)state;
	for (int i = 0; i < 4; i++)
		round_trip(&f, RTT);
	assert_int_equal(f.c.cwnd, 160 * MSS);
	for (int i = 0; i < 7 && f.c.cwnd < f.c.ssthresh; i++)
		round_trip(&f, RTT + PB_MSEC(20 + i));
	assert_true(f.c.ssthresh < TCP_CWND_MAX);
	assert_true(f.c.cwnd > 160 * MSS && f.c.cwnd < 2 * 2 * 160 * MSS); /* not doubled in five rounds */
	ack(&f, MSS, f.c.cwnd, RTT);
	assert_int_equal(f.c.cubic.k, 0); /* RFC 9438 §4.10 */
}

/* RFC 9406 §4.3: not in later slow starts. */
static void later_slow_starts_ignore_the_delay(void **state)
{
	struct flow f = started(MSS);

	(void)state;
	f.c.cwnd = 4000 * MSS;
	f.c.ops->timeout(&f.c, f.now, 4000 * MSS, true);
	for (int i = 0; i < 10; i++) {
		uint32_t before = f.c.cwnd;
		for (uint32_t acked = 0; acked < before; acked += MSS)
			ack(&f, MSS, before, RTT * (i + 1));
		assert_int_equal(f.c.cwnd, 2 * before);
	}
}

/* §5.8, RFC 7661 §4.3: a window that is not used does not grow, and the time does not count. */
static void what_is_not_used_does_not_grow(void **state)
{
	struct flow f = after_loss(1000);

	(void)state;
	for (int i = 0; i < 10; i++)
		round_trip(&f, RTT);
	uint32_t before = f.c.cwnd;
	for (int i = 0; i < 200; i++) {
		f.now += RTT;
		ack(&f, 10 * MSS, 10 * MSS, RTT);
	}
	assert_int_equal(f.c.cwnd, before);
	round_trip(&f, RTT);
	assert_near(f.c.cwnd, before, 0.03); /* two rounds' growth, not two hundred's */
}

/* RFC 7661 §4.4.3: after five minutes of that it is halved, down to the initial window, and ssthresh remembers. */
static void what_is_long_not_used_decays(void **state)
{
	struct flow f = after_loss(1000);

	(void)state;
	for (int i = 0; i <= 3000; i++, f.now += RTT)
		ack(&f, MSS, MSS, RTT);
	assert_int_equal(f.c.cwnd, 700 * MSS);
	for (int i = 0; i < 10; i++, f.now += RTT)
		ack(&f, MSS, MSS, RTT);
	assert_int_equal(f.c.cwnd, 350 * MSS);
	assert_int_equal(f.c.ssthresh, 700 * MSS);
	for (int i = 0; i < 10; i++, f.now += PB_SEC(301))
		ack(&f, MSS, MSS, RTT);
	assert_int_equal(f.c.cwnd, 10 * MSS);
}

/* RFC 5681 §4.1. */
static void idle_time_restarts(void **state)
{
	struct flow f = after_loss(1000);

	(void)state;
	f.c.ops->idle(&f.c, f.now);
	assert_int_equal(f.c.cwnd, 10 * MSS);
	assert_int_equal(f.c.ssthresh, 700 * MSS);
	f.c.cwnd = 4 * MSS;
	f.c.ops->idle(&f.c, f.now);
	assert_int_equal(f.c.cwnd, 4 * MSS);
}

/* tcp_slow_start_after_idle=0: the window stays, and the pause is no time in which it would have grown. */
static void idle_time_is_passed_over(void **state)
{
	struct flow f = after_loss(1000);

	(void)state;
	f.c.keeps_window = true;
	for (int i = 0; i < 10; i++)
		round_trip(&f, RTT);
	uint32_t before = f.c.cwnd;
	f.now += PB_SEC(100);
	f.c.ops->idle(&f.c, f.now);
	assert_int_equal(f.c.cwnd, before);
	round_trip(&f, RTT);
	assert_near(f.c.cwnd, before, 0.03);
}

/* The last window of a burst opens it as the others did, however little is in flight in the end. */
static void the_end_of_a_burst_counts(void **state)
{
	struct flow f = started(MSS);

	(void)state;
	for (uint32_t left = 10; left > 0; left -= 2)
		ack(&f, 2 * MSS, left * MSS, RTT);
	assert_int_equal(f.c.cwnd, 20 * MSS);
	ack(&f, MSS, MSS, RTT); /* a new one, which is small */
	assert_int_equal(f.c.cwnd, 20 * MSS);
}

static void step(struct flow *f, struct random *random)
{
	uint32_t flight = (uint32_t)random_magnitude(random, 31);
	uint32_t bytes = (uint32_t)random_below(random, (uint64_t)flight + 1);

	f->now += (pb_time)random_magnitude(random, 41);
	switch (random_below(random, 20)) {
	case 0:
		f->c.ops->lost(&f->c, f->now, flight);
		f->c.cwnd += 3 * f->c.mss;
		f->c.ops->recovered(&f->c, f->now);
		break;
	case 1:
		f->c.ops->timeout(&f->c, f->now, flight, random_below(random, 2));
		break;
	case 2:
		f->c.ops->idle(&f->c, f->now);
		break;
	default:
		ack(f, bytes, flight, (pb_time)random_magnitude(random, 40));
	}
}

/* Whatever happens: a segment may be sent, and no counter runs over. */
static void stays_within_bounds(void **state)
{
	struct seeds seeds = seeds_to_try(200);

	(void)state;
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct random random = { seed };
		struct flow f = started(1 + (uint32_t)random_below(&random, 65535));
		for (int i = 0; i < 5000; i++) {
			step(&f, &random);
			if (f.c.cwnd < f.c.mss || f.c.cwnd > TCP_CWND_MAX + 3 * f.c.mss ||
			    f.c.ssthresh < 2 * f.c.mss)
				fail_msg("PACKETBOAT_SEED=%llu: cwnd %u, ssthresh %u",
					 (unsigned long long)seed, f.c.cwnd, f.c.ssthresh);
		}
	}
}

static void is_found_by_its_name(void **state)
{
	(void)state;
	assert_ptr_equal(pb_tcp_congestion_find("cubic", 5), &pb_tcp_cubic);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loss_leaves_seven_tenths),
		cmocka_unit_test(grows_by_the_cubic_function),
		cmocka_unit_test(grows_by_half_at_most),
		cmocka_unit_test(never_slower_than_reno),
		cmocka_unit_test(makes_room_for_others),
		cmocka_unit_test(a_timeout_begins_anew),
		cmocka_unit_test(slow_start_ends_without_loss),
		cmocka_unit_test(later_slow_starts_ignore_the_delay),
		cmocka_unit_test(what_is_not_used_does_not_grow),
		cmocka_unit_test(what_is_long_not_used_decays),
		cmocka_unit_test(idle_time_is_passed_over),
		cmocka_unit_test(the_end_of_a_burst_counts),
		cmocka_unit_test(idle_time_restarts),
		cmocka_unit_test(stays_within_bounds),
		cmocka_unit_test(is_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
