/*
 * Recoveries and time-outs that were for nothing, as each of the three ways tells, and those that were not. A round
 * trip of 40 ms; ten segments in flight.
 */
#include "sender.h"
#include "transport/tcp/isn.h"
#include "transport/tcp/loss.h"
#include "transport/tcp/scoreboard.h"

#define MSS SENDER_MSS

static struct sender s;
static uint32_t cwnd, ssthresh; /* before anything went wrong */

static void fill(void)
{
	s.h.tcp->limits.unpaced = true;
	s.c->rtt.srtt = s.c->rtt.min = SENDER_RTT;
	s.c->congestion.ssthresh = 20 * MSS;
	cwnd = s.c->congestion.cwnd;
	ssthresh = s.c->congestion.ssthresh;
	sender_write(&s, 60 * MSS);
	s.echo = pb_tcp_timestamp(s.h.tcp, s.c->ts_offset); /* what left now is answered */
	harness_forget(&s.h);
	assert_int_equal(s.c->snd_nxt.v - s.start, cwnd / s.c->mss * s.c->mss);
}

static int begin(void **state)
{
	(void)state;
	sender_begin_with_sack(&s);
	fill();
	return 0;
}

static int begin_with_timestamps(void **state)
{
	(void)state;
	sender_begin_with_timestamps(&s);
	fill();
	return 0;
}

static int end(void **state)
{
	(void)state;
	harness_forget(&s.h);
	sender_end(&s);
	return 0;
}

static uint64_t spurious_rtos(void)
{
	return s.h.env.counters.tcp.SpuriousRtos;
}

static uint64_t spurious_recoveries(void)
{
	return s.h.env.counters.tcp.SpuriousRecoveries;
}

/* The window is as before, or will be after slow start; not reached in a burst. */
static void assert_undone(void)
{
	assert_null(s.c->undo);
	assert_false(s.c->in_recovery);
	assert_false(s.c->in_timeout);
	assert_true(s.c->congestion.cwnd >= cwnd);
	assert_true(s.c->congestion.ssthresh >= ssthresh);
	assert_int_equal(s.c->rtt.backoff, 0);
}

static void assert_reduced(void)
{
	assert_true(s.c->congestion.ssthresh < cwnd);
	assert_int_equal(spurious_rtos() + spurious_recoveries(), 0);
}

static void wait_for_rto(void)
{
	harness_run(&s.h, s.c->rtt.rto + PB_MSEC(100)); /* a probe of the tail may come before */
	assert_true(s.c->in_timeout);
	harness_forget(&s.h);
}

/* The timestamp that our latest segment has. */
static void echo_now(void)
{
	s.echo = pb_tcp_timestamp(s.h.tcp, s.c->ts_offset);
}

/* -- RFC 3522, without SACK */

/* §3.2: the ACK echoes what left before the time-out. What is sent next is new (RFC 4015 §3.2, step 4). */
static void eifel_time_out(void **state)
{
	uint32_t sent = s.c->snd_max.v - s.start, mss = s.c->mss;
	struct segment next;

	(void)state;
	wait_for_rto();
	sender_ack(&s, mss);
	assert_undone();
	assert_int_equal(spurious_rtos(), 1);
	assert_true(harness_sent(&s.h, &next, NULL));
	assert_int_equal(next.h.seq - s.start, sent);
}

/*
 * With SACK, what one recovery has sent again may be acknowledged in the next, which began meanwhile: segment 40 was
 * lost in the first, whose end is before it, 48 begins the second. The timestamp with which 40 was sent again.
 */
static uint32_t two_recoveries(void)
{
	uint32_t mss = s.c->mss, first;

	s.c->has_sack = true;
	s.c->snd_scale = 4;
	s.c->congestion.cwnd = 40 * mss;
	tcp_want_output(s.c);
	pb_tcp_flush(s.h.tcp);
	SACK(&s, 0, mss, 21 * mss);
	assert_true(s.c->in_recovery);
	echo_now();
	harness_run(&s.h, PB_MSEC(10));
	SACK(&s, 0, mss, 40 * mss);
	harness_run(&s.h, PB_MSEC(10));
	SACK(&s, 0, 41 * mss, 48 * mss, mss, 40 * mss); /* 40 is lost, and sent again */
	assert_int_equal(s.c->loss->board.bytes[RANGE_RESENT], 2 * mss);
	first = pb_tcp_timestamp(s.h.tcp, s.c->ts_offset);
	harness_run(&s.h, PB_MSEC(10));
	SACK(&s, 40 * mss, 41 * mss, 48 * mss);
	assert_false(s.c->in_recovery);
	harness_run(&s.h, PB_MSEC(10));
	SACK(&s, 40 * mss, 50 * mss, 54 * mss, 41 * mss, 48 * mss);
	assert_true(s.c->in_recovery);
	harness_run(&s.h, PB_MSEC(10));
	return first;
}

/* The echo of 40 is older than the second recovery, and yet of no first sending. */
static void eifel_of_an_earlier_recovery(void **state)
{
	uint32_t mss = s.c->mss;

	(void)state;
	s.echo = two_recoveries();
	SACK(&s, 48 * mss, 50 * mss, 54 * mss);
	assert_int_equal(spurious_recoveries(), 0);
	assert_true(s.c->in_recovery);
}

