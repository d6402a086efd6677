/*
 * Losses found by time (RFC 8985 §6), by its steps: ten segments are in flight, and the peer tells what has come in
 * blocks.
 */
#include "sender.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/loss.h"
#include "transport/tcp/rack.h"
#include "transport/tcp/scoreboard.h"

#define MSS SENDER_MSS

static struct sender s;

static int begin(void **state)
{
	(void)state;
	sender_begin_with_sack(&s);
	sender_write(&s, 60 * MSS);
	sender_expect(&s, 0, 10 * MSS);
	sender_expect_silence(&s);
	harness_run(&s.h, SENDER_RTT);
	return 0;
}

static int end(void **state)
{
	(void)state;
	harness_forget(&s.h);
	sender_end(&s);
	return 0;
}

static const struct pb_counters *counters(void)
{
	return &s.h.env.counters;
}

static uint32_t bytes(enum range_state state)
{
	return s.c->loss ? s.c->loss->board.bytes[state] : 0;
}

/* Three segments behind it have come: the first is lost (step 4: no reordering window). */
static void lose_the_first(void)
{
	SACK(&s, 0, MSS, 4 * MSS);
	sender_expect(&s, 0, MSS);
}

static void three_segments_later_is_lost(void **state)
{
	(void)state;
	lose_the_first();
	assert_true(s.c->in_recovery);
	assert_int_equal(counters()->tcp.FastRetrans, 1);
	assert_int_equal(bytes(RANGE_SACKED), 3 * MSS);
	assert_int_equal(bytes(RANGE_RESENT), MSS);
	assert_int_equal(bytes(RANGE_LOST), 0);
}

/*
 * Step 2: RACK.rtt is of what was looked at last, which was sent once: so the tenth has a quarter of the shortest
 * yet.
 */
static void rest_of_the_flight_may_be_late(void **state)
{
	(void)state;
	SACK(&s, 0, MSS, 3 * MSS, 8 * MSS, 9 * MSS);
	harness_forget(&s.h);
	harness_run(&s.h, SENDER_RTT);
	sender_ack(&s, 9 * MSS);
	assert_int_equal(s.c->loss->rack.rtt, 2 * SENDER_RTT);
	assert_int_equal(s.c->loss->rack.judged.v - s.start, 9 * MSS);
}

/* One segment behind it has come: it may be reordered. A quarter of the shortest round trip later it is lost. */
static void one_segment_later_may_be_reordered(void **state)
{
	(void)state;
	SACK(&s, 0, MSS, 2 * MSS);
	sender_expect(&s, 10 * MSS, MSS); /* one has left the network */
	sender_expect_silence(&s);
	harness_run(&s.h, SENDER_RTT / 4 - PB_MSEC(1));
	sender_expect_silence(&s);
	assert_false(s.c->in_recovery);
	harness_run(&s.h, PB_MSEC(1));
	sender_expect(&s, 0, MSS);
	assert_true(s.c->in_recovery);
}

/* It was: nothing is sent again, and from now on three segments do not suffice (step 3, step 4). */
static void reordering_is_remembered(void **state)
{
	(void)state;
	SACK(&s, 0, MSS, 2 * MSS);
	sender_ack(&s, 2 * MSS);
	assert_true(s.c->tally.reorderings);
	harness_run(&s.h, SENDER_RTT / 4);
	assert_int_equal(counters()->tcp.RetransSegs, 0);
	harness_forget(&s.h);
	SACK(&s, 2 * MSS, 3 * MSS, 8 * MSS);
	assert_false(s.c->in_recovery);
	harness_run(&s.h, SENDER_RTT / 4);
	assert_true(s.c->in_recovery);
}

/* What was sent after it has not come either: that says nothing. */
static void what_is_sent_later_is_not_lost(void **state)
{
	(void)state;
	lose_the_first();
	assert_int_equal(bytes(RANGE_LOST), 0);
	SACK(&s, 0, 8 * MSS, 9 * MSS, MSS, 4 * MSS);
	assert_int_equal(bytes(RANGE_LOST) + bytes(RANGE_RESENT), 5 * MSS); /* 0 and 4 to 7 */
}

