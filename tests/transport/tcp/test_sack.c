/*
 * What we tell in SACK blocks, rule by rule: RFC 2018 §2 to §4, D-SACK by the cases of RFC 2883 §4. The peer's first
 * byte is at 1001.
 */
#include "harness.h"

static struct harness h;
static struct tcp_listener *l;
static struct tcp_conn *c;
static uint32_t ours;

static void open_with(const struct tcp_options *options)
{
	harness_begin(&h, 1, NULL);
	l = harness_listen(&h, 4);
	harness_call(&h, HARNESS_PEER, options, &ours);
	c = pb_tcp_accept(l, &h);
	assert_non_null(c);
}

static int begin(void **state)
{
	(void)state;
	open_with(&(struct tcp_options){ .mss = 1460, .sack_permitted = true });
	return 0;
}

static int begin_with_timestamps(void **state)
{
	(void)state;
	open_with(&(struct tcp_options){
		.mss = 1460, .sack_permitted = true, .has_timestamp = true, .ts_value = 1 });
	return 0;
}

static int begin_without_sack(void **state)
{
	(void)state;
	open_with(&(struct tcp_options){ .mss = 1460 });
	return 0;
}

static int end(void **state)
{
	(void)state;
	harness_hang_up(&h, c, l);
	return 0;
}

/* So many bytes arrive, as a batch of their own. */
static void arrive(uint32_t at, uint32_t len)
{
	struct segment s = {
		.h = {.flags = TCP_ACK, .seq = at, .ack = ours, .window = 65535},
                  .text_len = len
	};

	if (c->has_timestamps)
		s.h.options = (struct tcp_options){ .has_timestamp = true, .ts_value = 1 };
	harness_inject(&h, &s);
}

/* The next segment sent acknowledges up to ack, and has exactly these blocks: starts and ends. */
static void expect(uint32_t ack, unsigned count, const uint32_t *edges)
{
	struct segment s;

	assert_true(harness_sent(&h, &s, NULL));
	assert_int_equal(s.h.ack, ack);
	assert_int_equal(s.h.options.sack_count, count);
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(s.h.options.sack[i].start, edges[2 * i]);
		assert_int_equal(s.h.options.sack[i].end, edges[2 * i + 1]);
	}
}
#define EXPECT(ack, ...)                                                                                     \
	expect(ack, sizeof((uint32_t[]){ __VA_ARGS__ }) / 8, (const uint32_t[]){ __VA_ARGS__ })

/* RFC 2018 §4, its example's second case: the block of the segment that has just come, and the others behind it. */
static void latest_first(void **state)
{
	(void)state;
	arrive(2001, 500);
	EXPECT(1001, 2001, 2501);
	arrive(3001, 500);
	EXPECT(1001, 3001, 3501, 2001, 2501);
	arrive(4001, 500);
	EXPECT(1001, 4001, 4501, 3001, 3501, 2001, 2501);
	arrive(2501, 100);
	EXPECT(1001, 2001, 2601, 4001, 4501, 3001, 3501);
}

/* As many as fit: four. */
static void four_blocks(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 6; i++)
		arrive(2001 + 1000 * i, 10);
	for (int i = 0; i < 5; i++)
		assert_true(harness_sent(&h, &(struct segment){ 0 }, NULL));
	EXPECT(1001, 7001, 7011, 6001, 6011, 5001, 5011, 4001, 4011);
}

/* RFC 2018 §3: three beside a timestamp. */
static void three_blocks_beside_a_timestamp(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 6; i++)
		arrive(2001 + 1000 * i, 10);
	for (int i = 0; i < 5; i++)
		assert_true(harness_sent(&h, &(struct segment){ 0 }, NULL));
	EXPECT(1001, 7001, 7011, 6001, 6011, 5001, 5011);
}

/* What is acknowledged is no block any more. */
static void gaps_are_filled(void **state)
{
	(void)state;
	arrive(2001, 500);
	EXPECT(1001, 2001, 2501);
	arrive(3001, 500);
	EXPECT(1001, 3001, 3501, 2001, 2501);
	arrive(1001, 1000);
	EXPECT(2501, 3001, 3501);
	arrive(2501, 500);
	expect(3501, 0, NULL);
}

/* RFC 2883 §4.1.1: a segment that was received before. Once: the next ACK tells of it no more. */
static void twice_behind(void **state)
{
	(void)state;
	arrive(1001, 500);
	expect(1501, 0, NULL);
	arrive(1001, 500);
	EXPECT(1501, 1001, 1501);
	arrive(1501, 500);
	expect(2001, 0, NULL);
}

