/* What algorithms of congestion control have in common: RFC 5681, 6928 and 7661. */
#include "transport/tcp/congestion.h"

#include <string.h>

/*
 * How many segments' worth one acknowledgement may open the window in slow start: RFC 9406 §4.3 has 8 for
 * senders that do not pace, and no limit for those that do. In the slow start after a time-out it is 1 (RFC 3465
 * §2.3): there, an acknowledgement may jump over what had arrived long before.
 */
#define SLOW_START_LIMIT               8
#define SLOW_START_LIMIT_AFTER_TIMEOUT 1

#define NON_VALIDATED_PERIOD PB_SEC(300) /* RFC 7661 §4.1 */

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

const struct tcp_congestion_ops *pb_tcp_congestion_find(const char *name, size_t len)
{
	static const struct tcp_congestion_ops *const all[] = { &pb_tcp_cubic, &pb_tcp_newreno, &pb_tcp_bbr,
								NULL };

	for (int i = 0; all[i]; i++)
		if (strlen(all[i]->name) == len && !memcmp(all[i]->name, name, len))
			return all[i];
	return NULL;
}

/* RFC 6928 §2, equation 1. */
uint32_t pb_tcp_initial_window(const struct tcp_congestion *c)
{
	return smaller(10 * c->mss, larger(2 * c->mss, 14600));
}

void pb_tcp_congestion_start(struct tcp_congestion *c, pb_time now)
{
	c->cwnd = pb_tcp_initial_window(c);
	c->ssthresh = TCP_CWND_MAX; /* arbitrarily high: RFC 5681 §3.1 */
	c->round_left = c->used = c->remains = 0;
	c->round_begins = c->after_timeout = false;
	c->validated = now;
}

/*
 * What the window was made use of shows while something is sent. When nothing is, what is in flight becomes less, and
 * the acknowledgements of what made use of it come yet: RFC 7661 §4.2 has the most of three round trips, Linux until
 * something is sent.
 */
static void count_round(struct tcp_congestion *c, const struct tcp_ack *ack)
{
	c->round_begins = c->round_left == 0;
	if (c->round_begins) {
		c->round_left = ack->flight;
		c->used = ack->flight > c->remains ? 0 : c->used;
	}
	c->used = larger(c->used, ack->flight);
	c->remains = ack->flight - smaller(ack->flight, ack->acked);
	c->round_left -= smaller(c->round_left, ack->acked);
}

/* What the path was like so long ago is not known any more: RFC 7661 §4.4.3. */
static void decay(struct tcp_congestion *c)
{
	c->ssthresh = larger(c->ssthresh, c->cwnd - c->cwnd / 4);
	c->cwnd = larger(c->cwnd / 2, smaller(c->cwnd, pb_tcp_initial_window(c)));
}

/* What was in flight is what pipeACK measures a round later: RFC 7661 §4.2. */
bool pb_tcp_congestion_used(struct tcp_congestion *c, pb_time now, const struct tcp_ack *ack)
{
	count_round(c, ack);
	if (c->used > c->cwnd / 2) {
		c->validated = now;
		return true;
	}
	if (now - c->validated > NON_VALIDATED_PERIOD) {
		decay(c);
		c->validated = now;
	}
	return false;
}

void pb_tcp_slow_start(struct tcp_congestion *c, uint32_t acked)
{
	if (c->after_timeout)
		acked = smaller(acked, SLOW_START_LIMIT_AFTER_TIMEOUT * c->mss);
	else if (!c->paced)
		acked = smaller(acked, SLOW_START_LIMIT * c->mss);
	c->cwnd = smaller(c->cwnd + acked, TCP_CWND_MAX);
}

void pb_tcp_congestion_collapse(struct tcp_congestion *c)
{
	c->cwnd = c->mss;
	c->after_timeout = true;
	c->round_left = c->remains = 0;
}

/* What the window had grown to is remembered, as RFC 7661 §4.4.3 does it. */
void pb_tcp_congestion_restart(struct tcp_congestion *c, pb_time now)
{
	if (c->keeps_window)
		return;
	if (c->ssthresh < TCP_CWND_MAX)
		c->ssthresh = larger(c->ssthresh, c->cwnd - c->cwnd / 4);
	c->cwnd = smaller(c->cwnd, pb_tcp_initial_window(c));
	c->round_left = c->remains = 0;
	c->validated = now;
}
