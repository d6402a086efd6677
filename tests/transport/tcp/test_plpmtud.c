/* Path MTU discovery by packetization layer (RFC 4821). IPv4, no timestamps: 40 bytes of headers. */
#include "sender.h"

#define MSS     SENDER_MSS
#define BASE    1024 /* §7.2: of search_low */
#define HEADERS 40

static struct sender s;

static int begin(void **state)
{
	(void)state;
	sender_begin_with_sack(&s);
	return 0;
}

static int begin_without_sack(void **state)
{
	(void)state;
	sender_begin(&s);
	s.h.tcp->limits.unpaced = true;
	return 0;
}

static int end(void **state)
{
	(void)state;
	harness_forget(&s.h);
	sender_end(&s);
	return 0;
}

/* The RTO, and nothing came. */
static void time_out(void)
{
	uint64_t before = s.h.env.counters.tcp.Timeouts;

	while (s.h.env.counters.tcp.Timeouts == before) {
		harness_forget(&s.h);
		harness_run(&s.h, PB_MSEC(1));
	}
}

static void time_out_thrice(void)
{
	for (int i = 0; i < 3; i++) {
		time_out();
		sender_expect(&s, 0, MSS);
	}
}

/* §7.7: what is sent again and again and never arrives may be too long. */
static void full_stop_shortens(void **state)
{
	(void)state;
	sender_write(&s, 5 * MSS);
	time_out_thrice();
	time_out();
	sender_expect(&s, 0, BASE);
	assert_int_equal(s.h.env.counters.tcp.FullStops, 1);
	assert_int_equal(s.c->mss, BASE);
	for (uint32_t upto = BASE; upto < 5 * MSS;) {
		struct segment sent;
		sender_ack(&s, upto);
		while (harness_sent(&s.h, &sent, NULL)) {
			assert_true(sent.text_len <= BASE);
			upto = sent.h.seq + sent.text_len - s.start;
		}
	}
	sender_ack(&s, 5 * MSS);
	assert_int_equal(s.c->sendq.bytes, 0);
}

/* What vanishes is shorter than the base: half of it. What is shorter than any path is narrow stays as it is. */
static void short_segments(void **state)
{
	(void)state;
	sender_write(&s, 905);
	for (int i = 0; i < 4; i++)
		time_out();
	sender_expect(&s, 0, 512);
	sender_ack(&s, 905);
	sender_write(&s, 512);
	for (int i = 0; i < 6; i++)
		time_out();
	sender_expect(&s, 905, 512);
	assert_int_equal(s.h.env.counters.tcp.FullStops, 1);
}

static void never_when_told_so(void **state)
{
	(void)state;
	s.h.tcp->limits.mtu_probing = PLPMTUD_NEVER;
	sender_write(&s, 5 * MSS);
	time_out_thrice();
	time_out();
	sender_expect(&s, 0, MSS);
}

/* Nor does the base arrive: half of it, and not less. */
static void second_full_stop_halves(void **state)
{
	(void)state;
	sender_write(&s, 5 * MSS);
	for (int i = 0; i < 4; i++)
		time_out();
	time_out();
	sender_expect(&s, 0, 512);
	time_out();
	sender_expect(&s, 0, 512);
}

/* A connection whose search has begun, and whose window has room for probes. */
static void begin_search(void)
{
	s.h.tcp->limits.mtu_probing = PLPMTUD_ALWAYS;
	pb_tcp_plpmtud_begin(s.c);
	pb_tcp_conn_fit(s.c);
	assert_int_equal(s.c->mss, BASE);
	s.c->congestion.cwnd = 30 * BASE;
}

#define FIRST_PROBE ((BASE + HEADERS + 1500) / 2 - HEADERS)

