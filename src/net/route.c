#include "net/route.h"

#include <errno.h>

static bool same_prefix(const struct route *r, const struct ip *prefix, unsigned bits)
{
	return r->bits == bits && pb_ip_in_prefix(prefix, &r->prefix, bits);
}

static bool same_way(const struct route *a, const struct route *b)
{
	return a->iface == b->iface && a->on_link == b->on_link &&
	       (a->on_link || ip_equal(&a->gateway, &b->gateway));
}

static struct route *find_way(struct routes *r, const struct route *way)
{
	for (size_t n = 0; n < r->count; n++)
		if (same_prefix(&r->route[n], &way->prefix, way->bits) && same_way(&r->route[n], way))
			return &r->route[n];
	return NULL;
}

int pb_routes_add(struct routes *r, const struct route *route)
{
	struct route *known = find_way(r, route);
	size_t at = r->count;

	if (route->bits > ip_bits(&route->prefix))
		return -EINVAL;
	if (known && known->told && !route->told) {
		known->told = false;
		return 0;
	}
	if (known)
		return -EEXIST;
	if (r->count == ROUTES_MAX)
		return -ENOSPC;
	for (; at > 0 && r->route[at - 1].bits < route->bits; at--)
		r->route[at] = r->route[at - 1];
	r->route[at] = *route;
	r->count++;
	return 0;
}

static void remove_at(struct routes *r, size_t n)
{
	r->count--;
	memmove(&r->route[n], &r->route[n + 1], (r->count - n) * sizeof r->route[n]);
}

int pb_routes_remove_told(struct routes *r, const struct ip *prefix, unsigned bits, const struct ip *gateway,
			  struct iface *i)
{
	struct route way = { .prefix = *prefix, .bits = bits, .on_link = !gateway, .iface = i };

	if (gateway)
		way.gateway = *gateway;
	struct route *known = find_way(r, &way);
	if (!known || !known->told)
		return -ESRCH;
	remove_at(r, (size_t)(known - r->route));
	return 0;
}

/* That route goes behind all others that are as long. Whether one of them has the same prefix. */
static bool move_back(struct routes *r, size_t n)
{
	struct route moved = r->route[n];
	bool has_other = false;

	for (; n + 1 < r->count && r->route[n + 1].bits == moved.bits; n++) {
		has_other |= same_prefix(&r->route[n + 1], &moved.prefix, moved.bits);
		r->route[n] = r->route[n + 1];
	}
	r->route[n] = moved;
	return has_other;
}

bool pb_routes_pass_over(struct routes *r, const struct ip *gateway, const struct iface *i)
{
	bool has_other = false;

	for (size_t n = r->count; n-- > 0;) {
		const struct route *route = &r->route[n];
		if (!route->on_link && route->iface == i && ip_equal(&route->gateway, gateway))
			has_other |= move_back(r, n);
	}
	return has_other;
}

int pb_routes_remove(struct routes *r, const struct ip *prefix, unsigned bits, const struct iface *i)
{
	for (size_t n = 0; n < r->count; n++) {
		struct route *route = &r->route[n];
		if (!same_prefix(route, prefix, bits) || (i && route->iface != i))
			continue;
		remove_at(r, n);
		return 0;
	}
	return -ESRCH;
}

const struct route *pb_routes_find(const struct routes *r, const struct ip *dst, const struct iface *i)
{
	for (size_t n = 0; n < r->count; n++) {
		const struct route *route = &r->route[n];
		if ((!i || route->iface == i) && pb_ip_in_prefix(dst, &route->prefix, route->bits))
			return route;
	}
	return NULL;
}