/* That of 48, which comes then, tells of the second recovery. */
static void eifel_behind_an_earlier_recovery(void **state)
{
	uint32_t mss = s.c->mss;

	(void)state;
	s.echo = two_recoveries();
	SACK(&s, 48 * mss, 50 * mss, 54 * mss);
	SACK(&s, 60 * mss);
	assert_int_equal(spurious_recoveries(), 1);
	assert_false(s.c->in_recovery);
}

/* It was the one sent again. */
static void eifel_needed_behind_an_earlier_recovery(void **state)
{
	uint32_t mss = s.c->mss;

	(void)state;
	s.echo = two_recoveries();
	SACK(&s, 48 * mss, 50 * mss, 54 * mss);
	echo_now();
	SACK(&s, 60 * mss);
	assert_int_equal(spurious_recoveries(), 0);
}

/* 48 sent again was there before 40, which alone is echoed. */
static void eifel_of_both_recoveries(void **state)
{
	uint32_t mss = s.c->mss;

	(void)state;
	s.echo = two_recoveries();
	SACK(&s, 60 * mss);
	assert_int_equal(spurious_recoveries(), 0);
}

/* It echoes the retransmission. Later echoes do not matter: §3.2 looks at the first ACK. */
static void eifel_lost(void **state)
{
	uint32_t mss = s.c->mss, old = s.echo;

	(void)state;
	wait_for_rto();
	echo_now();
	sender_ack(&s, mss);
	assert_true(s.c->in_timeout);
	s.echo = old;
	sender_ack(&s, 2 * mss);
	assert_true(s.c->in_timeout);
	assert_reduced();
}

/* A reordering that makes three duplicates is undone when the first sending is acknowledged. */
static void eifel_fast_retransmit(void **state)
{
	uint32_t mss = s.c->mss;

	(void)state;
	harness_run(&s.h, SENDER_RTT);
	for (int i = 0; i < 3; i++)
		sender_ack(&s, 0);
	assert_true(s.c->in_recovery);
	harness_run(&s.h, PB_MSEC(2));
	sender_ack(&s, 4 * mss);
	assert_undone();
	assert_int_equal(spurious_recoveries(), 1);
	assert_true(s.c->tally.reorderings);
}

static void eifel_fast_retransmit_needed(void **state)
{
	(void)state;
	harness_run(&s.h, SENDER_RTT);
	for (int i = 0; i < 3; i++)
		sender_ack(&s, 0);
	echo_now();
	harness_run(&s.h, SENDER_RTT);
	sender_ack(&s, s.c->recover.v - s.start);
	assert_reduced();
	assert_null(s.c->undo);
}

/* A time-out in a recovery without SACK tells of many losses, though the segment that it waits for is under way. */
static void eifel_in_a_recovery(void **state)
{
	(void)state;
	harness_run(&s.h, SENDER_RTT);
	for (int i = 0; i < 3; i++)
		sender_ack(&s, 0);
	assert_true(s.c->in_recovery);
	wait_for_rto();
	sender_ack(&s, 2 * s.c->mss);
	assert_true(s.c->in_timeout);
	assert_reduced();
}

/* -- RFC 5682 §3, with SACK, without timestamps */

/* The ACK after the time-out jumps over what was not sent again: that was only late. */
static void frto_first_ack(void **state)
{
	(void)state;
	wait_for_rto();
	sender_ack(&s, 3 * MSS);
	assert_undone();
	assert_int_equal(spurious_rtos(), 1);
	assert_int_equal(s.c->loss->board.bytes[RANGE_LOST], 0);
}

/* Step 2b: it could be the retransmission that is acknowledged. Two new segments ask; step 3b: the late ones come. */
static void frto_second_ack(void **state)
{
	uint32_t sent;

	(void)state;
	wait_for_rto();
	sent = s.c->snd_max.v - s.start;
	sender_ack(&s, MSS);
	assert_true(s.c->in_timeout);
	sender_expect(&s, sent, 2 * MSS);
	sender_expect_silence(&s);
	sender_ack(&s, 2 * MSS);
	assert_undone();
	assert_int_equal(spurious_rtos(), 1);
}

/* Step 3a: only the new segments come. What was lost is sent again now. */
static void frto_lost(void **state)
{
	uint32_t sent;

	(void)state;
	wait_for_rto();
	sent = s.c->snd_max.v - s.start;
	sender_ack(&s, MSS);
	harness_forget(&s.h);
	SACK(&s, MSS, sent, sent + MSS);
	assert_true(s.c->in_timeout);
	sender_expect(&s, MSS, MSS);
	assert_reduced();
}

