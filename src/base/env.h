/*
 * All that the layers of one stack need from outside: the time, chance, memory, timers. Filled in by the
 * stack on every entry; whoever drives the stack decides what time it is and what chance brings. There is no
 * other world.
 */
#ifndef PB_BASE_ENV_H
#define PB_BASE_ENV_H

#include "base/list.h"
#include "base/rng.h"
#include "base/timers.h"

#include <packetboat/buf.h>
#include <packetboat/counters.h>

struct env {
	struct pb_timers timers; /* timers.now is the time: set on every entry */
	struct rng rng;
	struct pb_pool *pool;
	struct pb_link ready; /* struct readiness: endpoints whose owner has something to notice */
	struct pb_counters counters;
};

static inline pb_time env_now(const struct env *env)
{
	return env->timers.now;
}

/*
 * How readiness climbs, as data: an endpoint (a TCP connection, a UDP endpoint, …) that has news puts itself
 * on env->ready, and the socket layer takes it off and tells the owner. owner is the socket layer's; NULL:
 * nobody listens any more.
 */
struct readiness {
	struct pb_link link;
	void *owner;
	/* POLLIN, POLLOUT, POLLRDHUP, POLLHUP, POLLERR: what has become true since the owner last looked */
	int events;
};

static inline void readiness_tell(struct readiness *r, struct env *env, int events)
{
	if (!r->owner)
		return;
	r->events |= events;
	if (list_empty(&r->link))
		list_push(&env->ready, &r->link);
}

#endif
