#include "kernel/served.h"

#include <stdlib.h>
#include <string.h>

struct served_conn {
	uint32_t ports; /* peer's and local: what the list is sorted by */
	const struct running_server *server;
	const struct running_conn *conn;
};

static uint32_t ports_of(const union pb_addr *peer, const union pb_addr *local)
{
	return (uint32_t)pb_addr_port(peer) << 16 | pb_addr_port(local);
}

static int by_ports(const void *a, const void *b)
{
	const struct served_conn *x = a, *y = b;

	return (x->ports > y->ports) - (x->ports < y->ports);
}

/* The kernel knows only what runs on its own network. */
static bool on_host(const struct running_server *r)
{
	return strcmp(r->net, "host") == 0;
}

void served_read(struct served *s)
{
	size_t total = 0;

	*s = (struct served){ 0 };
	if (servers_read(&s->servers) < 0)
		return;
	for (size_t i = 0; i < s->servers.count; i++)
		total += s->servers.servers[i].conn_count;
	s->conns = calloc(total + 1, sizeof *s->conns);
	if (!s->conns)
		return;
	for (size_t i = 0; i < s->servers.count; i++) {
		const struct running_server *r = &s->servers.servers[i];
		for (size_t k = 0; k < r->conn_count; k++) {
			const struct running_conn *c = &r->conns[k];
			s->conns[s->count++] = (struct served_conn){ ports_of(&c->peer, &c->local), r, c };
		}
	}
	qsort(s->conns, s->count, sizeof *s->conns, by_ports);
}

void served_free(struct served *s)
{
	free(s->conns);
	servers_free(&s->servers);
	*s = (struct served){ 0 };
}

/* Whether r is asked about a socket: of its own stack, or, stack being NULL, of the kernel's and of its user. */
static bool believed(const struct running_server *r, const struct running_server *stack,
		     const struct diag_socket *socket)
{
	return stack ? r == stack : on_host(r) && (r->uid == 0 || r->uid == socket->uid);
}

const struct running_conn *served_conn(const struct served *s, const struct diag_socket *socket,
				       const struct running_server *stack)
{
	uint32_t ports = ports_of(&socket->foreign, &socket->local);
	size_t low = 0, high = s->count;

	while (low < high) { /* the first that is not below */
		size_t middle = low + (high - low) / 2;
		if (s->conns[middle].ports < ports)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < s->count && s->conns[low].ports == ports; low++) {
		const struct running_conn *c = s->conns[low].conn;
		if (c->type == socket->type && pb_addr_equal(&c->peer, &socket->foreign) &&
		    pb_addr_equal(&c->local, &socket->local) && believed(s->conns[low].server, stack, socket))
			return c;
	}
	return NULL;
}

const char *served_listener(const struct served *s, const struct diag_socket *socket,
			    const struct running_server *stack)
{
	if (!diag_socket_listens(socket))
		return NULL;
	for (size_t i = 0; i < s->servers.count; i++) {
		const struct running_server *r = &s->servers.servers[i];
		for (size_t k = 0; believed(r, stack, socket) && k < r->service_count; k++)
			if (r->services[k].type == socket->type &&
			    pb_addr_equal(&r->services[k].local, &socket->local))
				return r->services[k].service;
	}
	return NULL;
}
