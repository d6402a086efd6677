/*
 * CUBIC (RFC 9438): after a loss the window grows by a cubic function of time, which is flat where it stood when it
 * was lost at, whatever the round-trip time; never slower than Reno would. Slow start ends by HyStart++ (RFC 9406).
 *
 * All in integers: windows in bytes, times in 1/1024 s. Nothing is divided for an ACK: what ACKs add up to is spent an
 * eighth of a window at a time.
 */
#include "transport/tcp/congestion.h"

#define GROWTH_STEPS 8 /* times that the window grows, as long as it takes to acknowledge it once */

#define BETA(window)      ((uint32_t)((uint64_t)(window)*7 / 10))  /* §4.6 */
#define CONVERGED(window) ((uint32_t)((uint64_t)(window)*17 / 20)) /* §4.7: (1 + beta) / 2 */
#define ALPHA(bytes)      ((uint32_t)((uint64_t)(bytes)*9 / 17))   /* §4.3: 3 (1 - beta) / (1 + beta) */
#define TARGET_MAX(cwnd)  ((cwnd) + (cwnd) / 2)                    /* §4.2 */

/* C = 0.4 segments/s³ (§5.1), as a ratio. */
#define C_DIVIDEND 2
#define C_DIVISOR  5

#define ELAPSED_MAX ((int64_t)1 << 20) /* 1024 s: no window is larger by then, and nothing overflows */

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static void start(struct tcp_congestion *c, pb_time now)
{
	pb_tcp_congestion_start(c, now);
	c->cubic = (struct tcp_cubic_state){ .updated = now };
	pb_tcp_hystart_init(&c->cubic.hystart);
}

/*
 * -- The cubic function
 */

/* The largest number whose cube is not larger: a bit at a time. */
static uint32_t cube_root(uint64_t x)
{
	uint64_t root = 0;

	for (int bit = 20; bit >= 0; bit--) {
		uint64_t more = root | UINT64_C(1) << bit;
		if (more * more * more <= x)
			root = more;
	}
	return (uint32_t)root;
}

/* §4.2, equation 2: K³ = (W_max - cwnd_epoch) / C. */
static uint32_t time_to(uint32_t bytes, uint32_t mss)
{
	return cube_root(((uint64_t)bytes * C_DIVISOR << 30) / ((uint64_t)mss * C_DIVIDEND));
}

/* §4.2, equation 1: C (t - K)³ + W_max. t in 1/1024 s. */
static uint32_t w_cubic(const struct tcp_congestion *c, int64_t t)
{
	const struct tcp_cubic_state *s = &c->cubic;
	int64_t off = t - s->k;
	uint64_t d = (uint64_t)(off < 0 ? -off : off);

	if (d > (uint64_t)ELAPSED_MAX)
		d = (uint64_t)ELAPSED_MAX;
	uint64_t cubed = (d * d >> 10) * d >> 10; /* 1/1024 s³ */
	uint64_t bytes = (cubed * c->mss * C_DIVIDEND / C_DIVISOR) >> 10;
	if (off < 0)
		return bytes < s->w_max ? s->w_max - (uint32_t)bytes : 0;
	return bytes < TCP_CWND_MAX - s->w_max ? s->w_max + (uint32_t)bytes : TCP_CWND_MAX;
}

static int64_t in_1024ths(pb_time t)
{
	return t / (PB_SEC(1) / 1024);
}

/*
 * -- Congestion avoidance
 */

/* After a loss W_max lies above; else, after a time-out or where HyStart++ ends, it is here: §4.8, §4.10. */
static void begin_epoch(struct tcp_congestion *c, pb_time now)
{
	struct tcp_cubic_state *s = &c->cubic;

	c->after_timeout = false;
	s->epoch = now ? now : 1;
	s->w_est = c->cwnd;
	s->acked = 0;
	s->w_max = larger(s->w_max, c->cwnd);
	s->k = time_to(s->w_max - c->cwnd, c->mss);
}

/* §4.3: where Reno would be. */
static void grow_estimate(struct tcp_congestion *c, uint32_t acked)
{
	struct tcp_cubic_state *s = &c->cubic;
	uint32_t segment = s->w_est < s->cwnd_prior ? ALPHA(c->mss) : c->mss;

	s->w_est = smaller(s->w_est + (uint32_t)((uint64_t)segment * acked / c->cwnd), TCP_CWND_MAX);
}

