/*
 * Chance from a seed: SipHash-2-4 of a counter under a key that is the seed. Whoever does not know the seed
 * cannot tell the stream from noise, and the same seed gives the same stream: so ports, sequence numbers and
 * identifiers can't be guessed in real life, and replay exactly in a test.
 */
#ifndef PB_BASE_RNG_H
#define PB_BASE_RNG_H

#include "base/hash.h"

#include <packetboat/time.h>

struct rng {
	struct pb_siphash_key key;
	uint64_t counter;
};

/* A stream of its own for each name under one seed: drawing from one leaves the others as they were. */
struct rng pb_rng_derive(const uint8_t seed[16], const char *name);

uint64_t pb_rng_next(struct rng *r);

/* Evenly from 0 to below - 1; below > 0. */
uint64_t pb_rng_below(struct rng *r, uint64_t below);

/* True once in so many times, on average: chance is from 0 to 1. */
bool pb_rng_chance(struct rng *r, double chance);

/* A key for a table or a secret. */
struct pb_siphash_key pb_rng_key(struct rng *r);

#endif
