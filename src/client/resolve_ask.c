#include "client/resolve_ask.h"

#include <errno.h>
#include <packetboat/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define SERVER_TIME  PB_SEC(2) /* for a server's answer; then the next server */
#define SERVER_TRIES 3
#define ARES_TIME_MS (24 * 60 * 60 * 1000) /* c-ares's own patience: longer than any question's */

/* One of c-ares's sockets, which it knows by a number. */
struct ask_socket {
	struct ask *ask;
	ares_socket_t number;
	struct pb_watch watch;
	struct pb_socket *socket;
	struct pb_timer silence;
	bool silent;
	struct pb_link link;
};

static struct ask_socket *find(struct ask *a, ares_socket_t number)
{
	list_each (l, &a->sockets) {
		struct ask_socket *s = container_of(l, struct ask_socket, link);
		if (s->number == number)
			return s;
	}
	return NULL;
}

/* As the system's calls: -1 and errno. */
static int answer(struct ask *a, ssize_t rc)
{
	if (rc >= 0)
		return (int)rc;
	if (rc != -EAGAIN && rc != -EINPROGRESS)
		a->error = (int)rc;
	errno = (int)-rc;
	return -1;
}

/*
 * Readiness and silence ------------------------------------------------------------------------------------
 */

static void on_ready(struct pb_watch *w, int ready)
{
	struct ask_socket *s = container_of(w, struct ask_socket, watch);
	struct ask *a = s->ask;
	ares_socket_t number = s->number; /* s may be gone after this */

	ares_process_fd(a->channel, ready & (POLLIN | POLLERR | POLLHUP) ? number : ARES_SOCKET_BAD,
			ready & POLLOUT ? number : ARES_SOCKET_BAD);
}

static void on_silence(struct pb_timer *t)
{
	struct ask_socket *s = container_of(t, struct ask_socket, silence);

	s->silent = true;
	ares_process_fd(s->ask->channel, s->number, ARES_SOCKET_BAD);
}

static void await(struct ask_socket *s)
{
	pb_timer_set(s->ask->loop, &s->silence, pb_loop_now(s->ask->loop) + SERVER_TIME);
}

/* c-ares says what it wants of a socket; nothing: it is about to close it. */
static void on_wish(void *context, ares_socket_t number, int readable, int writable)
{
	struct ask_socket *s = find(context, number);
	int wants = (readable ? POLLIN : 0) | (writable ? POLLOUT : 0);

	if (!s)
		return;
	if (s->watch.loop)
		pb_watch_want(&s->watch, wants);
	else if (wants) /* where there is no memory for it, the server seems to be silent */
		pb_watch_socket(s->ask->loop, &s->watch, s->socket, wants, on_ready);
}

/*
 * The calls of a socket ------------------------------------------------------------------------------------
 */

static ares_socket_t on_open(int family, int type, int protocol, void *context)
{
	struct ask *a = context;
	struct ask_socket *s = calloc(1, sizeof *s);
	int rc = s ? pb_socket_open(a->net, family, type, protocol, &s->socket) : -ENOMEM;

	if (rc < 0) {
		free(s);
		answer(a, rc);
		return ARES_SOCKET_BAD;
	}
	s->ask = a;
	s->number = ++a->last_number;
	s->silence.fn = on_silence;
	list_push(&a->sockets, &s->link);
	return s->number;
}

static void close_socket(struct ask_socket *s)
{
	pb_timer_stop(s->ask->loop, &s->silence);
	if (s->watch.loop)
		pb_watch_close(&s->watch);
	else
		pb_close(s->socket);
	list_remove(&s->link);
	free(s);
}

static int on_close(ares_socket_t number, void *context)
{
	struct ask_socket *s = find(context, number);

	if (s)
		close_socket(s);
	return 0;
}

/* c-ares keeps no zones: an address on the link gets that of the server it is (RFC 8106 §5.1 allows such servers). */
static void restore_zone(const struct ask_config *config, union pb_addr *to)
{
	for (size_t n = 0; n < config->server_count && to->sa.sa_family == AF_INET6; n++) {
		const struct sockaddr_in6 *server = &config->servers[n].v6;
		if (server->sin6_family == AF_INET6 && !to->v6.sin6_scope_id &&
		    memcmp(&server->sin6_addr, &to->v6.sin6_addr, sizeof server->sin6_addr) == 0)
			to->v6.sin6_scope_id = server->sin6_scope_id;
	}
}

static int on_connect(ares_socket_t number, const struct sockaddr *addr, ares_socklen_t len, void *context)
{
	struct ask *a = context;
	struct ask_socket *s = find(a, number);
	union pb_addr to = { 0 };

	if (!s || len > sizeof to)
		return answer(a, -EINVAL);
	memcpy(&to, addr, len);
	restore_zone(a->config, &to);
	await(s);
	return answer(a, pb_connect(s->socket, &to.sa, pb_addr_len(&to)));
}

