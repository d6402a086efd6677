/*
 * Groups (RFC 1112, RFC 4291 §2.7): to which of them we listen on an interface, and to which sources, and telling
 * routers of it (IGMPv3, RFC 3376, and MLDv2, RFC 3810; group_older.h has those before them). What users want together
 * is only for routers: each user has to look at sources for himself (RFC 3376 §3.2).
 */
#ifndef PB_NET_GROUP_H
#define PB_NET_GROUP_H

#include "net/iface.h"

#define GROUP_SOURCES_MAX 64 /* of a group on one interface, so that a record fits into 1280 bytes */

/* A source, and how many users name it to hear it, or not to. */
struct group_source {
	struct ip ip;
	unsigned includes, excludes;
	unsigned untold; /* as a group's */
};

/* What a user hears of a group: these sources, or all but these. */
struct source_filter {
	bool include;
	unsigned count;
	const struct ip *sources;
};

/*
 * A user begins to listen (before: NULL), hears others from now on, or ceases (after: NULL). Addresses are in the
 * interface's zone. 0; -ENOBUFS: too many groups or sources, -ENOMEM; -EADDRNOTAVAIL: nobody listened so.
 */
int pb_group_listen(struct iface *i, const struct ip *group, const struct source_filter *before,
		    const struct source_filter *after);

/* To every source. */
int pb_group_join(struct iface *i, const struct ip *group);
int pb_group_leave(struct iface *i, const struct ip *group);

/* Whether packets for a group are for us: joined, all nodes, the solicited-node groups of our addresses. */
bool pb_group_joined(const struct iface *i, const struct ip *group);

/* Send a message about groups, its checksum to be computed here. */
void pb_group_send(struct iface *i, const struct ip *dst, uint8_t *message, size_t len);

/* We have a link-local address now: what was said of groups of IPv6 in nobody's name is said again (RFC 3590 §4). */
void pb_groups_named(struct iface *i);

void pb_groups_fini(struct groups *g);

/* A message of IGMP or MLD came. p->buf is not taken. */
struct ip_packet;
void pb_group_input(const struct ip_packet *p);

#endif
