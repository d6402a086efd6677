/*
 * What a signature is made over. Both kinds take the pseudo-header, the TCP header with its checksum zero, and the
 * text; MD5 no options (RFC 2385 §2.0), TCP-AO all of them, or only its own (RFC 5925 §5.1).
 */
#include "transport/tcp/auth.h"

#include "base/md5.h"
#include "base/secret.h"

#include <netinet/in.h>

#define PSEUDO_MAX 40

/* RFC 9293 §3.1, RFC 8200 §8.1. How long it is. */
static size_t write_pseudo(const struct signed_segment *s, uint8_t pseudo[PSEUDO_MAX])
{
	uint32_t len = (uint32_t)(s->header_len + s->text->total - s->text_at);
	struct writer w = { .p = pseudo, .left = PSEUDO_MAX };
	struct ip src = ip_in_zone(s->src, 0), dst = ip_in_zone(s->dst, 0);

	if (ip_is4(s->src)) {
		wr_bytes(&w, ip_bytes4(&src), 4);
		wr_bytes(&w, ip_bytes4(&dst), 4);
		wr_u16(&w, IPPROTO_TCP);
		wr_u16(&w, (uint16_t)len);
	} else {
		wr_bytes(&w, src.bytes, sizeof src.bytes);
		wr_bytes(&w, dst.bytes, sizeof dst.bytes);
		wr_u32(&w, len);
		wr_u32(&w, IPPROTO_TCP);
	}
	return (size_t)(w.p - pseudo);
}

/* The header with neither checksum nor signature. */
static void copy_header(const struct signed_segment *s, uint8_t header[TCP_HEADER_LEN_MAX])
{
	memcpy(header, s->header, s->header_len);
	memset(header + TCP_CHECKSUM_AT, 0, 2);
	memset(header + s->mac_at, 0, s->mac_len);
}

/* Part by part: from *at on, the next that has bytes; NULL: there is none. */
static const struct pb_buf *next_part(const struct pb_buf *b, size_t *at)
{
	while (b && b->len <= *at) {
		*at -= b->len;
		b = b->more;
	}
	return b;
}

void pb_tcp_md5_mac(const struct tcp_md5_key *key, const struct signed_segment *s,
		    uint8_t mac[TCP_MD5_MAC_LEN])
{
	uint8_t pseudo[PSEUDO_MAX], header[TCP_HEADER_LEN_MAX];
	size_t at = s->text_at;
	struct md5 m;

	copy_header(s, header);
	pb_md5_begin(&m);
	pb_md5_add(&m, pseudo, write_pseudo(s, pseudo));
	pb_md5_add(&m, header, TCP_HEADER_LEN);
	for (const struct pb_buf *b = s->text; (b = next_part(b, &at)); at = 0, b = b->more)
		pb_md5_add(&m, b->data + at, b->len - at);
	pb_md5_add(&m, key->key, key->len);
	pb_md5_end(&m, mac);
	secret_wipe(&m, sizeof m);
}

/* What of the header's options is covered: all, or TCP-AO's own, which begins four bytes before its MAC. */
static void add_header(const struct tcp_mkt *mkt, union ao_mac *m, const struct signed_segment *s)
{
	uint8_t header[TCP_HEADER_LEN_MAX];

	copy_header(s, header);
	if (mkt->omits_options) {
		mkt->algorithm->add(m, header, TCP_HEADER_LEN);
		mkt->algorithm->add(m, header + s->mac_at - 4, 4 + s->mac_len);
	} else {
		mkt->algorithm->add(m, header, s->header_len);
	}
}

void pb_tcp_ao_mac(const struct tcp_mkt *mkt, const uint8_t *traffic_key, uint32_t sne,
		   const struct signed_segment *s, uint8_t mac[AO_MAC_MAX])
{
	const struct ao_algorithm *a = mkt->algorithm;
	uint8_t extension[4], pseudo[PSEUDO_MAX];
	size_t at = s->text_at;
	union ao_mac m;

	wr_u32(&(struct writer){ .p = extension, .left = sizeof extension }, sne);
	a->begin(&m, traffic_key);
	a->add(&m, extension, sizeof extension);
	a->add(&m, pseudo, write_pseudo(s, pseudo));
	add_header(mkt, &m, s);
	for (const struct pb_buf *b = s->text; (b = next_part(b, &at)); at = 0, b = b->more)
		a->add(&m, b->data + at, b->len - at);
	a->end(&m, mac);
}

void pb_tcp_auth_seal(const struct tcp_signature *sign, const struct ip *src, const struct ip *dst,
		      struct pb_buf *b, size_t header_len)
{
	const struct signed_segment s = {
		.src = src,
		.dst = dst,
		.header = b->data,
		.header_len = header_len,
		.mac_at = TCP_MAC_AT,
		.mac_len = sign->kind == TCP_SIGNED_MD5 ? TCP_MD5_MAC_LEN : sign->mkt->mac_len,
		.text = b,
		.text_at = header_len,
	};
	uint8_t mac[AO_MAC_MAX];

	if (sign->kind == TCP_SIGNED_MD5)
		pb_tcp_md5_mac(sign->md5, &s, mac);
	else
		pb_tcp_ao_mac(sign->mkt, sign->traffic_key, sign->sne, &s, mac);
	memcpy(b->data + TCP_MAC_AT, mac, s.mac_len);
}
