/*
 * BBR version 3 (draft-ietf-ccwg-bbr-06): a model of the path, of how much it delivers in a second (max_bw) and how
 * long it takes when no queue stands in it (min_rtt), says how fast to send and how much may be in flight. Losses
 * bound it, beyond a share that is borne while it probes.
 *
 *   bbr.c        what happens, and what follows from the model: pace and window
 *   bbr_model.c  the model: bandwidth, round trips, aggregation, and its bounds after losses
 *   bbr_cycle.c  the states: Startup, Drain, ProbeBW's four, ProbeRTT
 *
 * Names are the draft's. A bound that is not there is UINT32_MAX or UINT64_MAX.
 */
#ifndef PB_TRANSPORT_TCP_BBR_H
#define PB_TRANSPORT_TCP_BBR_H

#include "transport/tcp/congestion.h"

enum bbr_state {
	BBR_STARTUP,
	BBR_DRAIN,
	BBR_DOWN, /* ProbeBW_DOWN, and so on */
	BBR_CRUISE,
	BBR_REFILL,
	BBR_UP,
	BBR_PROBE_RTT,
	BBR_STATES
};

/* What acknowledgements tell of a probe for bandwidth: ACKS_INIT and so on. */
enum bbr_acks { BBR_ACKS_INIT, BBR_ACKS_REFILLING, BBR_ACKS_STARTING, BBR_ACKS_FEEDBACK, BBR_ACKS_STOPPING };

/* A maximum over a while: the best, and what will be when that is too old (K. Nichols' windowed filter). */
struct bbr_max {
	struct {
		uint32_t value, time;
	} best[3];
};

struct bbr {
	enum bbr_state state;
	enum bbr_acks ack_phase;
	uint32_t chance; /* not 0 */

	/* Bandwidth, in bytes a second */
	uint64_t cycle_max[2]; /* in the cycle before, and in this one: BBR.max_bw_filter */
	uint64_t max_bw, bw_shortterm, bw;
	uint64_t bw_latest; /* the most in this loss round */
	uint64_t full_bw;
	uint8_t full_bw_count;
	bool full_bw_now, full_bw_reached;

	/* Time */
	pb_time min_rtt, min_rtt_stamp; /* min_rtt 0: not known */
	pb_time probe_rtt_min_delay, probe_rtt_min_stamp;
	pb_time probe_rtt_done_stamp; /* if probe_rtt_timed */
	bool probe_rtt_expired, probe_rtt_timed, probe_rtt_round_done;
	bool idle_restart;
	pb_time cycle_stamp, bw_probe_wait;

	/* Round trips, by what is delivered */
	uint32_t next_round_delivered, round_count, rounds_since_probe_up, drain_start_round;
	uint32_t loss_round_delivered;
	bool round_start, loss_round_start;

	/* Data in flight */
	uint32_t inflight_longterm, inflight_shortterm;
	uint32_t inflight_latest; /* the most in this loss round */
	uint32_t probe_up_acked_per_inc, bw_probe_up_acked;
	uint8_t bw_probe_up_rounds;
	bool is_bw_probe_sample, prev_probe_too_high, prev_probe_precautionary;
	bool cwnd_limited, cwnd_limited_before; /* in this round trip, in the one before */

	/* Aggregation */
	struct bbr_max extra_acked_filter;
	pb_time extra_acked_interval_start;
	uint32_t extra_acked_delivered, extra_acked;

	/* Losses */
	bool is_loss_in_round;
	bool has_sack;   /* or else a loss says more, as no more than one is seen in a round trip */
	bool in_episode; /* of losses: what was before is remembered, for its end or its undoing */
	uint8_t losses_in_round;
	enum bbr_state undo_state; /* BBR_STATES: none */
	uint64_t undo_bw_shortterm;
	uint32_t undo_inflight_shortterm, undo_inflight_longterm;

	uint32_t prior_cwnd, max_inflight, send_quantum;
	uint32_t early;            /* delivered, until it is an initial window */
	uint32_t latest_delivered; /* C.delivered, as last heard of */
};

