#include "net/ip4.h"

#include "base/checksum.h"
#include "net/fragment.h"
#include "net/group.h"
#include "net/icmp4.h"
#include "net/internet_state.h"
#include "net/packet.h"
#include "net/send.h"
#include "wire/ethernet.h"
#include "wire/ip4.h"

#include <errno.h>

/* Input -------------------------------------------------------------------------------------------------- */

/* Whether src may be where a packet came from (RFC 1122 §3.2.1.3). */
static bool is_source(struct internet *net, struct iface *i, const struct ip4_header *h)
{
	const uint8_t *src = ip_bytes4(&h->src);

	if (i->loopback)
		return !ip_is_multicast(&h->src);
	/* 224.0.0.0/4 is for groups, 240.0.0.0/4 for nobody, with the limited broadcast in it. */
	if (src[0] >= 224 || src[0] == 127 || pb_iface_is_broadcast(i, &h->src))
		return false;
	if (src[0] == 0) /* who has no address yet (RFC 1122 §3.2.1.3 (a)) */
		return ip_is_any(&h->src) && pb_iface_is_broadcast(i, &h->dst);
	return !pb_internet_is_local(net, &h->src); /* nobody but us sends in our name */
}

enum addressee { OURS, GROUP, FOREIGN, NOBODY };

static enum addressee addressee_of(struct internet *net, struct iface *i, const struct ip *src,
				   const struct ip *dst)
{
	if (ip_is_multicast(dst))
		return pb_group_joined(pb_internet_heard_on(i, src, dst), dst) ? GROUP : NOBODY;
	if (pb_iface_is_broadcast(i, dst))
		return GROUP;
	if (ip_is_loopback(dst) && !i->loopback) /* RFC 1122 §3.2.1.3 (g) */
		return NOBODY;
	if (pb_internet_is_local(net, dst))
		return OURS;
	return net->foreign && !ip_is_any(dst) ? FOREIGN : NOBODY;
}

static bool has_source_route(const struct ip4_header *h)
{
	struct reader r = pb_ip4_options(h);
	struct ip4_option o;

	while (pb_ip4_option(&o, &r))
		if (o.type == IP4_OPTION_LOOSE_ROUTE || o.type == IP4_OPTION_STRICT_ROUTE)
			return true;
	return false;
}

/* The header in one piece, read and right by itself. */
static bool read_header(struct pb_buf *b, struct ip4_header *h)
{
	if (!pb_buf_gather(b, IP4_HEADER_LEN))
		return false;
	size_t len = (size_t)(b->data[0] & 15) * 4;
	if (!pb_buf_gather(b, len))
		return false;
	struct reader r = { .p = b->data, .left = b->len };
	return pb_ip4_parse(h, &r, b->total);
}

static void describe(struct ip_packet *p, struct iface *i, const struct ip4_header *h, struct pb_buf *b)
{
	p->buf = b;
	p->src = h->src;
	p->dst = h->dst;
	p->protocol = h->protocol;
	p->ttl = h->ttl;
	p->tos = h->tos;
	p->iface = i;
	p->header = b->data;
	p->header_len = h->len;
}

/* The packet without its header, the transport's in one piece. Takes b. */
static enum ip_verdict deliver(struct internet *net, struct ip_packet *p, struct pb_buf *b,
			       struct ip_error *error)
{
	size_t wanted = (size_t)p->header_len + IP_GATHER, n = b->total < wanted ? b->total : wanted;

	if (b->len < n)
		b = pb_packet_front(net->env->pool, b, 0, n);
	if (!b) {
		net->env->counters.ip.InDiscards++;
		return IP_DONE;
	}
	p->buf = b;
	p->header = b->data;
	pb_buf_pull(b, p->header_len);
	net->env->counters.ip.InDelivers++;
	if (p->protocol == IPPROTO_IGMP && !p->foreign)
		pb_group_input(p);
	return p->protocol == IPPROTO_ICMP ? pb_icmp4_input(net, p, error) : IP_DELIVER;
}

