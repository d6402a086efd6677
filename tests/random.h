/*
 * Chance that can be repeated: a generator (SplitMix64) and seeds for property tests. PACKETBOAT_SEED=N in the
 * environment makes a test use that seed only; a test that fails says which seed it was.
 */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <stdint.h>
#include <stdlib.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static inline uint64_t random_below(struct random *r, uint64_t bound)
{
	return random_next(r) % bound;
}

/* Every magnitude as likely as any other: 0 to 2^bits - 1. */
static inline uint64_t random_magnitude(struct random *r, unsigned bits)
{
	unsigned n = (unsigned)random_below(r, bits + 1);

	return n ? random_next(r) >> (64 - n) : 0;
}

struct seeds {
	uint64_t first, end;
};

static inline struct seeds seeds_to_try(uint64_t count)
{
	const char *one = getenv("PACKETBOAT_SEED");
	uint64_t seed = one ? strtoull(one, NULL, 0) : 0;

	return one ? (struct seeds){ seed, seed + 1 } : (struct seeds){ 0, count };
}

#endif
