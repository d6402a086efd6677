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

int pb_routes_add(struct routes *r, const struct route *route)
{
	size_t at = r->count;

	if (route->bits > ip_bits(&route->prefix))
		return -EINVAL;
	if (r->count == ROUTES_MAX)
		return -ENOSPC;
	for (size_t n = 0; n < r->count; n++)
		if (same_prefix(&r->route[n], &route->prefix, route->bits) && same_way(&r->route[n], route))
			return -EEXIST;
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

int pb_routes_remove_way(struct routes *r, const struct ip *prefix, unsigned bits, const struct ip *gateway,
			 struct iface *i)
{
	struct route way = { .on_link = !gateway, .iface = i };

	if (gateway)
		way.gateway = *gateway;
	for (size_t n = 0; n < r->count; n++)
		if (same_prefix(&r->route[n], prefix, bits) && same_way(&r->route[n], &way)) {
			remove_at(r, n);
			return 0;
		}
	return -ESRCH;
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