/* Takes b; the whole packet, when it is all there. */
static struct pb_buf *reassemble(struct internet *net, struct ip_packet *p, const struct ip4_header *h,
				 struct pb_buf *b)
{
	struct fragment f = { .src = h->src,
			      .dst = h->dst,
			      .id = h->id,
			      .protocol = h->protocol,
			      .tos = h->tos,
			      .header_len = h->len,
			      .offset = h->fragment_offset,
			      .more = h->more_fragments,
			      .iface = p->iface };

	b = pb_reassembly_add(&net->reassembly, &f, b);
	if (b) {
		p->tos = f.tos;
		p->header_len = f.header_len;
	}
	return b;
}

/* Between whom a packet may pass. */
static enum addressee judge_addresses(struct internet *net, struct iface *i, const struct ip4_header *h)
{
	if (internet_knows(i, &h->src, &h->dst))
		return OURS;
	enum addressee addressee = is_source(net, i, h) ? addressee_of(net, i, &h->src, &h->dst) : NOBODY;
	if (addressee == OURS)
		internet_remember(i, &h->src, &h->dst);
	return addressee;
}

/* What is wrong with a packet whose header is well formed; it is told where that is asked for. */
static bool is_acceptable(struct internet *net, struct ip_packet *p, const struct ip4_header *h, bool shouted)
{
	enum addressee addressee = judge_addresses(net, p->iface, h);

	if (addressee == GROUP)
		p->iface = pb_internet_heard_on(p->iface, &h->src, &h->dst);
	/* RFC 1122 §3.3.6: a frame to all that holds a packet for one is an error, or worse. */
	if (addressee == NOBODY || (shouted && addressee != GROUP)) {
		net->env->counters.ip.InAddrErrors++;
		return false;
	}
	p->group = addressee == GROUP;
	p->foreign = addressee == FOREIGN;
	if (h->len == IP4_HEADER_LEN)
		return true;
	unsigned fault = pb_ip4_options_fault(h);
	if (!fault && !has_source_route(h))
		return true;
	net->env->counters.ip.InHdrErrors++;
	if (fault) /* RFC 1122 §3.2.2.5 */
		pb_icmp4_parameter_problem(net, p, fault);
	return false;
}

enum ip_verdict pb_ip4_input(struct internet *net, struct iface *i, struct pb_buf *b, bool shouted,
			     struct ip_packet *packet, struct ip_error *error)
{
	struct ip4_header h;

	net->env->counters.ip.InReceives++;
	if (!read_header(b, &h)) {
		net->env->counters.ip.InHdrErrors++;
		pb_buf_free(b);
		return IP_DONE;
	}
	if (h.packet_len < b->total)
		pb_buf_trim(b, h.packet_len); /* link padding */
	describe(packet, i, &h, b);
	internet_count_ecn(net, h.tos, b);
	if (!is_acceptable(net, packet, &h, shouted)) {
		pb_buf_free(b);
		return IP_DONE;
	}
	if (ip4_is_fragment(&h) && !(b = reassemble(net, packet, &h, b)))
		return IP_DONE;
	return deliver(net, packet, b, error);
}

void pb_ip4_reassembly_expired(struct iface *i, const struct fragment *first, struct pb_buf *b)
{
	struct internet *net = i->net;
	struct ip_packet p = { .buf = b,
			       .src = first->src,
			       .dst = first->dst,
			       .protocol = first->protocol,
			       .iface = i,
			       .header = b->data,
			       .header_len = first->header_len };

	p.group = addressee_of(net, i, &first->src, &first->dst) == GROUP;
	pb_icmp4_reassembly_exceeded(net, &p);
}

/* Output ------------------------------------------------------------------------------------------------- */

static void fill_header(struct ip4_header *h, struct internet *net, const struct ip_path *path,
			const struct ip_send *how, const struct pb_buf *b)
{
	*h = (struct ip4_header){ .len = IP4_HEADER_LEN };
	h->tos = how->tos;
	h->packet_len = (uint16_t)(IP4_HEADER_LEN + b->total);
	h->dont_fragment = how->dont_fragment && !path->narrow;
	h->protocol = how->protocol;
	h->ttl = how->ttl;
	h->src = path->src;
	h->dst = path->dst;
	if (!h->ttl) /* RFC 1112 §6.1 */
		h->ttl = ip_is_multicast(&path->dst) ? 1 : IP_TTL_DEFAULT;
	if (!h->dont_fragment) { /* RFC 6864 §4.1: otherwise it says nothing */
		h->id = net->ids[path->id];
		net->ids[path->id] += b->segment_size ? (uint16_t)(b->total / b->segment_size + 1) : 1;
	}
}

