/* --net and --capture: the network that a command runs on. */
#ifndef CLI_NET_H
#define CLI_NET_H

#include "cli/command.h"

#include <packetboat/packetboat.h>

/*
 * Open the network that spec names. capture: a file for the frames of a stack (pcapng); NULL: none. EXIT_DONE
 * and *net; otherwise it has been said what is wrong, and the exit code is answered.
 */
int net_open(const struct command *c, const char *spec, const char *capture, struct pb_net **net);

/*
 * Close it. What a stack's sockets had still to say is said first, for some seconds at most: there is no
 * kernel behind us that would. A capture that could not be written to its end is told of.
 */
void net_close(const struct command *c, struct pb_net *net);

/* The option's line in a command's table, and what --help says of NET. */
#define NET_OPTION_HELP     "the network to use: host, or tap:NAME,addr=ADDRESS/BITS,... (host)"
#define CAPTURE_OPTION_HELP "write the frames of a stack to a pcapng file"
#define NET_ABOUT                                                                                            \
	"NET is host, the kernel's network, or a TCP/IP of our own, behind a device that takes root\n"       \
	"to make: tap:NAME,addr=ADDRESS/BITS[,key=value]..., or tun:NAME,... likewise. tap:NAME,auto\n"      \
	"asks routers and DHCP servers for addresses instead. The other keys: gateway=ADDRESS;\n"            \
	"dns=ADDRESS, who is asked for names; search=DOMAIN, where short ones are looked for;\n"             \
	"mtu=BYTES; ecn=off, when-asked, ask, ..., explicit congestion notification;\n"                      \
	"host=ADDRESS/BITS, what the kernel's side of the device is given.\n"                                \
	"packetboat(1) says more of them.\n"

#endif
