/*
 * Timestamps that are too old (RFC 7323 §5), and those that are not: of segments that were overtaken by what was sent
 * again for a gap in front of them. The peer's clock shows 5000 when it calls.
 */
#include "harness.h"

#define MSS   1460
#define START 1001 /* of the peer's text */
#define SPAN  (1u << 28)

static struct harness h;
static struct tcp_listener *l;
static struct tcp_conn *c;
static uint32_t ours;

static int begin(void **state)
{
	const struct tcp_options o = { .mss = MSS, .has_timestamp = true, .ts_value = 5000 };

	(void)state;
	harness_begin(&h, 1, NULL);
	l = harness_listen(&h, 4);
	harness_call(&h, HARNESS_PEER, &o, &ours);
	c = pb_tcp_accept(l, &h);
	assert_non_null(c);
	return 0;
}

static int end(void **state)
{
	(void)state;
	harness_hang_up(&h, c, l);
	return 0;
}

/* Text of the peer's from a place on, sent when its clock showed this. */
static void comes(uint32_t place, uint32_t len, uint32_t clock)
{
	struct segment s = {
		.h = {.flags = TCP_ACK,
                      .seq = START + place,
                      .ack = ours,
                      .window = 65535,
                      .options = { .has_timestamp = true, .ts_value = clock }},
		.text_len = len,
	};

	harness_inject(&h, &s);
}

/* All up to a place is the user's, so many bytes wait ahead of a gap, and TS.Recent is this. */
static void assert_kept(uint32_t in_order, uint32_t ahead, uint32_t ts_recent)
{
	assert_int_equal(c->rcv_nxt.v - START, in_order);
	assert_int_equal(c->ooo.bytes, ahead);
	assert_int_equal(c->ts_recent, ts_recent);
}

static void assert_refused(unsigned times)
{
	assert_int_equal(h.env.counters.tcp.PAWSEstab, times);
}

/* §5.3: B is lost, C and E are delayed until B has been sent again. */
static void late_behind_a_gap(void **state)
{
	(void)state;
	comes(0, 100, 5001);   /* A */
	comes(300, 100, 5001); /* D */
	comes(500, 100, 5001); /* F */
	comes(100, 100, 5080); /* B again */
	assert_kept(200, 200, 5080);
	comes(400, 100, 5001); /* E, still ahead of a gap */
	assert_kept(200, 300, 5080);
	comes(200, 100, 5001); /* C, in its turn: it has waited for nobody, and TS.Recent does not go back */
	assert_kept(600, 0, 5080);
	assert_refused(0);
}

/* The same, where no gap is left when it comes; or where only what was sent after it makes one. */
static void late_as_the_last(void **state)
{
	(void)state;
	comes(0, 100, 5001);
	comes(200, 100, 5002);
	comes(100, 100, 5080);
	assert_kept(300, 0, 5080);
	comes(300, 100, 5003);
	assert_kept(400, 0, 5080);
	comes(500, 100, 5081);
	comes(400, 100, 5003);
	assert_kept(600, 0, 5080);
	assert_refused(0);
}

/* What came in its turn, with no gap, is what all that follows is measured by: R1. */
static void old_without_a_gap(void **state)
{
	(void)state;
	comes(0, 100, 5001);
	comes(200, 100, 5002);
	comes(100, 100, 5080);
	comes(300, 100, 5081);
	comes(400, 100, 5080);
	assert_refused(1);
	assert_kept(400, 0, 5081);
}

/* And of what was sent before the gap, a gap lets in nothing. */
static void older_than_the_gap(void **state)
{
	(void)state;
	comes(0, 100, 5001);
	comes(200, 100, 5002);
	comes(400, 100, 5000);
	assert_refused(1);
	assert_kept(100, 100, 5001);
	comes(100, 100, 5080);
	comes(400, 100, 5000);
	assert_refused(2);
}

/* An acknowledgement without text sets TS.Recent; behind a gap it makes nothing too old, either. */
static void acknowledgements_with_a_gap(void **state)
{
	(void)state;
	comes(100, 100, 5001);
	comes(0, 0, 5080);
	assert_kept(0, 100, 5080);
	comes(0, 100, 5001);
	assert_kept(200, 0, 5080);
	comes(200, 0, 5080);
	comes(200, 100, 5079);
	assert_refused(1);
}

/*
 * Of a gap that never ends: what was sent long ago is too old in the end, by what has come since, so that nothing of
 * 4 GiB before can be taken; and what is late now never is. The user reads all at once.
 */
static void a_gap_all_the_time(void **state)
{
	uint32_t place = 0, clock = 5100;

	(void)state;
	comes(0, 0, 5000);
	comes(place + 2000, 1000, clock);
	while (place < 3 * SPAN) {
		comes(place + 4000, 1000, ++clock);
		comes(place, 1000, clock - 100);
		comes(place + 1000, 1000, clock); /* the gap moves on */
		place = c->rcv_nxt.v - START;
		assert_int_not_equal(c->ooo.bytes, 0);
		pb_buf_queue_clear(&c->recvq.packets);
		c->rcv_adv = seq_add(c->rcv_nxt, 65535);
		harness_forget(&h);
	}
	assert_refused(0);
	comes(place + 5000, 100, 5000);
	assert_refused(1);
}

/* A clock of microseconds goes half around in 36 minutes. */
static void a_gap_and_a_fast_clock(void **state)
{
	uint32_t clock = 5001;

	(void)state;
	comes(200, 100, clock);
	for (int i = 0; i < 20; i++) {
		comes(0, 0, clock += SPAN);
		assert_refused(0);
		assert_kept(0, 100, clock);
	}
}

/* §5.5: in 24 days of silence the clock may have gone round, with a gap, too. */
static void a_gap_and_silence(void **state)
{
	uint32_t clock = 5001 - (1u << 31) + 10;

	(void)state;
	comes(0, 100, 5001);
	comes(200, 100, 5001);
	harness_run(&h, PB_SEC(25 * 24 * 3600));
	comes(100, 50, clock);
	comes(150, 50, clock + 1);
	assert_kept(300, 0, clock + 1);
	assert_refused(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(late_behind_a_gap),           TEST(late_as_the_last),
		TEST(old_without_a_gap),           TEST(older_than_the_gap),
		TEST(acknowledgements_with_a_gap), TEST(a_gap_all_the_time),
		TEST(a_gap_and_a_fast_clock),      TEST(a_gap_and_silence),
	};

	return cmocka_run_group_tests_name("paws", tests, NULL, NULL);
}
