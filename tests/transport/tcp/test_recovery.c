/*
 * Losses: fast retransmit and recovery (RFC 5681, 6582, 3042), time-outs (RFC 6298), and a network that loses at
 * random.
 */
#include "random.h"
#include "sender.h"

#include <errno.h>

#define MSS SENDER_MSS

static struct sender s;

static int begin(void **state)
{
	(void)state;
	sender_begin(&s);
	return 0;
}

static int end(void **state)
{
	(void)state;
	sender_end(&s);
	return 0;
}

/* Ten segments are in flight, and more wait. */
static void fill_initial_window(void)
{
	sender_write(&s, 60 * MSS);
	sender_expect(&s, 0, 10 * MSS);
	sender_expect_silence(&s);
}

/* RFC 3042: each of the first two duplicates lets one new segment leave; the third is the loss. */
static void lose_the_first(void)
{
	fill_initial_window();
	sender_ack(&s, 0);
	sender_expect(&s, 10 * MSS, MSS);
	sender_ack(&s, 0);
	sender_expect(&s, 11 * MSS, MSS);
	sender_expect_silence(&s);
	sender_ack(&s, 0);
	sender_expect(&s, 0, MSS);
	sender_expect_silence(&s);
}

/* RFC 5681 §3.2, RFC 6582 §3.2 step 2; what limited transmit sent is not counted. */
static void third_duplicate_retransmits(void **state)
{
	(void)state;
	lose_the_first();
	assert_true(s.c->in_recovery);
	assert_int_equal(s.c->congestion.ssthresh, 5 * MSS);
	assert_int_equal(s.c->congestion.cwnd, 8 * MSS);
	assert_int_equal(s.h.env.counters.tcp.FastRetrans, 1);
	assert_int_equal(s.h.env.counters.tcp.RetransSegs, 1);
}

/* RFC 5681 §3.2 step 4: each further duplicate says that a segment has left the network. */
static void duplicates_let_new_text_leave(void **state)
{
	(void)state;
	lose_the_first();
	for (int i = 0; i < 4; i++) { /* window 12 MSS: as much as is in flight */
		sender_ack(&s, 0);
		sender_expect_silence(&s);
	}
	sender_ack(&s, 0);
	sender_expect(&s, 12 * MSS, MSS);
	sender_expect_silence(&s);
}

/* RFC 6582 §3.2 step 3. */
static void partial_ack_retransmits_the_next_hole(void **state)
{
	(void)state;
	lose_the_first();
	sender_ack(&s, 3 * MSS);
	sender_expect(&s, 3 * MSS, MSS);
	assert_true(s.c->in_recovery);
	assert_int_equal(s.c->congestion.cwnd, 6 * MSS); /* 8 - 3 acknowledged + 1 */
	sender_ack(&s, 12 * MSS);
	assert_false(s.c->in_recovery);
	assert_int_equal(s.c->congestion.cwnd, 2 * MSS); /* nothing is in flight: no burst */
	sender_expect(&s, 12 * MSS, 2 * MSS);
	sender_expect_silence(&s);
}

/* RFC 5681 §2: a duplicate has no text, and tells the window that was told before. */
static void window_updates_are_no_duplicates(void **state)
{
	(void)state;
	fill_initial_window();
	for (int i = 0; i < 10; i++) {
		s.window--;
		sender_ack(&s, 0);
	}
	sender_expect_silence(&s);
	assert_int_equal(s.c->dup_acks, 0);
}

static void nothing_in_flight_no_duplicates(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		sender_ack(&s, 0);
	assert_int_equal(s.c->dup_acks, 0);
}

/* RFC 5681 §5: duplicates that the peer makes up open the window by no more than what was in flight, 12 segments. */
static void made_up_duplicates_are_bounded(void **state)
{
	struct segment sent;
	uint32_t last = 0;

	(void)state;
	lose_the_first();
	sender_write(&s, 500000);
	for (int i = 0; i < 10000; i++)
		sender_ack(&s, 0);
	while (harness_sent(&s.h, &sent, NULL))
		last = sent.h.seq + sent.text_len - s.start;
	assert_int_equal(last, 17 * MSS);
}

