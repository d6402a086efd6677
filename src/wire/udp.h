/* The UDP header (RFC 768). Pure functions. */
#ifndef PB_WIRE_UDP_H
#define PB_WIRE_UDP_H

#include "wire/reader.h"

#define UDP_HEADER_LEN  8
#define UDP_CHECKSUM_AT 6

struct udp_header {
	uint16_t src_port, dst_port;
	uint16_t len;      /* header and data */
	uint16_t checksum; /* 0: none was made, which IPv4 allows; a computed 0 is sent as 0xffff */
};

/*
 * Read a header; came: bytes of the IP payload, where r may hold only the first part of them. False: it is
 * cut short, or its length is below 8 or beyond what came.
 */
bool pb_udp_parse(struct udp_header *h, struct reader *r, size_t came);

/* Write a header, the checksum as given. False: no room. */
bool pb_udp_write(const struct udp_header *h, struct writer *w);

#endif
