/*
 * BBR over a path of one queue, packet by packet, against what draft-ietf-ccwg-bbr-06 says of each state; most are the
 * cases of its appendix A.
 */
#include "random.h"
#include "transport/tcp/bbr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MSS     1000
#define MBIT(n) ((uint64_t)(n)*1000000 / 8) /* bytes a second */
#define RTT     PB_MSEC(40)
#define PACKETS (1 << 16)

struct packet {
	pb_time sent, acked, delivered_at, first_sent;
	uint32_t delivered, lost, in_flight;
	bool limited, dropped;
};

/* A sender and its path. */
static struct flow {
	struct tcp_congestion c;
	pb_time now, paced_until, busy_until;
	uint64_t rate;   /* of the path */
	uint32_t queue;  /* bytes that it holds */
	double loss;     /* at random */
	uint64_t writes; /* bytes a second that the application has; 0: as many as may be sent */
	pb_time written;
	struct packet packet[PACKETS];
	uint32_t first, next; /* in flight */
	uint32_t delivered, lost, in_flight, recover;
	pb_time delivered_at, first_sent;
	uint32_t limited_until;
	bool limited, in_recovery;
	struct random random;
	uint32_t states; /* those that were seen, as a set */
} f;

static struct bbr *b;

/* A connection; the one before has ended. */
static void begin(uint64_t rate, uint32_t queue)
{
	if (f.c.bbr)
		f.c.ops->end(&f.c);
	f = (struct flow){
		.c = {.ops = &pb_tcp_bbr, .mss = MSS, .chance = 12345},
		.now = PB_SEC(1),
		.rate = rate,
		.queue = queue
	};
	f.c.ops->start(&f.c, f.now);
	b = f.c.bbr;
}

static int finish(void **state)
{
	(void)state;
	if (f.c.bbr)
		f.c.ops->end(&f.c);
	return 0;
}

/*
 * -- Sending
 */

static pb_time takes(uint64_t bytes, uint64_t rate)
{
	return rate ? (pb_time)(bytes * (uint64_t)PB_SEC(1) / rate) : 0;
}

static void mark_limited(void)
{
	f.limited = true;
	f.limited_until = f.delivered + (f.in_flight ? f.in_flight : 1);
}

/* Through the queue, or beside it. */
static void send_packet(void)
{
	struct packet *p = &f.packet[f.next++ % PACKETS];
	pb_time waits = f.busy_until > f.now ? f.busy_until - f.now : 0;

	if (f.in_flight == 0 && f.limited)
		f.c.ops->idle(&f.c, f.now);
	if (f.in_flight == 0)
		f.first_sent = f.delivered_at = f.now;
	f.in_flight += MSS;
	*p = (struct packet){ .sent = f.now,
			      .delivered_at = f.delivered_at,
			      .first_sent = f.first_sent,
			      .delivered = f.delivered,
			      .lost = f.lost,
			      .in_flight = f.in_flight,
			      .limited = f.limited };
	p->dropped = waits > takes(f.queue, f.rate) ||
		     (f.loss > 0 && random_below(&f.random, 1000000) < (uint64_t)(f.loss * 1e6));
	if (!p->dropped)
		f.busy_until = f.now + waits + takes(MSS, f.rate);
	p->acked = (f.busy_until > f.now ? f.busy_until : f.now) + RTT;
	f.paced_until = (f.paced_until > f.now ? f.paced_until : f.now) + takes(MSS, f.c.pace);
	f.written = (f.written > f.now ? f.written : f.now) + takes(MSS, f.writes);
}

/* When the next may leave; PB_NEVER: when another has arrived. */
static pb_time next_send(void)
{
	pb_time at = f.paced_until > f.now ? f.paced_until : f.now;

	if (f.in_flight + MSS > f.c.cwnd && f.in_flight)
		return PB_NEVER;
	if (f.writes && f.written > at) {
		mark_limited();
		at = f.written;
	}
	return at;
}

/*
 * -- Acknowledgements
 */

