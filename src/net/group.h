/*
 * Groups (RFC 1112, RFC 4291 §2.7): to which of them we listen on an interface, and telling routers of it
 * (IGMPv3, RFC 3376, and MLDv2, RFC 3810). Whoever listens listens to every source. A router that speaks an
 * older version is told by the newer one.
 */
#ifndef PB_NET_GROUP_H
#define PB_NET_GROUP_H

#include "net/iface.h"

/*
 * Listen, and cease to: once each for each user. 0, -ENOBUFS; -EADDRNOTAVAIL. group: in the interface's
 * zone.
 */
int pb_group_join(struct iface *i, const struct ip *group);
int pb_group_leave(struct iface *i, const struct ip *group);

/* Whether packets for a group are for us: joined, all nodes, the solicited-node groups of our addresses. */
bool pb_group_joined(const struct iface *i, const struct ip *group);

void pb_groups_fini(struct groups *g);

/* An IGMP or MLD message came. p->buf is not taken. */
struct ip_packet;
void pb_group_input(const struct ip_packet *p);

#endif
