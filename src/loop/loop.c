/*
 * The loop over the kernel's epoll, stacks, a clock and the timer wheel.
 *
 * Readiness is kept by us, and the kernel only tells the news: sockets are registered once, edge-triggered,
 * for everything. A watch whose owner wants something that is ready stands on the ready list and is called
 * once a turn until that is no longer so. Hence wanting something else costs no system call, and a connection
 * that is served and closed in the turn that accepted it is never registered at all.
 *
 * The sockets of a stack are told of by the stack: each turn drives those that were added, and takes their
 * news.
 *
 * Invariant: a started watch is on the ready list with all that is wanted ready, or registered with the
 * kernel, or its news comes from its stack.
 */
#include "base/list.h"
#include "base/timers.h"
#include "socket/socket.h"

#include <assert.h>
#include <errno.h>
#include <packetboat/loop.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_A_TURN 256

struct pb_loop {
	int epoll;
	size_t descriptors; /* in it, at least: where there are none, nothing needs to be asked */
	bool stop;
	bool virtual;
	pb_time virtual_now;
	struct pb_net *nets; /* that we drive */
	struct pb_timers timers;
	struct pb_link ready;     /* watches to be called */
	struct pb_watch *current; /* the one being called; NULL once it has been stopped */
	struct epoll_event events[EVENTS_A_TURN];
};

static pb_time clock_now(const struct pb_loop *loop)
{
	struct timespec t;

	if (loop->virtual)
		return loop->virtual_now;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return PB_SEC(t.tv_sec) + t.tv_nsec;
}

int pb_loop_new(struct pb_loop **loop)
{
	struct pb_loop *l = calloc(1, sizeof *l);

	*loop = l;
	if (!l)
		return -ENOMEM;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		int err = errno;
		free(l);
		*loop = NULL;
		return -err;
	}
	list_init(&l->ready);
	pb_timers_init(&l->timers, clock_now(l));
	return 0;
}

int pb_loop_new_virtual(pb_time start, struct pb_loop **loop)
{
	int rc = pb_loop_new(loop);
	struct pb_loop *l = *loop;

	if (rc < 0 || !l)
		return rc;
	l->virtual = true;
	l->virtual_now = start;
	pb_timers_init(&l->timers, start);
	return 0;
}

void pb_loop_free(struct pb_loop *loop)
{
	if (!loop)
		return;
	while (loop->nets)
		pb_loop_remove_net(loop, loop->nets);
	close(loop->epoll);
	free(loop);
}

pb_time pb_loop_now(const struct pb_loop *loop)
{
	return loop->timers.now;
}

void pb_timer_set(struct pb_loop *loop, struct pb_timer *t, pb_time due)
{
	pb_timers_set(&loop->timers, t, due);
}

void pb_timer_stop(struct pb_loop *loop, struct pb_timer *t)
{
	pb_timers_stop(&loop->timers, t);
}

/* What to tell the owner now; 0: nothing. */
static int news(const struct pb_watch *w)
{
	if (w->socket)
		return w->socket->ready & (w->wants | POLLERR | POLLHUP);
	if (w->always)
		return w->wants;
	return w->wants ? w->ready & (w->wants | POLLERR | POLLHUP) : 0;
}

