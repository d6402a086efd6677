/*
 * Where the user's writes end, for as long as that may be told to the peer by PSH: RFC 9293 §3.9.1.2, and what Linux
 * makes of it. A write that follows before the one in front of it has been sent joins it, and then is pushed alone.
 *
 * A segment that is sent again ends where one ended before, so that PSH stays where it was.
 */
#ifndef PB_TRANSPORT_TCP_PUSH_H
#define PB_TRANSPORT_TCP_PUSH_H

#include "transport/tcp/seq.h"

#include <stdbool.h>

#define PUSHES_MAX 64 /* that are remembered beside the last one; PSH is advice, older ones lose theirs */

struct tcp_push {
	seq last;                   /* behind the last byte that was pushed */
	bool is_known;              /* which has not been acknowledged */
	struct tcp_pushes *earlier; /* NULL: there never were several */
};

struct tcp_conn;

/* Text up to the end of the queue is to be pushed; or more was put behind what was to be, and had not been sent. */
void pb_tcp_push_end(struct tcp_conn *c);
void pb_tcp_push_joined(struct tcp_conn *c);

/* Whether a segment that ends there has PSH. */
bool pb_tcp_push_is_at(const struct tcp_conn *c, seq end);
/* Of len bytes at start, that are sent again, how many belong together. */
uint32_t pb_tcp_push_together(const struct tcp_conn *c, seq start, uint32_t len);

/* Of len bytes at start, how many come before the first that is pushed has ended. */
uint32_t pb_tcp_push_first(const struct tcp_conn *c, seq start, uint32_t len);

/* All that was pushed has been acknowledged. */
void pb_tcp_push_over(struct tcp_conn *c);
void pb_tcp_push_free(struct tcp_conn *c);

#endif
