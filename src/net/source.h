/* The source of what we send, where whoever sends leaves it open: RFC 1122 §3.3.4.3, and RFC 6724 §5 for IPv6. */
#ifndef PB_NET_SOURCE_H
#define PB_NET_SOURCE_H

#include "net/internet.h"

/* The source for packets to dst that leave over i, by next_hop. 0 or -EADDRNOTAVAIL. */
int pb_source_choose(const struct internet *net, const struct iface *i, const struct ip *dst,
		     const struct ip *next_hop, struct ip *src);

#endif
