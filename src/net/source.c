#include "net/source.h"

#include "base/ip_policy.h"
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

/* RFC 6724 §2.2: no more than the source's own prefix counts. */
static unsigned matching_bits(const struct iface_address *a, const struct ip *dst)
{
	unsigned bits = pb_ip_common_bits(&a->ip, dst);

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
	unsigned scope = pb_ip_scope(c->dst), scope_a = pb_ip_scope(&a->ip), scope_b = pb_ip_scope(&b->ip);
	bool old_a = a->preferred_until <= c->now, old_b = b->preferred_until <= c->now;
	bool label_a = pb_ip_label(&a->ip) == pb_ip_label(c->dst),
	     label_b = pb_ip_label(&b->ip) == pb_ip_label(c->dst);

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
	return a->iface == c->iface || (!ip_zone(&a->ip) && pb_ip_scope(c->dst) > SCOPE_LINK_LOCAL);
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
