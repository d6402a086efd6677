/* ICMP errors of IPv4 (RFC 792): messages that quote the packet they complain of. Pure functions. */
#ifndef PB_WIRE_ICMP_ERROR_H
#define PB_WIRE_ICMP_ERROR_H

#include "wire/reader.h"

#define ICMP_ERROR_LEN 8 /* in front of the quoted packet */

/* RFC 792; IANA's "ICMP Type Numbers". */
enum icmp4_type {
	ICMP4_UNREACHABLE = 3,
	ICMP4_SOURCE_QUENCH = 4, /* to be ignored (RFC 6633) */
	ICMP4_REDIRECT = 5,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER_PROBLEM = 12,
};

/* Codes of ICMP4_UNREACHABLE (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1). */
enum icmp4_unreachable {
	ICMP4_NET = 0,
	ICMP4_HOST = 1,
	ICMP4_PROTOCOL = 2,
	ICMP4_PORT = 3,
	ICMP4_TOO_BIG = 4,
};

#define ICMP4_TTL_EXCEEDED        0 /* codes of ICMP4_TIME_EXCEEDED */
#define ICMP4_REASSEMBLY_EXCEEDED 1

struct icmp_error {
	uint8_t type, code;
	uint8_t pointer;    /* ICMP4_PARAMETER_PROBLEM: to the byte that is wrong */
	uint16_t mtu;       /* ICMP4_TOO_BIG: of the next hop (RFC 1191 §4); 0: an old router */
	uint8_t gateway[4]; /* ICMP4_REDIRECT */
};

/* Whether messages of this type quote a packet: none may be sent about such a one (RFC 1122 §3.2.2). */
bool pb_icmp4_is_error(uint8_t type);

/*
 * Read the message up to the quoted packet, where r then is. False: cut short, or no error. The checksum is
 * not judged.
 */
bool pb_icmp_error_parse(struct icmp_error *e, struct reader *r);

/* Write it, with a checksum of 0. False: no room. */
bool pb_icmp_error_write(const struct icmp_error *e, struct writer *w);

#endif
