#include "transport/endpoint.h"

#include "net/group.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#define RING_FIRST 8

void pb_endpoint_init(struct endpoint *e, const struct endpoint_ops *ops, struct env *env,
		      struct internet *net, int family)
{
	*e = (struct endpoint){ .ops = ops,
				.env = env,
				.net = net,
				.family = family,
				.receive_buffer = ENDPOINT_BUFFER_DEFAULT,
				.send_buffer = ENDPOINT_BUFFER_DEFAULT,
				.group_ttl = 1 }; /* RFC 1112 §6.1 */
	pb_error_queue_init(&e->errors);
	list_init(&e->news.link);
	if (family == AF_INET)
		e->local = ip_from4((const uint8_t[4]){ 0 });
}

/* Which of those joined it is; joined_count: none. */
static unsigned find_joined(const struct endpoint *e, const struct iface *i, const struct ip *group)
{
	unsigned n = 0;

	while (n < e->joined_count && (e->joined[n].iface != i || !ip_equal(&e->joined[n].group, group)))
		n++;
	return n;
}

static int join(struct endpoint *e, struct iface *i, const struct ip *group, bool include)
{
	struct source_filter filter = { .include = include };

	if (find_joined(e, i, group) < e->joined_count)
		return -EADDRINUSE;
	if (e->joined_count == ENDPOINT_GROUPS_MAX)
		return -ENOBUFS;
	if (!e->joined)
		e->joined = calloc(ENDPOINT_GROUPS_MAX, sizeof *e->joined);
	int rc = e->joined ? pb_internet_listen(i, group, NULL, &filter) : -ENOMEM;
	if (rc < 0)
		return rc;
	e->joined[e->joined_count++] =
		(struct endpoint_group){ .iface = i, .group = *group, .include = include };
	return 0;
}

int pb_endpoint_join(struct endpoint *e, struct iface *i, const struct ip *group)
{
	return join(e, i, group, false);
}

static struct source_filter filter_of(const struct endpoint_group *g)
{
	return (struct source_filter){ g->include, g->source_count, g->sources };
}

static void leave(struct endpoint *e, struct endpoint_group *g)
{
	struct source_filter filter = filter_of(g);

	pb_internet_listen(g->iface, &g->group, &filter, NULL);
	free(g->sources);
	*g = e->joined[--e->joined_count];
}

int pb_endpoint_leave(struct endpoint *e, struct iface *i, const struct ip *group)
{
	unsigned n = find_joined(e, i, group);

	if (n == e->joined_count)
		return -EADDRNOTAVAIL;
	leave(e, &e->joined[n]);
	return 0;
}

/* Which of those named it is; source_count: none. */
static unsigned find_source(const struct endpoint_group *g, const struct ip *source)
{
	unsigned n = 0;

	while (n < g->source_count && !ip_equal(&g->sources[n], source))
		n++;
	return n;
}

/* Hear these from now on. */
static int refilter(struct endpoint_group *g, bool include, const struct ip *sources, unsigned count)
{
	struct source_filter before = filter_of(g), after = { include, count, sources };

	if (!g->sources)
		g->sources = calloc(ENDPOINT_SOURCES_MAX, sizeof *g->sources);
	int rc = g->sources ? pb_internet_listen(g->iface, &g->group, &before, &after) : -ENOMEM;
	if (rc < 0)
		return rc;
	memcpy(g->sources, sources, count * sizeof *sources);
	g->source_count = count;
	g->include = include;
	return 0;
}

/*
 * The group of which a source is named; NULL: it is not listened to, or others are named the other way. As on Linux, or
 * have been: until it is left.
 */
static struct endpoint_group *named_in(struct endpoint *e, struct iface *i, const struct ip *group,
				       bool include)
{
	unsigned n = find_joined(e, i, group);
	struct endpoint_group *g = n < e->joined_count ? &e->joined[n] : NULL;

	return g && (g->include == include || !g->sources) ? g : NULL;
}

