/*
 * The timer wheel against a model that looks at every timer each time: arm, move, stop and run, also from inside
 * callbacks, in steps from nothing to years, so that every level and the wrap of the last one is crossed.
 */
#include "base/timers.h"
#include "random.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TIMERS 48
#define STEPS  400

struct model {
	struct pb_timers wheel;
	struct random random;
	uint64_t seed;
	int step;
	uint64_t serial;     /* of the next timer set */
	uint64_t run_serial; /* the same, when the present run began */
	bool quiet;          /* callbacks do nothing of their own */
	int fired;           /* in the present run */
	pb_time last_due;    /* of the one that fired last in it */
	uint64_t last_serial;
	struct tracked {
		struct pb_timer timer;
		bool armed;
		pb_time due;
		uint64_t serial;
		struct model *model;
	} timers[TIMERS];
};

static void check(const struct model *m, bool holds, const char *what)
{
	if (!holds)
		fail_msg("%s (step %d; again with PACKETBOAT_SEED=%" PRIu64 ")", what, m->step, m->seed);
}

static pb_time first_due(const struct model *m)
{
	pb_time first = PB_NEVER;

	for (int i = 0; i < TIMERS; i++)
		if (m->timers[i].armed && m->timers[i].due < first)
			first = m->timers[i].due;
	return first;
}

static void set(struct model *m, struct tracked *t)
{
	pb_time now = m->wheel.now, distance = (pb_time)random_magnitude(&m->random, 60);

	t->due = random_below(&m->random, 8) ? now + distance : now - (now < distance ? now : distance);
	t->serial = m->serial++;
	t->armed = true;
	pb_timers_set(&m->wheel, &t->timer, t->due);
}

static void stop(struct model *m, struct tracked *t)
{
	t->armed = false;
	pb_timers_stop(&m->wheel, &t->timer);
}

/* Twice as likely to arm as to stop; half of what is armed is moved, as all of them are armed before long. */
static void act(struct model *m)
{
	struct tracked *t = &m->timers[random_below(&m->random, TIMERS)];

	if (random_below(&m->random, 3))
		set(m, t);
	else
		stop(m, t);
}

static void fire(struct pb_timer *timer)
{
	struct tracked *t = container_of(timer, struct tracked, timer);
	struct model *m = t->model;

	check(m, t->armed, "a timer fired that was not armed");
	check(m, !pb_timer_armed(timer), "a timer is armed while it fires");
	check(m, t->due <= m->wheel.now, "a timer fired early");
	check(m, t->serial < m->run_serial, "a timer fired in the run that set it");
	check(m, t->due > m->last_due || (t->due == m->last_due && t->serial > m->last_serial),
	      "timers fired out of order");
	t->armed = false;
	m->fired++;
	m->last_due = t->due;
	m->last_serial = t->serial;
	for (uint64_t n = m->quiet ? 0 : random_below(&m->random, 4); n; n--)
		act(m);
}

static void run(struct model *m, pb_time now)
{
	m->fired = 0;
	m->last_due = -1;
	m->last_serial = 0;
	m->run_serial = m->serial;
	check(m, pb_timers_run(&m->wheel, now) == m->fired, "the run miscounted");
	for (int i = 0; i < TIMERS; i++) {
		const struct tracked *t = &m->timers[i];
		check(m, pb_timer_armed(&t->timer) == t->armed, "a timer is armed here and not there");
		check(m, !t->armed || t->due > now || t->serial >= m->run_serial, "a due timer did not fire");
	}
}

static void check_next(struct model *m)
{
	pb_time next = pb_timers_next(&m->wheel), first = first_due(m);

	check(m, next <= first, "the next run would come too late");
	check(m, (next == PB_NEVER) == (first == PB_NEVER), "a run is asked for though nothing is armed");
}