/* Something sent after the retransmission has come: the retransmission is lost, too. No time-out is needed. */
static void lost_retransmissions(void **state)
{
	uint32_t next;

	(void)state;
	lose_the_first();
	SACK(&s, 0, MSS, 10 * MSS);
	next = s.c->snd_nxt.v - s.start;
	assert_true(next > 10 * MSS); /* PRR lets new text leave, after the retransmission */
	harness_run(&s.h, SENDER_RTT);
	harness_forget(&s.h);
	SACK(&s, 0, MSS, 11 * MSS);
	sender_expect(&s, 0, MSS);
	assert_int_equal(counters()->tcp.Timeouts, 0);
	assert_true(s.c->in_recovery);
}

/* Step 2: an ACK of the retransmission sooner than any round trip is one of the first sending. */
static void early_acks_of_retransmissions(void **state)
{
	pb_time before;

	(void)state;
	lose_the_first();
	before = s.c->loss->rack.sent;
	harness_run(&s.h, SENDER_RTT - PB_MSEC(1));
	SACK(&s, MSS, 2 * MSS, 4 * MSS);
	assert_int_equal(s.c->loss->rack.sent, before);
}

static void acks_of_retransmissions_count(void **state)
{
	pb_time sent;

	(void)state;
	lose_the_first();
	sent = env_now(&s.h.env);
	harness_run(&s.h, SENDER_RTT);
	SACK(&s, MSS, 2 * MSS, 4 * MSS);
	assert_int_equal(s.c->loss->rack.sent, sent);
	assert_int_equal(s.c->loss->rack.rtt, SENDER_RTT);
}

/* All up to where the loss was found is acknowledged: it is over, at ssthresh. */
static void recovery_ends(void **state)
{
	uint32_t recover;

	(void)state;
	lose_the_first();
	recover = s.c->recover.v - s.start;
	assert_int_equal(recover, 10 * MSS);
	sender_ack(&s, recover - 1);
	assert_true(s.c->in_recovery);
	sender_ack(&s, recover);
	assert_false(s.c->in_recovery);
	assert_int_equal(s.c->congestion.cwnd, s.c->congestion.ssthresh);
}

/* RFC 9937: the window comes down in proportion, not at once. */
static void window_comes_down_in_proportion(void **state)
{
	uint32_t sent = 0, after;

	(void)state;
	lose_the_first();
	for (uint32_t i = 4; i < 10; i++)
		SACK(&s, 0, MSS, (i + 1) * MSS);
	after = s.c->snd_nxt.v - s.start - 10 * MSS;
	for (struct segment one; harness_sent(&s.h, &one, NULL);)
		sent += one.text_len;
	assert_int_equal(sent, after);
	assert_in_range(sent, 4 * MSS,
			6 * MSS); /* CUBIC's 7/10 of what was delivered, less what the retransmission took */
}

/* Step 4: what comes twice says that we did not wait long enough; once a round trip, up to the round trip. */
static void duplicates_widen_the_window(void **state)
{
	(void)state;
	SACK(&s, 2 * MSS, 0, MSS);
	assert_int_equal(s.c->reorder_quarters, 1);
	SACK(&s, 2 * MSS, MSS, 2 * MSS);
	assert_int_equal(s.c->reorder_quarters, 1); /* the same round */
	harness_forget(&s.h);
	s.c->tally.reorderings = 1;
	SACK(&s, 2 * MSS, 3 * MSS, 8 * MSS);
	harness_run(&s.h, SENDER_RTT / 2 - PB_MSEC(1));
	assert_false(s.c->in_recovery);
	harness_run(&s.h, PB_MSEC(1));
	assert_true(s.c->in_recovery);
}

