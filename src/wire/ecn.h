/*
 * The ECN field of an IP header: the last two bits of what was the type of service, of IPv6 the traffic class (RFC 3168
 * §5). Pure functions.
 */
#ifndef PB_WIRE_ECN_H
#define PB_WIRE_ECN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ECN_MASK 3

enum ecn_codepoint {
	ECN_NOT_ECT = 0,
	ECN_ECT1 = 1,
	ECN_ECT0 = 2,
	ECN_CE = 3, /* congestion experienced */
};

static inline enum ecn_codepoint ecn_of(uint8_t tos)
{
	return (enum ecn_codepoint)(tos & ECN_MASK);
}

/* What the header of a packet says, of which len bytes are there. Of what is no IP header: ECN_NOT_ECT. */
enum ecn_codepoint pb_ecn_read(const uint8_t *ip, size_t len);

/* Mark a packet that is capable of it with CE, as a router would; IPv4's checksum is right again. */
void pb_ecn_mark(uint8_t *ip);

#endif
