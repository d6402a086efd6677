/*
 * The Internet checksum (RFC 1071): the one's complement of the one's complement sum of 16-bit words.
 *
 * A sum is built from parts (pseudo-header, header, payload) and sealed at the end. A running sum is in the
 * byte order of this machine, which the arithmetic allows (RFC 1071 section 2 (B)): words are never swapped,
 * only the result is. Start with 0. It cannot overflow before 16 GiB have been added.
 */
#ifndef PB_BASE_CHECKSUM_H
#define PB_BASE_CHECKSUM_H

#include <arpa/inet.h>
#include <packetboat/buf.h>
#include <stddef.h>
#include <stdint.h>

/* Add a part. All parts but the last must have an even length; an odd last one is padded with a zero byte. */
uint64_t pb_checksum_add(uint64_t sum, const void *data, size_t len);

/* Add the packet b from offset on; its parts may be odd. Nothing may be added behind it. */
uint64_t pb_checksum_add_packet(uint64_t sum, const struct pb_buf *b, size_t offset);

/*
 * Add a pseudo-header: two addresses of addr_len bytes each (4 or 16), protocol and length of what is
 * protected. One function for RFC 9293 3.1 (IPv4) and RFC 8200 8.1 (IPv6): their fields differ in width, not
 * in their sum.
 */
uint64_t pb_checksum_add_pseudo(uint64_t sum, const void *src, const void *dst, size_t addr_len,
				uint8_t protocol, uint32_t len);

/* 2^16 is 1 modulo 2^16 - 1, so what is above 16 bits is simply added to what is below. */
static inline uint16_t pb_checksum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/*
 * The checksum of a sum, as a number to be written most significant byte first. Over data that has its
 * checksum in it, the answer is 0 exactly if nothing is damaged.
 */
static inline uint16_t pb_checksum_finish(uint64_t sum)
{
	return ntohs((uint16_t)~pb_checksum_fold(sum));
}

/* All of it over one part. */
uint16_t pb_checksum(const void *data, size_t len);

/*
 * The checksum after one 16-bit word under it has changed from old to new (RFC 1624 section 3, equation 3).
 */
uint16_t pb_checksum_update(uint16_t checksum, uint16_t old, uint16_t new);

#endif