/* Step 4: however much comes twice, no longer than a round trip. */
static void window_is_a_round_trip_at_most(void **state)
{
	(void)state;
	s.c->tally.reorderings = 1;
	s.c->reorder_quarters = 200;
	SACK(&s, 0, MSS, 2 * MSS);
	harness_run(&s.h, SENDER_RTT - PB_MSEC(1));
	assert_false(s.c->in_recovery);
	harness_run(&s.h, PB_MSEC(1));
	assert_true(s.c->in_recovery);
}

static void window_shrinks_after_sixteen_recoveries(void **state)
{
	(void)state;
	SACK(&s, 2 * MSS, 0, MSS);
	for (int i = 0; i < 15; i++)
		pb_tcp_rack_recovered(s.c);
	assert_int_equal(s.c->reorder_quarters, 1);
	pb_tcp_rack_recovered(s.c);
	assert_int_equal(s.c->reorder_quarters, 0);
}

/* RFC 2883 §4, (3): a first block inside the second is no news of what is there, but that it came twice. */
static void duplicate_ahead(void **state)
{
	(void)state;
	SACK(&s, 0, 5 * MSS, 6 * MSS, 4 * MSS, 7 * MSS);
	assert_int_equal(bytes(RANGE_SACKED), 3 * MSS);
	assert_int_equal(s.c->reorder_quarters, 1);
}

/* Made up, or mangled: behind what is acknowledged, beyond what was sent, empty, the wrong way round. */
static void implausible_blocks(void **state)
{
	(void)state;
	SACK(&s, MSS, 10 * MSS, 11 * MSS + 1, 20 * MSS, 21 * MSS, 3 * MSS, 3 * MSS, 5 * MSS, 4 * MSS);
	SACK(&s, MSS, MSS, 3 * MSS);
	SACK(&s, MSS, 2 * MSS, 2 * MSS + 0x80000000u);
	assert_int_equal(bytes(RANGE_SACKED), 0);
	assert_false(s.c->in_recovery);
}

/* A peer who says every other byte: what he says costs no more than what is in flight could. */
static void fine_blocks_are_bounded(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 5000; i++)
		SACK(&s, 0, 2 * i + 1, 2 * i + 2);
	assert_true(s.c->loss->board.count < 200);
	harness_forget(&s.h);
	sender_ack(&s, 10 * MSS);
}

/* RFC 8985 §6.3: the first is sent again; the others have been away for long, and are lost. What came is not sent. */
static void time_out(void **state)
{
	(void)state;
	SACK(&s, 0, 8 * MSS, 10 * MSS);
	harness_forget(&s.h);
	s.c->loss->rack.sent = 0; /* as if RACK had not seen it */
	harness_run(&s.h, PB_MSEC(200));
	assert_true(s.c->in_timeout);
	sender_expect(&s, 0, MSS);
	sender_expect_silence(&s);
	assert_int_equal(bytes(RANGE_SACKED), 2 * MSS);
	s.c->undo->frto = FRTO_OFF; /* test_undo.c */
	sender_ack(&s, MSS);
	sender_expect(&s, MSS, MSS);
	sender_expect(&s, 2 * MSS, MSS);
	sender_expect_silence(&s);
	sender_ack(&s, 3 * MSS);
	for (uint32_t i = 3; i < 6; i++)
		sender_expect(&s, i * MSS, MSS);
	sender_ack(&s, 6 * MSS);
	sender_expect(&s, 6 * MSS, MSS);
	sender_expect(&s, 7 * MSS, MSS);
	assert_true(s.c->snd_nxt.v - s.start > 10 * MSS); /* and then what was not sent yet */
}

/* What the peer has of a segment is not sent again with the rest of it. */
static void parts_of_segments(void **state)
{
	(void)state;
	SACK(&s, 0, 700, 10 * MSS);
	sender_expect(&s, 0, 700);
	harness_forget(&s.h);
	harness_run(&s.h, s.c->rtt.rto);
	assert_true(s.c->in_timeout);
	sender_expect(&s, 0, 700);
}

