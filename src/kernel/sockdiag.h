/*
 * The TCP and UDP sockets of this network namespace, as the kernel tells them over netlink (sock_diag(7)).
 */
#ifndef KERNEL_SOCKDIAG_H
#define KERNEL_SOCKDIAG_H

#include "base/addr.h"

#include <stddef.h>

struct diag_socket {
	int type;              /* SOCK_STREAM: TCP; SOCK_DGRAM: UDP */
	union pb_addr local;   /* IPv4 where an IPv6 socket carries IPv4: what is on the wire */
	union pb_addr foreign; /* the wildcard and port 0 when there is none */
	uint8_t state;         /* TCP_ESTABLISHED … of netinet/tcp.h */
	bool v6only;           /* an IPv6 socket that leaves IPv4 alone; known unless connected */
	uint32_t recv_queue;   /* bytes; of a listener, the connections that wait for accept() */
	uint32_t send_queue;   /* bytes; of a listener, how many may wait */
	uint32_t uid;
	uint32_t inode; /* 0: no process holds it any more (TIME-WAIT), or not yet (SYN-RECEIVED) */
};

struct diag_list {
	struct diag_socket *sockets;
	size_t count, room;
};

/*
 * Read all sockets, of IPv4 and IPv6, of one type or, with 0, of both. 0 or -errno; the caller frees the list either
 * way. It is no snapshot: sockets that come or go while the kernel walks its tables may be missing or twice.
 */
int sockdiag_read(struct diag_list *list, int type);
void diag_list_free(struct diag_list *list);

/*
 * The state as RFC 9293 3.3.2 writes it: LISTEN, SYN-SENT, … UDP has no states: a connected socket is ESTABLISHED
 * here, as in other tools, and any other "".
 */
const char *diag_socket_state(const struct diag_socket *s);

/* The name of a TCP state, numbered as in tcp_states.h; a stack of our own numbers them alike. */
const char *diag_state_name(unsigned state);

/* It listens (TCP), or takes datagrams from anybody (UDP). */
bool diag_socket_listens(const struct diag_socket *s);

/* It has somebody at the other end. */
bool diag_socket_connected(const struct diag_socket *s);

/* The order to show sockets in: TCP first, then who listens, then by ports and local address. As for qsort(). */
int diag_socket_order(const struct diag_socket *x, const struct diag_socket *y);

/* "tcp", "udp", "tcp6", "udp6"; and without the family. */
const char *diag_socket_proto(const struct diag_socket *s);
const char *diag_type_proto(int type);

#endif
