/*
 * Socket pairs (RFC 9293 §3.1: local and remote address and port) and the table that finds who has one.
 *
 * The hash is keyed, so a peer cannot choose addresses and ports that pile up. The table grows and shrinks a
 * bucket at a time: no call ever stops to move everything. An entry is memory of its owner's.
 */
#ifndef PB_TRANSPORT_PAIRS_H
#define PB_TRANSPORT_PAIRS_H

#include "base/hash.h"
#include "base/ip.h"

#include <stddef.h>

struct socket_pair {
	struct ip local, remote;
	uint16_t local_port, remote_port;
};

/* Its bytes, without the padding at the end. */
#define SOCKET_PAIR_LEN 36

/*
 * What of a pair is hashed, of either family: len bytes. Four bytes of an IPv4 address are all of it; the lengths tell
 * the families apart. In whole words, as it is read at once: who reads words of what was written in halves, waits.
 */
struct pair_key {
	union {
		struct {
			uint64_t addresses;
			uint32_t ports;
		} v4;
		struct {
			uint64_t addresses[4];
			uint32_t ports;
		} v6;
	};
	size_t len;
};

static inline void pair_key(struct pair_key *k, const struct socket_pair *pair)
{
	const struct ip *local = &pair->local, *remote = &pair->remote;
	const uint32_t ports = (uint32_t)pair->local_port << 16 | pair->remote_port;

	if (ip_is4(local) && ip_is4(remote)) {
		k->v4.addresses = (uint64_t)ip_word4(local) << 32 | ip_word4(remote);
		k->v4.ports = ports;
		k->len = sizeof k->v4.addresses + sizeof k->v4.ports;
	} else {
		for (int i = 0; i < 2; i++) {
			k->v6.addresses[i] = local->word[i];
			k->v6.addresses[2 + i] = remote->word[i];
		}
		k->v6.ports = ports;
		k->len = sizeof k->v6.addresses + sizeof k->v6.ports;
	}
}

struct pair_entry {
	struct socket_pair pair;
	uint32_t hash; /* of pair, set by pb_pairs_add() */
	uint8_t kind;  /* the owner's: what the entry is part of */
	struct pair_entry *next;
};

#define PAIRS_RECENT 64 /* a power of two */

struct pairs {
	struct pb_siphash_key key;
	struct pair_entry **buckets;
	size_t count, count_max; /* entries now, and the most there may be */
	size_t size, split; /* linear hashing: size * 2 buckets at most, of which size + split are in use */
	unsigned walks;     /* pb_pairs_each() is at work: the buckets stay as they are */
	/*
	 * What was found lately, by its ports: most segments belong to who had the one before, and need no
	 * hashing.
	 */
	struct pair_entry *recent[PAIRS_RECENT];
	struct socket_pair hashed; /* the last that was hashed: who is not found is often added next */
	uint32_t hash;
};

/* 0 or -ENOMEM. */
int pb_pairs_init(struct pairs *p, struct pb_siphash_key key, size_t count_max);
void pb_pairs_fini(struct pairs *p);

/* The keyed hash by which the table finds pair; also to choose evenly among several that could serve it. */
uint32_t pb_pairs_hash(struct pairs *p, const struct socket_pair *pair);

/* 0; -EADDRINUSE: the pair is taken; -ENOBUFS: there are count_max. */
int pb_pairs_add(struct pairs *p, struct pair_entry *e);
void pb_pairs_remove(struct pairs *p, struct pair_entry *e);

/*
 * Put new where old was: the same pair, another record (a SYN record becomes a connection, that a TIME-WAIT
 * record).
 */
void pb_pairs_replace(struct pairs *p, struct pair_entry *old, struct pair_entry *new);

struct pair_entry *pb_pairs_find(struct pairs *p, const struct socket_pair *pair);

/* Every entry, in no order. fn may remove the entry that it is called with, no other. */
void pb_pairs_each(struct pairs *p, void (*fn)(struct pair_entry *e, void *context), void *context);

#endif