/* It was dropped: what came after it tells. */
static void lose(const struct packet *p)
{
	f.lost += MSS;
	f.in_flight -= MSS;
	f.c.ops->lost_sent(&f.c, f.now,
			   &(struct rate_loss){ .bytes = MSS,
						.total_delivered = f.delivered,
						.in_flight_then = p->in_flight,
						.lost = f.lost - p->lost,
						.known = true,
						.limited = p->limited });
	if (!f.in_recovery) {
		f.c.ops->lost(&f.c, f.now, f.in_flight);
		f.in_recovery = true;
		f.recover = f.next;
	}
}

static void give_sample(const struct packet *p, uint32_t before)
{
	pb_time sending = p->sent - p->first_sent, acking = f.now - p->delivered_at;
	struct rate_sample s = { .interval = sending > acking ? sending : acking,
				 .rtt = f.now - p->sent,
				 .srtt = RTT,
				 .delivered = f.delivered - p->delivered,
				 .prior_delivered = p->delivered,
				 .total_delivered = f.delivered,
				 .in_flight_then = p->in_flight,
				 .lost = f.lost - p->lost,
				 .newly_acked = MSS,
				 .in_flight_before = before,
				 .in_flight = f.in_flight,
				 .has_data = true,
				 .limited = p->limited,
				 .has_sack = true };

	if (f.c.ops->sampled(&f.c, f.now, &s))
		mark_limited();
	f.states |= 1u << b->state;
}

static void acknowledge(void)
{
	uint32_t before = f.in_flight;
	struct packet *p = &f.packet[f.first % PACKETS];

	while (p->dropped) {
		lose(p);
		p = &f.packet[++f.first % PACKETS];
	}
	f.first++;
	f.delivered += MSS;
	f.in_flight -= MSS;
	f.delivered_at = f.now;
	if (f.limited && (int32_t)(f.delivered - f.limited_until) > 0)
		f.limited = false;
	if (f.in_recovery && f.first >= f.recover) {
		f.in_recovery = false;
		f.c.ops->recovered(&f.c, f.now);
	}
	give_sample(p, before);
	f.first_sent = p->sent;
}

/* The next that arrives; losses at the end are found when more is sent. */
static pb_time next_ack(void)
{
	for (uint32_t i = f.first; i != f.next; i++)
		if (!f.packet[i % PACKETS].dropped)
			return f.packet[i % PACKETS].acked;
	return PB_NEVER;
}

/* A time-out, where all that is in flight was dropped. */
static void give_up_flight(void)
{
	f.now += PB_SEC(1);
	for (; f.first != f.next; f.first++)
		lose(&f.packet[f.first % PACKETS]);
	f.c.ops->timeout(&f.c, f.now, 0, true);
}

static void step(void)
{
	pb_time sends = next_send(), acks = next_ack();

	if (sends == PB_NEVER && acks == PB_NEVER) {
		give_up_flight();
	} else if (acks <= sends) {
		f.now = acks;
		acknowledge();
	} else {
		f.now = sends;
		send_packet();
	}
	assert_true(f.c.cwnd >= MSS);
	assert_true(f.next - f.first < PACKETS);
}

static void run_for(pb_time time)
{
	for (pb_time end = f.now + time; f.now < end;)
		step();
}

/* Until it is in a state; at most so long. */
static void run_to(enum bbr_state state, pb_time time)
{
	for (pb_time end = f.now + time; b->state != state; step())
		if (f.now >= end)
			fail_msg("still in state %d, not in %d", b->state, state);
}

/* Until it is in another: where it is in one for a moment only. */
static void run_out_of(enum bbr_state state, pb_time time)
{
	for (pb_time end = f.now + time; b->state == state; step())
		if (f.now >= end)
			fail_msg("still in state %d", b->state);
}

static void assert_near(uint64_t is, uint64_t should_be, unsigned percent)
{
	uint64_t off = is > should_be ? is - should_be : should_be - is;

	if (off > should_be * percent / 100)
		fail_msg("%llu instead of %llu", (unsigned long long)is, (unsigned long long)should_be);
}

static uint32_t bdp(void)
{
	return (uint32_t)(f.rate * (uint64_t)RTT / (uint64_t)PB_SEC(1));
}

/*
 * -- Startup and Drain
 */

/*
 * §5.3.1: the rate doubles in each round trip, until three bring no more than a quarter: then the bandwidth is known.
 */