static int send_in_fragments(struct internet *net, struct ip_path *path, const struct ip4_header *h,
			     struct pb_buf *b)
{
	struct pb_buf_queue fragments = { 0 };

	b = send_sealed(net, b);
	int rc = b ? pb_fragment_ip4(net->env, h, b, path->mtu, &fragments) : -ENOBUFS;
	return send_fragments(path, &fragments, rc);
}

static int send_whole(struct internet *net, struct ip_path *path, const struct ip4_header *h,
		      struct pb_buf *b)
{
	b = send_front(net, b, IP4_HEADER_LEN);
	if (!b)
		return -ENOBUFS;
	struct writer w = { .p = pb_buf_push(b, IP4_HEADER_LEN), .left = IP4_HEADER_LEN };
	pb_ip4_write(h, &w);
	return pb_internet_transmit(path, b);
}

int pb_ip4_send(struct internet *net, struct ip_path *path, const struct ip_send *how, struct pb_buf *b)
{
	int fits = send_fits(net, path, how, IP4_HEADER_LEN, IP4_LEN_MAX - IP4_HEADER_LEN, b);

	if (fits < 0)
		return fits;
	struct ip4_header h;
	fill_header(&h, net, path, how, b);
	return fits ? send_whole(net, path, &h, b) : send_in_fragments(net, path, &h, b);
}

void pb_ip4_send_igmp(struct iface *i, const struct ip *src, const struct ip *dst, const uint8_t *message,
		      size_t len)
{
	static const uint8_t router_alert[4] = { IP4_OPTION_ROUTER_ALERT, 4 }; /* RFC 2113 §2.1 */
	struct ip4_header h = { .len = IP4_HEADER_LEN + sizeof router_alert,
				.tos = 0xc0, /* RFC 3376 §4: internetwork control */
				.packet_len = (uint16_t)(IP4_HEADER_LEN + sizeof router_alert + len),
				.protocol = IPPROTO_IGMP,
				.ttl = 1,
				.src = *src,
				.dst = *dst,
				.options = router_alert };
	struct pb_buf *b = pb_buf_new(i->env->pool, IP_HEADROOM, len);
	uint8_t mac[PB_MAC_LEN];

	if (!b)
		return;
	memcpy(pb_buf_extend(b, len), message, len);
	struct writer w = { .p = pb_buf_push(b, h.len), .left = h.len };
	pb_ip4_write(&h, &w);
	pb_internet_group_mac(dst, mac);
	i->env->counters.ip.OutRequests++;
	pb_iface_send(i, mac, ETHERNET_IP4, b);
}

static void put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* As raw(7) has it: length and checksum are ours to fill in, an identification and a source of zero, too. */
int pb_ip4_send_raw(struct internet *net, struct ip_path *path, struct pb_buf *b)
{
	net->env->counters.ip.OutRequests++;
	size_t len = b->len ? (size_t)(b->data[0] & 15) * 4 : 0;
	if (len < IP4_HEADER_LEN || len > b->total || b->data[0] >> 4 != 4) {
		pb_buf_free(b);
		return -EINVAL;
	}
	if (b->total > path->mtu) {
		pb_buf_free(b);
		return -EMSGSIZE;
	}
	b = pb_packet_front(net->env->pool, b, 0, len);
	if (!b)
		return -ENOBUFS;
	if (!b->data[IP4_ID_AT] && !b->data[IP4_ID_AT + 1])
		put16(b->data + IP4_ID_AT, net->ids[path->id]++);
	struct ip src = ip_from4(b->data + IP4_SRC_AT);
	if (ip_is_any(&src))
		memcpy(b->data + IP4_SRC_AT, ip_bytes4(&path->src), 4);
	put16(b->data + IP4_LEN_AT, b->total);
	put16(b->data + IP4_CHECKSUM_AT, 0);
	put16(b->data + IP4_CHECKSUM_AT, pb_checksum(b->data, len));
	return pb_internet_transmit(path, b);
}