/* Nothing new to send: no question is asked. */
static void frto_needs_new_text(void **state)
{
	(void)state;
	sender_ack(&s, 10 * MSS);
	for (int i = 0; i < 20 && s.c->sendq.bytes > 8 * MSS; i++)
		sender_ack(&s, s.c->snd_nxt.v - s.start - 8 * MSS);
	harness_forget(&s.h);
	uint32_t una = s.c->snd_una.v - s.start;
	assert_int_equal(s.c->snd_nxt.v - s.c->snd_una.v, s.c->sendq.bytes);
	wait_for_rto();
	sender_ack(&s, una + MSS);
	sender_expect(&s, una + MSS, MSS);
}

/* Linux's tcp_frto=0: no question is asked, what was lost is sent again (RFC 5681 §3.1). */
static void frto_off(void **state)
{
	(void)state;
	s.h.tcp->limits.no_frto = true;
	wait_for_rto();
	sender_ack(&s, MSS);
	sender_expect(&s, MSS, MSS);
	assert_reduced();
}

/* -- RFC 2883: D-SACK */

/* One of two was sent for nothing: it may be that the other was not. Both were: none was lost. */
static void dsack_of_all(void **state)
{
	(void)state;
	harness_run(&s.h, SENDER_RTT);
	SACK(&s, 0, 2 * MSS, 6 * MSS);
	assert_true(s.c->in_recovery);
	SACK(&s, 0, 2 * MSS, 8 * MSS);
	harness_forget(&s.h);
	assert_int_equal(s.c->undo->resent, 2 * MSS);
	SACK(&s, 8 * MSS, 0, MSS);
	assert_true(s.c->in_recovery);
	SACK(&s, 8 * MSS, MSS, 2 * MSS);
	assert_undone();
	assert_int_equal(spurious_recoveries(), 1);
}

/* It comes a round trip later than the ACK that ended the recovery. */
static void dsack_after_recovery(void **state)
{
	(void)state;
	harness_run(&s.h, SENDER_RTT);
	SACK(&s, 0, MSS, 5 * MSS);
	sender_ack(&s, s.c->recover.v - s.start);
	assert_false(s.c->in_recovery);
	assert_true(s.c->congestion.cwnd < cwnd);
	SACK(&s, s.c->snd_una.v - s.start, 0, MSS);
	assert_undone();
}

/* What was sent after the recovery is acknowledged: the network has had its time to tell. */
static void dsack_too_late(void **state)
{
	uint32_t end;

	(void)state;
	harness_run(&s.h, SENDER_RTT);
	SACK(&s, 0, MSS, 5 * MSS);
	sender_ack(&s, s.c->recover.v - s.start);
	end = s.c->snd_nxt.v - s.start;
	sender_ack(&s, end);
	sender_ack(&s, s.c->snd_nxt.v - s.start);
	assert_null(s.c->undo);
	SACK(&s, s.c->snd_una.v - s.start, 0, MSS);
	assert_int_equal(spurious_recoveries(), 0);
}

/* What came twice was not sent in this recovery. */
static void dsack_of_something_older(void **state)
{
	(void)state;
	harness_run(&s.h, SENDER_RTT);
	sender_ack(&s, 2 * MSS);
	SACK(&s, 2 * MSS, 3 * MSS, 7 * MSS);
	assert_true(s.c->in_recovery);
	SACK(&s, 2 * MSS, MSS, 2 * MSS);
	assert_true(s.c->in_recovery);
	assert_int_equal(spurious_recoveries(), 0);
}

/* RFC 4015 §3.2, step 5: nothing is in flight; the window that is given back is none to be sent at once. */
static void no_burst(void **state)
{
	(void)state;
	s.c->undo = NULL;
	s.c->congestion.cwnd = 50 * MSS;
	harness_run(&s.h, SENDER_RTT);
	SACK(&s, 0, MSS, 5 * MSS);
	sender_ack(&s, s.c->recover.v - s.start);
	SACK(&s, s.c->snd_una.v - s.start, 0, MSS);
	assert_int_equal(spurious_recoveries(), 1);
	assert_true(s.c->congestion.cwnd < 30 * MSS);
	assert_true(s.c->congestion.ssthresh >= 50 * MSS);
}

#define TEST(name)            cmocka_unit_test_setup_teardown(name, begin, end)
#define TEST_TIMESTAMPS(name) cmocka_unit_test_setup_teardown(name, begin_with_timestamps, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_TIMESTAMPS(eifel_of_an_earlier_recovery),
		TEST_TIMESTAMPS(eifel_behind_an_earlier_recovery),
		TEST_TIMESTAMPS(eifel_needed_behind_an_earlier_recovery),
		TEST_TIMESTAMPS(eifel_of_both_recoveries),
		TEST_TIMESTAMPS(eifel_time_out),
		TEST_TIMESTAMPS(eifel_lost),
		TEST_TIMESTAMPS(eifel_fast_retransmit),
		TEST_TIMESTAMPS(eifel_fast_retransmit_needed),
		TEST_TIMESTAMPS(eifel_in_a_recovery),
		TEST(frto_first_ack),
		TEST(frto_second_ack),
		TEST(frto_lost),
		TEST(frto_needs_new_text),
		TEST(frto_off),
		TEST(dsack_of_all),
		TEST(dsack_after_recovery),
		TEST(dsack_too_late),
		TEST(dsack_of_something_older),
		TEST(no_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
