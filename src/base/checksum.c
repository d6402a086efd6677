#include "base/checksum.h"

#include <arpa/inet.h>
#include <string.h>

/*
 * 32 bits at a time into 64: carries gather in the upper half by themselves, and compilers make vectors of
 * the loop.
 */
uint64_t pb_checksum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t word;

	for (; len >= sizeof word; p += sizeof word, len -= sizeof word) {
		memcpy(&word, p, sizeof word);
		sum += word;
	}
	if (len > 0) {
		word = 0; /* the padding */
		memcpy(&word, p, len);
		sum += word;
	}
	return sum;
}

uint64_t pb_checksum_add_pseudo(uint64_t sum, const void *src, const void *dst, size_t addr_len,
				uint8_t protocol, uint32_t len)
{
	sum = pb_checksum_add(sum, src, addr_len);
	sum = pb_checksum_add(sum, dst, addr_len);
	return sum + htons(protocol) + htonl(len);
}

uint16_t pb_checksum(const void *data, size_t len)
{
	return pb_checksum_finish(pb_checksum_add(0, data, len));
}

/* HC' = ~(~HC + ~m + m'): unlike RFC 1141's, this form never makes 0xffff where summing anew makes 0. */
uint16_t pb_checksum_update(uint16_t checksum, uint16_t old, uint16_t new)
{
	return (uint16_t)~pb_checksum_fold((uint64_t)(uint16_t)~checksum + (uint16_t)~old + new);
}

/* The sum of a part that begins at an odd place is that of its bytes swapped (RFC 1071 section 2 (B)). */
uint64_t pb_checksum_add_packet(uint64_t sum, const struct pb_buf *b, size_t offset)
{
	bool odd = false;

	for (; offset > b->len; b = b->more)
		offset -= b->len;
	for (; b; b = b->more, offset = 0) {
		uint16_t part = pb_checksum_fold(pb_checksum_add(0, b->data + offset, b->len - offset));
		sum += odd ? __builtin_bswap16(part) : part;
		odd ^= (b->len - offset) & 1;
	}
	return sum;
}
