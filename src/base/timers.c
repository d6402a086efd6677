#include "base/timers.h"

#include <assert.h>

#define TICK_BITS  20 /* a level-0 slot is 2^20 ns */
#define LEVEL_BITS 6
#define TOP        (PB_TIMERS_LEVELS - 1)

static uint64_t tick_of(pb_time t)
{
	return (uint64_t)t >> TICK_BITS;
}

void pb_timers_init(struct pb_timers *ts, pb_time now)
{
	*ts = (struct pb_timers){ .now = now, .next = PB_NEVER };
	list_init(&ts->due);
	for (int level = 0; level < PB_TIMERS_LEVELS; level++)
		for (int i = 0; i < PB_TIMERS_SLOTS; i++)
			list_init(&ts->slot[level][i]);
}

/* The first slot of a level from the present one on that has its bit set; -1: none. */
static int first_used(const struct pb_timers *ts, int level)
{
	int present = (int)(tick_of(ts->now) >> (level * LEVEL_BITS)) & (PB_TIMERS_SLOTS - 1);
	uint64_t later = ts->used[level] & (~UINT64_C(0) << present);

	if (!later && level == TOP)
		later = ts->used[TOP];
	return later ? __builtin_ctzll(later) : -1;
}

/* When a slot that has its bit set begins: in the round that the present is in, or in the next. */
static pb_time slot_start(const struct pb_timers *ts, int level, int i)
{
	uint64_t present = tick_of(ts->now) >> (level * LEVEL_BITS);
	uint64_t round = (present >> LEVEL_BITS) + (i < (int)(present & (PB_TIMERS_SLOTS - 1)));

	return (pb_time)((round << LEVEL_BITS | (uint64_t)i) << (level * LEVEL_BITS + TICK_BITS));
}

/* What is no more ticks away than that has a slot of its own: not the present one, a round later. */
#define REACH ((uint64_t)(PB_TIMERS_SLOTS - 2) << (LEVEL_BITS * TOP))

/*
 * The level is that of the highest bit in which the timer's tick differs from the present one, so that a slot
 * of level n is emptied exactly when the present enters it. The top level goes round: its slots before the
 * present one belong to the next round. Beyond the wheel's reach (over two years): its last slot, from where
 * it is filed again.
 */
static void file(struct pb_timers *ts, struct pb_timer *t)
{
	uint64_t now = tick_of(ts->now), tick = t->due > ts->now ? tick_of(t->due) : now;

	if (tick - now > REACH)
		tick = now + REACH;
	t->filed = t->due;
	int level = tick == now ? 0 : (63 - __builtin_clzll(tick ^ now)) / LEVEL_BITS;
	if (level > TOP)
		level = TOP;
	unsigned shift = (unsigned)level * LEVEL_BITS;
	int i = (int)(tick >> shift) & (PB_TIMERS_SLOTS - 1);
	list_push(&ts->slot[level][i], &t->link);
	ts->used[level] |= UINT64_C(1) << i;
	pb_time start = level > 0 ? (pb_time)(tick >> shift << (shift + TICK_BITS)) : t->filed;
	if (start < ts->next)
		ts->next = start;
}

static void take_out(struct pb_timers *ts, struct pb_timer *t)
{
	list_remove(&t->link);
	ts->count--;
	if (t->filed <= ts->next)
		ts->next = PB_TIMERS_UNKNOWN;
}

void pb_timers_set(struct pb_timers *ts, struct pb_timer *t, pb_time due)
{
	t->due = due;
	t->serial = ts->serial++;
	if (pb_timer_armed(t)) {
		if (due >= t->filed)
			return;
		take_out(ts, t);
	}
	ts->count++;
	file(ts, t);
}

void pb_timers_stop(struct pb_timers *ts, struct pb_timer *t)
{
	if (pb_timer_armed(t))
		take_out(ts, t);
}

static pb_time find_next(const struct pb_timers *ts)
{
	for (int level = 0; level < PB_TIMERS_LEVELS; level++) {
		int i = first_used(ts, level);
		if (i < 0)
			continue;
		if (level > 0)
			return slot_start(ts, level, i);
		pb_time first = PB_NEVER;
		list_each (l, &ts->slot[0][i]) {
			const struct pb_timer *t = container_of(l, struct pb_timer, link);
			if (t->filed < first)
				first = t->filed;
		}
		/* A bit outlives the last timer of its slot until the slot comes due. */
		return first == PB_NEVER ? slot_start(ts, 0, i) : first;
	}
	return PB_NEVER;
}

