/*
 * Stateless configuration: routers are asked for and listened to, and an interface gets from them its
 * addresses, its way out and the name servers (RFC 4861 §6.3, RFC 4862 §5.5, RFC 7217, RFC 8981, RFC 8106).
 *
 * Only where it is asked for: elsewhere advertisements are not heeded, so nobody on the link changes what
 * was configured by hand. All that routers tell is bounded in number and ends with its lifetime.
 */
#ifndef PB_NET_AUTOCONF_H
#define PB_NET_AUTOCONF_H

#include "net/iface.h"
#include "wire/domain.h"

#define AUTOCONF_ADDRESSES_MAX 16 /* made on one interface, at a time (Linux: max_addresses) */
#define AUTOCONF_ROUTERS_MAX   8
#define AUTOCONF_PREFIXES_MAX  16
#define AUTOCONF_SERVERS_MAX   8
#define AUTOCONF_DOMAINS_MAX   4

struct lease {
	struct ip ip;
	uint8_t bits;
	pb_time until;
};

/* A domain in which short names are looked for. */
struct domain_lease {
	char text[DOMAIN_TEXT];
	pb_time until;
};

struct autoconf {
	struct iface *iface;
	bool temporary; /* addresses as of RFC 8981 beside the stable ones */
	bool advised;   /* routers say that DHCPv6 knows more (RFC 4861 §4.2: the flags M and O) */
	struct pb_timer solicit;
	pb_time solicit_interval;
	struct pb_timer ends; /* when the first of what follows, or of the addresses, does */
	struct lease routers[AUTOCONF_ROUTERS_MAX];
	struct lease prefixes[AUTOCONF_PREFIXES_MAX]; /* on the link */
	struct lease servers[AUTOCONF_SERVERS_MAX];   /* of names */
	struct domain_lease domains[AUTOCONF_DOMAINS_MAX];
	unsigned router_count, prefix_count, server_count, domain_count;
};

struct ip_packet;

/*
 * Begin on an Ethernet. 0, -EINVAL (it is none), -EALREADY, -ENOMEM, or what the link-local address makes
 * impossible.
 */
int pb_autoconf_start(struct iface *i, bool temporary);
/* All that was told goes, the addresses with it. */
void pb_autoconf_stop(struct iface *i);

/* A router's advertisement came from the link, its checksum right. p->buf is not taken. */
void pb_autoconf_input(struct internet *net, const struct ip_packet *p);

/* Who has ip says that he is no router any more. */
void pb_autoconf_no_router(struct iface *i, const struct ip *ip);

/* An address that we made is somebody else's: make another, a few times. May free a. */
void pb_autoconf_duplicate(struct iface_address *a);

#endif
