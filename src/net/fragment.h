/* Fragmentation (RFC 791 §3.2, RFC 8200 §4.5): a packet that is larger than its path takes is cut. */
#ifndef PB_NET_FRAGMENT_H
#define PB_NET_FRAGMENT_H

#include "base/env.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

/*
 * Cut a payload into packets of at most mtu bytes, each with a header like h (and, of IPv6, a fragment header), and put
 * them into to. Takes b, whose checksum is complete. 0, or -ENOBUFS: no memory, and none is in to.
 */
int pb_fragment_ip4(struct env *env, const struct ip4_header *h, struct pb_buf *b, uint32_t mtu,
		    struct pb_buf_queue *to);
int pb_fragment_ip6(struct env *env, const struct ip6_header *h, uint32_t id, struct pb_buf *b, uint32_t mtu,
		    struct pb_buf_queue *to);

#endif
