/* Text received in order, not yet read (recvq.c). */
#ifndef PB_TRANSPORT_TCP_RECVQ_H
#define PB_TRANSPORT_TCP_RECVQ_H

#include <packetboat/buf.h>

#include <stdbool.h>
#include <sys/uio.h>

/* Text received in order, not yet read. */
struct recvq {
	struct pb_buf_queue packets;
};

void pb_tcp_recvq_push(struct recvq *q, struct pb_buf *text); /* takes it; small ones are copied together */
/* What goes into a part without memory (iov_base NULL) is passed over. Bytes. */
size_t pb_tcp_recvq_read(struct recvq *q, const struct iovec *iov, size_t iovcnt, bool peek);
/* Bytes from one on, at most most of them: they stay. How many. Then, that the first n are not wanted any more. */
size_t pb_tcp_recvq_copy(const struct recvq *q, size_t from, size_t most, const struct iovec *iov,
			 size_t iovcnt);
void pb_tcp_recvq_drop(struct recvq *q, size_t n);
void pb_tcp_recvq_clear(struct recvq *q);
/* Copy small text into the room behind last, and leave it the caller's. False: it is not small, or there is no room. */
bool pb_tcp_recvq_join(struct pb_buf *last, const struct pb_buf *text);

#endif
