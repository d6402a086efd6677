/*
 * What the original packetdrill drives: a host of ours in virtual time, and sockets by number whose calls may block.
 *
 * One thread plays the script, another makes the call that is marked as blocking. Each call here holds the lock. One
 * that has to wait sleeps until the stack has done something, and is asked each time, before the clock moves on: so it
 * comes back at the right instant. To its thread the clock then shows that instant once, whatever it is by then, since
 * that is when packetdrill takes the time of its return.
 */
#ifndef DRILL_ADAPTER_H
#define DRILL_ADAPTER_H

#include "drill/epoll.h"
#include "drill/host.h"
#include "drill/setting.h"

#include <pthread.h>

#define ADAPTER_FDS_MAX 1024

struct adapter_fd {
	struct pb_socket *socket; /* NULL: this number is no socket's */
	struct epoll_set *epoll;  /* it is that of these */
	bool nonblocking;
};

struct adapter {
	pthread_mutex_t lock;
	pthread_cond_t moved;   /* the stack has done something */
	pthread_cond_t checked; /* all who wait have looked */
	unsigned turn;          /* grows with each thing that it does */
	unsigned waiting, unchecked;
	pthread_t returned_to; /* the thread whose call has waited, and when it came back; 0: none */
	pb_time returned_at;
	bool returning; /* it has yet to say what came of it */
	struct host host;
	struct settings settings;
	struct adapter_fd fd[ADAPTER_FDS_MAX];
};

/* A call: try() answers >= 0 or -errno; -EAGAIN while it would block. */
struct attempt {
	ssize_t (*try)(struct adapter *a, struct attempt *t);
	struct pb_socket *socket;
	void *context;
	bool blocks;
	pb_time deadline; /* PB_NEVER: none */
};

void drill_adapter_lock(struct adapter *a);
/* Let the stack do what the call has left it, and those who wait look; unlock. rc as the system call: errno is set. */
ssize_t drill_adapter_leave(struct adapter *a, ssize_t rc);

/* Make a call, and wait for it where it blocks. The lock is held, but while it waits. */
ssize_t drill_adapter_try(struct adapter *a, struct attempt *t);

/* The numbers of sockets are the kernel's, too, so that none is given twice: 0 or more, or -errno. One of the two. */
ssize_t drill_adapter_add(struct adapter *a, struct pb_socket *s, struct epoll_set *epoll);
/* What has the number is closed: 0, -errno. The number itself is the caller's to close. */
int drill_adapter_remove(struct adapter *a, int fd);
/* The adapter whose socket this is, or epoll; NULL: it is none. */
struct adapter *drill_adapter_of(int fd);
int drill_adapter_open(struct adapter **a, const struct host_options *o);
void drill_adapter_close(struct adapter *a);

/* As sendfile(2), to a socket of ours: packetdrill_transfer.c. */
ssize_t drill_sendfile(struct adapter *a, int out, int in, off_t *offset, size_t len);

/* Move the clock to when, from one thing that the stack has to do to the next. */
void drill_adapter_pass_time(struct adapter *a, pb_time when);
/* Time has passed: a thread whose call came back in it goes on first, for a moment of real time. The lock is held. */
void drill_adapter_let_return(struct adapter *a);
/* To the next of them. False: there is none before limit. */
bool drill_adapter_step(struct adapter *a, pb_time limit);

#endif