#define BBR_LOSS_THRESH_DIVISOR 50 /* BBR.LossThresh: 2 % */
#define BBR_BETA(n)             ((n)*7 / 10)
#define BBR_MIN_PIPE_CWND       4 /* segments */

/* What each step of an acknowledgement looks at. */
struct bbr_ack {
	struct tcp_congestion *c;
	struct bbr *b;
	const struct rate_sample *rs;
	uint64_t rate; /* RS.delivery_rate; 0: none */
	pb_time now;
};

static inline bool bbr_in_probe_bw(const struct bbr *b)
{
	return b->state == BBR_DOWN || b->state == BBR_CRUISE || b->state == BBR_REFILL || b->state == BBR_UP;
}

static inline bool bbr_probes_bw(const struct bbr *b)
{
	return b->state == BBR_STARTUP || b->state == BBR_REFILL || b->state == BBR_UP;
}

static inline bool bbr_is_cwnd_limited(const struct bbr *b)
{
	return b->cwnd_limited || b->cwnd_limited_before;
}

/* a has come as far as b; both run over. */
static inline bool bbr_reached(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) >= 0;
}

/* -- bbr.c */

/* Bytes that fill the path at this rate, times a gain in hundredths; an initial window while that is not known. */
uint32_t pb_bbr_bdp(const struct tcp_congestion *c, uint64_t bw, uint32_t gain);
/* And what hosts need on top (§5.5.8). */
uint32_t pb_bbr_inflight(const struct tcp_congestion *c, uint64_t bw, uint32_t gain);
uint32_t pb_bbr_target_inflight(const struct tcp_congestion *c);
uint32_t pb_bbr_inflight_with_headroom(const struct tcp_congestion *c);
uint32_t pb_bbr_probe_rtt_cwnd(const struct tcp_congestion *c);
void pb_bbr_save_cwnd(struct tcp_congestion *c);
void pb_bbr_restore_cwnd(struct tcp_congestion *c);

/* -- bbr_model.c */

void pb_bbr_model_init(struct bbr *b, pb_time now);
void pb_bbr_start_round(struct bbr *b);
/* With each acknowledgement that tells of a rate, before the states are looked at; and when that is done. */
void pb_bbr_model_update(const struct bbr_ack *a);
void pb_bbr_model_advance(const struct bbr_ack *a);
/* A probe for bandwidth is over, with all that it told: what was measured before the last one is forgotten. */
void pb_bbr_advance_max_bw_filter(struct bbr *b);
void pb_bbr_min_rtt_update(const struct bbr_ack *a);
void pb_bbr_reset_full_bw(struct bbr *b, uint64_t baseline);
void pb_bbr_reset_shortterm(struct bbr *b);
void pb_bbr_reset_congestion_signals(struct bbr *b);
/* Something was lost: the first of this round trip, perhaps. */
void pb_bbr_note_loss(struct tcp_congestion *c);
bool pb_bbr_inflight_too_high(const struct bbr *b, uint32_t lost, uint32_t in_flight_then);
void pb_bbr_bound_bw(struct bbr *b);

/* -- bbr_cycle.c */

void pb_bbr_enter_startup(struct bbr *b);
void pb_bbr_start_refill(struct bbr *b);
/* Startup, Drain and ProbeBW; ProbeRTT, behind it. True: what is sent now tells nothing of the path's rate. */
void pb_bbr_cycle(const struct bbr_ack *a);
bool pb_bbr_check_probe_rtt(const struct bbr_ack *a);
void pb_bbr_check_probe_rtt_done(struct tcp_congestion *c, pb_time now);
/* A probe for bandwidth lost too much: so much was in flight when it did. */
void pb_bbr_handle_inflight_too_high(struct tcp_congestion *c, pb_time now, uint32_t in_flight_then,
				     bool limited);
void pb_bbr_startup_too_high(struct tcp_congestion *c); /* and so did Startup */
uint32_t pb_bbr_pacing_gain(const struct bbr *b);       /* hundredths */
uint32_t pb_bbr_cwnd_gain(const struct bbr *b);

#endif