static ares_ssize_t on_receive(ares_socket_t number, void *bytes, size_t len, int flags,
			       struct sockaddr *from, ares_socklen_t *from_len, void *context)
{
	struct ask *a = context;
	struct ask_socket *s = find(a, number);

	if (!s || s->silent)
		return answer(a, s ? -ETIMEDOUT : -EBADF);
	ssize_t rc = pb_recvfrom(s->socket, bytes, len, flags, from, from_len);
	if (rc > 0)
		await(s);
	return answer(a, rc);
}

static ares_ssize_t on_send(ares_socket_t number, const struct iovec *parts, int count, void *context)
{
	struct ask *a = context;
	struct ask_socket *s = find(a, number);
	struct msghdr m = { .msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)count };

	if (!s)
		return answer(a, -EBADF);
	await(s);
	return answer(a, pb_sendmsg(s->socket, &m, 0));
}

static const struct ares_socket_functions functions = {
	.asocket = on_open,
	.aclose = on_close,
	.aconnect = on_connect,
	.arecvfrom = on_receive,
	.asendv = on_send,
};

/*
 * Beginning and end ----------------------------------------------------------------------------------------
 */

static struct ares_addr_port_node node_of(const union pb_addr *a)
{
	struct ares_addr_port_node n = { .family = a->sa.sa_family,
					 .udp_port = pb_addr_port(a),
					 .tcp_port = pb_addr_port(a) };

	if (n.family == AF_INET)
		memcpy(&n.addr.addr4, &a->v4.sin_addr, sizeof n.addr.addr4);
	else
		memcpy(&n.addr.addr6, &a->v6.sin6_addr, sizeof n.addr.addr6);
	return n;
}

/* A server that was silent is not asked again by c-ares: so each is in the list as often as it is to be tried. */
static int set_servers(ares_channel channel, const struct ares_addr_port_node *servers, size_t count)
{
	struct ares_addr_port_node *all = calloc(count * SERVER_TRIES + 1, sizeof *all);

	if (!all)
		return ARES_ENOMEM;
	for (size_t n = 0; n < count * SERVER_TRIES; n++) {
		all[n] = servers[n % count];
		all[n].next = n + 1 < count * SERVER_TRIES ? &all[n + 1] : NULL;
	}
	int status = count ? ares_set_servers_ports(channel, all) : ARES_SUCCESS;
	free(all);
	return status;
}

static int use_given_servers(ares_channel channel, const struct ask_config *config)
{
	struct ares_addr_port_node servers[ASK_SERVERS_MAX];

	for (size_t n = 0; n < config->server_count; n++)
		servers[n] = node_of(&config->servers[n]);
	return set_servers(channel, servers, config->server_count);
}

static int use_host_servers(ares_channel channel)
{
	struct ares_addr_port_node servers[ASK_SERVERS_MAX], *all = NULL;
	int status = ares_get_servers_ports(channel, &all);
	size_t count = 0;

	for (const struct ares_addr_port_node *n = all; n && count < ASK_SERVERS_MAX; n = n->next)
		servers[count++] = *n;
	if (status == ARES_SUCCESS)
		status = set_servers(channel, servers, count);
	if (all)
		ares_free_data(all);
	return status;
}

int ask_begin(struct ask *a, struct pb_loop *loop, struct pb_net *net, const struct ask_config *config)
{
	bool nobody = !config->host && !config->server_count;
	struct ares_options options = { .timeout = ARES_TIME_MS,
					.tries = 1,
					.lookups = (char *)(nobody ? "f" : "fb"),
					.domains = (char **)config->domains,
					.ndomains = (int)config->domain_count,
					.sock_state_cb = on_wish,
					.sock_state_cb_data = a };
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB |
		   (config->host ? 0 : ARES_OPT_DOMAINS);

	*a = (struct ask){ .loop = loop, .net = net, .config = config };
	list_init(&a->sockets);
	int status = ares_init_options(&a->channel, &options, mask);
	if (status == ARES_SUCCESS) {
		ares_set_socket_functions(a->channel, &functions, a);
		status = config->server_count ? use_given_servers(a->channel, config)
			 : config->host       ? use_host_servers(a->channel)
					      : ARES_SUCCESS;
	}
	if (status == ARES_SUCCESS)
		return 0;
	ask_end(a);
	return status == ARES_ENOMEM ? -ENOMEM : -EIO;
}

void ask_end(struct ask *a)
{
	if (a->channel)
		ares_destroy(a->channel); /* which closes its sockets */
	a->channel = NULL;
}
