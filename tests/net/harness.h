/*
 * An internet layer over a device that keeps what is sent, in virtual time: frames are put in, and looked at
 * when they come out. We are 192.0.2.1/24, 02:00:00:00:00:01; the peer is 192.0.2.2, …:02; the gateway
 * 192.0.2.254, …:fe.
 */
#ifndef TESTS_NET_HARNESS_H
#define TESTS_NET_HARNESS_H

#include "net/internet.h"
#include "wire/arp.h"
#include "wire/icmp.h"
#include "wire/icmp_error.h"
#include "wire/ip4.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define UDP 17 /* to no port in particular: a protocol that is delivered */

struct harness {
	struct env env;
	struct internet *net;
	struct iface *iface;
	struct ip_packet packet; /* of the last verdict */
	struct ip_error error;
};

extern const uint8_t our_mac[6], peer_mac[6], gateway_mac[6];

struct ip ip_of(const char *text);

/* Interface 2, "wire0", with our address ready. close checks that no packet was lost or kept. */
struct harness *harness_open(uint32_t mtu, bool ethernet, const struct internet_limits *limits);
void harness_close(struct harness *h);

/* One with no address yet. */
struct harness *harness_open_bare(uint32_t mtu, bool ethernet, const struct internet_limits *limits);

/* Let time pass. */
void harness_run(struct harness *h, pb_time until);

/* The next frame that was sent, copied into frame; its length, 0: none. */
size_t harness_sent(struct harness *h, uint8_t frame[65600]);
void harness_forget_sent(struct harness *h);
void harness_expect_nothing(struct harness *h);

/* Put a frame in, as it came from a device, or in parts of part bytes (0: one). */
enum ip_verdict harness_input(struct harness *h, const void *frame, size_t len);
enum ip_verdict harness_input_parts(struct harness *h, const void *frame, size_t len, size_t part);

/* What a verdict gave is given back. */
void harness_give_back(struct harness *h);

/* ARP, in and out. expect: the next frame is such a packet. */
void harness_arp(struct harness *h, uint16_t operation, const uint8_t from[6], const char *sender,
		 const char *target);
struct arp_packet harness_expect_arp(struct harness *h, uint16_t operation);

/* The peer's entry is made REACHABLE by an exchange. */
void harness_resolve(struct harness *h);

/* A frame with an IPv4 packet from the peer: what is 0 in ip is filled in as usual. Its length. */
size_t harness_ip4_frame(uint8_t *frame, struct ip4_header ip, const void *payload, size_t len);
enum ip_verdict harness_ip4(struct harness *h, struct ip4_header ip, const void *payload, size_t len);

/* The next frame is IPv4: its header, and its payload, which stays until the next. */
struct ip4_header harness_expect_ip4(struct harness *h, const uint8_t **payload, size_t *len);

/* The next frame is an ICMP error about the packet that was put in last: type and code. */
struct icmp_error harness_expect_error(struct harness *h, uint8_t type, uint8_t code);

/* A transport's packet of len bytes from a pattern, with the room it has to have. */
struct pb_buf *harness_payload(struct harness *h, size_t len);

/* Send len bytes of it to dst. */
int harness_send(struct harness *h, const char *dst, size_t len, bool dont_fragment);

#endif
