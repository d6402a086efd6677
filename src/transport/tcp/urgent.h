/*
 * Urgent data, either way (urgent.c, RFC 6093). What takes a connection with urgent data only, c->urgent, says so.
 */
#ifndef PB_TRANSPORT_TCP_URGENT_H
#define PB_TRANSPORT_TCP_URGENT_H

#include "transport/tcp/conn.h"

#include <sys/uio.h>

/* Urgent data: a mark in what is sent, or in what comes. */
struct tcp_urgent {
	bool sending;
	seq up;   /* SND.UP: one past what is urgent */
	seq mark; /* of what comes, the last urgent byte */
	enum { URGENT_NONE, URGENT_TO_COME, URGENT_HERE, URGENT_FETCHED } in;
	uint8_t byte;
};

void pb_tcp_urgent_mark(struct tcp_conn *c); /* what is queued, to its end; not if there is no memory */
void pb_tcp_urgent_write(const struct tcp_conn *c, struct tcp_header *h); /* c->urgent; h->seq is set */
void pb_tcp_urgent_acked(struct tcp_conn *c);                             /* c->urgent */
void pb_tcp_urgent_input(struct tcp_conn *c, const struct tcp_segment *s);
/* recv(MSG_OOB): 1; -EINVAL: there is none, or it was fetched; -EAGAIN: it is announced; 0: and will not come. */
int pb_tcp_urgent_receive(struct tcp_conn *c, uint8_t *byte, bool peek);
bool pb_tcp_urgent_at_mark(const struct tcp_conn *c);
size_t pb_tcp_urgent_readable(const struct tcp_conn *c); /* c->urgent */
size_t pb_tcp_urgent_read(struct tcp_conn *c, const struct iovec *iov, size_t iovcnt,
			  bool peek);                  /* c->urgent */
struct pb_buf *pb_tcp_urgent_take(struct tcp_conn *c); /* c->urgent */
void pb_tcp_urgent_free(struct tcp_conn *c);

/* Something that is urgent has not been acknowledged. */
static inline bool tcp_sends_urgent(const struct tcp_conn *c)
{
	return c->urgent && c->urgent->sending;
}

#endif
