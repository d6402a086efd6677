#include "drill/signature.h"

#include "transport/tcp/auth.h"

#define IP6_HEADER_LEN 40 /* RFC 8200 §3 */

/* The signature that a segment should have, and where it is in the header. False: it has no room for one. */
static bool make(const struct packet *p, const struct packet_ends *ends, const uint8_t *segment, size_t len,
		 uint8_t mac[AO_MAC_MAX], struct tcp_options *o)
{
	struct pb_buf text = { .data = (uint8_t *)segment, .len = (uint32_t)len, .total = (uint32_t)len };
	size_t key_len = strlen(p->sign_key);
	struct tcp_header h;

	if (!pb_tcp_parse(&h, &(struct reader){ .p = segment, .left = len }) || key_len > TCP_KEY_MAX)
		return false;
	*o = h.options;
	const struct signed_segment s = { .src = &ends->src,
					  .dst = &ends->dst,
					  .header = segment,
					  .header_len = h.len,
					  .mac_at = o->mac_at,
					  .mac_len = o->mac_len,
					  .text = &text,
					  .text_at = h.len };
	if (o->auth == TCP_SIGNED_MD5) {
		struct tcp_md5_key key = { .len = (uint8_t)key_len };
		memcpy(key.key, p->sign_key, key_len);
		pb_tcp_md5_mac(&key, &s, mac);
		return true;
	}
	const struct tcp_mkt mkt = { .algorithm = pb_tcp_ao_algorithm("hmac(sha1)"), .mac_len = o->mac_len };
	const struct ao_context context = { .src = ends->src,
					    .dst = ends->dst,
					    .src_port = h.src_port,
					    .dst_port = h.dst_port,
					    .src_isn = { p->src_isn },
					    .dst_isn = { p->dst_isn } };
	uint8_t traffic_key[AO_TRAFFIC_KEY_MAX];
	pb_tcp_ao_derive(mkt.algorithm, (const uint8_t *)p->sign_key, key_len, &context, traffic_key);
	pb_tcp_ao_mac(&mkt, traffic_key, 0, &s, mac);
	return o->auth == TCP_SIGNED_AO && o->mac_len <= mkt.algorithm->mac_max;
}

bool drill_sign(const struct packet *p, const struct packet_ends *ends, uint8_t *segment, size_t len)
{
	uint8_t mac[AO_MAC_MAX];
	struct tcp_options o;

	if (!make(p, ends, segment, len, mac, &o))
		return false;
	memcpy(segment + o.mac_at, mac, o.mac_len);
	return true;
}

void drill_signature_check(const struct packet *expected, struct packet *seen, const struct packet_ends *ends,
			   const uint8_t *bytes, size_t len)
{
	size_t ip = bytes[0] >> 4 == 6 ? IP6_HEADER_LEN : (bytes[0] & 15u) * 4;
	struct packet signed_so = *seen;
	uint8_t mac[AO_MAC_MAX];
	struct tcp_options o;

	signed_so.sign_key = expected->sign_key;
	if (ip >= len || !make(&signed_so, ends, bytes + ip, len - ip, mac, &o) ||
	    memcmp(mac, bytes + ip + o.mac_at, o.mac_len) != 0)
		return;
	memset(seen->options + o.mac_at - TCP_HEADER_LEN, 0, o.mac_len);
	seen->sign_key = expected->sign_key;
}
