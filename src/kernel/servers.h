/*
 * What the running Packetboat servers of this machine tell about themselves. Each serving process listens on the
 * abstract Unix socket "packetboat/serve/PID" and gives whoever connects one JSON object (service/control.h has the
 * form). Anybody can listen there, so nothing of it is believed further than the kernel vouches for it.
 */
#ifndef KERNEL_SERVERS_H
#define KERNEL_SERVERS_H

#include "base/addr.h"

#include <stddef.h>
#include <sys/types.h>

#define SERVERS_NAME    32
#define SERVERS_ADDRESS 64

struct running_service {
	char service[SERVERS_NAME]; /* "http" */
	int type;                   /* SOCK_STREAM or SOCK_DGRAM */
	union pb_addr local;
};

struct running_conn {
	char service[SERVERS_NAME];
	int type;
	union pb_addr local, peer;
	uint64_t number; /* as in the server's log */
	uint64_t bytes_in, bytes_out;
	double seconds; /* since it was accepted */
};

/* A socket of a server's own stack. */
struct running_socket {
	int type;
	uint8_t state; /* TCP_ESTABLISHED … of netinet/tcp.h */
	union pb_addr local, peer;
	uint32_t recv_queue, send_queue;
};

struct running_server {
	pid_t pid; /* of who listens, from the kernel (SO_PEERCRED), not from what it says; 0: not of our namespace */
	uid_t uid;
	char net[SERVERS_NAME];    /* "host", or "stack": one of our own, which has what follows */
	char device[SERVERS_NAME]; /* "tap:pb0"; "" on the host */
	struct running_address {
		char text[SERVERS_ADDRESS]; /* "10.9.0.2/24" */
	} * addresses;
	size_t address_count;
	struct running_socket *sockets;
	size_t socket_count, sockets_untold; /* untold: it has them, and told of no more */
	struct running_service *services;
	size_t service_count;
	struct running_conn *conns;
	size_t conn_count, conns_untold;
};

struct running_servers {
	struct running_server *servers;
	size_t count;
};

/*
 * Ask all servers at once, for about a second at most. Those that do not answer in time, refuse, or tell nonsense
 * are left out. 0 or -errno; the caller frees the list either way.
 */
int servers_read(struct running_servers *list);
void servers_free(struct running_servers *list);

/* Read one answer. False: it is not one; else the caller frees it. Items that make no sense are left out. */
bool running_server_parse(struct running_server *s, const char *text, size_t len);
void running_server_free(struct running_server *s);

#endif
