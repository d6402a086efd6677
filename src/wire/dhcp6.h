/*
 * Messages of DHCPv6 (RFC 8415 §8) as a client that wants no address writes and reads them: it asks for information
 * (§18.2.6), and a server replies. Pure functions.
 */
#ifndef PB_WIRE_DHCP6_H
#define PB_WIRE_DHCP6_H

#include "base/ip.h"
#include "wire/domain.h"
#include "wire/reader.h"

#define DHCP6_CLIENT_PORT 546 /* RFC 8415 §7.2 */
#define DHCP6_SERVER_PORT 547
#define DHCP6_LEN_MAX     64 /* of those we write */
#define DHCP6_SERVERS_MAX 4  /* kept of those told */
#define DHCP6_DOMAINS_MAX 4
#define DHCP6_FOREVER     UINT32_MAX /* RFC 8415 §7.7 */

/* RFC 8415 §7.3, those of this exchange */
enum dhcp6_type { DHCP6_REPLY = 7, DHCP6_INFORMATION_REQUEST = 11 };

struct dhcp6_message {
	enum dhcp6_type type;
	uint32_t xid;                /* 24 bits */
	uint16_t elapsed;            /* since the client began, in hundredths of a second */
	bool has_client, has_server; /* that there is an identifier of one */
	uint16_t status;             /* RFC 8415 §21.13; 0: success */
	struct ip servers[DHCP6_SERVERS_MAX];
	char domains[DHCP6_DOMAINS_MAX][DOMAIN_TEXT];
	unsigned server_count, domain_count;
	uint32_t refresh;     /* seconds until to ask again (RFC 8415 §21.23); 0: not told */
	uint32_t timeout_max; /* seconds, between two requests (RFC 8415 §21.25, INF_MAX_RT); 0: not told */
};

/* Read a message. False: cut short, of another type, or an option that is malformed. */
bool pb_dhcp6_parse(struct dhcp6_message *m, struct reader *r);

/* Write a request for information. False: no room. */
bool pb_dhcp6_write(const struct dhcp6_message *m, struct writer *w);

#endif
