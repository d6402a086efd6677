/* Internet addresses of either family as one type. */
#include "base/ip.h"

/* The first of the 128 bits that belongs to the family's own address. */
static unsigned first_bit(const struct ip *a)
{
	return ip_is4(a) ? 96 : 0;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(a, b, whole) == 0 && (!rest || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

bool pb_ip_in_prefix(const struct ip *a, const struct ip *prefix, unsigned bits)
{
	return ip_is4(a) == ip_is4(prefix) && same_bits(a->bytes, prefix->bytes, first_bit(a) + bits);
}

struct ip pb_ip_last_of(const struct ip *prefix, unsigned bits)
{
	struct ip last = *prefix;

	for (unsigned bit = first_bit(prefix) + bits; bit < 128; bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return last;
}

struct ip pb_ip_prefix_of(const struct ip *a, unsigned bits)
{
	struct ip first = *a;

	for (unsigned bit = first_bit(a) + bits; bit < 128; bit++)
		first.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return first;
}

struct ip pb_ip_solicited_node(const struct ip *a, unsigned zone)
{
	struct ip group = {
		.bytes = {0xff, 2, [11] = 1, [12] = 0xff}
	};

	memcpy(group.bytes + 13, a->bytes + 13, 3);
	return ip_in_zone(&group, zone);
}

bool pb_ip_from_sockaddr(struct ip *a, uint16_t *port, const struct sockaddr *sa, socklen_t len)
{
	union pb_addr from = { 0 };

	if (len < sizeof(struct sockaddr_in) ||
	    (sa->sa_family == AF_INET6 && len < sizeof(struct sockaddr_in6)))
		return false;
	if (sa->sa_family != AF_INET && sa->sa_family != AF_INET6)
		return false;
	memcpy(&from, sa, len < sizeof from ? len : sizeof from);
	*port = pb_addr_port(&from);
	if (sa->sa_family == AF_INET) {
		*a = ip_from4((const uint8_t *)&from.v4.sin_addr);
		return true;
	}
	*a = ip_from6(from.v6.sin6_addr.s6_addr);
	if (ip_zone(a) || from.v6.sin6_scope_id > UINT16_MAX)
		return false;
	*a = ip_in_zone(a, from.v6.sin6_scope_id);
	return true;
}

void pb_ip_to_sockaddr(union pb_addr *to, const struct ip *a, uint16_t port, int family)
{
	*to = (union pb_addr){ .sa.sa_family = (sa_family_t)family };
	if (family == AF_INET)
		memcpy(&to->v4.sin_addr, ip_bytes4(a), 4);
	if (family == AF_INET6) {
		struct ip bare = ip_in_zone(a, 0);
		memcpy(&to->v6.sin6_addr, bare.bytes, 16);
		to->v6.sin6_scope_id = ip_zone(a);
	}
	pb_addr_set_port(to, port);
}

const char *pb_ip_text(const struct ip *a, char *buf)
{
	union pb_addr addr;

	pb_ip_to_sockaddr(&addr, a, 0, ip_family(a));
	return pb_addr_host(&addr, buf);
}

bool pb_ip_parse(struct ip *a, const char *text)
{
	union pb_addr addr;
	uint16_t port;

	return pb_addr_parse(&addr, text) && pb_ip_from_sockaddr(a, &port, &addr.sa, pb_addr_len(&addr));
}
