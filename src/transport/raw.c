#include "transport/raw.h"

#include "wire/icmp.h"

#include <errno.h>
#include <stdlib.h>

static struct raw_endpoint *raw_of(struct endpoint *e)
{
	return (struct raw_endpoint *)e;
}

void pb_raw_init(struct raw *r, struct env *env, struct internet *net)
{
	*r = (struct raw){ .env = env, .net = net };
	list_init(&r->endpoints);
}

static struct raw_endpoint *echo_by_id(struct raw *r, uint16_t id)
{
	for (struct pb_link *l = r->endpoints.next; l != &r->endpoints; l = l->next) {
		struct raw_endpoint *e = container_of(l, struct raw_endpoint, link);
		if (e->echo && e->base.bound && e->base.local_port == id)
			return e;
	}
	return NULL;
}

/* An identifier that nobody else has; 0: all are taken. */
static uint16_t choose_id(struct raw *r)
{
	uint16_t first = (uint16_t)pb_rng_next(&r->env->rng);

	for (uint32_t i = 0; i < 65536; i++) {
		uint16_t id = (uint16_t)(first + i);
		if (id && !echo_by_id(r, id))
			return id;
	}
	return 0;
}

static int raw_bind(struct endpoint *base, const struct ip *addr, uint16_t port)
{
	struct raw_endpoint *e = raw_of(base);

	if (e->echo) {
		if (port && echo_by_id(e->raw, port))
			return -EADDRINUSE;
		base->local_port = port ? port : choose_id(e->raw);
		if (!base->local_port)
			return -EAGAIN;
	}
	base->local = *addr;
	base->bound = true;
	return 0;
}

static int raw_connect(struct endpoint *base, const struct ip *peer, uint16_t port)
{
	base->connected = peer != NULL;
	base->peer_port = port;
	base->path = (struct ip_path){ 0 };
	if (!peer)
		return 0;
	base->peer = *peer;
	int rc = pb_endpoint_path(base, NULL, peer);
	if (rc == 0 && raw_of(base)->echo && !base->bound) {
		struct ip any = base->local;
		rc = raw_bind(base, &any, 0);
	}
	base->connected = rc == 0;
	return rc;
}

static bool is_icmp6(const struct raw_endpoint *e)
{
	return e->protocol == IPPROTO_ICMPV6;
}

/* What an echo endpoint sends must be a request; its identifier is ours. */
static int finish_request(struct raw_endpoint *e, struct pb_buf *data)
{
	struct endpoint *base = &e->base;
	uint8_t request = is_icmp6(e) ? PB_ICMP6_ECHO_REQUEST : PB_ICMP4_ECHO_REQUEST;
	struct pb_icmp_echo echo;

	if (!pb_icmp_echo_parse(&echo, data->data, data->len) || echo.type != request || data->data[1] != 0)
		return -EINVAL;
	if (!base->bound) {
		struct ip any = base->local;
		int rc = raw_bind(base, &any, 0);
		if (rc < 0)
			return rc;
	}
	data->data[4] = (uint8_t)(base->local_port >> 8);
	data->data[5] = (uint8_t)base->local_port;
	return 0;
}

/* The checksum is ours in echo requests and in all that is ICMPv6 (RFC 3542 §3.1); data is in one part. */
static int seal(struct raw_endpoint *e, struct pb_buf *data)
{
	const struct ip_path *path = &e->base.path;
	bool v6 = is_icmp6(e) && !e->header_included;

	if (!e->echo && !v6)
		return 0;
	if (data->len < 4)
		return -EINVAL;
	pb_icmp_seal(data->data, data->len,
		     v6 ? pb_ip_pseudo(&path->src, &path->dst, e->protocol, data->total) : 0);
	return 0;
}

static int raw_send(struct endpoint *base, const struct ip *from, const struct ip *to, uint16_t port,
		    struct pb_buf *data)
{
	struct raw_endpoint *e = raw_of(base);
	int rc = e->echo ? finish_request(e, data) : 0;

	(void)port;
	if (rc == 0)
		rc = pb_endpoint_path(base, from, to);
	if (rc == 0 && base->path.group && !ip_is_multicast(to) && !base->broadcast)
		rc = -EACCES;
	if (rc == 0)
		rc = seal(e, data);
	if (rc < 0) {
		pb_buf_free(data);
		return rc;
	}
	struct ip_send how = { .protocol = e->protocol,
			       .ttl = base->path.group ? base->group_ttl : base->ttl,
			       .tos = base->tos,
			       .dont_fragment = base->dont_fragment };
	rc = e->header_included ? pb_ip_send_raw(base->net, &base->path, data)
				: pb_ip_send(base->net, &base->path, &how, data);
	if ((e->protocol == IPPROTO_ICMP || is_icmp6(e)) && rc == 0) {
		e->raw->env->counters.icmp.OutMsgs++;
		e->raw->env->counters.icmp.OutEchos += e->echo;
	}
	rc = pb_endpoint_refused(base, to, 0, rc);
	if (from)
		base->path = (struct ip_path){ 0 };
	return rc;
}