/* §7.4: a segment of the stream, longer than others, as one. */
static void probe_goes_first(void **state)
{
	(void)state;
	begin_search();
	sender_write(&s, 10 * BASE);
	sender_expect(&s, 0, FIRST_PROBE);
	sender_expect(&s, FIRST_PROBE, 10 * BASE - FIRST_PROBE); /* in segments of BASE */
	assert_int_equal(s.c->mss, BASE);
}

/* §7.6.1. */
static void arrived_probe_lengthens(void **state)
{
	(void)state;
	begin_search();
	sender_write(&s, 10 * BASE);
	sender_ack(&s, FIRST_PROBE);
	assert_int_equal(s.c->mss, FIRST_PROBE);
	assert_int_equal(s.c->congestion.mss, FIRST_PROBE);
	assert_int_equal(s.h.env.counters.tcp.MTUPSuccess, 1);
}

/* §7.6.2: its loss alone is no congestion, and what it had is sent again in shorter ones. */
static void lost_probe_is_no_congestion(void **state)
{
	uint32_t cwnd;

	(void)state;
	begin_search();
	cwnd = s.c->congestion.cwnd;
	sender_write(&s, 10 * BASE);
	sender_expect(&s, 0, FIRST_PROBE);
	harness_forget(&s.h);
	harness_run(&s.h, SENDER_RTT);
	SACK(&s, 0, FIRST_PROBE, 10 * BASE);
	harness_run(&s.h, SENDER_RTT / 2);
	sender_expect(&s, 0, BASE);
	sender_expect(&s, BASE, FIRST_PROBE - BASE);
	assert_int_equal(s.h.env.counters.tcp.MTUPFail, 1);
	assert_int_equal(s.h.env.counters.tcp.FastRetrans, 0);
	assert_true(s.c->congestion.cwnd >= cwnd);
	sender_ack(&s, 10 * BASE);
	sender_write(&s, 10 * BASE);
	sender_expect(&s, 10 * BASE, (BASE + HEADERS + FIRST_PROBE + HEADERS - 1) / 2 - HEADERS);
}

/* §7.6.3: others are lost with it, so nothing is known of the path's MTU. */
static void losses_with_it_are_congestion(void **state)
{
	(void)state;
	begin_search();
	sender_write(&s, 10 * BASE);
	harness_run(&s.h, SENDER_RTT);
	SACK(&s, 0, FIRST_PROBE + 2 * BASE, 10 * BASE);
	harness_run(&s.h, SENDER_RTT / 2);
	assert_int_equal(s.h.env.counters.tcp.MTUPFail, 0);
	assert_int_equal(s.h.env.counters.tcp.FastRetrans, 1);
	assert_true(s.c->in_recovery);
	sender_ack(&s, 10 * BASE);
	assert_int_equal(s.h.env.counters.tcp.MTUPSuccess, 0); /* it was sent again in pieces */
	assert_int_equal(s.c->mss, BASE);
}

static void lost_probe_without_sack(void **state)
{
	uint32_t cwnd;

	(void)state;
	begin_search();
	cwnd = s.c->congestion.cwnd;
	sender_ack(&s, 0);
	sender_write(&s, 10 * BASE);
	harness_forget(&s.h);
	for (int i = 0; i < 3; i++)
		sender_ack(&s, 0);
	sender_expect(&s, 0, 10 * BASE);
	assert_int_equal(s.h.env.counters.tcp.MTUPFail, 1);
	assert_int_equal(s.c->congestion.cwnd, cwnd);
}

/* Too little text behind it to tell of its loss; a window too small for that. */
static void no_probe_of_the_tail(void **state)
{
	(void)state;
	begin_search();
	sender_write(&s, FIRST_PROBE + 4 * BASE - 1);
	assert_int_equal(s.c->plpmtud->probe, 0);
	sender_ack(&s, s.written);
	s.c->congestion.cwnd = 10 * BASE;
	sender_write(&s, 20 * BASE);
	assert_int_equal(s.c->plpmtud->probe, 0);
}

