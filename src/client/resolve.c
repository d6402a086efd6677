#include "client/resolve.h"

#include "base/list.h"

#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SERVER_TIME_MS 2000 /* for a server's answer; then the next server, then again */
#define SERVER_TRIES   3

struct resolver {
	struct pb_loop *loop;
	ares_channel channel;
	struct pb_timer timer;  /* c-ares's own next time-out */
	struct pb_link sockets; /* c-ares's, watched */
	struct pb_link queries;
};

/* One of c-ares's sockets. */
struct ares_fd {
	struct resolver *resolver;
	struct pb_watch watch;
	struct pb_link link;
};

struct resolver_query {
	struct resolver *resolver;
	resolve_fn *fn;           /* a lookup's */
	resolve_name_fn *name_fn; /* a reverse lookup's; both NULL: answered or cancelled */
	void *arg;
	bool asked; /* c-ares holds on to it until it has called back */
	int err;
	const char *why;
	struct pb_timer timer; /* the time-out, then the moment to answer */
	struct pb_link link;
	size_t count;
	union pb_addr addrs[RESOLVE_ADDRS_MAX];
	char name[RESOLVE_NAME_MAX];
};

/* c-ares's time -------------------------------------------------------------------------------------------------- */

static void rearm(struct resolver *r)
{
	struct timeval tv, *next = ares_timeout(r->channel, NULL, &tv);

	if (!next)
		pb_timer_stop(r->loop, &r->timer);
	else
		pb_timer_set(r->loop, &r->timer,
			     pb_loop_now(r->loop) + PB_SEC(next->tv_sec) + PB_MSEC(1) + next->tv_usec * 1000);
}

static void on_ares_time(struct pb_timer *t)
{
	struct resolver *r = container_of(t, struct resolver, timer);

	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	rearm(r);
}

/* c-ares's sockets ----------------------------------------------------------------------------------------------- */

static void on_ares_socket(struct pb_watch *w, int ready)
{
	struct resolver *r = container_of(w, struct ares_fd, watch)->resolver;
	ares_socket_t fd = w->fd; /* w may be gone after this */

	ares_process_fd(r->channel, ready & (POLLIN | POLLERR | POLLHUP) ? fd : ARES_SOCKET_BAD,
			ready & POLLOUT ? fd : ARES_SOCKET_BAD);
	rearm(r);
}

static struct ares_fd *find_fd(struct resolver *r, ares_socket_t fd)
{
	list_each (l, &r->sockets) {
		struct ares_fd *f = container_of(l, struct ares_fd, link);
		if (f->watch.fd == fd)
			return f;
	}
	return NULL;
}

static void forget_fd(struct ares_fd *f)
{
	pb_watch_stop(&f->watch);
	list_remove(&f->link);
	free(f);
}

/* c-ares says what it wants of a socket; nothing: it is about to close it. */
static void on_ares_wish(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = arg;
	struct ares_fd *f = find_fd(r, fd);
	int wants = (readable ? POLLIN : 0) | (writable ? POLLOUT : 0);

	if (f && wants) {
		pb_watch_want(&f->watch, wants);
	} else if (f) {
		forget_fd(f);
	} else if (wants && (f = calloc(1, sizeof *f))) {
		f->resolver = r;
		if (pb_watch_fd(r->loop, &f->watch, fd, wants, on_ares_socket) < 0)
			free(f); /* its answer is not seen: the query times out */
		else
			list_push(&r->sockets, &f->link);
	}
}

/* Queries -------------------------------------------------------------------------------------------------------- */

static void free_query(struct resolver_query *q)
{
	pb_timer_stop(q->resolver->loop, &q->timer);
	list_remove(&q->link);
	free(q);
}

static void answer(struct resolver_query *q)
{
	if (q->fn)
		q->fn(q->arg, q->err, q->why, q->addrs, q->count);
	else if (q->name_fn)
		q->name_fn(q->arg, q->err, q->why, q->err ? NULL : q->name);
	q->fn = NULL;
	q->name_fn = NULL;
	if (q->asked)
		pb_timer_stop(q->resolver->loop, &q->timer); /* freed when c-ares lets go of it */
	else
		free_query(q);
}

