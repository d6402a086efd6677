/* How the original packetdrill waits for sockets: poll and epoll. */
#include "drill/packetdrill.h"

#include <errno.h>

struct polled {
	struct pollfd *fds;
	nfds_t count;
};

static ssize_t try_poll(struct adapter *a, struct attempt *t)
{
	struct polled *p = t->context;
	ssize_t ready = 0;

	for (nfds_t i = 0; i < p->count; i++) {
		const struct adapter_fd *f = drill_find(a, p->fds[i].fd);
		int wanted = p->fds[i].events | POLLERR | POLLHUP;
		p->fds[i].revents = (short)(f ? pb_ready(f->socket) & wanted : POLLNVAL);
		ready += p->fds[i].revents != 0;
	}
	if (ready == 0 && a->host.now < t->deadline)
		return -EAGAIN;
	return ready;
}

static int do_poll(void *userdata, struct pollfd *fds, nfds_t count, int timeout)
{
	struct adapter *a = userdata;
	struct polled p = { fds, count };

	drill_adapter_lock(a);
	struct attempt t = { try_poll, NULL, &p, true,
			     timeout < 0 ? PB_NEVER : a->host.now + PB_MSEC(timeout) };
	ssize_t rc = drill_adapter_try(a, &t);
	return (int)drill_adapter_leave(a, rc == -EAGAIN ? 0 : rc);
}

/* epoll ------------------------------------------------------------------------------------------------------------ */

static struct epoll_set *find_epoll(struct adapter *a, int fd)
{
	return fd >= 0 && fd < ADAPTER_FDS_MAX ? a->fd[fd].epoll : NULL;
}

static int do_epoll_create(void *userdata, int size)
{
	struct adapter *a = userdata;

	drill_adapter_lock(a);
	if (size <= 0)
		return (int)drill_adapter_leave(a, -EINVAL);
	struct epoll_set *e = drill_epoll_new();
	return (int)drill_adapter_leave(a, e ? drill_adapter_add(a, NULL, e) : -ENOMEM);
}

static int do_epoll_ctl(void *userdata, int epoll, int op, int fd, struct epoll_event *event)
{
	ENTER(userdata, fd);
	struct epoll_set *e = find_epoll(a, epoll);
	if (!e)
		return (int)drill_adapter_leave(a, drill_adapter_of(epoll) ? -EINVAL : -EBADF);
	if (!event && op != EPOLL_CTL_DEL)
		return (int)drill_adapter_leave(a, -EFAULT);
	return (int)drill_adapter_leave(a, drill_epoll_control(e, op, f->socket, event));
}

struct epoll_wait {
	struct epoll_set *set;
	struct epoll_event *events;
	int most;
};

static ssize_t try_epoll(struct adapter *a, struct attempt *t)
{
	struct epoll_wait *w = t->context;
	int n = drill_epoll_take(w->set, w->events, w->most);

	return n == 0 && a->host.now < t->deadline ? -EAGAIN : n;
}

static int do_epoll_wait(void *userdata, int epoll, struct epoll_event *events, int most, int timeout)
{
	struct adapter *a = userdata;

	drill_adapter_lock(a);
	struct epoll_wait w = { find_epoll(a, epoll), events, most };
	if (!w.set || most <= 0)
		return (int)drill_adapter_leave(a, drill_adapter_of(epoll) ? -EINVAL : -EBADF);
	pb_time deadline = timeout < 0 ? PB_NEVER : a->host.now + PB_MSEC(timeout);
	struct attempt t = { try_epoll, NULL, &w, true, deadline };
	ssize_t rc = drill_adapter_try(a, &t);
	return (int)drill_adapter_leave(a, rc == -EAGAIN ? 0 : rc);
}

void drill_ready_functions(struct packetdrill_interface *ifc)
{
	ifc->poll = do_poll;
	ifc->epoll_create = do_epoll_create;
	ifc->epoll_ctl = do_epoll_ctl;
	ifc->epoll_wait = do_epoll_wait;
}
