/* The blocks that we send (sack.c, RFC 2018, RFC 2883). */
#ifndef PB_TRANSPORT_TCP_SACK_H
#define PB_TRANSPORT_TCP_SACK_H

#include "transport/tcp/conn.h"

/* The peer has sent len bytes at start again. */
void pb_tcp_sack_twice(struct tcp_conn *c, seq start, uint32_t len);
/* What of our blocks fits behind the other options, on a segment that acknowledges. */
void pb_tcp_sack_write(struct tcp_conn *c, struct tcp_options *o);

/* Something to tell in blocks: what came ahead of a gap, or twice. */
static inline bool tcp_has_blocks(const struct tcp_conn *c)
{
	return c->has_sack && (c->ooo.first || !seq_eq(c->received_twice.start, c->received_twice.end));
}

#endif
