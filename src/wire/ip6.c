/*
 *  RFC 8200 §3
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |Version| Traffic Class |           Flow Label                  |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |         Payload Length        |  Next Header  |   Hop Limit   |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                    Source Address (16 bytes)                  |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                 Destination Address (16 bytes)                |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
#include "wire/ip6.h"

#include "wire/icmp6.h"

#include <assert.h>

bool pb_ip6_parse(struct ip6_header *h, struct reader *r, size_t came)
{
	struct reader in = *r;

	if (in.left < IP6_HEADER_LEN)
		return false;
	uint32_t first = rd_u32(&in);
	h->traffic_class = (uint8_t)(first >> 20);
	h->flow_label = first & 0xfffff;
	h->payload_len = rd_u16(&in);
	h->next = rd_u8(&in);
	h->hop_limit = rd_u8(&in);
	h->src = ip_from6(rd_bytes(&in, 16));
	h->dst = ip_from6(rd_bytes(&in, 16));
	*r = in;
	return first >> 28 == 6 && came >= IP6_HEADER_LEN && h->payload_len <= came - IP6_HEADER_LEN &&
	       !ip_is4(&h->src) && !ip_is4(&h->dst);
}

bool pb_ip6_write(const struct ip6_header *h, struct writer *w)
{
	wr_u32(w, UINT32_C(6) << 28 | (uint32_t)h->traffic_class << 20 | (h->flow_label & 0xfffff));
	wr_u16(w, h->payload_len);
	wr_u8(w, h->next);
	wr_u8(w, h->hop_limit);
	wr_bytes(w, h->src.bytes, 16);
	wr_bytes(w, h->dst.bytes, 16);
	return !w->bad;
}

/*
 *  RFC 8200 §4.5
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  Next Header  |   Reserved    |      Fragment Offset    |Res|M|
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                         Identification                        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
bool pb_ip6_fragment_write(const struct ip6_fragment *f, struct writer *w)
{
	assert(f->offset % 8 == 0);
	wr_u8(w, f->next);
	wr_u8(w, 0);
	wr_u16(w, (uint16_t)(f->offset | f->more));
	wr_u32(w, f->id);
	return !w->bad;
}

static bool read_fragment(struct ip6_fragment *f, struct reader *r)
{
	f->next = rd_u8(r);
	rd_u8(r);
	uint16_t offset = rd_u16(r);
	f->offset = offset & 0xfff8;
	f->more = offset & 1;
	f->id = rd_u32(r);
	return !r->bad;
}

/*
 * The chain ------------------------------------------------------------------------------------------------
 */

bool pb_ip6_is_extension(uint8_t next)
{
	return next == IP6_HOP_BY_HOP || next == IP6_ROUTING || next == IP6_FRAGMENT ||
	       next == IP6_DESTINATION;
}

static enum ip6_walk problem(struct ip6_chain *c, uint8_t code, size_t pointer)
{
	c->problem = code;
	c->pointer = (uint16_t)pointer;
	return code == ICMP6_UNKNOWN_OPTION ? IP6_IS_UNKNOWN_OPTION : IP6_IS_PROBLEM;
}

/* An option that we don't know: its two highest bits say what is to be done (RFC 8200 §4.2). */
static enum ip6_walk judge_unknown(struct ip6_chain *c, uint8_t type, size_t at)
{
	switch (type >> 6) {
	case 0:
		return IP6_IS_WELL;
	case 1:
		return IP6_IS_REFUSED;
	case 2:
		return problem(c, ICMP6_UNKNOWN_OPTION, at);
	default: /* but not where it is to a group */
		problem(c, ICMP6_UNKNOWN_OPTION, at);
		return IP6_IS_PROBLEM;
	}
}

/* The options of a hop-by-hop or destination header, from packet + at on. */
static enum ip6_walk walk_options(struct ip6_chain *c, const uint8_t *packet, size_t at, size_t end)
{
	struct reader r = { .p = packet + at, .left = end - at };
	unsigned options = 0, padding = 0;

