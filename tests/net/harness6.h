/*
 * IPv6 on the harness: we are 2001:db8::1/64 and fe80::1, which needs no detecting; the peer is 2001:db8::2,
 * at the harness's peer_mac.
 */
#ifndef TESTS_NET_HARNESS6_H
#define TESTS_NET_HARNESS6_H

#include "net/harness.h"
#include "wire/icmp6.h"
#include "wire/ip6.h"
#include "wire/nd.h"

/* With our addresses ready, and nothing sent so far. */
struct harness *harness6_open(uint32_t mtu, const struct internet_limits *limits);

/* A frame with an IPv6 packet from the peer: what is 0 in ip is filled in as usual. Its length. */
size_t harness6_frame(uint8_t *frame, struct ip6_header ip, const void *payload, size_t len);
enum ip_verdict harness6_input(struct harness *h, struct ip6_header ip, const void *payload, size_t len);

/* An ICMPv6 message from the peer, whose checksum is set. hop_limit 0: 255. */
enum ip_verdict harness6_icmp(struct harness *h, struct ip6_header ip, uint8_t *message, size_t len);

/* Solicitation or advertisement from the peer. */
void harness6_neighbour(struct harness *h, struct nd_neighbour m, const char *src, const char *dst);

/* Nothing was sent but reports of groups. */
void harness6_expect_nothing(struct harness *h);

/*
 * The next frame is IPv6, and no report of groups: its header, and its payload, which stays until the next;
 * mac: to whom (NULL: never mind).
 */
struct ip6_header harness6_expect(struct harness *h, const uint8_t **payload, size_t *len);
extern uint8_t harness6_mac[6]; /* to whom that frame went */

/* The next frame is such an error; the packet it quotes, len bytes of it. */
struct icmp6_error harness6_expect_error(struct harness *h, uint8_t type, uint8_t code, const uint8_t **quote,
					 size_t *len);

/* The next frame is a solicitation or an advertisement. */
struct nd_neighbour harness6_expect_neighbour(struct harness *h, bool advertisement, struct ip6_header *ip);

/* The peer's entry is made REACHABLE by an exchange. */
void harness6_resolve(struct harness *h);

int harness6_send(struct harness *h, const char *to, size_t len, bool dont_fragment);

#endif
