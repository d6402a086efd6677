/* Urgent data (RFC 9293 §3.8.5, RFC 6093), both ways. */
#include "sender.h"
#include "transport/tcp/urgent.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define MSS SENDER_MSS

static struct sender s;
static uint32_t received; /* bytes that the peer has sent */

static int begin(void **state)
{
	(void)state;
	sender_begin(&s);
	s.h.tcp->limits.unpaced = true;
	received = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	harness_forget(&s.h);
	sender_end(&s);
	return 0;
}

/* -- Sending */

static void send_urgent(const char *text)
{
	ssize_t n = (ssize_t)strlen(text);

	assert_int_equal(pb_tcp_send(s.c, &(struct iovec){ (void *)text, (size_t)n }, 1, MSG_OOB), n);
}

static void expect_segment(uint32_t place, uint32_t len, uint16_t urgent)
{
	struct segment sent;

	assert_true(harness_sent(&s.h, &sent, NULL));
	assert_int_equal(sent.h.seq - s.start, place);
	assert_int_equal(sent.text_len, len);
	assert_int_equal(!!(sent.h.flags & TCP_URG), urgent != 0);
	assert_int_equal(sent.h.urgent, urgent);
}

/* RFC 6093 §2.1, RFC 9293 MUST-62: the pointer is to the byte behind what is urgent. Nagle does not hold it. */
static void pointer_is_behind(void **state)
{
	(void)state;
	sender_write(&s, 10);
	expect_segment(0, 10, 0);
	send_urgent("abc");
	expect_segment(10, 3, 3);
	sender_write(&s, 5);
	expect_segment(13, 5, 0);
}

/* Each segment before its end tells of it, and none is a super-segment: whoever cuts them knows of no pointer. */
static void every_segment_before_it_tells(void **state)
{
	(void)state;
	s.c->set.cork = true;
	sender_write(&s, MSS / 2);
	s.c->set.cork = false;
	sender_expect_silence(&s);
	s.c->set.cork = true;
	s.c->congestion.cwnd = 0;
	sender_write(&s, 2 * MSS);
	s.c->congestion.cwnd = 10 * MSS;
	send_urgent("!");
	uint16_t up = 5 * MSS / 2 + 1;
	expect_segment(0, MSS, up);
	expect_segment(MSS, MSS, (uint16_t)(up - MSS));
	expect_segment(2 * MSS, MSS / 2 + 1, (uint16_t)(up - 2 * MSS));
}

/* It is told of as far as 16 bits reach. */
static void distant_pointer(void **state)
{
	(void)state;
	s.c->congestion.cwnd = 0;
	for (int i = 0; i < 2; i++)
		sender_write(&s, 40000);
	s.c->congestion.cwnd = 2 * MSS;
	send_urgent("!");
	expect_segment(0, MSS, 65535);
}

/* Acknowledged, it is forgotten; sent again before, it tells again. */
static void until_it_is_acknowledged(void **state)
{
	(void)state;
	send_urgent("abc");
	expect_segment(0, 3, 3);
	harness_run(&s.h, s.c->rtt.rto);
	expect_segment(0, 3, 3);
	sender_ack(&s, 3);
	assert_null(s.c->urgent);
	s.written = 3;
	sender_write(&s, 10);
	expect_segment(3, 10, 0);
}

/* -- Receiving */

static void peer_sends(const char *text, uint16_t flags, uint16_t urgent)
{
	struct segment segment = {
		.h = {.flags = TCP_ACK | flags,
                      .ack = s.start + s.written,
                      .window = 65535,
                      .urgent = urgent},
		.text = text,
		.text_len = (uint32_t)strlen(text)
	};

	segment.h.seq = 1001 + received;
	received += segment.text_len;
	harness_inject(&s.h, &segment);
	harness_forget(&s.h);
}

/* A read answers this text; NULL: that there is nothing. */
static void expect_read(const char *text)
{
	char room[64];
	ssize_t n = pb_tcp_receive(s.c, &(struct iovec){ room, sizeof room }, 1, false);

	if (!text) {
		assert_int_equal(n, -EAGAIN);
		return;
	}
	assert_int_equal(n, strlen(text));
	assert_memory_equal(room, text, (size_t)n);
}

static void expect_urgent(int answer)
{
	uint8_t byte = 0;
	int rc = pb_tcp_urgent_receive(s.c, &byte, false);

	if (answer <= 0)
		assert_int_equal(rc, answer);
	else
		assert_int_equal(rc == 1 ? byte : rc, answer);
}

