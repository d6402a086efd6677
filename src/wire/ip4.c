/*
 *  RFC 791 §3.1
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |Version|  IHL  |Type of Service|          Total Length         |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |         Identification        |Flags|      Fragment Offset    |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  Time to Live |    Protocol   |         Header Checksum       |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                       Source Address                          |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                    Destination Address                        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                    Options                    |    Padding    |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
#include "wire/ip4.h"

#include "base/checksum.h"

#include <assert.h>

#define FLAG_EVIL           0x8000
#define FLAG_DONT_FRAGMENT  0x4000
#define FLAG_MORE_FRAGMENTS 0x2000
#define OFFSET_UNIT         8 /* bytes */

/* What the fields say of each other. */
static bool is_consistent(const struct ip4_header *h, size_t came)
{
	if (h->len < IP4_HEADER_LEN || h->packet_len < h->len || h->packet_len > came)
		return false;
	if (h->more_fragments && (h->packet_len - h->len) % OFFSET_UNIT != 0)
		return false;
	return h->fragment_offset + h->packet_len <= IP4_LEN_MAX;
}

static uint32_t word_at(const uint8_t *start, size_t offset)
{
	uint32_t word;

	memcpy(&word, start + offset, sizeof word);
	return word;
}

/* Most headers have no options, and a sum of five words needs no loop. */
static uint16_t header_checksum(const uint8_t *start, size_t len)
{
	uint64_t sum = (uint64_t)word_at(start, 0) + word_at(start, 4) + word_at(start, 8) +
		       word_at(start, 12) + word_at(start, 16);

	if (len > IP4_HEADER_LEN)
		sum = pb_checksum_add(sum, start + IP4_HEADER_LEN, len - IP4_HEADER_LEN);
	return pb_checksum_finish(sum);
}

static bool parse(struct ip4_header *h, struct reader *r, size_t came)
{
	struct reader in = *r; /* a copy of our own, so that one comparison does for all fields */

	if (in.left < IP4_HEADER_LEN)
		return false;
	uint8_t version_ihl = rd_u8(&in);
	h->len = (uint8_t)((version_ihl & 15) * 4);
	h->tos = rd_u8(&in);
	h->packet_len = rd_u16(&in);
	h->id = rd_u16(&in);
	uint16_t flags_offset = rd_u16(&in);
	h->evil = flags_offset & FLAG_EVIL;
	h->dont_fragment = flags_offset & FLAG_DONT_FRAGMENT;
	h->more_fragments = flags_offset & FLAG_MORE_FRAGMENTS;
	h->fragment_offset = (uint16_t)(flags_offset << 3); /* the flags fall off */
	h->ttl = rd_u8(&in);
	h->protocol = rd_u8(&in);
	h->checksum = rd_u16(&in);
	h->src = ip_from4(rd_bytes(&in, 4));
	h->dst = ip_from4(rd_bytes(&in, 4));
	if (version_ihl >> 4 != 4 || !is_consistent(h, came))
		return false;
	h->options = rd_bytes(&in, h->len - IP4_HEADER_LEN);
	*r = in;
	return h->options;
}

bool pb_ip4_parse(struct ip4_header *h, struct reader *r, size_t came)
{
	const uint8_t *start = r->p;

	return parse(h, r, came) && header_checksum(start, h->len) == 0;
}

bool pb_ip4_parse_quoted(struct ip4_header *h, struct reader *r)
{
	return parse(h, r, IP4_LEN_MAX);
}

static void write_options(const struct ip4_header *h, struct writer *w)
{
	size_t len = h->len - IP4_HEADER_LEN;

	if (h->options)
		wr_bytes(w, h->options, len);
	else
		memset(wr_room(w, len), IP4_OPTION_END, len);
}

/* The sum of 16-bit words in network order. */
static uint32_t sum_of(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t n = 0; n < len; n += 2)
		sum += (uint32_t)p[n] << 8 | p[n + 1];
	return sum;
}

static uint16_t flags_offset_of(const struct ip4_header *h)
{
	return (uint16_t)((h->evil ? FLAG_EVIL : 0) | (h->dont_fragment ? FLAG_DONT_FRAGMENT : 0) |
			  (h->more_fragments ? FLAG_MORE_FRAGMENTS : 0) | h->fragment_offset / OFFSET_UNIT);
}