static void on_answer_due(struct pb_timer *t)
{
	answer(container_of(t, struct resolver_query, timer));
}

/* Answer in the next turn. */
static void answer_soon(struct resolver_query *q, int err, const char *why)
{
	q->err = err;
	q->why = why;
	q->timer.fn = on_answer_due;
	pb_timer_set(q->resolver->loop, &q->timer, pb_loop_now(q->resolver->loop));
}

static void on_timeout(struct pb_timer *t)
{
	struct resolver_query *q = container_of(t, struct resolver_query, timer);

	q->err = -ETIMEDOUT;
	q->why = "name lookup timed out";
	answer(q);
}

static void add_addr(struct resolver_query *q, const struct sockaddr *sa, socklen_t len)
{
	union pb_addr *a = &q->addrs[q->count];

	if (q->count == RESOLVE_ADDRS_MAX || len > sizeof *a)
		return;
	memset(a, 0, sizeof *a);
	memcpy(a, sa, len);
	q->count++;
}

static int errno_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ETIMEOUT:
		return -ETIMEDOUT;
	case ARES_ENOMEM:
		return -ENOMEM;
	case ARES_ENOTFOUND:
	case ARES_ENODATA:
	case ARES_EBADNAME:
	case ARES_EBADSTR:
		return -ENXIO;
	default:
		return -EIO;
	}
}

/* c-ares has come to an end with a query, and lets go of it. */
static void take_status(struct resolver_query *q, int status)
{
	q->asked = false;
	if (!q->fn && !q->name_fn)
		free_query(q);
	else
		answer_soon(q, errno_of(status), ares_strerror(status));
}

static void on_addrinfo(void *arg, int status, int timeouts, struct ares_addrinfo *list)
{
	struct resolver_query *q = arg;

	(void)timeouts;
	for (struct ares_addrinfo_node *n = list ? list->nodes : NULL; n; n = n->ai_next)
		add_addr(q, n->ai_addr, n->ai_addrlen);
	if (list)
		ares_freeaddrinfo(list);
	if (status == ARES_SUCCESS && !q->count)
		status = ARES_ENODATA;
	take_status(q, status);
}

static void on_host(void *arg, int status, int timeouts, struct hostent *host)
{
	struct resolver_query *q = arg;

	(void)timeouts;
	if (status == ARES_SUCCESS && (!host || !host->h_name || !*host->h_name))
		status = ARES_ENODATA;
	if (status == ARES_SUCCESS)
		snprintf(q->name, sizeof q->name, "%s", host->h_name);
	take_status(q, status);
}

/* host is this domain, or a name in it. */
static bool is_in(const char *host, const char *domain)
{
	size_t len = strlen(host), n = strlen(domain);

	len -= len && host[len - 1] == '.';
	if (len < n || strncasecmp(host + len - n, domain, n) != 0)
		return false;
	return len == n || host[len - n - 1] == '.';
}

/* An address as it is, or in the brackets that keep a port away from it (RFC 5952 6). */
static bool parse_literal(union pb_addr *a, const char *host)
{
	char text[PB_ADDR_TEXT];
	size_t len = strlen(host);

	if (host[0] != '[')
		return pb_addr_parse(a, host);
	if (host[len - 1] != ']' || len >= sizeof text)
		return false;
	snprintf(text, sizeof text, "%.*s", (int)len - 2, host + 1);
	return pb_addr_parse(a, text) && a->sa.sa_family == AF_INET6;
}

/* What needs nobody's help. True: q has its addresses, if there are any. */
static bool answer_alone(struct resolver_query *q, const char *host, int family)
{
	static const char *const loopback[] = { "::1", "127.0.0.1" };
	union pb_addr a;

	if (parse_literal(&a, host)) {
		if (family == AF_UNSPEC || family == a.sa.sa_family)
			add_addr(q, &a.sa, pb_addr_len(&a));
		return true;
	}
	if (!is_in(host, "localhost"))
		return is_in(host, "invalid");
	for (int i = 0; i < 2; i++)
		if (pb_addr_parse(&a, loopback[i]) && (family == AF_UNSPEC || family == a.sa.sa_family))
			add_addr(q, &a.sa, pb_addr_len(&a));
	return true;
}