static void startup_finds_the_bandwidth(void **state)
{
	(void)state;
	begin(MBIT(100), 4 * 500 * MSS);
	assert_int_equal(b->state, BBR_STARTUP);
	run_to(BBR_DRAIN, PB_SEC(2));
	assert_true(b->full_bw_now && b->full_bw_reached);
	assert_int_equal(b->full_bw_count, 3);
	assert_near(b->max_bw, MBIT(100), 2);
	assert_true(f.now - PB_SEC(1) < 15 * RTT);
	assert_int_equal(pb_bbr_pacing_gain(b), 50);
}

/* §5.3.2: down to what fills the path, in about a round trip. */
static void drain_ends_when_the_queue_is_gone(void **state)
{
	(void)state;
	begin(MBIT(100), 4 * 500 * MSS);
	run_to(BBR_DRAIN, PB_SEC(2));
	pb_time began = f.now;
	assert_true(f.in_flight > bdp() * 3 / 2);
	run_out_of(BBR_DRAIN, PB_SEC(1));
	assert_true(f.in_flight <= pb_bbr_inflight(&f.c, b->bw, 100));
	assert_true(f.now - began < 3 * RTT);
}

/* A round trip later, with so much still in flight. */
static void round_trip_with(uint32_t in_flight)
{
	struct rate_sample s = { .interval = RTT,
				 .rtt = RTT,
				 .srtt = RTT,
				 .delivered = bdp(),
				 .prior_delivered = f.delivered,
				 .total_delivered = f.delivered + bdp(),
				 .newly_acked = bdp(),
				 .in_flight_then = in_flight,
				 .in_flight_before = in_flight + bdp(),
				 .in_flight = in_flight,
				 .has_data = true,
				 .has_sack = true };

	f.now += RTT;
	f.delivered += bdp();
	f.c.ops->sampled(&f.c, f.now, &s);
}

/* Or after three round trips, where the bandwidth was overestimated. */
static void drain_ends_in_time(void **state)
{
	(void)state;
	begin(MBIT(100), 4 * 500 * MSS);
	run_to(BBR_DRAIN, PB_SEC(2));
	for (int i = 0; i < 3; i++) {
		round_trip_with(2 * bdp());
		assert_int_equal(b->state, BBR_DRAIN);
	}
	round_trip_with(2 * bdp());
	assert_int_equal(b->state, BBR_DOWN);
}

/* §5.3.1.3: more than 2 % of a round trip lost, in six places: also if the application is what limits. */
static void startup_ends_by_loss(void **state)
{
	(void)state;
	begin(MBIT(1000), 1000 * 500 * MSS);
	f.writes = MBIT(50);
	run_for(PB_SEC(1));
	assert_int_equal(b->state, BBR_STARTUP);
	f.loss = 0.1;
	run_for(PB_SEC(1));
	assert_true(b->full_bw_reached);
	assert_int_not_equal(b->state, BBR_STARTUP);
	assert_true(b->inflight_longterm < UINT32_MAX);
}

/* And not by less. */
static void startup_bears_some_loss(void **state)
{
	(void)state;
	begin(MBIT(1000), 1000 * 500 * MSS);
	f.writes = MBIT(50);
	f.loss = 0.005;
	run_for(PB_SEC(2));
	assert_int_equal(b->state, BBR_STARTUP);
}

/*
 * -- ProbeBW
 */

/* §5.3.3: all four, and the pace of each: 0.9, 1, 1, 1.25, less the margin of 1 %. */
static void probes_in_a_cycle(void **state)
{
	static const enum bbr_state cycle[] = { BBR_DOWN, BBR_CRUISE, BBR_REFILL, BBR_UP, BBR_DOWN };
	static const unsigned gain[] = { 90, 100, 100, 125, 90 };

	(void)state;
	begin(MBIT(100), 4 * 500 * MSS);
	for (int i = 0; i < 5; i++) {
		run_to(cycle[i], PB_SEC(8)); /* ProbeRTT may come between */
		assert_near(f.c.pace, b->bw * gain[i] * 99 / 10000, 1);
	}
	assert_near(b->max_bw, MBIT(100), 2);
}

