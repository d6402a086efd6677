/*
 * Duplicate address detection (RFC 4862 §5.4, RFC 7527): an IPv6 address is asked for before it is used. One that is in
 * use already is left to whoever has it; acd.h is the same for IPv4.
 */
#ifndef PB_NET_DAD_H
#define PB_NET_DAD_H

#include "net/iface.h"

/* Begin to ask for an address, which is tentative. When it is ready, paths are looked for again. */
void pb_dad_start(struct iface_address *a);
void pb_dad_stop(struct iface_address *a);

/*
 * Somebody asks for a tentative address as we do, or says that it has one of ours; the entry may be gone then. nonce
 * NULL: it told no number.
 */
void pb_dad_heard_probe(struct iface_address *a, const uint8_t *nonce);
void pb_dad_heard_owner(struct iface_address *a);

#endif
