/* What is sent, and when: windows, Nagle, silly windows, probes of closed ones, FIN. */
#include "sender.h"
#include "transport/tcp/output.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

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

/* RFC 9293 §3.7.4. */
static void nagle_holds_short_segments(void **state)
{
	(void)state;
	sender_write(&s, 100);
	assert_int_equal(sender_expect(&s, 0, 100), TCP_ACK | TCP_PSH);
	sender_write(&s, 50);
	sender_write(&s, 50);
	sender_expect_silence(&s);
	sender_ack(&s, 100);
	sender_expect(&s, 100, 100);
}

static void nagle_lets_full_segments_pass(void **state)
{
	(void)state;
	sender_write(&s, 100);
	sender_expect(&s, 0, 100);
	sender_write(&s, 2 * MSS + 10);
	assert_int_equal(sender_expect(&s, 100, 2 * MSS), TCP_ACK | TCP_PSH); /* a super-segment is pushed */
	sender_expect_silence(&s);
	sender_ack(&s, 100 + 2 * MSS);
	sender_expect(&s, 100 + 2 * MSS, 10);
}

/* A tail behind full segments does not wait, unless another short one is in flight: Minshall. */
static void nagle_lets_one_tail_pass(void **state)
{
	(void)state;
	sender_write(&s, 2000);
	sender_expect(&s, 0, 2000);
	sender_write(&s, 10);
	sender_expect_silence(&s);
	sender_ack(&s, MSS);
	sender_expect_silence(&s);
	sender_ack(&s, 2000);
	sender_expect(&s, 2000, 10);
}

static void nodelay_sends_each(void **state)
{
	(void)state;
	s.c->set.nodelay = true;
	for (uint32_t i = 0; i < 5; i++) {
		sender_write(&s, 10);
		sender_expect(&s, 10 * i, 10);
	}
}

/* What does not fill a segment waits for more, at most 200 ms. */
static void cork_holds(void **state)
{
	(void)state;
	s.c->set.cork = true;
	sender_write(&s, 100);
	sender_expect_silence(&s);
	harness_run(&s.h, PB_MSEC(199));
	sender_expect_silence(&s);
	harness_run(&s.h, PB_MSEC(2));
	sender_expect(&s, 0, 100);
	sender_ack(&s, 100);
	sender_write(&s, MSS + 100);
	sender_expect(&s, 100, MSS);
	sender_expect_silence(&s);
	s.c->set.cork = false;
	pb_tcp_settings_changed(s.c);
	sender_expect(&s, 100 + MSS, 100);
}

/* RFC 6928: ten segments; as one super-segment, which tells how to cut it. */
static void initial_window(void **state)
{
	(void)state;
	sender_write(&s, 100000);
	assert_int_equal(s.h.sent.first->segment_size, MSS);
	sender_expect(&s, 0, 10 * MSS);
	sender_expect_silence(&s);
	sender_ack(&s, 2 * MSS);
	sender_expect(&s, 10 * MSS, 4 * MSS);
	sender_expect_silence(&s);
}

/* A super-segment is an IP packet at most; the peer's window is not passed. */
static void super_segments_are_bounded(void **state)
{
	(void)state;
	s.c->congestion.cwnd = 1 << 20;
	s.c->snd_wnd_max = 1 << 20;
	sender_write(&s, 100000);
	sender_expect(&s, 0, 44 * MSS);
	sender_expect_silence(&s); /* 1295 bytes of window are left: a silly segment */
	sender_ack(&s, 44 * MSS);
	sender_expect(&s, 44 * MSS, 100000 - 44 * MSS);
}

/* On a loopback's or a TUN device's MTU one segment is longer than what several may make up together. */
static void segments_of_the_largest_packets(void **state)
{
	const uint32_t mss = 65535 - 40 - 12;

	(void)state;
	s.c->mss = (uint16_t)mss;
	s.c->congestion.mss = mss;
	s.c->congestion.cwnd = 10 * mss;
	s.c->snd_wnd = s.c->snd_wnd_max = 10 * mss;
	sender_write(&s, mss + 1);
	sender_expect(&s, 0, mss);
	sender_expect(&s, mss, 1);
	sender_expect_silence(&s);
}

/* RFC 9293 §3.8.6.2.1: a small window is not filled at once, but in the end. */
static void silly_window(void **state)
{
	(void)state;
	s.window = 1000;
	sender_ack(&s, 0);
	sender_write(&s, 3000);
	sender_expect_silence(&s);
	harness_run(&s.h, PB_MSEC(201));
	sender_expect(&s, 0, 1000);
}

