#include "net/ip6.h"

#include "net/fragment.h"
#include "net/group.h"
#include "net/icmp6.h"
#include "net/interface_id.h"
#include "net/internet_state.h"
#include "net/packet.h"
#include "net/send.h"
#include "wire/icmp6.h"
#include "wire/ip6.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#include <errno.h>

int pb_ip6_enable(struct iface *i, bool at_once)
{
	for (unsigned n = 0; n < i->address_count; n++)
		if (ip_is_link_local(&i->addresses[n]->ip))
			return 0;
	if (i->loopback)
		return 0;
	struct iface_address entry = { .bits = 64,
				       .state = i->device->ethernet && !at_once ? ADDRESS_TENTATIVE
										: ADDRESS_READY,
				       .origin = ADDRESS_LINK_LOCAL,
				       .preferred_until = PB_NEVER,
				       .valid_until = PB_NEVER,
				       .iface = i };
	struct ip prefix = {
		.bytes = {0xfe, 0x80}
	};
	entry.ip = pb_interface_id_stable(i, &prefix, 0);
	return pb_internet_add_entry(i->net, &entry);
}

/*
 * Input ----------------------------------------------------------------------------------------------------
 */

/* Whether src may be where a packet came from (RFC 4291 §2.5.2, §2.5.3, §2.7). */
static bool is_source(struct internet *net, struct iface *i, const struct ip6_header *h)
{
	if (ip_is_multicast(&h->src))
		return false;
	if (i->loopback)
		return true;
	if (ip_is_any(&h->src)) /* who has no address yet */
		return ip_is_multicast(&h->dst);
	return !ip_is_loopback(&h->src) && !pb_internet_is_local(net, &h->src); /* only we send in our name */
}

enum addressee { OURS, GROUP, FOREIGN, NOBODY };

static enum addressee addressee_of(struct internet *net, struct iface *i, const struct ip *src,
				   const struct ip *dst)
{
	if (ip_is_multicast(dst))
		return pb_group_joined(pb_internet_heard_on(i, src, dst), dst) ? GROUP : NOBODY;
	if (ip_is_loopback(dst) && !i->loopback) /* RFC 4291 §2.5.3 */
		return NOBODY;
	if (pb_internet_is_local(net, dst))
		return OURS;
	return net->foreign && !ip_is_any(dst) ? FOREIGN : NOBODY;
}

/* What we sent ourselves over the loopback interface: whose zone it is is known by the address. */
static struct ip in_own_zone(const struct internet *net, const struct ip *a)
{
	for (struct iface *i = net->ifaces; i && ip_has_zone(a); i = i->next) {
		struct ip zoned = ip_in_zone(a, i->index);
		if (pb_iface_address(i, &zoned))
			return zoned;
	}
	return *a;
}

/* The header in one piece, read and right by itself, its addresses in their zone. */
static bool read_header(struct iface *i, struct pb_buf *b, struct ip6_header *h)
{
	if (!pb_buf_gather(b, IP6_HEADER_LEN))
		return false;
	struct reader r = { .p = b->data, .left = b->len };
	if (!pb_ip6_parse(h, &r, b->total) || ip_zone(&h->src) || ip_zone(&h->dst))
		return false;
	h->src = i->loopback ? in_own_zone(i->net, &h->src) : ip_in_zone(&h->src, i->index);
	if (i->loopback && ip_is_multicast(&h->dst))
		h->dst = ip_in_zone(&h->dst, pb_internet_heard_on(i, &h->src, &h->dst)->index);
	else
		h->dst = i->loopback ? in_own_zone(i->net, &h->dst) : ip_in_zone(&h->dst, i->index);
	return true;
}

static void describe(struct ip_packet *p, struct iface *i, const struct ip6_header *h, struct pb_buf *b)
{
	p->buf = b;
	p->src = h->src;
	p->dst = h->dst;
	p->protocol = h->next;
	p->ttl = h->hop_limit;
	p->tos = h->traffic_class;
	p->iface = i;
	p->header = b->data;
	p->header_len = IP6_HEADER_LEN;
}

/* Between whom a packet may pass. */
static enum addressee judge_addresses(struct internet *net, struct iface *i, const struct ip6_header *h)
{
	if (internet_knows(i, &h->src, &h->dst))
		return OURS;
	enum addressee addressee = is_source(net, i, h) ? addressee_of(net, i, &h->src, &h->dst) : NOBODY;
	if (addressee == OURS)
		internet_remember(i, &h->src, &h->dst);
	return addressee;
}

