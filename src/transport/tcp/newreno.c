/*
 * NewReno: slow start and congestion avoidance of RFC 5681, counting bytes (RFC 3465) so that an
 * acknowledgement of a whole batch counts for all of it. Its fast recovery (RFC 6582) is recovery.c's.
 */
#include "transport/tcp/congestion.h"

static void start(struct tcp_congestion *c, pb_time now)
{
	pb_tcp_congestion_start(c, now);
	c->newreno.acked = 0;
}

/* One segment each time a window of bytes is acknowledged: RFC 5681 §3.1. */
static void avoid(struct tcp_congestion *c, uint32_t acked)
{
	c->after_timeout = false;
	c->newreno.acked += acked;
	if (c->newreno.acked < c->cwnd)
		return;
	c->newreno.acked -= c->cwnd;
	if (c->cwnd < TCP_CWND_MAX)
		c->cwnd += c->mss;
}

static void acked(struct tcp_congestion *c, pb_time now, const struct tcp_ack *ack)
{
	if (!pb_tcp_congestion_used(c, now, ack))
		return;
	if (c->cwnd < c->ssthresh)
		pb_tcp_slow_start(c, ack->acked);
	else
		avoid(c, ack->acked);
}

/* RFC 5681 §3.1, equation 4. */
static uint32_t half(const struct tcp_congestion *c, uint32_t flight)
{
	return flight / 2 > 2 * c->mss ? flight / 2 : 2 * c->mss;
}

static void lost(struct tcp_congestion *c, pb_time now, uint32_t flight)
{
	(void)now;
	c->ssthresh = c->cwnd = half(c, flight);
	c->newreno.acked = 0;
}

static void recovered(struct tcp_congestion *c, pb_time now)
{
	(void)now;
	c->newreno.acked = 0;
	c->round_left = 0;
}

static void timed_out(struct tcp_congestion *c, pb_time now, uint32_t flight, bool first)
{
	(void)now;
	if (first)
		c->ssthresh = half(c, flight);
	pb_tcp_congestion_collapse(c);
	c->newreno.acked = 0;
}

const struct tcp_congestion_ops pb_tcp_newreno = {
	.name = "reno",
	.start = start,
	.acked = acked,
	.lost = lost,
	.recovered = recovered,
	.timeout = timed_out,
	.idle = pb_tcp_congestion_restart,
};
