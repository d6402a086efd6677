/*
 * Pacing: what the congestion window lets go at once leaves in pieces of a millisecond's worth at the pace of the
 * path, so that it does not fill a queue on the way, nor keep other connections waiting. It is also what bounds
 * super-segments: slow connections send short ones. The pace is as Linux has it: twice the window in a round
 * trip in slow start, 1.2 times later, so that ACKs and not the timer are the clock in a steady flow.
 *
 * A path so short that a millisecond holds all of its window is not paced: ACKs come faster than timers.
 *
 * What may be sent into the unknown at once, an initial window (RFC 6928), may also at the beginning and after a pause.
 */
#include "transport/tcp/pacing.h"
#include "transport/tcp/congestion.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/settings.h"

#define PIECE_TIME  PB_MSEC(1)
#define PIECES_MIN  8     /* in a round trip */
#define PIECE_MIN   2     /* segments: as many as are acknowledged at once */
#define BURST_BYTES 14600 /* RFC 6928 §2 */
#define LATE_MAX    PB_MSEC(10)

/* Bytes a second: RFC 9002 §7.7 has the reasons, Linux's tcp_pacing_ss_ratio and tcp_pacing_ca_ratio the values. */
static uint64_t pace_of_window(const struct tcp_conn *c)
{
	const struct tcp_congestion *g = &c->congestion;
	uint64_t per_round = g->cwnd < g->ssthresh / 2 ? 2 * (uint64_t)g->cwnd : (uint64_t)g->cwnd * 6 / 5;

	return per_round * (uint64_t)(PB_SEC(1) / 1000) / (uint64_t)(c->rtt.srtt / 1000 + 1);
}

uint64_t pb_tcp_pacing_rate(const struct tcp_conn *c)
{
	uint64_t most = c->set.max_pacing_rate, pace;

	if (c->tcp->limits.unpaced || c->rtt.srtt < TCP_UNPACED_RTT)
		return most;
	pace = c->congestion.pace ? c->congestion.pace : pace_of_window(c);
	return most && most < pace ? most : pace;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/*
 * How late a piece may be and still count from when it was due: of a busy host's timers so much is made up for, and of
 * a sender who had nothing to send, or no window, one piece alone.
 */
static pb_time forgiven(const struct tcp_conn *c, pb_time takes)
{
	pb_time late = c->rtt.srtt / 8 < LATE_MAX ? c->rtt.srtt / 8 : LATE_MAX;

	return c->pace.held && late > takes ? late : takes;
}

/*
 * A millisecond's worth; where a model says the pace, and acknowledgements are no clock, also on a path so short that
 * this would be much of its window no more than an eighth of that.
 */
static uint32_t piece_size(const struct tcp_conn *c, uint64_t rate)
{
	pb_time time = PIECE_TIME;
	uint64_t size;

	if (c->congestion.pace && c->rtt.srtt / PIECES_MIN < time)
		time = c->rtt.srtt / PIECES_MIN;
	size = rate / (uint64_t)(PB_SEC(1) / (time ? time : 1));
	return larger(size < TCP_CWND_MAX ? (uint32_t)size : TCP_CWND_MAX, PIECE_MIN * c->mss);
}

/* After a pause an initial window may leave at once; if it is a model that says the pace, at the beginning only. */
static bool may_burst(const struct tcp_conn *c)
{
	return c->congestion.pace ? !c->bytes_acked : tcp_now(c) - c->pace.ends >= c->rtt.srtt;
}

/*
 * The next piece: how large, and when another may follow. What the last one had left that made no segment is added, or
 * the pace would be lower than it is said to be.
 */
static void begin_piece(struct tcp_conn *c, uint64_t rate)
{
	pb_time now = tcp_now(c), began = c->pace.ends;
	uint32_t size = piece_size(c, rate), over = c->pace.left < c->mss ? c->pace.left : 0;
	pb_time takes = (pb_time)((uint64_t)size * (uint64_t)(PB_SEC(1) / 1000) / rate) * 1000;
	bool burst = may_burst(c);

	if (now - began > forgiven(c, takes))
		began = c->pace.held ? now - forgiven(c, takes) : now;
	c->pace.ends = began + takes;
	c->pace.held = c->pace.held && c->pace.ends <= now;
	c->pace.left = burst ? larger(size, BURST_BYTES) : size + over;
}

/*
 * Who is not paced sends all at once, but may want super-segments as short as Linux has them: receivers and queues get
 * on from one to the next. On short paths they are longer (tcp_tso_rtt_log); half of the congestion window is the most.
 */
uint32_t pb_tcp_burst(const struct tcp_conn *c)
{
	uint64_t halvings = (uint64_t)c->rtt.min / 1000 / 512, most = TCP_SUPER_MAX;
	uint64_t burst = pace_of_window(c) / 1024 + (halvings < 32 ? most >> halvings : 0);
	uint32_t segments =
		larger((uint32_t)(burst < most ? burst : most) / c->mss, c->tcp->limits.burst_min);
	uint32_t half = larger(c->congestion.cwnd / c->mss / 2, 1),
		 longest = larger(TCP_SUPER_MAX / c->mss, 1);

	segments = segments < half ? segments : half;
	return (segments < longest ? segments : longest) * c->mss;
}

uint32_t pb_tcp_pace(struct tcp_conn *c, uint32_t wanted)
{
	if (tcp_now(c) >= c->pace.ends) {
		uint64_t rate = pb_tcp_pacing_rate(c);
		if (!rate)
			return wanted;
		begin_piece(c, rate);
	}
	if (wanted <= c->pace.left)
		return wanted;
	if (c->pace.left >= c->mss)
		return c->pace.left;
	pb_timers_set(&c->tcp->env->timers, &c->pace.timer, c->pace.ends);
	c->pace.held = true;
	return 0;
}
