/* A net as --net and the Net column of netstat name it: "host", or "tap:pb0". */
#ifndef CLIENT_NET_LABEL_H
#define CLIENT_NET_LABEL_H

#include <net/if.h>
#include <packetboat/net.h>

#define NET_LABEL_TEXT (4 + IF_NAMESIZE)

/* Write it into text, of NET_LABEL_TEXT bytes, and answer that. */
const char *net_label(struct pb_net *net, char *text);

#endif