/* RFC 2018 §8: what was told of and is thrown away again is sent again, at the latest after a time-out. */
static void reneging(void **state)
{
	(void)state;
	SACK(&s, 0, MSS, 10 * MSS);
	harness_forget(&s.h);
	sender_ack(&s, MSS); /* not 10 * MSS: the peer has forgotten */
	harness_run(&s.h, PB_SEC(3));
	assert_int_equal(counters()->tcp.SackReneging, 1);
	assert_int_equal(bytes(RANGE_SACKED), 0);
	harness_forget(&s.h);
	for (uint32_t i = 1; i < 10; i++) {
		sender_ack(&s, i * MSS);
		harness_run(&s.h, PB_MSEC(1));
	}
	struct segment sent;
	bool last = false;
	while (harness_sent(&s.h, &sent, NULL))
		last |= sent.h.seq - s.start == 9 * MSS;
	assert_true(last);
}

/* What is remembered of a flight goes with it. */
static void idle_connections_remember_nothing(void **state)
{
	(void)state;
	sender_ack(&s, 10 * MSS);
	for (uint32_t at = 10 * MSS; at < 60 * MSS;) {
		at = s.c->snd_nxt.v - s.start;
		sender_ack(&s, at);
	}
	assert_null(s.c->loss);
	SACK(&s, 60 * MSS, 0, MSS);
	assert_null(s.c->loss);
	harness_forget(&s.h);
	sender_write(&s, MSS);
	assert_null(s.c->loss); /* one send: it left at last_sent */
	sender_write(&s, MSS);
	assert_null(s.c->loss); /* at the same time */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static void release_nothing(void *context)
{
	(void)context;
}

/* The user gives what there is room for, and half of what is in flight is acknowledged. */
static void go_on(void)
{
	static const uint8_t text[32768];

	for (;;) {
		struct pb_buf *b = pb_buf_lend(s.h.env.pool, text, sizeof text, release_nothing, NULL);
		if (pb_tcp_give(s.c, b) == 0)
			continue;
		pb_buf_free(b);
		break;
	}
	harness_forget(&s.h);
	sender_ack(&s, s.c->snd_una.v - s.start + tcp_flight(s.c) / 2);
}

/* More than half of the sequence numbers later, with always something in flight: what was is not ahead. */
static void long_after_the_last_loss(void **state)
{
	uint32_t una;

	(void)state;
	s.h.tcp->limits.unpaced = true; /* no time passes */
	lose_the_first();
	for (uint64_t before = s.c->bytes_acked; s.c->bytes_acked - before < (uint64_t)9 << 28;)
		go_on();
	assert_non_null(s.c->loss);
	assert_int_equal(counters()->tcp.FastRetrans, 1);
	una = s.c->snd_una.v - s.start;
	SACK(&s, una, una + MSS, una + 4 * MSS);
	assert_int_equal(counters()->tcp.FastRetrans, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(three_segments_later_is_lost),
		TEST(rest_of_the_flight_may_be_late),
		TEST(long_after_the_last_loss),
		TEST(one_segment_later_may_be_reordered),
		TEST(reordering_is_remembered),
		TEST(what_is_sent_later_is_not_lost),
		TEST(lost_retransmissions),
		TEST(early_acks_of_retransmissions),
		TEST(acks_of_retransmissions_count),
		TEST(recovery_ends),
		TEST(window_comes_down_in_proportion),
		TEST(duplicates_widen_the_window),
		TEST(window_is_a_round_trip_at_most),
		TEST(window_shrinks_after_sixteen_recoveries),
		TEST(duplicate_ahead),
		TEST(implausible_blocks),
		TEST(fine_blocks_are_bounded),
		TEST(time_out),
		TEST(parts_of_segments),
		TEST(reneging),
		TEST(idle_connections_remember_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
