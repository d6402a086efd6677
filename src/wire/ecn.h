/* The ECN field of an IP header: the last two bits of what was the type of service (RFC 3168 §5). */
#ifndef PB_WIRE_ECN_H
#define PB_WIRE_ECN_H

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

#endif
