/*
 * UDP (RFC 768, RFC 1122 §4.1): datagrams from port to port.
 *
 * A connected endpoint is found by its socket pair, the others by their binding; what is for a group address
 * goes to all that are bound so as to hear it.
 */
#ifndef PB_TRANSPORT_UDP_H
#define PB_TRANSPORT_UDP_H

#include "transport/endpoint.h"
#include "transport/pairs.h"
#include "transport/ports.h"

struct udp {
	struct env *env;
	struct internet *net;
	struct ports ports;
	struct pairs pairs; /* the connected */
};

struct udp_endpoint {
	struct endpoint base; /* first */
	struct udp *udp;
	struct binding binding;  /* owner: this */
	struct pair_entry entry; /* in udp->pairs while paired */
	bool paired;
	bool port_chosen; /* by us, not by the owner */
};

/* endpoints_max: of connected ones. 0 or -ENOMEM. */
int pb_udp_init(struct udp *u, struct env *env, struct internet *net, size_t endpoints_max);
void pb_udp_fini(struct udp *u);

/* An endpoint, unbound; family AF_INET or AF_INET6. NULL: out of memory. */
struct udp_endpoint *pb_udp_open(struct udp *u, int family);

/* SO_REUSEADDR or SO_REUSEPORT was set: what is bound already is shared, or no longer, with those who come. */
void pb_udp_share_port(struct udp_endpoint *e);

/* A datagram that came; takes packet->buf. */
void pb_udp_input(struct udp *u, struct ip_packet *packet);
void pb_udp_complaint(struct udp *u, const struct ip_error *e);

/* Every endpoint that has a port. */
void pb_udp_each(struct udp *u, void (*fn)(struct udp_endpoint *e, void *context), void *context);

#endif
