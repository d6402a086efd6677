/* Peers who would have us keep memory, or count what we do for others: what bounds them. */
#include "harness.h"
#include "transport/tcp/buffers.h"
#include "transport/tcp/sendq.h"

#include <errno.h>
#include <poll.h>

static struct harness h;
static struct tcp_listener *l;

static int begin(void **state)
{
	(void)state;
	harness_begin(&h, 1, NULL);
	l = harness_listen(&h, 16);
	return 0;
}

static int end(void **state)
{
	(void)state;
	harness_forget(&h);
	pb_tcp_listener_close(l);
	harness_end(&h);
	return 0;
}

/* An acknowledgement of nothing new, from a port of the peer's. */
static void peer_says(uint16_t port, uint32_t at, uint32_t ack, uint16_t window)
{
	struct segment s = {
		.h = {.src_port = port, .flags = TCP_ACK, .seq = at, .ack = ack, .window = window}
	};

	harness_inject(&h, &s);
}

/* A connection whose user has written, and closed it, and whose peer then keeps the window closed. */
static uint32_t leave_text(void)
{
	static char text[10000];
	struct tcp_conn *c;
	uint32_t theirs;

	harness_call(&h, 4000, &(struct tcp_options){ .mss = 1460 }, &theirs);
	c = pb_tcp_accept(l, &h);
	assert_non_null(c);
	peer_says(4000, 1001, theirs, 0);
	assert_int_equal(pb_tcp_send(c, &(struct iovec){ text, sizeof text }, 1, 0), sizeof text);
	pb_tcp_close(c, false);
	return theirs;
}

/* Every probe is answered, for so long. */
static void answer_for(pb_time duration, uint32_t theirs)
{
	pb_time end = env_now(&h.env) + duration;

	while (env_now(&h.env) < end) {
		struct segment probe;
		harness_run(&h, PB_SEC(1));
		bool asked = false;
		while (harness_sent(&h, &probe, NULL))
			asked |= probe.text_len != 0;
		if (asked)
			peer_says(4000, 1001, theirs, 0);
	}
}

/* RFC 9293 §3.8.6.1: not while it may be a slow reader; RFC 6429: not for ever. */
static void closed_window_of_an_orphan(void **state)
{
	(void)state;
	uint32_t theirs = leave_text();
	answer_for(PB_SEC(120), theirs);
	assert_int_equal(h.tcp->orphans, 1);
	answer_for(PB_SEC(600), theirs);
	assert_int_equal(h.tcp->orphans, 0);
	assert_int_equal(h.env.counters.tcp.AbortOnMemory, 1);
}

/* Somebody who waits may wait as long as he likes: he has a time-out of his own (TCP_USER_TIMEOUT). */
static void closed_window_of_a_user(void **state)
{
	static char text[10000];
	struct tcp_conn *c;
	uint32_t theirs;

	(void)state;
	harness_call(&h, 4000, &(struct tcp_options){ .mss = 1460 }, &theirs);
	c = pb_tcp_accept(l, &h);
	peer_says(4000, 1001, theirs, 0);
	assert_int_equal(pb_tcp_send(c, &(struct iovec){ text, sizeof text }, 1, 0), sizeof text);
	answer_for(PB_SEC(3600), theirs);
	assert_int_equal(c->state, STATE_ESTABLISHED);
	pb_tcp_close(c, true);
}

static void short_memory_ends_orphans_first(void **state)
{
	(void)state;
	uint32_t theirs = leave_text();
	answer_for(PB_SEC(5), theirs);
	assert_int_equal(h.tcp->orphans, 1);
	h.tcp->memory_ample = 0; /* whatever is in use is too much */
	answer_for(PB_SEC(10), theirs);
	assert_int_equal(h.tcp->orphans, 0);
}

/* CVE-2016-5696: whoever uses up the challenges of his own connection learns nothing of another. */
static void challenges_are_not_shared(void **state)
{
	struct tcp_conn *c[2];
	uint32_t theirs[2];
	struct segment answer;

	(void)state;
	for (uint16_t i = 0; i < 2; i++) {
		harness_call(&h, (uint16_t)(4000 + i), &(struct tcp_options){ .mss = 1460 }, &theirs[i]);
		c[i] = pb_tcp_accept(l, &h);
	}
	for (int i = 0; i < 1000; i++)
		peer_says(4000, 1001, theirs[0] + 100000, 9);
	assert_true(harness_sent(&h, &answer, NULL));
	assert_false(harness_sent(&h, &answer, NULL));
	peer_says(4001, 1001, theirs[1] + 100000, 9);
	assert_true(harness_sent(&h, &answer, NULL));
	assert_int_equal(answer.h.dst_port, 4001);
	for (int i = 0; i < 2; i++)
		pb_tcp_close(c[i], true);
}