/* §5.3.3.8: two to three seconds apart, but not more than 63 round trips. */
static void probes_in_time(void **state)
{
	pb_time last = 0;

	(void)state;
	begin(MBIT(100), 4 * 500 * MSS);
	run_to(BBR_UP, PB_SEC(5));
	for (int i = 0; i < 10; i++) {
		run_out_of(BBR_UP, PB_SEC(1));
		last = f.now;
		f.states = 0;
		run_to(BBR_REFILL, PB_SEC(8));
		if (f.states >> BBR_PROBE_RTT & 1)
			last = b->cycle_stamp;
		assert_true(f.now - last < PB_SEC(3) + RTT);
		assert_true(f.now - last > 60 * RTT || f.now - last > PB_SEC(2));
		run_to(BBR_UP, PB_SEC(1));
	}
}

/* §5.3.3.1: DOWN ends when what was lost in leaves its headroom, 15 %, and the queue is gone. */
static void down_leaves_headroom(void **state)
{
	(void)state;
	begin(MBIT(100), 500 * MSS / 4);
	for (int i = 0; i < 3; i++) {
		run_to(BBR_UP, PB_SEC(10));
		run_to(BBR_CRUISE, PB_SEC(10));
	}
	assert_true(b->inflight_longterm < UINT32_MAX);
	assert_true(f.in_flight <= b->inflight_longterm * 85 / 100 + MSS);
	assert_true(f.in_flight <= pb_bbr_inflight(&f.c, b->max_bw, 100));
	assert_true(f.c.cwnd <= pb_bbr_inflight_with_headroom(&f.c));
}

/* Where the queue does not go, it probes in time. */
static void down_ends_in_time(void **state)
{
	(void)state;
	begin(MBIT(100), 4 * 500 * MSS);
	run_to(BBR_DRAIN, PB_SEC(2));
	while (b->state == BBR_DRAIN)
		round_trip_with(2 * bdp());
	pb_time began = f.now;
	while (b->state == BBR_DOWN)
		round_trip_with(2 * bdp());
	assert_int_equal(b->state, BBR_REFILL);
	assert_in_range(f.now - began, 60 * RTT, PB_SEC(3) + RTT);
}

/* §5.5.10.2: a probe that loses more than 2 % bounds what is in flight, but not below 0.7 of the target. */
static void too_much_is_remembered(void **state)
{
	(void)state;
	begin(MBIT(100), 500 * MSS / 10);
	run_to(BBR_UP, PB_SEC(10));
	f.c.bbr->inflight_longterm = UINT32_MAX;
	b->prev_probe_too_high = false;
	run_to(BBR_DOWN, PB_SEC(1));
	assert_true(b->prev_probe_too_high);
	assert_in_range(b->inflight_longterm, bdp(), bdp() * 5 / 4);
	assert_int_equal(b->undo_state, BBR_UP);
}

/* §5.3.3.5: the next one stops where the one before was too high; if that lost nothing, another follows at once. */
static void after_too_much_it_is_careful(void **state)
{
	(void)state;
	begin(MBIT(100), 500 * MSS);
	run_to(BBR_CRUISE, PB_SEC(10));
	b->inflight_longterm = bdp() * 11 / 10;
	b->prev_probe_too_high = true;
	run_to(BBR_UP, PB_SEC(5));
	run_to(BBR_DOWN, PB_SEC(1));
	assert_true(b->prev_probe_precautionary);
	f.states = 0;
	pb_time began = f.now;
	run_to(BBR_UP, PB_SEC(1));
	assert_false(f.states >> BBR_CRUISE & 1);
	assert_true(f.now - began < 4 * RTT);
	run_to(BBR_DOWN, PB_SEC(3));
	assert_false(b->prev_probe_precautionary);
}

/* §5.3.3.4: the bound rises by 1, 2, 4, … segments a round trip, so that ten times as much is found in some of them. */
static void more_bandwidth_is_found(void **state)
{
	(void)state;
	begin(MBIT(10), 50 * MSS);
	run_for(PB_SEC(10));
	assert_near(b->max_bw, MBIT(10), 3);
	f.rate = MBIT(100);
	f.queue = 500 * MSS;
	run_for(PB_SEC(10));
	assert_near(b->max_bw, MBIT(100), 3);
}

