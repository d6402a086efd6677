/*
 * Internet addresses of either family as one type, so that whatever is not about addresses is written once.
 *
 * Sixteen bytes in network order; an IPv4 address is kept in its IPv4-mapped form, ::ffff:a.b.c.d (RFC 4291
 * 2.5.5.2). So comparing is comparing two words, a table has one kind of key, and a dual-stack socket is
 * nothing special. The wildcards stay apart: 0.0.0.0 is ::ffff:0.0.0.0 here, and :: is all zero.
 *
 * An address that means something on one link only carries its zone (RFC 4007 §5), the number of that interface, in
 * its second pair of bytes, which is zero on the wire (RFC 4291 §2.5.6). So fe80::1 on one link and fe80::1 on another
 * are two addresses everywhere. It is put in when a packet comes or a socket's address is read, and taken out likewise.
 */
#ifndef PB_BASE_IP_H
#define PB_BASE_IP_H

#include "base/addr.h"

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct ip {
	union {
		uint8_t bytes[16];
		uint32_t half[4]; /* the last: an IPv4 address */
		uint64_t word[2];
	};
};

static inline bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1];
}

/* In two words, not byte by byte: each packet that comes makes two of these. */
static inline struct ip ip_from4(const uint8_t v4[4])
{
	uint32_t low[2] = { htobe32(0xffff) };
	struct ip a = { .word = { 0 } };

	memcpy(&low[1], v4, sizeof low[1]);
	memcpy(&a.word[1], low, sizeof a.word[1]);
	return a;
}

static inline struct ip ip_from6(const uint8_t v6[16])
{
	struct ip a;

	memcpy(a.bytes, v6, 16);
	return a;
}

/* An IPv4 address (0.0.0.0 included). */
static inline bool ip_is4(const struct ip *a)
{
	static const struct ip mapped = {
		.bytes = {[10] = 0xff, [11] = 0xff}
	};

	return a->word[0] == 0 && memcmp(a->bytes + 8, mapped.bytes + 8, 4) == 0;
}

/* The four bytes of an IPv4 address, in place. */
static inline const uint8_t *ip_bytes4(const struct ip *a)
{
	return a->bytes + 12;
}

/* Likewise, as one word, in network order. */
static inline uint32_t ip_word4(const struct ip *a)
{
	return a->half[3];
}

/* 0.0.0.0 or :: */
static inline bool ip_is_any(const struct ip *a)
{
	static const uint8_t zero[4];

	return (a->word[0] | a->word[1]) == 0 || (ip_is4(a) && memcmp(a->bytes + 12, zero, 4) == 0);
}

/* 224.0.0.0/4 (RFC 1112 4) or ff00::/8 (RFC 4291 2.7). */
static inline bool ip_is_multicast(const struct ip *a)
{
	return ip_is4(a) ? a->bytes[12] >> 4 == 14 : a->bytes[0] == 0xff;
}

/* 255.255.255.255 (RFC 919 7). */
static inline bool ip_is_limited_broadcast(const struct ip *a)
{
	static const uint8_t ones[4] = { 255, 255, 255, 255 };

	return ip_is4(a) && memcmp(a->bytes + 12, ones, 4) == 0;
}

/* 127.0.0.0/8 (RFC 1122 3.2.1.3 (g)) or ::1. */
static inline bool ip_is_loopback(const struct ip *a)
{
	static const struct ip one = { .bytes = { [15] = 1 } };

	return ip_is4(a) ? a->bytes[12] == 127 : ip_equal(a, &one);
}

/* fe80::/10 (RFC 4291 §2.5.6). */
static inline bool ip_is_link_local(const struct ip *a)
{
	return a->bytes[0] == 0xfe && a->bytes[1] >> 6 == 2;
}

/*
 * Whether it has a zone: fe80::/10, and the permanent groups of scopes interface and link, ff01::/16 and ff02::/16 (RFC
 * 4291 §2.7).
 */
static inline bool ip_has_zone(const struct ip *a)
{
	return ip_is_link_local(a) || (a->bytes[0] == 0xff && (a->bytes[1] == 1 || a->bytes[1] == 2));
}

/* The interface's number; 0: not said, or there is none to say. */
static inline unsigned ip_zone(const struct ip *a)
{
	return ip_has_zone(a) ? (unsigned)(a->bytes[2] << 8 | a->bytes[3]) : 0;
}

/* The address in a zone, where it can have one; in zone 0 as it is on the wire. */
static inline struct ip ip_in_zone(const struct ip *a, unsigned zone)
{
	struct ip in = *a;

	if (ip_has_zone(a)) {
		in.bytes[2] = (uint8_t)(zone >> 8);
		in.bytes[3] = (uint8_t)zone;
	}
	return in;
}

/* The family a socket of the POSIX kind would use: AF_INET or AF_INET6. */
static inline int ip_family(const struct ip *a)
{
	return ip_is4(a) ? AF_INET : AF_INET6;
}

/* How many bits a prefix of this family may have: 32 or 128. */
static inline unsigned ip_bits(const struct ip *a)
{
	return ip_is4(a) ? 32 : 128;
}

/*
 * Whether a is in prefix/bits; bits counts from the family's first bit. Addresses of two families never
 * match.
 */
bool pb_ip_in_prefix(const struct ip *a, const struct ip *prefix, unsigned bits);

/* The prefix's last address, all host bits one: an IPv4 subnet's broadcast address. */
struct ip pb_ip_last_of(const struct ip *prefix, unsigned bits);

/* The prefix's first address, all host bits zero. */
struct ip pb_ip_prefix_of(const struct ip *a, unsigned bits);

/* The solicited-node group of an address (RFC 4291 §2.7.1), in its zone. */
struct ip pb_ip_solicited_node(const struct ip *a, unsigned zone);

/*
 * From and to the sockets' addresses. AF_INET6 sockets may carry mapped addresses; AF_INET6 any stays ::. The scope is
 * the zone. False: not an internet address, or it has bytes where its zone would be.
 */
bool pb_ip_from_sockaddr(struct ip *a, uint16_t *port, const struct sockaddr *sa, socklen_t len);
void pb_ip_to_sockaddr(union pb_addr *to, const struct ip *a, uint16_t port, int family);

/* Its text in buf of PB_ADDR_TEXT bytes. Returns buf. */
const char *pb_ip_text(const struct ip *a, char *buf);

/* Read a literal address. False: it is none. */
bool pb_ip_parse(struct ip *a, const char *text);

#endif
