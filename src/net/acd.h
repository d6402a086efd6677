/*
 * Address conflict detection (RFC 5227): an IPv4 address is probed for before it is used, announced, and
 * defended.
 */
#ifndef PB_NET_ACD_H
#define PB_NET_ACD_H

#include "net/iface.h"

struct arp_packet;

/* Begin to probe for an address, which is tentative. When it is ready, paths are looked for again. */
void pb_acd_start(struct iface_address *a);
void pb_acd_stop(struct iface_address *a);

/* An ARP packet came, from another. Whether it is about a conflict, and not to be taken any further. */
bool pb_acd_input(struct iface *i, const struct arp_packet *p);

#endif
