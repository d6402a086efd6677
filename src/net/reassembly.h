/*
 * Reassembly: the fragments of datagrams, kept until they are whole (RFC 791 §3.2, RFC 8200 §4.5).
 *
 * Fragments that overlap are an attack or an error: the whole datagram is refused, with all that still comes
 * of it (RFC 5722 §4, for IPv4 as well). One that is the same as another, byte for byte, is just dropped.
 *
 * Bounds: bytes in all (the oldest datagram makes room), datagrams (likewise), fragments of one datagram,
 * and bytes from one source: senders share 256 accounts by a keyed hash, and none may hold more than a
 * quarter of all.
 */
#ifndef PB_NET_REASSEMBLY_H
#define PB_NET_REASSEMBLY_H

#include "net/iface.h"

#define REASSEMBLY_TIMEOUT  PB_SEC(60) /* RFC 1122 §3.3.2, RFC 8200 §4.5 */
#define REASSEMBLY_ACCOUNTS 256
#define REASSEMBLY_SHARE    4 /* an account's part of all, as a divisor */

/* As many as 65535 bytes make where the MTU is the smallest, 68: 48 in each. */
#define REASSEMBLY_FRAGMENTS_MAX 1366

/* Bytes that a fragment is reckoned to take beside its own: what a block has that holds a frame. */
#define REASSEMBLY_FRAGMENT_COST 2048

struct fragment {
	struct ip src, dst;
	uint32_t id;
	uint8_t protocol;
	uint8_t tos;
	uint16_t header_len; /* in front of the payload, in the packet's first part */
	uint16_t
		uncounted; /* of it, what does not count as the whole's: IPv6's own and the fragment header */
	uint32_t offset;   /* in bytes */
	bool more;
	struct iface *iface;
};

struct reassembly {
	struct env *env;
	struct pb_siphash_key key;
	struct datagram **buckets;
	size_t size; /* of buckets, a power of two */
	size_t count, count_max;
	size_t bytes, bytes_max;
	size_t accounts[REASSEMBLY_ACCOUNTS];
	struct pb_link oldest;
	/* Time is up for one whose first fragment came: that, from its header on. Does not take it. */
	void (*expired)(struct reassembly *r, struct iface *i, const struct fragment *first,
			struct pb_buf *b);
};

/* 0 or -ENOMEM. */
int pb_reassembly_init(struct reassembly *r, struct env *env, size_t bytes_max, size_t datagrams_max);
void pb_reassembly_fini(struct reassembly *r);

/*
 * A fragment came; takes b, which begins with its header. The whole datagram, beginning with the first
 * fragment's header, when it was the last one missing, and in f what is true of the whole; NULL otherwise.
 */
struct pb_buf *pb_reassembly_add(struct reassembly *r, struct fragment *f, struct pb_buf *b);

#endif