static void raw_close(struct endpoint *base)
{
	list_remove(&raw_of(base)->link);
	pb_endpoint_fini(base);
	free(base);
}

static const struct endpoint_ops raw_ops = {
	.bind = raw_bind,
	.connect = raw_connect,
	.send = raw_send,
	.close = raw_close,
	.data_max = 65535 - 20,
};

struct raw_endpoint *pb_raw_open(struct raw *r, int family, uint8_t protocol, bool echo)
{
	struct raw_endpoint *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	pb_endpoint_init(&e->base, &raw_ops, r->env, r->net, family);
	e->raw = r;
	e->protocol = protocol;
	e->echo = echo;
	e->header_included = protocol == IPPROTO_RAW;
	list_push(&r->endpoints, &e->link);
	return e;
}

static bool filtered(const struct raw_endpoint *e, const struct ip_packet *p)
{
	uint8_t type = p->buf->len ? p->buf->data[0] : 0;

	if (!p->buf->len || (e->protocol != IPPROTO_ICMP && !is_icmp6(e)))
		return false;
	return e->icmp_filter[type / 32] >> type % 32 & 1;
}

/* An answer to a request of e's: the identifier tells. */
static bool answers(const struct raw_endpoint *e, const struct ip_packet *p)
{
	uint8_t reply = is_icmp6(e) ? PB_ICMP6_ECHO_REPLY : PB_ICMP4_ECHO_REPLY;
	struct pb_icmp_echo echo;

	return pb_icmp_echo_parse(&echo, p->buf->data, p->buf->len) && echo.type == reply &&
	       echo.id == e->base.local_port && e->base.bound;
}

static bool is_for(const struct raw_endpoint *e, const struct ip_packet *p)
{
	const struct endpoint *base = &e->base;

	if (e->protocol != p->protocol || !pb_endpoint_hears(base, p))
		return false;
	if (base->connected && !ip_equal(&base->peer, &p->src))
		return false;
	return e->echo ? answers(e, p) : !filtered(e, p);
}

/* A raw IPv4 endpoint is shown the IP header, too (raw(7)). NULL: out of memory. */
static struct pb_buf *shown(const struct raw_endpoint *e, const struct ip_packet *p)
{
	if (e->echo || !ip_is4(&p->dst))
		return pb_buf_slice(p->buf, 0, p->buf->total);
	struct pb_buf *b = pb_buf_new(e->raw->env->pool, 0, p->header_len);
	struct pb_buf *data = b ? pb_buf_slice(p->buf, 0, p->buf->total) : NULL;
	if (!data) {
		pb_buf_free(b);
		return NULL;
	}
	memcpy(pb_buf_extend(b, p->header_len), p->header, p->header_len);
	pb_buf_append(b, data);
	return b;
}

bool pb_raw_input(struct raw *r, const struct ip_packet *p)
{
	bool any = false;

	for (struct pb_link *l = r->endpoints.next; l != &r->endpoints; l = l->next) {
		struct raw_endpoint *e = container_of(l, struct raw_endpoint, link);
		if (!is_for(e, p))
			continue;
		struct datagram d = { .buf = shown(e, p),
				      .src = p->src,
				      .dst = p->dst,
				      .ttl = p->ttl,
				      .tos = p->tos,
				      .iface = p->iface->index };
		if (d.buf)
			pb_endpoint_push(&e->base, &d);
		any = true;
	}
	return any;
}

void pb_raw_complaint(struct raw *r, const struct ip_error *error)
{
	struct pb_icmp_echo echo;
	bool is_icmp = error->protocol == (ip_is4(&error->dst) ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	bool is_echo = is_icmp && pb_icmp_echo_parse(&echo, error->quote, error->quote_len);

	for (struct pb_link *l = r->endpoints.next; l != &r->endpoints; l = l->next) {
		struct raw_endpoint *e = container_of(l, struct raw_endpoint, link);
		if (e->protocol != error->protocol ||
		    (e->echo && !(is_echo && echo.id == e->base.local_port)) ||
		    (e->base.connected && !ip_equal(&e->base.peer, &error->dst)))
			continue;
		if (error->mtu)
			pb_ip_learn_mtu(r->net, &error->dst, error->mtu);
		if (ip_error_is_redirect(error))
			pb_ip_redirected(r->net, error);
		else
			pb_endpoint_complaint(&e->base, error, 0, error->quote, error->quote_len);
	}
}
