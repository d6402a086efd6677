/* The Ethernet II header (IEEE 802.3 §3.2, RFC 894). Pure functions. */
#ifndef PB_WIRE_ETHERNET_H
#define PB_WIRE_ETHERNET_H

#include "wire/reader.h"

#define ETHERNET_HEADER_LEN 14
#define ETHERNET_MAC_LEN    6

/* IANA's "IEEE 802 Numbers". What is below 0x0600 is a length (IEEE 802.3 §3.2.6), and not for us. */
enum ethernet_type {
	ETHERNET_IP4 = 0x0800,
	ETHERNET_ARP = 0x0806,
	ETHERNET_RARP = 0x8035, /* RFC 903 */
	ETHERNET_IP6 = 0x86dd,  /* RFC 2464 §3 */
	ETHERNET_TYPE_MIN = 0x0600
};

extern const uint8_t pb_ethernet_broadcast[ETHERNET_MAC_LEN];

struct ethernet_header {
	uint8_t dst[ETHERNET_MAC_LEN], src[ETHERNET_MAC_LEN];
	uint16_t type; /* enum ethernet_type, or another */
};

/* Read a header. False: it is cut short, or holds a length where the type should be. */
bool pb_ethernet_parse(struct ethernet_header *h, struct reader *r);

/* Write a header. False: no room. */
bool pb_ethernet_write(const struct ethernet_header *h, struct writer *w);

/* The address of a group: multicast or broadcast (IEEE 802.3 §3.2.3, the first bit on the wire). */
static inline bool ethernet_is_group(const uint8_t mac[ETHERNET_MAC_LEN])
{
	return mac[0] & 1;
}

#endif
