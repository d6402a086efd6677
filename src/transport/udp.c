#include "transport/udp.h"

#include "base/checksum.h"
#include "wire/udp.h"

#include <errno.h>
#include <stdlib.h>

static struct udp_endpoint *udp_of(struct endpoint *e)
{
	return (struct udp_endpoint *)e;
}

int pb_udp_init(struct udp *u, struct env *env, struct internet *net, size_t endpoints_max)
{
	*u = (struct udp){ .env = env, .net = net };
	int rc = pb_ports_init(&u->ports, &env->rng, false);
	if (rc == 0)
		rc = pb_pairs_init(&u->pairs, pb_rng_key(&env->rng), endpoints_max);
	return rc;
}

void pb_udp_fini(struct udp *u)
{
	pb_pairs_fini(&u->pairs);
	pb_ports_fini(&u->ports);
}

/*
 * Binding and connecting
 * --------------------------------------------------------------------------------------------
 */

static int udp_bind(struct endpoint *base, const struct ip *addr, uint16_t port)
{
	struct udp_endpoint *e = udp_of(base);

	e->binding.addr = *addr;
	e->binding.port = port;
	e->binding.v6only = base->v6only;
	pb_udp_share_port(e);
	e->binding.any = base->any;
	e->binding.listening = true;
	int rc = pb_ports_bind(&e->udp->ports, e->udp->env, &e->binding);
	if (rc < 0)
		return rc;
	base->bound = true;
	base->local = *addr;
	base->local_port = e->binding.port;
	e->port_chosen = port == 0;
	return 0;
}

void pb_udp_share_port(struct udp_endpoint *e)
{
	e->binding.reuse_addr = e->base.reuse_addr;
	e->binding.reuse_port = e->base.reuse_port;
}

static void unpair(struct udp_endpoint *e)
{
	if (!e->paired)
		return;
	pb_pairs_remove(&e->udp->pairs, &e->entry);
	e->paired = false;
	pb_ports_set_connected(&e->udp->ports, &e->binding, false);
}

/* AF_UNSPEC: the peer goes, and with it what connecting had chosen (Linux: __udp_disconnect()). */
static void udp_disconnect(struct udp_endpoint *e)
{
	struct endpoint *base = &e->base;

	unpair(e);
	base->connected = false;
	base->peer_port = 0;
	base->path = (struct ip_path){ 0 };
	base->local = e->binding.addr;
	if (base->bound && e->port_chosen && e->binding.port) {
		pb_ports_release(&e->udp->ports, &e->binding);
		base->bound = false;
		base->local_port = 0;
	}
}

static int udp_connect(struct endpoint *base, const struct ip *peer, uint16_t port)
{
	struct udp_endpoint *e = udp_of(base);
	int rc = 0;

	if (!peer) {
		udp_disconnect(e);
		return 0;
	}
	if (base->connected) { /* another peer, and perhaps another source */
		unpair(e);
		base->local = e->binding.addr;
		base->path = (struct ip_path){ 0 };
	}
	rc = pb_endpoint_path(base, NULL, peer);
	if (rc == 0 && !base->bound) {
		struct ip any = base->local;
		rc = udp_bind(base, &any, 0);
	}
	if (rc < 0)
		return rc;
	if (ip_is_any(&base->local))
		base->local = base->path.src;
	base->peer = *peer;
	base->peer_port = port;
	base->connected = true;
	e->entry.pair = (struct socket_pair){ base->local, *peer, base->local_port, port };
	e->paired = pb_pairs_add(&e->udp->pairs, &e->entry) == 0; /* else it is found by its binding */
	if (e->paired)
		pb_ports_set_connected(&e->udp->ports, &e->binding, true);
	return 0;
}

static void udp_close(struct endpoint *base)
{
	struct udp_endpoint *e = udp_of(base);

	unpair(e);
	if (base->bound)
		pb_ports_release(&e->udp->ports, &e->binding);
	pb_endpoint_fini(base);
	free(e);
}

/*
 * Sending
 * -----------------------------------------------------------------------------------------------------------
 */

/*
 * Put the header in front. The checksum is left to the edge: the field has the pseudo-header's sum (RFC 768).
 * data has the room.
 */
