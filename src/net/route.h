/*
 * Routes: which way a destination lies. A small table, sorted so that the first that matches is the right
 * one: longest prefix first (RFC 1122 §3.3.1.2 leaves the form to us), among equals in order of adding, but that
 * gateways that do not answer come last.
 */
#ifndef PB_NET_ROUTE_H
#define PB_NET_ROUTE_H

#include "net/iface.h"

#define ROUTES_MAX 256

struct route {
	struct ip prefix;
	unsigned bits;
	struct ip gateway;
	bool on_link; /* no gateway: the destination is the next hop */
	bool told;    /* by a router, who may end it; what was given by hand stays */
	struct iface *iface;
};

struct routes {
	struct route route[ROUTES_MAX];
	size_t count;
};

/*
 * 0; -EINVAL: bits; -EEXIST: the same prefix by the same way; -ENOSPC. What a router told of and somebody gives by
 * hand, too, is his from then on.
 */
int pb_routes_add(struct routes *r, const struct route *route);

/* The first of that prefix, on that interface (NULL: any). -ESRCH: there is none. */
int pb_routes_remove(struct routes *r, const struct ip *prefix, unsigned bits, const struct iface *i);

/*
 * That of a prefix over an interface by a gateway, or NULL, on the link, if a router told of it. -ESRCH: there is none.
 */
int pb_routes_remove_told(struct routes *r, const struct ip *prefix, unsigned bits, const struct ip *gateway,
			  struct iface *i);

/* A gateway does not answer: where there is another way, it is tried first. Whether there is. */
bool pb_routes_pass_over(struct routes *r, const struct ip *gateway, const struct iface *i);

/* The way to dst, over an interface (NULL: any). NULL: there is none. */
const struct route *pb_routes_find(const struct routes *r, const struct ip *dst, const struct iface *i);

#endif