/* §5.5.5: what is in no more than two cycles is forgotten. */
static void less_bandwidth_is_believed(void **state)
{
	(void)state;
	begin(MBIT(100), 500 * MSS);
	run_for(PB_SEC(10));
	f.rate = MBIT(10);
	f.queue = 50 * MSS;
	run_for(PB_SEC(20));
	assert_near(b->max_bw, MBIT(10), 5);
}

/* §5.5.10.3: while it does not probe, a loss slows it down, not below 0.7 in a round trip. */
static void losses_slow_down(void **state)
{
	(void)state;
	begin(MBIT(100), 4 * 500 * MSS);
	run_to(BBR_CRUISE, PB_SEC(10));
	assert_true(b->bw_shortterm == UINT64_MAX);
	uint64_t before = b->max_bw;
	f.loss = 0.05;
	for (int i = 0; i < 3; i++)
		run_for(RTT);
	f.loss = 0;
	assert_int_equal(b->state, BBR_CRUISE);
	assert_true(b->bw < before);
	assert_true(b->bw >= before * 7 / 10 * 7 / 10 * 7 / 10);
	assert_true(b->bw == b->bw_shortterm);
	run_to(BBR_REFILL, PB_SEC(4));
	assert_true(b->bw == b->max_bw);
}

/* A policer: all that is above the rate is dropped. */
static void a_policer_is_obeyed(void **state)
{
	(void)state;
	begin(MBIT(100), 2 * MSS);
	run_for(PB_SEC(10));
	uint32_t delivered = f.delivered, lost = f.lost;
	run_for(PB_SEC(10));
	assert_true(f.delivered - delivered > MBIT(100) * 10 * 70 / 100);
	assert_true((f.lost - lost) < (f.delivered - delivered) / 50);
}

/*
 * -- ProbeRTT
 */

/* §5.3.4: if no round trip was as short for five seconds: half a BDP for 200 ms, and on as before. */
static void probes_the_round_trip(void **state)
{
	(void)state;
	begin(MBIT(100), 500 * MSS);
	run_to(BBR_CRUISE, PB_SEC(3));
	run_to(BBR_PROBE_RTT, PB_SEC(7));
	pb_time began = f.now;
	assert_true(f.c.cwnd <= pb_bbr_probe_rtt_cwnd(&f.c));
	run_for(PB_MSEC(100));
	assert_true(f.in_flight <= bdp() / 2 + MSS);
	run_to(BBR_CRUISE, PB_SEC(1));
	assert_true(f.now - began > PB_MSEC(200));
	assert_true(f.now - began < PB_MSEC(200) + 5 * RTT);
	assert_true(f.c.cwnd > bdp());
	assert_near((uint64_t)b->min_rtt, (uint64_t)RTT, 1);
	assert_near(b->max_bw, MBIT(100), 2); /* what was sent meanwhile says nothing of it */
}

static void in_startup_it_goes_back_there(void **state)
{
	(void)state;
	begin(MBIT(100), 500 * MSS);
	f.writes = MBIT(1);
	run_to(BBR_PROBE_RTT, PB_SEC(7));
	assert_false(b->full_bw_reached);
	run_to(BBR_STARTUP, PB_SEC(1));
}

/* §5.4.1: a silence drains the queue as well; and the pace goes on as it was. */
static void silence_is_a_probe(void **state)
{
	(void)state;
	begin(MBIT(100), 500 * MSS);
	run_to(BBR_CRUISE, PB_SEC(3));
	uint64_t pace = b->bw * 99 / 100;
	uint32_t cwnd = f.c.cwnd;
	while (f.first != f.next) { /* the last are acknowledged */
		f.now = next_ack();
		acknowledge();
	}
	mark_limited();
	f.now += PB_SEC(6);
	send_packet();
	assert_true(b->idle_restart);
	assert_near(f.c.pace, pace, 1);
	f.states = 0;
	run_for(PB_MSEC(500));
	assert_false(f.states >> BBR_PROBE_RTT & 1);
	assert_false(b->idle_restart);
	assert_near(f.c.cwnd, cwnd, 20);
}

/*
 * -- Application-limited, small and odd
 */

