/*
 * DHCP messages (RFC 2131 §2, RFC 2132, RFC 3397), as a client of IPv4 over Ethernet writes and reads them. Pure
 * functions.
 */
#ifndef PB_WIRE_DHCP_H
#define PB_WIRE_DHCP_H

#include "base/ip.h"
#include "wire/domain.h"
#include "wire/reader.h"

#define DHCP_SERVER_PORT 67 /* RFC 2131 §4.1 */
#define DHCP_CLIENT_PORT 68
#define DHCP_LEN_MAX     576        /* RFC 2131 §2: what every client can take; we ask for no more */
#define DHCP_LEN_MIN     300        /* RFC 1542 §2.1: what some relays want at least */
#define DHCP_SERVERS_MAX 4          /* name servers kept of those told */
#define DHCP_DOMAINS_MAX 4          /* likewise of domains */
#define DHCP_FOREVER     UINT32_MAX /* RFC 2131 §3.3: a lease without end */

/* RFC 2132 §9.6 */
enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER,
	DHCP_REQUEST,
	DHCP_DECLINE,
	DHCP_ACK,
	DHCP_NAK,
	DHCP_RELEASE
};

/* Addresses that are any are not there. */
struct dhcp_message {
	bool reply; /* from a server */
	enum dhcp_type type;
	uint32_t xid;
	uint16_t secs;  /* since the client began */
	bool broadcast; /* the client has no address to be answered at */
	uint8_t mac[6];
	struct ip client; /* ciaddr: the address that the client has */
	struct ip yours;  /* yiaddr: the one it is to have */
	struct ip server, requested, router;
	unsigned bits;                       /* of the prefix; 0: not told */
	struct ip servers[DHCP_SERVERS_MAX]; /* of names */
	unsigned server_count;
	/* Where short names are looked for: the list, or else the one domain name (RFC 3397 §1) */
	char domains[DHCP_DOMAINS_MAX][DOMAIN_TEXT];
	unsigned domain_count;
	uint32_t lease, renew, rebind; /* seconds; 0: not told */
};

/* Read a message. False: cut short, no DHCP, or an option that is malformed. */
bool pb_dhcp_parse(struct dhcp_message *m, struct reader *r);

/* Write what a client sends, DHCP_LEN_MIN bytes of it. False: no room. */
bool pb_dhcp_write(const struct dhcp_message *m, struct writer *w);

#endif
