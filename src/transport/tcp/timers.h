/* A connection's timers: retransmit, persist, delayed ACK, keepalive, user time-out (timers.c). */
#ifndef PB_TRANSPORT_TCP_TIMERS_H
#define PB_TRANSPORT_TCP_TIMERS_H

#include "transport/tcp/conn.h"

void pb_tcp_timers_init(struct tcp_conn *c);
void pb_tcp_timers_stop(struct tcp_conn *c);
void pb_tcp_timers_sent(struct tcp_conn *c);    /* text, SYN or FIN has left, and nothing was in flight */
void pb_tcp_timers_blocked(struct tcp_conn *c); /* nothing is in flight, and what waits may not leave */
void pb_tcp_timers_acked(struct tcp_conn *c);   /* SND.UNA has moved */
void pb_tcp_timers_early(struct tcp_conn *c, pb_time after); /* before the RTO: look for losses, or probe */
void pb_tcp_timers_tail(struct tcp_conn *c);                 /* a second segment has left */
void pb_tcp_timers_ack_later(struct tcp_conn *c);            /* an ACK is owed, the first */
void pb_tcp_timers_heard(struct tcp_conn *c);                /* a segment came: silence begins anew */
/* Established, accepted, or keepalive was set: how long silence may last is counted from now on. */
void pb_tcp_timers_silence(struct tcp_conn *c);
void pb_tcp_timers_woken(struct tcp_conn *c);    /* it may sleep again, in time */
void pb_tcp_timers_orphaned(struct tcp_conn *c); /* in FIN-WAIT-2 without an owner */

#endif
