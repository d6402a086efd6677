/* The windows, both ways (window.c). */
#ifndef PB_TRANSPORT_TCP_WINDOW_H
#define PB_TRANSPORT_TCP_WINDOW_H

#include "transport/tcp/conn.h"

uint32_t pb_tcp_window(
	const struct tcp_conn
		*c); /* RCV.WND to tell now: silly windows avoided (RFC 9293 §3.8.6.2.2), never drawn back */
bool pb_tcp_window_update_due(
	const struct tcp_conn *c); /* the user has read so much that the peer should hear of it */
void pb_tcp_window_take(
	struct tcp_conn *c,
	const struct tcp_segment *s); /* SND.WND from a segment (§3.10.7.4 fifth, WL1 and WL2) */

/* The window that a SYN tells, as far as its field can say. */
static inline uint16_t tcp_syn_window(const struct tcp_settings *set)
{
	uint32_t window = set->receive_buffer;

	if (set->window_clamp && set->window_clamp < window)
		window = set->window_clamp;
	return (uint16_t)(window < UINT16_MAX ? window : UINT16_MAX);
}

/* As pb_tcp_window_update_due(), where most of the time a peer knows of as much as a SYN can tell. */
static inline bool tcp_window_update_due(const struct tcp_conn *c)
{
	return seq_diff(c->rcv_adv, c->rcv_nxt) < UINT16_MAX && pb_tcp_window_update_due(c);
}

#endif