	while (r.left) {
		size_t here = (size_t)(r.p - packet);
		uint8_t type = rd_u8(&r), len = type == IP6_OPTION_PAD1 ? 0 : rd_u8(&r);
		rd_bytes(&r, len);
		if (r.bad) /* RFC 8200 §4: it would reach beyond its header */
			return problem(c, ICMP6_WRONG_FIELD, here);
		padding = type > IP6_OPTION_PADN ? 0 : padding + (unsigned)((size_t)(r.p - packet) - here);
		if (padding > IP6_PADDING_MAX)
			return IP6_IS_REFUSED;
		if (type <= IP6_OPTION_PADN)
			continue;
		if (++options > IP6_OPTIONS_MAX)
			return IP6_IS_REFUSED;
		enum ip6_walk verdict =
			type == IP6_OPTION_ROUTER_ALERT ? IP6_IS_WELL : judge_unknown(c, type, here);
		if (verdict != IP6_IS_WELL)
			return verdict;
	}
	return IP6_IS_WELL;
}

/* The fragment header at c->len. */
static enum ip6_walk walk_fragment(struct ip6_chain *c, const uint8_t *packet, size_t have)
{
	struct reader r = { .p = packet + c->len, .left = have - c->len };
	struct ip6_fragment f;

	if (!read_fragment(&f, &r))
		return IP6_IS_CUT;
	if (c->is_fragment)
		return IP6_IS_REFUSED; /* RFC 8200 §4.1: once is enough */
	if (f.offset || f.more) {
		c->is_fragment = true;
		c->fragment = f;
		c->fragment_at = c->len;
		c->fragment_next_at = c->protocol_at;
	}
	c->protocol = f.next;
	c->protocol_at = c->len;
	c->len += IP6_FRAGMENT_LEN;
	return IP6_IS_WELL;
}

/* Any other at c->len: its length is in its second byte, in units of 8 without the first. */
static enum ip6_walk walk_one(struct ip6_chain *c, const uint8_t *packet, size_t have)
{
	size_t at = c->len, left = have - at;
	uint8_t kind = c->protocol;
	enum ip6_walk verdict = IP6_IS_WELL;

	if (left < 8)
		return IP6_IS_CUT;
	size_t len = (packet[at + 1] + 1u) * 8;
	if (at + len > IP6_HEADER_LEN + IP6_CHAIN_LEN_MAX)
		return IP6_IS_REFUSED;
	if (left < len)
		return IP6_IS_CUT;
	/* RFC 8200 §4.4; RFC 5095 §3: no routing header's way is followed. */
	if (kind == IP6_ROUTING && packet[at + 3] != 0)
		return problem(c, ICMP6_WRONG_FIELD, at + 2);
	c->protocol = packet[at];
	c->protocol_at = (uint16_t)at;
	c->len = (uint16_t)(at + len);
	if (kind != IP6_ROUTING)
		verdict = walk_options(c, packet, at + 2, at + len);
	return verdict;
}

enum ip6_walk pb_ip6_walk(struct ip6_chain *c, const uint8_t *packet, size_t have)
{
	if (have < IP6_HEADER_LEN)
		return IP6_IS_CUT;
	*c = (struct ip6_chain){ .protocol = packet[IP6_NEXT_AT],
				 .protocol_at = IP6_NEXT_AT,
				 .len = IP6_HEADER_LEN };
	for (unsigned count = 0; pb_ip6_is_extension(c->protocol) && !c->fragment.offset; count++) {
		if (count == IP6_EXTENSIONS_MAX)
			return IP6_IS_REFUSED;
		if (c->protocol == IP6_HOP_BY_HOP && c->len != IP6_HEADER_LEN) /* RFC 8200 §4.1 */
			return problem(c, ICMP6_UNKNOWN_HEADER, c->protocol_at);
		enum ip6_walk verdict = c->protocol == IP6_FRAGMENT ? walk_fragment(c, packet, have)
								    : walk_one(c, packet, have);
		if (verdict != IP6_IS_WELL)
			return verdict;
	}
	return IP6_IS_WELL;
}

const uint8_t *pb_ip6_upper(const uint8_t *packet, size_t have, uint8_t *protocol)
{
	size_t at = IP6_HEADER_LEN;

	*protocol = packet[IP6_NEXT_AT];
	while (pb_ip6_is_extension(*protocol) && at + 8 <= have) {
		bool fragment = *protocol == IP6_FRAGMENT;
		if (fragment && (packet[at + 2] || packet[at + 3] >> 3))
			return NULL; /* it is in another one */
		*protocol = packet[at];
		at += fragment ? IP6_FRAGMENT_LEN : (packet[at + 1] + 1u) * 8;
	}
	return pb_ip6_is_extension(*protocol) || at >= have ? NULL : packet + at;
}
