/*
 * What MD5 and SHA-1 have in common, RFC 1321 §3 and RFC 3174 §4: words of 32 bits that take blocks of 64 bytes, and an
 * end of a one bit, zeroes and the message's length in bits.
 */
#ifndef PB_BASE_BLOCK_HASH_H
#define PB_BASE_BLOCK_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_BLOCK     64
#define HASH_WORDS_MAX 5

struct block_hash {
	uint32_t state[HASH_WORDS_MAX];
	uint64_t len; /* bytes so far */
	uint8_t block[HASH_BLOCK];
};

/* Mix a block into the state. */
typedef void block_hash_take(uint32_t *state, const uint8_t block[HASH_BLOCK]);

void pb_block_hash_begin(struct block_hash *h, const uint32_t *start, size_t words);
void pb_block_hash_add(struct block_hash *h, block_hash_take *take, const void *data, size_t len);

/* The end. bits: the message's length, h->len * 8, in the hash's byte order. */
void pb_block_hash_end(struct block_hash *h, block_hash_take *take, uint64_t bits);

#endif
