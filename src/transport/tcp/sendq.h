/* Text to be sent and not yet acknowledged, by reference (sendq.c). */
#ifndef PB_TRANSPORT_TCP_SENDQ_H
#define PB_TRANSPORT_TCP_SENDQ_H

#include <packetboat/buf.h>

#include <stdbool.h>
#include <sys/uio.h>

/* Text is written into blocks of this size, and into larger ones where they will be filled. */
#define TCP_PART_SMALL 2048

/* Text to be sent and not yet acknowledged: from SND.UNA on, kept as the buffers it was given in. */
struct sendq {
	struct pb_buf *first, *last; /* parts in a row (->more); first begins at SND.UNA's text */
	uint32_t bytes;              /* in all */
	uint32_t records;            /* that end in it (MSG_EOR) */
	struct pb_buf *cursor; /* the part in which the next unsent byte is, to find it at once; NULL: none */
	uint32_t cursor_offset; /* of cursor's first byte from the beginning of the queue */
};

/*
 * A buffer for n bytes of text, the first of a connection or not; for TCP_PART_SMALL where memory is short. NULL: it is
 * out.
 */
struct pb_buf *pb_tcp_text_new(struct pb_pool *pool, size_t n, bool first);

/* Copies, without the first skip bytes. How many bytes it took: at most most, fewer when the pool is empty. */
size_t pb_tcp_sendq_write(struct sendq *q, struct pb_pool *pool, const struct iovec *iov, size_t iovcnt,
			  size_t skip, size_t most);
void pb_tcp_sendq_give(struct sendq *q, struct pb_buf *text);
/* What is in the queue does not share segments with what comes after it. */
void pb_tcp_sendq_end_record(struct sendq *q);
bool pb_tcp_sendq_is_open(const struct sendq *q); /* what is written now joins what is there */
/* How many of the bytes from offset on may share a segment; at most most. */
uint32_t pb_tcp_sendq_record(const struct sendq *q, uint32_t offset, uint32_t most);
/*
 * A packet with IP_HEADROOM + TCP_HEADER_LEN_MAX in front of len bytes of text from offset on, by reference
 * (copied if tiny). NULL: no memory.
 */
struct pb_buf *pb_tcp_sendq_segment(struct sendq *q, struct pb_pool *pool, uint32_t offset, uint32_t len);
void pb_tcp_sendq_acked(struct sendq *q, uint32_t bytes);
void pb_tcp_sendq_rewind(struct sendq *q); /* what is sent next is at the beginning again */
void pb_tcp_sendq_clear(struct sendq *q);

#endif
