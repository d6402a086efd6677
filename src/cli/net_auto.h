/* What tap:NAME,auto asks for: addresses, from who is on the link. */
#ifndef CLI_NET_AUTO_H
#define CLI_NET_AUTO_H

#include <packetboat/loop.h>
#include <packetboat/stack.h>

/*
 * Ask for addresses on an interface, and wait until there is one that reaches beyond the link. 0;
 * -ETIMEDOUT: nobody has answered; or another -errno.
 */
int net_auto_configure(struct pb_stack *stack, unsigned index);

/*
 * Keep what was leased for as long as a loop turns, which the net has joined; NULL, before that loop is
 * freed: not any longer. Nothing happens where nothing was asked for.
 */
void net_auto_keep(struct pb_loop *loop);

/* Before the net is closed. */
void net_auto_end(void);

#endif