static void push_header(struct pb_buf *data, const struct ip_path *path, uint16_t from, uint16_t to)
{
	uint32_t len = data->total + UDP_HEADER_LEN;
	struct udp_header h = { .src_port = from, .dst_port = to, .len = (uint16_t)len };
	uint64_t pseudo = pb_ip_pseudo(&path->src, &path->dst, IPPROTO_UDP, len);
	struct writer w = { .p = pb_buf_push(data, UDP_HEADER_LEN), .left = UDP_HEADER_LEN };

	h.checksum = (uint16_t)~pb_checksum_finish(pseudo);
	pb_udp_write(&h, &w);
	data->transport = data->data;
	data->checksum_offset = UDP_CHECKSUM_AT;
	data->checksum = PB_CHECKSUM_WANTED;
}

static int udp_send(struct endpoint *base, const struct ip *from, const struct ip *to, uint16_t port,
		    struct pb_buf *data)
{
	struct udp_endpoint *e = udp_of(base);
	struct pb_counters *n = &e->udp->env->counters;
	int rc = pb_endpoint_path(base, from, to);

	if (rc == 0 && !base->bound) {
		struct ip any = base->local;
		rc = udp_bind(base, &any, 0);
	}
	if (rc == 0 && base->path.group && !ip_is_multicast(to) && !base->broadcast)
		rc = -EACCES; /* SO_BROADCAST: socket(7) */
	if (rc < 0) {
		pb_buf_free(data);
		return rc;
	}
	push_header(data, &base->path, base->local_port, port);
	struct ip_send how = { .protocol = IPPROTO_UDP,
			       .ttl = base->path.group ? base->group_ttl : base->ttl,
			       .tos = base->tos,
			       .dont_fragment = base->dont_fragment };
	rc = pb_ip_send(base->net, &base->path, &how, data);
	n->udp.OutDatagrams += rc == 0;
	n->udp.SndbufErrors += rc == -ENOBUFS;
	rc = pb_endpoint_refused(base, to, port, rc);
	if (from)
		base->path = (struct ip_path){ 0 }; /* the next datagram has a source of its own */
	return rc;
}

static const struct endpoint_ops udp_ops = {
	.bind = udp_bind,
	.connect = udp_connect,
	.send = udp_send,
	.close = udp_close,
	.headroom = UDP_HEADER_LEN,
	.data_max = 65535 - 20 - UDP_HEADER_LEN,
};

struct udp_endpoint *pb_udp_open(struct udp *u, int family)
{
	struct udp_endpoint *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	pb_endpoint_init(&e->base, &udp_ops, u->env, u->net, family);
	e->udp = u;
	e->binding.addr = e->base.local;
	e->binding.owner = e;
	list_init(&e->binding.link);
	return e;
}

/*
 * Receiving
 * ---------------------------------------------------------------------------------------------------------
 */

static bool checksum_good(const struct ip_packet *p, const struct udp_header *h)
{
	if (p->buf->checksum != PB_CHECKSUM_UNKNOWN || (h->checksum == 0 && ip_is4(&p->dst)))
		return true; /* RFC 768: none was made; RFC 8200 §8.1: there must be one */
	return h->checksum != 0 &&
	       pb_checksum_finish(pb_checksum_add_packet(pb_ip_pseudo(&p->src, &p->dst, IPPROTO_UDP, h->len),
							 p->buf, 0)) == 0;
}

static void give(struct udp_endpoint *e, const struct ip_packet *p, const struct udp_header *h,
		 struct pb_buf *data)
{
	struct pb_counters *n = &e->udp->env->counters;
	struct datagram d = { .buf = data,
			      .src = p->src,
			      .dst = p->dst,
			      .src_port = h->src_port,
			      .ttl = p->ttl,
			      .tos = p->tos,
			      .iface = p->iface->index };

	if (pb_endpoint_push(&e->base, &d))
		n->udp.InDatagrams++;
	else
		n->udp.RcvbufErrors++;
}

struct group_delivery {
	const struct ip_packet *packet;
	const struct udp_header *header;
	bool heard;
};

static void give_slice(struct binding *b, void *context)
{
	struct group_delivery *g = context;
	struct udp_endpoint *e = b->owner;
	const struct ip_packet *p = g->packet;

	if (!pb_endpoint_hears(&e->base, p) ||
	    (e->base.connected &&
	     (!ip_equal(&e->base.peer, &p->src) || e->base.peer_port != g->header->src_port)))
		return;
	struct pb_buf *data = pb_buf_slice(p->buf, 0, p->buf->total);
	if (data)
		give(e, p, g->header, data);
	g->heard = true;
}

