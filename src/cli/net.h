/* --net: which network a command runs on. */
#ifndef CLI_NET_H
#define CLI_NET_H

#include "cli/command.h"

#include <packetboat/net.h>

/* EXIT_DONE and *net; otherwise it has been said what is wrong, and the exit code is answered. */
int net_open(const struct command *c, const char *spec, struct pb_net **net);

#endif
