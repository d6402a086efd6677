/*
 * Neighbour discovery (RFC 4861): asking where an IPv6 neighbour is, and telling where we are. Whether an
 * address of ours is in use twice is dad.h's.
 */
#ifndef PB_NET_ND_H
#define PB_NET_ND_H

#include "net/neighbour.h"

struct ip_packet;

/* Ask for a neighbour: its solicited-node group, or in the PROBE state itself. */
void pb_nd_solicit(struct neighbour *n);

/*
 * Ask all who might have target whether they do, in nobody's name, with a number of ours (RFC 4862 §5.4.2,
 * RFC 7527).
 */
void pb_nd_probe(struct iface *i, const struct ip *target, const uint8_t nonce[]);

/* A message of neighbour discovery came, its checksum right. p->buf is not taken. */
void pb_nd_input(struct internet *net, const struct ip_packet *p);

#endif
