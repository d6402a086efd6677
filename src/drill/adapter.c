#include "drill/adapter.h"

#include "socket/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define RETURN_MOMENT  PB_MSEC(2) /* of real time */
#define RETURN_MOMENTS 20

#define STALLED PB_MSEC(300) /* of real time in which nobody has moved the clock: all wait for it */

/* The one of this process: packetdrill plays one script. */
static struct adapter *adapter;

int drill_adapter_open(struct adapter **a, const struct host_options *o)
{
	*a = calloc(1, sizeof **a);
	if (!*a)
		return -ENOMEM;
	pthread_mutex_init(&(*a)->lock, NULL);
	pthread_cond_init(&(*a)->moved, NULL);
	pthread_cond_init(&(*a)->checked, NULL);
	adapter = *a;
	return drill_host_open(&(*a)->host, o);
}

void drill_adapter_close(struct adapter *a)
{
	for (int i = 0; i < ADAPTER_FDS_MAX; i++)
		drill_adapter_remove(a, i);
	drill_host_close(&a->host);
	adapter = NULL;
	free(a);
}

struct adapter *drill_adapter_of(int fd)
{
	if (!adapter || fd < 0 || fd >= ADAPTER_FDS_MAX)
		return NULL;
	return adapter->fd[fd].socket || adapter->fd[fd].epoll ? adapter : NULL;
}

ssize_t drill_adapter_add(struct adapter *a, struct pb_socket *s, struct epoll_set *epoll)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd >= 0 && fd < ADAPTER_FDS_MAX) {
		a->fd[fd] = (struct adapter_fd){ .socket = s, .epoll = epoll };
		return fd;
	}
	ssize_t rc = fd < 0 ? -errno : -EMFILE;
	if (fd >= 0)
		close(fd);
	pb_close(s);
	drill_epoll_free(epoll);
	return rc;
}

int drill_adapter_remove(struct adapter *a, int fd)
{
	struct adapter_fd gone = a->fd[fd];

	a->fd[fd] = (struct adapter_fd){ 0 };
	drill_epoll_free(gone.epoll);
	if (!gone.socket)
		return 0;
	for (int i = 0; i < ADAPTER_FDS_MAX; i++)
		if (a->fd[i].epoll)
			drill_epoll_forget(a->fd[i].epoll, gone.socket);
	return pb_close(gone.socket);
}

/* All who watch a socket hear of its news. */
static void tell_news(struct adapter *a)
{
	struct pb_net *net = pb_stack_net(a->host.stack);
	struct pb_socket *s;

	while ((s = net->ops->news(net))) {
		for (int i = 0; i < ADAPTER_FDS_MAX; i++)
			if (a->fd[i].epoll)
				drill_epoll_tell(a->fd[i].epoll, s, s->ready);
		s->ready = 0;
	}
}

static void settle(struct adapter *a)
{
	drill_host_settle(&a->host);
	tell_news(a);
}

void drill_adapter_lock(struct adapter *a)
{
	pthread_mutex_lock(&a->lock);
}

/* Everybody who waits looks whether he can go on. */
static void ask_waiting(struct adapter *a)
{
	a->turn++;
	a->unchecked = a->waiting;
	pthread_cond_broadcast(&a->moved);
	while (a->unchecked > 0)
		pthread_cond_wait(&a->checked, &a->lock);
}

ssize_t drill_adapter_leave(struct adapter *a, ssize_t rc)
{
	settle(a);
	ask_waiting(a);
	pthread_mutex_unlock(&a->lock);
	if (rc >= 0)
		return rc;
	errno = (int)-rc;
	return -1;
}

bool drill_adapter_step(struct adapter *a, pb_time limit)
{
	pb_time next = a->host.next;

	if (next > limit || next == PB_NEVER)
		return false;
	drill_host_move(&a->host, next > a->host.now ? next : a->host.now);
	tell_news(a);
	ask_waiting(a);
	return true;
}

void drill_adapter_pass_time(struct adapter *a, pb_time when)
{
	while (drill_adapter_step(a, when))
		;
	if (when > a->host.now) {
		drill_host_move(&a->host, when);
		tell_news(a);
		ask_waiting(a);
	}
}

/* Sleep until the stack has done something. False: nothing moves the clock any more, as all wait. */
static bool sleep_until_moved(struct adapter *a)
{
	struct timespec until;
	unsigned turn = a->turn;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += STALLED;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (a->turn == turn && rc == 0)
		rc = pthread_cond_timedwait(&a->moved, &a->lock, &until);
	return a->turn != turn;
}

/* The lock is held. While this thread sleeps it is counted, and whoever moves the clock waits for it to look. */
static ssize_t wait_for(struct adapter *a, struct attempt *t)
{
	ssize_t rc = -EAGAIN;

	settle(a);
	while (rc == -EAGAIN && a->host.now < t->deadline) {
		a->waiting++;
		bool moved = sleep_until_moved(a);
		a->waiting--;
		if (!moved && !drill_adapter_step(a, t->deadline) && t->deadline != PB_NEVER)
			drill_adapter_pass_time(a, t->deadline); /* nothing comes before */
		rc = t->try(a, t);
		settle(a);
		if (moved && --a->unchecked == 0)
			pthread_cond_signal(&a->checked);
	}
	a->returned_to = pthread_self();
	a->returned_at = a->host.now;
	a->returning = true;
	return rc;
}

/* It looks at the clock first, and takes notes then. */
void drill_adapter_let_return(struct adapter *a)
{
	const struct timespec moment = { .tv_nsec = RETURN_MOMENT };

	for (int i = 0; a->returning && i < RETURN_MOMENTS; i++) {
		a->returning = a->returned_to != 0;
		pthread_mutex_unlock(&a->lock);
		nanosleep(&moment, NULL);
		pthread_mutex_lock(&a->lock);
	}
	a->returning = false;
}

ssize_t drill_adapter_try(struct adapter *a, struct attempt *t)
{
	ssize_t rc = t->try(a, t);

	return rc == -EAGAIN && t->blocks ? wait_for(a, t) : rc;
}
