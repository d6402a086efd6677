/*
 * ICMPv6 (RFC 4443): errors, messages that quote the packet they complain of. Echo messages are icmp.h's, as they
 * are the same in both versions; neighbour discovery's are nd.h's. Pure functions.
 */
#ifndef PB_WIRE_ICMP6_H
#define PB_WIRE_ICMP6_H

#include "wire/reader.h"

#define ICMP6_ERROR_LEN 8 /* in front of the quoted packet */

/* IANA's "ICMPv6 Parameters". Below 128 are errors (RFC 4443 §2.1). */
enum icmp6_type {
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER_PROBLEM = 4,
	ICMP6_MLD_QUERY = 130,           /* RFC 3810 §5.1 */
	ICMP6_ROUTER_SOLICITATION = 133, /* RFC 4861 §4 */
	ICMP6_ROUTER_ADVERTISEMENT = 134,
	ICMP6_NEIGHBOUR_SOLICITATION = 135,
	ICMP6_NEIGHBOUR_ADVERTISEMENT = 136,
	ICMP6_REDIRECT = 137,
	ICMP6_MLD_V1_REPORT = 131, /* RFC 2710 §3 */
	ICMP6_MLD_V1_DONE = 132,
	ICMP6_MLD_REPORT = 143, /* RFC 3810 §5.2 */
};

/* Codes of ICMP6_UNREACHABLE (RFC 4443 §3.1). */
enum icmp6_unreachable { ICMP6_NO_ROUTE = 0, ICMP6_PROHIBITED = 1, ICMP6_ADDRESS = 3, ICMP6_PORT = 4 };

#define ICMP6_REASSEMBLY_EXCEEDED 1 /* code of ICMP6_TIME_EXCEEDED (RFC 4443 §3.3) */

/* Codes of ICMP6_PARAMETER_PROBLEM (RFC 4443 §3.4, RFC 7112 §6). */
enum icmp6_problem {
	ICMP6_WRONG_FIELD = 0,
	ICMP6_UNKNOWN_HEADER = 1,
	ICMP6_UNKNOWN_OPTION = 2,
	ICMP6_INCOMPLETE_CHAIN = 3,
};

struct icmp6_error {
	uint8_t type, code;
	uint32_t value; /* ICMP6_TOO_BIG: MTU of the next hop; ICMP6_PARAMETER_PROBLEM: pointer to the byte */
};

/* Whether messages of this type quote a packet: none may be sent about such a one (RFC 4443 §2.4 (e.1)). */
static inline bool icmp6_is_error(uint8_t type)
{
	return type < 128;
}

/* Read the message up to the quoted packet, where r then is. False: cut short, or no error. */
bool pb_icmp6_error_parse(struct icmp6_error *e, struct reader *r);

/* Write it, with a checksum of 0. False: no room. */
bool pb_icmp6_error_write(const struct icmp6_error *e, struct writer *w);

#endif
