/*
 * SEGMENT ARRIVES: state.c, input.c, syn_sent.c, text.c; what answers it, reset.c; what ICMP tells, error.c.
 */
#ifndef PB_TRANSPORT_TCP_INPUT_H
#define PB_TRANSPORT_TCP_INPUT_H

#include "transport/tcp/conn.h"

struct tcp_party;

/* Asserts that the diagram has the way. Into CLOSED it counts AttemptFails and EstabResets. */
void pb_tcp_set_state(struct tcp_conn *c, enum tcp_state to);

void pb_tcp_conn_input(struct tcp_conn *c,
		       struct tcp_segment *s); /* any synchronized state; SYN-SENT goes to: */
void pb_tcp_syn_sent_input(struct tcp_conn *c, struct tcp_segment *s);
/* Our SYN is acknowledged by s: ESTABLISHED, or FIN-WAIT-1 if the user has closed before. */
void pb_tcp_established(struct tcp_conn *c, const struct tcp_segment *s);
/* Text and FIN of an acceptable segment. It may free c. */
void pb_tcp_text_input(struct tcp_conn *c, struct tcp_segment *s);
/* Text of a SYN, which the SYN-ACK will acknowledge (RFC 7413). */
void pb_tcp_text_of_syn(struct tcp_conn *c, struct tcp_segment *s);

/* §3.10.7.1: a segment that is nobody's, or as good as. by: who signs the reset. */
void pb_tcp_reset_stray(struct tcp *t, const struct tcp_segment *s, const struct tcp_party *by);
void pb_tcp_reset_peer(
	struct tcp_conn *c); /* an RST at SND.NXT, in states where RFC 9293 §3.10.5 wants one */
void pb_tcp_challenge(struct tcp_conn *c); /* RFC 5961: an ACK, rate-limited */
void pb_tcp_conn_complaint(struct tcp_conn *c, const struct ip_error *e, seq quoted);
void pb_tcp_errors_free(struct tcp_conn *c);
/* What is in flight may have been too long: all of it again. No sign of congestion. */
void pb_tcp_send_shorter(struct tcp_conn *c);

#endif
