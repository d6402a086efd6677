/* One TCP connection of a service: bytes are counted, silence is timed, the end is logged. */
#include "service/server_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static ssize_t sent(struct conn *c, ssize_t n)
{
	if (n <= 0)
		return n;
	c->bytes_out += (uint64_t)n;
	conn_set_idle(c, c->idle);
	return n;
}

ssize_t conn_recv(struct conn *c, void *buf, size_t len)
{
	ssize_t n = pb_recv(c->watch.socket, buf, len, 0);

	if (n <= 0)
		return n;
	c->bytes_in += (uint64_t)n;
	conn_set_idle(c, c->idle);
	return n;
}

ssize_t conn_send(struct conn *c, const void *buf, size_t len)
{
	return sent(c, pb_send(c->watch.socket, buf, len, 0));
}

ssize_t conn_sendmsg(struct conn *c, const struct msghdr *msg, int flags)
{
	return sent(c, pb_sendmsg(c->watch.socket, msg, flags));
}

ssize_t conn_sendfile(struct conn *c, int fd, off_t *offset, size_t len)
{
	return sent(c, pb_sendfile(c->watch.socket, fd, offset, len));
}

void conn_set_idle(struct conn *c, pb_time idle)
{
	struct pb_loop *loop = c->service->server->loop;

	c->idle = idle;
	if (idle == PB_NEVER)
		pb_timer_stop(loop, &c->timer);
	else
		pb_timer_set(loop, &c->timer, pb_loop_now(loop) + idle);
}

static void on_idle(struct pb_timer *t)
{
	struct conn *c = container_of(t, struct conn, timer);

	if (c->service->kind->idle)
		c->service->kind->idle(c);
	else
		conn_close(c, "idle");
}

static void on_ready(struct pb_watch *w, int ready)
{
	struct conn *c = container_of(w, struct conn, watch);

	c->service->kind->ready(c, ready);
}

/* The connection is over, its socket and its record are not yet: a kind may still look at them in closed(). */
static void leave(struct conn *c, const char *why)
{
	struct service *s = c->service;
	struct server *server = s->server;

	if (s->kind->closed)
		s->kind->closed(c);
	if (log_wants(server->log))
		log_close(server->log, c, why, pb_loop_now(server->loop) - c->since);
	pb_timer_stop(server->loop, &c->timer);
	list_remove(&c->link);
	census_leave(server->census, s->index, &c->peer);
	s->conns--;
}

static void end(struct conn *c, const char *why)
{
	leave(c, why);
	pb_watch_close(&c->watch);
	free(c);
}

void conn_close(struct conn *c, const char *why)
{
	end(c, why);
}

void conn_linger(struct conn *c, const char *why)
{
	struct pb_socket *socket = c->watch.socket;
	struct lingering *lingering = &c->service->server->lingering;

	leave(c, why);
	pb_watch_stop(&c->watch);
	free(c);
	linger(lingering, socket);
}

void conn_reset(struct conn *c, const char *why)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	pb_setsockopt(c->watch.socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	end(c, why);
}

void conn_fail(struct conn *c, int err)
{
	char text[128];

	end(c, strerror_r(-err, text, sizeof text));
}

struct conn *conn_new(struct service *s, struct pb_socket *socket, const union pb_addr *peer, uint64_t number)
{
	struct server *server = s->server;
	struct conn *c = calloc(1, s->kind->conn_size);

	if (!c)
		return NULL;
	c->service = s;
	c->number = number;
	c->peer = *peer;
	c->since = pb_loop_now(server->loop);
	c->timer.fn = on_idle;
	if (pb_watch_socket(server->loop, &c->watch, socket, POLLIN, on_ready) < 0) {
		free(c);
		return NULL;
	}
	list_push(&server->conns, &c->link);
	s->conns++;
	conn_set_idle(c, s->idle);
	if (log_wants(server->log))
		log_open(server->log, c);
	return c;
}
