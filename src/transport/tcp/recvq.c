/*
 * Text in order that the user has not read: packets as they came, by reference. Small ones are copied behind the one
 * before, into the room its memory has left: otherwise a peer that sends single bytes would have us keep a whole
 * block for each.
 */
#include "transport/tcp/recvq.h"

#include <string.h>

/* Below this, copying is cheaper than what a reference keeps from being used again. */
#define COPY_MAX 512

/* Copy text behind what last has. False: there is no room. */
bool pb_tcp_recvq_join(struct pb_buf *last, const struct pb_buf *text)
{
	if (text->total > COPY_MAX || pb_buf_tailroom(last) < text->total)
		return false;
	pb_buf_copy(text, 0, pb_buf_extend(last, text->total), text->total);
	return true;
}

void pb_tcp_recvq_push(struct recvq *q, struct pb_buf *text)
{
	struct pb_buf_queue *packets = &q->packets;

	if (packets->first && pb_tcp_recvq_join(packets->last, text)) {
		packets->bytes += text->total;
		pb_buf_free(text);
		return;
	}
	pb_buf_queue_push(packets, text);
}

/* Copy as much of b's bytes from..to as fits into the buffers from *iov on, of whose first *filled bytes are full. */
static size_t scatter(const struct pb_buf *b, size_t from, size_t to, const struct iovec **iov,
		      const struct iovec *end, size_t *filled)
{
	size_t done = 0;

	while (done < to - from && *iov < end) {
		size_t room = (*iov)->iov_len - *filled, left = to - from - done;
		size_t n = left < room ? left : room;
		if (n && (*iov)->iov_base)
			pb_buf_copy(b, from + done, (uint8_t *)(*iov)->iov_base + *filled, n);
		done += n;
		*filled += n;
		if (*filled == (*iov)->iov_len) {
			++*iov;
			*filled = 0;
		}
	}
	return done;
}

/* The first n bytes of the queue's first packet have been read. */
static void consume(struct pb_buf_queue *packets, size_t n)
{
	struct pb_buf *first = packets->first;

	if (n == first->total) {
		pb_buf_free(pb_buf_queue_shift(packets));
		return;
	}
	pb_buf_pull(first, n);
	packets->bytes -= n;
}

size_t pb_tcp_recvq_read(struct recvq *q, const struct iovec *iov, size_t iovcnt, bool peek)
{
	const struct iovec *end = iov + iovcnt;
	size_t total = 0, filled = 0;

	for (struct pb_buf *b = q->packets.first, *next; b && iov < end; b = next) {
		size_t packet = b->total, n;
		next = b->next;
		n = scatter(b, 0, packet, &iov, end, &filled);
		total += n;
		if (!peek && n)
			consume(&q->packets, n);
		if (n < packet)
			break;
	}
	return total;
}

size_t pb_tcp_recvq_copy(const struct recvq *q, size_t from, size_t most, const struct iovec *iov,
			 size_t iovcnt)
{
	const struct iovec *end = iov + iovcnt;
	size_t total = 0, filled = 0;

	for (const struct pb_buf *b = q->packets.first; b && iov < end && total < most; b = b->next) {
		if (from >= b->total) {
			from -= b->total;
			continue;
		}
		size_t left = b->total - from, want = left < most - total ? left : most - total;
		size_t n = scatter(b, from, from + want, &iov, end, &filled);
		total += n;
		from = 0;
		if (n < want)
			break;
	}
	return total;
}

void pb_tcp_recvq_drop(struct recvq *q, size_t n)
{
	while (n) {
		size_t first = q->packets.first->total, part = n < first ? n : first;
		consume(&q->packets, part);
		n -= part;
	}
}

void pb_tcp_recvq_clear(struct recvq *q)
{
	pb_buf_queue_clear(&q->packets);
}
