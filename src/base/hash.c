#include "base/hash.h"

#include <endian.h>
#include <string.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

/* Little-endian, n < 8 bytes. */
static inline uint64_t read_some(const uint8_t *p, size_t n)
{
	uint64_t x = 0;
	uint32_t half;
	size_t i = 0;

	if (n >= sizeof half) { /* which of the keys of tables is all of it */
		memcpy(&half, p, sizeof half);
		x = le32toh(half);
		i = sizeof half;
	}
	for (; i < n; i++)
		x |= (uint64_t)p[i] << 8 * i;
	return x;
}

static inline uint64_t read_word(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof x);
	return le64toh(x);
}

static inline void mix(struct state *s, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 = rotate(s->v2, 32);
	}
}

static inline void absorb(struct state *s, uint64_t word, unsigned rounds)
{
	s->v3 ^= word;
	mix(s, rounds);
	s->v0 ^= word;
}

/*
 * The paper's section 2: whole words, then the rest with the length in the top byte, then the finalization.
 * Inlined for the numbers of rounds, which takes a third of the time of one body for all.
 */
__attribute__((always_inline)) static inline uint64_t siphash(const struct pb_siphash_key *key,
							      const uint8_t *p, size_t len, unsigned c,
							      unsigned d)
{
	struct state s = {
		.v0 = key->k0 ^ 0x736f6d6570736575, /* "somepseudorandomlygeneratedbytes" */
		.v1 = key->k1 ^ 0x646f72616e646f6d,
		.v2 = key->k0 ^ 0x6c7967656e657261,
		.v3 = key->k1 ^ 0x7465646279746573,
	};
	size_t whole = len & ~(size_t)7;

	for (size_t i = 0; i < whole; i += 8)
		absorb(&s, read_word(p + i), c);
	absorb(&s, read_some(p + whole, len & 7) | (uint64_t)len << 56, c);
	s.v2 ^= 0xff;
	mix(&s, d);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

struct pb_siphash_key pb_siphash_key(const uint8_t bytes[16])
{
	return (struct pb_siphash_key){ .k0 = read_word(bytes), .k1 = read_word(bytes + 8) };
}

uint64_t pb_siphash(const struct pb_siphash_key *key, const void *data, size_t len)
{
	return siphash(key, data, len, 2, 4);
}

uint64_t pb_siphash13(const struct pb_siphash_key *key, const void *data, size_t len)
{
	return siphash(key, data, len, 1, 3);
}
