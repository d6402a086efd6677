/* BBR's model of the path: draft-ietf-ccwg-bbr-06 §5.5. */
#include "transport/tcp/bbr.h"

#define EXTRA_ACKED_ROUNDS 10         /* BBR.ExtraAckedFilterLen */
#define MIN_RTT_VALID      PB_SEC(10) /* BBR.MinRTTFilterLen */
#define PROBE_RTT_INTERVAL PB_SEC(5)  /* BBR.ProbeRTTInterval */
#define FULL_BW_ROUNDS     3          /* §5.3.1.2 */

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint64_t faster(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * -- The windowed maximum
 */

static void max_reset(struct bbr_max *m, uint32_t value, uint32_t time)
{
	for (int i = 0; i < 3; i++) {
		m->best[i].value = value;
		m->best[i].time = time;
	}
}

/* What is too old makes way for the next best; a quarter and half a window later, a next best is taken anyhow. */
static void max_age(struct bbr_max *m, uint32_t value, uint32_t time, uint32_t window)
{
	uint32_t age = time - m->best[0].time;

	if (age > window) {
		m->best[0] = m->best[1];
		m->best[1] = m->best[2];
		m->best[2].value = value;
		m->best[2].time = time;
		if (time - m->best[0].time > window) {
			m->best[0] = m->best[1];
			m->best[1] = m->best[2];
		}
	} else if (m->best[1].time == m->best[0].time && age > window / 4) {
		m->best[1].value = m->best[2].value = value;
		m->best[1].time = m->best[2].time = time;
	} else if (m->best[2].time == m->best[1].time && age > window / 2) {
		m->best[2].value = value;
		m->best[2].time = time;
	}
}

static uint32_t max_update(struct bbr_max *m, uint32_t value, uint32_t time, uint32_t window)
{
	if (value >= m->best[0].value || time - m->best[2].time > window) {
		max_reset(m, value, time);
		return value;
	}
	if (value >= m->best[1].value) {
		m->best[1].value = m->best[2].value = value;
		m->best[1].time = m->best[2].time = time;
	} else if (value >= m->best[2].value) {
		m->best[2].value = value;
		m->best[2].time = time;
	}
	max_age(m, value, time, window);
	return m->best[0].value;
}

/*
 * -- Round trips and bandwidth: §5.5.1 to §5.5.6
 */

void pb_bbr_start_round(struct bbr *b)
{
	b->next_round_delivered = b->latest_delivered;
}

static void update_round(const struct bbr_ack *a)
{
	struct bbr *b = a->b;

	b->round_start = bbr_reached(a->rs->prior_delivered, b->next_round_delivered);
	if (!b->round_start)
		return;
	pb_bbr_start_round(b);
	b->round_count++;
	b->rounds_since_probe_up++;
}

/* What the application limited counts only where it is more than was believed to be possible. */
static void update_max_bw(const struct bbr_ack *a)
{
	struct bbr *b = a->b;

	if (!a->rate || (a->rate < b->max_bw && a->rs->limited))
		return;
	b->cycle_max[1] = faster(b->cycle_max[1], a->rate);
	b->max_bw = faster(b->cycle_max[0], b->cycle_max[1]);
}

void pb_bbr_advance_max_bw_filter(struct bbr *b)
{
	if (!b->cycle_max[1])
		return; /* nothing was measured */
	b->cycle_max[0] = b->cycle_max[1];
	b->cycle_max[1] = 0;
}

void pb_bbr_bound_bw(struct bbr *b)
{
	b->bw = b->max_bw < b->bw_shortterm ? b->max_bw : b->bw_shortterm;
}

/*
 * -- Whether the pipe is full: §5.3.1.2
 */

void pb_bbr_reset_full_bw(struct bbr *b, uint64_t baseline)
{
	b->full_bw = baseline;
	b->full_bw_count = 0;
	b->full_bw_now = false;
}

static void check_full_bw(const struct bbr_ack *a)
{
	struct bbr *b = a->b;

	if (b->full_bw_now || !b->round_start || a->rs->limited || !a->rate)
		return;
	if (a->rate >= b->full_bw + b->full_bw / 4) {
		pb_bbr_reset_full_bw(b, a->rate);
		return;
	}
	b->full_bw_now = ++b->full_bw_count >= FULL_BW_ROUNDS;
	b->full_bw_reached |= b->full_bw_now;
}

/*
 * -- Losses: §5.5.10
 */

void pb_bbr_reset_congestion_signals(struct bbr *b)
{
	b->is_loss_in_round = false;
	b->bw_latest = 0;
	b->inflight_latest = 0;
}

void pb_bbr_reset_shortterm(struct bbr *b)
{
	b->bw_shortterm = UINT64_MAX;
	b->inflight_shortterm = UINT32_MAX;
}

/* §5.5.11.1: once for a whole recovery, which ends, or is undone, as one. */
static void save_state(struct tcp_congestion *c)
{
	struct bbr *b = c->bbr;

	pb_bbr_save_cwnd(c);
	b->in_episode = true;
	b->undo_state = BBR_STATES;
	b->undo_bw_shortterm = b->bw_shortterm;
	b->undo_inflight_shortterm = b->inflight_shortterm;
	b->undo_inflight_longterm = b->inflight_longterm;
}

void pb_bbr_note_loss(struct tcp_congestion *c)
{
	struct bbr *b = c->bbr;

	if (!b->in_episode)
		save_state(c);
	if (!b->is_loss_in_round)
		b->loss_round_delivered = b->latest_delivered;
	b->is_loss_in_round = true;
}

bool pb_bbr_inflight_too_high(const struct bbr *b, uint32_t lost, uint32_t in_flight_then)
{
	return lost > in_flight_then / BBR_LOSS_THRESH_DIVISOR || (lost && !b->has_sack);
}

/* Slower by what was lost, once a round trip, but not below 0.7 of what it was. */
static void adapt_shortterm(const struct bbr_ack *a)
{
	struct bbr *b = a->b;

	if (bbr_probes_bw(b) || !b->is_loss_in_round)
		return;
	if (b->bw_shortterm == UINT64_MAX)
		b->bw_shortterm = b->max_bw;
	if (b->inflight_shortterm == UINT32_MAX)
		b->inflight_shortterm = a->c->cwnd;
	b->bw_shortterm = faster(b->bw_latest, BBR_BETA(b->bw_shortterm));
	b->inflight_shortterm =
		larger(b->inflight_latest, (uint32_t)BBR_BETA((uint64_t)b->inflight_shortterm));
}

static void update_latest(const struct bbr_ack *a)
{
	struct bbr *b = a->b;

	b->bw_latest = faster(b->bw_latest, a->rate);
	b->inflight_latest = larger(b->inflight_latest, a->rs->delivered);
	b->loss_round_start = bbr_reached(a->rs->prior_delivered, b->loss_round_delivered);
	if (b->loss_round_start)
		b->loss_round_delivered = b->latest_delivered;
}

static void update_congestion_signals(const struct bbr_ack *a)
{
	update_round(a);
	update_max_bw(a);
	if (!a->b->loss_round_start)
		return;
	adapt_shortterm(a);
	a->b->is_loss_in_round = false;
}

/*
 * -- Aggregation: more is acknowledged at once than the bandwidth explains (§5.5.9)
 */

static void update_aggregation(const struct bbr_ack *a)
{
	struct bbr *b = a->b;
	pb_time interval = a->now - b->extra_acked_interval_start;
	uint64_t expected = (uint64_t)((unsigned __int128)b->bw * (uint64_t)interval / (uint64_t)PB_SEC(1));
	uint64_t extra;

	if (b->extra_acked_delivered <= expected) {
		b->extra_acked_delivered = 0;
		b->extra_acked_interval_start = a->now;
		expected = 0;
	}
	b->extra_acked_delivered += a->rs->newly_acked;
	extra = b->extra_acked_delivered - expected;
	if (extra > a->c->cwnd)
		extra = a->c->cwnd;
	b->extra_acked = max_update(&b->extra_acked_filter, (uint32_t)extra, b->round_count,
				    b->full_bw_reached ? EXTRA_ACKED_ROUNDS : 1);
}

/*
 * -- The shortest round trip: §5.3.4.3
 */

void pb_bbr_min_rtt_update(const struct bbr_ack *a)
{
	struct bbr *b = a->b;
	pb_time rtt = a->rs->rtt;

	b->probe_rtt_expired = a->now > b->probe_rtt_min_stamp + PROBE_RTT_INTERVAL;
	if (rtt && (!b->probe_rtt_min_delay || rtt < b->probe_rtt_min_delay || b->probe_rtt_expired)) {
		b->probe_rtt_min_delay = rtt;
		b->probe_rtt_min_stamp = a->now;
	}
	if (!b->probe_rtt_min_delay)
		return;
	if (!b->min_rtt || b->probe_rtt_min_delay < b->min_rtt || a->now > b->min_rtt_stamp + MIN_RTT_VALID) {
		b->min_rtt = b->probe_rtt_min_delay;
		b->min_rtt_stamp = b->probe_rtt_min_stamp;
	}
}

/*
 * -- All
 */

void pb_bbr_model_init(struct bbr *b, pb_time now)
{
	b->min_rtt_stamp = b->probe_rtt_min_stamp = now;
	b->extra_acked_interval_start = now;
	b->inflight_longterm = UINT32_MAX;
	b->probe_up_acked_per_inc = UINT32_MAX;
	pb_bbr_reset_congestion_signals(b);
	pb_bbr_reset_shortterm(b);
	pb_bbr_reset_full_bw(b, 0);
}

void pb_bbr_model_update(const struct bbr_ack *a)
{
	update_latest(a);
	update_congestion_signals(a);
	update_aggregation(a);
	check_full_bw(a);
}

void pb_bbr_model_advance(const struct bbr_ack *a)
{
	if (!a->b->loss_round_start)
		return;
	a->b->bw_latest = a->rate;
	a->b->inflight_latest = a->rs->delivered;
}
