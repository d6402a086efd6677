#include "base/ip_policy.h"

unsigned pb_ip_scope(const struct ip *a)
{
	bool link_local4 = ip_is4(a) && a->bytes[12] == 169 && a->bytes[13] == 254; /* RFC 6724 §3.2 */

	if (ip_is_multicast(a) && !ip_is4(a))
		return a->bytes[1] & 15;
	return link_local4 || ip_is_link_local(a) || ip_is_loopback(a) ? SCOPE_LINK_LOCAL : SCOPE_GLOBAL;
}

/* RFC 6724 §2.1; the first prefix that fits, as they are sorted by length. */
static const struct policy {
	struct ip prefix;
	uint8_t bits, precedence, label;
} policies[] = {
	{{ .bytes = { [15] = 1 } },                  128, 50, 0 }, /* ::1 */
	{ { .bytes = { [10] = 0xff, [11] = 0xff } }, 96,  35, 4 }, /* IPv4-mapped: IPv4 */
	{ { .bytes = { 0 } },                        96,  1,  3 }, /* IPv4-compatible */
	{ { .bytes = { 0x20, 1 } },                  32,  5,  5 }, /* Teredo */
	{ { .bytes = { 0x20, 2 } },                  16,  30, 2 }, /* 6to4 */
	{ { .bytes = { 0x3f, 0xfe } },               16,  1,  12}, /* 6bone */
	{ { .bytes = { 0xfe, 0xc0 } },               10,  1,  11}, /* site-local */
	{ { .bytes = { 0xfc } },                     7,   3,  13}, /* unique local */
	{ { .bytes = { 0 } },                        0,   40, 1 },
};

unsigned pb_ip_common_bits(const struct ip *a, const struct ip *b)
{
	unsigned bit = 0;

	while (bit < 128 && !((a->bytes[bit / 8] ^ b->bytes[bit / 8]) >> (7 - bit % 8) & 1))
		bit++;
	return bit;
}

static const struct policy *policy_of(const struct ip *a)
{
	const struct policy *p = policies;

	while (pb_ip_common_bits(a, &p->prefix) < p->bits)
		p++;
	return p;
}

unsigned pb_ip_label(const struct ip *a)
{
	return policy_of(a)->label;
}

unsigned pb_ip_precedence(const struct ip *a)
{
	return policy_of(a)->precedence;
}
