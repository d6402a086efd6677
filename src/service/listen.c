/*
 * Opening a server's sockets: one for each service, protocol and address. A wildcard is two sockets, one for each
 * family, so that IPv4 callers are seen under their own address; where the host has no IPv6 there is one.
 */
#include "kernel/owner.h"
#include "service/server_state.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <packetboat/stack.h>
#include <stdio.h>
#include <string.h>

#define PORT_TRIES 32 /* for a free port that is free in each protocol and family */
#define SILENCE    1  /* seconds after which a deferred caller is accepted even if he has said nothing */

/*
 * So many bytes that have not been sent yet wait in the kernel for one caller; the kernel's own limit is megabytes
 * (tcp_wmem). Measured with 64 callers reading 10 MiB each over loopback, and sendfile() called for 64 KiB at a time:
 * 1.8 times the throughput.
 */
#define UNSENT_MAX (128 * 1024)

/* A service of ours that listens where addr would; NULL: none. */
static const struct service *holder_of(const struct server *s, const union pb_addr *addr, int type)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		const struct listener *l = &s->listeners[i];
		if (l->type == type && l->local.sa.sa_family == addr->sa.sa_family &&
		    pb_addr_port(&l->local) == pb_addr_port(addr) &&
		    (pb_addr_is_any(&l->local) || pb_addr_is_any(addr) || pb_addr_equal(&l->local, addr)))
			return l->service;
	}
	return NULL;
}

/* Who has the port. Of a stack of our own only its process, which is this one, has ports. */
static void explain_in_use(const struct server *s, const union pb_addr *addr, int type, char *reason,
			   size_t size)
{
	const struct service *holder = holder_of(s, addr, type);
	struct owner owner;

	if (holder)
		snprintf(reason, size, "already in use by '%.80s'; choose another port or address",
			 holder->spec->text);
	else if (!pb_stack_of(s->net) && owner_of_port(type, addr, &owner))
		snprintf(reason, size,
			 "already in use by %s (pid %d); stop it or choose another port or address",
			 owner.name, (int)owner.pid);
	else
		snprintf(reason, size, "already in use; choose another port or address");
}

/* Say why an address cannot be had, and by whom it is held where that can be found. */
static bool fail_listen(const struct server *s, const struct service *service, struct server_error *error,
			const union pb_addr *addr, int type, int err)
{
	char text[PB_ADDR_TEXT], reason[256];

	snprintf(reason, sizeof reason, "%s", sign_key_error(&service->sign_key, err));
	if (err == EADDRINUSE)
		explain_in_use(s, addr, type, reason, sizeof reason);
	else if (err == EADDRNOTAVAIL)
		snprintf(reason, sizeof reason, "this host does not have that address; %s",
			 pb_stack_of(s->net) ? "addr= of --net gives it those it has"
					     : "'ip address' lists those it has");
	else if (err == EACCES && pb_addr_port(addr) < 1024)
		snprintf(reason, sizeof reason,
			 "ports below 1024 need root or CAP_NET_BIND_SERVICE; choose a higher port");
	snprintf(error->text, sizeof error->text, "cannot listen on %s/%s: %s", pb_addr_text(addr, text),
		 type == SOCK_STREAM ? "tcp" : "udp", reason);
	error->err = err;
	return false;
}

static int set_int(struct pb_socket *s, int level, int name, int value)
{
	return pb_setsockopt(s, level, name, &value, sizeof value);
}

/*
 * What makes a service faster, and is done without where the net does not know it.
 *
 * A deferred caller and what he says are heard in one wakeup instead of two. On the other hand one who says
 * nothing is not seen at first: he is neither numbered, logged nor counted, and gone when we stop; so it is for
 * the operator to ask for. Measured with 64 callers of 1 KiB, one request per connection: 0.05 wakeups a request
 * instead of 0.71, and 0.70 of the processor time.
 */
static void tune(struct pb_socket *s, const struct service *service)
{
	set_int(s, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_MAX);
	if (service->deferred)
		set_int(s, IPPROTO_TCP, TCP_DEFER_ACCEPT, SILENCE);
}