/* RFC 6582 §3.2 step 2, RFC 3042: all is acknowledged, and no more than that; then duplicates are ambiguous. */
static void duplicates_right_after_a_recovery(void **state)
{
	(void)state;
	lose_the_first();
	sender_ack(&s, 12 * MSS);
	sender_expect(&s, 12 * MSS, 2 * MSS);
	for (int i = 0; i < 10; i++)
		sender_ack(&s, 12 * MSS);
	sender_expect(&s, 14 * MSS, MSS);
	sender_expect(&s, 15 * MSS, MSS);
	sender_expect_silence(&s);
	assert_false(s.c->in_recovery);
}

/* RFC 6582 §3.2 step 3: only the first partial acknowledgement puts the time-out off. */
static void partial_acks_do_not_put_the_timeout_off(void **state)
{
	(void)state;
	lose_the_first();
	assert_in_range(s.c->rtt.rto, PB_MSEC(200), PB_MSEC(201)); /* and the round trip: no time */
	harness_run(&s.h, PB_MSEC(100));
	sender_ack(&s, MSS);
	harness_run(&s.h, PB_MSEC(150));
	sender_ack(&s, 2 * MSS);
	assert_true(s.c->in_recovery);
	harness_run(&s.h, PB_MSEC(49));
	assert_false(s.c->in_timeout);
	harness_run(&s.h, PB_MSEC(2));
	assert_true(s.c->in_timeout);
	harness_forget(&s.h);
}

/* RFC 6298 5.4-5.6, RFC 5681 §3.1: one segment; then slow start, over what is acknowledged. */
static void timeout_goes_back(void **state)
{
	pb_time rto;

	(void)state;
	fill_initial_window();
	rto = s.c->rtt.rto;
	harness_run(&s.h, rto - PB_MSEC(1));
	sender_expect_silence(&s);
	harness_run(&s.h, PB_MSEC(1));
	sender_expect(&s, 0, MSS);
	sender_expect_silence(&s);
	assert_int_equal(s.c->congestion.cwnd, MSS);
	assert_int_equal(s.c->congestion.ssthresh, 5 * MSS);
	assert_int_equal(s.c->rtt.rto, 2 * rto);
	sender_ack(&s, MSS);
	sender_expect(&s, MSS, 2 * MSS);
	sender_expect_silence(&s);
	sender_ack(&s, 10 * MSS); /* the others had arrived */
	sender_expect(&s, 10 * MSS, 3 * MSS);
	assert_false(s.c->in_timeout);
}

/*
 * In a recovery each duplicate has let new text leave, so that more has been sent than the window held when the loss
 * was found. The window was reduced for that loss: a time-out does not raise ssthresh by what came since, as on
 * Linux.
 */
static void timeout_in_a_recovery(void **state)
{
	(void)state;
	lose_the_first();
	sender_write(&s, 20 * MSS);
	for (int i = 0; i < 7; i++)
		sender_ack(&s, 0);
	harness_forget(&s.h);
	assert_true(s.c->snd_max.v - s.start > 12 * MSS);
	harness_run(&s.h, s.c->rtt.rto + PB_MSEC(1));
	assert_true(s.c->in_timeout);
	assert_int_equal(s.c->congestion.ssthresh, 5 * MSS);
	assert_int_equal(s.c->congestion.cwnd, MSS);
	harness_forget(&s.h);
}

/* RFC 6582 §3.2 step 2: duplicates of what was sent before the time-out start no recovery. */
static void duplicates_after_a_timeout(void **state)
{
	(void)state;
	fill_initial_window();
	harness_run(&s.h, s.c->rtt.rto);
	sender_expect(&s, 0, MSS);
	for (int i = 0; i < 6; i++)
		sender_ack(&s, 0);
	sender_expect_silence(&s);
	assert_false(s.c->in_recovery);
}