static bool is_acceptable(struct internet *net, struct ip_packet *p, const struct ip6_header *h, bool shouted)
{
	enum addressee addressee = judge_addresses(net, p->iface, h);

	if (addressee == GROUP)
		p->iface = pb_internet_heard_on(p->iface, &h->src, &h->dst);
	/* As of IPv4 (RFC 1122 §3.3.6): a frame to all that holds a packet for one is an error, or worse. */
	if (addressee == NOBODY || (shouted && addressee != GROUP)) {
		net->env->counters.ip.InAddrErrors++;
		return false;
	}
	p->group = addressee == GROUP;
	p->foreign = addressee == FOREIGN;
	return true;
}

static enum ip_verdict refuse(struct internet *net, struct ip_packet *p)
{
	net->env->counters.ip.InHdrErrors++;
	pb_buf_free(p->buf);
	return IP_DONE;
}

static enum ip_verdict complain(struct internet *net, struct ip_packet *p, uint8_t code, uint32_t pointer)
{
	pb_icmp6_tell(
		net, p,
		&(struct icmp6_error){ .type = ICMP6_PARAMETER_PROBLEM, .code = code, .value = pointer });
	return refuse(net, p);
}

/* The first bytes of the packet in one piece: the header and what may be of interest behind it. */
static bool gather(struct internet *net, struct ip_packet *p, size_t len)
{
	struct pb_buf *b = p->buf;
	size_t n = b->total < len ? b->total : len;

	if (b->len < n)
		b = pb_packet_front(net->env->pool, b, 0, n);
	p->buf = b;
	if (!b) {
		net->env->counters.ip.InDiscards++;
		return false;
	}
	p->header = b->data;
	return true;
}

/* How much of a transport's header a first fragment must hold (RFC 7112 §4). */
static size_t transport_header_len(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return TCP_HEADER_LEN;
	case IPPROTO_UDP:
		return UDP_HEADER_LEN;
	case IPPROTO_ICMPV6:
		return ICMP6_ERROR_LEN;
	default:
		return 1;
	}
}

/*
 * Fragments: each is kept from its IPv6 header up to the fragment header, which goes when they are put
 * together. What belongs together is not told by what follows that header (RFC 8200 §4.5), so protocol is
 * 0.
 */
static struct pb_buf *without_fragment_header(struct env *env, struct pb_buf *b, const struct ip6_chain *c)
{
	struct pb_buf *whole = pb_buf_new(env->pool, IP_HEADROOM, c->fragment_at);

	if (!whole) {
		pb_buf_free(b);
		return NULL;
	}
	uint8_t *header = pb_buf_extend(whole, c->fragment_at);
	memcpy(header, b->data, c->fragment_at);
	header[c->fragment_next_at] = c->fragment.next;
	pb_buf_pull(b, (size_t)c->fragment_at + IP6_FRAGMENT_LEN);
	pb_buf_append(whole, b);
	size_t payload = whole->total - IP6_HEADER_LEN;
	header[IP6_PAYLOAD_LEN_AT] = (uint8_t)(payload >> 8);
	header[IP6_PAYLOAD_LEN_AT + 1] = (uint8_t)payload;
	return whole;
}

/* Takes p->buf; true: it is the whole packet now, without its fragment header. */
static bool reassemble(struct internet *net, struct ip_packet *p, const struct ip6_chain *c)
{
	struct fragment f = { .src = p->src,
			      .dst = p->dst,
			      .id = c->fragment.id,
			      .tos = p->tos,
			      .header_len = (uint16_t)(c->fragment_at + IP6_FRAGMENT_LEN),
			      .uncounted = IP6_HEADER_LEN + IP6_FRAGMENT_LEN,
			      .offset = c->fragment.offset,
			      .more = c->fragment.more,
			      .iface = p->iface };
	struct pb_buf *b = pb_reassembly_add(&net->reassembly, &f, p->buf);
	struct ip6_chain first;

	p->buf = NULL;
	if (!b || pb_ip6_walk(&first, b->data, f.header_len) == IP6_IS_REFUSED || f.header_len > b->len) {
		pb_buf_free(b);
		return false;
	}
	p->tos = f.tos;
	p->buf = without_fragment_header(net->env, b, &first);
	return p->buf != NULL;
}

