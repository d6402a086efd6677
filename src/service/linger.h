/*
 * The polite end of a connection on which we said the last word: our side is shut down, and what the caller still
 * sends is read and dropped until he closes, too, for a bounded time and amount. Closing at once on unread input would
 * be a reset (RFC 1122 4.2.2.13), which can destroy our last bytes on their way.
 *
 * A lingering socket is nobody's connection any more: it counts towards no limit but the one here. Beyond it the one
 * that has lingered longest is closed.
 */
#ifndef SERVICE_LINGER_H
#define SERVICE_LINGER_H

#include "base/list.h"

#include <packetboat/loop.h>

/* A server's lingering sockets. */
struct lingering {
	struct pb_loop *loop;
	uint8_t *scratch; /* SCRATCH_SIZE bytes to read into */
	struct pb_link sockets;
	size_t count;
};

/* Take over a socket that nobody watches, and see it to its end. */
void linger(struct lingering *all, struct pb_socket *socket);

/* Close all that linger. */
void linger_end_all(struct lingering *all);

#endif