static void peer_sends(uint32_t at, uint32_t ack, uint32_t len)
{
	struct segment s = {
		.h = {.src_port = 4000, .flags = TCP_ACK, .seq = at, .ack = ack, .window = 65535},
		.text_len = len
	};

	harness_inject(&h, &s);
}

/*
 * Single bytes, each behind a gap, hold a block each, and their sender never fills the gaps: while memory is short none
 * is taken any more (RFC 2018 §8: none has to be), and there is room left for text that can be read.
 */
static void text_ahead_while_memory_is_short(void **state)
{
	struct tcp_conn *c;
	uint32_t theirs;

	(void)state;
	harness_call(&h, 4000, &(struct tcp_options){ .mss = 1460, .sack_permitted = true }, &theirs);
	c = pb_tcp_accept(l, &h);
	peer_sends(1003, theirs, 1);
	size_t kept = pb_pool_bytes(h.env.pool);
	assert_int_equal(c->ooo.bytes, 1);
	h.tcp->memory_ample = 0;
	pb_tcp_flush(h.tcp);
	harness_forget(&h);
	for (uint32_t n = 1; n < 100; n++) {
		struct segment answer;
		peer_sends(1003 + 2 * n, theirs, 1);
		assert_true(harness_sent(&h, &answer, NULL)); /* who is right to send it learns of the gap */
		assert_int_equal(answer.h.ack, 1001);
		assert_int_equal(answer.h.options.sack_count, 1);
	}
	assert_int_equal(c->ooo.bytes, 1);
	assert_true(pb_pool_bytes(h.env.pool) <= kept);
	peer_sends(1001, theirs, 2);
	assert_int_equal(c->recvq.packets.bytes, 3);
	pb_tcp_close(c, true);
}

static struct pb_buf *occupy(size_t bytes)
{
	struct pb_buf *all = NULL;

	while (pb_pool_bytes(h.env.pool) + 65536 <= bytes) {
		struct pb_buf *b = pb_buf_new(h.env.pool, 0, 65536);
		assert_non_null(b);
		b->more = all;
		all = b;
	}
	return all;
}

/*
 * Those who hold all memory that text may have, who are many and whose users wait, do not keep others from asking for
 * little, and from getting it. More than one piece each is not theirs, nor all that is left.
 */
static void memory_is_out(void **state)
{
	static char text[3000];
	struct iovec iov = { text, sizeof text };
	struct tcp_conn *c;
	uint32_t theirs;
	size_t most = pb_pool_bytes_max(h.env.pool);
	struct pb_buf *others = occupy(most / 8 * 7 + 65536);

	(void)state;
	assert_false(pb_tcp_memory_admits(h.env.pool, 0));
	harness_call(&h, 4000, &(struct tcp_options){ .mss = 1460 }, &theirs);
	c = pb_tcp_accept(l, &h);
	peer_sends(1001, theirs, 100);
	assert_int_equal(c->recvq.packets.bytes, 100);
	peer_sends(1101, theirs, 100);
	assert_int_equal(c->recvq.packets.bytes, 100);
	assert_int_equal(pb_tcp_receive(c, &iov, 1, false), 100);
	peer_sends(1101, theirs, 100);
	assert_int_equal(pb_tcp_receive(c, &iov, 1, false), 100);
	assert_int_equal(pb_tcp_send(c, &iov, 1, 0), TCP_PART_SMALL);
	assert_int_equal(pb_tcp_send(c, &iov, 1, 0), -EAGAIN);
	c->news.events = 0;
	peer_says(4000, 1201, theirs + TCP_PART_SMALL, 65535);
	assert_true(c->news.events & POLLOUT);
	struct pb_buf *more = occupy(most / 16 * 15 + 65536);
	assert_int_equal(pb_tcp_send(c, &iov, 1, 0), -EAGAIN);
	pb_buf_free(more);
	c->news.events = 0;
	harness_run(&h, PB_MSEC(100));
	assert_true(c->news.events & POLLOUT);
	pb_buf_free(others);
	pb_tcp_close(c, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(closed_window_of_an_orphan),       TEST(closed_window_of_a_user),
		TEST(short_memory_ends_orphans_first),  TEST(challenges_are_not_shared),
		TEST(text_ahead_while_memory_is_short), TEST(memory_is_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