/* What of a fragment can be wrong for itself (RFC 8200 §4.5, RFC 7112 §5). */
static bool is_sound_fragment(struct internet *net, struct ip_packet *p, const struct ip6_chain *c,
			      enum ip6_walk walk)
{
	size_t len = p->buf->total - c->fragment_at - IP6_FRAGMENT_LEN;

	if (c->fragment.more && len % 8 != 0) {
		complain(net, p, ICMP6_WRONG_FIELD, IP6_PAYLOAD_LEN_AT);
		return false;
	}
	if (c->fragment.offset + len > IP6_PAYLOAD_MAX) {
		complain(net, p, ICMP6_WRONG_FIELD, c->fragment_at + 2u);
		return false;
	}
	if (c->fragment.offset == 0 &&
	    (walk == IP6_IS_CUT || p->buf->total < c->len + transport_header_len(c->protocol))) {
		complain(net, p, ICMP6_INCOMPLETE_CHAIN, 0);
		return false;
	}
	return true;
}

/* The packet without its headers, the transport's in one piece. Takes p->buf. */
static enum ip_verdict deliver(struct internet *net, struct ip_packet *p, const struct ip6_chain *c,
			       struct ip_error *error)
{
	p->protocol = c->protocol;
	p->header_len = c->len;
	/* RFC 8200 §4.7; nobody without a name has anything to say but in neighbour discovery and MLD. */
	if (p->protocol == IP6_NONE || (ip_is_any(&p->src) && p->protocol != IPPROTO_ICMPV6))
		return refuse(net, p);
	if (!gather(net, p, (size_t)p->header_len + IP_GATHER))
		return IP_DONE;
	pb_buf_pull(p->buf, p->header_len);
	net->env->counters.ip.InDelivers++;
	return p->protocol == IPPROTO_ICMPV6 ? pb_icmp6_input(net, p, error) : IP_DELIVER;
}

/* Takes p->buf, whose first header is sound and for us; once: it was put together already. */
static enum ip_verdict look_behind(struct internet *net, struct ip_packet *p, bool once,
				   struct ip_error *error)
{
	struct ip6_chain c;
	bool chained = pb_ip6_is_extension(p->protocol);

	if (!gather(net, p, IP6_HEADER_LEN + (chained ? IP6_CHAIN_LEN_MAX : 0) + IP_GATHER))
		return IP_DONE;
	enum ip6_walk walk = pb_ip6_walk(&c, p->buf->data, p->buf->len);
	if (walk == IP6_IS_PROBLEM || walk == IP6_IS_UNKNOWN_OPTION) {
		if (walk == IP6_IS_UNKNOWN_OPTION || !p->group)
			return complain(net, p, c.problem, c.pointer);
		return refuse(net, p);
	}
	if (walk == IP6_IS_REFUSED || (walk == IP6_IS_CUT && !c.is_fragment) || (c.is_fragment && once))
		return refuse(net, p);
	if (!c.is_fragment)
		return deliver(net, p, &c, error);
	if (!is_sound_fragment(net, p, &c, walk) || !reassemble(net, p, &c))
		return IP_DONE;
	p->header = p->buf->data;
	p->protocol = p->header[IP6_NEXT_AT];
	return look_behind(net, p, true, error);
}

enum ip_verdict pb_ip6_input(struct internet *net, struct iface *i, struct pb_buf *b, bool shouted,
			     struct ip_packet *packet, struct ip_error *error)
{
	struct ip6_header h;

	net->env->counters.ip.InReceives++;
	if (!read_header(i, b, &h)) {
		net->env->counters.ip.InHdrErrors++;
		pb_buf_free(b);
		return IP_DONE;
	}
	if (IP6_HEADER_LEN + (size_t)h.payload_len < b->total)
		pb_buf_trim(b, IP6_HEADER_LEN + (size_t)h.payload_len); /* link padding */
	describe(packet, i, &h, b);
	internet_count_ecn(net, h.traffic_class, b);
	if (!is_acceptable(net, packet, &h, shouted)) {
		pb_buf_free(b);
		return IP_DONE;
	}
	return look_behind(net, packet, false, error);
}

