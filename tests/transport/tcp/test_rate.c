/* How fast the network delivers: draft-ietf-ccwg-bbr-06 §4.1, as TCP_INFO tells it. */
#include "sender.h"
#include "transport/tcp/flight.h"

#include <linux/tcp.h>

#define MSS SENDER_MSS

static struct sender s;

static uint64_t rate(bool *limited)
{
	struct tcp_info info;

	pb_tcp_info(s.c, &info);
	*limited = info.tcpi_delivery_rate_app_limited;
	return info.tcpi_delivery_rate;
}

static void begin(uint32_t segments)
{
	sender_begin_with_sack(&s);
	s.c->congestion.cwnd = s.c->congestion.ssthresh = segments * MSS;
	s.c->set.send_buffer = 1 << 24;
	s.c->snd_wnd = s.c->snd_wnd_max = 1 << 20;
	s.window = 65535;
}

/* A path that takes two segments a millisecond, from a place on, for so many milliseconds. */
static uint32_t deliver(uint32_t from, unsigned milliseconds)
{
	for (unsigned i = 0; i < milliseconds; i++) {
		harness_run(&s.h, PB_MSEC(1));
		from += 2 * MSS;
		sender_ack(&s, from);
	}
	return from;
}

/* Ten segments in 40 ms, and there were no more. */
static void a_flight_in_one_go(void **state)
{
	bool limited;

	(void)state;
	begin(20);
	assert_int_equal(rate(&limited), 0);
	assert_true(limited);
	sender_write(&s, 10 * MSS);
	harness_run(&s.h, PB_MSEC(40));
	sender_ack(&s, 10 * MSS);
	assert_int_equal(rate(&limited), 10 * MSS * 25);
	assert_true(limited);
	sender_end(&s);
}

/* What its parts are acknowledged by one after the other is measured over all of it. */
static void acknowledged_in_parts(void **state)
{
	bool limited;

	(void)state;
	begin(20);
	sender_write(&s, 10 * MSS);
	harness_run(&s.h, PB_MSEC(40));
	sender_ack(&s, 4 * MSS);
	harness_run(&s.h, PB_MSEC(10));
	sender_ack(&s, 10 * MSS);
	assert_int_equal(rate(&limited), 10 * MSS * 20);
	sender_end(&s);
}

/* The window is full for long: it is the path's rate, whatever the window. */
static void a_steady_flow(void **state)
{
	bool limited;
	uint32_t acked;

	(void)state;
	begin(40);
	sender_write(&s, 4000 * MSS);
	harness_run(&s.h, PB_MSEC(20));
	acked = deliver(0, 100);
	assert_in_range(rate(&limited), 2000 * MSS * 95 / 100, 2000 * MSS * 105 / 100);
	assert_false(limited);
	deliver(acked, 100);
	assert_in_range(rate(&limited), 2000 * MSS * 99 / 100, 2000 * MSS * 101 / 100);
	sender_end(&s);
}

/* §4.1.1.2.3: acknowledgements that come all at once tell of no faster path than it was sent over. */
static void bunched_acknowledgements(void **state)
{
	bool limited;
	uint32_t acked;

	(void)state;
	begin(40);
	sender_write(&s, 4000 * MSS);
	harness_run(&s.h, PB_MSEC(20));
	acked = deliver(0, 100);
	harness_run(&s.h, PB_MSEC(15));
	sender_ack(&s, acked + 30 * MSS);
	assert_true(rate(&limited) <= 2000 * MSS * 105 / 100);
	sender_end(&s);
}

/* §4.1.1.3: nothing to send, for a while; until all is acknowledged that was then in flight, and what followed it. */
static void an_application_limits(void **state)
{
	bool limited;
	uint32_t acked;

	(void)state;
	begin(40);
	sender_write(&s, 100 * MSS);
	harness_run(&s.h, PB_MSEC(20));
	acked = deliver(0, 48);
	assert_int_equal(acked, 96 * MSS);
	sender_write(&s, 2000 * MSS); /* late: four are in flight */
	assert_true(s.c->rate.limited);
	uint64_t before = rate(&limited);
	acked = deliver(acked, 4);
	assert_true(rate(&limited) >= before); /* a lower one that it limited is not told of */
	assert_false(s.c->rate.limited);
	deliver(acked, 60);
	assert_in_range(rate(&limited), 2000 * MSS * 98 / 100, 2000 * MSS * 102 / 100);
	assert_false(limited);
	sender_end(&s);
}

/* §4.1.3.4: what was sent again is delivered, but times nothing. */
static void sent_again(void **state)
{
	bool limited;
	uint32_t acked;

	(void)state;
	begin(40);
	sender_write(&s, 4000 * MSS);
	harness_run(&s.h, PB_MSEC(20));
	acked = deliver(0, 100);
	uint64_t before = rate(&limited);
	for (uint32_t i = 1; i <= 20; i++) { /* one is missing */
		harness_run(&s.h, PB_MSEC(1) / 2);
		SACK(&s, acked, acked + MSS, acked + MSS + i * MSS);
	}
	assert_true(s.c->in_recovery);
	assert_int_equal(s.c->rate.lost, MSS);
	assert_in_range(tcp_delivered(s.c), acked + 20 * MSS, acked + 20 * MSS);
	harness_run(&s.h, PB_MSEC(1) / 2);
	sender_ack(&s, acked + 21 * MSS);
	assert_in_range(rate(&limited), before * 9 / 10, before * 105 / 100);
	assert_int_equal(tcp_delivered(s.c), acked + 21 * MSS);
	sender_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flight_in_one_go),    cmocka_unit_test(acknowledged_in_parts),
		cmocka_unit_test(a_steady_flow),         cmocka_unit_test(bunched_acknowledgements),
		cmocka_unit_test(an_application_limits), cmocka_unit_test(sent_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