/* §5.5.4: slow samples of a slow application leave the bandwidth as it was believed to be. */
static void a_slow_application_says_nothing(void **state)
{
	(void)state;
	begin(MBIT(100), 500 * MSS);
	run_to(BBR_REFILL, PB_SEC(10));
	f.writes = MBIT(5);
	run_for(PB_SEC(20));
	assert_near(b->max_bw, MBIT(100), 2);
	begin(MBIT(100), 500 * MSS);
	f.writes = MBIT(5);
	run_for(PB_SEC(4));
	assert_int_equal(b->state, BBR_STARTUP);
}

/* §5.6.4.3: four segments where the path holds less than one. */
static void the_window_has_four_segments(void **state)
{
	(void)state;
	begin(MBIT(1) / 10, 20 * MSS); /* half a segment in a round trip */
	run_for(PB_SEC(60));
	assert_true(f.c.cwnd >= 4 * MSS);
	uint32_t delivered = f.delivered;
	run_for(PB_SEC(20));
	assert_near(f.delivered - delivered, MBIT(1) / 10 * 20, 10);
}

/* §5.5.9: what comes in lumps has room for a lump more. */
static void lumps_have_room(void **state)
{
	struct rate_sample s = {
		.interval = PB_MSEC(40), .rtt = RTT, .srtt = RTT, .has_data = true, .has_sack = true
	};

	(void)state;
	begin(MBIT(100), 500 * MSS);
	run_to(BBR_CRUISE, PB_SEC(3));
	s.total_delivered = f.delivered + 100 * MSS;
	s.prior_delivered = f.delivered;
	s.delivered = s.newly_acked = 100 * MSS;
	s.in_flight_before = f.c.cwnd;
	s.in_flight = f.c.cwnd - 100 * MSS;
	f.c.ops->sampled(&f.c, f.now, &s);
	assert_in_range(b->extra_acked, 90 * MSS, 120 * MSS);
	assert_in_range(b->max_inflight, 2 * bdp() * 95 / 100 + 90 * MSS, 2 * bdp() * 105 / 100 + 120 * MSS);
}

/*
 * -- Losses that were none
 */

/* §5.5.11.2: the bounds are what they were, and the probe goes on. */
static void a_spurious_recovery_is_undone(void **state)
{
	(void)state;
	begin(MBIT(100), 500 * MSS);
	run_to(BBR_UP, PB_SEC(10));
	uint32_t longterm = b->inflight_longterm, cwnd = f.c.cwnd;
	for (int i = 0; i < 20; i++)
		lose(&f.packet[(f.first + i) % PACKETS]);
	assert_int_equal(b->state, BBR_DOWN);
	assert_true(b->inflight_longterm < UINT32_MAX);
	f.c.cwnd = 10 * MSS;
	f.c.ops->undone(&f.c, f.now);
	assert_int_equal(b->state, BBR_REFILL);
	assert_int_equal(b->inflight_longterm, longterm);
	assert_int_equal(f.c.cwnd, cwnd);
	assert_false(b->is_loss_in_round);
}

static void a_spurious_timeout_is_undone(void **state)
{
	(void)state;
	begin(MBIT(100), 4 * 500 * MSS);
	run_to(BBR_CRUISE, PB_SEC(10));
	uint32_t cwnd = f.c.cwnd;
	f.c.ops->timeout(&f.c, f.now, f.in_flight, true);
	assert_int_equal(f.c.cwnd, MSS);
	f.c.ops->undone(&f.c, f.now);
	assert_int_equal(f.c.cwnd, cwnd);
	assert_true(b->bw_shortterm == UINT64_MAX);
}

/* One that was none is made good for by what came before it: Startup goes on. */
static void startup_is_taken_up_again(void **state)
{
	(void)state;
	begin(MBIT(1000), 1000 * 500 * MSS);
	f.writes = MBIT(50);
	run_for(PB_SEC(1));
	f.loss = 0.1;
	run_out_of(BBR_STARTUP, PB_SEC(1));
	f.c.ops->undone(&f.c, f.now);
	assert_int_equal(b->state, BBR_STARTUP);
	assert_false(b->full_bw_reached);
}

/* §5.6.4.4: after a recovery the window is what it was, as far as the model allows. */
static void recovery_gives_the_window_back(void **state)
{
	(void)state;
	begin(MBIT(100), 500 * MSS);
	run_to(BBR_CRUISE, PB_SEC(10));
	uint32_t cwnd = f.c.cwnd;
	f.c.ops->timeout(&f.c, f.now, f.in_flight, true);
	f.c.ops->recovered(&f.c, f.now);
	assert_int_equal(f.c.cwnd, cwnd);
}