/* On a clock that jumps to wherever the wheel next wants to be run: it must get somewhere, and not spin. */
static void check_progress(struct model *m)
{
	pb_time first = first_due(m);

	m->quiet = true;
	for (int runs = 0; first != PB_NEVER && first_due(m) == first; runs++) {
		pb_time next = pb_timers_next(&m->wheel);
		check(m, runs < TIMERS * 8, "the wheel spins");
		run(m, next > m->wheel.now ? next : m->wheel.now);
	}
	run(m, m->wheel.now);
	check(m, pb_timers_next(&m->wheel) > m->wheel.now, "a run is wanted right after a run");
	m->quiet = false;
}

static void play(uint64_t seed)
{
	static struct model m;
	struct random *r = &m.random;

	memset(&m, 0, sizeof m);
	m.seed = seed;
	m.random.state = seed;
	pb_time wrap = (pb_time)random_below(r, 3) << 56; /* the last level comes round every 2^56 ns */
	pb_time before = (pb_time)random_magnitude(r, 55);
	pb_timers_init(&m.wheel, wrap > before ? wrap - before : before);
	for (int i = 0; i < TIMERS; i++) {
		m.timers[i].timer.fn = fire;
		m.timers[i].model = &m;
	}
	for (m.step = 0; m.step < STEPS && m.wheel.now < INT64_C(1) << 61; m.step++) {
		for (uint64_t n = random_below(r, 6); n; n--) {
			act(&m);
			check_next(&m);
		}
		if (random_below(r, 16) == 0)
			check_progress(&m);
		else
			run(&m, m.wheel.now + (pb_time)random_magnitude(r, random_below(r, 16) ? 40 : 57));
		check_next(&m);
	}
	for (int i = 0; i < TIMERS; i++)
		stop(&m, &m.timers[i]);
	check_next(&m);
}

static void against_the_model(void **state)
{
	struct seeds s = seeds_to_try(300);

	(void)state;
	for (uint64_t seed = s.first; seed < s.end; seed++)
		play(seed);
}

struct mover {
	struct pb_timer timer;
	struct pb_timers *wheel;
	struct pb_timer *moves;
	pb_time to;
	int fired;
};

static void move(struct pb_timer *t)
{
	struct mover *m = container_of(t, struct mover, timer);

	m->fired++;
	if (m->moves)
		pb_timers_set(m->wheel, m->moves, m->to);
}

/* Due in the same run as the one that moves it: it is armed anew, so it waits for the next run, even if overdue. */
static void moved_while_due(void **state)
{
	struct pb_timers wheel;
	struct mover late = { .timer.fn = move };
	struct mover early = { .timer.fn = move, .wheel = &wheel, .moves = &late.timer, .to = 90 };

	(void)state;
	pb_timers_init(&wheel, 0);
	pb_timers_set(&wheel, &early.timer, 10);
	pb_timers_set(&wheel, &late.timer, 20);
	assert_int_equal(pb_timers_run(&wheel, 100), 1);
	assert_int_equal(late.fired, 0);
	assert_true(pb_timers_next(&wheel) <= 100);
	assert_int_equal(pb_timers_run(&wheel, 100), 1);
	assert_int_equal(late.fired, 1);
	assert_true(pb_timers_next(&wheel) == PB_NEVER);
}

/* A second that begins before the last level's wrap and ends after it. */
static void across_the_wrap(void **state)
{
	const pb_time wrap = INT64_C(1) << 56;
	struct pb_timers wheel;
	struct mover t = { .timer.fn = move };

	(void)state;
	pb_timers_init(&wheel, wrap - PB_MSEC(500));
	pb_timers_set(&wheel, &t.timer, wrap + PB_MSEC(500));
	assert_int_equal(pb_timers_run(&wheel, wrap + PB_MSEC(500) - 1), 0);
	assert_int_equal(pb_timers_run(&wheel, wrap + PB_MSEC(500)), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moved_while_due),
		cmocka_unit_test(across_the_wrap),
		cmocka_unit_test(against_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
