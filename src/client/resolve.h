/*
 * Names to addresses, without blocking: c-ares does the asking over sockets of a net, the loop the waiting.
 *
 * Literal addresses, with or without brackets, answer for themselves; localhost and what ends in .localhost is the
 * loopback address, what ends in .invalid has none, and nobody is asked for either (RFC 6761 6.3, 6.4); the rest
 * is looked up in /etc/hosts and DNS, on the host as it is set up (resolv.conf), on a stack from the servers and in the
 * domains that it was told of; and the addresses come in the order in which to try them (RFC 6724).
 */
#ifndef CLIENT_RESOLVE_H
#define CLIENT_RESOLVE_H

#include "base/addr.h"

#include <packetboat/loop.h>

#define RESOLVE_ADDRS_MAX 16  /* what a name has beyond that is not tried */
#define RESOLVE_NAME_MAX  254 /* RFC 1035 2.3.4: a name's longest text, and its NUL */

struct resolver;
struct resolver_query;

/*
 * The answer: err 0 and count > 0 addresses with port 0; or err -ENXIO (there is no such name, or it has no address),
 * -ETIMEDOUT, -EIO (no server could be asked), -ENOMEM, and count 0. why is for people. Called once, never from
 * inside resolver_lookup(); the query is gone then.
 */
typedef void resolve_fn(void *arg, int err, const char *why, const union pb_addr *addrs, size_t count);

/* The name of an address: err 0 and name; or err as above and NULL. */
typedef void resolve_name_fn(void *arg, int err, const char *why, const char *name);

/*
 * Names are asked for over the net, which is in the loop when it is. 0 and *r, -ENOMEM or -EIO. Queries still under way
 * at resolver_free() are cancelled.
 */
int resolver_new(struct pb_loop *loop, struct pb_net *net, struct resolver **r);
void resolver_free(struct resolver *r);

/* Look a name up; family AF_UNSPEC: both. timeout: from now. NULL: out of memory. */
struct resolver_query *resolver_lookup(struct resolver *r, const char *host, int family, pb_time timeout,
				       resolve_fn *fn, void *arg);

/* Whether nobody has to be asked for it: it is an address, one of the names above, or in /etc/hosts. */
bool resolver_is_at_hand(const char *host);

/*
 * Look up the name that an address goes by (RFC 1035 3.5, RFC 3596 2.5); rules and answer as resolver_lookup(). Its
 * owner can claim any name: it is for showing to people, not for deciding.
 */
struct resolver_query *resolver_reverse(struct resolver *r, const union pb_addr *addr, pb_time timeout,
					resolve_name_fn *fn, void *arg);

/* Ask these servers instead of those that the net knows, each at its port. */
void resolver_use_servers(struct resolver *r, const union pb_addr *servers, size_t count);

/* fn will not be called. */
void resolver_cancel(struct resolver_query *q);

#endif
