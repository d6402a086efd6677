#include "client/resolve.h"

#include "base/list.h"
#include "client/address_order.h"
#include "client/net_label.h"
#include "client/resolve_ask.h"

#include <errno.h>
#include <netdb.h>
#include <packetboat/stack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct resolver {
	struct pb_loop *loop;
	struct pb_net *net;
	union pb_addr servers[ASK_SERVERS_MAX]; /* instead of those that the net knows */
	size_t server_count;
	struct pb_link queries;
};

struct resolver_query {
	struct resolver *resolver;
	resolve_fn *fn;           /* a lookup's */
	resolve_name_fn *name_fn; /* a reverse lookup's */
	void *arg;
	struct ask_config config;
	struct ask ask;
	int err;
	char why[128];
	struct pb_timer timer; /* the time-out, then the moment to answer */
	struct pb_link link;
	size_t count;
	union pb_addr addrs[RESOLVE_ADDRS_MAX];
	char name[RESOLVE_NAME_MAX];
};

/*
 * Whom to ask ----------------------------------------------------------------------------------------------
 */

static void add_server(const struct sockaddr *addr, void *context)
{
	struct ask_config *c = context;
	union pb_addr *server = &c->servers[c->server_count];

	if (c->server_count == ASK_SERVERS_MAX)
		return;
	memcpy(server, addr,
	       addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
	c->server_count++;
}

static void add_domain(const char *domain, void *context)
{
	struct ask_config *c = context;

	if (c->domain_count < ASK_DOMAINS_MAX && (c->domains[c->domain_count] = strdup(domain)))
		c->domain_count++;
}

static void configure(struct ask_config *c, const struct resolver *r)
{
	struct pb_stack *stack = pb_stack_of(r->net);

	c->host = !stack;
	for (size_t n = 0; n < r->server_count; n++)
		add_server(&r->servers[n].sa, c);
	if (stack && !r->server_count)
		pb_stack_each_name_server(stack, add_server, c);
	if (stack)
		pb_stack_each_search_domain(stack, add_domain, c);
}

/*
 * Queries --------------------------------------------------------------------------------------------------
 */

static void free_query(struct resolver_query *q)
{
	ask_end(&q->ask);
	pb_timer_stop(q->resolver->loop, &q->timer);
	for (size_t n = 0; n < q->config.domain_count; n++)
		free(q->config.domains[n]);
	list_remove(&q->link);
	free(q);
}

static void on_answer_due(struct pb_timer *t)
{
	struct resolver_query *q = container_of(t, struct resolver_query, timer);

	if (q->fn)
		q->fn(q->arg, q->err, q->why, q->addrs, q->count);
	else
		q->name_fn(q->arg, q->err, q->why, q->err ? NULL : q->name);
	free_query(q);
}

/* Answer in the next turn. */
static void answer_soon(struct resolver_query *q, int err, const char *why)
{
	q->err = err;
	snprintf(q->why, sizeof q->why, "%s", why);
	q->timer.fn = on_answer_due;
	pb_timer_set(q->resolver->loop, &q->timer, pb_loop_now(q->resolver->loop));
}

static void on_timeout(struct pb_timer *t)
{
	struct resolver_query *q = container_of(t, struct resolver_query, timer);

	q->count = 0;
	answer_soon(q, -ETIMEDOUT, "name lookup timed out");
	ask_end(&q->ask);
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

static bool has_server(const struct resolver_query *q)
{
	return q->config.host || q->config.server_count;
}

static void say_no_server(struct resolver_query *q)
{
	char label[NET_LABEL_TEXT], why[sizeof q->why];

	snprintf(why, sizeof why, "no name server known for %s; give dns=ADDR",
		 net_label(q->resolver->net, label));
	answer_soon(q, -EIO, why);
}

/* c-ares has come to an end with a query. That all servers failed it calls a refusal, whatever it was. */
static void take_status(struct resolver_query *q, int status)
{
	if (status == ARES_EDESTRUCTION)
		return;
	if (status != ARES_SUCCESS && !has_server(q))
		say_no_server(q);
	else if (status == ARES_ECONNREFUSED && q->ask.error == -ETIMEDOUT)
		answer_soon(q, -ETIMEDOUT, "no name server has answered");
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
	address_order(q->resolver->net, q->addrs, q->count);
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

/* c-ares reads the file whenever it is asked to. */
static bool is_in_hosts_file(const char *host)
{
	struct ares_options options = { .lookups = (char *)"f" };
	ares_channel channel;
	struct hostent *found = NULL;

	if (ares_init_options(&channel, &options, ARES_OPT_LOOKUPS) != ARES_SUCCESS)
		return false;
	bool is = ares_gethostbyname_file(channel, host, AF_UNSPEC, &found) == ARES_SUCCESS;
	if (found)
		ares_free_hostent(found);
	ares_destroy(channel);
	return is;
}

bool resolver_is_at_hand(const char *host)
{
	union pb_addr a;

	return parse_literal(&a, host) || is_in(host, "localhost") || is_in(host, "invalid") ||
	       is_in_hosts_file(host);
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

/* Have c-ares ready to be asked; it may answer before it returns, which then moves the timer to the answer's turn. */
static bool begin_asking(struct resolver_query *q, pb_time timeout)
{
	struct resolver *r = q->resolver;

	configure(&q->config, r);
	if (ask_begin(&q->ask, r->loop, r->net, &q->config) < 0) {
		free_query(q);
		return false;
	}
	q->timer.fn = on_timeout;
	if (timeout != PB_NEVER)
		pb_timer_set(r->loop, &q->timer, pb_loop_now(r->loop) + timeout);
	return true;
}

struct resolver_query *resolver_lookup(struct resolver *r, const char *host, int family, pb_time timeout,
				       resolve_fn *fn, void *arg)
{
	const struct ares_addrinfo_hints hints = { .ai_family = family,
						   .ai_socktype = SOCK_STREAM,
						   .ai_flags = ARES_AI_NOSORT };
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
	if (!begin_asking(q, timeout))
		return NULL;
	ares_getaddrinfo(q->ask.channel, host, NULL, &hints, on_addrinfo, q);
	return q;
}

struct resolver_query *resolver_reverse(struct resolver *r, const union pb_addr *addr, pb_time timeout,
					resolve_name_fn *fn, void *arg)
{
	struct resolver_query *q = new_query(r, arg);
	unsigned bits;

	if (!q)
		return NULL;
	q->name_fn = fn;
	if (!begin_asking(q, timeout))
		return NULL;
	const uint8_t *bytes = pb_addr_bytes(addr, &bits);
	ares_gethostbyaddr(q->ask.channel, bytes, (int)bits / 8, addr->sa.sa_family, on_host, q);
	return q;
}

void resolver_use_servers(struct resolver *r, const union pb_addr *servers, size_t count)
{
	r->server_count = count < ASK_SERVERS_MAX ? count : ASK_SERVERS_MAX;
	memcpy(r->servers, servers, r->server_count * sizeof *servers);
}

void resolver_cancel(struct resolver_query *q)
{
	free_query(q);
}

int resolver_new(struct pb_loop *loop, struct pb_net *net, struct resolver **resolver)
{
	struct resolver *r = calloc(1, sizeof *r);
	int status = r ? ares_library_init(ARES_LIB_INIT_ALL) : ARES_ENOMEM;

	*resolver = NULL;
	if (status != ARES_SUCCESS) {
		free(r);
		return status == ARES_ENOMEM ? -ENOMEM : -EIO;
	}
	r->loop = loop;
	r->net = net;
	list_init(&r->queries);
	*resolver = r;
	return 0;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	list_each_safe (l, &r->queries)
		free_query(container_of(l, struct resolver_query, link));
	ares_library_cleanup();
	free(r);
}
