/*
 * What clients of DHCP, IPv4's and IPv6's, have alike: a socket on one interface of a stack, a timer in a loop that may
 * be changed for another, and what the stack knows of names from them.
 */
#ifndef CLIENT_DHCP_PORT_H
#define CLIENT_DHCP_PORT_H

#include "wire/domain.h"

#include <net/if.h>
#include <packetboat/loop.h>
#include <packetboat/stack.h>

#define LEASED_MAX 4 /* of servers, and of domains */

struct dhcp_port {
	struct pb_stack *stack;
	unsigned interface;
	struct pb_loop *loop;
	struct pb_socket *socket;
	struct pb_watch watch;
	struct pb_timer timer;
	pb_time paused; /* when the timer was due, while there is no loop */
};

/* A datagram socket at a port of the interface, watched for messages. 0 or -errno; close it in any case. */
int dhcp_port_open(struct dhcp_port *p, int family, uint16_t port, pb_watch_fn *on_message);
void dhcp_port_close(struct dhcp_port *p);

/* Go on in another loop; NULL: pause. */
void dhcp_port_move(struct dhcp_port *p, struct pb_loop *loop);

/* What the stack has from one client. */
struct leased_names {
	struct sockaddr_storage servers[LEASED_MAX];
	char domains[LEASED_MAX][DOMAIN_TEXT];
	unsigned server_count, domain_count;
};

/* Tell the stack; what it knows from somebody else already stays his, and what there is no room for is left out. */
void leased_names_add_server(struct leased_names *n, struct pb_stack *stack, const struct sockaddr *addr);
void leased_names_add_domain(struct leased_names *n, struct pb_stack *stack, const char *domain);
void leased_names_drop(struct leased_names *n, struct pb_stack *stack);

#endif
