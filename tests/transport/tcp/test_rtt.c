/* The RTO by the rules of RFC 6298, whose numbers the tests have. */
#include "random.h"
#include "transport/tcp/rtt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MARGIN  PB_MSEC(200) /* Linux's; RFC 6298 2.4 has a minimum of 1 s */
#define RTO_MAX PB_SEC(120)

static struct rtt fresh(void)
{
	struct rtt r;

	pb_tcp_rtt_init(&r);
	return r;
}

static struct rtt sampled(pb_time sample)
{
	struct rtt r = fresh();

	pb_tcp_rtt_sample(&r, sample);
	return r;
}

static void rule_2_1_one_second_before_any_sample(void **state)
{
	(void)state;
	assert_int_equal(fresh().rto, PB_SEC(1));
	assert_int_equal(fresh().srtt, 0);
}

static void rule_2_2_first_sample(void **state)
{
	struct rtt r = sampled(PB_MSEC(300));

	(void)state;
	assert_int_equal(r.srtt, PB_MSEC(300));
	assert_int_equal(r.rttvar, PB_MSEC(150));
	assert_int_equal(r.rto, PB_MSEC(900));
}

static void rule_2_3_next_sample(void **state)
{
	struct rtt r = sampled(PB_MSEC(400));

	(void)state;
	pb_tcp_rtt_sample(&r, PB_MSEC(800));
	assert_int_equal(r.rttvar, PB_MSEC(250)); /* 3/4 * 200 + 1/4 * |400 - 800| */
	assert_int_equal(r.srtt, PB_MSEC(450));   /* 7/8 * 400 + 1/8 * 800 */
	assert_int_equal(r.rto, PB_MSEC(1450));
	assert_int_equal(r.min, PB_MSEC(400));
}

/* Against the rules in floating point. */
static void rule_2_3_any_samples(void **state)
{
	struct seeds seeds = seeds_to_try(100);

	(void)state;
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct random random = { seed };
		struct rtt r = fresh();
		double srtt = 0, rttvar = 0;
		for (int i = 0; i < 500; i++) {
			pb_time sample = (pb_time)random_magnitude(&random, 36) + 1;
			double off = srtt > (double)sample ? srtt - (double)sample : (double)sample - srtt;
			rttvar = i ? 0.75 * rttvar + 0.25 * off : (double)sample / 2;
			srtt = i ? 0.875 * srtt + 0.125 * (double)sample : (double)sample;
			pb_tcp_rtt_sample(&r, sample);
			double margin = (double)MARGIN,
			       rto = srtt + (4 * rttvar > margin ? 4 * rttvar : margin);
			rto = rto > (double)RTO_MAX ? (double)RTO_MAX : rto;
			if ((double)r.rto < rto - 100 || (double)r.rto > rto + 100) /* of rounding, in ns */
				fail_msg("PACKETBOAT_SEED=%llu, sample %d: RTO %lld, by the rules %.0f",
					 (unsigned long long)seed, i, (long long)r.rto, rto);
		}
	}
}

static void rule_2_4_and_2_5_bounds(void **state)
{
	(void)state;
	assert_int_equal(sampled(PB_MSEC(1)).rto, PB_MSEC(201));
	assert_int_equal(sampled(PB_SEC(100)).rto, RTO_MAX);
}

/* With a clock that did not move, there is a sample nevertheless. */
static void no_time_at_all_is_a_sample(void **state)
{
	(void)state;
	assert_true(sampled(0).srtt > 0);
	assert_int_equal(sampled(0).rto, sampled(0).srtt + MARGIN);
}

static void rule_5_5_doubles_up_to_the_bound(void **state)
{
	struct rtt r = fresh();
	pb_time want = PB_SEC(1);

	(void)state;
	for (int i = 1; i < 300; i++) {
		pb_tcp_rtt_backoff(&r);
		want = 2 * want < RTO_MAX ? 2 * want : RTO_MAX;
		assert_int_equal(r.rto, want);
		assert_int_equal(r.backoff, i < 255 ? i : 255);
	}
}

static void a_sample_or_no_loss_ends_the_backoff(void **state)
{
	struct rtt r = sampled(PB_MSEC(300));

	(void)state;
	pb_tcp_rtt_backoff(&r);
	pb_tcp_rtt_restore(&r);
	assert_int_equal(r.rto, PB_MSEC(900));
	assert_int_equal(r.backoff, 0);
	pb_tcp_rtt_backoff(&r);
	pb_tcp_rtt_sample(&r, PB_MSEC(300));
	assert_int_equal(r.rto, PB_MSEC(300) + 4 * PB_MSEC(150) * 3 / 4);
	assert_int_equal(r.backoff, 0);
}

static void rule_5_7_three_seconds_after_a_lost_syn(void **state)
{
	struct rtt r = fresh();

	(void)state;
	pb_tcp_rtt_backoff(&r);
	pb_tcp_rtt_syn_lost(&r);
	assert_int_equal(r.rto, PB_SEC(3));
	assert_int_equal(r.backoff, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_2_1_one_second_before_any_sample),
		cmocka_unit_test(rule_2_2_first_sample),
		cmocka_unit_test(rule_2_3_next_sample),
		cmocka_unit_test(rule_2_3_any_samples),
		cmocka_unit_test(rule_2_4_and_2_5_bounds),
		cmocka_unit_test(no_time_at_all_is_a_sample),
		cmocka_unit_test(rule_5_5_doubles_up_to_the_bound),
		cmocka_unit_test(a_sample_or_no_loss_ends_the_backoff),
		cmocka_unit_test(rule_5_7_three_seconds_after_a_lost_syn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
