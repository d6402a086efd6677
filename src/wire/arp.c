/*
 *  RFC 826, "Packet format", with hardware addresses of 6 bytes and protocol addresses of 4
 *  +-------------------------------+-------------------------------+
 *  |         Hardware space        |         Protocol space        |
 *  +---------------+---------------+-------------------------------+
 *  | Hardware len  | Protocol len  |           Operation           |
 *  +---------------+---------------+-------------------------------+
 *  |  Sender hardware (6)  |  Sender protocol (4)  |
 *  |  Target hardware (6)  |  Target protocol (4)  |
 *  +-----------------------+-----------------------+
 */
#include "wire/arp.h"

#define HARDWARE_ETHERNET 1 /* RFC 826, "Definitions" */
#define IP4_LEN           4

static struct ip read_ip4(struct reader *r)
{
	uint8_t bytes[IP4_LEN];

	rd_copy(r, bytes, sizeof bytes);
	return ip_from4(bytes);
}

bool pb_arp_parse(struct arp_packet *a, struct reader *r)
{
	uint16_t hardware = rd_u16(r);
	uint16_t protocol = rd_u16(r);
	uint8_t hardware_len = rd_u8(r);
	uint8_t protocol_len = rd_u8(r);

	a->operation = rd_u16(r);
	rd_copy(r, a->sender_mac, sizeof a->sender_mac);
	a->sender = read_ip4(r);
	rd_copy(r, a->target_mac, sizeof a->target_mac);
	a->target = read_ip4(r);
	return !r->bad && hardware == HARDWARE_ETHERNET && protocol == ETHERNET_IP4 &&
	       hardware_len == ETHERNET_MAC_LEN && protocol_len == IP4_LEN;
}

bool pb_arp_write(const struct arp_packet *a, struct writer *w)
{
	wr_u16(w, HARDWARE_ETHERNET);
	wr_u16(w, ETHERNET_IP4);
	wr_u8(w, ETHERNET_MAC_LEN);
	wr_u8(w, IP4_LEN);
	wr_u16(w, a->operation);
	wr_bytes(w, a->sender_mac, sizeof a->sender_mac);
	wr_bytes(w, ip_bytes4(&a->sender), IP4_LEN);
	wr_bytes(w, a->target_mac, sizeof a->target_mac);
	wr_bytes(w, ip_bytes4(&a->target), IP4_LEN);
	return !w->bad;
}