/* RFC 2883 §4.1.2, §4.1.3: behind a gap and ahead of one. */
static void twice_with_a_gap(void **state)
{
	(void)state;
	arrive(1001, 500);
	expect(1501, 0, NULL);
	arrive(2001, 500);
	EXPECT(1501, 2001, 2501);
	arrive(1001, 500);
	EXPECT(1501, 1001, 1501, 2001, 2501);
}

/* RFC 2883 §4.2, (3) of §4: of what is in a range ahead of a gap, the range follows. */
static void twice_ahead(void **state)
{
	(void)state;
	arrive(3001, 500);
	EXPECT(1001, 3001, 3501);
	arrive(2001, 1000);
	EXPECT(1001, 2001, 3501);
	arrive(5001, 100);
	EXPECT(1001, 5001, 5101, 2001, 3501);
	arrive(2501, 500);
	EXPECT(1001, 2501, 3001, 2001, 3501, 5001, 5101);
}

/* RFC 2883 §4.2.2: part of it is new. */
static void twice_in_part(void **state)
{
	(void)state;
	arrive(2001, 500);
	EXPECT(1001, 2001, 2501);
	arrive(1501, 800);
	EXPECT(1001, 2001, 2301, 1501, 2501);
	arrive(1001, 600);
	expect(2501, 0, NULL);
	arrive(2301, 400);
	EXPECT(2701, 2301, 2501);
}

/* RFC 2018 §4: not to a peer who has not asked for it. */
static void none_unasked(void **state)
{
	(void)state;
	arrive(2001, 500);
	expect(1001, 0, NULL);
	arrive(2001, 500);
	expect(1001, 0, NULL);
}

/* Beside text only where they make the segment no longer than a full one. */
static void blocks_beside_text(void **state)
{
	static char text[4000];
	struct segment s;

	(void)state;
	arrive(2001, 500);
	EXPECT(1001, 2001, 2501);
	pb_tcp_send(c, &(struct iovec){ text, 100 }, 1, 0);
	EXPECT(1001, 2001, 2501);
	c->set.nodelay = true;
	pb_tcp_send(c, &(struct iovec){ text, c->mss - 20 }, 1, 0);
	assert_true(harness_sent(&h, &s, NULL));
	assert_int_equal(s.h.options.sack_count, 0);
}

/* RFC 2018 §2: in our SYN; in our SYN-ACK if it was in the SYN (test_listen.c has cookies). */
static void permission(void **state)
{
	struct ip peer = harness_ip("198.51.100.1");
	struct segment s = {
		.h = {.flags = TCP_SYN, .seq = 1, .src_port = 5000, .window = 65535}
	};
	struct tcp_conn *call;

	(void)state;
	harness_inject(&h, &s);
	assert_true(harness_sent(&h, &s, NULL));
	assert_false(s.h.options.sack_permitted);
	s = (struct segment){
		.h = {.flags = TCP_SYN, .seq = 1, .src_port = 5001, .window = 65535}
	};
	s.h.options.sack_permitted = true;
	harness_inject(&h, &s);
	assert_true(harness_sent(&h, &s, NULL));
	assert_true(s.h.options.sack_permitted);
	assert_int_equal(pb_tcp_connect(h.tcp, &pb_tcp_settings_default, NULL, &peer, 99, &h, &call), 0);
	assert_true(harness_sent(&h, &s, NULL));
	assert_true(s.h.options.sack_permitted);
	assert_false(call->has_sack);
	s = (struct segment){
		.h = {.flags = TCP_SYN | TCP_ACK,
                      .src_port = 99,
                      .dst_port = s.h.src_port,
                      .seq = 7,
                      .ack = s.h.seq + 1,
                      .window = 65535,
                      .options.sack_permitted = true},
	};
	harness_inject(&h, &s);
	assert_true(call->has_sack);
	pb_tcp_close(call, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(latest_first),
		TEST(four_blocks),
		cmocka_unit_test_setup_teardown(three_blocks_beside_a_timestamp, begin_with_timestamps, end),
		TEST(gaps_are_filled),
		TEST(twice_behind),
		TEST(twice_with_a_gap),
		TEST(twice_ahead),
		TEST(twice_in_part),
		cmocka_unit_test_setup_teardown(none_unasked, begin_without_sack, end),
		TEST(blocks_beside_text),
		TEST(permission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