/* A peer with small buffers: half of its largest window is worth a segment (§3.8.6.2.1, (3)). */
static void small_peer(void **state)
{
	(void)state;
	s.c->snd_wnd_max = 1000;
	s.window = 500;
	sender_ack(&s, 0);
	sender_write(&s, 3000);
	sender_expect(&s, 0, 500);
	sender_expect_silence(&s);
}

static void close_window(void)
{
	s.window = 0;
	sender_ack(&s, 0);
	sender_write(&s, 3000);
	sender_expect_silence(&s);
}

/* RFC 9293 §3.8.6.1: first after the RTO, then ever more seldom; as long as the peer answers, for ever. */
static void closed_window_is_probed(void **state)
{
	pb_time wait = s.c->rtt.rto;
	int probes = 0;

	(void)state;
	close_window();
	for (; probes < 40; probes++) {
		harness_run(&s.h, wait - PB_MSEC(1));
		sender_expect_silence(&s);
		harness_run(&s.h, PB_MSEC(1));
		sender_expect(&s, 0, 1);
		sender_ack(&s, 0);
		wait = 2 * wait < PB_SEC(120) ? 2 * wait : PB_SEC(120);
	}
	assert_int_equal(s.c->state, STATE_ESTABLISHED);
	assert_int_equal(s.h.env.counters.tcp.ZeroWindowProbes, probes);
	s.window = 65535;
	sender_ack(&s, 0);
	sender_expect(&s, 0, 3000);
	assert_true(s.c->rtt.rto <= PB_SEC(1)); /* that it was closed says nothing of losses */
}

/* Or by what has been acknowledged already, as on Linux. */
static void closed_window_is_probed_without_text(void **state)
{
	(void)state;
	s.h.tcp->limits.probes_empty = true;
	close_window();
	harness_run(&s.h, s.c->rtt.rto);
	sender_expect(&s, (uint32_t)-1, 0);
	s.window = 65535;
	sender_ack(&s, 0);
	sender_expect(&s, 0, 3000);
}

/* The peer may take the byte of a probe, with its window opening or not. */
static void probes_byte_is_taken(void **state)
{
	(void)state;
	close_window();
	harness_run(&s.h, s.c->rtt.rto);
	sender_expect(&s, 0, 1);
	sender_ack(&s, 1);
	sender_expect_silence(&s);
	s.window = 65535;
	sender_ack(&s, 1);
	sender_expect(&s, 1, 2999);
}

static void unanswered_probes_end(void **state)
{
	(void)state;
	close_window();
	harness_run(&s.h, PB_SEC(3600));
	assert_int_equal(s.c->state, STATE_CLOSED);
	assert_int_equal(s.c->error, ETIMEDOUT);
	assert_int_equal(s.h.env.counters.tcp.ZeroWindowProbes, 15);
}

static void fin_leaves_with_the_last_text(void **state)
{
	(void)state;
	sender_write(&s, 100);
	sender_expect(&s, 0, 100);
	sender_write(&s, 50);
	sender_expect_silence(&s); /* Nagle; a close is worth a segment */
	pb_tcp_shutdown(s.c, SHUT_WR);
	assert_int_equal(sender_expect(&s, 100, 50), TCP_ACK | TCP_PSH | TCP_FIN);
	assert_int_equal(s.c->state, STATE_FIN_WAIT_1);
	sender_ack(&s, 151);
	assert_int_equal(s.c->state, STATE_FIN_WAIT_2);
	harness_run(&s.h, PB_SEC(10));
	sender_expect_silence(&s);
}

static void fin_alone_and_again(void **state)
{
	(void)state;
	pb_tcp_shutdown(s.c, SHUT_WR);
	assert_int_equal(sender_expect(&s, 0, 0), TCP_ACK | TCP_FIN);
	harness_run(&s.h, s.c->rtt.rto);
	assert_int_equal(sender_expect(&s, 0, 0), TCP_ACK | TCP_FIN);
	sender_ack(&s, 1);
	assert_int_equal(s.c->state, STATE_FIN_WAIT_2);
}

/* FIN has a number, for which the window must have room. */
static void fin_keeps_to_the_window(void **state)
{
	(void)state;
	s.window = 100;
	s.c->snd_wnd_max = 100;
	sender_ack(&s, 0);
	sender_write(&s, 100);
	pb_tcp_shutdown(s.c, SHUT_WR);
	assert_int_equal(sender_expect(&s, 0, 100), TCP_ACK | TCP_PSH);
	sender_expect_silence(&s);
	s.window = 0;
	sender_ack(&s, 100);
	sender_expect_silence(&s);
	harness_run(&s.h, s.c->rtt.rto);
	assert_int_equal(sender_expect(&s, 100, 0), TCP_ACK | TCP_FIN); /* the probe */
	sender_ack(&s, 101);
	assert_int_equal(s.c->state, STATE_FIN_WAIT_2);
}

