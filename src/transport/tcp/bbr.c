/* BBR's steps on what happens, and its control parameters: draft-ietf-ccwg-bbr-06 §5.2, §5.6. */
#include "transport/tcp/bbr.h"

#include <linux/inet_diag.h>
#include <stdlib.h>

#define STARTUP_PACING_GAIN 277
#define PACING_MARGIN       99         /* hundredths: 1 % below the bandwidth, BBR.PacingMarginPercent */
#define QUANTUM_TIME        PB_MSEC(1) /* §5.6.3 */
#define QUANTUM_MAX         (64 * 1024)
#define OFFLOAD_QUANTA      3 /* §5.5.8.1 */
#define PROBE_RTT_CWND_GAIN 50

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t min_pipe(const struct tcp_congestion *c)
{
	return BBR_MIN_PIPE_CWND * c->mss;
}

/*
 * -- How much the model wants in flight: §5.6.4.2
 */

uint32_t pb_bbr_bdp(const struct tcp_congestion *c, uint64_t bw, uint32_t gain)
{
	const struct bbr *b = c->bbr;
	unsigned __int128 bytes =
		(unsigned __int128)bw * (uint64_t)b->min_rtt * gain / 100 / (uint64_t)PB_SEC(1);

	if (!b->min_rtt)
		return pb_tcp_initial_window(c);
	return bytes < TCP_CWND_MAX ? (uint32_t)bytes : TCP_CWND_MAX;
}

static uint32_t with_quanta(const struct tcp_congestion *c, uint32_t inflight)
{
	const struct bbr *b = c->bbr;

	inflight = larger(larger(inflight, OFFLOAD_QUANTA * b->send_quantum), min_pipe(c));
	return b->state == BBR_UP ? inflight + 2 * c->mss : inflight;
}

uint32_t pb_bbr_inflight(const struct tcp_congestion *c, uint64_t bw, uint32_t gain)
{
	return with_quanta(c, pb_bbr_bdp(c, bw, gain));
}

uint32_t pb_bbr_target_inflight(const struct tcp_congestion *c)
{
	return smaller(pb_bbr_bdp(c, c->bbr->bw, 100), c->cwnd);
}

/* BBR.Headroom: 15 % are left to others. */
uint32_t pb_bbr_inflight_with_headroom(const struct tcp_congestion *c)
{
	uint32_t most = c->bbr->inflight_longterm;

	if (most == UINT32_MAX)
		return most;
	uint32_t headroom = larger(c->mss, (uint32_t)((uint64_t)most * 15 / 100));
	return larger(most > headroom ? most - headroom : 0, min_pipe(c));
}

uint32_t pb_bbr_probe_rtt_cwnd(const struct tcp_congestion *c)
{
	return larger(pb_bbr_bdp(c, c->bbr->bw, PROBE_RTT_CWND_GAIN), min_pipe(c));
}

/*
 * -- Control parameters
 */

/* §5.6.2. In Startup it only rises: samples that the application limited say nothing. */
static void set_pace(struct tcp_congestion *c, uint32_t gain)
{
	const struct bbr *b = c->bbr;
	uint64_t pace = (uint64_t)((unsigned __int128)b->bw * gain * PACING_MARGIN / 10000);

	if (pace && (b->full_bw_reached || pace > c->pace))
		c->pace = pace;
}

/* Before anything is known of the bandwidth: an initial window in a round trip. */
static void init_pace(struct tcp_congestion *c, pb_time srtt)
{
	c->pace = rate_of(pb_tcp_initial_window(c), srtt ? srtt : PB_MSEC(1)) * STARTUP_PACING_GAIN / 100;
}

/* §5.6.3 */
static void set_quantum(struct tcp_congestion *c)
{
	uint64_t quantum = c->pace / (uint64_t)(PB_SEC(1) / QUANTUM_TIME);

	c->bbr->send_quantum = larger(quantum < QUANTUM_MAX ? (uint32_t)quantum : QUANTUM_MAX, 2 * c->mss);
}

/* §5.6.4.7 */
static void bound_cwnd_for_model(struct tcp_congestion *c)
{
	const struct bbr *b = c->bbr;
	uint32_t cap = UINT32_MAX;

	if (b->state == BBR_PROBE_RTT || b->state == BBR_CRUISE)
		cap = pb_bbr_inflight_with_headroom(c);
	else if (bbr_in_probe_bw(b))
		cap = b->inflight_longterm;
	cap = larger(smaller(cap, b->inflight_shortterm), min_pipe(c));
	c->cwnd = smaller(c->cwnd, cap);
}

