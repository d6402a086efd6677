#include "base/sha1.h"

#include <endian.h>
#include <string.h>

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

/* §5: the function and the constant of step t. */
static uint32_t mixed(const uint32_t h[5], unsigned t)
{
	uint32_t b = h[1], c = h[2], d = h[3];

	switch (t / 20) {
	case 0:
		return ((b & c) | (~b & d)) + 0x5a827999;
	case 1:
		return (b ^ c ^ d) + 0x6ed9eba1;
	case 2:
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
	default:
		return (b ^ c ^ d) + 0xca62c1d6;
	}
}

/* §6.1 */
static void take_block(uint32_t *state, const uint8_t block[HASH_BLOCK])
{
	uint32_t h[5], words[80];

	memcpy(h, state, sizeof h);
	memcpy(words, block, SHA1_BLOCK);
	for (unsigned t = 0; t < 16; t++)
		words[t] = be32toh(words[t]);
	for (unsigned t = 16; t < 80; t++)
		words[t] = rotate(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1);
	for (unsigned t = 0; t < 80; t++) {
		uint32_t a = rotate(h[0], 5) + mixed(h, t) + h[4] + words[t];
		h[4] = h[3];
		h[3] = h[2];
		h[2] = rotate(h[1], 30);
		h[1] = h[0];
		h[0] = a;
	}
	for (unsigned i = 0; i < 5; i++)
		state[i] += h[i];
}

void pb_sha1_begin(struct sha1 *s)
{
	static const uint32_t start[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };

	pb_block_hash_begin(&s->hash, start, 5);
}

void pb_sha1_add(struct sha1 *s, const void *data, size_t len)
{
	pb_block_hash_add(&s->hash, take_block, data, len);
}

void pb_sha1_end(struct sha1 *s, uint8_t digest[SHA1_LEN])
{
	uint32_t *state = s->hash.state;

	pb_block_hash_end(&s->hash, take_block, htobe64(s->hash.len * 8));
	for (unsigned i = 0; i < 5; i++)
		state[i] = htobe32(state[i]);
	memcpy(digest, state, SHA1_LEN);
}