int pb_endpoint_name_source(struct endpoint *e, struct iface *i, const struct ip *group,
			    const struct ip *source, bool include)
{
	struct ip sources[ENDPOINT_SOURCES_MAX];
	int rc = include ? join(e, i, group, true) : 0;

	if (rc < 0 && rc != -EADDRINUSE)
		return rc;
	struct endpoint_group *g = named_in(e, i, group, include);
	if (!g)
		return -EINVAL;
	if (find_source(g, source) < g->source_count)
		return -EADDRNOTAVAIL;
	if (g->source_count == (ip_is4(group) ? ENDPOINT_SOURCES_MAX4 : ENDPOINT_SOURCES_MAX))
		return -ENOBUFS;
	if (g->source_count)
		memcpy(sources, g->sources, g->source_count * sizeof *sources);
	sources[g->source_count] = *source;
	return refilter(g, include, sources, g->source_count + 1);
}

int pb_endpoint_forget_source(struct endpoint *e, struct iface *i, const struct ip *group,
			      const struct ip *source, bool include)
{
	struct endpoint_group *g = named_in(e, i, group, include);
	struct ip sources[ENDPOINT_SOURCES_MAX];

	if (!g)
		return -EINVAL;
	unsigned n = find_source(g, source), last = g->source_count - 1;
	if (n == g->source_count)
		return -EADDRNOTAVAIL;
	if (include && last == 0) {
		leave(e, g);
		return 0;
	}
	memcpy(sources, g->sources, g->source_count * sizeof *sources);
	sources[n] = sources[last];
	return refilter(g, include, sources, last);
}

int pb_endpoint_filter(struct endpoint *e, struct iface *i, const struct ip *group,
		       const struct source_filter *f)
{
	unsigned n = find_joined(e, i, group);

	if (f->include && !f->count)
		return pb_endpoint_leave(e, i, group);
	if (n == e->joined_count)
		return -EINVAL;
	struct endpoint_group *g = &e->joined[n];
	int rc = refilter(g, f->include, f->sources, f->count);
	if (rc == 0 && !f->count) { /* as if none had ever been named: named_in() */
		free(g->sources);
		g->sources = NULL;
	}
	return rc;
}

const struct endpoint_group *pb_endpoint_joined(const struct endpoint *e, const struct iface *i,
						const struct ip *group)
{
	unsigned n = find_joined(e, i, group);

	return n < e->joined_count ? &e->joined[n] : NULL;
}

void pb_endpoint_fini(struct endpoint *e)
{
	while (e->joined_count)
		leave(e, &e->joined[e->joined_count - 1]);
	free(e->joined);

	while (e->count)
		pb_endpoint_drop_first(e);
	free(e->ring);
	pb_error_queue_clear(&e->errors);
	list_remove(&e->news.link);
}

static bool grow(struct endpoint *e)
{
	uint32_t size = e->size ? e->size * 2 : RING_FIRST;
	struct datagram *ring = malloc(size * sizeof *ring);

	if (!ring)
		return false;
	for (uint32_t i = 0; i < e->count; i++)
		ring[i] = e->ring[(e->first + i) & (e->size - 1)];
	free(e->ring);
	e->ring = ring;
	e->size = size;
	e->first = 0;
	return true;
}

bool pb_endpoint_push(struct endpoint *e, const struct datagram *d)
{
	size_t cost = d->buf->total + ENDPOINT_PACKET_COST;

	/* One at least, however large, as on Linux. */
	bool room = !e->receive_shut && (!e->count || e->bytes + cost <= e->receive_buffer);
	if (!room || (e->count == e->size && !grow(e))) {
		pb_buf_free(d->buf);
		e->drops++;
		return false;
	}
	struct datagram *to = &e->ring[(e->first + e->count++) & (e->size - 1)];
	*to = *d;
	to->when = env_now(e->env);
	to->drops = e->drops;
	e->bytes += cost;
	readiness_tell(&e->news, e->env, POLLIN);
	return true;
}

struct datagram *pb_endpoint_queued(struct endpoint *e, uint32_t behind)
{
	return behind < e->count ? &e->ring[(e->first + behind) & (e->size - 1)] : NULL;
}

void pb_endpoint_drop_first(struct endpoint *e)
{
	struct datagram *d = &e->ring[e->first];

	e->bytes -= d->buf->total + ENDPOINT_PACKET_COST;
	pb_buf_free(d->buf);
	e->first = (e->first + 1) & (e->size - 1);
	e->count--;
}

void pb_endpoint_complaint(struct endpoint *e, const struct ip_error *error, uint16_t port,
			   const uint8_t *data, size_t len)
{
	if (e->want_errors)
		pb_error_queue_push(&e->errors, error, port, data, len);
	else if (!error->hard || !e->connected)
		return;
	e->error = error->error;
	readiness_tell(&e->news, e->env, POLLERR | POLLIN | POLLOUT);
}

