/*
 * The polite end of a connection on which we said the last word: our side is shut down, and what the caller still
 * sends is read and dropped until he closes, too, for a bounded time and amount. Closing at once on unread input would
 * be a reset (RFC 1122 4.2.2.13), which can destroy our last bytes on their way.
 *
 * For kinds whose record begins with a struct lingering; they hand ready() to linger_ready() once it has begun.
 */
#ifndef SERVICE_LINGER_H
#define SERVICE_LINGER_H

#include "service/service.h"

struct lingering {
	struct conn conn;

	pb_time deadline;
	uint64_t bytes_left;
};

/* Begin to linger, or close at once where that is not possible. */
void linger_begin(struct lingering *l);

/* Something came while lingering. */
void linger_ready(struct lingering *l);

#endif
