/*
 * Network addresses with ports: read, write, compare, and the prefixes they fall in.
 * Text forms: 192.0.2.1, 2001:db8::1, fe80::1%eth0; with a port 192.0.2.1:80, [2001:db8::1]:80 (RFC 5952 6).
 */
#ifndef PB_BASE_ADDR_H
#define PB_BASE_ADDR_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* sa.sa_family tells which; AF_UNSPEC (all zero) is no address. */
union pb_addr {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* The longest text: [ IPv6 % interface ] : port, and the NUL. */
#define PB_ADDR_TEXT (INET6_ADDRSTRLEN + IF_NAMESIZE + 9)

/* Read a literal address without brackets or port; the port becomes 0. False: not an address. */
bool pb_addr_parse(union pb_addr *a, const char *text);

/* Write the address without or with its port. Returns buf, which must hold PB_ADDR_TEXT bytes. */
const char *pb_addr_host(const union pb_addr *a, char *buf);
const char *pb_addr_text(const union pb_addr *a, char *buf);

socklen_t pb_addr_len(const union pb_addr *a);
uint16_t pb_addr_port(const union pb_addr *a);
void pb_addr_set_port(union pb_addr *a, uint16_t port);

/* The wildcard of a family, port 0. */
union pb_addr pb_addr_any(int family);
bool pb_addr_is_any(const union pb_addr *a);
bool pb_addr_is_loopback(const union pb_addr *a);

/* Same family, address, scope and port. */
bool pb_addr_equal(const union pb_addr *a, const union pb_addr *b);

/* An IPv4-mapped IPv6 address (RFC 4291 2.5.5.2) becomes the IPv4 address; anything else stays. */
void pb_addr_unmap(union pb_addr *a);

/* The bytes of the address (4 or 16) in network order; NULL for AF_UNSPEC. */
const uint8_t *pb_addr_bytes(const union pb_addr *a, unsigned *bits);

/* An address prefix: 10.0.0.0/8, ::1/128. */
struct pb_prefix {
	union pb_addr addr;
	uint8_t bits;
};

/* Read ADDRESS or ADDRESS/BITS. Bits below the prefix length are cleared. False: not a prefix. */
bool pb_prefix_parse(struct pb_prefix *p, const char *text);
bool pb_prefix_has(const struct pb_prefix *p, const union pb_addr *a);

#endif
