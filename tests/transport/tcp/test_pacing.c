/* How much leaves at once, and when the next. */
#include "sender.h"
#include "transport/tcp/pacing.h"

#include <sys/socket.h>

#define MSS SENDER_MSS

static struct sender s;

/* A connection over a path of so long a round trip, with a congestion window of so many segments. */
static void begin(pb_time rtt, uint32_t segments)
{
	sender_begin(&s);
	s.c->rtt.srtt = rtt;
	s.c->congestion.cwnd = s.c->congestion.ssthresh = segments * MSS;
	s.c->snd_wnd = s.c->snd_wnd_max = 1 << 30;
}

/* Bytes that have left since the last look; *longest: of the longest segment. */
static uint32_t left(uint32_t *longest)
{
	struct segment sent;
	uint32_t bytes = 0;

	*longest = 0;
	while (harness_sent(&s.h, &sent, NULL)) {
		bytes += sent.text_len;
		*longest = sent.text_len > *longest ? sent.text_len : *longest;
	}
	return bytes;
}

/* RFC 6928: ten at once; then 1.2 windows a round trip, here 1.2 segments a millisecond, two at a time. */
static void a_window_is_spread_over_the_round_trip(void **state)
{
	uint32_t longest, bytes = 0;

	(void)state;
	begin(PB_MSEC(100), 100);
	sender_write(&s, 100 * MSS);
	assert_int_equal(left(&longest), 10 * MSS);
	for (int ms = 0; ms < 50; ms++) {
		harness_run(&s.h, PB_MSEC(1));
		uint32_t now = left(&longest);
		assert_true(now <= 2 * MSS);
		bytes += now;
	}
	assert_in_range(bytes, 56 * MSS, 60 * MSS);
	harness_run(&s.h, PB_MSEC(49));
	assert_int_equal(left(&longest) + bytes, 90 * MSS);
	sender_end(&s);
}

/* In slow start it is two windows, so that it can double. */
static void slow_start_is_faster(void **state)
{
	uint32_t longest;

	(void)state;
	begin(PB_MSEC(100), 100);
	s.c->congestion.ssthresh = TCP_CWND_MAX;
	sender_write(&s, 100 * MSS);
	harness_run(&s.h, PB_MSEC(40));
	assert_in_range(left(&longest), 88 * MSS, 92 * MSS);
	sender_end(&s);
}

/* A piece is a millisecond's worth, of super-segments. */
static void fast_paths_take_long_segments(void **state)
{
	uint32_t longest;

	(void)state;
	begin(PB_MSEC(10), 1000); /* 120 segments a millisecond */
	sender_write(&s, 700 * MSS);
	left(&longest);
	assert_true(longest > 60000);
	harness_run(&s.h, PB_MSEC(1));
	assert_in_range(left(&longest), 110 * MSS, 125 * MSS);
	assert_true(longest > 60000);
	sender_end(&s);
}

/* ACKs come faster than timers. */
static void short_paths_are_not_paced(void **state)
{
	uint32_t longest;

	(void)state;
	begin(PB_MSEC(1) - 1, 400);
	sender_write(&s, 400 * MSS);
	assert_in_range(left(&longest), 399 * MSS, 400 * MSS); /* Nagle */
	sender_end(&s);
}

static void unpaced_stacks_are_not_paced(void **state)
{
	uint32_t longest;

	(void)state;
	begin(PB_MSEC(100), 400);
	s.h.tcp->limits.unpaced = true;
	sender_write(&s, 400 * MSS);
	assert_in_range(left(&longest), 399 * MSS, 400 * MSS); /* Nagle */
	sender_end(&s);
}

/* SO_MAX_PACING_RATE, also where the path is too short to be paced. */
static void the_user_limits_the_rate(void **state)
{
	uint32_t longest;

	(void)state;
	begin(PB_MSEC(1) / 10, 400);
	s.c->set.max_pacing_rate = 100 * MSS;
	sender_write(&s, 400 * MSS);
	left(&longest);
	harness_run(&s.h, PB_MSEC(100));
	assert_in_range(left(&longest), 8 * MSS, 12 * MSS);
	assert_int_equal(pb_tcp_pacing_rate(s.c), 100 * MSS);
	sender_end(&s);
}

/* A busy host looks at its timers every few milliseconds only: what was due before leaves then. */
static void late_timers_are_made_up_for(void **state)
{
	struct env *env = &s.h.env;
	uint32_t longest;

	(void)state;
	begin(PB_MSEC(100), 100);
	sender_write(&s, 100 * MSS);
	left(&longest);
	for (int i = 0; i < 10; i++) {
		pb_timers_run(&env->timers, env_now(env) + PB_MSEC(5));
		pb_tcp_flush(s.h.tcp);
	}
	assert_in_range(left(&longest), 54 * MSS, 62 * MSS);
	sender_end(&s);
}

/* However late it is, a window does not leave at once. */
static void a_very_late_timer_is_no_burst(void **state)
{
	struct env *env = &s.h.env;
	uint32_t longest;

	(void)state;
	begin(PB_MSEC(100), 100);
	sender_write(&s, 100 * MSS);
	left(&longest);
	pb_timers_run(&env->timers, env_now(env) + PB_MSEC(80));
	pb_tcp_flush(s.h.tcp);
	assert_in_range(left(&longest), 10 * MSS, 16 * MSS);
	sender_end(&s);
}

/* Nothing in flight, and the rest waits for its time: that is no closed window, and the end is FIN. */
static void all_leaves_in_the_end(void **state)
{
	struct segment sent;
	bool fin = false;

	(void)state;
	begin(PB_MSEC(100), 20);
	sender_write(&s, 15 * MSS + 1);
	pb_tcp_shutdown(s.c, SHUT_WR);
	harness_forget(&s.h);
	sender_ack(&s, 10 * MSS);
	assert_false(s.c->probing);
	harness_run(&s.h, PB_MSEC(90));
	while (harness_sent(&s.h, &sent, NULL))
		fin = fin || sent.h.flags & TCP_FIN;
	assert_true(fin);
	sender_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_is_spread_over_the_round_trip),
		cmocka_unit_test(slow_start_is_faster),
		cmocka_unit_test(fast_paths_take_long_segments),
		cmocka_unit_test(short_paths_are_not_paced),
		cmocka_unit_test(unpaced_stacks_are_not_paced),
		cmocka_unit_test(the_user_limits_the_rate),
		cmocka_unit_test(late_timers_are_made_up_for),
		cmocka_unit_test(a_very_late_timer_is_no_burst),
		cmocka_unit_test(all_leaves_in_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
