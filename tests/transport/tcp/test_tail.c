/* Tail loss probes (RFC 8985 §7): a round trip of 40 ms, an RTO of 200 ms. */
#include "sender.h"
#include "transport/tcp/loss.h"
#include "transport/tcp/scoreboard.h"

#include <errno.h>
#include <poll.h>

#define MSS SENDER_MSS
#define PTO (2 * SENDER_RTT + PB_MSEC(2))

static struct sender s;

static int begin(void **state)
{
	(void)state;
	sender_begin_with_sack(&s);
	return 0;
}

static int end(void **state)
{
	(void)state;
	harness_forget(&s.h);
	sender_end(&s);
	return 0;
}

/* Five segments, and nothing more to send; nothing comes back. */
static void probe_the_tail(void)
{
	sender_write(&s, 5 * MSS);
	sender_expect(&s, 0, 5 * MSS);
	harness_run(&s.h, PTO - PB_MSEC(1));
	sender_expect_silence(&s);
	harness_run(&s.h, PB_MSEC(1));
	sender_expect(&s, 4 * MSS, MSS);
	sender_expect_silence(&s);
	assert_int_equal(s.h.env.counters.tcp.LossProbes, 1);
}

/* §7.3: the last one again; one probe a flight, then the RTO, counted from the probe. */
static void last_segment_again(void **state)
{
	(void)state;
	probe_the_tail();
	harness_run(&s.h, s.c->rtt.rto - PB_MSEC(1));
	sender_expect_silence(&s);
	assert_false(s.c->in_timeout);
	harness_run(&s.h, PB_MSEC(1));
	assert_true(s.c->in_timeout);
}

/* tcp_early_retrans=0. */
static void no_probe_where_not_wanted(void **state)
{
	(void)state;
	s.h.tcp->limits.no_tail_probes = true;
	sender_write(&s, 5 * MSS);
	sender_expect(&s, 0, 5 * MSS);
	harness_run(&s.h, s.c->rtt.rto - PB_MSEC(1));
	sender_expect_silence(&s);
	harness_run(&s.h, PB_MSEC(1));
	sender_expect(&s, 0, MSS);
	assert_true(s.c->in_timeout);
}

/* What a probe sends for the first time is what a user waits for who lets only so much wait to be sent. */
static void new_text_makes_room(void **state)
{
	(void)state;
	s.c->set.notsent_lowat = 2 * MSS;
	sender_write(&s, 10 * MSS); /* the initial window (RFC 6928) */
	sender_expect(&s, 0, 10 * MSS);
	sender_write(&s, MSS);
	assert_int_equal(pb_tcp_ready(s.c) & POLLOUT, 0);
	s.c->news.events = 0;
	harness_run(&s.h, PTO);
	sender_expect(&s, 10 * MSS, MSS);
	assert_int_equal(s.h.env.counters.tcp.LossProbes, 1);
	assert_int_equal(pb_tcp_ready(s.c) & POLLOUT, POLLOUT);
	assert_int_equal(s.c->news.events & POLLOUT, POLLOUT);
}

/* The probe's SACK tells RACK what is lost: the whole rest of the flight, without a time-out. */
static void probe_finds_losses(void **state)
{
	(void)state;
	probe_the_tail();
	harness_run(&s.h, SENDER_RTT);
	SACK(&s, 2 * MSS, 4 * MSS, 5 * MSS);
	assert_true(s.c->in_recovery || s.c->loss->board.bytes[RANGE_LOST] == 0);
	harness_run(&s.h, SENDER_RTT / 4);
	assert_true(s.c->in_recovery);
	sender_expect(&s, 2 * MSS, MSS);
	assert_int_equal(s.h.env.counters.tcp.Timeouts, 0);
}

/* §7.3: what was not sent yet comes first, though the congestion window has no room. */
static void new_text_first(void **state)
{
	(void)state;
	sender_write(&s, 20 * MSS);
	sender_expect(&s, 0, 10 * MSS);
	harness_run(&s.h, PTO);
	sender_expect(&s, 10 * MSS, MSS);
	sender_expect_silence(&s);
	assert_false(s.c->loss->probe.again);
}

/* The peer's window has none: the last one again. */
static void peers_window_is_kept(void **state)
{
	(void)state;
	s.window = 5 * MSS;
	sender_ack(&s, 0);
	sender_write(&s, 20 * MSS);
	sender_expect(&s, 0, 5 * MSS);
	harness_run(&s.h, PTO);
	sender_expect(&s, 4 * MSS, MSS);
}

/*
 * §7.2: the acknowledgement of a single segment may be delayed, longer than the RTO: then the probe comes at the RTO.
 */
