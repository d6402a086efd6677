/* Fragmentation (RFC 791 §3.2): a packet that is larger than its path takes is cut. */
#ifndef PB_NET_FRAGMENT_H
#define PB_NET_FRAGMENT_H

#include "base/env.h"
#include "wire/ip4.h"

/*
 * Cut an IPv4 payload into packets of at most mtu bytes, each with a header like h, and put them into to.
 * Takes b, whose checksum is complete. 0, or -ENOBUFS: no memory, and none is in to.
 */
int pb_fragment_ip4(struct env *env, const struct ip4_header *h, struct pb_buf *b, uint32_t mtu,
		    struct pb_buf_queue *to);

#endif
