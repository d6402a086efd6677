/*
 * NewReno: slow start and congestion avoidance of RFC 5681, counting bytes (RFC 3465) so that an
 * acknowledgement of a whole batch counts for all of it. Its fast recovery (RFC 6582) is recovery.c's.
 */
#include "transport/tcp/congestion.h"

#include <string.h>

#define CWND_MAX ((uint32_t)1 << 30) /* no window is larger (RFC 7323 §2.3) */

/*
 * How many segments' worth one acknowledgement may open the window in slow start: RFC 9406 §4.3 has 8 for
 * senders that do not pace. In the slow start after a time-out it is 1 (RFC 3465 §2.3): there, an
 * acknowledgement may jump over what had arrived long before.
 */
#define SLOW_START_LIMIT               8
#define SLOW_START_LIMIT_AFTER_TIMEOUT 1

/* The state. */
#define AVOIDANCE_BYTES 0 /* acknowledged since the window last grew */
#define AFTER_TIMEOUT   1

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* RFC 6928 §2, equation 1. */
static uint32_t initial_window(const struct tcp_congestion *c)
{
	return smaller(10 * c->mss, larger(2 * c->mss, 14600));
}

static void start(struct tcp_congestion *c, pb_time now)
{
	(void)now;
	c->cwnd = initial_window(c);
	c->ssthresh = CWND_MAX; /* arbitrarily high: RFC 5681 §3.1 */
	memset(c->state, 0, sizeof c->state);
}

static void slow_start(struct tcp_congestion *c, uint32_t acked)
{
	uint32_t limit = c->state[AFTER_TIMEOUT] ? SLOW_START_LIMIT_AFTER_TIMEOUT : SLOW_START_LIMIT;

	c->cwnd += smaller(acked, limit * c->mss);
}

/* One segment each time a window of bytes is acknowledged: RFC 5681 §3.1. */
static void avoid(struct tcp_congestion *c, uint32_t acked)
{
	c->state[AFTER_TIMEOUT] = 0;
	c->state[AVOIDANCE_BYTES] += acked;
	if (c->state[AVOIDANCE_BYTES] < c->cwnd)
		return;
	c->state[AVOIDANCE_BYTES] -= c->cwnd;
	c->cwnd += c->mss;
}

/* A window that is not used says nothing about the network, and does not grow (RFC 7661 §4.1). */
static void acked(struct tcp_congestion *c, pb_time now, uint32_t acked, uint32_t flight, pb_time rtt)
{
	(void)now;
	(void)rtt;
	if (c->cwnd < c->ssthresh) {
		if (flight > c->cwnd / 2)
			slow_start(c, acked);
	} else if (flight + c->mss > c->cwnd) {
		avoid(c, acked);
	}
	c->cwnd = smaller(c->cwnd, CWND_MAX);
}

/* RFC 5681 §3.1, equation 4. */
static uint32_t half(const struct tcp_congestion *c, uint32_t flight)
{
	return larger(flight / 2, 2 * c->mss);
}

static void lost(struct tcp_congestion *c, pb_time now, uint32_t flight)
{
	(void)now;
	c->ssthresh = c->cwnd = half(c, flight);
	c->state[AVOIDANCE_BYTES] = 0;
}

static void recovered(struct tcp_congestion *c, pb_time now)
{
	(void)now;
	c->state[AVOIDANCE_BYTES] = 0;
}

static void timed_out(struct tcp_congestion *c, pb_time now, uint32_t flight, bool first)
{
	(void)now;
	if (first)
		c->ssthresh = half(c, flight);
	c->cwnd = c->mss; /* the loss window, LW */
	c->state[AVOIDANCE_BYTES] = 0;
	c->state[AFTER_TIMEOUT] = 1;
}

/* The restart window: RFC 5681 §4.1. */
static void idle(struct tcp_congestion *c, pb_time now)
{
	(void)now;
	c->cwnd = smaller(c->cwnd, initial_window(c));
}

const struct tcp_congestion_ops pb_tcp_newreno = {
	.name = "reno",
	.start = start,
	.acked = acked,
	.lost = lost,
	.recovered = recovered,
	.timeout = timed_out,
	.idle = idle,
};

const struct tcp_congestion_ops *pb_tcp_congestion_find(const char *name, size_t len)
{
	const struct tcp_congestion_ops *only = &pb_tcp_newreno;

	return strlen(only->name) == len && !memcmp(only->name, name, len) ? only : NULL;
}
