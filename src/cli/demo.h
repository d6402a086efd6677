/* The two ways to play the demo. Each answers an exit code. */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include "cli/command.h"

#include <stdint.h>

/* With real sockets on the host's loopback addresses, and servers in processes of their own. */
int demo_on_host(const struct command *c, bool color);

/* On stacks of our own, all in this process, in virtual time. capture: NULL, or a file for frames (pcapng). */
int demo_on_stacks(const struct command *c, bool color, uint64_t seed, const char *capture);

/* A server's own words, each line marked, long ones broken between words. */
void demo_quote(const char *lines);

#endif
