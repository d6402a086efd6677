#include "net/redirect.h"

#include "net/internet_state.h"

static struct redirect *find(const struct redirects *r, const struct ip *dst, const struct ip *router)
{
	for (unsigned n = 0; n < r->count; n++)
		if (ip_equal(&r->entries[n].dst, dst) && ip_equal(&r->entries[n].router, router))
			return (struct redirect *)&r->entries[n];
	return NULL;
}

struct ip pb_redirects_hop(const struct redirects *r, const struct ip *dst, const struct route *route)
{
	const struct redirect *redirect = route->on_link ? NULL : find(r, dst, &route->gateway);

	return route->on_link ? *dst : redirect ? redirect->hop : route->gateway;
}

static const struct route *route_by(const struct internet *net, const struct iface *i, const struct ip *dst)
{
	const struct route *route = pb_routes_find(&net->routes, dst, i);

	return route && !route->on_link ? route : NULL;
}

/* RFC 1122 §3.2.2.2: on the subnet; RFC 4861 §8.1: a router's link-local address, or the destination's own. */
static bool is_neighbour(const struct iface *i, const struct ip *hop, const struct ip *dst)
{
	if (!ip_is4(hop))
		return ip_is_link_local(hop) || ip_equal(hop, dst);
	for (unsigned n = 0; n < i->address_count; n++)
		if (ip_is4(&i->addresses[n]->ip) &&
		    pb_ip_in_prefix(hop, &i->addresses[n]->ip, i->addresses[n]->bits))
			return true;
	return false;
}

bool pb_redirect_is_sound(const struct internet *net, const struct iface *i, const struct ip *router,
			  const struct ip *dst, const struct ip *hop)
{
	const struct route *route = route_by(net, i, dst);

	if (!route || ip_is4(hop) != ip_is4(dst) || pb_internet_is_group(net, dst))
		return false;
	if (ip_is_any(hop) || pb_internet_is_group(net, hop) || pb_internet_is_local(net, hop))
		return false;
	struct ip now = pb_redirects_hop(&net->redirects, dst, route);
	return ip_equal(&now, router) && !ip_equal(hop, router) && is_neighbour(i, hop, dst);
}

static void remove_entry(struct redirects *r, struct redirect *e)
{
	*e = r->entries[--r->count];
	r->oldest = 0; /* their order is lost: which one makes room matters little */
}

static struct redirect *make_room(struct redirects *r)
{
	if (r->count < REDIRECTS_MAX)
		return &r->entries[r->count++];
	unsigned oldest = r->oldest;
	r->oldest = (oldest + 1) % REDIRECTS_MAX;
	return &r->entries[oldest];
}

void pb_redirect_learn(struct internet *net, const struct iface *i, const struct ip *dst,
		       const struct ip *hop)
{
	struct redirects *r = &net->redirects;
	const struct route *route = route_by(net, i, dst);
	struct redirect *e = route ? find(r, dst, &route->gateway) : NULL;

	if (!route)
		return;
	if (e && ip_equal(hop, &route->gateway)) {
		remove_entry(r, e); /* back again */
	} else {
		e = e ? e : make_room(r);
		*e = (struct redirect){ .dst = *dst, .router = route->gateway, .hop = *hop };
	}
	internet_changed(net);
}

void pb_redirect_failed(struct internet *net, const struct ip *hop)
{
	struct redirects *r = &net->redirects;
	unsigned before = r->count;

	for (unsigned n = 0; n < r->count;)
		if (ip_equal(&r->entries[n].hop, hop))
			remove_entry(r, &r->entries[n]);
		else
			n++;
	if (r->count != before)
		internet_changed(net);
}
