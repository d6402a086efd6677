#include "net/source.h"

#include "net/internet_state.h"

#include <errno.h>

/*
 * IPv4 -----------------------------------------------------------------------------------------------------
 */

static const struct iface_address *ready_address(const struct iface *i, const struct ip *dst,
						 bool same_subnet)
{
	for (unsigned n = 0; n < i->address_count; n++) {
		const struct iface_address *a = i->addresses[n];
		if (a->state == ADDRESS_READY && ip_is4(&a->ip) == ip_is4(dst) &&
		    (!same_subnet || pb_ip_in_prefix(dst, &a->ip, a->bits)))
			return a;
	}
	return NULL;
}

/*
 * RFC 1122 §3.3.4.3: an address of the interface, of the next hop's subnet where there is one; else of any
 * other interface that is not the loopback.
 */
static const struct iface_address *choose4(const struct internet *net, const struct iface *i,
					   const struct ip *next_hop)
{
	const struct iface_address *a = ready_address(i, next_hop, true);

	if (!a)
		a = ready_address(i, next_hop, false);
	for (const struct iface *other = net->ifaces; !a && other; other = other->next)
		if (!other->loopback)
			a = ready_address(other, next_hop, false);
	return a;
}

/*
 * IPv6 -----------------------------------------------------------------------------------------------------
 */

/* RFC 6724 §3.1: as multicast scopes are numbered (RFC 4291 §2.7). */
enum scope { LINK_LOCAL = 2, GLOBAL = 14 };

static unsigned scope_of(const struct ip *a)
{
	if (ip_is_multicast(a))
		return a->bytes[1] & 15;
	return ip_is_link_local(a) || ip_is_loopback(a) ? LINK_LOCAL : GLOBAL;
}

/* RFC 6724 §2.1, the default policy table; the first prefix that fits, as they are sorted by length. */
static const struct {
	uint8_t bytes[16];
	uint8_t bits, label;
} policies[] = {
	{{ [15] = 1 },                  128, 0 }, /* ::1 */
	{ { [10] = 0xff, [11] = 0xff }, 96,  4 }, /* IPv4-mapped */
	{ { 0 },			96,  3 }, /* IPv4-compatible */
	{ { 0x20, 1 },                  32,  5 }, /* Teredo */
	{ { 0x20, 2 },                  16,  2 }, /* 6to4 */
	{ { 0x3f, 0xfe },               16,  12}, /* 6bone */
	{ { 0xfe, 0xc0 },               10,  11}, /* site-local */
	{ { 0xfc },		     7,   13}, /* unique local */
	{ { 0 },			0,   1 },
};

/* How many of the first bits of both are the same, 128 at most. */
static unsigned common_bits(const uint8_t *a, const uint8_t *b)
{
	unsigned bit = 0;

	while (bit < 128 && !((a[bit / 8] ^ b[bit / 8]) >> (7 - bit % 8) & 1))
		bit++;
	return bit;
}

static unsigned label_of(const struct ip *a)
{
	size_t n = 0;

	while (common_bits(a->bytes, policies[n].bytes) < policies[n].bits)
		n++;
	return policies[n].label;
}

/* RFC 6724 §2.2: no more than the source's own prefix counts. */
static unsigned matching_bits(const struct iface_address *a, const struct ip *dst)
{
	unsigned bits = common_bits(a->ip.bytes, dst->bytes);

	return bits < a->bits ? bits : a->bits;
}

struct choice {
	const struct iface *iface; /* the packets leave here */
	const struct ip *dst;
	pb_time now;
};

/* RFC 6724 §5, rules 1 to 8: whether a is better than b. There are no home addresses here (rule 4). */
static bool is_better(const struct choice *c, const struct iface_address *a, const struct iface_address *b)
{
	unsigned scope = scope_of(c->dst), scope_a = scope_of(&a->ip), scope_b = scope_of(&b->ip);
	bool old_a = a->preferred_until <= c->now, old_b = b->preferred_until <= c->now;
	bool label_a = label_of(&a->ip) == label_of(c->dst), label_b = label_of(&b->ip) == label_of(c->dst);

	if (ip_equal(&a->ip, c->dst) || ip_equal(&b->ip, c->dst))
		return ip_equal(&a->ip, c->dst);
	if (scope_a != scope_b)
		return scope_a < scope_b ? scope_a >= scope : scope_b < scope;
	if (old_a != old_b)
		return old_b;
	if ((a->iface == c->iface) != (b->iface == c->iface))
		return a->iface == c->iface;
	if (label_a != label_b)
		return label_a;
	if ((a->origin == ADDRESS_TEMPORARY) != (b->origin == ADDRESS_TEMPORARY))
		return a->origin == ADDRESS_TEMPORARY;
	return matching_bits(a, c->dst) > matching_bits(b, c->dst);
}

/*
 * RFC 6724 §4: for what stays on a link only addresses of that interface; for the rest those of others, too, but none
 * that means something on another link only.
 */
static bool is_candidate(const struct choice *c, const struct iface_address *a)
{
	if (a->state != ADDRESS_READY || ip_is4(&a->ip) || a->iface->loopback)
		return false;
	return a->iface == c->iface || (!ip_zone(&a->ip) && scope_of(c->dst) > LINK_LOCAL);
}

static const struct iface_address *choose6(const struct internet *net, const struct iface *i,
					   const struct ip *dst)
{
	struct choice choice = { .iface = i, .dst = dst, .now = env_now(net->env) };
	const struct iface_address *best = NULL;

	for (const struct iface *from = net->ifaces; from; from = from->next)
		for (unsigned n = 0; n < from->address_count; n++) {
			const struct iface_address *a = from->addresses[n];
			if (is_candidate(&choice, a) && (!best || is_better(&choice, a, best)))
				best = a;
		}
	return best;
}

int pb_source_choose(const struct internet *net, const struct iface *i, const struct ip *dst,
		     const struct ip *next_hop, struct ip *src)
{
	const struct iface_address *a = ip_is4(dst) ? choose4(net, i, next_hop) : choose6(net, i, dst);

	if (!a)
		return -EADDRNOTAVAIL;
	*src = a->ip;
	return 0;
}
