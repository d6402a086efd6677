/* What is the same in sending a packet of either version: whether it fits, room for its header, its fragments. */
#ifndef PB_NET_SEND_H
#define PB_NET_SEND_H

#include "link/finish.h"
#include "net/internet_state.h"
#include "net/packet.h"
#include "wire/tcp.h"

#include <errno.h>

/* What the largest packet of b will hold: of a super-segment, its TCP header and the text of one segment. */
static inline size_t send_largest(const struct pb_buf *b)
{
	if (!b->segment_size || b->len <= TCP_OFFSET_AT)
		return b->total;
	size_t segment = (size_t)(b->data[TCP_OFFSET_AT] >> 4) * 4 + b->segment_size;
	return segment < b->total ? segment : b->total;
}

/* Whether b fits behind a header of so many bytes: 1; in fragments: 0; -EMSGSIZE: not at all, and b is freed. */
static inline int send_fits(struct internet *net, const struct ip_path *path, const struct ip_send *how,
			    size_t header_len, size_t payload_max, struct pb_buf *b)
{
	bool fits = header_len + send_largest(b) <= path->mtu;

	net->env->counters.ip.OutRequests++;
	if (b->total <= payload_max && (fits || !(how->dont_fragment || b->segment_size)))
		return fits;
	net->env->counters.ip.FragFails++;
	pb_buf_free(b);
	return -EMSGSIZE;
}

/* Room for a header in front of b, whose first part becomes that of the packet. NULL: no memory, and b is freed. */
static inline struct pb_buf *send_front(struct internet *net, struct pb_buf *b, size_t header_len)
{
	b = pb_packet_front(net->env->pool, b, header_len, 0);
	if (!b)
		net->env->counters.ip.OutDiscards++;
	return b;
}

/* What is to be cut: the transport's checksum is of the whole, so it is complete before. Takes b. NULL: no memory. */
static inline struct pb_buf *send_sealed(struct internet *net, struct pb_buf *b)
{
	struct pb_buf_queue whole = { 0 };

	pb_finish(net->env->pool, b, false, PB_OFFLOAD_PARTS, &whole);
	return pb_buf_queue_shift(&whole);
}

/* All that b was cut into leaves; rc: how that went, which is what is answered unless a fragment cannot leave. */
static inline int send_fragments(struct ip_path *path, struct pb_buf_queue *fragments, int rc)
{
	for (struct pb_buf *b; (b = pb_buf_queue_shift(fragments));) {
		int sent = pb_internet_transmit(path, b);
		rc = rc < 0 ? rc : sent;
	}
	return rc;
}

#endif
