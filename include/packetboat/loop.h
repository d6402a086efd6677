/*
 * The loop: readiness and timers over sockets of one or several nets, in one thread.
 *
 * A watch says which events of a socket its owner cares about and which function to call. It is memory of the
 * owner's, usually inside its connection record. Watches are level-triggered: as long as a wanted event is
 * there, fn is called once a turn. Changing what is wanted costs no system call. fn may be called once when
 * nothing is there (the call then answers -EAGAIN), so try and see, and may stop any watch, its own included,
 * and free the memory around it.
 *
 * An error or hang-up (POLLERR, POLLHUP) is told once even when nothing is wanted; of a plain descriptor,
 * only while something is.
 */
#ifndef PACKETBOAT_LOOP_H
#define PACKETBOAT_LOOP_H

#include <packetboat/socket.h>
#include <packetboat/time.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pb_loop;
struct pb_watch;

/* ready: POLLIN, POLLPRI, POLLOUT, POLLHUP, POLLERR, or-ed: what the owner wanted and is there, and errors. */
typedef void pb_watch_fn(struct pb_watch *w, int ready);

/*
 * Zero it before its first start. Only read it; socket and fd tell what is watched (-1 or NULL: not that
 * kind).
 */
struct pb_watch {
	pb_watch_fn *fn;
	struct pb_socket *socket;
	int fd;
	int wants;            /* POLLIN, POLLPRI (of a socket), POLLOUT or-ed */
	int ready;            /* file descriptors only: what the kernel last said */
	bool registered;      /* the kernel has been told of it */
	bool always;          /* a regular file: ready whenever asked */
	struct pb_loop *loop; /* NULL: not started */
	struct pb_link link;  /* on the loop's ready list */
};

/* A loop on the real clock (CLOCK_MONOTONIC). 0 and *loop, or -errno. */
PB_API int pb_loop_new(struct pb_loop **loop);

/*
 * A loop in virtual time, which begins at start and moves only when there is nothing left to do: then at once to
 * the next instant at which there is. Everything on it happens in the same order each time, as fast as the
 * processor can.
 */
PB_API int pb_loop_new_virtual(pb_time start, struct pb_loop **loop);

/* Every watch and timer must have been stopped or have fired. Its nets are taken out. NULL is allowed. */
PB_API void pb_loop_free(struct pb_loop *loop);

/* The time of this turn: read once a turn, so the same for all that is done in it. */
PB_API pb_time pb_loop_now(const struct pb_loop *loop);

/*
 * Let the loop drive a net, as far as it needs to be driven: a stack, once its devices are attached. 0, -EBUSY (another
 * loop does), -ENOMEM, -ENOSPC. Take it out before it is closed.
 */
PB_API int pb_loop_add_net(struct pb_loop *loop, struct pb_net *net);
PB_API void pb_loop_remove_net(struct pb_loop *loop, struct pb_net *net);

/*
 * Wait until something is ready or due, at the latest until the loop's clock shows until (PB_NEVER: as long
 * as it takes; 0: not at all), and call what is to be called. Returns how many functions were called, or
 * -errno; -EDEADLK: in virtual time, where nothing will ever happen and until is PB_NEVER.
 */
PB_API int pb_loop_turn(struct pb_loop *loop, pb_time until);

/* Turn until pb_loop_stop() is called from inside. 0 or -errno. */
PB_API int pb_loop_run(struct pb_loop *loop);
PB_API void pb_loop_stop(struct pb_loop *loop);

/*
 * Start watching a socket, or any file descriptor that poll(2) takes. One watch for each. 0, -ENOMEM,
 * -ENOSPC.
 */
PB_API int pb_watch_socket(struct pb_loop *loop, struct pb_watch *w, struct pb_socket *s, int wants,
			   pb_watch_fn *fn);
PB_API int pb_watch_fd(struct pb_loop *loop, struct pb_watch *w, int fd, int wants, pb_watch_fn *fn);

/* Change what is wanted; 0 is allowed and means: errors only. */
PB_API void pb_watch_want(struct pb_watch *w, int wants);

/* Stop watching; fn is not called again. Stopping a stopped watch does nothing. */
PB_API void pb_watch_stop(struct pb_watch *w);

/*
 * Stop watching a socket and close it, w->socket being NULL afterwards; as pb_watch_stop() and pb_close(),
 * for less.
 */
PB_API int pb_watch_close(struct pb_watch *w);

/* Fire t->fn at due (at once, in the next turn, if that has passed). Sets it anew if it was armed. */
PB_API void pb_timer_set(struct pb_loop *loop, struct pb_timer *t, pb_time due);

/* Disarm. A timer that is not armed stays so. */
PB_API void pb_timer_stop(struct pb_loop *loop, struct pb_timer *t);

#ifdef __cplusplus
}
#endif
#endif