static void reads_stop_at_the_mark(void **state)
{
	(void)state;
	expect_urgent(-EINVAL);
	peer_sends("abcdef", TCP_URG, 4); /* d */
	assert_true(pb_tcp_ready(s.c) & POLLPRI);
	assert_false(pb_tcp_urgent_at_mark(s.c));
	expect_read("abc");
	assert_true(pb_tcp_urgent_at_mark(s.c));
	expect_urgent('d');
	expect_urgent(-EINVAL); /* once */
	assert_false(pb_tcp_ready(s.c) & POLLPRI);
	assert_true(pb_tcp_urgent_at_mark(s.c));
	expect_read("ef");
	assert_false(pb_tcp_urgent_at_mark(s.c));
	assert_null(s.c->urgent);
	expect_read(NULL);
}

/* What is not fetched before the user reads on is lost, as on Linux. */
static void unfetched_is_lost(void **state)
{
	(void)state;
	peer_sends("abc", TCP_URG, 3);
	expect_read("ab");
	assert_false(pb_tcp_ready(s.c) & POLLIN);
	expect_read(NULL);
	assert_null(s.c->urgent);
	expect_urgent(-EINVAL);
	peer_sends("d", 0, 0);
	expect_read("d");
}

/* SO_OOBINLINE: RFC 6093 §6's advice. */
static void in_line(void **state)
{
	(void)state;
	s.c->set.urgent_inline = true;
	peer_sends("abcd", TCP_URG, 3);
	assert_true(pb_tcp_ready(s.c) & POLLPRI);
	expect_urgent(-EINVAL);
	expect_read("ab");
	assert_true(pb_tcp_urgent_at_mark(s.c));
	expect_read("cd");
	assert_null(s.c->urgent);
}

/* RFC 9293 MUST-32: the user is told before the byte is there; also of a segment without text, and a closed window. */
static void announced(void **state)
{
	(void)state;
	peer_sends("", TCP_URG, 3);
	expect_urgent(-EAGAIN);
	assert_false(pb_tcp_ready(s.c) & POLLPRI);
	peer_sends("ab", 0, 0);
	expect_urgent(-EAGAIN);
	peer_sends("c", 0, 0);
	assert_true(pb_tcp_ready(s.c) & POLLPRI);
	expect_urgent('c');
	expect_read("ab");
}

/* Only the last counts; what the one before it marked is in the stream, unless the user stands at it. */
static void newer_mark(void **state)
{
	(void)state;
	peer_sends("abc", TCP_URG, 2);
	peer_sends("def", TCP_URG, 2);
	expect_read("abcd");
	expect_urgent('e');
	expect_read("f");
	peer_sends("x", TCP_URG, 1);
	peer_sends("yz", TCP_URG, 2);
	expect_read("y");
	expect_urgent('z');
}

/* A mark behind what has come is an old one. */
static void old_pointer(void **state)
{
	struct segment again = {
		.h = {.flags = TCP_ACK | TCP_URG,
                      .seq = 1001,
                      .ack = s.start,
                      .window = 65535,
                      .urgent = 3},
		.text = "abcd",
		.text_len = 4
	};

	(void)state;
	peer_sends("abc", 0, 0);
	harness_inject(&s.h, &again);
	assert_null(s.c->urgent);
	expect_read("abcd");
}

static void peek_passes_over(void **state)
{
	char room[8];

	(void)state;
	peer_sends("abcd", TCP_URG, 1);
	assert_int_equal(pb_tcp_receive(s.c, &(struct iovec){ room, sizeof room }, 1, true), 3);
	assert_memory_equal(room, "bcd", 3);
	assert_true(pb_tcp_urgent_at_mark(s.c));
	expect_urgent('a');
	expect_read("bcd");
}

static void take(const char *text)
{
	int why;
	struct pb_buf *b = pb_tcp_take(s.c, &why);
	char room[8];

	assert_non_null(b);
	assert_int_equal(b->total, strlen(text));
	pb_buf_copy(b, 0, room, b->total);
	assert_memory_equal(room, text, b->total);
	pb_buf_free(b);
}

/* Without copies the same. */
static void taken_packets_end_at_the_mark(void **state)
{
	int why;

	(void)state;
	peer_sends("abcdef", TCP_URG, 4);
	take("abc");
	assert_true(pb_tcp_urgent_at_mark(s.c));
	take("ef");
	assert_null(pb_tcp_take(s.c, &why));
	assert_int_equal(why, -EAGAIN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pointer_is_behind),
		TEST(every_segment_before_it_tells),
		TEST(distant_pointer),
		TEST(until_it_is_acknowledged),
		TEST(reads_stop_at_the_mark),
		TEST(unfetched_is_lost),
		TEST(in_line),
		TEST(announced),
		TEST(newer_mark),
		TEST(old_pointer),
		TEST(peek_passes_over),
		TEST(taken_packets_end_at_the_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