/* RFC 6298 §3: a segment is timed; Karn: not if it was sent again. */
static void round_trips_are_timed(void **state)
{
	pb_time before;

	(void)state;
	s.c->rtt.srtt = 0;
	sender_write(&s, MSS);
	harness_run(&s.h, PB_MSEC(70));
	sender_ack(&s, MSS);
	assert_int_equal(s.c->rtt.srtt, PB_MSEC(70));
	before = s.c->rtt.srtt;
	sender_write(&s, MSS);
	harness_run(&s.h, PB_SEC(1));
	sender_ack(&s, 2 * MSS);
	assert_int_equal(s.c->rtt.srtt, before);
	assert_true(s.c->rtt.backoff > 0); /* until a sample: RFC 6298 5.7, Karn */
}

/* RFC 7323 §4: the echo tells which of two sendings is acknowledged. */
static void timestamps_time_what_is_sent_again(void **state)
{
	struct segment sent;

	(void)state;
	sender_end(&s);
	sender_begin_with_timestamps(&s);
	s.c->rtt.srtt = 0;
	sender_write(&s, 100);
	harness_forget(&s.h);
	harness_run(&s.h, s.c->rtt.rto);
	assert_true(harness_sent(&s.h, &sent, NULL));
	assert_true(sent.h.options.has_timestamp);
	harness_run(&s.h, PB_MSEC(30));
	s.echo = sent.h.options.ts_value;
	sender_ack(&s, 100);
	assert_int_equal(s.c->rtt.srtt, PB_MSEC(30));
	assert_int_equal(s.c->rtt.backoff, 0);
}

/*
 * The ACK was lost, not the text: what was sent again is old to the peer, whose answer echoes the first sending.
 * Between that and now lies a time-out, no round trip.
 */
static void old_echoes_time_nothing(void **state)
{
	struct segment sent;

	(void)state;
	sender_end(&s);
	sender_begin_with_timestamps(&s);
	s.c->rtt.srtt = s.c->rtt.min = PB_MSEC(20);
	sender_write(&s, 100);
	assert_true(harness_sent(&s.h, &sent, NULL));
	harness_run(&s.h, PB_SEC(10));
	assert_true(s.c->retransmits > 2);
	s.echo = sent.h.options.ts_value;
	sender_ack(&s, 100);
	assert_int_equal(s.c->rtt.srtt, PB_MSEC(20));
	harness_forget(&s.h);
}

/* RFC 9293 §3.8.6.1: a window may be drawn back over what is in flight; a peer that answers is not given up. */
static void window_drawn_back(void **state)
{
	struct segment sent;

	(void)state;
	fill_initial_window();
	s.window = 0;
	sender_ack(&s, 0);
	for (int i = 0; i < 200; i++) {
		harness_run(&s.h, PB_SEC(30));
		while (harness_sent(&s.h, &sent, NULL))
			assert_in_range(sent.text_len, 1, 1);
		sender_ack(&s, 0);
		sender_expect_silence(&s);
	}
	assert_int_equal(s.c->state, STATE_ESTABLISHED);
	s.window = 65535;
	sender_ack(&s, 0);
	sender_expect(&s, 0, MSS);
	sender_ack(&s, MSS);
	sender_expect(&s, MSS, 2 * MSS);
}

/* tcp(7): what may not leave for so long counts as what is not acknowledged, however often the peer answers. */
static void user_timeout_of_a_closed_window(void **state)
{
	(void)state;
	s.c->set.user_timeout = PB_SEC(20);
	s.window = 0;
	sender_ack(&s, 0);
	sender_write(&s, MSS);
	for (int i = 0; i < 19; i++) {
		harness_run(&s.h, PB_SEC(1));
		sender_ack(&s, 0);
		assert_int_equal(s.c->state, STATE_ESTABLISHED);
	}
	harness_run(&s.h, PB_SEC(2));
	assert_int_equal(s.c->state, STATE_CLOSED);
	harness_forget(&s.h);
}

static void silence_ends_the_connection(void **state)
{
	(void)state;
	sender_write(&s, 100);
	harness_run(&s.h, PB_SEC(100));
	assert_int_equal(s.c->state, STATE_ESTABLISHED); /* R2: at least 100 s, RFC 9293 §3.8.3 */
	harness_run(&s.h, PB_SEC(2000));
	assert_int_equal(s.c->state, STATE_CLOSED);
	assert_int_equal(s.c->error, ETIMEDOUT);
	assert_int_equal(s.h.env.counters.tcp.RetransSegs, 15);
}