/* What is for a group goes to all that hear it, each with a reference to the same bytes. */
static void give_all(struct udp *u, struct ip_packet *p, const struct udp_header *h)
{
	struct group_delivery g = { p, h, false };

	pb_ports_each_at(&u->ports, h->dst_port, give_slice, &g);
	u->env->counters.udp.NoPorts += !g.heard;
	pb_buf_free(p->buf);
}

/* Who is to have a datagram from src:src_port to dst:dst_port; NULL: nobody. */
static struct udp_endpoint *find(struct udp *u, const struct socket_pair *pair, bool foreign)
{
	struct pair_entry *entry = u->pairs.count ? pb_pairs_find(&u->pairs, pair) : NULL;

	if (entry)
		return container_of(entry, struct udp_endpoint, entry);
	struct binding *b = pb_ports_find(&u->ports, &pair->local, pair->local_port,
					  (uint32_t)pb_siphash13(&u->pairs.key, pair, sizeof *pair), foreign);
	return b ? b->owner : NULL;
}

static void deliver(struct udp *u, struct ip_packet *p, const struct udp_header *h)
{
	struct socket_pair pair = { p->dst, p->src, h->dst_port, h->src_port };
	struct udp_endpoint *e = find(u, &pair, p->foreign);

	if (e && e->base.connected && !(ip_equal(&e->base.peer, &p->src) && e->base.peer_port == h->src_port))
		e = NULL; /* it hears its peer only */
	if (!e || (e->base.interface && e->base.interface != p->iface->index)) {
		u->env->counters.udp.NoPorts++;
		pb_icmp_port_unreachable(u->net, p); /* RFC 1122 §4.1.3.1 */
		pb_buf_free(p->buf);
		return;
	}
	pb_buf_pull(p->buf, UDP_HEADER_LEN);
	give(e, p, h, p->buf);
}

void pb_udp_input(struct udp *u, struct ip_packet *p)
{
	struct reader r = { .p = p->buf->data, .left = p->buf->len };
	struct udp_header h;
	bool parsed = pb_udp_parse(&h, &r, p->buf->total);

	if (parsed)
		pb_buf_trim(p->buf, h.len);
	if (!parsed || !checksum_good(p, &h)) {
		u->env->counters.udp.InErrors++;
		u->env->counters.udp.InCsumErrors += parsed;
		pb_buf_free(p->buf);
		return;
	}
	if (p->group) {
		pb_buf_pull(p->buf, UDP_HEADER_LEN);
		give_all(u, p, &h);
	} else {
		deliver(u, p, &h);
	}
}

/* The quote is the datagram that we sent: its source is ours. Of its header the ports tell which, and nothing else. */
void pb_udp_complaint(struct udp *u, const struct ip_error *error)
{
	struct reader r = { .p = error->quote, .left = error->quote_len };
	struct udp_header h = { .src_port = 0 };

	pb_udp_parse(&h, &r, 65535);
	if (r.bad)
		return;
	struct socket_pair pair = { error->src, error->dst, h.src_port, h.dst_port };
	struct udp_endpoint *e = find(u, &pair, false);
	if (!e)
		return;
	if (ip_error_is_redirect(error)) {
		pb_ip_redirected(u->net, error);
		return;
	}
	if (error->mtu) /* what is believed of a path is what somebody here has sent (RFC 8201 §4) */
		pb_ip_learn_mtu(u->net, &error->dst, error->mtu);
	pb_endpoint_complaint(&e->base, error, h.dst_port, error->quote + UDP_HEADER_LEN,
			      error->quote_len - UDP_HEADER_LEN);
}

struct each {
	void (*fn)(struct udp_endpoint *e, void *context);
	void *context;
};

static void each_binding(struct binding *b, void *context)
{
	struct each *each = context;

	each->fn(b->owner, each->context);
}

void pb_udp_each(struct udp *u, void (*fn)(struct udp_endpoint *e, void *context), void *context)
{
	struct each each = { fn, context };

	pb_ports_each(&u->ports, each_binding, &each);
}
