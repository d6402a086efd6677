/* Chance from a seed: it repeats, streams are apart from each other, and it is even. */
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t seed[16] = { 1, 2, 3 };

static void repeats(void **state)
{
	struct rng a = pb_rng_derive(seed, "west"), b = pb_rng_derive(seed, "west");

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_true(pb_rng_next(&a) == pb_rng_next(&b));
}

/* Another name, another seed: nothing in common. Each half of the key depends on the name. */
static void streams_are_apart(void **state)
{
	static const uint8_t other_seed[16] = { 1, 2, 3, [15] = 1 };
	struct rng r[] = { pb_rng_derive(seed, "west"), pb_rng_derive(seed, "east"), pb_rng_derive(seed, ""),
			   pb_rng_derive(other_seed, "west") };

	(void)state;
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < i; k++) {
			assert_true(r[i].key.k0 != r[k].key.k0 && r[i].key.k1 != r[k].key.k1);
			for (int n = 0; n < 1000; n++)
				assert_true(pb_rng_next(&r[i]) != pb_rng_next(&r[k]));
		}
	assert_true(r[0].key.k0 != r[0].key.k1);
}

static void below(void **state)
{
	static const uint64_t bounds[] = { 1, 2, 3, 7, 1000, UINT64_C(1) << 63, UINT64_MAX };
	struct rng r = pb_rng_derive(seed, "below");

	(void)state;
	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
		for (int n = 0; n < 10000; n++)
			assert_true(pb_rng_below(&r, bounds[i]) < bounds[i]);
}

/*
 * Chi squared over 7 values, 6 degrees of freedom: above 27.9 once in 10,000 times; this seed is not that
 * time.
 */
static void evenly(void **state)
{
	struct rng r = pb_rng_derive(seed, "evenly");
	double count[7] = { 0 }, chi = 0;

	(void)state;
	for (int n = 0; n < 70000; n++)
		count[pb_rng_below(&r, 7)]++;
	for (int i = 0; i < 7; i++)
		chi += (count[i] - 10000) * (count[i] - 10000) / 10000;
	assert_true(chi < 27.9);
}

/* 3 * 2^62 does not divide 2^64: taking the remainder would favour the first third. */
static void evenly_below_what_does_not_divide(void **state)
{
	struct rng r = pb_rng_derive(seed, "thirds");
	const uint64_t third = UINT64_C(1) << 62;
	double count[3] = { 0 };

	(void)state;
	for (int n = 0; n < 30000; n++)
		count[pb_rng_below(&r, 3 * third) / third]++;
	for (int i = 0; i < 3; i++)
		assert_true(count[i] > 9600 && count[i] < 10400); /* 5 standard deviations are 408 */
}

static void chance(void **state)
{
	struct rng r = pb_rng_derive(seed, "chance");
	int happened = 0;

	(void)state;
	for (int n = 0; n < 10000; n++) {
		assert_false(pb_rng_chance(&r, 0));
		assert_true(pb_rng_chance(&r, 1));
		happened += pb_rng_chance(&r, 0.25);
	}
	assert_true(happened > 2500 - 217 && happened < 2500 + 217); /* 5 standard deviations */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeats), cmocka_unit_test(streams_are_apart),
		cmocka_unit_test(below),   cmocka_unit_test(evenly),
		cmocka_unit_test(chance),  cmocka_unit_test(evenly_below_what_does_not_divide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
