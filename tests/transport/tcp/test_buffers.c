/* Buffers grow with what a path is measured to need, and not beyond what memory allows. */
#include "sender.h"
#include "transport/tcp/buffers.h"
#include "transport/tcp/isn.h"
#include "transport/tcp/window.h"

#include <poll.h>
#include <stdlib.h>

#define RTT PB_MSEC(100)

static struct harness h;
static struct tcp_listener *l;

/* A connection that receives, over a path of 100 ms. */
struct receiver {
	struct tcp_conn *c;
	uint32_t next, theirs; /* sequence numbers */
};

static struct receiver begin(const struct tcp_limits *limits, bool timestamps)
{
	struct tcp_options o = { .mss = 1460, .has_window_scale = true, .window_scale = 7 };
	struct receiver r = { .next = 1001 };

	o.has_timestamp = timestamps;
	o.ts_value = 1;
	harness_begin(&h, 1, limits);
	l = harness_listen(&h, 1);
	harness_call(&h, HARNESS_PEER, &o, &r.theirs);
	r.c = pb_tcp_accept(l, &h);
	assert_non_null(r.c);
	r.c->rtt.srtt = r.c->rtt.min = RTT;
	return r;
}

static void end(struct tcp_conn *c)
{
	pb_tcp_close(c, true);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

static void read_all(struct tcp_conn *c)
{
	struct pb_buf *b;
	int why;

	while ((b = pb_tcp_take(c, &why)))
		pb_buf_free(b);
}

/* A round trip passes, in which so many bytes come; the first echoes what was sent a round trip before. */
static void round_of(struct receiver *r, uint32_t bytes, bool reads)
{
	uint32_t echo = pb_tcp_timestamp(h.tcp, r->c->ts_offset) + 1;

	harness_run(&h, RTT);
	while (bytes) {
		uint32_t n = bytes < 1448 ? bytes : 1448;
		struct segment s = {
			.h = {.flags = TCP_ACK, .seq = r->next, .ack = r->theirs, .window = 1000},
			.text_len = n
		};
		s.h.options.has_timestamp = r->c->has_timestamps;
		s.h.options.ts_value = 1;
		s.h.options.ts_echo = echo;
		harness_inject(&h, &s);
		r->next += n;
		bytes -= n;
		if (reads)
			read_all(r->c);
		harness_forget(&h);
	}
}

/* What is read in a round trip doubles: there is always room for what a sender in slow start sends in the next. */
static void follows_slow_start(struct receiver *r)
{
	for (uint32_t bytes = 14480; bytes < 4 << 20; bytes *= 2) {
		assert_true(r->c->set.receive_buffer >= bytes);
		round_of(r, bytes, true);
	}
	assert_true((uint32_t)seq_diff(r->c->rcv_adv, r->c->rcv_nxt) > 4 << 20); /* the peer knows */
}

static void receive_buffer_follows_slow_start(void **state)
{
	struct receiver r = begin(NULL, true);

	(void)state;
	follows_slow_start(&r);
	end(r.c);
}

static void without_timestamps_by_the_handshake(void **state)
{
	struct receiver r = begin(NULL, false);

	(void)state;
	follows_slow_start(&r);
	end(r.c);
}

/* What is read in a round trip stays: twice that is enough. */
static void a_steady_rate_needs_no_more(void **state)
{
	struct receiver r = begin(NULL, true);

	(void)state;
	for (int i = 0; i < 100; i++)
		round_of(&r, 100000, true);
	assert_true(r.c->set.receive_buffer >= 2 * 100000);
	assert_true(r.c->set.receive_buffer < 7 * 100000);
	end(r.c);
}

static void nobody_reads_nothing_grows(void **state)
{
	struct receiver r = begin(NULL, true);

	(void)state;
	for (int i = 0; i < 5; i++)
		round_of(&r, 20000, false);
	assert_int_equal(r.c->set.receive_buffer, TCP_RECEIVE_BUFFER_DEFAULT);
	end(r.c);
}

static void the_limit_holds_and_is_announced(void **state)
{
	const struct tcp_limits limits = { .receive_buffer_max = 1000000 };
	struct receiver r = begin(&limits, true);

	(void)state;
	assert_int_equal(r.c->rcv_scale, 4);
	for (uint32_t bytes = 14480; bytes < 500000; bytes *= 2)
		round_of(&r, bytes, true);
	round_of(&r, 900000, true);
	round_of(&r, 900000, true);
	assert_int_equal(r.c->set.receive_buffer, 1000000);
	end(r.c);
}

static void what_the_user_has_fixed_stays(void **state)
{
	struct receiver r = begin(NULL, true);

	(void)state;
	r.c->set.receive_fixed = true;
	for (int i = 0; i < 10; i++)
		round_of(&r, 100000, true);
	assert_int_equal(r.c->set.receive_buffer, TCP_RECEIVE_BUFFER_DEFAULT);
	assert_int_equal(pb_tcp_receive_buffer_most(h.tcp, &r.c->set), TCP_RECEIVE_BUFFER_DEFAULT);
	end(r.c);
}

static void send_buffer_holds_two_windows(void **state)
{
	const struct tcp_limits limits = { .send_buffer_max = 1000000 };
	struct receiver r = begin(&limits, true);
	struct tcp_conn *c = r.c;

	(void)state;
	c->set.send_buffer = TCP_SEND_BUFFER_DEFAULT;
	c->set.send_fixed = false;
	c->congestion.cwnd = 10000;
	pb_tcp_send_buffer_fit(c);
	assert_int_equal(c->set.send_buffer, TCP_SEND_BUFFER_DEFAULT);
	c->congestion.cwnd = 400000;
	pb_tcp_send_buffer_fit(c);
	assert_int_equal(c->set.send_buffer, 800000);
	c->congestion.cwnd = 100000; /* what has been promised is not taken back */
	pb_tcp_send_buffer_fit(c);
	assert_int_equal(c->set.send_buffer, 800000);
	c->congestion.cwnd = 4000000;
	pb_tcp_send_buffer_fit(c);
	assert_int_equal(c->set.send_buffer, 1000000);
	c->set.send_fixed = true;
	c->set.send_buffer = 5000;
	pb_tcp_send_buffer_fit(c);
	assert_int_equal(c->set.send_buffer, 5000);
	end(c);
}

/* Who waited for room is told of it. */
static void growth_wakes_a_writer(void **state)
{
	static uint8_t text[TCP_SEND_BUFFER_DEFAULT];
	struct receiver r = begin(NULL, true);
	struct tcp_conn *c = r.c;

	(void)state;
	c->set.send_buffer = sizeof text;
	c->set.send_fixed = false;
	assert_int_equal(pb_tcp_send(c, &(struct iovec){ text, sizeof text }, 1, 0), sizeof text);
	c->news.events = 0;
	c->congestion.cwnd = 2 * sizeof text;
	pb_tcp_send_buffer_fit(c);
	assert_int_equal(c->news.events, POLLOUT);
	end(c);
}

/* Take so much from the pool; NULL: it is empty. */
static struct pb_buf *occupy(size_t bytes)
{
	struct pb_buf *all = NULL;

	for (size_t n = 0; n < bytes; n += 65536) {
		struct pb_buf *b = pb_buf_new(h.env.pool, 0, 65536);
		assert_non_null(b);
		b->more = all;
		all = b;
	}
	return all;
}

static void short_memory_makes_all_small(void **state)
{
	struct receiver r = begin(NULL, true);
	struct tcp_conn *c = r.c;

	(void)state;
	follows_slow_start(&r);
	c->congestion.cwnd = 1 << 20;
	c->set.send_fixed = false;
	pb_tcp_send_buffer_fit(c);
	uint32_t large = c->set.receive_buffer, told = (uint32_t)seq_diff(c->rcv_adv, c->rcv_nxt);
	struct pb_buf *others = occupy(pb_pool_bytes_max(h.env.pool) / 16 * 13);
	pb_tcp_flush(h.tcp);
	assert_true(h.tcp->memory_short);
	assert_int_equal(tcp_receive_buffer(c), TCP_BUFFER_SHORT);
	assert_true(pb_tcp_window(c) + (1u << c->rcv_scale) > told); /* never drawn back */
	pb_tcp_send_buffer_fit(c);
	assert_int_equal(c->set.send_buffer, TCP_BUFFER_SHORT);
	for (int i = 0; i < 20; i++)
		round_of(&r, 2000000, true);
	assert_true((uint32_t)seq_diff(c->rcv_adv, c->rcv_nxt) <= TCP_BUFFER_SHORT);
	assert_int_equal(c->set.receive_buffer, large); /* nothing has grown */
	pb_buf_free(others);
	pb_tcp_flush(h.tcp);
	assert_int_equal(tcp_receive_buffer(c), large);
	pb_tcp_send_buffer_fit(c);
	assert_int_equal(c->set.send_buffer, 2 << 20);
	end(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receive_buffer_follows_slow_start),
		cmocka_unit_test(without_timestamps_by_the_handshake),
		cmocka_unit_test(a_steady_rate_needs_no_more),
		cmocka_unit_test(nobody_reads_nothing_grows),
		cmocka_unit_test(the_limit_holds_and_is_announced),
		cmocka_unit_test(what_the_user_has_fixed_stays),
		cmocka_unit_test(send_buffer_holds_two_windows),
		cmocka_unit_test(growth_wakes_a_writer),
		cmocka_unit_test(short_memory_makes_all_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
