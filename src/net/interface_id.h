/*
 * Interface identifiers: the second half of an IPv6 address that we make for ourselves. A hardware address in it would
 * follow its owner from network to network (RFC 8064 §3), so it is a keyed hash.
 */
#ifndef PB_NET_INTERFACE_ID_H
#define PB_NET_INTERFACE_ID_H

#include "net/iface.h"

/*
 * The address in a prefix of 64 bits that is always the same for this interface and secret (RFC 7217 §5); attempt:
 * how many such were somebody else's. In the interface's zone.
 */
struct ip pb_interface_id_stable(const struct iface *i, const struct ip *prefix, uint8_t attempt);

/* One of chance in a prefix of 64 bits (RFC 8981 §3.3.1). */
struct ip pb_interface_id_random(const struct iface *i, const struct ip *prefix);

#endif
