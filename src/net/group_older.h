/*
 * Telling routers of groups in the words of an older version, IGMPv1, IGMPv2 or MLDv1, while one that speaks it has
 * asked lately (RFC 3376 §7.2, RFC 3810 §8.2): many a router and switch knows no other, and passes nothing on to who
 * is not heard.
 */
#ifndef PB_NET_GROUP_OLDER_H
#define PB_NET_GROUP_OLDER_H

#include "net/iface.h"

/* RFC 2236 §8.10, RFC 2710 §7.10: within that time a change is told again. */
#define GROUP_OLDER_UNSOLICITED PB_SEC(10)

/* A router has asked so. */
void pb_group_older_heard(struct groups *g, bool v6, unsigned version);

/* Whether routers are told in an older version. */
bool pb_group_older_is_spoken(const struct groups *g, bool v6);

/* Tell what is to be told of all groups of a family. */
void pb_group_older_tell(struct groups *g, bool v6);

#endif