/* RFC 9293 §3.9.1: the user's patience counts, to the moment. */
static void user_timeout(void **state)
{
	(void)state;
	s.c->set.user_timeout = PB_SEC(5);
	sender_write(&s, 100);
	harness_run(&s.h, PB_MSEC(4990));
	assert_int_equal(s.c->state, STATE_ESTABLISHED);
	harness_run(&s.h, PB_MSEC(20));
	assert_int_equal(s.c->state, STATE_CLOSED);
	assert_int_equal(s.c->error, ETIMEDOUT);
}

/* RFC 9293 MUST-23: an unanswered SYN is sent for at least three minutes. */
static void unanswered_syn(void **state)
{
	struct tcp_conn *c;
	struct ip peer = harness_ip("198.51.100.1");
	struct segment sent;
	int syns = 0;

	(void)state;
	assert_int_equal(pb_tcp_connect(s.h.tcp, &pb_tcp_settings_default, NULL, &peer, 80, &s, &c), 0);
	harness_run(&s.h, PB_SEC(246));
	assert_int_equal(c->state, STATE_SYN_SENT);
	harness_run(&s.h, PB_SEC(2));
	assert_int_equal(c->state, STATE_CLOSED);
	assert_int_equal(c->error, ETIMEDOUT);
	while (harness_sent(&s.h, &sent, NULL))
		syns += sent.h.flags == TCP_SYN;
	assert_int_equal(syns, 8);
	pb_tcp_close(c, false);
}

/* A call of ours whose SYN is lost so many times, and then answered. */
static struct tcp_conn *call_after_losses(int losses)
{
	struct tcp_conn *c;
	struct ip peer = harness_ip("198.51.100.1");
	struct segment sent, answer = {
		.h = {.src_port = 80, .flags = TCP_SYN | TCP_ACK, .seq = 5000, .window = 65535}
	};

	harness_forget(&s.h);
	assert_int_equal(pb_tcp_connect(s.h.tcp, &pb_tcp_settings_default, NULL, &peer, 80, &s, &c), 0);
	for (int i = 0; i < losses; i++)
		harness_run(&s.h, c->rtt.rto);
	for (int i = 0; i <= losses; i++) {
		assert_true(harness_sent(&s.h, &sent, NULL));
		assert_int_equal(sent.h.flags, TCP_SYN);
	}
	answer.h.dst_port = sent.h.src_port;
	answer.h.ack = sent.h.seq + 1;
	answer.h.options.mss = MSS;
	harness_inject(&s.h, &answer);
	harness_forget(&s.h);
	assert_int_equal(c->state, STATE_ESTABLISHED);
	return c;
}

/* RFC 6298 5.7; RFC 6928 §2. */
static void lost_syn(void **state)
{
	struct tcp_conn *c = call_after_losses(0);

	(void)state;
	assert_in_range(c->rtt.rto, PB_MSEC(200), PB_MSEC(201));
	assert_int_equal(c->congestion.cwnd, 10 * MSS);
	pb_tcp_close(c, true);
	c = call_after_losses(1);
	assert_int_equal(c->rtt.rto, PB_SEC(3));
	assert_int_equal(c->congestion.cwnd, 10 * MSS);
	pb_tcp_close(c, true);
	c = call_after_losses(2);
	assert_int_equal(c->rtt.rto, PB_SEC(3));
	assert_int_equal(c->congestion.cwnd, MSS);
	pb_tcp_close(c, true);
}

/*
 * -- A network that loses, reorders, and delays by 10 ms each way; a receiver that keeps what comes
 */

#define STREAM  300000
#define FLIGHTS 4096
#define DELAY   PB_MSEC(10)

struct flight {
	pb_time due;
	uint32_t place, len; /* text on its way there; an ACK on its way back: place, len 0 */
	bool ack;
};

