/* How much leaves at once (pacing.c). */
#ifndef PB_TRANSPORT_TCP_PACING_H
#define PB_TRANSPORT_TCP_PACING_H

#include "transport/tcp/conn.h"

/* Where a millisecond's worth is all of the window, ACKs come faster than timers. */
#define TCP_UNPACED_RTT PB_MSEC(1)

/* How many of the bytes wanted may leave now. 0: the timer will say when. */
uint32_t pb_tcp_pace(struct tcp_conn *c, uint32_t wanted);
uint64_t pb_tcp_pacing_rate(const struct tcp_conn *c); /* bytes a second; 0: no limit */
uint32_t pb_tcp_burst(const struct tcp_conn *c);       /* the longest super-segment, if they are bounded */

/* Whether congestion control may count on what it lets go not leaving as one burst, or is to act as if. */
static inline bool tcp_is_paced(const struct tcp_conn *c)
{
	return !c->tcp->limits.unpaced || c->tcp->limits.steep_slow_start;
}

/* How many of the bytes wanted may leave now. 0: the timer will say when. */
static inline uint32_t tcp_pace(struct tcp_conn *c, uint32_t wanted)
{
	return c->rtt.srtt < TCP_UNPACED_RTT && !c->set.max_pacing_rate ? wanted : pb_tcp_pace(c, wanted);
}

/* So many bytes have left. */
static inline void tcp_paced(struct tcp_conn *c, uint32_t len)
{
	c->pace.left -= len < c->pace.left ? len : c->pace.left;
}

#endif
