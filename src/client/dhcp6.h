/*
 * DHCPv6 without addresses (RFC 8415 §18.2.6): when routers of an interface say that there is more to be known (the
 * flags M and O of RFC 4861 §4.2), servers on the link are asked for it, and the stack is told who answers for names.
 *
 * Addresses are not asked for, they come from the routers' prefixes. We do not say who we are: what we want is the same
 * for all, and an identifier would make us known wherever we go (RFC 7844 §4.3.1).
 */
#ifndef CLIENT_DHCP6_H
#define CLIENT_DHCP6_H

#include <packetboat/loop.h>
#include <packetboat/stack.h>

struct dhcp6;

/* Begin on an Ethernet interface that is configured by routers. 0 and *dhcp, or -errno. */
int dhcp6_new(struct pb_stack *stack, unsigned interface, struct pb_loop *loop, struct dhcp6 **dhcp);

/* Go on in another loop, to which the net of the stack belongs now; NULL: pause. */
void dhcp6_move(struct dhcp6 *d, struct pb_loop *loop);

/* What was told goes with it. NULL is allowed; the net need not be in a loop any more. */
void dhcp6_free(struct dhcp6 *d);

/* Whether somebody is asked and has not answered yet. */
bool dhcp6_is_waiting(const struct dhcp6 *d);

#endif
