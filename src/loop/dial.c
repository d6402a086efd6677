/* Conveniences that block: dial, listen, wait, send all. */
#include "base/addr.h"
#include "socket/socket.h"

#include <errno.h>
#include <netdb.h>
#include <packetboat/dial.h>
#include <packetboat/loop.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What "tcp4" and the like ask for. */
struct kind {
	int type, family;
};

static bool parse_network(struct kind *k, const char *network)
{
	*k = (struct kind){ strncmp(network, "tcp", 3) == 0 ? SOCK_STREAM : SOCK_DGRAM, AF_UNSPEC };
	if (strncmp(network, "tcp", 3) != 0 && strncmp(network, "udp", 3) != 0)
		return false;
	if (network[3] == '\0')
		return true;
	k->family = network[3] == '4' ? AF_INET : network[3] == '6' ? AF_INET6 : AF_UNSPEC;
	return k->family != AF_UNSPEC && network[4] == '\0';
}

/* Cut "HOST:PORT" or "[V6]:PORT" in two. False: there is no port, or it does not fit. */
static bool cut_address(const char *address, char host[NI_MAXHOST], char port[NI_MAXSERV])
{
	bool bracket = address[0] == '[';
	const char *start = address + bracket;
	const char *end = bracket ? strchr(address, ']') : strrchr(address, ':');

	if (!end || end[bracket] != ':' || end[bracket + 1] == '\0' || end - start >= NI_MAXHOST)
		return false;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	return snprintf(port, NI_MAXSERV, "%s", end + bracket + 1) < NI_MAXSERV;
}

/* The addresses that a text stands for. 0, -EINVAL or -ENXIO; the caller frees *list. */
static int look_up(struct pb_net *net, const char *network, const char *address, int flags,
		   struct addrinfo **list)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];
	struct kind k;

	if (!parse_network(&k, network) || !cut_address(address, host, port))
		return -EINVAL;
	bool any = host[0] == '\0' || strcmp(host, "*") == 0;
	if (any && !(flags & AI_PASSIVE))
		return -EINVAL;
	struct addrinfo want = { .ai_flags = flags, .ai_family = k.family, .ai_socktype = k.type };
	if (strcmp(pb_net_name(net), "host") != 0)
		want.ai_flags |= AI_NUMERICHOST; /* the host's resolver knows nothing of other nets */
	int rc = getaddrinfo(any ? NULL : host, port, &want, list);
	return rc == 0 ? 0 : rc == EAI_SERVICE ? -EINVAL : rc == EAI_MEMORY ? -ENOMEM : -ENXIO;
}

/* As a call that found nothing does: more news is wanted. */
static void came(struct pb_watch *w, int ready)
{
	w->socket->ready &= ~ready;
}

/* Turn the loop until s is ready. It may have been watched by nobody until now. */
static int wait_in_loop(struct pb_loop *loop, struct pb_socket *s, int events, pb_time timeout)
{
	struct pb_watch w = { 0 };
	pb_time end = timeout == PB_NEVER ? PB_NEVER : pb_loop_now(loop) + timeout;
	int rc = pb_watch_socket(loop, &w, s, events, came), ready = 0;

	while (rc >= 0 && !(ready = pb_ready(s) & (events | POLLERR | POLLHUP)) && pb_loop_now(loop) < end)
		rc = pb_loop_turn(loop, end);
	pb_watch_stop(&w);
	s->ready |= ready;
	return rc < 0 ? rc : ready;
}

/* A stack that no loop drives gets one for as long as the call takes. */
static int wait_on_stack(struct pb_socket *s, int events, pb_time timeout)
{
	struct pb_loop *loop = s->net->loop, *own = NULL;
	int rc = loop ? 0 : pb_loop_new(&own);

	if (rc == 0 && own)
		rc = pb_loop_add_net(own, s->net);
	if (rc == 0)
		rc = wait_in_loop(loop ? loop : own, s, events, timeout);
	if (own)
		pb_loop_remove_net(own, s->net);
	pb_loop_free(own);
	return rc;
}

