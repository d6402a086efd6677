#include "base/block_hash.h"

#include <string.h>

#define LEN_AT (HASH_BLOCK - 8) /* the length ends the last block */

void pb_block_hash_begin(struct block_hash *h, const uint32_t *start, size_t words)
{
	memcpy(h->state, start, words * sizeof *start);
	h->len = 0;
}

void pb_block_hash_add(struct block_hash *h, block_hash_take *take, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len > 0) {
		size_t at = h->len % HASH_BLOCK, n = HASH_BLOCK - at;
		if (n > len)
			n = len;
		memcpy(h->block + at, p, n);
		h->len += n;
		p += n;
		len -= n;
		if (at + n == HASH_BLOCK)
			take(h->state, h->block);
	}
}

void pb_block_hash_end(struct block_hash *h, block_hash_take *take, uint64_t bits)
{
	static const uint8_t padding[HASH_BLOCK] = { 0x80 };
	size_t at = h->len % HASH_BLOCK;

	pb_block_hash_add(h, take, padding, (at < LEN_AT ? LEN_AT : LEN_AT + HASH_BLOCK) - at);
	pb_block_hash_add(h, take, &bits, sizeof bits);
}
