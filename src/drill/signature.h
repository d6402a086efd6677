/*
 * Signed segments: `<nop,nop,md5 "secret">` (RFC 2385), `<ao 1 2 "secret">` (RFC 5925, with KeyID, RNextKeyID,
 * HMAC-SHA-1-96). In place of the signature, which depends on numbers that no script knows, is the key: what goes to
 * the stack is signed with it, and of what comes from there it must be the key.
 */
#ifndef DRILL_SIGNATURE_H
#define DRILL_SIGNATURE_H

#include "drill/packet.h"

/* Put the signature into a segment: its TCP header and text, without the checksum yet. False: its key is too long. */
bool drill_sign(const struct packet *p, const struct packet_ends *ends, uint8_t *segment, size_t len);

/* If a packet that was seen, IP header and all, is signed as expected, take the signature out of what is compared. */
void drill_signature_check(const struct packet *expected, struct packet *seen, const struct packet_ends *ends,
			   const uint8_t *bytes, size_t len);

#endif
