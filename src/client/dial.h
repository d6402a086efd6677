/*
 * Dialing: from a host's name to a connected socket, without blocking.
 *
 * As RFC 8305 ("Happy Eyeballs") has it: a name's IPv6 and IPv4 addresses are asked for apart from each other, and tried
 * as soon as those of the one are known, IPv4's if the others take longer than a twentieth of a second. What comes later
 * joins in. Families are tried by turns, and when an address has not answered after a quarter of a second so is the next.
 * The first that answers is taken: neither a name server nor a host that swallows packets keeps anybody waiting.
 */
#ifndef CLIENT_DIAL_H
#define CLIENT_DIAL_H

#include "client/resolve.h"
#include "client/sign_key.h"

struct dial;

/*
 * The end: err 0 and s, connected and now the callee's; or -errno and NULL. Called once, never from inside
 * dial_start(); d may be started again or freed from here.
 */
typedef void dial_fn(struct dial *d, int err, struct pb_socket *s);

/* What is being done, for people who asked to be told: "10.0.0.5 port 80: connection refused". */
typedef void dial_step_fn(struct dial *d, const char *text);

/* Why this address must not be called, or NULL. The next one is tried then. */
typedef const char *dial_forbid_fn(struct dial *d, const union pb_addr *addr);

/* Of the addresses of one family, or of all. */
struct dial_lookup {
	struct dial *dial;
	struct resolver_query *query; /* NULL: it is over */
	int family;
};

struct dial_attempt {
	struct dial *dial;
	union pb_addr peer;
	struct pb_socket *socket; /* NULL: it is over */
	struct pb_watch watch;
};

/* Fill in the first part; the rest is dial.c's. */
struct dial {
	struct pb_loop *loop;
	struct pb_net *net;
	struct resolver *resolver;
	int type;            /* SOCK_STREAM or SOCK_DGRAM */
	int family;          /* AF_UNSPEC: any */
	union pb_addr local; /* to call from; AF_UNSPEC: the net chooses address and port */
	pb_time timeout;     /* for all of it; PB_NEVER: none of our own */
	dial_fn *fn;
	dial_step_fn *step;              /* NULL: nobody asked */
	dial_forbid_fn *forbid;          /* NULL: any address will do */
	const struct sign_key *sign_key; /* by which streams are signed; NULL: they are not */

	union pb_addr peer; /* the one that answered */
	char why[128];      /* the last error, for people */
	uint16_t port;
	size_t count, next;
	union pb_addr addrs[RESOLVE_ADDRS_MAX];
	pb_time deadline;
	int err;
	struct dial_lookup lookups[2];
	bool begun;                                      /* with the first address */
	pb_time tried_at;                                /* the last one */
	struct dial_attempt attempts[RESOLVE_ADDRS_MAX]; /* at each of addrs */
	struct pb_socket *socket;                        /* connected, and not yet handed over */
	struct pb_timer timer; /* of the first attempt, of the next one, of the deadline, or of the end */
};

/* Begin. 0 or -ENOMEM. The text of host is not needed afterwards. */
int dial_start(struct dial *d, const char *host, uint16_t port);

/*
 * After fn was given a socket: its peer is no good after all, as a datagram's shows only later. Try the
 * name's next address, with the whole time anew; fn is called again. False: there is none.
 */
bool dial_next(struct dial *d);

/*
 * Give up: fn is not called, and a connection that was just made is reset: nobody is going to talk on it. Does
 * nothing where nothing is under way.
 */
void dial_cancel(struct dial *d);

#endif