/* §5.6.4.6: up by no more than was delivered; down at once. */
static void set_cwnd(struct tcp_congestion *c, uint32_t newly_acked)
{
	struct bbr *b = c->bbr;
	uint32_t initial = pb_tcp_initial_window(c);
	uint64_t most = (uint64_t)pb_bbr_bdp(c, b->bw, pb_bbr_cwnd_gain(b)) + b->extra_acked;

	b->max_inflight = with_quanta(c, (uint32_t)(most < TCP_CWND_MAX ? most : TCP_CWND_MAX));
	b->early = smaller(b->early + newly_acked, initial);
	if (b->full_bw_reached)
		c->cwnd = smaller(c->cwnd + newly_acked, b->max_inflight);
	else if (c->cwnd < b->max_inflight || b->early < initial)
		c->cwnd += newly_acked;
	c->cwnd = smaller(larger(c->cwnd, min_pipe(c)), TCP_CWND_MAX);
	if (b->state == BBR_PROBE_RTT)
		c->cwnd = smaller(c->cwnd, pb_bbr_probe_rtt_cwnd(c));
	bound_cwnd_for_model(c);
}

/* The last known good window, which no recovery and no ProbeRTT had cut: §5.6.4.4. */
void pb_bbr_save_cwnd(struct tcp_congestion *c)
{
	struct bbr *b = c->bbr;

	if (!b->in_episode && b->state != BBR_PROBE_RTT)
		b->prior_cwnd = c->cwnd;
	else
		b->prior_cwnd = larger(b->prior_cwnd, c->cwnd);
}

void pb_bbr_restore_cwnd(struct tcp_congestion *c)
{
	c->cwnd = larger(c->cwnd, c->bbr->prior_cwnd);
}

/*
 * -- What happens
 */

/* §5.2.1. Without memory, it is the default algorithm. */
static void start(struct tcp_congestion *c, pb_time now)
{
	struct bbr *b = malloc(sizeof *b);

	if (!b) {
		c->ops = &pb_tcp_cubic;
		c->ops->start(c, now);
		return;
	}
	*b = (struct bbr){ .chance = c->chance | 1, .has_sack = true, .undo_state = BBR_STATES };
	c->bbr = b;
	pb_tcp_congestion_start(c, now);
	c->pace = 0;
	b->send_quantum = 2 * c->mss;
	pb_bbr_model_init(b, now);
	pb_bbr_enter_startup(b);
}

static void end(struct tcp_congestion *c)
{
	free(c->bbr);
	c->bbr = NULL;
	c->pace = 0;
}

/* Whether the window was made use of in this round trip or the one before. */
static void note_use(struct tcp_congestion *c, const struct rate_sample *rs)
{
	struct bbr *b = c->bbr;

	if (b->round_start) {
		b->cwnd_limited_before = b->cwnd_limited;
		b->cwnd_limited = false;
	}
	if (rs->in_flight_before + c->mss > c->cwnd)
		b->cwnd_limited = true;
}

/* §5.2.3 */
static bool sampled(struct tcp_congestion *c, pb_time now, const struct rate_sample *rs)
{
	struct bbr *b = c->bbr;
	struct bbr_ack a = { c, b, rs, rate_of(rs->delivered, rs->interval), now };
	bool limits;

	b->latest_delivered = rs->total_delivered;
	b->has_sack = rs->has_sack;
	if (!c->pace)
		init_pace(c, rs->srtt);
	if (!b->min_rtt && rs->srtt)
		b->min_rtt = b->probe_rtt_min_delay = rs->srtt;
	b->round_start = b->loss_round_start = false;
	if (rs->has_data)
		pb_bbr_model_update(&a);
	note_use(c, rs);
	if (rs->has_data)
		pb_bbr_cycle(&a);
	pb_bbr_min_rtt_update(&a);
	limits = pb_bbr_check_probe_rtt(&a);
	if (rs->has_data)
		pb_bbr_model_advance(&a);
	pb_bbr_bound_bw(b);
	set_pace(c, pb_bbr_pacing_gain(b));
	set_quantum(c);
	set_cwnd(c, rs->newly_acked);
	return limits;
}

/*
 * §5.5.10.2: losses come in the order in which they were sent, a whole burst as one: with how much of it in flight they
 * became too many.
 */
static uint32_t inflight_at_loss(const struct rate_loss *l)
{
	int64_t before = (int64_t)l->in_flight_then - l->bytes, lost_before = (int64_t)l->lost - l->bytes;
	int64_t prefix = (before - lost_before * BBR_LOSS_THRESH_DIVISOR) / (BBR_LOSS_THRESH_DIVISOR - 1);
	int64_t at = before + prefix;

	return at > 0 ? (uint32_t)at : 0;
}

