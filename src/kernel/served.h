/* Which connection, or which service, of a running Packetboat server a socket of the kernel's list is. */
#ifndef KERNEL_SERVED_H
#define KERNEL_SERVED_H

#include "kernel/servers.h"
#include "kernel/sockdiag.h"

struct served {
	struct running_servers servers;
	struct served_conn *conns; /* in order, for searching */
	size_t count;
};

/* Ask the servers (servers_read()). Where that fails there is nothing to be found. */
void served_read(struct served *s);
void served_free(struct served *s);

/*
 * NULL: none. A server is believed about sockets of its own user only, unless it is root's, so that nobody can
 * put words beside another's connections. stack: the server whose own stack has the socket; NULL: the kernel has it.
 */
const struct running_conn *served_conn(const struct served *s, const struct diag_socket *socket,
				       const struct running_server *stack);
const char *served_listener(const struct served *s, const struct diag_socket *socket,
			    const struct running_server *stack);

#endif
