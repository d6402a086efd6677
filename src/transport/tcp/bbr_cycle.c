/* BBR's states, and what leads from one to the next: draft-ietf-ccwg-bbr-06 §5.3. */
#include "transport/tcp/bbr.h"

#define STARTUP_FULL_LOSSES 6 /* BBRStartupFullLossCnt: ranges lost in a round trip */
#define DRAIN_ROUNDS        3
#define PROBE_WAIT          PB_SEC(2) /* and up to a second more: T_bbr */
#define RENO_ROUNDS_MAX     63        /* T_reno_bound */
#define PROBE_UP_ROUNDS_MAX 30
#define PROBE_RTT_DURATION  PB_MSEC(200) /* BBR.ProbeRTTDuration */

/* §5.6.1, the table: in hundredths. */
static const struct {
	uint32_t pacing, cwnd;
} gains[BBR_STATES] = {
	[BBR_STARTUP] = {277,  200},
          [BBR_DRAIN] = { 50,  200},
          [BBR_DOWN] = { 90,  200},
	[BBR_CRUISE] = { 100, 200},
          [BBR_REFILL] = { 100, 200},
          [BBR_UP] = { 125, 225},
	[BBR_PROBE_RTT] = { 100, 50 },
};

uint32_t pb_bbr_pacing_gain(const struct bbr *b)
{
	return gains[b->state].pacing;
}

