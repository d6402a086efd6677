/* Losses found by time (rack.c) and probes of the tail (tail.c): RFC 8985. */
#ifndef PB_TRANSPORT_TCP_RACK_H
#define PB_TRANSPORT_TCP_RACK_H

#include "transport/tcp/conn.h"
#include "transport/tcp/loss.h"

/* RFC 8985 §6.2 in its steps: what an acknowledgement tells (1 to 3), the reordering window (4), losses (5). */
void pb_tcp_rack_deliver(struct tcp_conn *c, const struct tcp_segment *s, struct delivery *d);
void pb_tcp_rack_adapt(struct tcp_conn *c, const struct delivery *d);
uint32_t pb_tcp_rack_judge(struct tcp_conn *c); /* bytes found lost */
void pb_tcp_rack_recovered(struct tcp_conn *c);
void pb_tcp_rack_timed_out(struct tcp_conn *c);

/* When the tail is to be probed, after the last segment or ACK; PB_NEVER. */
pb_time pb_tcp_tail_timeout(const struct tcp_conn *c);
void pb_tcp_tail_probe(struct tcp_conn *c);
void pb_tcp_tail_acked(struct tcp_conn *c, const struct tcp_segment *s,
		       struct delivery *d); /* SND.UNA not moved yet */

#endif
