/*
 * When text that has come is acknowledged: RFC 5681 §4.2, RFC 9293 §3.8.6.3, and what Linux makes of what they allow.
 */
#include "harness.h"

#define START 1001 /* of the peer's text */
#define LONG  1000

static struct harness h;
static struct tcp_listener *l;
static struct tcp_conn *c;
static uint32_t ours;  /* what the peer acknowledges */
static uint32_t heard; /* of its text */

static int begin(void **state)
{
	(void)state;
	harness_begin(&h, 1, NULL);
	l = harness_listen(&h, 4);
	c = harness_accept(&h, l, &ours);
	heard = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	harness_hang_up(&h, c, l);
	return 0;
}

static void text_comes(uint32_t len)
{
	struct segment s = {
		.h = {.flags = TCP_ACK, .seq = START + heard, .ack = ours, .window = 65535},
                  .text_len = len
	};

	harness_inject(&h, &s);
	heard += len;
}

/* One segment was sent, with so much text, and acknowledges all. */
static void sent(uint32_t len)
{
	struct segment a, more;

	assert_true(harness_sent(&h, &a, NULL));
	assert_int_equal(a.text_len, len);
	assert_int_equal(a.h.ack - START, heard);
	assert_false(harness_sent(&h, &more, NULL));
}

static void nothing_sent(void)
{
	struct segment a;

	assert_false(harness_sent(&h, &a, NULL));
}

static void user_reads(void)
{
	uint8_t room[4 * LONG];
	struct iovec v = { room, sizeof room };

	assert_true(pb_tcp_receive(c, &v, 1, false) > 0);
	pb_tcp_flush(h.tcp);
}

static void user_answers(uint32_t len)
{
	uint8_t text[LONG] = { 0 };
	struct iovec v = { text, len };

	assert_int_equal(pb_tcp_send(c, &v, 1, 0), len);
	sent(len);
	ours += len;
}

/* As many as are acknowledged at once at the beginning. */
static void spend_quick_acks(uint32_t len)
{
	for (int i = 0; i < TCP_QUICK_ACKS; i++) {
		text_comes(len);
		sent(0);
		user_reads();
	}
}

static void short_ones_wait_for_a_full_one(void **state)
{
	(void)state;
	spend_quick_acks(LONG);
	for (uint32_t i = 0; i < LONG / 100; i++) {
		text_comes(100);
		nothing_sent();
	}
	text_comes(1); /* more than a segment is */
	sent(0);
	text_comes(LONG);
	nothing_sent();
	text_comes(LONG);
	sent(0);
}

/* The first that waits says for how long, however many come meanwhile. */
static void forty_milliseconds_from_the_first(void **state)
{
	(void)state;
	spend_quick_acks(LONG);
	for (int i = 0; i < 3; i++) {
		text_comes(100);
		harness_run(&h, PB_MSEC(13));
		nothing_sent();
	}
	harness_run(&h, PB_MSEC(2));
	sent(0);
}

static void reading_all_of_a_short_one_acknowledges(void **state)
{
	(void)state;
	spend_quick_acks(LONG);
	text_comes(100);
	nothing_sent();
	user_reads();
	sent(0);
	text_comes(LONG); /* whoever sends as much as he may has more to send */
	user_reads();
	nothing_sent();
}

static void answers_carry_acknowledgements(void **state)
{
	(void)state;
	text_comes(100);
	sent(0); /* nobody knows yet */
	user_reads();
	user_answers(200);
	for (int i = 0; i < 3; i++) {
		text_comes(100);
		user_reads();
		nothing_sent();
		user_answers(200);
	}
	text_comes(100);
	text_comes(100);
	nothing_sent();
	user_reads(); /* two, and no answer between them */
	sent(0);
}

static void no_answer_in_time(void **state)
{
	(void)state;
	text_comes(100);
	sent(0);
	user_answers(200);
	text_comes(100);
	harness_run(&h, PB_MSEC(41));
	sent(0);
	text_comes(100); /* it was no conversation */
	sent(0);
}

static void what_is_sent_later_is_no_answer(void **state)
{
	(void)state;
	text_comes(100);
	sent(0);
	harness_run(&h, PB_MSEC(41));
	user_answers(200);
	text_comes(100);
	sent(0);
}

/* Nor is a greeting. */
static void what_is_sent_first_is_no_answer(void **state)
{
	(void)state;
	user_answers(200);
	text_comes(100);
	sent(0);
}

static void what_comes_twice_is_hurried(void **state)
{
	(void)state;
	spend_quick_acks(LONG);
	text_comes(LONG);
	user_answers(200);
	heard -= LONG;
	text_comes(LONG);
	sent(0);
	text_comes(LONG);
	sent(0);
}

static void silence_begins_anew(void **state)
{
	(void)state;
	spend_quick_acks(LONG);
	harness_run(&h, PB_SEC(4));
	text_comes(LONG);
	sent(0);
}

/* TCP_QUICKACK, as the user wants it. */
static void user_decides(void **state)
{
	(void)state;
	c->set.acks = ACKS_DELAYED;
	text_comes(LONG);
	nothing_sent();
	text_comes(LONG);
	sent(0);
	c->set.acks = ACKS_AT_ONCE;
	for (int i = 0; i < 2 * TCP_QUICK_ACKS; i++) {
		text_comes(LONG);
		sent(0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(short_ones_wait_for_a_full_one, begin, end),
		cmocka_unit_test_setup_teardown(forty_milliseconds_from_the_first, begin, end),
		cmocka_unit_test_setup_teardown(reading_all_of_a_short_one_acknowledges, begin, end),
		cmocka_unit_test_setup_teardown(answers_carry_acknowledgements, begin, end),
		cmocka_unit_test_setup_teardown(no_answer_in_time, begin, end),
		cmocka_unit_test_setup_teardown(what_is_sent_later_is_no_answer, begin, end),
		cmocka_unit_test_setup_teardown(what_is_sent_first_is_no_answer, begin, end),
		cmocka_unit_test_setup_teardown(what_comes_twice_is_hurried, begin, end),
		cmocka_unit_test_setup_teardown(silence_begins_anew, begin, end),
		cmocka_unit_test_setup_teardown(user_decides, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
