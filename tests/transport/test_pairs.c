/*
 * The table of socket pairs against a model that is an array of all pairs there could be, while it grows to
 * thousands and shrinks to nothing.
 */
#include "random.h"
#include "transport/pairs.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define PAIRS     4096
#define COUNT_MAX 3000

static struct socket_pair pair_number(uint32_t n)
{
	static const uint8_t here[4] = { 192, 0, 2, 1 };
	uint8_t there[4] = { 198, 51, 100, (uint8_t)(n >> 8) };

	return (struct socket_pair){ ip_from4(here), ip_from4(there), 80, (uint16_t)(1024 + n % 256) };
}

struct model {
	struct pairs pairs;
	struct random random;
	uint64_t seed;
	struct pair_entry *in[PAIRS]; /* which of the two entries of a number is in the table; NULL: none */
	struct pair_entry entries[PAIRS][2];
	size_t count;
	int met[PAIRS];
	unsigned removing; /* while walking: one in so many is removed; 0: none is */
};

static void check(const struct model *m, bool holds, const char *what)
{
	if (!holds)
		fail_msg("%s (again with PACKETBOAT_SEED=%" PRIu64 ")", what, m->seed);
}

static void add(struct model *m, uint32_t n)
{
	struct pair_entry *e = &m->entries[n][random_below(&m->random, 2)];
	struct pair_entry other = { .pair = pair_number(n) };

	if (m->in[n]) {
		check(m, pb_pairs_add(&m->pairs, &other) == -EADDRINUSE, "a pair was taken twice");
		return;
	}
	e->pair = pair_number(n);
	if (m->count == COUNT_MAX) {
		check(m, pb_pairs_add(&m->pairs, e) == -ENOBUFS, "the bound was passed");
		return;
	}
	check(m, pb_pairs_add(&m->pairs, e) == 0, "a free pair was refused");
	m->in[n] = e;
	m->count++;
}

static void take_out(struct model *m, uint32_t n)
{
	if (!m->in[n])
		return;
	pb_pairs_remove(&m->pairs, m->in[n]);
	m->in[n] = NULL;
	m->count--;
}

static void replace(struct model *m, uint32_t n)
{
	struct pair_entry *old = m->in[n], *new = old == m->entries[n] ? &m->entries[n][1] : m->entries[n];

	if (!old)
		return;
	pb_pairs_replace(&m->pairs, old, new);
	m->in[n] = new;
}

static void meet(struct pair_entry *e, void *context)
{
	struct model *m = context;
	uint32_t n = (uint32_t)e->pair.remote.bytes[15] << 8 | (e->pair.remote_port - 1024u);

	m->met[n]++;
	if (m->removing && random_below(&m->random, m->removing) == 0)
		take_out(m, n);
}

static void walk(struct model *m, unsigned removing)
{
	struct pair_entry *before[PAIRS];

	memcpy(before, m->in, sizeof before);
	memset(m->met, 0, sizeof m->met);
	m->removing = removing;
	pb_pairs_each(&m->pairs, meet, m);
	for (uint32_t n = 0; n < PAIRS; n++)
		check(m, m->met[n] == (before[n] != NULL), "a walk missed one, or met it twice");
}

static void compare(struct model *m)
{
	check(m, m->pairs.count == m->count, "the count is wrong");
	check(m, m->pairs.size + m->pairs.split <= 16 || m->count >= (m->pairs.size + m->pairs.split) / 2 - 1,
	      "the table stays large");
	for (uint32_t n = 0; n < PAIRS; n++) {
		struct socket_pair pair = pair_number(n);
		check(m, pb_pairs_find(&m->pairs, &pair) == m->in[n],
		      "found what is not there, or not what is");
	}
}

static void agrees_with_model(void **state)
{
	struct seeds s = seeds_to_try(20);
	struct model *m = malloc(sizeof *m);

	(void)state;
	for (uint64_t seed = s.first; seed < s.end; seed++) {
		*m = (struct model){ .seed = seed, .random.state = seed };
		assert_int_equal(pb_pairs_init(&m->pairs, (struct pb_siphash_key){ seed, 1 }, COUNT_MAX), 0);
		for (int round = 0; round < 8; round++) {
			unsigned adds = round % 2 ? 1 : 8; /* of ten steps: it grows, it shrinks */
			for (int i = 0; i < 6000; i++) {
				uint32_t n = (uint32_t)random_below(&m->random, PAIRS);
				uint64_t step = random_below(&m->random, 10);
				step < adds ? add(m, n) : step < 9 ? take_out(m, n) : replace(m, n);
			}
			compare(m);
			walk(m, round % 3);
			compare(m);
		}
		pb_pairs_fini(&m->pairs);
	}
	free(m);
}

/* What differs in any one part is another pair. */
static void every_part_counts(void **state)
{
	struct pairs p;
	struct pair_entry e = { .pair = pair_number(7) };
	struct socket_pair other = e.pair;

	(void)state;
	assert_int_equal(pb_pairs_init(&p, (struct pb_siphash_key){ 1, 2 }, 1), 0);
	assert_int_equal(pb_pairs_add(&p, &e), 0);
	for (size_t i = 0; i < SOCKET_PAIR_LEN; i++) {
		((uint8_t *)&other)[i] ^= 1;
		assert_null(pb_pairs_find(&p, &other));
		((uint8_t *)&other)[i] ^= 1;
	}
	assert_ptr_equal(pb_pairs_find(&p, &other), &e);
	pb_pairs_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_model),
		cmocka_unit_test(every_part_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
