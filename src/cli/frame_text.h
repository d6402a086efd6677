/*
 * What a frame says, in a few words for people: "SYN,ACK seq 0 ack 1". Sequence numbers are counted from each side's
 * first, as far as it was seen. Only what an Ethernet or a tunnel of IPv4 carries is read.
 */
#ifndef CLI_FRAME_TEXT_H
#define CLI_FRAME_TEXT_H

#include "base/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_TEXT_MAX 64
#define FRAME_FLOWS_MAX                                                                                      \
	64 /* directions of connections whose first sequence number is known; then the oldest goes */

/* One direction of a connection, and its first sequence number. */
struct frame_flow {
	struct ip src, dst;
	uint16_t src_port, dst_port;
	uint32_t first_seq;
};

/* All zero: none seen yet. */
struct frame_flows {
	struct frame_flow flow[FRAME_FLOWS_MAX];
	size_t count, oldest;
};

struct frame_text {
	int protocol; /* IPPROTO_TCP, …; 0: what is no IP packet (ARP) */
	struct ip src, dst;
	uint16_t src_port, dst_port; /* of TCP and UDP, fragments excepted; otherwise 0 */
	char text[FRAME_TEXT_MAX];
	const uint8_t *payload; /* of TCP and UDP, in the frame */
	size_t payload_len;
};

/* Read a frame of len bytes, which begins with an Ethernet header, or with the IP header. */
void frame_read(struct frame_text *t, struct frame_flows *flows, bool ethernet, const uint8_t *frame,
		size_t len);

#endif
