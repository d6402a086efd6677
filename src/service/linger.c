#include "service/linger.h"

#include "service/service.h"

#include <errno.h>
#include <stdlib.h>

#define LINGER_TIME  PB_SEC(2)
#define LINGER_BYTES (256 * 1024)
#define LINGER_MAX   256

/* One socket. */
struct lingerer {
	struct lingering *all;
	struct pb_watch watch;
	struct pb_timer timer;
	struct pb_link link;
	size_t bytes_left;
};

static void end(struct lingerer *l)
{
	pb_timer_stop(l->all->loop, &l->timer);
	list_remove(&l->link);
	l->all->count--;
	pb_watch_close(&l->watch);
	free(l);
}

static void on_time_over(struct pb_timer *t)
{
	end(container_of(t, struct lingerer, timer));
}

static void on_input(struct pb_watch *w, int ready)
{
	struct lingerer *l = container_of(w, struct lingerer, watch);
	ssize_t n = pb_recv(w->socket, l->all->scratch, SCRATCH_SIZE, 0);

	(void)ready;
	if (n == -EAGAIN)
		return;
	if (n <= 0 || (size_t)n >= l->bytes_left)
		end(l);
	else
		l->bytes_left -= (size_t)n;
}

void linger(struct lingering *all, struct pb_socket *socket)
{
	struct lingerer *l = pb_shutdown(socket, SHUT_WR) == 0 ? calloc(1, sizeof *l) : NULL;

	if (!l || pb_watch_socket(all->loop, &l->watch, socket, POLLIN, on_input) < 0) {
		free(l);
		pb_close(socket);
		return;
	}
	if (all->count == LINGER_MAX)
		end(container_of(all->sockets.next, struct lingerer, link));
	l->all = all;
	l->bytes_left = LINGER_BYTES;
	l->timer.fn = on_time_over;
	pb_timer_set(all->loop, &l->timer, pb_loop_now(all->loop) + LINGER_TIME);
	list_push(&all->sockets, &l->link);
	all->count++;
}

void linger_end_all(struct lingering *all)
{
	list_each_safe (l, &all->sockets)
		end(container_of(l, struct lingerer, link));
}
