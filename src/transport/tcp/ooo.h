/* Text received ahead of a gap (ooo.c). */
#ifndef PB_TRANSPORT_TCP_OOO_H
#define PB_TRANSPORT_TCP_OOO_H

#include <packetboat/buf.h>

#include "transport/tcp/seq.h"

/* Text received ahead of a gap, in ranges: sorted, apart from each other, bounded. */
struct ooo {
	struct ooo_range *first;
	struct ooo_range *latest; /* the one last heard of */
	struct ooo_range *root;   /* of the tree in which one is found */
	uint32_t bytes, ranges, packets;
};

/*
 * Keep text that begins at start, ahead of RCV.NXT: takes it. False: nothing was kept (the bound, no memory, or
 * nothing is new in it).
 */
bool pb_tcp_ooo_insert(struct ooo *q, seq start, struct pb_buf *text);
/* What now follows rcv_nxt, handed over as a packet, cut to begin there; NULL: nothing. */
struct pb_buf *pb_tcp_ooo_take(struct ooo *q, seq rcv_nxt);
void pb_tcp_ooo_clear(struct ooo *q);
/* The first of len bytes at start, in a row, that are here already; empty: none is. */
struct seq_range pb_tcp_ooo_known(const struct ooo *q, seq start, uint32_t len);
/* The ranges last heard of, the latest first. How many; at most most. */
unsigned pb_tcp_ooo_latest(const struct ooo *q, struct seq_range *ranges, unsigned most);

#endif