void pb_ip6_reassembly_expired(struct iface *i, const struct fragment *first, struct pb_buf *b)
{
	struct ip_packet p = { .buf = b,
			       .src = first->src,
			       .dst = first->dst,
			       .group = ip_is_multicast(&first->dst),
			       .iface = i,
			       .header = b->data,
			       .header_len = first->header_len };

	pb_icmp6_tell(
		i->net, &p,
		&(struct icmp6_error){ .type = ICMP6_TIME_EXCEEDED, .code = ICMP6_REASSEMBLY_EXCEEDED });
}

/*
 * Output ---------------------------------------------------------------------------------------------------
 */

/* RFC 6437 §3: a number that looks like chance, and the same for all packets of a flow. */
static uint32_t flow_label(const struct internet *net, const struct ip_path *path, const struct ip_send *how,
			   const struct pb_buf *b)
{
	uint8_t key[16 + 16 + 1 + 4] = { 0 };
	bool has_ports = how->protocol == IPPROTO_TCP || how->protocol == IPPROTO_UDP;

	memcpy(key, path->src.bytes, 16);
	memcpy(key + 16, path->dst.bytes, 16);
	key[32] = how->protocol;
	if (has_ports && b->len >= 4)
		memcpy(key + 33, b->data, 4);
	return (uint32_t)pb_siphash13(&net->key, key, sizeof key) & 0xfffff;
}

static struct ip6_header make_header(const struct internet *net, const struct ip_path *path,
				     const struct ip_send *how, const struct pb_buf *b)
{
	struct ip6_header h = { .traffic_class = how->tos,
				.flow_label = flow_label(net, path, how, b),
				.payload_len = (uint16_t)b->total,
				.next = how->protocol,
				.hop_limit = how->ttl,
				.src = ip_in_zone(&path->src, 0),
				.dst = ip_in_zone(&path->dst, 0) };

	if (!h.hop_limit) /* RFC 3493 §5.2 for groups */
		h.hop_limit = ip_is_multicast(&path->dst) ? 1 : path->iface->hop_limit;
	return h;
}

static int send_in_fragments(struct internet *net, struct ip_path *path, const struct ip6_header *h,
			     struct pb_buf *b)
{
	struct pb_buf_queue fragments = { 0 };
	uint32_t id = (uint32_t)pb_rng_next(&net->env->rng); /* RFC 7739 §5: not to be guessed */

	b = send_sealed(net, b);
	int rc = b ? pb_fragment_ip6(net->env, h, id, b, path->mtu, &fragments) : -ENOBUFS;
	return send_fragments(path, &fragments, rc);
}

static int send_whole(struct internet *net, struct ip_path *path, const struct ip6_header *h,
		      struct pb_buf *b)
{
	b = send_front(net, b, IP6_HEADER_LEN);
	if (!b)
		return -ENOBUFS;
	struct writer w = { .p = pb_buf_push(b, IP6_HEADER_LEN), .left = IP6_HEADER_LEN };
	pb_ip6_write(h, &w);
	return pb_internet_transmit(path, b);
}

int pb_ip6_send(struct internet *net, struct ip_path *path, const struct ip_send *how, struct pb_buf *b)
{
	int fits = send_fits(net, path, how, IP6_HEADER_LEN, IP6_PAYLOAD_MAX, b);

	if (fits < 0)
		return fits;
	struct ip6_header h = make_header(net, path, how, b);
	return fits ? send_whole(net, path, &h, b) : send_in_fragments(net, path, &h, b);
}

/* The header is the sender's, but for its length (Linux: rawv6_send_hdrinc()). */
int pb_ip6_send_raw(struct internet *net, struct ip_path *path, struct pb_buf *b)
{
	net->env->counters.ip.OutRequests++;
	if (b->len < IP6_HEADER_LEN || b->data[0] >> 4 != 6 || b->total > path->mtu) {
		int rc = b->total > path->mtu ? -EMSGSIZE : -EINVAL;
		pb_buf_free(b);
		return rc;
	}
	size_t payload = b->total - IP6_HEADER_LEN;
	b->data[IP6_PAYLOAD_LEN_AT] = (uint8_t)(payload >> 8);
	b->data[IP6_PAYLOAD_LEN_AT + 1] = (uint8_t)payload;
	return pb_internet_transmit(path, b);
}
