/* More accurate feedback of marks (accecn.c, RFC 9768): for a conn whose ECN is ECN_ACCURATE. */
#ifndef PB_TRANSPORT_TCP_ACCECN_H
#define PB_TRANSPORT_TCP_ACCECN_H

#include "transport/tcp/conn.h"
#include "transport/tcp/ecn.h"

/* No super-segments: whoever cuts one takes a bit of ours for CWR, and clears it (RFC 9768 §3.3.4). */
static inline bool pb_tcp_ecn_uncut(const struct tcp_conn *c)
{
	return c->ecn->kind == ECN_ACCURATE && c->ecn->accurate.received.marks & (TCP_CWR / TCP_ECE);
}

uint16_t pb_accecn_greeting(enum ecn_codepoint codepoint); /* the flags that tell how a SYN or SYN-ACK came */
void pb_accecn_introduce(const struct tcp_syn *r, struct tcp_options *o); /* its SYN-ACK has the option */
uint16_t pb_tcp_accecn_ace(const struct tcp_conn *c);                     /* the flags that count */
void pb_tcp_accecn_init(struct accecn *a);
void pb_tcp_accecn_established(struct tcp_conn *c, const struct tcp_segment *s); /* s acknowledges our SYN */
void pb_tcp_accecn_syn_ack_again(struct tcp_conn *c, const struct tcp_segment *s);
void pb_tcp_accecn_received(struct tcp_conn *c, const struct tcp_segment *s);
void pb_tcp_accecn_send(struct tcp_conn *c, uint32_t len, struct tcp_header *h);
/* How many of the segments that an ACK delivers it says were marked. */
uint32_t pb_tcp_accecn_acked(struct tcp_conn *c, const struct tcp_segment *s, uint32_t delivered,
			     uint32_t segments);

#endif
