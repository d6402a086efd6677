/* Connections that sleep (idle.c). */
#ifndef PB_TRANSPORT_TCP_IDLE_H
#define PB_TRANSPORT_TCP_IDLE_H

#include "transport/tcp/conn.h"

/*
 * A connection that sleeps: established, and nothing under way or to be done. What follows from that is not kept,
 * nor what a silence makes worthless; what most connections have alike is shared.
 */
struct tcp_idle {
	struct pair_entry entry; /* kind: ENTRY_IDLE. First */
	void *owner;
	struct tcp_idle_traits *traits; /* shared */
	struct tcp_idle_port *port;     /* keeps the local port; shared */
	seq snd_una, rcv_nxt, rcv_adv;
	uint32_t snd_wnd, snd_wnd_max;
	uint32_t ts_recent;
	uint32_t srtt, rttvar, rtt_min; /* microseconds; longer ones are as long as fits */
	uint32_t cwnd, ssthresh;
	uint32_t last_received, last_sent; /* seconds */
	uint32_t segments_out, segments_in, total_retransmits;
	uint64_t bytes_acked, bytes_received, bytes_retransmitted;
};

/*
 * Put c to sleep: c is gone, its owner has been told where it is now. False: something is to be done, or
 * there is no memory.
 */
bool pb_tcp_idle_enter(struct tcp_conn *c);
/* And wake it. NULL: there is no memory, it sleeps on. */
struct tcp_conn *pb_tcp_idle_wake(struct tcp *t, struct tcp_idle *i);
/* What it would be, awake, in room: to look at. */
void pb_tcp_idle_look(struct tcp *t, const struct tcp_idle *i, struct tcp_conn *room);
/* Its owner leaves, and there is no memory to close it as it should be: the peer is told with RST. */
void pb_tcp_idle_abort(struct tcp *t, struct tcp_idle *i);
void pb_tcp_idle_drop(struct tcp *t, struct tcp_idle *i); /* without a word */

static inline bool tcp_is_asleep(const struct pair_entry *e)
{
	return e->kind == ENTRY_IDLE;
}

/* The connection that an owner has, woken if it sleeps. NULL: there is no memory for that. */
static inline struct tcp_conn *pb_tcp_awake(struct tcp *t, struct pair_entry *e)
{
	return tcp_is_asleep(e) ? pb_tcp_idle_wake(t, (struct tcp_idle *)e) : (struct tcp_conn *)e;
}

#endif
