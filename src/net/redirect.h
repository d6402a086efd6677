/*
 * Redirects: a router says that another one, or the destination itself, is the better first hop (RFC 1122 §3.2.2.2, RFC
 * 4861 §8). Heeded for the destination alone, be it a net that was named (RFC 1122 §3.3.1.2), and only from who is the
 * first hop to it now.
 *
 * They are kept in a table of fixed size, whose oldest entry makes room. One holds as long as the route leads to the
 * router that it is away from, and until its new hop does not answer (RFC 1122 §3.3.1.4, RFC 4861 §7.3.3).
 */
#ifndef PB_NET_REDIRECT_H
#define PB_NET_REDIRECT_H

#include "net/route.h"

#define REDIRECTS_MAX 128

struct redirects {
	struct redirect {
		struct ip dst, router, hop; /* router: the route's */
	} entries[REDIRECTS_MAX];
	unsigned count, oldest;
};

/* The first hop to dst by a route: its gateway, or where that has redirected us; dst itself on the link. */
struct ip pb_redirects_hop(const struct redirects *r, const struct ip *dst, const struct route *route);

/*
 * Whether router may tell that packets to dst, which leave over i, go by hop: it is their first hop, and hop a
 * neighbour that can be one.
 */
bool pb_redirect_is_sound(const struct internet *net, const struct iface *i, const struct ip *router,
			  const struct ip *dst, const struct ip *hop);

/* Heed it. */
void pb_redirect_learn(struct internet *net, const struct iface *i, const struct ip *dst,
		       const struct ip *hop);

/* Who was to be the first hop does not answer. */
void pb_redirect_failed(struct internet *net, const struct ip *hop);

#endif
