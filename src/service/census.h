/*
 * How many connections each service has, and each of its clients, over all workers: so that limits are limits.
 *
 * Every worker keeps a table of its own in memory that all of them share, writes only there, and reads the others'.
 * To admit a caller it counts it first, then adds up all tables, and takes it back if that is too many: the sum may
 * refuse one too many when two workers do so at once, but never lets one too many in. There are no locks, and a
 * worker that dies leaves nothing but its own table, which is wiped.
 *
 * A client is an IPv4 address or an IPv6 /64, since that is what one client is given (RFC 6177).
 */
#ifndef SERVICE_CENSUS_H
#define SERVICE_CENSUS_H

#include "base/addr.h"

#include <stddef.h>

#define CENSUS_SERVICES_MAX 64

struct census;

enum census_verdict { CENSUS_ADMITTED, CENSUS_SERVICE_FULL, CENSUS_CLIENT_FULL };

/* For so many workers, each with at most conns_max connections. Made before they fork. NULL: out of memory. */
struct census *census_new(unsigned workers, size_t conns_max);
void census_free(struct census *c);

/* Which of the workers this process is from now on. Its table is wiped: a worker begins without connections. */
void census_begin(struct census *c, unsigned worker);

/* A new connection's number: 1, 2, … over all workers. */
uint64_t census_number(struct census *c);

/* Count a caller in, unless there are max connections, or client_max of this client, already. */
enum census_verdict census_enter(struct census *c, unsigned service, const union pb_addr *client,
				 uint64_t max, uint64_t client_max);

/* Count out a caller that was admitted. */
void census_leave(struct census *c, unsigned service, const union pb_addr *client);

#endif
