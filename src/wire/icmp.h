/*
 * ICMP echo messages, of IPv4 (RFC 792) and of IPv6 (RFC 4443 section 4): the same but for the type's number and for
 * what the checksum covers. A message begins behind the IP header. Pure functions: nothing is kept or allocated.
 */
#ifndef PB_WIRE_ICMP_H
#define PB_WIRE_ICMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PB_ICMP_ECHO_LEN    8 /* in front of the data */
#define PB_ICMP_CHECKSUM_AT 2

enum pb_icmp_type {
	PB_ICMP4_ECHO_REPLY = 0,     /* RFC 792, page 14 */
	PB_ICMP4_ECHO_REQUEST = 8,   /* RFC 792, page 14 */
	PB_ICMP6_ECHO_REQUEST = 128, /* RFC 4443 4.1 */
	PB_ICMP6_ECHO_REPLY = 129,   /* RFC 4443 4.2 */
};

struct pb_icmp_echo {
	uint8_t type;        /* one of the four above */
	uint16_t checksum;   /* as found; for writing, pb_icmp_seal() sets it */
	uint16_t id, seq;    /* chosen by who asks, repeated by who answers */
	const uint8_t *data; /* likewise; inside the message when read */
	size_t data_len;
};

/* Read a message. False: too short, or no echo message. The checksum is not judged. */
bool pb_icmp_echo_parse(struct pb_icmp_echo *e, const void *message, size_t len);

/* Write a message with a checksum of 0 into room bytes. Its length, or 0: it does not fit. */
size_t pb_icmp_echo_write(const struct pb_icmp_echo *e, void *message, size_t room);

/*
 * Set the checksum of any ICMP message of at least 4 bytes, and tell whether that of a received one is right.
 * pseudo: for IPv6 pb_checksum_add_pseudo() of its pseudo-header (RFC 4443 2.3); for IPv4 0, as there is none.
 */
void pb_icmp_seal(void *message, size_t len, uint64_t pseudo);
bool pb_icmp_intact(const void *message, size_t len, uint64_t pseudo);

#endif
