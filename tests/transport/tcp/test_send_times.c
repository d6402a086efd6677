/* Send times against a plain list of all sends: every number in flight has the time at which it left. */
#include "random.h"
#include "transport/tcp/send_times.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SENDS 3000

struct sent {
	seq end;
	pb_time at;
};

static void play(uint64_t seed)
{
	static struct sent all[SENDS];
	struct random r = { seed };
	struct send_times t;
	seq base = { (uint32_t)random_next(&r) }, una = base, end = base;
	unsigned first = 0, count = 0;
	pb_time now = 1;

	pb_send_times_init(&t);
	assert_null(pb_send_times_find(&t, base));
	while (count < SENDS) {
		now += (pb_time)random_below(&r, 3);
		end = seq_add(end, 1 + (uint32_t)random_magnitude(&r, 16));
		all[count++] = (struct sent){ end, now };
		pb_send_times_add(&t, una, &(struct send_record){ .sent = now, .end = end });
		if (random_below(&r, 100) < 60) { /* an ACK, which may cut a record in two */
			una = seq_add(una, (uint32_t)random_below(&r, end.v - una.v + 1));
			while (first < count && seq_le(all[first].end, una))
				first++;
			if (random_below(&r, 2))
				pb_send_times_acked(&t, una);
		}
		if (seq_eq(una, end))
			continue;
		seq s = seq_add(una, (uint32_t)random_below(&r, end.v - una.v));
		unsigned i = first;
		while (seq_le(all[i].end, s))
			i++;
		if (pb_send_times_find(&t, s)->sent != all[i].at)
			fail_msg("another time (again with PACKETBOAT_SEED=%" PRIu64 ")", seed);
	}
	pb_send_times_fini(&t);
}

static void against_the_list(void **state)
{
	struct seeds s = seeds_to_try(100);

	(void)state;
	for (uint64_t seed = s.first; seed < s.end; seed++)
		play(seed);
}

/* Beyond the bound, what is sent last is taken to have been sent later than it was, and nothing else changes. */
static void records_are_bounded(void **state)
{
	struct send_times t;
	seq zero = { 0 };

	(void)state;
	pb_send_times_init(&t);
	for (uint32_t i = 1; i <= 2 * SEND_RECORDS_MAX; i++)
		pb_send_times_add(&t, zero, &(struct send_record){ .sent = i, .end = { i } });
	assert_int_equal(t.count, SEND_RECORDS_MAX);
	assert_int_equal(pb_send_times_find(&t, (seq){ 99 })->sent, 100);
	assert_int_equal(pb_send_times_find(&t, (seq){ SEND_RECORDS_MAX })->sent, 2 * SEND_RECORDS_MAX);
	pb_send_times_acked(&t, (seq){ 2 * SEND_RECORDS_MAX });
	assert_int_equal(t.count, 0);
	pb_send_times_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_the_list),
		cmocka_unit_test(records_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