/* Options that must be there before bind, or that accepted connections inherit. */
static int prepare(struct pb_socket *s, int family, int type)
{
	int rc = 0;

	if (family == AF_INET6)
		rc = set_int(s, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (rc == 0 && type == SOCK_STREAM) {
		rc = set_int(s, SOL_SOCKET, SO_REUSEADDR, 1);
		if (rc == 0)
			rc = set_int(s, IPPROTO_TCP, TCP_NODELAY, 1);
	} else if (rc == 0) {
		/* To answer from the address that was asked, also on a wildcard socket. */
		rc = family == AF_INET6 ? set_int(s, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
					: set_int(s, IPPROTO_IP, IP_PKTINFO, 1);
	}
	return rc;
}

/* Whoever calls. */
static int expect_signed(struct pb_socket *s, const struct service *service, int family)
{
	const union pb_addr any = pb_addr_any(family);

	return sign_key_use(&service->sign_key, s, &any);
}

/* Open one socket at addr, and learn the port if it was 0. 0 or -errno. */
static int open_one(struct server *s, struct service *service, int type, union pb_addr *addr)
{
	struct listener *l = &s->listeners[s->listener_count];
	socklen_t len = sizeof *addr;
	int rc = pb_socket_open(s->net, addr->sa.sa_family, type, 0, &l->socket);

	if (rc < 0)
		return rc;
	rc = prepare(l->socket, addr->sa.sa_family, type);
	if (type == SOCK_STREAM)
		tune(l->socket, service);
	if (rc == 0 && type == SOCK_STREAM && service->sign_key.count)
		rc = expect_signed(l->socket, service, addr->sa.sa_family);
	if (rc == 0)
		rc = pb_bind(l->socket, &addr->sa, pb_addr_len(addr));
	if (rc == 0 && type == SOCK_STREAM)
		rc = pb_listen(l->socket, BACKLOG);
	if (rc == 0)
		rc = pb_getsockname(l->socket, &addr->sa, &len);
	if (rc < 0) {
		pb_close(l->socket);
		l->socket = NULL;
		return rc;
	}
	l->service = service;
	l->type = type;
	l->local = *addr;
	s->listener_count++;
	return 0;
}

/* The protocols that a service serves: its kind's, narrowed by only=. */
static bool serves(const struct service *service, int type)
{
	const char *only = spec_get(service->spec, "only");

	if (only)
		return strcmp(only, type == SOCK_STREAM ? "tcp" : "udp") == 0;
	return type == SOCK_STREAM ? service->kind->stream : service->kind->datagram;
}

/* Open all sockets of a service at this port; 0 is replaced by the one that the first socket got. 0 or -errno. */
static int open_all(struct server *s, struct service *service, uint16_t port, union pb_addr *failed,
		    int *type)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };
	const struct spec *spec = service->spec;
	union pb_addr addrs[2] = { spec->any ? pb_addr_any(AF_INET) : spec->addr, pb_addr_any(AF_INET6) };
	int rc = 0;

	for (int t = 0; t < 2; t++) {
		for (int i = 0; i < (spec->any ? 2 : 1) && serves(service, types[t]); i++) {
			pb_addr_set_port(&addrs[i], port);
			rc = open_one(s, service, *type = types[t], &addrs[i]);
			if (rc == -EAFNOSUPPORT && i == 1)
				continue;
			if (rc < 0) {
				*failed = addrs[i];
				return rc;
			}
			port = pb_addr_port(&addrs[i]);
		}
	}
	return 0;
}

/* Whether the net has this address itself: only then can a socket be bound to it. */
static bool is_own(struct pb_net *net, const union pb_addr *addr)
{
	union pb_addr at = *addr;
	struct pb_socket *s;

	if (pb_socket_open(net, at.sa.sa_family, SOCK_DGRAM, 0, &s) < 0)
		return false;
	pb_addr_set_port(&at, 0);
	bool own = pb_bind(s, &at.sa, pb_addr_len(&at)) == 0;
	pb_close(s);
	return own;
}

struct pb_net *service_net(const struct service *s)
{
	return s->server->net;
}

bool service_listens_at(const struct service *s, int type, const union pb_addr *addr)
{
	const struct server *server = s->server;
	union pb_addr to = *addr;

	pb_addr_unmap(&to);
	for (size_t i = 0; i < server->listener_count; i++) {
		const struct listener *l = &server->listeners[i];
		if (l->service != s || l->type != type || pb_addr_port(&l->local) != pb_addr_port(&to) ||
		    l->local.sa.sa_family != to.sa.sa_family)
			continue;
		/* A call to the unspecified address goes to the loopback address. */
		bool loops = pb_addr_is_any(&to) && pb_addr_is_loopback(&l->local);
		if (loops || pb_addr_equal(&l->local, &to) ||
		    (pb_addr_is_any(&l->local) && is_own(server->net, &to)))
			return true;
	}
	return false;
}

static void close_from(struct server *s, size_t first)
{
	while (s->listener_count > first) {
		struct listener *l = &s->listeners[--s->listener_count];
		pb_close(l->socket);
		l->socket = NULL;
	}
}

bool server_listen(struct server *s, struct server_error *error)
{
	for (size_t i = 0; i < s->service_count; i++) {
		size_t first = s->listener_count;
		union pb_addr failed;
		int type, rc, tries = s->services[i].spec->port ? 1 : PORT_TRIES;
		do {
			close_from(s, first);
			rc = open_all(s, &s->services[i], s->services[i].spec->port, &failed, &type);
		} while (rc == -EADDRINUSE && --tries > 0);
		if (rc < 0)
			return fail_listen(s, &s->services[i], error, &failed, type, -rc);
	}
	return true;
}
