/*
 * What the two halves of the relay share: relay_tcp.c passes connections on, relay_udp.c datagrams, relay.c reads the
 * spec and ties them together.
 */
#ifndef SERVICE_RELAY_H
#define SERVICE_RELAY_H

#include "client/resolve.h"
#include "service/service.h"

struct relay_sessions;

/* A relay service's config. */
struct relay {
	char host[RESOLVE_NAME_MAX]; /* looked up anew for each connection and session */
	uint16_t port;
	pb_time connect_time;
	uint64_t sessions_max;

	/* While serving. */
	struct pb_loop *loop;
	struct resolver *resolver;
	struct relay_sessions *sessions; /* of UDP */
};

/*
 * Why a relay must not call this address, or NULL: it is its own, and each call would make another, without end. A ring
 * of several relays is not noticed; connections in one are bounded by the limits.
 */
const char *relay_forbids(const struct service *s, int type, const union pb_addr *addr);

/* relay_tcp.c: one connection, and the calls of service_kind for it. */
struct relay_conn {
	struct conn conn;
	struct dialing *dialing; /* until connected */
	struct pb_watch upstream;
	struct flow {
		uint8_t *kept; /* what the receiver had no room for; NULL: nothing */
		size_t len, sent;
		bool ended; /* the sender's FIN has come and was passed on */
	} out, back;        /* from the caller to upstream, and the other way */
};
void relay_conn_accepted(struct conn *c);
void relay_conn_ready(struct conn *c, int ready);
void relay_conn_drain(struct conn *c);
void relay_conn_idle(struct conn *c);
void relay_conn_closed(struct conn *c);

/* relay_udp.c: the sessions of a service; NULL: out of memory or of randomness. */
struct relay_sessions *relay_sessions_new(struct service *s);
void relay_sessions_free(struct relay_sessions *all); /* ends all of them */
void relay_sessions_received(struct relay_sessions *all, const struct datagram *d);

#endif
