/* Chance from a seed. */
#include "base/rng.h"

#include <string.h>

struct rng pb_rng_derive(const uint8_t seed[16], const char *name)
{
	struct pb_siphash_key root = pb_siphash_key(seed);
	struct rng r = { .key.k0 = pb_siphash(&root, name, strlen(name)) };

	root.k0 = ~root.k0; /* a second key, for the second half */
	r.key.k1 = pb_siphash(&root, name, strlen(name));
	return r;
}

uint64_t pb_rng_next(struct rng *r)
{
	uint64_t n = r->counter++;

	return pb_siphash(&r->key, &n, sizeof n);
}

/* Multiply and take the upper half; what would tip the scale is drawn again (Lemire, 2019). */
uint64_t pb_rng_below(struct rng *r, uint64_t below)
{
	uint64_t tip = -below % below;

	for (;;) {
		unsigned __int128 product = (unsigned __int128)pb_rng_next(r) * below;
		if ((uint64_t)product >= tip)
			return (uint64_t)(product >> 64);
	}
}

bool pb_rng_chance(struct rng *r, double chance)
{
	return (double)(pb_rng_next(r) >> 11) * 0x1p-53 < chance;
}

struct pb_siphash_key pb_rng_key(struct rng *r)
{
	return (struct pb_siphash_key){ pb_rng_next(r), pb_rng_next(r) };
}