/* The congestion window is full: nothing more leaves until there is room for it. */
static void probe_waits_for_room(void **state)
{
	(void)state;
	begin_search();
	s.c->congestion.cwnd = 11 * BASE;
	sender_write(&s, 2 * BASE);
	sender_write(&s, 3 * BASE);
	harness_forget(&s.h);
	s.c->set.nodelay = true;
	sender_write(&s, 20 * BASE); /* the probe, and what else fits */
	sender_expect(&s, 5 * BASE, FIRST_PROBE);
	sender_expect(&s, 5 * BASE + FIRST_PROBE, 4 * BASE);
	sender_ack(&s, 5 * BASE + FIRST_PROBE); /* the next is due, and there is room */
	uint32_t second = (FIRST_PROBE + HEADERS + 1500) / 2 - HEADERS;
	sender_expect(&s, 9 * BASE + FIRST_PROBE, second);
}

/* The peer of a path that takes packets of so many bytes, and no more: what it would answer. Not for long. */
static void talk_over(uint32_t mtu)
{
	static uint8_t text[65536];

	for (int round = 0; round < 40; round++) {
		struct segment sent;
		uint32_t got = 0;
		bool lost = false;
		s.c->congestion.cwnd = 30 * MSS;
		s.c->last_sent = env_now(&s.h.env); /* it has not been silent for so long as to begin anew */
		sender_write(&s, 20 * MSS);
		while (harness_sent(&s.h, &sent, text)) {
			bool is_probe = s.c->plpmtud->probe && sent.h.seq == s.c->plpmtud->start.v;
			lost |= is_probe && sent.text_len + HEADERS > mtu;
			assert_true(is_probe || (uint32_t)s.c->mss + HEADERS <= mtu);
		}
		harness_run(&s.h, SENDER_RTT);
		if (lost) {
			got = s.c->plpmtud->end.v - s.start;
			SACK(&s, s.c->plpmtud->start.v - s.start, got, s.written);
			harness_run(&s.h, SENDER_RTT / 2);
			harness_forget(&s.h);
		}
		sender_ack(&s, s.written);
	}
}

/* §7.3: it ends where the path does, less what is not worth a probe. */
static void search_converges(void **state)
{
	static const uint32_t mtus[] = { 1064, 1100, 1300, 1350, 1420, 1492, 1500 };

	(void)state;
	for (size_t i = 0; i < sizeof mtus / sizeof *mtus; i++) {
		begin(NULL);
		begin_search();
		talk_over(mtus[i]);
		assert_true((uint32_t)s.c->mss + HEADERS <= mtus[i]);
		assert_true((uint32_t)s.c->mss + HEADERS + 8 > mtus[i]);
		end(NULL);
	}
}

/* §7.3: the path may have become wider. */
static void search_begins_again(void **state)
{
	(void)state;
	begin_search();
	talk_over(1300);
	harness_run(&s.h, PB_SEC(600));
	talk_over(1500);
	assert_true((uint32_t)s.c->mss + HEADERS + 8 > 1500);
}

/* What ICMP says of the path still counts. */
static void narrower_path_bounds_it(void **state)
{
	(void)state;
	begin_search();
	talk_over(1500);
	s.c->path.mtu = 1200;
	pb_tcp_conn_fit(s.c);
	assert_int_equal(s.c->mss, 1200 - HEADERS);
	assert_int_equal(s.c->plpmtud->high, 1200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(full_stop_shortens),
		TEST(short_segments),
		TEST(never_when_told_so),
		TEST(second_full_stop_halves),
		TEST(probe_goes_first),
		TEST(arrived_probe_lengthens),
		TEST(lost_probe_is_no_congestion),
		TEST(losses_with_it_are_congestion),
		cmocka_unit_test_setup_teardown(lost_probe_without_sack, begin_without_sack, end),
		TEST(no_probe_of_the_tail),
		TEST(probe_waits_for_room),
		cmocka_unit_test(search_converges),
		TEST(search_begins_again),
		TEST(narrower_path_bounds_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
