/*
 * Super-segments, cut into the segments that they stand for, for a device that cannot do it. Each gets the headers, with
 * what differs set right: lengths, identification, sequence number, flags, and a checksum that is wanted.
 */
#ifndef PB_NET_SEGMENT_H
#define PB_NET_SEGMENT_H

#include "base/env.h"

/* How long a TCP header is, from its data offset (RFC 9293 §3.1); b->data is where it begins. 0: it is cut short. */
size_t pb_segment_header_len(const struct pb_buf *b);

/*
 * Cut a super-segment, b->data being its IP header, and put its segments into to. by_reference: their text is
 * referred to, not copied. Takes b. False: no memory, or not all of it; the network may lose packets.
 */
bool pb_segment_cut(struct env *env, struct pb_buf *b, bool by_reference, size_t headroom,
		    struct pb_buf_queue *to);

#endif