pb_time pb_timers_next(struct pb_timers *ts)
{
	if (!ts->count)
		return PB_NEVER;
	if (ts->next == PB_TIMERS_UNKNOWN)
		ts->next = find_next(ts);
	return ts->next;
}

static bool fires_before(const struct pb_timer *a, const struct pb_timer *b)
{
	return a->due != b->due ? a->due < b->due : a->serial < b->serial;
}

/* Merge two lists in firing order into to, which is empty. */
static void merge(struct pb_link *to, struct pb_link *a, struct pb_link *b)
{
	while (!list_empty(a) && !list_empty(b)) {
		struct pb_timer *x = container_of(a->next, struct pb_timer, link);
		struct pb_timer *y = container_of(b->next, struct pb_timer, link);
		list_push(to, list_shift(fires_before(y, x) ? b : a));
	}
	list_splice(to, a);
	list_splice(to, b);
}

/* Merge sort, bottom up: run[k] holds nothing or 2^k timers in order. */
static void sort(struct pb_link *list)
{
	struct pb_link run[32], carry, merged;
	int runs = 0;

	list_init(&carry);
	list_init(&merged);
	for (struct pb_link *l; (l = list_shift(list));) {
		int k = 0;
		list_push(&carry, l);
		for (; k < runs && !list_empty(&run[k]); k++) {
			merge(&merged, &run[k], &carry);
			list_splice(&carry, &merged);
		}
		if (k == runs)
			list_init(&run[runs++]);
		list_splice(&run[k], &carry);
	}
	for (int k = 0; k < runs; k++) {
		merge(&merged, &run[k], list);
		list_splice(list, &merged);
	}
}

/* Empty a slot: what is due goes to the due list, the rest where it now belongs. */
static void empty(struct pb_timers *ts, int level, int i)
{
	struct pb_link all;

	list_init(&all);
	list_splice(&all, &ts->slot[level][i]);
	ts->used[level] &= ~(UINT64_C(1) << i);
	for (struct pb_link *l; (l = list_shift(&all));) {
		struct pb_timer *t = container_of(l, struct pb_timer, link);
		if (t->due <= ts->now)
			list_push(&ts->due, l);
		else
			file(ts, t);
	}
}

/*
 * From one occupied slot to the next, so that each is emptied in the round it was filled for. This and fire() are not
 * made part of pb_timers_run(), which mostly finds nothing to do.
 */
__attribute__((noinline)) static void advance(struct pb_timers *ts, pb_time now)
{
	for (pb_time next; (next = pb_timers_next(ts)) <= now;) {
		pb_time tick_end = next | ((1 << TICK_BITS) - 1);
		pb_time upto = tick_end < now ? tick_end : now;
		if (upto > ts->now)
			ts->now = upto;
		ts->next = PB_TIMERS_UNKNOWN;
		for (int level = PB_TIMERS_LEVELS - 1; level >= 0; level--) {
			int i = (int)(tick_of(ts->now) >> (level * LEVEL_BITS)) & (PB_TIMERS_SLOTS - 1);
			if (ts->used[level] >> i & 1)
				empty(ts, level, i);
		}
	}
	if (now > ts->now)
		ts->now = now;
}

/* What is due, in order. */
__attribute__((noinline)) static int fire(struct pb_timers *ts)
{
	uint64_t serial = ts->serial;
	int fired = 0;

	sort(&ts->due);
	for (struct pb_link *l; (l = list_shift(&ts->due));) {
		struct pb_timer *t = container_of(l, struct pb_timer, link);
		if (t->serial >= serial) { /* armed anew by one that fired just before it */
			file(ts, t);
			continue;
		}
		ts->count--;
		fired++;
		t->fn(t);
	}
	return fired;
}

int pb_timers_run(struct pb_timers *ts, pb_time now)
{
	if (ts->next <= now) /* or is unknown */
		advance(ts, now);
	else if (now > ts->now)
		ts->now = now;
	return list_empty(&ts->due) ? 0 : fire(ts);
}
