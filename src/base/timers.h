/*
 * The timer wheel: any number of timers, armed, moved and disarmed in constant time.
 *
 * Six levels of 64 slots. A slot of level 0 holds the timers of about one millisecond (2^20 ns), a slot of
 * each further level 64 times as much; a timer drops a level when its slot comes due. Moving a timer later
 * touches only the timer: it is filed anew when its old slot comes due. Timers fire neither early nor out of
 * order: inside a slot they are sorted by (due, serial).
 */
#ifndef PB_BASE_TIMERS_H
#define PB_BASE_TIMERS_H

#include "base/list.h"

#define PB_TIMERS_LEVELS  6
#define PB_TIMERS_SLOTS   64
#define PB_TIMERS_UNKNOWN ((pb_time)-1)

struct pb_timers {
	pb_time now;     /* everything due before or at this has fired */
	uint64_t serial; /* the next timer's */
	size_t count;    /* armed */
	pb_time next;    /* what pb_timers_next() answers; PB_TIMERS_UNKNOWN: has to be found */
	uint64_t used[PB_TIMERS_LEVELS]; /* a bit for each slot that is not empty */
	struct pb_link slot[PB_TIMERS_LEVELS][PB_TIMERS_SLOTS];
	struct pb_link due; /* to be fired in this run, in order */
};

void pb_timers_init(struct pb_timers *ts, pb_time now);

/* Arm, or arm anew. A time that has passed is due at the next run, also when set from inside one. */
void pb_timers_set(struct pb_timers *ts, struct pb_timer *t, pb_time due);
void pb_timers_stop(struct pb_timers *ts, struct pb_timer *t);

static inline bool pb_timer_armed(const struct pb_timer *t)
{
	return !list_empty(&t->link);
}

/*
 * When pb_timers_run() is next needed: never later than the first timer's due time. Earlier only when a timer
 * was stopped, or moved later or down a level, so that a run at that time finds nothing to fire. PB_NEVER: nothing is
 * armed.
 */
pb_time pb_timers_next(struct pb_timers *ts);

/* Move the time to now (never back) and fire all that is due by then, in order. Returns how many. */
int pb_timers_run(struct pb_timers *ts, pb_time now);

#endif