int pb_wait(struct pb_socket *s, int events, pb_time timeout)
{
	int rc;

	if (!s->ops->wait)
		return wait_on_stack(s, events, timeout);
	do
		rc = s->ops->wait(s, events, timeout);
	while (rc == -EINTR);
	return rc;
}

static pb_time monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return PB_SEC(t.tv_sec) + t.tv_nsec;
}

/* Wait for a connection attempt to come to its end. 0 or -errno. */
static int finish_connect(struct pb_socket *s, pb_time deadline)
{
	pb_time left = deadline == PB_NEVER ? PB_NEVER : deadline - monotonic();
	int err = 0, rc = pb_wait(s, POLLOUT, left > 0 ? left : 0);
	socklen_t len = sizeof err;

	if (rc == 0)
		return -ETIMEDOUT;
	if (rc > 0)
		rc = pb_getsockopt(s, SOL_SOCKET, SO_ERROR, &err, &len);
	return rc < 0 ? rc : -err;
}

static int dial_one(struct pb_net *net, const struct addrinfo *to, pb_time deadline, struct pb_socket **s)
{
	int rc = pb_socket_open(net, to->ai_family, to->ai_socktype, 0, s);

	if (rc < 0)
		return rc;
	rc = pb_connect(*s, to->ai_addr, to->ai_addrlen);
	if (rc == -EINPROGRESS)
		rc = finish_connect(*s, deadline);
	if (rc < 0) {
		pb_close(*s);
		*s = NULL;
	}
	return rc;
}

static size_t length_of(const struct addrinfo *list)
{
	size_t n = 0;

	for (; list; list = list->ai_next)
		n++;
	return n;
}

/* Until when the first of these addresses may take: an equal share of what is left for all. */
static pb_time share_of(pb_time deadline, const struct addrinfo *list)
{
	pb_time now = monotonic();

	return deadline == PB_NEVER ? PB_NEVER : now + (deadline - now) / (pb_time)length_of(list);
}

int pb_dial(struct pb_net *net, const char *network, const char *address, pb_time timeout,
	    struct pb_socket **s)
{
	pb_time deadline = timeout == PB_NEVER ? PB_NEVER : monotonic() + timeout;
	struct addrinfo *list;
	int rc = look_up(net, network, address, 0, &list);

	*s = NULL;
	if (rc < 0)
		return rc;
	for (struct addrinfo *a = list; a && !*s; a = a->ai_next) {
		if (a != list && monotonic() >= deadline) {
			rc = -ETIMEDOUT;
			break;
		}
		rc = dial_one(net, a, share_of(deadline, a), s);
	}
	freeaddrinfo(list);
	return rc;
}

static int listen_one(struct pb_net *net, const struct addrinfo *at, struct pb_socket **s)
{
	const int on = 1;
	int rc = pb_socket_open(net, at->ai_family, at->ai_socktype, 0, s);

	if (rc < 0)
		return rc;
	if (at->ai_socktype == SOCK_STREAM)
		rc = pb_setsockopt(*s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (rc == 0)
		rc = pb_bind(*s, at->ai_addr, at->ai_addrlen);
	if (rc == 0 && at->ai_socktype == SOCK_STREAM)
		rc = pb_listen(*s, SOMAXCONN);
	if (rc < 0) {
		pb_close(*s);
		*s = NULL;
	}
	return rc;
}

int pb_listen_on(struct pb_net *net, const char *network, const char *address, struct pb_socket **s)
{
	struct addrinfo *list;
	int rc = look_up(net, network, address, AI_PASSIVE, &list);

	*s = NULL;
	if (rc < 0)
		return rc;
	for (struct addrinfo *a = list; a && !*s; a = a->ai_next)
		rc = listen_one(net, a, s);
	freeaddrinfo(list);
	return rc;
}

ssize_t pb_send_all(struct pb_socket *s, const void *buf, size_t len)
{
	const char *p = buf;

	for (size_t left = len; left;) {
		ssize_t n = pb_send(s, p, left, 0);
		if (n == -EAGAIN) {
			int rc = pb_wait(s, POLLOUT, PB_NEVER);
			n = rc < 0 ? rc : 0;
		}
		if (n < 0)
			return n;
		p += n;
		left -= (size_t)n;
	}
	return (ssize_t)len;
}
