/*
 * ARP (RFC 826): asking where an IPv4 neighbour is, and telling where we are. Its merge rule is kept to what
 * we asked for, and to who asks for us: nobody tells us unasked where others are. That an address of ours is
 * in use twice is acd.h's.
 */
#ifndef PB_NET_ARP_H
#define PB_NET_ARP_H

#include "net/neighbour.h"

/* Ask for a neighbour: everybody, or in the PROBE state itself. */
void pb_arp_solicit(struct neighbour *n);

/*
 * Ask everybody for target, in the name of sender (RFC 5227 §1.1: 0.0.0.0 in a probe, target itself in an
 * announcement).
 */
void pb_arp_ask(struct iface *i, const struct ip *sender, const struct ip *target);

/* An ARP frame came, b->data behind its Ethernet header. Takes b. */
void pb_arp_input(struct internet *net, struct iface *i, struct pb_buf *b);

/* Send an ARP or RARP packet. */
struct arp_packet;
void pb_arp_send(struct iface *i, const uint8_t to[PB_MAC_LEN], uint16_t ethertype,
		 const struct arp_packet *a);

#endif
