/*
 * Time and timers.
 *
 * A pb_time is nanoseconds on the clock of a loop (or, for a duration, just nanoseconds). The clock starts
 * wherever it likes; only differences mean anything. It never runs backwards.
 *
 * A pb_timer is memory of the caller's, usually inside the thing it is for, and is armed on a loop with
 * pb_timer_set() (see <packetboat/loop.h>). Arming it again before it fires is an assignment: a time-out that
 * moves with every segment costs nothing.
 */
#ifndef PACKETBOAT_TIME_H
#define PACKETBOAT_TIME_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int64_t pb_time;

#define PB_NEVER   INT64_MAX
#define PB_MSEC(n) ((pb_time)(n)*1000000)
#define PB_SEC(n)  ((pb_time)(n)*1000000000)

/* A place in a circular, doubly linked list. Nothing in it is yours to touch. */
struct pb_link {
	struct pb_link *next, *prev;
};

struct pb_timer;
typedef void pb_timer_fn(struct pb_timer *t);

/* Set fn before arming; leave the rest alone. All zero is a timer that is not armed. */
struct pb_timer {
	pb_timer_fn *fn; /* called once when due; the timer is unarmed by then and may be armed again */
	pb_time due;     /* when to fire */
	pb_time filed;   /* the due time it is filed under: never later than due */
	uint64_t serial; /* equal instants fire in the order in which they were set */
	struct pb_link link;
};

#ifdef __cplusplus
}
#endif
#endif