/*
 * -- Whatever happens
 */

static void odd_event(struct random *r)
{
	struct rate_sample s = { .interval = (pb_time)random_magnitude(r, 41),
				 .rtt = (pb_time)random_magnitude(r, 41),
				 .srtt = (pb_time)random_magnitude(r, 41),
				 .delivered = (uint32_t)random_magnitude(r, 30),
				 .prior_delivered = (uint32_t)random_next(r),
				 .total_delivered = (uint32_t)random_next(r),
				 .in_flight_then = (uint32_t)random_magnitude(r, 30),
				 .lost = (uint32_t)random_magnitude(r, 30),
				 .newly_acked = (uint32_t)random_magnitude(r, 30),
				 .in_flight_before = (uint32_t)random_magnitude(r, 30),
				 .in_flight = (uint32_t)random_magnitude(r, 30),
				 .has_data = random_below(r, 2),
				 .limited = random_below(r, 2),
				 .has_sack = random_below(r, 2) };
	struct rate_loss l = { .bytes = (uint32_t)random_magnitude(r, 30),
			       .total_delivered = s.total_delivered,
			       .in_flight_then = s.in_flight_then,
			       .lost = s.lost,
			       .known = random_below(r, 2),
			       .limited = s.limited };

	f.now += (pb_time)random_magnitude(r, 36);
	switch (random_below(r, 12)) {
	case 0:
		f.c.ops->lost_sent(&f.c, f.now, &l);
		f.c.ops->lost(&f.c, f.now, s.in_flight);
		break;
	case 1:
		f.c.ops->recovered(&f.c, f.now);
		break;
	case 2:
		f.c.ops->timeout(&f.c, f.now, s.in_flight, random_below(r, 2));
		break;
	case 3:
		f.c.ops->undone(&f.c, f.now);
		break;
	case 4:
		f.c.ops->idle(&f.c, f.now);
		break;
	default:
		f.c.ops->sampled(&f.c, f.now, &s);
	}
}

static void stays_within_bounds(void **state)
{
	struct seeds seeds = seeds_to_try(200);

	(void)state;
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct random random = { seed };
		begin(MBIT(100), 500 * MSS);
		for (int i = 0; i < 2000; i++) {
			odd_event(&random);
			if (f.c.cwnd < MSS || f.c.cwnd > TCP_CWND_MAX || b->state >= BBR_STATES ||
			    b->bw > b->max_bw)
				fail_msg("PACKETBOAT_SEED=%llu: cwnd %u, state %d", (unsigned long long)seed,
					 f.c.cwnd, b->state);
		}
		f.c.ops->end(&f.c);
	}
}

static void is_found_by_its_name(void **state)
{
	(void)state;
	assert_ptr_equal(pb_tcp_congestion_find("bbr", 3), &pb_tcp_bbr);
}

#define TEST(name) cmocka_unit_test_teardown(name, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(startup_finds_the_bandwidth),
		TEST(drain_ends_when_the_queue_is_gone),
		TEST(drain_ends_in_time),
		TEST(startup_ends_by_loss),
		TEST(startup_bears_some_loss),
		TEST(probes_in_a_cycle),
		TEST(probes_in_time),
		TEST(down_leaves_headroom),
		TEST(down_ends_in_time),
		TEST(too_much_is_remembered),
		TEST(after_too_much_it_is_careful),
		TEST(more_bandwidth_is_found),
		TEST(less_bandwidth_is_believed),
		TEST(losses_slow_down),
		TEST(a_policer_is_obeyed),
		TEST(probes_the_round_trip),
		TEST(in_startup_it_goes_back_there),
		TEST(silence_is_a_probe),
		TEST(a_slow_application_says_nothing),
		TEST(the_window_has_four_segments),
		TEST(lumps_have_room),
		TEST(a_spurious_recovery_is_undone),
		TEST(a_spurious_timeout_is_undone),
		TEST(startup_is_taken_up_again),
		TEST(recovery_gives_the_window_back),
		TEST(stays_within_bounds),
		cmocka_unit_test(is_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
