#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An IPv6 scope (RFC 4007 11): the name of an interface, or its number. 0: neither. */
static uint32_t parse_scope(const char *text)
{
	uint32_t scope = if_nametoindex(text);
	char *end;

	if (scope || *text < '0' || *text > '9')
		return scope;
	unsigned long n = strtoul(text, &end, 10);
	return *end || n > UINT32_MAX ? 0 : (uint32_t)n;
}

bool pb_addr_parse(union pb_addr *a, const char *text)
{
	char host[INET6_ADDRSTRLEN];
	const char *scope = strchr(text, '%');
	size_t len = scope ? (size_t)(scope - text) : strlen(text);

	memset(a, 0, sizeof *a);
	if (len >= sizeof host)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (!scope && inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
		a->sa.sa_family = AF_INET;
		return true;
	}
	if (inet_pton(AF_INET6, host, &a->v6.sin6_addr) != 1)
		return false;
	a->sa.sa_family = AF_INET6;
	if (scope)
		a->v6.sin6_scope_id = parse_scope(scope + 1);
	return !scope || a->v6.sin6_scope_id;
}

const char *pb_addr_host(const union pb_addr *a, char *buf)
{
	char name[IF_NAMESIZE];

	buf[0] = '\0';
	if (a->sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &a->v4.sin_addr, buf, PB_ADDR_TEXT);
	if (a->sa.sa_family != AF_INET6)
		return buf;
	inet_ntop(AF_INET6, &a->v6.sin6_addr, buf, PB_ADDR_TEXT);
	if (a->v6.sin6_scope_id) {
		size_t n = strlen(buf);
		if (if_indextoname(a->v6.sin6_scope_id, name))
			snprintf(buf + n, PB_ADDR_TEXT - n, "%%%s", name);
		else
			snprintf(buf + n, PB_ADDR_TEXT - n, "%%%u", a->v6.sin6_scope_id);
	}
	return buf;
}

const char *pb_addr_text(const union pb_addr *a, char *buf)
{
	char host[PB_ADDR_TEXT];
	const char *form = a->sa.sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u";

	snprintf(buf, PB_ADDR_TEXT, form, pb_addr_host(a, host), pb_addr_port(a));
	return buf;
}

socklen_t pb_addr_len(const union pb_addr *a)
{
	return a->sa.sa_family == AF_INET6  ? sizeof a->v6
	       : a->sa.sa_family == AF_INET ? sizeof a->v4
					    : sizeof a->sa;
}

uint16_t pb_addr_port(const union pb_addr *a)
{
	return a->sa.sa_family == AF_INET    ? ntohs(a->v4.sin_port)
	       : a->sa.sa_family == AF_INET6 ? ntohs(a->v6.sin6_port)
					     : 0;
}

void pb_addr_set_port(union pb_addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET)
		a->v4.sin_port = htons(port);
	if (a->sa.sa_family == AF_INET6)
		a->v6.sin6_port = htons(port);
}

union pb_addr pb_addr_any(int family)
{
	union pb_addr a;

	memset(&a, 0, sizeof a);
	a.sa.sa_family = (sa_family_t)family;
	return a;
}

const uint8_t *pb_addr_bytes(const union pb_addr *a, unsigned *bits)
{
	*bits = a->sa.sa_family == AF_INET6 ? 128 : a->sa.sa_family == AF_INET ? 32 : 0;
	if (a->sa.sa_family == AF_INET6)
		return a->v6.sin6_addr.s6_addr;
	return *bits ? (const uint8_t *)&a->v4.sin_addr : NULL;
}

bool pb_addr_is_any(const union pb_addr *a)
{
	if (a->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr);
	return a->sa.sa_family == AF_INET && a->v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

bool pb_addr_is_loopback(const union pb_addr *a)
{
	if (a->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
	return a->sa.sa_family == AF_INET && ntohl(a->v4.sin_addr.s_addr) >> 24 == 127; /* RFC 1122 3.2.1.3 */
}

bool pb_addr_equal(const union pb_addr *a, const union pb_addr *b)
{
	unsigned a_bits, b_bits;
	const uint8_t *a_bytes = pb_addr_bytes(a, &a_bits), *b_bytes = pb_addr_bytes(b, &b_bits);

	if (a_bits != b_bits || (a_bits && memcmp(a_bytes, b_bytes, a_bits / 8) != 0))
		return false;
	return pb_addr_port(a) == pb_addr_port(b) &&
	       (a_bits != 128 || a->v6.sin6_scope_id == b->v6.sin6_scope_id);
}

void pb_addr_unmap(union pb_addr *a)
{
	if (a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
		return;
	union pb_addr v4 = pb_addr_any(AF_INET);
	v4.v4.sin_port = a->v6.sin6_port;
	memcpy(&v4.v4.sin_addr, &a->v6.sin6_addr.s6_addr[12], 4);
	*a = v4;
}

bool pb_prefix_parse(struct pb_prefix *p, const char *text)
{
	char host[PB_ADDR_TEXT], *end;
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned width;

	if (len >= sizeof host)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (!pb_addr_parse(&p->addr, host))
		return false;
	uint8_t *bytes = (uint8_t *)pb_addr_bytes(&p->addr, &width);
	unsigned long bits = width;
	if (slash) {
		if (slash[1] < '0' || slash[1] > '9')
			return false;
		bits = strtoul(slash + 1, &end, 10);
		if (*end || bits > width)
			return false;
	}
	p->bits = (uint8_t)bits;
	for (unsigned i = p->bits; i < width; i++)
		bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return true;
}

bool pb_prefix_has(const struct pb_prefix *p, const union pb_addr *a)
{
	unsigned p_width, a_width;
	const uint8_t *have = pb_addr_bytes(&p->addr, &p_width), *want = pb_addr_bytes(a, &a_width);
	unsigned whole = p->bits / 8, rest = p->bits % 8;

	if (p_width != a_width || memcmp(have, want, whole) != 0)
		return false;
	return !rest || (have[whole] ^ want[whole]) >> (8 - rest) == 0;
}
