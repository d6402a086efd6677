#include "base/md5.h"

#include <endian.h>
#include <string.h>

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

/* §3.4: the table T, 2^32 times abs(sin(i)) for i from 1 on. */
static const uint32_t table[64] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
	0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
	0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
	0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
	0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
	0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
	0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
	0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

/* One of the 64 steps: which function, which word, how far. */
static uint32_t step(const uint32_t s[4], const uint32_t words[16], unsigned i)
{
	static const uint8_t turn[4][4] = {
		{7,  12, 17, 22},
                { 5, 9,  14, 20},
                { 4, 11, 16, 23},
                { 6, 10, 15, 21}
	};
	uint32_t b = s[1], c = s[2], d = s[3], f;
	unsigned word;

	switch (i / 16) {
	case 0:
		f = (b & c) | (~b & d);
		word = i;
		break;
	case 1:
		f = (b & d) | (c & ~d);
		word = 5 * i + 1;
		break;
	case 2:
		f = b ^ c ^ d;
		word = 3 * i + 5;
		break;
	default:
		f = c ^ (b | ~d);
		word = 7 * i;
		break;
	}
	return b + rotate(s[0] + f + words[word % 16] + table[i], turn[i / 16][i % 4]);
}

static void take_block(uint32_t *state, const uint8_t block[HASH_BLOCK])
{
	uint32_t s[4], words[16];

	memcpy(s, state, sizeof s);
	memcpy(words, block, sizeof words);
	for (unsigned i = 0; i < 16; i++)
		words[i] = le32toh(words[i]);
	for (unsigned i = 0; i < 64; i++) {
		uint32_t b = step(s, words, i);
		s[0] = s[3];
		s[3] = s[2];
		s[2] = s[1];
		s[1] = b;
	}
	for (unsigned i = 0; i < 4; i++)
		state[i] += s[i];
}

void pb_md5_begin(struct md5 *m)
{
	static const uint32_t start[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 }; /* §3.3 */

	pb_block_hash_begin(&m->hash, start, 4);
}

void pb_md5_add(struct md5 *m, const void *data, size_t len)
{
	pb_block_hash_add(&m->hash, take_block, data, len);
}

void pb_md5_end(struct md5 *m, uint8_t digest[MD5_LEN])
{
	uint32_t *state = m->hash.state;

	pb_block_hash_end(&m->hash, take_block, htole64(m->hash.len * 8));
	for (unsigned i = 0; i < 4; i++)
		state[i] = htole32(state[i]);
	memcpy(digest, state, MD5_LEN);
}