static void lost_sent(struct tcp_congestion *c, pb_time now, const struct rate_loss *l)
{
	struct bbr *b = c->bbr;

	b->latest_delivered = l->total_delivered;
	pb_bbr_note_loss(c);
	if (b->losses_in_round < UINT8_MAX)
		b->losses_in_round++;
	if (b->is_bw_probe_sample && l->known && pb_bbr_inflight_too_high(b, l->lost, l->in_flight_then))
		pb_bbr_handle_inflight_too_high(c, now, inflight_at_loss(l), l->limited);
}

/* Not a loss, but a mark of ECN: as if too much had been lost (§3.6). */
static void marked(struct tcp_congestion *c, pb_time now)
{
	struct bbr *b = c->bbr;

	if (b->state == BBR_STARTUP)
		pb_bbr_startup_too_high(c);
	else if (b->is_bw_probe_sample)
		pb_bbr_handle_inflight_too_high(c, now, b->inflight_latest, false);
}

/*
 * A recovery begins; or a mark tells of congestion, if nothing was found lost before. Where SACK is missing, recovery
 * counts from ssthresh: the window is as it was.
 */
static void lost(struct tcp_congestion *c, pb_time now, uint32_t flight)
{
	bool is_mark = !c->bbr->is_loss_in_round;

	(void)flight;
	pb_bbr_note_loss(c);
	if (is_mark)
		marked(c, now);
	c->ssthresh = c->cwnd;
}

static void recovered(struct tcp_congestion *c, pb_time now)
{
	(void)now;
	pb_bbr_restore_cwnd(c);
	c->bbr->in_episode = false;
}

/* §5.6.4.4: the caller adds what is still in flight. */
static void timed_out(struct tcp_congestion *c, pb_time now, uint32_t flight, bool first)
{
	(void)now;
	(void)flight;
	(void)first;
	pb_bbr_note_loss(c);
	c->cwnd = c->mss;
}

/* §5.5.11.2: nothing was lost. */
static void undone(struct tcp_congestion *c, pb_time now)
{
	struct bbr *b = c->bbr;

	(void)now;
	pb_bbr_restore_cwnd(c);
	b->in_episode = b->is_loss_in_round = false;
	pb_bbr_reset_full_bw(b, 0);
	if (b->bw_shortterm < b->undo_bw_shortterm)
		b->bw_shortterm = b->undo_bw_shortterm;
	b->inflight_shortterm = larger(b->inflight_shortterm, b->undo_inflight_shortterm);
	b->inflight_longterm = larger(b->inflight_longterm, b->undo_inflight_longterm);
	if (b->undo_state == BBR_STARTUP && b->state != BBR_STARTUP) {
		b->full_bw_reached = false;
		if (b->state != BBR_PROBE_RTT)
			pb_bbr_enter_startup(b);
	} else if (b->undo_state == BBR_UP && b->state != BBR_UP && b->state != BBR_PROBE_RTT) {
		pb_bbr_start_refill(b);
	}
	b->undo_state = BBR_STATES;
}

/* §5.4.1: nothing is in flight, and something leaves after the application had nothing to send. */
static void idle(struct tcp_congestion *c, pb_time now)
{
	struct bbr *b = c->bbr;

	b->idle_restart = true;
	b->extra_acked_interval_start = now;
	if (bbr_in_probe_bw(b))
		set_pace(c, 100);
	else if (b->state == BBR_PROBE_RTT)
		pb_bbr_check_probe_rtt_done(c, now);
}

/* Of algorithms without a model; this one has sampled() in its place. */
static void acked(struct tcp_congestion *c, pb_time now, const struct tcp_ack *ack)
{
	(void)c;
	(void)now;
	(void)ack;
}

/* As Linux tells it; gains are of 256. */
static size_t info(const struct tcp_congestion *c, union tcp_cc_info *info)
{
	const struct bbr *b = c->bbr;

	info->bbr = (struct tcp_bbr_info){
		.bbr_bw_lo = (uint32_t)b->bw,
		.bbr_bw_hi = (uint32_t)(b->bw >> 32),
		.bbr_min_rtt = b->min_rtt ? (uint32_t)(b->min_rtt / 1000) : UINT32_MAX, /* microseconds */
		.bbr_pacing_gain = pb_bbr_pacing_gain(b) * 256 / 100,
		.bbr_cwnd_gain = pb_bbr_cwnd_gain(b) * 256 / 100,
	};
	return sizeof info->bbr;
}

const struct tcp_congestion_ops pb_tcp_bbr = {
	.name = "bbr",
	.start = start,
	.acked = acked,
	.lost = lost,
	.recovered = recovered,
	.timeout = timed_out,
	.idle = idle,
	.sampled = sampled,
	.lost_sent = lost_sent,
	.undone = undone,
	.info = info,
	.end = end,
};
