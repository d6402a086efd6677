/*
 * What acknowledgements and time-outs say of losses (recovery.c, fast_retransmit.c), and what is taken back (undo.c).
 */
#ifndef PB_TRANSPORT_TCP_RECOVERY_H
#define PB_TRANSPORT_TCP_RECOVERY_H

#include "transport/tcp/conn.h"
#include "transport/tcp/loss.h"

/* Our SYN is acknowledged: SND.UNA moves, and what is measured and counted begins. Then the state changes. */
void pb_tcp_syn_acked(struct tcp_conn *c, const struct tcp_segment *s);

/*
 * An acceptable ACK (SND.UNA =< SEG.ACK =< SND.MAX) in a synchronized state: queue, RTT, losses, congestion,
 * timers. To be called before pb_tcp_window_take(), since a duplicate is one that leaves the window as it is.
 */
void pb_tcp_ack_arrived(struct tcp_conn *c, const struct tcp_segment *s);

/* The peer's window was closed, or too small for what waited: it is no longer. */
void pb_tcp_window_opened(struct tcp_conn *c);
/* The RTO is over. What was in flight is lost; sending the first of it again is the caller's. */
void pb_tcp_timed_out(struct tcp_conn *c);
/* All that is in flight, and that the peer is not known to have, is to be sent again. */
void pb_tcp_send_all_again(struct tcp_conn *c);
/* RACK has waited for what is late. */
void pb_tcp_reordering_over(struct tcp_conn *c);

/* Without SACK: a duplicate ACK; in a recovery, an ACK of new bytes. */
void pb_tcp_fast_retransmit_duplicate(struct tcp_conn *c);
void pb_tcp_fast_retransmit_acked(struct tcp_conn *c, uint32_t acked);

/*
 * A loss, of so many bytes in flight: the window is reduced, unless marks in the same window have reduced it already.
 */
void pb_tcp_reduce(struct tcp_conn *c, uint32_t flight);

/* Before the congestion window is reduced; something is sent again. */
void pb_tcp_undo_begin(struct tcp_conn *c, bool timed_out);
void pb_tcp_undo_sent(struct tcp_conn *c, uint32_t len);
/* What an ACK tells, SND.UNA having moved or not. d: with SACK. True: it was for nothing, and is undone. */
bool pb_tcp_undo_judge(struct tcp_conn *c, const struct tcp_segment *s, const struct delivery *d, bool moved);
void pb_tcp_undo_over(struct tcp_conn *c); /* the recovery is; what comes twice may still tell */
void pb_tcp_undo_free(struct tcp_conn *c);

#endif
