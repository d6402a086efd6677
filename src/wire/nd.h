/*
 * The messages of neighbour discovery (RFC 4861 §4) and their options. Pure functions. A message begins with its ICMPv6
 * header, and ends with the packet.
 */
#ifndef PB_WIRE_ND_H
#define PB_WIRE_ND_H

#include "base/ip.h"
#include "wire/domain.h"
#include "wire/reader.h"

#define ND_HOP_LIMIT   255 /* RFC 4861 §7.1.1 and others: who sent it is on the link */
#define ND_MAC_LEN     6
#define ND_NONCE_LEN   6          /* RFC 3971 §5.3.2, the least there is */
#define ND_OPTIONS_MAX 32         /* looked at in a message; RFC 4861 §4.6.2 knows no bound */
#define ND_MESSAGE_MAX 64         /* of those we write, with their options */
#define ND_FOREVER     UINT32_MAX /* RFC 4861 §4.6.2: a lifetime without end */

/* IANA's "IPv6 Neighbor Discovery Option Formats". */
enum nd_option_type {
	ND_SOURCE_MAC = 1,
	ND_TARGET_MAC = 2,
	ND_PREFIX = 3,
	ND_MTU = 5,
	ND_NONCE = 14, /* RFC 3971 §5.3.2 */
	ND_RDNSS = 25, /* RFC 8106 §5.1 */
	ND_DNSSL = 31, /* RFC 8106 §5.2 */
};

struct nd_option {
	uint8_t type;
	const uint8_t *body; /* behind type and length, in place */
	size_t len;          /* of it */
};

/* The next option. False: there is no more, or (r->bad) its length is 0 or reaches beyond the message. */
bool pb_nd_option(struct nd_option *o, struct reader *r);

/* Solicitation or advertisement of a neighbour (RFC 4861 §4.3, §4.4). */
struct nd_neighbour {
	bool advertisement;
	bool router, solicited, override; /* of an advertisement */
	struct ip target;
	const uint8_t *mac;   /* of the source, in an advertisement of the target; NULL: not told */
	const uint8_t *nonce; /* ND_NONCE_LEN bytes (RFC 7527 §4.2); NULL: none */
};

/* Read a message. False: cut short, wrong code, a group as target, or an option that is malformed. */
bool pb_nd_neighbour_parse(struct nd_neighbour *m, struct reader *r);

/* Write it, with a checksum of 0. False: no room. */
bool pb_nd_neighbour_write(const struct nd_neighbour *m, struct writer *w);

/* Router solicitation (RFC 4861 §4.1). mac: of the source, NULL: not told. */
bool pb_nd_router_solicitation_write(const uint8_t *mac, struct writer *w);

/* Redirect (RFC 4861 §4.5). */
struct nd_redirect {
	struct ip target, dst;
	const uint8_t *mac; /* of the target; NULL: not told */
};

/* Read a message. False: cut short, wrong code, or an option that is malformed. */
bool pb_nd_redirect_parse(struct nd_redirect *m, struct reader *r);

/* Router advertisement (RFC 4861 §4.2); its options are walked with pb_nd_option(). */
struct nd_router {
	uint8_t hop_limit; /* 0: not told, and so for the times */
	bool managed, other;
	uint16_t lifetime;       /* seconds */
	uint32_t reachable_time; /* milliseconds */
	uint32_t retrans_timer;  /* milliseconds */
	struct reader options;   /* well-formed, all of them */
};

bool pb_nd_router_parse(struct nd_router *m, struct reader *r);

/* RFC 4861 §4.6.2 */
struct nd_prefix {
	uint8_t bits;
	bool on_link, autonomous;
	uint32_t valid, preferred; /* seconds */
	struct ip prefix;
};

bool pb_nd_prefix(struct nd_prefix *p, const struct nd_option *o);

/* RFC 4861 §4.6.4. 0: it is none. */
uint32_t pb_nd_mtu(const struct nd_option *o);

/* RFC 8106 §5.1: the n-th server. False: there are not so many. */
bool pb_nd_rdnss(const struct nd_option *o, unsigned n, struct ip *server, uint32_t *lifetime);

/* RFC 8106 §5.2: the names of domains, up to count_max; those that nobody should print are left out. How many. */
unsigned pb_nd_dnssl(const struct nd_option *o, char (*domains)[DOMAIN_TEXT], unsigned count_max,
		     uint32_t *lifetime);

#endif
