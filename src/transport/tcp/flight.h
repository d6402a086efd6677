/* What is in flight, and what of it is in the network yet. */
#ifndef PB_TRANSPORT_TCP_FLIGHT_H
#define PB_TRANSPORT_TCP_FLIGHT_H

#include "transport/tcp/conn.h"
#include "transport/tcp/loss.h"

/* Sent and not acknowledged, in sequence numbers (SYN and FIN count). */
static inline uint32_t tcp_flight(const struct tcp_conn *c)
{
	return c->snd_nxt.v - c->snd_una.v;
}

/* Of this, what is not in the network any more: SACKed, or lost. */
static inline uint32_t tcp_left(const struct tcp_conn *c)
{
	return c->loss ? c->loss->board.bytes[RANGE_SACKED] + c->loss->board.bytes[RANGE_LOST] : 0;
}

/* And what is (RFC 6675 §4). */
static inline uint32_t tcp_pipe(const struct tcp_conn *c)
{
	uint32_t flight = tcp_flight(c), left = tcp_left(c);

	return flight > left ? flight - left : 0;
}

/* C.delivered: bytes that have arrived, acknowledged or SACKed. */
static inline uint32_t tcp_delivered(const struct tcp_conn *c)
{
	return (uint32_t)c->bytes_acked + (c->loss ? c->loss->board.bytes[RANGE_SACKED] : 0);
}

/* Less is sent than could be: what is in flight, and what follows it, says nothing of what the path takes. */
static inline void tcp_rate_limited(struct tcp_conn *c)
{
	uint32_t pipe = tcp_pipe(c);

	c->rate.limited = true;
	c->rate.limited_until = tcp_delivered(c) + (pipe ? pipe : 1);
}

/*
 * Before the application writes: had it nothing to send, though the window would have let it leave
 * (draft-ietf-ccwg-bbr-06 §4.1.2.4)? What is only sent again tells of no rate, and need not ask.
 */
static inline void tcp_check_limited(struct tcp_conn *c)
{
	if (c->sendq.bytes <= tcp_flight(c) && tcp_pipe(c) < c->congestion.cwnd &&
	    !(c->loss && c->loss->board.bytes[RANGE_LOST]))
		tcp_rate_limited(c);
}

#endif
