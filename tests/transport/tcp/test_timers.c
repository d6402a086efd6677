/* Delayed acknowledgements, keepalive, and the end of orphans. */
#include "sender.h"

#include <errno.h>

static struct sender s;
static uint32_t received; /* bytes that the peer has sent */

static int begin(void **state)
{
	(void)state;
	sender_begin(&s);
	received = 0;
	s.c->quick_acks = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	sender_end(&s);
	return 0;
}

static void peer_sends(uint32_t n)
{
	struct segment text = {
		.h = {.flags = TCP_ACK,
                      .seq = 1001 + received,
                      .ack = s.start + s.written,
                      .window = 65535},
		.text_len = n
	};

	received += n;
	harness_inject(&s.h, &text);
}

/* RFC 9293 §3.8.6.3, RFC 5681 §4.2: within 500 ms; ours is 40. */
static void one_segment_is_acknowledged_later(void **state)
{
	(void)state;
	peer_sends(100);
	sender_expect_silence(&s);
	harness_run(&s.h, PB_MSEC(39));
	sender_expect_silence(&s);
	harness_run(&s.h, PB_MSEC(1));
	sender_expect(&s, 0, 0);
	assert_int_equal(s.h.env.counters.tcp.DelayedACKs, 1);
	harness_run(&s.h, PB_SEC(1));
	sender_expect_silence(&s);
}

static void second_segment_is_acknowledged_at_once(void **state)
{
	(void)state;
	peer_sends(1460);
	sender_expect_silence(&s);
	peer_sends(1460);
	sender_expect(&s, 0, 0);
	harness_run(&s.h, PB_SEC(1));
	sender_expect_silence(&s);
}

/* The timer that is left behind must not cut the next delay short. */
static void text_carries_the_acknowledgement(void **state)
{
	(void)state;
	peer_sends(100);
	harness_run(&s.h, PB_MSEC(10));
	sender_write(&s, 10);
	sender_expect(&s, 0, 10);
	harness_run(&s.h, PB_MSEC(20));
	peer_sends(100);
	harness_run(&s.h, PB_MSEC(39));
	sender_expect_silence(&s);
	harness_run(&s.h, PB_MSEC(1));
	sender_expect(&s, 10, 0);
}

static void start_keepalive(void)
{
	s.c->set.keepalive = true;
	s.c->set.keep_idle = PB_SEC(10);
	s.c->set.keep_interval = PB_SEC(2);
	s.c->set.keep_count = 3;
	pb_tcp_settings_changed(s.c);
}

static void expect_keepalive(void)
{
	struct segment sent;

	assert_true(harness_sent(&s.h, &sent, NULL));
	assert_int_equal(sent.h.seq, s.start + s.written - 1);
	assert_int_equal(sent.text_len, 0);
	assert_int_equal(sent.h.flags, TCP_ACK);
}

/* RFC 9293 §3.8.4. */
static void keepalive_asks_while_answered(void **state)
{
	(void)state;
	start_keepalive();
	for (int i = 0; i < 20; i++) {
		harness_run(&s.h, PB_MSEC(9990));
		sender_expect_silence(&s);
		harness_run(&s.h, PB_MSEC(20));
		expect_keepalive();
		sender_ack(&s, 0);
	}
	assert_int_equal(s.h.env.counters.tcp.KeepAlives, 20);
	assert_int_equal(s.c->state, STATE_ESTABLISHED);
}

static void keepalive_ends_the_dead(void **state)
{
	struct segment sent;

	(void)state;
	start_keepalive();
	harness_run(&s.h, PB_MSEC(15990));
	for (int i = 0; i < 3; i++)
		expect_keepalive();
	assert_int_equal(s.c->state, STATE_ESTABLISHED);
	harness_run(&s.h, PB_MSEC(20));
	assert_true(harness_sent(&s.h, &sent, NULL));
	assert_true(sent.h.flags & TCP_RST);
	assert_int_equal(s.c->state, STATE_CLOSED);
	assert_int_equal(s.c->error, ETIMEDOUT);
}

static void keepalive_leaves_traffic_alone(void **state)
{
	(void)state;
	start_keepalive();
	for (int i = 0; i < 10; i++) {
		harness_run(&s.h, PB_SEC(9));
		sender_expect_silence(&s);
		peer_sends(100);
		harness_run(&s.h, PB_MSEC(40));
		sender_expect(&s, 0, 0);
	}
}

/* An orphan waits for the peer's FIN, but not for ever: Linux's tcp_fin_timeout. */
static void orphan_in_fin_wait_2_ends(void **state)
{
	struct tcp_conn *c = s.c;

	(void)state;
	s.c = NULL;
	pb_tcp_close(c, false);
	sender_expect(&s, 0, 0);
	sender_ack(&s, 1);
	assert_int_equal(c->state, STATE_FIN_WAIT_2);
	assert_int_equal(s.h.tcp->pairs.count, 1);
	harness_run(&s.h, PB_SEC(59));
	assert_int_equal(s.h.tcp->pairs.count, 1);
	harness_run(&s.h, PB_SEC(2));
	assert_int_equal(s.h.tcp->pairs.count, 0);
}

/* Linux's tcp_orphan_retries: fewer than for somebody who waits. */
static void orphan_gives_up_sooner(void **state)
{
	(void)state;
	pb_tcp_close(s.c, false);
	s.c = NULL;
	harness_run(&s.h, PB_SEC(200));
	assert_int_equal(s.h.tcp->pairs.count, 0);
	assert_int_equal(s.h.env.counters.tcp.RetransSegs, 8);
	harness_forget(&s.h);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_segment_is_acknowledged_later), TEST(second_segment_is_acknowledged_at_once),
		TEST(text_carries_the_acknowledgement),  TEST(keepalive_asks_while_answered),
		TEST(keepalive_ends_the_dead),           TEST(keepalive_leaves_traffic_alone),
		TEST(orphan_in_fin_wait_2_ends),         TEST(orphan_gives_up_sooner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
