/* Text that comes: when it is acknowledged (RFC 5681 §4.2), what is cut off, and what timestamps protect (RFC 7323). */
#include "harness.h"

#include <sys/socket.h>

#define MSS   1460
#define START 1001 /* of the peer's text */

static struct harness h;
static struct tcp_listener *l;
static struct tcp_conn *c;
static uint32_t ours;

/* What the peer's segments say besides. */
static struct tcp_options options;
static uint16_t peer_window;

static int begin(void **state)
{
	(void)state;
	harness_begin(&h, 1, NULL);
	peer_window = 65535;
	l = harness_listen(&h, 4);
	c = harness_accept(&h, l, &ours);
	return 0;
}

static int end(void **state)
{
	(void)state;
	harness_hang_up(&h, c, l);
	return 0;
}

/* The peer's text from a place on. */
static void text_comes(uint32_t place, uint32_t len)
{
	struct segment s = {
		.h = {.flags = TCP_ACK,
                      .seq = START + place,
                      .ack = ours,
                      .window = peer_window,
                      .options = options},
		.text_len = len,
	};

	harness_inject(&h, &s);
}

/* One ACK was sent, of all up to a place. */
static struct segment acknowledged(uint32_t place)
{
	struct segment a, more;

	if (!harness_sent(&h, &a, NULL))
		fail_msg("no ACK of %u", place);
	assert_int_equal(a.h.flags, TCP_ACK);
	assert_int_equal(a.h.ack - START, place);
	assert_false(harness_sent(&h, &more, NULL));
	return a;
}

static void not_acknowledged(void)
{
	struct segment a;

	assert_false(harness_sent(&h, &a, NULL));
}

/* The first ones at once; then every second, and what is left over within 40 ms. */
static void acknowledgements_are_delayed(void **state)
{
	uint32_t at = 0;

	(void)state;
	for (int i = 0; i < TCP_QUICK_ACKS; i++) {
		text_comes(at, 100);
		acknowledged(at += 100);
	}
	for (int i = 0; i < 5; i++) {
		text_comes(at, MSS);
		not_acknowledged();
		text_comes(at + MSS, MSS);
		acknowledged(at += 2 * MSS);
	}
	text_comes(at, MSS);
	harness_run(&h, PB_MSEC(39));
	not_acknowledged();
	harness_run(&h, PB_MSEC(2));
	acknowledged(at += MSS);
	text_comes(at, 2 * MSS); /* two, merged on their way */
	acknowledged(at + 2 * MSS);
}

/* RFC 5681 §4.2: each segment ahead of a gap, and the one that fills it, at once. */
static void gaps_are_told_at_once(void **state)
{
	(void)state;
	c->quick_acks = 0;
	for (uint32_t i = 1; i <= 3; i++) {
		text_comes(i * 100, 100);
		acknowledged(0);
	}
	assert_int_equal(h.env.counters.tcp.OfoQueued, 3);
	text_comes(0, 100);
	acknowledged(400);
	assert_int_equal(c->recvq.packets.bytes, 400);
	text_comes(400, 100);
	not_acknowledged();
	text_comes(450, 100); /* part of it again: the peer waits for an ACK */
	acknowledged(550);
}

/* A sender that does not heed the window: what is beyond is cut off, and no FIN is taken from behind it. */
static void text_beyond_the_window_is_cut(void **state)
{
	uint32_t window = c->rcv_adv.v - START;
	struct segment s = {
		.h = {.flags = TCP_ACK | TCP_FIN, .seq = START + window - 10, .ack = ours, .window = 65535},
		.text_len = 20
	};

	(void)state;
	for (uint32_t at = 0; at < window - 10; at += 5000)
		text_comes(at, window - 10 - at < 5000 ? window - 10 - at : 5000);
	c->rcv_adv.v = START + window; /* as if no more had been told meanwhile */
	c->set.receive_buffer = window;
	harness_forget(&h);
	harness_inject(&h, &s);
	acknowledged(window);
	assert_int_equal(c->recvq.packets.bytes, window);
	assert_int_equal(c->state, STATE_ESTABLISHED);

	text_comes(window, 1); /* a probe of the shut window */
	assert_int_equal(acknowledged(window).h.window, 0);
	assert_int_equal(c->recvq.packets.bytes, window);
}