/* §4.2 to §4.5: of one window's growth, the part that the acknowledged bytes are of a window. */
static void grow(struct tcp_congestion *c, pb_time now, uint32_t acked, pb_time srtt)
{
	struct tcp_cubic_state *s = &c->cubic;
	int64_t t = in_1024ths(now - s->epoch);

	grow_estimate(c, acked);
	if (w_cubic(c, t) < s->w_est) {
		c->cwnd = larger(c->cwnd, s->w_est);
		return;
	}
	uint32_t target = smaller(larger(w_cubic(c, t + in_1024ths(srtt)), c->cwnd), TARGET_MAX(c->cwnd));
	c->cwnd += (uint32_t)((uint64_t)(target - c->cwnd) * acked / c->cwnd);
	c->cwnd = smaller(c->cwnd, TCP_CWND_MAX);
}

static void avoid(struct tcp_congestion *c, pb_time now, const struct tcp_ack *ack)
{
	struct tcp_cubic_state *s = &c->cubic;

	if (!s->epoch)
		begin_epoch(c, now);
	s->acked += ack->acked;
	if (s->acked < c->cwnd / GROWTH_STEPS)
		return;
	grow(c, now, smaller(s->acked, c->cwnd), ack->srtt);
	s->acked = 0;
}

/*
 * -- What happens
 */

/* HyStart++ is for the first slow start alone: RFC 9406 §4.3. */
static void slow_start(struct tcp_congestion *c, const struct tcp_ack *ack)
{
	bool first = c->ssthresh == TCP_CWND_MAX;
	enum hystart_phase phase = first ? pb_tcp_hystart_acked(&c->cubic.hystart, c->round_begins, ack->rtt)
					 : HYSTART_SLOW_START;

	if (phase == HYSTART_DONE)
		c->ssthresh = c->cwnd;
	else
		pb_tcp_slow_start(c, phase == HYSTART_CSS ? ack->acked / HYSTART_CSS_GROWTH_DIVISOR
							  : ack->acked);
}

/* The time in which the window is not made use of does not count: §5.8. */
static void acked(struct tcp_congestion *c, pb_time now, const struct tcp_ack *ack)
{
	struct tcp_cubic_state *s = &c->cubic;
	bool used = pb_tcp_congestion_used(c, now, ack);

	if (!used && s->epoch)
		s->epoch += now - s->updated;
	s->updated = now;
	if (!used)
		return;
	if (c->cwnd < c->ssthresh)
		slow_start(c, ack);
	else
		avoid(c, now, ack);
}

/*
 * §4.6, §4.7: whoever lost before it came to where it had been leaves room for others. Of the window and not of what is
 * in flight, as on Linux: it is no larger than what had been made use of (pb_tcp_congestion_used()).
 */
static void reduce(struct tcp_congestion *c)
{
	struct tcp_cubic_state *s = &c->cubic;

	s->cwnd_prior = smaller(c->cwnd, TCP_CWND_MAX);
	s->w_max = s->cwnd_prior < s->w_max ? CONVERGED(s->cwnd_prior) : s->cwnd_prior;
	s->epoch = 0;
	c->ssthresh = larger(BETA(s->cwnd_prior), 2 * c->mss);
}

static void lost(struct tcp_congestion *c, pb_time now, uint32_t flight)
{
	(void)now;
	(void)flight;
	reduce(c);
	c->cwnd = c->ssthresh;
}

static void recovered(struct tcp_congestion *c, pb_time now)
{
	c->cubic.updated = now;
	c->round_left = 0;
}

/* §4.8: in the first congestion avoidance after it, W_max is where that begins. */
static void timed_out(struct tcp_congestion *c, pb_time now, uint32_t flight, bool first)
{
	(void)flight;
	if (first)
		reduce(c);
	c->cubic.w_max = 0;
	c->cubic.updated = now;
	pb_tcp_congestion_collapse(c);
}

static void idle(struct tcp_congestion *c, pb_time now)
{
	struct tcp_cubic_state *s = &c->cubic;

	pb_tcp_congestion_restart(c, now);
	if (!c->keeps_window)
		s->epoch = 0; /* slow start comes first: another stage begins after it */
	else if (s->epoch)
		s->epoch += now - s->updated;
	s->updated = now;
}

const struct tcp_congestion_ops pb_tcp_cubic = {
	.name = "cubic",
	.start = start,
	.acked = acked,
	.lost = lost,
	.recovered = recovered,
	.timeout = timed_out,
	.idle = idle,
};
