/*
 * epoll(7) over the sockets of an adapter: what the original packetdrill drives. News of a socket puts what watches
 * it on a list; waiting takes from the list what is ready then, and leaves there what is watched by level.
 */
#ifndef DRILL_EPOLL_H
#define DRILL_EPOLL_H

#include <packetboat/socket.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#define EPOLL_ITEMS_MAX 64

struct epoll_item {
	struct pb_socket *socket; /* NULL: this place is free */
	struct epoll_event event;
	uint64_t turn; /* the place in the list; 0: not in it */
};

struct epoll_set {
	uint64_t turns;
	struct epoll_item item[EPOLL_ITEMS_MAX];
};

struct epoll_set *drill_epoll_new(void);
void drill_epoll_free(struct epoll_set *e);

/* epoll_ctl(2). 0, -EEXIST, -ENOENT, -EINVAL, -ENOSPC. */
int drill_epoll_control(struct epoll_set *e, int op, struct pb_socket *s, const struct epoll_event *event);

/* Something has happened to a socket: these events; or it is closed. */
void drill_epoll_tell(struct epoll_set *e, const struct pb_socket *s, int events);
void drill_epoll_forget(struct epoll_set *e, const struct pb_socket *s);

/* What is ready, at most most of it: how many. */
int drill_epoll_take(struct epoll_set *e, struct epoll_event *events, int most);

#endif
