/*
 * One question of c-ares's: it knows DNS, its sockets are a net's, its time is a loop's, be it virtual.
 *
 * c-ares would read the kernel's clock to see that a server is silent. Here a socket on which nobody has said anything
 * for SERVER_TIME fails with ETIMEDOUT, after which c-ares turns to the next server. Each question has a channel of
 * its own, so its sockets, and with them its ports, are new ones (RFC 5452 §9.2), and what is configured meanwhile
 * holds for the next.
 */
#ifndef CLIENT_RESOLVE_ASK_H
#define CLIENT_RESOLVE_ASK_H

#include "base/addr.h"
#include "base/list.h"

#include <ares.h>
#include <packetboat/loop.h>
#include <stddef.h>

#define ASK_SERVERS_MAX 8
#define ASK_DOMAINS_MAX 8

/* Who is asked, and about which names beside the one that was said. */
struct ask_config {
	bool host; /* what /etc/resolv.conf says; the rest is empty then, or says otherwise */
	union pb_addr servers[ASK_SERVERS_MAX];
	size_t server_count;
	char *domains[ASK_DOMAINS_MAX];
	size_t domain_count;
};

struct ask {
	struct pb_loop *loop;
	struct pb_net *net;
	const struct ask_config *config;
	ares_channel channel;
	struct pb_link sockets;
	ares_socket_t last_number;
	int error; /* what the last socket that failed said, -errno; 0: none has */
};

/* Make the channel; config stays the caller's, until the end. 0, -ENOMEM, -EIO. */
int ask_begin(struct ask *a, struct pb_loop *loop, struct pb_net *net, const struct ask_config *config);

/* c-ares calls back for what it still holds, with ARES_EDESTRUCTION. Not from inside c-ares. */
void ask_end(struct ask *a);

#endif
