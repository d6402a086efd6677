#include "drill/epoll.h"

#include <errno.h>
#include <stdlib.h>

/* Bits that say how to watch, not for what. */
#define MODES ((uint32_t)(EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP))

/* What may go with EPOLLEXCLUSIVE, epoll_ctl(2). */
#define EXCLUSIVE_ALLOWED                                                                                    \
	((uint32_t)(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE))

struct epoll_set *drill_epoll_new(void)
{
	return calloc(1, sizeof(struct epoll_set));
}

void drill_epoll_free(struct epoll_set *e)
{
	free(e);
}

static struct epoll_item *find(struct epoll_set *e, const struct pb_socket *s)
{
	for (struct epoll_item *i = e->item; i < e->item + EPOLL_ITEMS_MAX; i++)
		if (i->socket == s)
			return i;
	return NULL;
}

/* What is waited for: errors always, unless EPOLLONESHOT has switched it off. */
static uint32_t wanted(const struct epoll_item *i)
{
	uint32_t events = i->event.events & ~MODES;

	return events ? events | EPOLLERR | EPOLLHUP : 0;
}

static uint32_t ready(const struct epoll_item *i)
{
	return (uint32_t)pb_ready(i->socket) & wanted(i);
}

static void put_on_list(struct epoll_set *e, struct epoll_item *i)
{
	if (!i->turn)
		i->turn = ++e->turns;
}

static bool is_allowed(int op, const struct epoll_item *i, uint32_t events)
{
	if (op == EPOLL_CTL_MOD && (events | i->event.events) & EPOLLEXCLUSIVE)
		return false;
	return !(events & EPOLLEXCLUSIVE) || !(events & ~EXCLUSIVE_ALLOWED);
}

static int watch(struct epoll_set *e, int op, struct epoll_item *i, struct pb_socket *s,
		 const struct epoll_event *event)
{
	if (!is_allowed(op, i, event->events))
		return -EINVAL;
	*i = (struct epoll_item){ .socket = s, .event = *event };
	i->event.events |= EPOLLERR | EPOLLHUP;
	if (ready(i))
		put_on_list(e, i);
	return 0;
}

int drill_epoll_control(struct epoll_set *e, int op, struct pb_socket *s, const struct epoll_event *event)
{
	struct epoll_item *i = find(e, s), *unused = find(e, NULL);

	switch (op) {
	case EPOLL_CTL_ADD:
		if (i || !unused)
			return i ? -EEXIST : -ENOSPC;
		return watch(e, op, unused, s, event);
	case EPOLL_CTL_MOD:
		return i ? watch(e, op, i, s, event) : -ENOENT;
	case EPOLL_CTL_DEL:
		if (!i)
			return -ENOENT;
		*i = (struct epoll_item){ 0 };
		return 0;
	default:
		return -EINVAL;
	}
}

void drill_epoll_tell(struct epoll_set *e, const struct pb_socket *s, int events)
{
	struct epoll_item *i = find(e, s);

	if (i && (uint32_t)events & wanted(i))
		put_on_list(e, i);
}

void drill_epoll_forget(struct epoll_set *e, const struct pb_socket *s)
{
	struct epoll_item *i = find(e, s);

	if (i)
		*i = (struct epoll_item){ 0 };
}

static struct epoll_item *first_on_list(struct epoll_set *e)
{
	struct epoll_item *first = NULL;

	for (struct epoll_item *i = e->item; i < e->item + EPOLL_ITEMS_MAX; i++)
		if (i->socket && i->turn && (!first || i->turn < first->turn))
			first = i;
	return first;
}

/* By level: it is looked at the next time, too. */
static bool stays_on_list(struct epoll_item *i)
{
	if (i->event.events & EPOLLONESHOT) {
		i->event.events &= MODES;
		return false;
	}
	return !(i->event.events & EPOLLET);
}

int drill_epoll_take(struct epoll_set *e, struct epoll_event *events, int most)
{
	uint64_t end = e->turns;
	struct epoll_item *i;
	int n = 0;

	while (n < most && (i = first_on_list(e)) && i->turn <= end) {
		uint32_t now = ready(i);
		i->turn = 0;
		if (!now)
			continue;
		events[n++] = (struct epoll_event){ .events = now, .data = i->event.data };
		if (stays_on_list(i))
			put_on_list(e, i);
	}
	return n;
}
