/*
 * RARP (RFC 903): a station that knows no address of its own asks for one, and who has a table answers. The
 * form is ARP's, the ethertype its own.
 */
#ifndef PB_NET_RARP_H
#define PB_NET_RARP_H

#include "net/iface.h"

#define RARP_HOSTS_MAX  64
#define RARP_ASKING_MAX 8
#define RARP_TRIES      8 /* at 1, 2, 4, 8, 8, … seconds; RFC 903 leaves it to us */

struct rarp {
	struct rarp_host {
		uint8_t mac[PB_MAC_LEN];
		struct ip ip;
	} hosts[RARP_HOSTS_MAX]; /* for whom we answer */
	size_t host_count;
	struct rarp_client {
		struct pb_timer timer;
		struct iface *iface; /* NULL: not in use */
		unsigned bits;
		unsigned tries;
	} clients[RARP_ASKING_MAX];
};

struct internet;

/*
 * Answer for a station: it is to have this IPv4 address. 0, -EINVAL, -ENOSPC. What was said of it before is
 * replaced.
 */
int pb_rarp_add_host(struct internet *net, const uint8_t mac[PB_MAC_LEN], const struct ip *ip);

/*
 * Ask for an address for an interface, which gets it, with a prefix of that many bits, from the first
 * answer, at once. 0; -EINVAL: no Ethernet, or no such prefix; -EALREADY; -ENOSPC.
 */
int pb_rarp_ask(struct internet *net, struct iface *i, unsigned bits);

/* A RARP frame came, b->data behind its Ethernet header. Takes b. */
void pb_rarp_input(struct internet *net, struct iface *i, struct pb_buf *b);

void pb_rarp_fini(struct internet *net);

#endif
