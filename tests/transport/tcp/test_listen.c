/* Listeners: calls as records, as cookies, as connections; and a flood of them. */
#include "harness.h"
#include "transport/tcp/isn.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>

static struct harness h;

static int begin(void **state)
{
	(void)state;
	harness_begin(&h, 1, NULL);
	return 0;
}

static struct segment syn(uint16_t from_port)
{
	return (struct segment){
		.h = {.src_port = from_port,
                      .flags = TCP_SYN,
                      .seq = 1000,
                      .window = 65535,
                      .options = { .mss = 1400 }}
	};
}

/* The one segment that was sent. */
static struct segment answer(void)
{
	struct segment s, more;

	assert_true(harness_sent(&h, &s, NULL));
	assert_false(harness_sent(&h, &more, NULL));
	return s;
}

static void nothing_sent(void)
{
	struct segment s;

	if (harness_sent(&h, &s, NULL))
		fail_msg("sent a segment with flags %x", s.h.flags);
}

/* Options are answered where they are offered, and only there (RFC 7323 §1.3, §3.2). */
static void syn_ack(void **state)
{
	struct tcp_listener *l = harness_listen(&h, 16);
	struct segment s = syn(3022), a;

	(void)state;
	harness_inject(&h, &s);
	a = answer();
	assert_int_equal(a.h.flags, TCP_SYN | TCP_ACK);
	assert_int_equal(a.h.src_port, HARNESS_PORT);
	assert_int_equal(a.h.dst_port, 3022);
	assert_int_equal(a.h.ack, 1001);
	assert_int_equal(a.h.options.mss, 1460);
	assert_false(a.h.options.has_window_scale || a.h.options.has_timestamp || a.h.options.sack_permitted);

	s = syn(3023);
	s.h.options.has_window_scale = s.h.options.has_timestamp = true;
	s.h.options.window_scale = 7;
	s.h.options.ts_value = 4711;
	harness_inject(&h, &s);
	a = answer();
	assert_true(a.h.options.has_window_scale && a.h.options.has_timestamp);
	assert_int_equal((uint32_t)65535 << a.h.options.window_scale >= TCP_RECEIVE_BUFFER_DEFAULT, true);
	assert_int_equal(a.h.options.ts_echo, 4711);
	assert_int_equal(a.h.window, 65535);
	assert_int_equal(l->syn_count, 2);
	assert_int_equal(h.env.counters.tcp.PassiveOpens, 0);
	pb_tcp_listener_close(l);
	nothing_sent(); /* whoever is still calling hears nothing */
	harness_end(&h);
}