static int add_to_epoll(struct pb_watch *w, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	if (epoll_ctl(w->loop->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		return -errno;
	w->registered = true;
	w->loop->descriptors++;
	return 0;
}

/* Whether the kernel tells of it, rather than its stack. */
static bool of_kernel(const struct pb_watch *w)
{
	return !w->socket || w->socket->ops->fd;
}

static int register_socket(struct pb_watch *w)
{
	if (!of_kernel(w))
		return 0;
	return add_to_epoll(w, w->socket->ops->fd(w->socket),
			    EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

/*
 * Whether the kernel's news of it will come. Where the kernel has no room for one more watch (ENOSPC,
 * ENOMEM), the watch stays on the ready list: asked every turn, it is slow, not dead.
 */
static bool told_by_kernel(struct pb_watch *w)
{
	return !w->socket || w->registered || register_socket(w) == 0;
}

/* Keep the invariant after the owner's wishes or the readiness have changed. */
static void settle(struct pb_watch *w)
{
	int ready = news(w);
	bool on_list = !list_empty(&w->link);

	if (ready && !on_list)
		list_push(&w->loop->ready, &w->link);
	if ((w->wants & ~ready) || !ready) {
		bool told = told_by_kernel(w);
		if (!ready && on_list && told)
			list_remove(&w->link);
	}
}

static void start(struct pb_loop *loop, struct pb_watch *w, int wants, pb_watch_fn *fn)
{
	assert(!w->loop);
	w->loop = loop;
	w->wants = wants;
	w->fn = fn;
	w->registered = false;
	list_init(&w->link);
}

int pb_watch_socket(struct pb_loop *loop, struct pb_watch *w, struct pb_socket *s, int wants, pb_watch_fn *fn)
{
	assert(!s->watch);
	start(loop, w, wants, fn);
	w->socket = s;
	w->fd = -1;
	s->watch = w;
	if (!news(w)) { /* settle() would do, but could not tell that it failed */
		int rc = register_socket(w);
		if (rc < 0) {
			s->watch = NULL;
			w->loop = NULL;
			return rc;
		}
	}
	settle(w);
	return 0;
}

/* Descriptors are level-triggered: their readers need not read until nothing is left. */
static uint32_t fd_events(const struct pb_watch *w)
{
	return (w->wants & POLLIN ? EPOLLIN : 0) | (w->wants & POLLOUT ? EPOLLOUT : 0);
}

/*
 * Tell the kernel what is wanted of a descriptor. One of which nothing is wanted is taken out: it would go on
 * telling, turn after turn, that the other side has hung up.
 */
static void update_fd(struct pb_watch *w)
{
	struct epoll_event e = { .events = fd_events(w), .data.ptr = w };
	int how = !w->wants ? EPOLL_CTL_DEL : w->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (w->wants || w->registered)
		epoll_ctl(w->loop->epoll, how, w->fd, &e);
	w->loop->descriptors += (how == EPOLL_CTL_ADD) - (size_t)(how == EPOLL_CTL_DEL && w->registered);
	w->registered = w->wants != 0;
}

int pb_watch_fd(struct pb_loop *loop, struct pb_watch *w, int fd, int wants, pb_watch_fn *fn)
{
	start(loop, w, wants, fn);
	w->socket = NULL;
	w->fd = fd;
	w->ready = 0;
	int rc = add_to_epoll(w, fd, fd_events(w));
	w->always = rc == -EPERM; /* a regular file or directory: epoll_ctl(2) */
	if (rc == 0 && !wants)
		update_fd(w);
	if (rc < 0 && !w->always) {
		w->loop = NULL;
		return rc;
	}
	settle(w);
	return 0;
}

void pb_watch_want(struct pb_watch *w, int wants)
{
	if (wants == w->wants)
		return;
	w->wants = wants;
	if (!w->socket && !w->always)
		update_fd(w);
	settle(w);
}

void pb_watch_stop(struct pb_watch *w)
{
	struct pb_loop *loop = w->loop;

	if (!loop)
		return;
	if (w->registered) {
		epoll_ctl(loop->epoll, EPOLL_CTL_DEL, w->socket ? w->socket->ops->fd(w->socket) : w->fd,
			  NULL);
		loop->descriptors--;
	}
	if (w->socket)
		w->socket->watch = NULL;
	list_remove(&w->link);
	if (loop->current == w)
		loop->current = NULL;
	w->loop = NULL;
	w->registered = false;
}

int pb_watch_close(struct pb_watch *w)
{
	struct pb_socket *s = w->socket;

	if (s && s->sole && w->registered) { /* closing takes it out of the epoll */
		w->registered = false;
		w->loop->descriptors--;
	}
	pb_watch_stop(w);
	w->socket = NULL;
	return pb_close(s);
}

/* A reset or an error makes every call answer at once, so it is readable and writable, too. */
static void take_news(struct pb_watch *w, uint32_t events)
{
	int ready = 0;

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		ready |= POLLIN;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		ready |= POLLOUT;
	if (events & (EPOLLRDHUP | EPOLLHUP))
		ready |= POLLRDHUP;
	if (events & EPOLLPRI)
		ready |= POLLPRI;
	ready |= (events & EPOLLHUP ? POLLHUP : 0) | (events & EPOLLERR ? POLLERR : 0);
	if (w->socket)
		w->socket->ready |= ready;
	else
		w->ready = ready;
	settle(w);
}

/* Returns whether its function was called. */
static bool call(struct pb_loop *loop, struct pb_watch *w)
{
	int ready = news(w);

	if (ready) {
		if (w->socket)
			w->socket->ready &= ~(POLLERR | POLLHUP); /* told once */
		w->ready = 0;
		loop->current = w;
		w->fn(w, ready);
	}
	if (!ready || loop->current == w)
		settle(w);
	loop->current = NULL;
	return ready;
}

/*
 * Nets that we drive
 * ------------------------------------------------------------------------------------------------
 */

static const char net_event; /* its address stands for "frames came to a net" */

static int watch_devices(struct pb_loop *loop, struct pb_net *net, int how)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = (void *)&net_event };
	int fd;

	for (unsigned n = 0; (fd = net->ops->fd(net, n)) >= 0; n++) {
		if (epoll_ctl(loop->epoll, how, fd, &e) < 0 && errno != EEXIST && errno != ENOENT)
			return -errno;
		loop->descriptors += how == EPOLL_CTL_ADD ? 1 : (size_t)-1;
	}
	return 0;
}

int pb_loop_add_net(struct pb_loop *loop, struct pb_net *net)
{
	if (!net->ops->poll || net->loop == loop)
		return 0;
	if (net->loop)
		return -EBUSY;
	int rc = watch_devices(loop, net, EPOLL_CTL_ADD);
	if (rc < 0)
		return rc;
	net->loop = loop;
	net->next = loop->nets;
	loop->nets = net;
	return 0;
}

void pb_loop_remove_net(struct pb_loop *loop, struct pb_net *net)
{
	if (net->loop != loop)
		return;
	watch_devices(loop, net, EPOLL_CTL_DEL);
	for (struct pb_net **n = &loop->nets; *n; n = &(*n)->next)
		if (*n == net) {
			*n = net->next;
			break;
		}
	net->loop = NULL;
}

static void take_net_news(struct pb_net *net)
{
	struct pb_socket *s;

	while ((s = net->ops->news(net)))
		if (s->watch)
			settle(s->watch);
}

/* When they want to be driven next. That is asked when all were: one may have sent another something. */
static pb_time drive_nets(struct pb_loop *loop)
{
	pb_time next = PB_NEVER, now = loop->nets ? clock_now(loop) : 0;

	for (struct pb_net *net = loop->nets; net; net = net->next) {
		net->ops->poll(net, now);
		take_net_news(net);
	}
	for (struct pb_net *net = loop->nets; net; net = net->next) {
		pb_time t = net->ops->next(net);
		next = t < next ? t : next;
	}
	return next;
}

/*
 * A turn
 * ------------------------------------------------------------------------------------------------------------
 */

/* The kernel's news, waited for until wait at most. How many there were, or -errno. */
static int ask_kernel(struct pb_loop *loop, pb_time wait)
{
	struct timespec t = { 0 };

	if (wait != PB_NEVER && wait > 0) {
		wait -= clock_now(loop);
		if (wait > 0)
			t = (struct timespec){ .tv_sec = wait / PB_SEC(1), .tv_nsec = wait % PB_SEC(1) };
	}
	int n = epoll_pwait2(loop->epoll, loop->events, EVENTS_A_TURN, wait == PB_NEVER ? NULL : &t, NULL);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++)
		if (loop->events[i].data.ptr != &net_event)
			take_news(loop->events[i].data.ptr, loop->events[i].events);
	return n;
}

/* In virtual time nobody waits: when the kernel has nothing to tell, the clock jumps. */
static int jump(struct pb_loop *loop, pb_time wait)
{
	int n = loop->descriptors ? ask_kernel(loop, 0) : 0;

	if (n != 0 || wait <= loop->virtual_now)
		return n;
	if (wait == PB_NEVER)
		return -EDEADLK;
	loop->virtual_now = wait;
	return 0;
}

static int wait_for_news(struct pb_loop *loop, pb_time until)
{
	pb_time wait = drive_nets(loop), timer = pb_timers_next(&loop->timers);

	wait = timer < wait ? timer : wait;
	wait = until < wait ? until : wait;
	if (!list_empty(&loop->ready))
		wait = 0;
	int n = loop->virtual ? jump(loop, wait) : wait || loop->descriptors ? ask_kernel(loop, wait) : 0;
	if (n >= 0 && wait)
		drive_nets(loop);
	return n;
}

int pb_loop_turn(struct pb_loop *loop, pb_time until)
{
	struct pb_link now;
	int calls = 0, rc = wait_for_news(loop, until);

	if (rc < 0)
		return rc;
	calls += pb_timers_run(&loop->timers, clock_now(loop));
	list_init(&now);
	list_splice(&now, &loop->ready);
	while (!list_empty(&now)) {
		/*
		 * It goes back onto the ready list first, so that it is always on a list that outlives this
		 * turn.
		 */
		struct pb_link *l = list_shift(&now);
		list_push(&loop->ready, l);
		calls += call(loop, container_of(l, struct pb_watch, link));
	}
	return calls;
}

int pb_loop_run(struct pb_loop *loop)
{
	int rc = 0;

	for (loop->stop = false; !loop->stop && rc >= 0;)
		rc = pb_loop_turn(loop, PB_NEVER);
	return rc < 0 ? rc : 0;
}

void pb_loop_stop(struct pb_loop *loop)
{
	loop->stop = true;
}
