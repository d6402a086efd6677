/*
 * In which order to try the addresses of a name (RFC 6724 §6), as seen from a net: it knows where calls would come
 * from.
 */
#ifndef CLIENT_ADDRESS_ORDER_H
#define CLIENT_ADDRESS_ORDER_H

#include "base/addr.h"

#include <packetboat/net.h>
#include <stddef.h>

#define ADDRESS_ORDER_MAX 16

/* Sort count addresses, ADDRESS_ORDER_MAX at most; between equals the order stays. */
void address_order(struct pb_net *net, union pb_addr *addrs, size_t count);

#endif