/* RFC 1071 of the fields themselves: to read back what was just written would be to wait for it. */
static uint16_t checksum_of(const struct ip4_header *h, uint16_t version_tos, uint16_t flags_offset,
			    uint16_t ttl_protocol)
{
	uint64_t sum = (uint64_t)version_tos + h->packet_len + h->id + flags_offset + ttl_protocol;

	sum += (uint64_t)ntohl(ip_word4(&h->src)) + ntohl(ip_word4(&h->dst));
	if (h->options)
		sum += sum_of(h->options, h->len - IP4_HEADER_LEN);
	return (uint16_t)~pb_checksum_fold(sum);
}

bool pb_ip4_write(const struct ip4_header *h, struct writer *w)
{
	struct writer out = *w;
	uint16_t version_tos = (uint16_t)((4 << 4 | h->len / 4) << 8 | h->tos);
	uint16_t flags_offset = flags_offset_of(h);
	uint16_t ttl_protocol = (uint16_t)(h->ttl << 8 | h->protocol);

	assert(h->fragment_offset % OFFSET_UNIT == 0);
	if (h->len < IP4_HEADER_LEN || h->len > IP4_HEADER_LEN_MAX || h->len % 4 || out.left < h->len)
		return false;
	wr_u16(&out, version_tos);
	wr_u16(&out, h->packet_len);
	wr_u16(&out, h->id);
	wr_u16(&out, flags_offset);
	wr_u16(&out, ttl_protocol);
	wr_u16(&out, checksum_of(h, version_tos, flags_offset, ttl_protocol));
	wr_bytes(&out, ip_bytes4(&h->src), 4);
	wr_bytes(&out, ip_bytes4(&h->dst), 4);
	if (h->len > IP4_HEADER_LEN)
		write_options(h, &out);
	*w = out;
	return true;
}

struct reader pb_ip4_options(const struct ip4_header *h)
{
	return (struct reader){ .p = h->options, .left = h->len - IP4_HEADER_LEN };
}

bool pb_ip4_option(struct ip4_option *o, struct reader *r)
{
	while (r->left && *r->p == IP4_OPTION_NOP)
		rd_u8(r);
	if (!r->left || *r->p == IP4_OPTION_END)
		return false;
	o->start = r->p;
	o->type = rd_u8(r);
	o->len = rd_u8(r);
	if (!r->bad && o->len >= 2)
		rd_bytes(r, o->len - 2);
	else
		r->bad = true;
	return !r->bad;
}

/*
 * RFC 791, pages 18 to 22: the pointer counts from 1 at the type, and is beyond the option once it is full.
 */
static bool pointer_fits(const struct ip4_option *o, unsigned first, unsigned entry)
{
	unsigned pointer = o->start[2];

	return pointer >= first && (pointer > o->len || pointer + entry - 1 <= o->len);
}

/* Which byte of an option is wrong; 0: none (a wrong type is just one we don't know). */
static unsigned option_fault(const struct ip4_option *o)
{
	switch (o->type) {
	case IP4_OPTION_RECORD_ROUTE:
	case IP4_OPTION_LOOSE_ROUTE:
	case IP4_OPTION_STRICT_ROUTE:
		if (o->len < 3)
			return 1;
		return pointer_fits(o, 4, 4) ? 0 : 2;
	case IP4_OPTION_TIMESTAMP: {
		if (o->len < 4)
			return 1;
		unsigned flag = o->start[3] & 15; /* page 22: 0 time, 1 and 3 address and time */
		if (flag != 0 && flag != 1 && flag != 3)
			return 3;
		return pointer_fits(o, 5, flag ? 8 : 4) ? 0 : 2;
	}
	default:
		return 0;
	}
}

unsigned pb_ip4_options_fault(const struct ip4_header *h)
{
	struct reader r = pb_ip4_options(h);
	struct ip4_option o;

	while (pb_ip4_option(&o, &r)) {
		unsigned fault = option_fault(&o);
		if (fault)
			return IP4_HEADER_LEN + (unsigned)(o.start - h->options) + fault;
	}
	/* A wrong length is the fault, or, where the header ends before one, the type. */
	if (!r.bad)
		return 0;
	unsigned start = (unsigned)(o.start - h->options), have = h->len - IP4_HEADER_LEN - start;
	return IP4_HEADER_LEN + start + (have > 1 ? 1 : 0);
}

size_t pb_ip4_copied_options(const struct ip4_header *h, uint8_t to[IP4_OPTIONS_LEN_MAX])
{
	struct reader r = pb_ip4_options(h);
	struct ip4_option o;
	size_t len = 0;

	while (pb_ip4_option(&o, &r)) {
		if (!(o.type & IP4_OPTION_COPIED))
			continue;
		memcpy(to + len, o.start, o.len);
		len += o.len;
	}
	for (; len % 4; len++)
		to[len] = IP4_OPTION_END;
	return len;
}
