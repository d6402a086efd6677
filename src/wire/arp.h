/*
 * ARP (RFC 826) and RARP (RFC 903) packets for IPv4 on Ethernet. They have the same form, and differ in
 * operation and ethertype. Pure functions.
 */
#ifndef PB_WIRE_ARP_H
#define PB_WIRE_ARP_H

#include "base/ip.h"
#include "wire/ethernet.h"

#define ARP_LEN 28

enum arp_operation {
	ARP_REQUEST = 1, /* RFC 826, "Definitions" */
	ARP_REPLY = 2,
	RARP_REQUEST = 3, /* RFC 903 §2, "request reverse" */
	RARP_REPLY = 4,
};

struct arp_packet {
	uint16_t operation; /* enum arp_operation, or another */
	uint8_t sender_mac[ETHERNET_MAC_LEN], target_mac[ETHERNET_MAC_LEN];
	struct ip sender, target; /* IPv4 */
};

/*
 * Read a packet. False: it is cut short, or not of IPv4 on Ethernet. What follows is link padding, and stays.
 * The operation is not judged.
 */
bool pb_arp_parse(struct arp_packet *a, struct reader *r);

/* Write a packet. False: no room. */
bool pb_arp_write(const struct arp_packet *a, struct writer *w);

#endif