int pb_endpoint_refused(struct endpoint *e, const struct ip *to, uint16_t port, int rc)
{
	if (rc != -EMSGSIZE || !e->want_errors)
		return rc;
	if (pb_error_queue_push_local(&e->errors, to, port, e->path.mtu))
		readiness_tell(&e->news, e->env, POLLERR);
	return rc;
}

struct returned *pb_endpoint_take_error(struct endpoint *e)
{
	struct returned *r = pb_error_queue_take(&e->errors);

	if (r && !r->local) /* as Linux: sock_dequeue_err_skb() */
		e->error = e->errors.first ? e->errors.first->error.error : 0;
	return r;
}

int pb_endpoint_take_pending(struct endpoint *e)
{
	int error = e->error;

	e->error = 0;
	return -error;
}

/* Whether the family of a local address, that of both being :: alone, allows for a peer: as Linux says. */
static int check_family(const struct endpoint *e, const struct ip *from, const struct ip *to)
{
	if (e->family == AF_INET)
		return 0;
	if (ip_is4(to) && (e->v6only || (!ip_is4(from) && !ip_is_any(from))))
		return -ENETUNREACH;
	return ip_is4(from) && !ip_is4(to) ? -EAFNOSUPPORT : 0;
}

/* The source to send from; any of to's family: it is to be chosen. */
static struct ip source_for(const struct endpoint *e, const struct ip *from, const struct ip *to)
{
	if (!ip_is_any(from) && !pb_internet_is_group(e->net, from))
		return *from;
	return ip_is4(to) ? ip_from4((const uint8_t[4]){ 0 }) : (struct ip){ 0 };
}

int pb_endpoint_path(struct endpoint *e, const struct ip *from, const struct ip *to)
{
	const struct ip *local = from && !ip_is_any(from) ? from : &e->local;
	int rc = check_family(e, local, to);

	if (rc < 0)
		return rc;
	unsigned bound = e->interface ? e->interface : ip_is_multicast(to) ? e->group_interface : 0;
	/* An interface that is named says which link an address of one link is on. */
	struct ip dst = ip_zone(to) ? *to : ip_in_zone(to, bound);
	if (ip_equal(&e->path.dst, &dst) && e->path.bound == bound && e->path.iface && !from)
		return 0; /* pb_ip_send() looks again where it is stale */
	struct ip src = source_for(e, local, &dst);
	rc = pb_ip_path(e->net, &e->path, &src, &dst, bound);
	e->path.no_loop = e->group_silent;
	return rc;
}

int pb_endpoint_ready(const struct endpoint *e)
{
	int ready = POLLOUT;

	if (e->count || e->receive_shut)
		ready |= POLLIN;
	if (e->receive_shut)
		ready |= POLLRDHUP;
	if (e->receive_shut && e->send_shut)
		ready |= POLLHUP;
	if (e->error || e->errors.first)
		ready |= POLLERR;
	return ready;
}

/*
 * Of a group, those sources are heard that were asked for; of one that was not joined, all or none
 * (IP_MULTICAST_ALL).
 */
static bool hears_source(const struct endpoint *e, const struct ip_packet *p)
{
	struct ip group = ip_in_zone(&p->dst, 0); /* as it was joined: the interface is told apart */
	unsigned n = find_joined(e, p->iface, &group);

	if (n == e->joined_count)
		n = find_joined(e, p->iface, &p->dst);
	if (n == e->joined_count)
		return !e->own_groups;
	const struct endpoint_group *g = &e->joined[n];
	return (find_source(g, &p->src) < g->source_count) == g->include;
}

bool pb_endpoint_hears(const struct endpoint *e, const struct ip_packet *p)
{
	if (e->interface && e->interface != p->iface->index)
		return false;
	if (e->bound && !ip_is_any(&e->local) && !ip_equal(&e->local, &p->dst))
		return false;
	if (p->foreign && !e->any)
		return false;
	if (ip_is_multicast(&p->dst) && !hears_source(e, p))
		return false;
	if (e->family == AF_INET6 && ip_is4(&p->dst) && e->v6only)
		return false;
	return e->family == AF_INET6 || ip_is4(&p->dst);
}
