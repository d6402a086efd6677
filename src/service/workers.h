/*
 * Workers: processes that share the listening sockets they inherit, and a supervisor that replaces one that crashes.
 *
 * The sockets are opened once, before the first fork, and the supervisor keeps them: whatever happens to workers,
 * the backlog takes callers, and those that no worker has accepted yet wait for the next. (SO_REUSEPORT, one socket
 * a worker, would lose the callers that stand in a crashed worker's own backlog.) When all shall stop, it lets go of
 * them first: the workers hear whoever waits, and callers are refused from then on.
 */
#ifndef SERVICE_WORKERS_H
#define SERVICE_WORKERS_H

#include "service/server.h"

/* What a worker does until it is told to stop by SIGTERM; its result is the process's exit status. */
typedef int worker_fn(struct server *server, struct log *log, unsigned worker);

/*
 * Run count workers and watch over them. On SIGTERM or SIGINT they are told to stop and waited for. 0 when all ended
 * well after that; otherwise 1.
 */
int workers_run(unsigned count, struct server *server, struct log *log, worker_fn *fn);

#endif