/* RFC 5681 §4.1: what the network took long ago, it need not take now. */
static void idle_connection_starts_again(void **state)
{
	(void)state;
	s.c->congestion.cwnd = 40 * MSS;
	sender_write(&s, MSS);
	sender_expect(&s, 0, MSS);
	sender_ack(&s, MSS);
	harness_run(&s.h, PB_SEC(5));
	sender_write(&s, 40 * MSS);
	sender_expect(&s, MSS, 10 * MSS);
	sender_expect_silence(&s);
}

/* An empty pool delays what is to be sent; nothing is lost. */
static void no_memory_delays(void **state)
{
	struct pb_buf *all[2000];
	size_t n = 0;

	(void)state;
	s.window = 0;
	sender_ack(&s, 0);
	sender_write(&s, 3000);
	while (n < 2000 && (all[n] = pb_buf_new(s.h.env.pool, 0, 65536)))
		n++;
	while (n < 2000 && (all[n] = pb_buf_new(s.h.env.pool, 0, 256)))
		n++;
	assert_in_range(n, 1, 1999);
	s.c->snd_wnd = 65535;
	pb_tcp_output(s.c);
	sender_expect_silence(&s);
	while (n)
		pb_buf_free(all[--n]);
	harness_run(&s.h, PB_SEC(2));
	sender_expect(&s, 0, MSS);
	sender_expect(&s, MSS, 3000 - MSS);
}

/* A user who finds no memory is not told to try again before there is some: he would do nothing else. */
static void starving_user_waits(void **state)
{
	struct pb_buf *all[5000];
	size_t n = 0;

	(void)state;
	s.window = 0;
	sender_ack(&s, 0);
	while (n < 5000 && (all[n] = pb_buf_new(s.h.env.pool, 0, 65536)))
		n++;
	while (n < 5000 && (all[n] = pb_buf_new(s.h.env.pool, 0, 256)))
		n++;
	assert_in_range(n, 1, 4999);
	assert_true(pb_tcp_ready(s.c) & POLLOUT);
	struct iovec text = { (char[]){ "text" }, 4 };
	assert_int_equal(pb_tcp_send(s.c, &text, 1, 0), -EAGAIN);
	assert_false(pb_tcp_ready(s.c) & POLLOUT);
	s.c->news.events = 0;
	harness_run(&s.h, PB_SEC(1));
	assert_int_equal(s.c->news.events, 0);
	while (n)
		pb_buf_free(all[--n]);
	harness_run(&s.h, PB_MSEC(100));
	assert_true(pb_tcp_ready(s.c) & POLLOUT);
	assert_int_equal(s.c->news.events, POLLOUT);
	assert_int_equal(pb_tcp_send(s.c, &text, 1, 0), 4);
}

/* The last eighth of the memory is not for text, so that acknowledgements are heard whatever windows promised. */
static void text_waits_for_memory(void **state)
{
	struct segment text = {
		.h = {.flags = TCP_ACK, .seq = 1001, .ack = s.start, .window = 65535},
                  .text_len = 100
	};
	struct pb_pool *pool = s.h.env.pool;
	struct pb_buf *all[8192];
	size_t n = 0, most = pb_pool_bytes_max(pool);

	(void)state;
	while (n < 8192 && pb_pool_bytes(pool) <= most - most / 16) /* not even the first text of each */
		all[n++] = pb_buf_new(pool, 0, 65536);
	seq before = s.c->rcv_nxt;
	harness_inject(&s.h, &text);
	assert_int_equal(s.c->rcv_nxt.v, before.v);
	while (n)
		pb_buf_free(all[--n]);
	harness_inject(&s.h, &text);
	assert_int_equal(s.c->rcv_nxt.v, before.v + 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nagle_holds_short_segments),
		TEST(nagle_lets_full_segments_pass),
		TEST(nagle_lets_one_tail_pass),
		TEST(nodelay_sends_each),
		TEST(cork_holds),
		TEST(initial_window),
		TEST(super_segments_are_bounded),
		TEST(segments_of_the_largest_packets),
		TEST(silly_window),
		TEST(small_peer),
		TEST(closed_window_is_probed),
		TEST(closed_window_is_probed_without_text),
		TEST(probes_byte_is_taken),
		TEST(unanswered_probes_end),
		TEST(fin_leaves_with_the_last_text),
		TEST(fin_alone_and_again),
		TEST(fin_keeps_to_the_window),
		TEST(idle_connection_starts_again),
		TEST(no_memory_delays),
		TEST(starving_user_waits),
		TEST(text_waits_for_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
