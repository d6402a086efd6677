/* What tap:NAME,auto asks for: addresses, from who is on the link. */
#ifndef CLI_NET_AUTO_H
#define CLI_NET_AUTO_H

#include <packetboat/stack.h>

/*
 * Ask for addresses on an interface, and wait until there is one that reaches beyond the link. 0;
 * -ETIMEDOUT: nobody has answered; or another -errno.
 */
int net_auto_configure(struct pb_stack *stack, unsigned index);

#endif