struct network {
	struct random random;
	unsigned loss; /* of 100 */
	struct flight flights[FLIGHTS];
	size_t count;
	uint8_t arrived[STREAM];
	uint32_t next; /* the receiver's RCV.NXT */
};

static void launch(struct network *n, uint32_t place, uint32_t len, bool ack)
{
	pb_time extra = random_below(&n->random, 20) ? 0 : PB_MSEC(5); /* now and then one is overtaken */

	if (random_below(&n->random, 100) < n->loss)
		return;
	assert_true(n->count < FLIGHTS);
	n->flights[n->count++] = (struct flight){ env_now(&s.h.env) + DELAY + extra, place, len, ack };
}

/* What was sent sets off, a segment at a time; its bytes are looked at now. */
static void collect(struct network *n)
{
	static uint8_t text[65536];
	struct segment sent;

	while (harness_sent(&s.h, &sent, text)) {
		uint32_t place = sent.h.seq - s.start;
		for (uint32_t i = 0; i < sent.text_len; i++)
			assert_int_equal(text[i], sender_byte(place + i));
		assert_true(place + sent.text_len <= n->next + 65535);
		for (uint32_t at = 0; at < sent.text_len; at += MSS) {
			uint32_t len = sent.text_len - at < MSS ? sent.text_len - at : MSS;
			launch(n, place + at, len, false);
		}
	}
}

/* The receiver acknowledges each segment at once. */
static void arrive(struct network *n, const struct flight *f)
{
	if (f->ack) {
		sender_ack(&s, f->place);
		return;
	}
	memset(n->arrived + f->place, 1, f->len);
	while (n->next < STREAM && n->arrived[n->next])
		n->next++;
	launch(n, n->next, 0, true);
}

static void step(struct network *n)
{
	pb_time now;

	collect(n);
	harness_run(&s.h, PB_MSEC(1));
	now = env_now(&s.h.env);
	for (size_t i = 0; i < n->count;) {
		struct flight f = n->flights[i];
		if (f.due > now) {
			i++;
			continue;
		}
		memmove(n->flights + i, n->flights + i + 1, (--n->count - i) * sizeof f);
		arrive(n, &f);
		collect(n);
	}
}

static void transfer(uint64_t seed)
{
	static struct network n;
	int milliseconds = 0;

	n = (struct network){ .random = { seed } };
	n.loss = (unsigned)random_below(&n.random, 20);
	sender_begin(&s);
	sender_write(&s, STREAM);
	for (; n.next < STREAM || s.c->sendq.bytes; milliseconds++) {
		if (milliseconds == 3600 * 1000)
			fail_msg("PACKETBOAT_SEED=%llu, %u%% lost: after an hour, %u bytes have arrived",
				 (unsigned long long)seed, n.loss, n.next);
		step(&n);
	}
	if (!n.loss)
		assert_int_equal(s.h.env.counters.tcp.Timeouts, 0);
	sender_end(&s);
}

static void everything_arrives(void **state)
{
	struct seeds seeds = seeds_to_try(60);

	(void)state;
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		print_message("# PACKETBOAT_SEED=%llu\n", (unsigned long long)seed);
		transfer(seed);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(third_duplicate_retransmits),
		TEST(duplicates_let_new_text_leave),
		TEST(partial_ack_retransmits_the_next_hole),
		TEST(window_updates_are_no_duplicates),
		TEST(nothing_in_flight_no_duplicates),
		TEST(made_up_duplicates_are_bounded),
		TEST(duplicates_right_after_a_recovery),
		TEST(partial_acks_do_not_put_the_timeout_off),
		TEST(timeout_goes_back),
		TEST(timeout_in_a_recovery),
		TEST(duplicates_after_a_timeout),
		TEST(round_trips_are_timed),
		TEST(timestamps_time_what_is_sent_again),
		TEST(old_echoes_time_nothing),
		TEST(window_drawn_back),
		TEST(user_timeout_of_a_closed_window),
		TEST(silence_ends_the_connection),
		TEST(user_timeout),
		TEST(unanswered_syn),
		TEST(lost_syn),
		cmocka_unit_test(everything_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
