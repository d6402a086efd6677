#include "service/control.h"

#include "client/net_label.h"
#include "service/server_state.h"

#include <errno.h>
#include <jansson.h>
#include <packetboat/stack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define READERS_MAX 8
#define READER_TIME PB_SEC(5)

#define LOOPBACK 1 /* the index of a stack's own interface */

/* So many are told of: 2.5 MB of text, during whose making nobody is served (0.17 s on a busy machine). */
#define CONNS_TOLD_MAX   16384
#define SOCKETS_TOLD_MAX 16384 /* of a stack */

struct control {
	struct server *server;
	struct pb_loop *loop;
	struct pb_watch watch;
	struct pb_link readers;
	unsigned reader_count;
};

/* Somebody who is being told. */
struct reader {
	struct control *control;
	struct pb_watch watch;
	struct pb_timer timer;
	struct pb_link link;
	char *text;
	size_t len, sent;
};

static void end_reader(struct reader *r)
{
	int fd = r->watch.fd;

	pb_watch_stop(&r->watch);
	pb_timer_stop(r->control->loop, &r->timer);
	list_remove(&r->link);
	r->control->reader_count--;
	close(fd);
	free(r->text);
	free(r);
}

static void on_reader_late(struct pb_timer *t)
{
	end_reader(container_of(t, struct reader, timer));
}

static void on_reader(struct pb_watch *w, int ready)
{
	struct reader *r = container_of(w, struct reader, watch);
	ssize_t n = send(w->fd, r->text + r->sent, r->len - r->sent, MSG_NOSIGNAL);

	(void)ready;
	if (n > 0)
		r->sent += (size_t)n;
	if ((n < 0 && errno != EAGAIN && errno != EINTR) || r->sent == r->len)
		end_reader(r);
}

static json_t *describe_listener(const struct listener *l)
{
	char local[PB_ADDR_TEXT];

	return json_pack("{s:s, s:s, s:s}", "service", l->service->kind->name, "proto",
			 l->type == SOCK_STREAM ? "tcp" : "udp", "local", pb_addr_text(&l->local, local));
}

static json_t *describe_conn(const struct conn *c)
{
	char local[PB_ADDR_TEXT], peer[PB_ADDR_TEXT];
	union pb_addr addr = { 0 };
	socklen_t len = sizeof addr;

	pb_getsockname(c->watch.socket, &addr.sa, &len);
	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:f}", "number", (json_int_t)c->number,
			 "service", c->service->kind->name, "proto", "tcp", "local",
			 pb_addr_text(&addr, local), "peer", pb_addr_text(&c->peer, peer), "bytes_in",
			 (json_int_t)c->bytes_in, "bytes_out", (json_int_t)c->bytes_out, "seconds",
			 (double)(pb_loop_now(conn_loop(c)) - c->since) / 1e9);
}

/* What is told of a stack. */
struct stack_table {
	json_t *addresses, *sockets;
	size_t count; /* of sockets, told or not */
};

static void describe_socket(const struct pb_stack_entry *e, void *context)
{
	struct stack_table *t = context;
	char local[PB_ADDR_TEXT], peer[PB_ADDR_TEXT];

	if ((e->protocol != IPPROTO_TCP && e->protocol != IPPROTO_UDP) || t->count++ >= SOCKETS_TOLD_MAX)
		return;
	json_array_append_new(
		t->sockets, json_pack("{s:s, s:i, s:s, s:s, s:I, s:I}", "proto",
				      e->protocol == IPPROTO_TCP ? "tcp" : "udp", "state", e->state, "local",
				      pb_addr_text((const union pb_addr *)e->local, local), "peer",
				      pb_addr_text((const union pb_addr *)e->remote, peer), "recv_queue",
				      (json_int_t)e->receive_queue, "send_queue", (json_int_t)e->send_queue));
}

static void describe_address(const struct pb_stack_address *a, void *context)
{
	struct stack_table *t = context;
	char text[PB_ADDR_TEXT];

	if (a->interface != LOOPBACK)
		json_array_append_new(
			t->addresses,
			json_sprintf("%s/%u", pb_addr_host((const union pb_addr *)a->addr, text), a->bits));
}

/* The kernel does not know what a stack of our own has: it is told here. */
static void describe_stack(json_t *all, struct pb_stack *stack)
{
	struct stack_table t = { .addresses = json_array(), .sockets = json_array() };
	char label[NET_LABEL_TEXT];

	pb_stack_each_address(stack, describe_address, &t);
	pb_stack_each(stack, describe_socket, &t);
	json_object_set_new(all, "device", json_string(net_label(pb_stack_net(stack), label)));
	json_object_set_new(all, "addresses", t.addresses);
	json_object_set_new(all, "sockets", t.sockets);
	json_object_set_new(all, "socket_count", json_integer((json_int_t)t.count));
}

static char *describe(const struct server *s)
{
	json_t *services = json_array(), *connections = json_array();
	size_t count = 0;

	for (size_t i = 0; i < s->listener_count; i++)
		json_array_append_new(services, describe_listener(&s->listeners[i]));
	list_each (l, &s->conns)
		if (count++ < CONNS_TOLD_MAX)
			json_array_append_new(connections, describe_conn(container_of(l, struct conn, link)));
	json_t *all = json_pack("{s:i, s:s, s:o, s:o, s:I}", "pid", (int)getpid(), "net", pb_net_name(s->net),
				"services", services, "connections", connections, "connection_count",
				(json_int_t)count);
	if (pb_stack_of(s->net))
		describe_stack(all, pb_stack_of(s->net));
	char *text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	return text;
}

/* Who talks to whom is told to our own user and to root. */
static bool may_know(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void begin_reader(struct control *c, int fd)
{
	struct reader *r = calloc(1, sizeof *r);

	if (r)
		r->text = describe(c->server);
	if (!r || !r->text || pb_watch_fd(c->loop, &r->watch, fd, POLLOUT, on_reader) < 0) {
		if (r)
			free(r->text);
		free(r);
		close(fd);
		return;
	}
	r->control = c;
	r->len = strlen(r->text);
	r->timer.fn = on_reader_late;
	pb_timer_set(c->loop, &r->timer, pb_loop_now(c->loop) + READER_TIME);
	list_push(&c->readers, &r->link);
	c->reader_count++;
}

static void on_asked(struct pb_watch *w, int ready)
{
	struct control *c = container_of(w, struct control, watch);
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)ready;
	if (fd < 0)
		return;
	if (c->reader_count < READERS_MAX && may_know(fd))
		begin_reader(c, fd);
	else
		close(fd);
}

static int listen_abstract(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int n = snprintf(addr.sun_path + 1, sizeof addr.sun_path - 1, "packetboat/serve/%d", (int)getpid());
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&addr,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0 &&
	    listen(fd, READERS_MAX) == 0)
		return fd;
	int err = errno;
	close(fd);
	errno = err;
	return -1;
}

struct control *control_new(struct server *server, struct pb_loop *loop)
{
	struct control *c = calloc(1, sizeof *c);
	int fd = c ? listen_abstract() : -1;

	if (fd < 0) {
		free(c);
		return NULL;
	}
	c->server = server;
	c->loop = loop;
	list_init(&c->readers);
	int rc = pb_watch_fd(loop, &c->watch, fd, POLLIN, on_asked);
	if (rc == 0)
		return c;
	close(fd);
	free(c);
	errno = -rc;
	return NULL;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	list_each_safe (l, &c->readers)
		end_reader(container_of(l, struct reader, link));
	pb_watch_stop(&c->watch);
	close(c->watch.fd);
	free(c);
}