uint32_t pb_bbr_cwnd_gain(const struct bbr *b)
{
	return gains[b->state].cwnd;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Marsaglia's xorshift. */
static uint32_t draw(struct bbr *b)
{
	b->chance ^= b->chance << 13;
	b->chance ^= b->chance >> 17;
	b->chance ^= b->chance << 5;
	return b->chance;
}

/*
 * -- Startup and Drain: §5.3.1, §5.3.2
 */

void pb_bbr_enter_startup(struct bbr *b)
{
	b->state = BBR_STARTUP;
}

static void enter_drain(struct bbr *b)
{
	b->state = BBR_DRAIN;
	b->drain_start_round = b->round_count;
}

/* §5.3.1.3: a whole round trip of recovery with many losses; one is enough where no more than one can be seen. */
static bool startup_loses_much(const struct bbr_ack *a)
{
	const struct bbr *b = a->b;

	if (!b->in_episode || !pb_bbr_inflight_too_high(b, a->rs->lost, a->rs->in_flight_then))
		return false;
	return !b->has_sack || (b->loss_round_start && b->losses_in_round >= STARTUP_FULL_LOSSES);
}

/* The pipe is full. */
void pb_bbr_startup_too_high(struct tcp_congestion *c)
{
	struct bbr *b = c->bbr;

	b->undo_state = BBR_STARTUP;
	b->full_bw_reached = b->full_bw_now = true;
	b->inflight_longterm = larger(pb_bbr_bdp(c, b->bw, 100), b->inflight_latest);
}

static void check_startup_high_loss(const struct bbr_ack *a)
{
	struct bbr *b = a->b;

	if (b->state == BBR_STARTUP && startup_loses_much(a))
		pb_bbr_startup_too_high(a->c);
	if (b->loss_round_start)
		b->losses_in_round = 0;
}

/*
 * -- ProbeBW: §5.3.3
 */

/* When to probe next: two to three seconds, or as many round trips as Reno would need, for its sake (§5.3.3.8). */
static void pick_probe_wait(struct bbr *b)
{
	b->rounds_since_probe_up = draw(b) & 1;
	b->bw_probe_wait = PROBE_WAIT + (pb_time)(draw(b) & 1023) * (PB_SEC(1) / 1024);
}

static void start_down(struct bbr *b, pb_time now)
{
	pb_bbr_reset_congestion_signals(b);
	b->probe_up_acked_per_inc = UINT32_MAX;
	pick_probe_wait(b);
	b->cycle_stamp = now;
	b->ack_phase = BBR_ACKS_STOPPING;
	pb_bbr_start_round(b);
	b->state = BBR_DOWN;
}

void pb_bbr_start_refill(struct bbr *b)
{
	pb_bbr_reset_shortterm(b);
	b->bw_probe_up_rounds = 0;
	b->bw_probe_up_acked = 0;
	b->prev_probe_precautionary = false;
	b->ack_phase = BBR_ACKS_REFILLING;
	pb_bbr_start_round(b);
	b->state = BBR_REFILL;
}

/* The bound rises by 1, 2, 4, … segments in a round trip. */
static void raise_longterm_slope(const struct bbr_ack *a)
{
	struct bbr *b = a->b;
	uint32_t growth = UINT32_C(1) << b->bw_probe_up_rounds;

	if (b->bw_probe_up_rounds < PROBE_UP_ROUNDS_MAX)
		b->bw_probe_up_rounds++;
	b->probe_up_acked_per_inc = larger(a->c->cwnd / growth, a->c->mss);
}

static void start_up(const struct bbr_ack *a)
{
	struct bbr *b = a->b;

	b->is_bw_probe_sample = true;
	b->ack_phase = BBR_ACKS_STARTING;
	pb_bbr_start_round(b);
	pb_bbr_reset_full_bw(b, a->rate);
	b->state = BBR_UP;
	raise_longterm_slope(a);
}

static bool is_time_to_probe(const struct bbr_ack *a)
{
	const struct bbr *b = a->b;
	uint32_t reno_rounds = pb_bbr_target_inflight(a->c) / a->c->mss;

	return a->now > b->cycle_stamp + b->bw_probe_wait ||
	       b->rounds_since_probe_up >= smaller(reno_rounds, RENO_ROUNDS_MAX);
}

static bool is_time_to_cruise(const struct bbr_ack *a)
{
	return a->rs->in_flight <= pb_bbr_inflight_with_headroom(a->c) &&
	       a->rs->in_flight <= pb_bbr_inflight(a->c, a->b->max_bw, 100);
}

/* The bound keeps the probe from telling how much the path has. */
static bool is_bounded(const struct bbr_ack *a)
{
	return bbr_is_cwnd_limited(a->b) && a->c->cwnd >= a->b->inflight_longterm;
}

/* No other segment fits below the bound; as it was before this acknowledgement made room for one. */
static bool is_at_longterm(const struct bbr_ack *a)
{
	return (uint64_t)a->rs->in_flight_before + a->c->mss > a->b->inflight_longterm;
}

static bool is_time_to_go_down(const struct bbr_ack *a)
{
	struct bbr *b = a->b;

	if (b->prev_probe_too_high && is_at_longterm(a)) {
		b->prev_probe_precautionary = true;
		return true;
	}
	if (is_bounded(a)) {
		pb_bbr_reset_full_bw(b, a->rate);
		return false;
	}
	return b->full_bw_now;
}

static void probe_longterm_upward(const struct bbr_ack *a)
{
	struct bbr *b = a->b;

	if (!is_bounded(a))
		return;
	b->bw_probe_up_acked += a->rs->newly_acked;
	if (b->bw_probe_up_acked >= b->probe_up_acked_per_inc) {
		uint32_t delta = b->bw_probe_up_acked / b->probe_up_acked_per_inc;
		b->bw_probe_up_acked -= delta * b->probe_up_acked_per_inc;
		b->inflight_longterm = smaller(b->inflight_longterm + delta * a->c->mss, TCP_CWND_MAX);
	}
	if (b->round_start)
		raise_longterm_slope(a);
}

/* What the last probe told is all in. True: it says what comes next. */
static bool end_probe(const struct bbr_ack *a)
{
	struct bbr *b = a->b;

	b->is_bw_probe_sample = false;
	b->ack_phase = BBR_ACKS_INIT;
	if (!bbr_in_probe_bw(b))
		return false;
	if (!a->rs->limited)
		pb_bbr_advance_max_bw_filter(b);
	if (!b->prev_probe_precautionary || b->prev_probe_too_high)
		return false;
	pb_bbr_start_refill(b);
	return true;
}

static bool adapt_longterm(const struct bbr_ack *a)
{
	struct bbr *b = a->b;

	if (b->ack_phase == BBR_ACKS_STARTING && b->round_start)
		b->ack_phase = BBR_ACKS_FEEDBACK;
	if (b->ack_phase == BBR_ACKS_STOPPING && b->round_start && end_probe(a))
		return true;
	if (b->inflight_longterm == UINT32_MAX ||
	    pb_bbr_inflight_too_high(b, a->rs->lost, a->rs->in_flight_then))
		return false;
	b->inflight_longterm = larger(b->inflight_longterm, a->rs->in_flight_then);
	if (b->state == BBR_UP)
		probe_longterm_upward(a);
	return false;
}

static void update_probe_bw(const struct bbr_ack *a)
{
	struct bbr *b = a->b;

	if (!b->full_bw_reached || adapt_longterm(a) || !bbr_in_probe_bw(b))
		return;
	if ((b->state == BBR_DOWN || b->state == BBR_CRUISE) && is_time_to_probe(a)) {
		pb_bbr_start_refill(b);
	} else if (b->state == BBR_DOWN && is_time_to_cruise(a)) {
		b->state = BBR_CRUISE;
	} else if (b->state == BBR_REFILL && b->round_start) {
		start_up(a);
	} else if (b->state == BBR_UP && is_time_to_go_down(a)) {
		b->prev_probe_too_high = false;
		start_down(b, a->now);
	}
}

void pb_bbr_handle_inflight_too_high(struct tcp_congestion *c, pb_time now, uint32_t in_flight_then,
				     bool limited)
{
	struct bbr *b = c->bbr;

	b->prev_probe_too_high = true;
	b->is_bw_probe_sample = false; /* once for each probe */
	if (!limited)
		b->inflight_longterm =
			larger(in_flight_then, (uint32_t)BBR_BETA((uint64_t)pb_bbr_target_inflight(c)));
	if (b->state == BBR_UP) {
		b->undo_state = BBR_UP;
		start_down(b, now);
	}
}

void pb_bbr_cycle(const struct bbr_ack *a)
{
	struct bbr *b = a->b;

	check_startup_high_loss(a);
	if (b->state == BBR_STARTUP && b->full_bw_reached)
		enter_drain(b);
	if (b->state == BBR_DRAIN && (a->rs->in_flight <= pb_bbr_inflight(a->c, b->bw, 100) ||
				      b->round_count > b->drain_start_round + DRAIN_ROUNDS))
		start_down(b, a->now);
	update_probe_bw(a);
}

/*
 * -- ProbeRTT: §5.3.4
 */

static void exit_probe_rtt(struct bbr *b, pb_time now)
{
	pb_bbr_reset_shortterm(b);
	if (b->full_bw_reached) {
		start_down(b, now);
		b->state = BBR_CRUISE;
	} else {
		pb_bbr_enter_startup(b);
	}
}

void pb_bbr_check_probe_rtt_done(struct tcp_congestion *c, pb_time now)
{
	struct bbr *b = c->bbr;

	if (!b->probe_rtt_timed || now <= b->probe_rtt_done_stamp)
		return;
	b->probe_rtt_min_stamp = now; /* the next ProbeRTT is counted from here */
	pb_bbr_restore_cwnd(c);
	exit_probe_rtt(b, now);
}

/* So little is in flight: long enough that it is so for all who share the queue, and a round trip at least. */
static void handle_probe_rtt(const struct bbr_ack *a)
{
	struct bbr *b = a->b;

	if (!b->probe_rtt_timed && a->rs->in_flight <= pb_bbr_probe_rtt_cwnd(a->c)) {
		b->probe_rtt_timed = true;
		b->probe_rtt_done_stamp = a->now + PROBE_RTT_DURATION;
		b->probe_rtt_round_done = false;
		pb_bbr_start_round(b);
	} else if (b->probe_rtt_timed) {
		b->probe_rtt_round_done |= b->round_start;
		if (b->probe_rtt_round_done)
			pb_bbr_check_probe_rtt_done(a->c, a->now);
	}
}

bool pb_bbr_check_probe_rtt(const struct bbr_ack *a)
{
	struct bbr *b = a->b;
	bool probes;

	if (b->state != BBR_PROBE_RTT && b->probe_rtt_expired && !b->idle_restart) {
		pb_bbr_save_cwnd(a->c);
		b->state = BBR_PROBE_RTT;
		b->probe_rtt_timed = false;
		b->ack_phase = BBR_ACKS_STOPPING;
		pb_bbr_start_round(b);
	}
	probes = b->state == BBR_PROBE_RTT;
	if (probes)
		handle_probe_rtt(a);
	if (a->rs->delivered > 0)
		b->idle_restart = false;
	return probes;
}
