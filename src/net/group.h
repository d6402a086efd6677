/* Groups (RFC 1112, RFC 4291 §2.7): to which of them we listen on an interface. */
#ifndef PB_NET_GROUP_H
#define PB_NET_GROUP_H

#include "net/iface.h"

/* Whether packets for a group are for us: all nodes, the solicited-node groups of our addresses. */
bool pb_group_joined(const struct iface *i, const struct ip *group);

#endif
