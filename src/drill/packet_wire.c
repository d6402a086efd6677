/* Packets to and from the wire, from the numbers that are in them. */
#include "base/checksum.h"
#include "drill/packet.h"
#include "drill/signature.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "wire/udp.h"

#include <netinet/in.h>

#define FLOW_LABEL_MASK 0xfffff /* RFC 8200 §3 */
#define TTL             64      /* of packets whose script says nothing; RFC 1700 */
#define ICMP_HEADER     8       /* RFC 792 */
#define IP6_HEADER_LEN  40      /* RFC 8200 §3 */

static uint8_t protocol_number(const struct packet *p, bool ip6)
{
	if (p->protocol == PACKET_ICMP)
		return ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	return p->protocol == PACKET_TCP ? IPPROTO_TCP : IPPROTO_UDP;
}

static uint64_t pseudo(const struct packet_ends *ends, uint8_t protocol, size_t len)
{
	size_t from = ip_is4(&ends->src) ? 12 : 0;

	return pb_checksum_add_pseudo(0, ends->src.bytes + from, ends->dst.bytes + from, 16 - from, protocol,
				      (uint32_t)len);
}

/* Writing ---------------------------------------------------------------------------------------------------------- */

static void write_ip(const struct packet *p, const struct packet_ends *ends, uint8_t protocol, size_t len,
		     struct writer *w)
{
	uint8_t ttl = p->ttl ? p->ttl : TTL;

	if (ip_is4(&ends->src)) {
		struct ip4_header h = { .len = IP4_HEADER_LEN,
					.tos = p->tos,
					.packet_len = (uint16_t)(IP4_HEADER_LEN + len),
					.dont_fragment = true,
					.ttl = ttl,
					.protocol = protocol,
					.src = ends->src,
					.dst = ends->dst };
		pb_ip4_write(&h, w);
		return;
	}
	wr_u32(w, UINT32_C(6) << 28 | (uint32_t)p->tos << 20 | p->flow_label);
	wr_u16(w, (uint16_t)len);
	wr_u8(w, protocol);
	wr_u8(w, ttl);
	wr_bytes(w, ends->src.bytes, 16);
	wr_bytes(w, ends->dst.bytes, 16);
}

static void write_tcp(const struct packet *p, const struct packet_ends *ends, struct writer *w)
{
	wr_u16(w, ends->src_port);
	wr_u16(w, ends->dst_port);
	wr_u32(w, p->seq);
	wr_u32(w, p->ack);
	wr_u16(w, (uint16_t)((TCP_HEADER_LEN + p->options_len) / 4 << 12 | p->flags));
	wr_u16(w, p->window);
	wr_u16(w, 0);
	wr_u16(w, p->urgent);
	wr_bytes(w, p->options, p->options_len);
}

/* The packet that an ICMP error complains of went the other way: its IP header and the first bytes of what it held. */
static void write_quoted(const struct packet *p, const struct packet_ends *ends, struct writer *w)
{
	struct packet_ends back = { ends->dst, ends->src, ends->dst_port, ends->src_port };
	struct packet quoted = { .protocol = p->quoted, .seq = p->quoted_seq };
	size_t header = p->quoted == PACKET_UDP ? UDP_HEADER_LEN : TCP_HEADER_LEN;

	write_ip(&quoted, &back, protocol_number(&quoted, !ip_is4(&ends->src)), header + p->quoted_len, w);
	if (p->quoted == PACKET_TCP) {
		quoted.flags = TCP_ACK;
		write_tcp(&quoted, &back, w);
		return;
	}
	struct udp_header h = { back.src_port, back.dst_port, (uint16_t)(UDP_HEADER_LEN + p->quoted_len), 0 };
	pb_udp_write(&h, w);
}

static bool icmp_is_echo(const struct packet *p, bool ip6)
{
	return ip6 ? p->type == PB_ICMP6_ECHO_REQUEST || p->type == PB_ICMP6_ECHO_REPLY
		   : p->type == PB_ICMP4_ECHO_REQUEST || p->type == PB_ICMP4_ECHO_REPLY;
}

static void write_icmp(const struct packet *p, const struct packet_ends *ends, struct writer *w)
{
	bool ip6 = !ip_is4(&ends->src);

	wr_u8(w, p->type);
	wr_u8(w, p->code);
	wr_u16(w, 0);
	if (icmp_is_echo(p, ip6)) {
		wr_u16(w, p->id);
		wr_u16(w, 0);
		return;
	}
	wr_u16(w, 0); /* an IPv4 path's MTU is in the second half (RFC 1191 §4), an IPv6 one's in the whole */
	wr_u16(w, p->mtu);
	write_quoted(p, ends, w);
}

static size_t payload_len(const struct packet *p, bool ip6)
{
	size_t quoted = (ip6 ? IP6_HEADER_LEN : IP4_HEADER_LEN) +
			(p->quoted == PACKET_UDP ? UDP_HEADER_LEN : TCP_HEADER_LEN);

	if (p->protocol == PACKET_TCP)
		return TCP_HEADER_LEN + p->options_len + p->len;
	if (p->protocol == PACKET_UDP)
		return UDP_HEADER_LEN + p->len;
	return ICMP_HEADER + (icmp_is_echo(p, ip6) ? 0 : quoted);
}

