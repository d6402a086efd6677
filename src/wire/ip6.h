/*
 * The IPv6 header (RFC 8200 §3) and the chain of extension headers behind it (§4). Pure functions.
 *
 * A chain may be long and its options many, at the expense of whoever reads it: here it is bounded, as RFC 8504
 * §5.3 allows a host.
 */
#ifndef PB_WIRE_IP6_H
#define PB_WIRE_IP6_H

#include "base/ip.h"
#include "wire/reader.h"

#define IP6_HEADER_LEN   40
#define IP6_FRAGMENT_LEN 8     /* RFC 8200 §4.5, of the extension header */
#define IP6_PAYLOAD_MAX  65535 /* RFC 8200 §3, Payload Length: we know no jumbograms */
#define IP6_MTU_MIN      1280  /* RFC 8200 §5: what every link can carry */
#define IP6_EXTENSIONS_MAX                                                                                   \
	8 /* headers in a chain; each of the six kinds once, and destination options twice */
#define IP6_CHAIN_LEN_MAX 512 /* bytes of them */
#define IP6_OPTIONS_MAX   8   /* in one header, beside padding: Linux's max_hbh_opts_number */
#define IP6_PADDING_MAX   7   /* bytes in a row: more aligns nothing (RFC 4942 §2.1.9.5) */

/* Where fields are, for those who change one in a header that is written. */
#define IP6_PAYLOAD_LEN_AT 4
#define IP6_NEXT_AT        6
#define IP6_HOP_LIMIT_AT   7
#define IP6_SRC_AT         8
#define IP6_DST_AT         24

/* IANA's "Protocol Numbers": the extension headers, and what ends a chain with nothing behind it. */
enum ip6_next {
	IP6_HOP_BY_HOP = 0,
	IP6_ROUTING = 43,
	IP6_FRAGMENT = 44,
	IP6_AUTHENTICATION = 51, /* RFC 4302; not spoken here */
	IP6_NONE = 59,
	IP6_DESTINATION = 60,
};

enum ip6_option_type {
	IP6_OPTION_PAD1 = 0, /* one byte */
	IP6_OPTION_PADN = 1,
	IP6_OPTION_ROUTER_ALERT = 5, /* RFC 2711 */
};

struct ip6_header {
	uint8_t traffic_class; /* DSCP and ECN (RFC 2474, 3168) */
	uint32_t flow_label;   /* 20 bits */
	uint16_t payload_len;  /* all behind this header */
	uint8_t next;          /* enum ip6_next, or the transport's protocol */
	uint8_t hop_limit;
	struct ip src, dst;
};

/*
 * Read a header; came: how many bytes of the packet there are in all, where r may hold only the first part of them.
 * False: another version, cut short, or an IPv4-mapped address, which is for sockets and never on the wire (RFC 6890
 * §2.2.3): it would pass for IPv4's here. Bytes beyond payload_len are link padding.
 */
bool pb_ip6_parse(struct ip6_header *h, struct reader *r, size_t came);

/* Write a header. False: no room. */
bool pb_ip6_write(const struct ip6_header *h, struct writer *w);

/* A fragment header (RFC 8200 §4.5). */
struct ip6_fragment {
	uint8_t next;
	uint16_t offset; /* in bytes, a multiple of 8 */
	bool more;
	uint32_t id;
};

bool pb_ip6_fragment_write(const struct ip6_fragment *f, struct writer *w);

/* What is behind a header's extension headers. */
struct ip6_chain {
	uint8_t protocol;     /* what follows them */
	uint16_t protocol_at; /* where in the packet the field is that says so */
	uint16_t len;         /* of IPv6 header and extension headers */
	bool is_fragment;     /* of a packet; of a later one than the first the walk ends behind its header */
	uint16_t fragment_at; /* where that one is */
	uint16_t fragment_next_at; /* where the field is that names it */
	struct ip6_fragment fragment;
	uint8_t problem; /* IP6_IS_PROBLEM: code and pointer of ICMPv6's Parameter Problem (RFC 4443 §3.4) */
	uint16_t pointer;
};

enum ip6_walk {
	IP6_IS_WELL,
	IP6_IS_CUT,            /* the packet ends, or what was given of it, before the chain does */
	IP6_IS_REFUSED,        /* beyond our bounds, or an option says to discard it silently */
	IP6_IS_PROBLEM,        /* the sender is to be told */
	IP6_IS_UNKNOWN_OPTION, /* the sender is to be told, even of a packet to a group (RFC 4443 §2.4 (e.3)) */
};

/*
 * Walk the chain of a packet, of which have bytes are there from its IPv6 header on. A fragment header that fragments
 * nothing is passed over (RFC 6946 §4).
 */
enum ip6_walk pb_ip6_walk(struct ip6_chain *c, const uint8_t *packet, size_t have);

/* Whether it is an extension header that pb_ip6_walk() would look into. */
bool pb_ip6_is_extension(uint8_t next);

/*
 * What is behind all extension headers, whatever is wrong with them, and its protocol; of a packet of
 * IP6_HEADER_LEN bytes or more. NULL: it is not there.
 */
const uint8_t *pb_ip6_upper(const uint8_t *packet, size_t have, uint8_t *protocol);

#endif
