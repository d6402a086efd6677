/* What a server is inside: for server.c, listen.c, conn.c, datagram.c and control.c. */
#ifndef SERVICE_SERVER_STATE_H
#define SERVICE_SERVER_STATE_H

#include "service/access.h"
#include "service/census.h"
#include "service/linger.h"
#include "service/server.h"

/* A socket on which a service is called: a listening TCP socket, or a UDP socket. */
struct listener {
	struct service *service;
	struct pb_socket *socket;
	struct pb_watch watch;
	struct pb_timer retry; /* after running out of something */
	union pb_addr local;
	int type; /* SOCK_STREAM or SOCK_DGRAM */
	bool pausing;
};

#define BACKLOG          SOMAXCONN /* callers that may wait to be accepted */
#define DATAGRAM_SENDERS 1024

/* Who sent a datagram lately, and the number that he got. */
struct sender {
	union pb_addr from;
	uint64_t number;
};

struct server {
	struct pb_loop *loop;
	struct pb_net *net;
	struct log *log;
	struct census *census;
	struct service *services;
	struct spec *specs;
	struct listener *listeners;
	size_t service_count, listener_count;
	struct pb_link conns;
	struct lingering lingering;
	uint8_t *scratch;
	pb_time grace;
	struct pb_timer grace_timer;
	bool draining;
	struct sender *senders; /* DATAGRAM_SENDERS of them, by a hash of the address */
};

/* listen.c: open every socket of every service. False: error says why, and what was opened stays in the server. */
bool server_listen(struct server *s, struct server_error *error);

/* conn.c: begin a connection on an accepted socket, which is then the connection's. NULL: out of memory. */
struct conn *conn_new(struct service *s, struct pb_socket *socket, const union pb_addr *peer,
		      uint64_t number);

/* datagram.c: take what has come. */
void datagram_receive(struct listener *l);

#endif