static void seal(const struct packet *p, const struct packet_ends *ends, uint8_t protocol, uint8_t *start,
		 size_t len)
{
	size_t at = p->protocol == PACKET_TCP   ? TCP_CHECKSUM_AT
		    : p->protocol == PACKET_UDP ? UDP_CHECKSUM_AT
						: PB_ICMP_CHECKSUM_AT;
	uint64_t sum = protocol == IPPROTO_ICMP ? 0 : pseudo(ends, protocol, len);
	uint16_t checksum = pb_checksum_finish(pb_checksum_add(sum, start, len));

	start[at] = (uint8_t)(checksum >> 8);
	start[at + 1] = (uint8_t)checksum;
}

bool drill_packet_write(const struct packet *p, const struct packet_ends *ends, uint8_t *bytes, size_t *len)
{
	struct writer w = { bytes, *len, false };
	bool ip6 = !ip_is4(&ends->src);
	struct packet named = *p;

	if (p->type_name && !drill_icmp_numbers(ip6, p->type_name, p->code_name, &named.type, &named.code))
		return false;
	uint8_t protocol = protocol_number(p, ip6);
	size_t payload = payload_len(&named, ip6);
	if (payload > PACKET_LEN_MAX - IP6_HEADER_LEN)
		return false;
	write_ip(p, ends, protocol, payload, &w);
	uint8_t *start = w.p;
	if (p->protocol == PACKET_TCP) {
		write_tcp(p, ends, &w);
	} else if (p->protocol == PACKET_UDP) {
		struct udp_header h = { ends->src_port, ends->dst_port, (uint16_t)payload, 0 };
		pb_udp_write(&h, &w);
	} else {
		write_icmp(&named, ends, &w);
	}
	uint8_t *text = wr_room(&w, p->len);
	if (w.bad)
		return false;
	memset(text, 0, p->len);
	if (p->sign_key && !drill_sign(p, ends, start, payload))
		return false;
	seal(p, ends, protocol, start, payload);
	*len = (size_t)(w.p - bytes);
	return true;
}

/* Reading ---------------------------------------------------------------------------------------------------------- */

static bool read_ip(struct packet *p, struct packet_ends *ends, struct reader *r, uint8_t *protocol)
{
	struct ip4_header h;

	if (r->left > 0 && r->p[0] >> 4 == 6) {
		uint32_t first = rd_u32(r);
		uint16_t len = rd_u16(r);
		*protocol = rd_u8(r);
		p->ttl = rd_u8(r);
		p->tos = (uint8_t)(first >> 20);
		p->flow_label = first & FLOW_LABEL_MASK;
		rd_copy(r, ends->src.bytes, 16);
		rd_copy(r, ends->dst.bytes, 16);
		return !r->bad && r->left == len;
	}
	if (!pb_ip4_parse(&h, r, r->left) || ip4_is_fragment(&h))
		return false;
	*protocol = h.protocol;
	p->ttl = h.ttl;
	p->tos = h.tos;
	ends->src = h.src;
	ends->dst = h.dst;
	r->left = h.packet_len - h.len;
	return true;
}

static bool read_tcp(struct packet *p, struct packet_ends *ends, struct reader *r)
{
	ends->src_port = rd_u16(r);
	ends->dst_port = rd_u16(r);
	p->seq = rd_u32(r);
	p->ack = rd_u32(r);
	uint16_t offset = rd_u16(r);
	p->window = rd_u16(r);
	rd_u16(r);
	p->urgent = rd_u16(r);
	p->flags = offset & 0x1ff;
	p->protocol = PACKET_TCP;
	size_t header = (size_t)(offset >> 12) * 4;
	if (r->bad || header < TCP_HEADER_LEN)
		return false;
	p->options_len = (uint8_t)(header - TCP_HEADER_LEN);
	rd_copy(r, p->options, p->options_len);
	p->len = (uint32_t)r->left;
	return !r->bad;
}

static bool read_udp(struct packet *p, struct packet_ends *ends, struct reader *r)
{
	struct udp_header h;

	if (!pb_udp_parse(&h, r, r->left))
		return false;
	ends->src_port = h.src_port;
	ends->dst_port = h.dst_port;
	p->protocol = PACKET_UDP;
	p->len = h.len - UDP_HEADER_LEN;
	return true;
}

static bool read_icmp(struct packet *p, bool ip6, struct reader *r)
{
	p->protocol = PACKET_ICMP;
	p->type = rd_u8(r);
	p->code = rd_u8(r);
	rd_u16(r);
	rd_u16(r);
	p->mtu = rd_u16(r);
	if (icmp_is_echo(p, ip6))
		p->mtu = 0;
	drill_icmp_names(ip6, p);
	return !r->bad;
}

bool drill_packet_read(struct packet *p, struct packet_ends *ends, const uint8_t *bytes, size_t len,
		       const char **why)
{
	struct reader r = { bytes, len, false };
	uint8_t protocol;
	bool ok;

	*p = (struct packet){ .outbound = true };
	*ends = (struct packet_ends){ 0 };
	*why = "its IP header is wrong";
	if (!read_ip(p, ends, &r, &protocol))
		return false;
	uint64_t sum = protocol == IPPROTO_ICMP ? 0 : pseudo(ends, protocol, r.left);
	*why = "its checksum is wrong";
	if (pb_checksum_finish(pb_checksum_add(sum, r.p, r.left)) != 0)
		return false;
	*why = "its header is wrong";
	if (protocol == IPPROTO_TCP)
		ok = read_tcp(p, ends, &r);
	else if (protocol == IPPROTO_UDP)
		ok = read_udp(p, ends, &r);
	else
		ok = read_icmp(p, !ip_is4(&ends->src), &r);
	return ok;
}