static void single_segments_wait(void **state)
{
	(void)state;
	s.c->rtt.rto = PB_MSEC(250);
	sender_write(&s, MSS);
	sender_expect(&s, 0, MSS);
	harness_run(&s.h, PB_MSEC(249));
	sender_expect_silence(&s);
	harness_run(&s.h, PB_MSEC(1));
	sender_expect(&s, 0, MSS);
	assert_int_equal(s.h.env.counters.tcp.LossProbes, 1);
	assert_false(s.c->in_timeout);
	harness_run(&s.h, PB_MSEC(250));
	sender_expect(&s, 0, MSS);
	assert_true(s.c->in_timeout);
}

/* The user's patience begins when the segment left, not when the probe did. */
static void user_timeout_counts_the_probe(void **state)
{
	(void)state;
	s.c->rtt.rto = PB_MSEC(250);
	s.c->set.user_timeout = PB_SEC(2);
	sender_write(&s, MSS);
	harness_run(&s.h, PB_MSEC(1999));
	assert_int_not_equal(s.c->state, STATE_CLOSED);
	harness_run(&s.h, PB_MSEC(1));
	assert_int_equal(s.c->state, STATE_CLOSED);
	assert_int_equal(s.c->error, ETIMEDOUT);
	assert_int_equal(s.h.env.counters.tcp.LossProbes, 1);
}

/* §7.2: counted from the last segment and the last ACK. */
static void each_send_puts_it_off(void **state)
{
	(void)state;
	s.c->set.nodelay = true;
	for (uint32_t i = 0; i < 3; i++) {
		sender_write(&s, MSS);
		sender_expect(&s, i * MSS, MSS);
		harness_run(&s.h, PB_MSEC(50));
	}
	harness_run(&s.h, PTO - PB_MSEC(50) - PB_MSEC(1));
	sender_expect_silence(&s);
	harness_run(&s.h, PB_MSEC(1));
	sender_expect(&s, 2 * MSS, MSS);
}

/* §7.4.2: all is acknowledged, and more: the probe repaired a loss. */
static void repaired_losses_are_losses(void **state)
{
	uint32_t before = s.c->congestion.cwnd;

	(void)state;
	probe_the_tail();
	sender_ack(&s, 5 * MSS);
	assert_int_equal(s.c->congestion.cwnd, before);
	sender_write(&s, MSS);
	sender_ack(&s, 6 * MSS);
	assert_true(s.c->congestion.cwnd < before);
	assert_int_equal(s.h.env.counters.tcp.LossProbeRecovery, 1);
	assert_null(s.c->loss);
}

/* §7.4.2: both have arrived. Nothing was lost; nor was anything reordered (§6.2). */
static void duplicates_are_no_losses(void **state)
{
	uint32_t before = s.c->congestion.cwnd;

	(void)state;
	probe_the_tail();
	sender_ack(&s, 5 * MSS);
	SACK(&s, 5 * MSS, 4 * MSS, 5 * MSS);
	assert_null(s.c->loss);
	sender_write(&s, MSS);
	sender_ack(&s, 6 * MSS);
	assert_int_equal(s.c->congestion.cwnd, before);
	assert_int_equal(s.c->reorder_quarters, 0);
}

/* §7.4.2: a peer without D-SACK acknowledges twice. */
static void duplicate_acks_are_no_losses(void **state)
{
	uint32_t before = s.c->congestion.cwnd;

	(void)state;
	probe_the_tail();
	sender_ack(&s, 5 * MSS);
	sender_ack(&s, 5 * MSS);
	sender_write(&s, MSS);
	sender_ack(&s, 6 * MSS);
	assert_int_equal(s.c->congestion.cwnd, before);
}

/* FIN is the tail, where it left alone. */
static void fin_is_probed(void **state)
{
	(void)state;
	sender_write(&s, 5 * MSS);
	sender_expect(&s, 0, 5 * MSS);
	pb_tcp_shutdown(s.c, 1);
	assert_true(sender_expect(&s, 5 * MSS, 0) & TCP_FIN);
	harness_run(&s.h, PTO);
	assert_true(sender_expect(&s, 5 * MSS, 0) & TCP_FIN);
}

static int begin_without_sack(void **state)
{
	(void)state;
	sender_begin(&s);
	s.c->rtt.srtt = s.c->rtt.min = SENDER_RTT;
	return 0;
}

static void none_without_sack(void **state)
{
	(void)state;
	sender_write(&s, 5 * MSS);
	sender_expect(&s, 0, 5 * MSS);
	harness_run(&s.h, PB_MSEC(199));
	sender_expect_silence(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(last_segment_again),
		TEST(no_probe_where_not_wanted),
		TEST(new_text_makes_room),
		TEST(probe_finds_losses),
		TEST(new_text_first),
		TEST(peers_window_is_kept),
		TEST(single_segments_wait),
		TEST(user_timeout_counts_the_probe),
		TEST(each_send_puts_it_off),
		TEST(repaired_losses_are_losses),
		TEST(duplicates_are_no_losses),
		TEST(duplicate_acks_are_no_losses),
		TEST(fin_is_probed),
		cmocka_unit_test_setup_teardown(none_without_sack, begin_without_sack, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
