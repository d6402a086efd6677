/*
 * A keyed hash for tables whose keys come from outside: SipHash (Aumasson and Bernstein, 2012). Whoever does
 * not know the key can't choose inputs that collide, so a table stays fast under attack. Draw a key at start;
 * keep it secret.
 */
#ifndef PB_BASE_HASH_H
#define PB_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct pb_siphash_key {
	uint64_t k0, k1;
};

/* The key of 16 bytes as the paper writes it: little-endian. */
struct pb_siphash_key pb_siphash_key(const uint8_t bytes[16]);

/* SipHash-2-4, the conservative one: for what leaves the machine (cookies, sequence numbers). */
uint64_t pb_siphash(const struct pb_siphash_key *key, const void *data, size_t len);

/* SipHash-1-3, half the work: for tables in memory. */
uint64_t pb_siphash13(const struct pb_siphash_key *key, const void *data, size_t len);

#endif
