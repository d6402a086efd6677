/*
 * A DHCP client for an interface of a stack (RFC 2131): it asks for an IPv4 address, gives it to the
 * interface with the way out, tells the stack of name servers, and keeps the lease for as long as it lives. It
 * needs nothing but sockets.
 *
 * Not done: the address is not probed for before it is used, as that takes seconds and the server has asked
 * already (RFC 2131 §2.2); an old address is not asked for again.
 */
#ifndef CLIENT_DHCP_H
#define CLIENT_DHCP_H

#include <packetboat/loop.h>
#include <packetboat/stack.h>

struct dhcp;

/* Begin on an Ethernet interface. 0 and *dhcp, or -errno. */
int dhcp_new(struct pb_stack *stack, unsigned interface, struct pb_loop *loop, struct dhcp **dhcp);

/* Go on in another loop, to which the net of the stack belongs now; NULL: pause. */
void dhcp_move(struct dhcp *d, struct pb_loop *loop);

/* The address goes with it. NULL is allowed; the net need not be in a loop any more. */
void dhcp_free(struct dhcp *d);

bool dhcp_is_bound(const struct dhcp *d);

#endif
