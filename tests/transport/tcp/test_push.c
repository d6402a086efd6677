/* PSH: at the end of writes (RFC 9293 MUST-60), there again when text is sent again, and where Linux has it besides. */
#include "sender.h"
#include "transport/tcp/push.h"

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>

#include <cmocka.h>

#define MSS SENDER_MSS

static struct sender s;

static int begin(void **state)
{
	(void)state;
	sender_begin_with_sack(&s);
	s.c->set.nodelay = true;
	return 0;
}

static int end(void **state)
{
	(void)state;
	sender_end(&s);
	return 0;
}

static bool is_pushed(uint32_t place)
{
	return pb_tcp_push_is_at(s.c, (seq){ s.start + place });
}

static void every_write_that_left_is_remembered(void **state)
{
	(void)state;
	for (uint32_t at = 0; at < 500; at += 100) {
		sender_write(&s, 100);
		assert_true(sender_expect(&s, at, 100) & TCP_PSH);
	}
	assert_true(is_pushed(100) && is_pushed(400) && is_pushed(500));
	assert_false(is_pushed(150));
	assert_int_equal(pb_tcp_push_together(s.c, (seq){ s.start + 100 }, 250), 200);
	assert_int_equal(pb_tcp_push_together(s.c, (seq){ s.start + 100 }, 50), 50);
	assert_int_equal(pb_tcp_push_first(s.c, (seq){ s.start + 100 }, 250), 100);
	sender_ack(&s, 500);
	assert_false(s.c->push.is_known);
}

/* What waits for the window is one write as far as the peer is concerned. */
static void writes_that_wait_are_joined(void **state)
{
	(void)state;
	sender_write(&s, 10 * MSS);
	sender_expect(&s, 0, 10 * MSS);
	sender_write(&s, 100);
	sender_write(&s, 100);
	assert_false(is_pushed(10 * MSS + 100));
	assert_true(is_pushed(10 * MSS) && is_pushed(10 * MSS + 200));
}

/* However many are in flight: the oldest are sent again without PSH. */
static void memory_is_bounded(void **state)
{
	(void)state;
	s.c->congestion.cwnd = 1 << 20;
	for (uint32_t i = 0; i < 3 * PUSHES_MAX; i++) {
		sender_write(&s, 10);
		sender_expect(&s, 10 * i, 10);
	}
	assert_false(is_pushed(10));
	assert_true(is_pushed(10 * 3 * PUSHES_MAX - 10));
	assert_true(is_pushed(10 * (2 * PUSHES_MAX + 1)));
}

/* What is sent again after a time-out ends where the write did. */
static void again_with_push(void **state)
{
	(void)state;
	sender_write(&s, 100);
	sender_expect(&s, 0, 100);
	sender_write(&s, 2 * MSS);
	sender_expect(&s, 100, 2 * MSS);
	SACK(&s, 0, 100, 100 + 2 * MSS);
	harness_run(&s.h, PB_SEC(1));
	assert_true(sender_expect(&s, 0, 100) & TCP_PSH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_write_that_left_is_remembered),
		TEST(writes_that_wait_are_joined),
		TEST(memory_is_bounded),
		TEST(again_with_push),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
