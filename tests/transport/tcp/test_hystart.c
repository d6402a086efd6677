/* Leaving slow start by the rules of RFC 9406 §4.2. */
#include "transport/tcp/hystart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define USEC(n) ((pb_time)(n)*1000)

/* A round of samples that are all the same. What the last of them led to. */
static enum hystart_phase round_of(struct hystart *h, int samples, pb_time rtt)
{
	enum hystart_phase phase = HYSTART_SLOW_START;

	for (int i = 0; i < samples; i++)
		phase = pb_tcp_hystart_acked(h, i == 0, rtt);
	return phase;
}

/* At the end of the first round, of 40 ms. */
static struct hystart begun(void)
{
	struct hystart h;

	pb_tcp_hystart_init(&h);
	assert_int_equal(round_of(&h, 10, PB_MSEC(40)), HYSTART_SLOW_START);
	return h;
}

static void steady_round_trips_stay(void **state)
{
	struct hystart h = begun();

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(round_of(&h, 10, PB_MSEC(40)), HYSTART_SLOW_START);
}

/* RttThresh = max(4 ms, min(lastRoundMinRTT / 8, 16 ms)). */
static void the_threshold_is_an_eighth_within_bounds(void **state)
{
	static const struct {
		pb_time before, stays, leaves;
	} cases[] = {
		{PB_MSEC(40),   USEC(44999),  PB_MSEC(45) },
		{ PB_MSEC(8),   USEC(11999),  PB_MSEC(12) },
		{ PB_MSEC(200), USEC(215999), PB_MSEC(216)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct hystart h;
		pb_tcp_hystart_init(&h);
		round_of(&h, 8, cases[i].before);
		struct hystart again = h;
		assert_int_equal(round_of(&h, 8, cases[i].stays), HYSTART_SLOW_START);
		assert_int_equal(round_of(&again, 8, cases[i].leaves), HYSTART_CSS);
	}
}

/* N_RTT_SAMPLE = 8. */
static void seven_samples_say_nothing(void **state)
{
	struct hystart h = begun();

	(void)state;
	assert_int_equal(round_of(&h, 7, PB_MSEC(80)), HYSTART_SLOW_START);
	assert_int_equal(pb_tcp_hystart_acked(&h, false, 0), HYSTART_SLOW_START);
	assert_int_equal(pb_tcp_hystart_acked(&h, false, PB_MSEC(80)), HYSTART_CSS);
}

/* It is the least of a round that counts. */
static void one_fast_round_trip_stays(void **state)
{
	struct hystart h = begun();

	(void)state;
	assert_int_equal(pb_tcp_hystart_acked(&h, true, PB_MSEC(41)), HYSTART_SLOW_START);
	for (int i = 0; i < 20; i++)
		assert_int_equal(pb_tcp_hystart_acked(&h, false, PB_MSEC(80)), HYSTART_SLOW_START);
}

/* CSS_ROUNDS = 5, of which the first may be a part of one. */
static void five_slow_rounds_end_it(void **state)
{
	struct hystart h = begun();

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(round_of(&h, 10, PB_MSEC(50)), HYSTART_CSS);
	assert_int_equal(pb_tcp_hystart_acked(&h, true, PB_MSEC(50)), HYSTART_DONE);
}

/* currentRoundMinRTT < cssBaselineMinRtt: it was not the queue. */
static void a_faster_round_resumes(void **state)
{
	struct hystart h = begun();

	(void)state;
	assert_int_equal(round_of(&h, 10, PB_MSEC(50)), HYSTART_CSS);
	assert_int_equal(round_of(&h, 10, PB_MSEC(50)), HYSTART_CSS);
	assert_int_equal(round_of(&h, 10, USEC(49999)), HYSTART_SLOW_START);
	assert_int_equal(round_of(&h, 10, PB_MSEC(49)), HYSTART_SLOW_START);
	assert_int_equal(round_of(&h, 10, PB_MSEC(60)), HYSTART_CSS);
}

static void a_round_without_samples_is_compared_with_none(void **state)
{
	struct hystart h = begun();

	(void)state;
	assert_int_equal(round_of(&h, 10, 0), HYSTART_SLOW_START);
	assert_int_equal(round_of(&h, 10, PB_SEC(100)), HYSTART_SLOW_START);
	assert_int_equal(round_of(&h, 10, PB_SEC(5000)), HYSTART_CSS); /* beyond what 32 bits hold */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steady_round_trips_stay),
		cmocka_unit_test(the_threshold_is_an_eighth_within_bounds),
		cmocka_unit_test(seven_samples_say_nothing),
		cmocka_unit_test(one_fast_round_trip_stays),
		cmocka_unit_test(five_slow_rounds_end_it),
		cmocka_unit_test(a_faster_round_resumes),
		cmocka_unit_test(a_round_without_samples_is_compared_with_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
