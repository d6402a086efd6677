/* The IPv4 header and its options (RFC 791 §3.1). Pure functions. */
#ifndef PB_WIRE_IP4_H
#define PB_WIRE_IP4_H

#include "base/ip.h"
#include "wire/reader.h"

#define IP4_HEADER_LEN      20
#define IP4_HEADER_LEN_MAX  60
#define IP4_OPTIONS_LEN_MAX (IP4_HEADER_LEN_MAX - IP4_HEADER_LEN)
#define IP4_LEN_MAX         65535 /* RFC 791 §3.1, Total Length */
#define IP4_MTU_MIN         68    /* RFC 791 §3.2: what every link can carry */
#define IP4_REASSEMBLY_MIN  576   /* RFC 791 §3.1: what every host can put together */

/* Where fields are, for those who change one in a header that is written. */
#define IP4_LEN_AT      2
#define IP4_ID_AT       4
#define IP4_CHECKSUM_AT 10
#define IP4_SRC_AT      12

struct ip4_header {
	uint8_t len;         /* of the header with its options, in bytes */
	uint8_t tos;         /* DSCP and ECN (RFC 2474, 3168) */
	uint16_t packet_len; /* header and data */
	uint16_t id;         /* means something in fragments only (RFC 6864 §4) */
	bool dont_fragment, more_fragments;
	bool evil;                /* the reserved bit, which must be zero */
	uint16_t fragment_offset; /* in bytes, a multiple of 8 */
	uint8_t ttl, protocol;
	uint16_t checksum; /* as found; pb_ip4_write() computes it */
	struct ip src, dst;
	const uint8_t *options; /* in place, len - 20 bytes */
};

static inline bool ip4_is_fragment(const struct ip4_header *h)
{
	return h->more_fragments || h->fragment_offset;
}

/*
 * Read a header; came: how many bytes of the packet there are in all, with its header, where r may hold only
 * the first part of them. False: another version, a length that contradicts another or what came, a wrong
 * checksum, or a fragment that would reach beyond 65535 bytes or, not being the last, is of no multiple of 8.
 * Bytes beyond packet_len are link padding. Options are not looked into.
 */
bool pb_ip4_parse(struct ip4_header *h, struct reader *r, size_t came);

/* The same of a header that is quoted: its checksum is not looked at, as who quotes may have changed it (TTL, NAT). */
bool pb_ip4_parse_quoted(struct ip4_header *h, struct reader *r);

/*
 * Write a header: len and options as given (options NULL: zeroes, that is END), the checksum computed. False:
 * no room, or len is none.
 */
bool pb_ip4_write(const struct ip4_header *h, struct writer *w);

enum ip4_option_type {
	IP4_OPTION_END = 0, /* one byte */
	IP4_OPTION_NOP = 1, /* one byte */
	IP4_OPTION_RECORD_ROUTE = 7,
	IP4_OPTION_TIMESTAMP = 68,
	IP4_OPTION_LOOSE_ROUTE = 131, /* source routes are best refused (RFC 7126 §4.3, 4.4) */
	IP4_OPTION_STRICT_ROUTE = 137,
	IP4_OPTION_ROUTER_ALERT = 148, /* RFC 2113 */
};
#define IP4_OPTION_COPIED 0x80 /* the bit of options that go into each fragment */

struct ip4_option {
	uint8_t type;
	uint8_t len;          /* with type and length */
	const uint8_t *start; /* of the option, in place */
};

/* A reader of a header's options, for pb_ip4_option(). */
struct reader pb_ip4_options(const struct ip4_header *h);

/* The next option other than END and NOP. False: there is no more, or (r->bad) its length is wrong. */
bool pb_ip4_option(struct ip4_option *o, struct reader *r);

/*
 * Where in the header the first thing wrong with the options is, as ICMP's Parameter Problem tells it (RFC
 * 792, page 8); 0: all is well formed. Route and timestamp pointers are checked, too.
 */
unsigned pb_ip4_options_fault(const struct ip4_header *h);

/* The options that go into every fragment, padded to a multiple of 4: how many bytes. */
size_t pb_ip4_copied_options(const struct ip4_header *h, uint8_t to[IP4_OPTIONS_LEN_MAX]);

#endif
