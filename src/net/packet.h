/* Packets made ready to have their headers read, or one put in front. */
#ifndef PB_NET_PACKET_H
#define PB_NET_PACKET_H

#include <packetboat/buf.h>

/*
 * See to it that the first n bytes are in one piece, with headroom bytes before them that nobody else refers
 * to. Takes b, and gives it or what takes its place; NULL: there is no memory, and b is freed. n <= b->total;
 * where a note is set, the header it is about is among the first n or already in the first part.
 */
struct pb_buf *pb_packet_new_front(struct pb_pool *pool, struct pb_buf *b, size_t headroom,
				   size_t n); /* where it is not so yet */
static inline struct pb_buf *pb_packet_front(struct pb_pool *pool, struct pb_buf *b, size_t headroom,
					     size_t n)
{
	bool ready = pb_buf_headroom(b) >= headroom && pb_buf_gather(b, n);

	return ready ? b : pb_packet_new_front(pool, b, headroom, n);
}

#endif
