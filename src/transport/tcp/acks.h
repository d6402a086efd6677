/* When text that has come is acknowledged (acks.c). */
#ifndef PB_TRANSPORT_TCP_ACKS_H
#define PB_TRANSPORT_TCP_ACKS_H

#include "transport/tcp/conn.h"

void pb_tcp_acks_owe(struct tcp_conn *c, uint32_t text_len); /* so much came, in order, and was delivered */
void pb_tcp_acks_expect_text(
	struct tcp_conn *c);               /* the peer's SYN came; soon text leaves that acknowledges it */
void pb_tcp_acks_read(struct tcp_conn *c); /* the user has read */
void pb_tcp_acks_late(struct tcp_conn *c); /* what was delayed is due */
/* The peer needs to hear of us: so many at most are acknowledged at once, whatever the user answers. */
void pb_tcp_acks_quicken(struct tcp_conn *c, unsigned most);

/* Text leaves: it may be an answer to what came. */
static inline void tcp_acks_answered(struct tcp_conn *c)
{
	if (c->converses && tcp_now(c) - c->tally.last_text < TCP_DELAYED_ACK)
		c->interactive = true;
}

#endif