static struct resolver_query *new_query(struct resolver *r, void *arg)
{
	struct resolver_query *q = calloc(1, sizeof *q);

	if (!q)
		return NULL;
	q->resolver = r;
	q->arg = arg;
	list_push(&r->queries, &q->link);
	return q;
}

/* c-ares is about to be asked; it may answer before it returns, which then moves the timer to the answer's turn. */
static void begin_asking(struct resolver_query *q, pb_time timeout)
{
	q->asked = true;
	q->timer.fn = on_timeout;
	if (timeout != PB_NEVER)
		pb_timer_set(q->resolver->loop, &q->timer, pb_loop_now(q->resolver->loop) + timeout);
}

struct resolver_query *resolver_lookup(struct resolver *r, const char *host, int family, pb_time timeout,
				       resolve_fn *fn, void *arg)
{
	const struct ares_addrinfo_hints hints = { .ai_family = family, .ai_socktype = SOCK_STREAM };
	struct resolver_query *q = new_query(r, arg);

	if (!q)
		return NULL;
	q->fn = fn;
	if (answer_alone(q, host, family)) {
		answer_soon(q, q->count ? 0 : -ENXIO,
			    q->count                 ? ""
			    : is_in(host, "invalid") ? "there is no such name, by agreement (RFC 6761)"
						     : "not an address of the wanted family");
		return q;
	}
	begin_asking(q, timeout);
	ares_getaddrinfo(r->channel, host, NULL, &hints, on_addrinfo, q);
	rearm(r);
	return q;
}

struct resolver_query *resolver_reverse(struct resolver *r, const union pb_addr *addr, pb_time timeout,
					resolve_name_fn *fn, void *arg)
{
	struct resolver_query *q = new_query(r, arg);
	bool v6 = addr->sa.sa_family == AF_INET6;

	if (!q)
		return NULL;
	q->name_fn = fn;
	begin_asking(q, timeout);
	if (v6)
		ares_gethostbyaddr(r->channel, &addr->v6.sin6_addr, sizeof addr->v6.sin6_addr, AF_INET6,
				   on_host, q);
	else
		ares_gethostbyaddr(r->channel, &addr->v4.sin_addr, sizeof addr->v4.sin_addr, AF_INET, on_host,
				   q);
	rearm(r);
	return q;
}

int resolver_use_servers(struct resolver *r, const char *servers)
{
	int status = ares_set_servers_ports_csv(r->channel, servers);

	return status == ARES_SUCCESS ? 0 : status == ARES_ENOMEM ? -ENOMEM : -EINVAL;
}

void resolver_cancel(struct resolver_query *q)
{
	q->fn = NULL;
	q->name_fn = NULL;
	answer(q);
}

int resolver_new(struct pb_loop *loop, struct resolver **resolver)
{
	struct resolver *r = calloc(1, sizeof *r);
	struct ares_options options = { .timeout = SERVER_TIME_MS,
					.tries = SERVER_TRIES,
					.lookups = (char *)"fb",
					.sock_state_cb = on_ares_wish,
					.sock_state_cb_data = r };
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;

	*resolver = NULL;
	if (!r)
		return -ENOMEM;
	r->loop = loop;
	r->timer.fn = on_ares_time;
	list_init(&r->sockets);
	list_init(&r->queries);
	int status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status == ARES_SUCCESS)
		status = ares_init_options(&r->channel, &options, mask);
	if (status != ARES_SUCCESS) {
		free(r);
		return status == ARES_ENOMEM ? -ENOMEM : -EIO;
	}
	*resolver = r;
	return 0;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	list_each (l, &r->queries) {
		struct resolver_query *q = container_of(l, struct resolver_query, link);
		q->fn = NULL;
		q->name_fn = NULL;
	}
	ares_destroy(r->channel); /* calls back for every query that it still holds */
	list_each_safe (l, &r->queries)
		free_query(container_of(l, struct resolver_query, link));
	list_each_safe (l, &r->sockets)
		forget_fd(container_of(l, struct ares_fd, link));
	pb_timer_stop(r->loop, &r->timer);
	ares_library_cleanup();
	free(r);
}