static void handshake(void **state)
{
	struct tcp_listener *l = harness_listen(&h, 16);
	struct segment s = syn(3022);
	struct tcp_conn *c;
	char text[10];

	(void)state;
	s.h.options.has_window_scale = true;
	s.h.options.window_scale = 200; /* RFC 7323 §2.3: taken for 14 */
	harness_inject(&h, &s);
	uint32_t next = answer().h.seq + 1;
	assert_null(pb_tcp_accept(l, &h));
	s = (struct segment){
		.h = {.src_port = 3022, .flags = TCP_ACK, .seq = 1001, .ack = next, .window = 2},
		.text = "hello",
		.text_len = 5
	};
	harness_inject(&h, &s);
	assert_int_equal(l->syn_count, 0);
	assert_int_equal(l->waiting_count, 1);
	assert_int_equal(l->news.events, POLLIN);
	c = pb_tcp_accept(l, &h);
	assert_non_null(c);
	assert_null(pb_tcp_accept(l, &h));
	assert_int_equal(c->state, STATE_ESTABLISHED);
	assert_int_equal(c->mss, 1400);
	assert_int_equal(c->snd_wnd, 2 << 14);
	assert_int_equal(pb_tcp_receive(c, &(struct iovec){ text, sizeof text }, 1, false), 5);
	assert_memory_equal(text, "hello", 5);
	assert_int_equal(h.env.counters.tcp.PassiveOpens, 1);
	pb_tcp_close(c, true);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/*
 * An ACK without the timestamp that was agreed on does not complete a call (RFC 7323 §3.2): a connection would drop
 * it, and be left in SYN-RECEIVED with no timer that ends it.
 */
static void handshake_without_the_timestamp(void **state)
{
	struct tcp_listener *l = harness_listen(&h, 16);
	struct segment s = syn(3022);

	(void)state;
	s.h.options.has_timestamp = true;
	s.h.options.ts_value = 4711;
	harness_inject(&h, &s);
	s = (struct segment){
		.h = {.src_port = 3022,
                      .flags = TCP_ACK,
                      .seq = 1001,
                      .ack = answer().h.seq + 1,
                      .window = 9}
	};
	harness_inject(&h, &s);
	nothing_sent();
	assert_int_equal(l->syn_count, 1);
	assert_int_equal(l->waiting_count, 0);
	s.h.options.has_timestamp = true;
	s.h.options.ts_value = 4712;
	harness_inject(&h, &s);
	assert_int_equal(l->waiting_count, 1);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* SYN again: the same SYN-ACK again, one record. */
static void syn_again(void **state)
{
	struct tcp_listener *l = harness_listen(&h, 16);
	struct segment s = syn(3022);

	(void)state;
	harness_inject(&h, &s);
	uint32_t iss = answer().h.seq;
	harness_inject(&h, &s);
	assert_int_equal(answer().h.seq, iss);
	assert_int_equal(l->syn_count, 1);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* RFC 6298 §5.5, doubled: after 1, 3, 7, 15, 31 s again, and given up after 63. */
static void syn_ack_again(void **state)
{
	static const int at[] = { 1, 3, 7, 15, 31 };
	struct tcp_listener *l = harness_listen(&h, 16);
	struct segment s = syn(3022);
	int now = 0;

	(void)state;
	harness_inject(&h, &s);
	uint32_t iss = answer().h.seq;
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		harness_run(&h, PB_SEC(at[i] - now) - PB_MSEC(1));
		nothing_sent();
		harness_run(&h, PB_MSEC(1));
		assert_int_equal(answer().h.seq, iss);
		now = at[i];
	}
	harness_run(&h, PB_SEC(32) - 1);
	assert_int_equal(l->syn_count, 1);
	harness_run(&h, 1);
	assert_int_equal(l->syn_count, 0);
	nothing_sent();
	assert_int_equal(h.env.counters.tcp.AttemptFails, 1);
	assert_int_equal(h.env.counters.tcp.RetransSegs, 5);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* What a record does with each kind of segment: RFC 9293 §3.10.7.4 for SYN-RECEIVED, RFC 5961 §3.2, §4.2. */
static void record_input(void **state)
{
	static const struct {
		const char *what;
		uint16_t flags;
		uint32_t seq, ack_less; /* ack: what is expected, less this */
		int answer;             /* flags; -1: none */
		unsigned records;       /* then */
	} cases[] = {
		{"RST at RCV.NXT",     TCP_RST,           1001, 0,   -1,      0},
		{ "RST in the window", TCP_RST,           1002, 0,   TCP_ACK, 1},
		{ "RST outside of it", TCP_RST,           900,  0,   -1,      1},
		{ "SYN in the window", TCP_SYN,           1500, 0,   TCP_ACK, 1},
		{ "SYN, ACK",          TCP_SYN | TCP_ACK, 1001, 0,   TCP_ACK, 1},
		{ "ACK of too little", TCP_ACK,           1001, 1,   TCP_RST, 1},
		{ "ACK of too much",   TCP_ACK,           1001, -1u, TCP_RST, 1},
		{ "ACK out of window", TCP_ACK,           900,  0,   TCP_ACK, 1},
		{ "nothing at all",    0,                 1001, 0,   -1,      1},
	};
	struct tcp_listener *l = harness_listen(&h, 64);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct segment s = syn((uint16_t)(4000 + i)), a;
		unsigned others = l->syn_count;
		harness_inject(&h, &s);
		uint32_t next = answer().h.seq + 1;
		s = (struct segment){
			.h = {.src_port = (uint16_t)(4000 + i),
                              .flags = cases[i].flags,
                              .seq = cases[i].seq,
                              .ack = next - cases[i].ack_less,
                              .window = 1000}
		};
		harness_inject(&h, &s);
		if (l->syn_count - others != cases[i].records)
			fail_msg("%s: there are %u records", cases[i].what, l->syn_count - others);
		if (harness_sent(&h, &a, NULL) != (cases[i].answer >= 0))
			fail_msg("%s: answered or not, wrongly", cases[i].what);
		if (cases[i].answer >= 0 && a.h.flags != cases[i].answer)
			fail_msg("%s: answered with flags %x", cases[i].what, a.h.flags);
		if (cases[i].answer == TCP_ACK && (a.h.seq != next || a.h.ack != 1001))
			fail_msg("%s: acknowledged wrongly", cases[i].what);
		if (cases[i].answer == TCP_RST && a.h.seq != s.h.ack)
			fail_msg("%s: reset where nobody will believe it", cases[i].what);
	}
	assert_null(pb_tcp_accept(l, &h));
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* A listener's answers to what is no call: §3.10.7.2. */
static void listener_input(void **state)
{
	static const struct {
		uint16_t flags;
		int answer;
	} cases[] = {
		{TCP_RST,            -1     },
		{ TCP_RST | TCP_ACK, -1     },
		{ TCP_ACK,           TCP_RST},
		{ TCP_SYN | TCP_ACK, TCP_RST},
		{ TCP_FIN | TCP_ACK, TCP_RST},
		{ TCP_SYN | TCP_FIN, -1     },
		{ TCP_SYN | TCP_RST, -1     },
		{ 0,                 -1     },
		{ TCP_FIN,           -1     },
	};
	struct tcp_listener *l = harness_listen(&h, 16);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct segment s = { .h = { .flags = cases[i].flags, .seq = 5, .ack = 6 } }, a;
		harness_inject(&h, &s);
		assert_int_equal(harness_sent(&h, &a, NULL), cases[i].answer >= 0);
		if (cases[i].answer >= 0) {
			assert_int_equal(a.h.flags, cases[i].answer);
			assert_int_equal(a.h.seq, 6);
		}
		assert_int_equal(l->syn_count, 0);
	}
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* Linux's accept queue: backlog + 1; then calls stay unanswered, until one is accepted. */
static void accept_queue_full(void **state)
{
	struct tcp_listener *l = harness_listen(&h, 2);
	struct segment s = syn(4003);
	uint32_t next;

	(void)state;
	for (uint16_t i = 0; i < 3; i++)
		harness_call(&h, (uint16_t)(4000 + i), NULL, &next);
	assert_int_equal(l->waiting_count, 3);
	harness_inject(&h, &s);
	nothing_sent();
	assert_int_equal(h.env.counters.tcp.ListenOverflows, 1);
	struct tcp_conn *c = pb_tcp_accept(l, &h);
	assert_int_equal(c->entry.pair.remote_port, 4000); /* in the order in which they came */
	pb_tcp_close(c, true);
	harness_forget(&h);
	harness_call(&h, 4003, NULL, &next);
	assert_int_equal(l->waiting_count, 3);

	pb_tcp_listener_close(l);
	for (int i = 0; i < 3; i++) { /* each is told that nobody will come */
		struct segment a;
		assert_true(harness_sent(&h, &a, NULL));
		assert_true(a.h.flags & TCP_RST);
	}
	nothing_sent();
	assert_int_equal(h.tcp->pairs.count, 0);
	harness_end(&h);
}

/* One that was reset while it waited is accepted all the same, and says so: as on Linux. */
static void reset_while_waiting(void **state)
{
	struct tcp_listener *l = harness_listen(&h, 2);
	struct segment s = {
		.h = {.src_port = 4000, .flags = TCP_RST, .seq = 1001}
	};
	uint32_t next;
	char byte;

	(void)state;
	harness_call(&h, 4000, NULL, &next);
	harness_inject(&h, &s);
	assert_int_equal(h.tcp->pairs.count, 0);
	struct tcp_conn *c = pb_tcp_accept(l, &h);
	assert_non_null(c);
	assert_int_equal(pb_tcp_receive(c, &(struct iovec){ &byte, 1 }, 1, false), -ECONNRESET);
	assert_int_equal(pb_tcp_receive(c, &(struct iovec){ &byte, 1 }, 1, false), 0);
	pb_tcp_close(c, false);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* A port that the flood has not used, at a peer that calls in earnest. */
static void call_in_earnest(struct tcp_listener *l, uint16_t mss, uint16_t kept)
{
	struct segment s = syn(3022), a;

	s.from = "203.0.113.7";
	s.h.options.mss = mss;
	harness_inject(&h, &s);
	a = answer();
	assert_int_equal(a.h.flags, TCP_SYN | TCP_ACK);
	s = (struct segment){
		.h = {.src_port = 3022, .flags = TCP_ACK, .seq = 1001, .ack = a.h.seq + 1, .window = 9},
		.from = "203.0.113.7",
		.text = "hello",
		.text_len = 5
	};
	harness_inject(&h, &s);
	struct tcp_conn *c = pb_tcp_accept(l, &h);
	assert_non_null(c);
	assert_int_equal(c->state, STATE_ESTABLISHED);
	assert_int_equal(c->mss, kept);
	assert_int_equal(c->snd_wnd, 9);
	assert_int_equal(c->recvq.packets.bytes, 5);
	pb_tcp_close(c, true);
	harness_forget(&h);
}

/* 100,000 calls of which none is meant: memory stays bounded, and who means it gets through. */
static void flood(void **state)
{
	struct tcp_listener *l = harness_listen(&h, 128);
	size_t most = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char from[32];
		struct segment s = syn((uint16_t)(1024 + i % 60000));
		snprintf(from, sizeof from, "10.%d.%d.%d", i >> 16 & 255, i >> 8 & 255, i & 255);
		s.from = from;
		harness_inject(&h, &s);
		harness_forget(&h);
		if (i == 1000)
			most = mallinfo2().uordblks;
	}
	assert_int_equal(l->syn_count, 128);
	assert_int_equal(h.tcp->pairs.count, 128);
	assert_true(mallinfo2().uordblks <= most);
	assert_int_equal(pb_pool_bytes(h.env.pool), 0);
	assert_int_equal(h.env.counters.tcp.SyncookiesSent, 100000 - 128);
	call_in_earnest(l, 1300, 1220);
	call_in_earnest(l, 1460, 1460);
	assert_int_equal(h.env.counters.tcp.SyncookiesRecv, 2);
	harness_run(&h, PB_SEC(64));
	harness_forget(&h);
	assert_int_equal(l->syn_count, 0);
	call_in_earnest(l, 1300, 1300);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* What fits into no ISS, the caller's timestamps bring back (cookie.c). */
static void cookies_keep_options(void **state)
{
	struct tcp_listener *l = harness_listen(&h, 8);
	struct tcp_options options = { .mss = 1460,
				       .sack_permitted = true,
				       .has_window_scale = true,
				       .window_scale = 7,
				       .has_timestamp = true };
	struct segment s;

	(void)state;
	for (uint16_t port = 1; port <= 8; port++) {
		s = syn(port);
		harness_inject(&h, &s);
	}
	harness_forget(&h);
	s = syn(4000);
	s.h.options = options;
	harness_inject(&h, &s);
	s = answer();
	assert_int_equal(h.env.counters.tcp.SyncookiesSent, 1);
	assert_true(s.h.options.sack_permitted);
	assert_true(s.h.options.has_window_scale);
	uint32_t told = s.h.options.ts_value;
	uint8_t scale = s.h.options.window_scale;
	s = (struct segment){
		.h = {.src_port = 4000,
                      .flags = TCP_ACK,
                      .seq = 1001,
                      .ack = s.h.seq + 1,
                      .window = 500,
                      .options = { .has_timestamp = true, .ts_value = 1, .ts_echo = s.h.options.ts_value }}
	};
	harness_inject(&h, &s);
	struct tcp_conn *c = pb_tcp_accept(l, &h);
	assert_non_null(c);
	assert_true(c->has_sack);
	assert_true(c->has_timestamps);
	assert_int_equal(c->snd_scale, 7);
	assert_int_equal(c->snd_wnd, 500 << 7);
	assert_true(scale > 0);
	assert_int_equal(c->rcv_scale, scale); /* the caller reads our windows by what the SYN-ACK has told */
	/* The clock goes on from what it said, or the caller would take us for old (RFC 7323 §5.3). */
	assert_in_range(pb_tcp_timestamp(h.tcp, c->ts_offset) - told, 0, 63);
	pb_tcp_close(c, true);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* Ten thousand guesses while cookies are believed, none while they are not: each is answered with a reset. */
static void guessed_cookies(void **state)
{
	struct tcp_listener *l = harness_listen(&h, 0);
	struct segment s = {
		.h = {.src_port = 3022, .flags = TCP_ACK, .seq = 1001, .ack = 1, .window = 9}
	};

	(void)state;
	harness_inject(&h, &s);
	assert_int_equal(answer().h.flags, TCP_RST);
	assert_int_equal(h.env.counters.tcp.SyncookiesFailed, 0);
	for (uint16_t i = 0; i < 9; i++) {
		struct segment call = syn((uint16_t)(4000 + i));
		harness_inject(&h, &call);
	}
	assert_int_equal(h.env.counters.tcp.SyncookiesSent, 1);
	harness_forget(&h);
	for (uint32_t i = 0; i < 10000; i++) {
		s.h.ack = i * 429497;
		harness_inject(&h, &s);
		assert_int_equal(answer().h.flags, TCP_RST);
	}
	assert_int_equal(h.env.counters.tcp.SyncookiesFailed, 10000);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(syn_ack, begin),
		cmocka_unit_test_setup(handshake, begin),
		cmocka_unit_test_setup(handshake_without_the_timestamp, begin),
		cmocka_unit_test_setup(syn_again, begin),
		cmocka_unit_test_setup(syn_ack_again, begin),
		cmocka_unit_test_setup(record_input, begin),
		cmocka_unit_test_setup(listener_input, begin),
		cmocka_unit_test_setup(accept_queue_full, begin),
		cmocka_unit_test_setup(reset_while_waiting, begin),
		cmocka_unit_test_setup(flood, begin),
		cmocka_unit_test_setup(cookies_keep_options, begin),
		cmocka_unit_test_setup(guessed_cookies, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