/* An ACK of what was acknowledged before is no news; its text is (RFC 9293 §3.10.7.4, fifth: "can be ignored"). */
static void old_acks_bring_text(void **state)
{
	uint8_t byte = 'x';

	(void)state;
	assert_int_equal(pb_tcp_send(c, &(struct iovec){ &byte, 1 }, 1, 0), 1);
	harness_forget(&h);
	ours += 1;
	text_comes(0, 0);
	ours -= 1;
	peer_window = 1000;
	text_comes(0, 100);
	acknowledged(100);
	text_comes(100, 100);
	acknowledged(200);
	assert_int_equal(c->snd_una.v, ours + 1);
	assert_int_equal(c->snd_wnd, 65535); /* it is as old as the ACK */
	assert_int_equal(c->recvq.packets.bytes, 200);
}

/* SHUT_RD, as on Linux: what comes in spite of it is acknowledged and kept, for who reads all the same. */
static void text_after_shut_reading(void **state)
{
	(void)state;
	assert_int_equal(pb_tcp_shutdown(c, SHUT_RD), 0);
	text_comes(0, 100);
	acknowledged(100);
	assert_int_equal(c->recvq.packets.bytes, 100);
}

/* Instead of the accepted one, one with timestamps: the peer's clock shows 5000. */
static void agree_on_timestamps(void)
{
	pb_tcp_close(c, true);
	harness_forget(&h);
	options = (struct tcp_options){ .mss = MSS, .has_timestamp = true, .ts_value = 5000 };
	harness_call(&h, HARNESS_PEER, &options, &ours);
	c = pb_tcp_accept(l, &h);
	assert_non_null(c);
	options.mss = 0;
}

static int end_of_timestamps(void **state)
{
	options = (struct tcp_options){ 0 };
	return end(state);
}

/* RFC 7323 §5.3: what is older than what came before it belongs to the past, whatever its number. */
static void old_timestamps_are_refused(void **state)
{
	(void)state;
	agree_on_timestamps();
	options.ts_value = 5001;
	text_comes(0, 100);
	assert_int_equal(acknowledged(100).h.options.ts_echo, 5001);
	options.ts_value = 5000;
	text_comes(100, 100);
	assert_int_equal(acknowledged(100).h.options.ts_echo, 5001);
	assert_int_equal(h.env.counters.tcp.PAWSEstab, 1);
	harness_run(&h, PB_SEC(25 * 24 *
			       3600)); /* §5.5: after 24 days of silence the clock may have gone round */
	options.ts_value = 5001 - (1u << 31) + 10;
	text_comes(100, 100);
	acknowledged(200);
}

/* §3.2: they are agreed on, so one without is none of the peer's. */
static void missing_timestamps_are_refused(void **state)
{
	(void)state;
	agree_on_timestamps();
	options.has_timestamp = false;
	text_comes(0, 100);
	not_acknowledged();
	assert_int_equal(c->recvq.packets.bytes, 0);
}

/* Or taken, where it is wanted as on Linux; they set no clock. */
static void missing_timestamps_are_taken(void **state)
{
	(void)state;
	agree_on_timestamps();
	h.tcp->limits.takes_unstamped = true;
	options.has_timestamp = false;
	text_comes(0, 100);
	assert_int_equal(acknowledged(100).h.options.ts_echo, 5000);
	options.has_timestamp = true;
	options.ts_value = 4999;
	text_comes(100, 100);
	acknowledged(100);
}

/* §4.3: the echo of what is ahead of a gap would hide how long the gap has been waited for. */
static void segments_ahead_are_not_echoed(void **state)
{
	(void)state;
	agree_on_timestamps();
	options.ts_value = 5002;
	text_comes(100, 100);
	assert_int_equal(acknowledged(0).h.options.ts_echo, 5000);
	options.ts_value = 5003;
	text_comes(0, 100);
	assert_int_equal(acknowledged(200).h.options.ts_echo, 5003);
}

#define TEST(name)       cmocka_unit_test_setup_teardown(name, begin, end)
#define TIMESTAMPS(name) cmocka_unit_test_setup_teardown(name, begin, end_of_timestamps)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(acknowledgements_are_delayed),
		TEST(gaps_are_told_at_once),
		TEST(text_beyond_the_window_is_cut),
		TEST(old_acks_bring_text),
		TEST(text_after_shut_reading),
		TIMESTAMPS(old_timestamps_are_refused),
		TIMESTAMPS(missing_timestamps_are_refused),
		TIMESTAMPS(missing_timestamps_are_taken),
		TIMESTAMPS(segments_ahead_are_not_echoed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
