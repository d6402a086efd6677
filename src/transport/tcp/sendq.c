/*
 * Text to be sent and sent, from SND.UNA on, kept as the buffers it was given in and sent by reference.
 *
 * The parts hang in a row on ->more; each part's len is right, total is not kept. New text is copied behind
 * the last part as long as its block has room, so that many small writes become few parts. The cursor
 * remembers where the next segment will begin: a long queue is not walked for each.
 *
 * The last part of a record (MSG_EOR) is marked. What is written after it goes into another part, and no segment into
 * both.
 */
#include "transport/tcp/sendq.h"
#include "transport/tcp/buffers.h"

#include <string.h>

#define HEADROOM (IP_HEADROOM + TCP_HEADER_LEN_MAX)

/* Blocks to write into: small ones for the last bytes, large ones where they will be filled. */
#define PART_LARGE 65536

/* Text so short is copied behind its header: with it, it fits into the pool's smallest block. */
#define TINY (256 - HEADROOM)

/* What pb_buf.mark of a part says. */
enum { PART_GOES_ON, PART_ENDS_RECORD };

struct pb_buf *pb_tcp_text_new(struct pb_pool *pool, size_t n, bool first)
{
	if (n > TCP_PART_SMALL && !pb_tcp_memory_admits(pool, n))
		n = TCP_PART_SMALL;
	bool may = pb_tcp_memory_admits(pool, n) || (first && pb_tcp_memory_admits_first(pool, n));
	return may ? pb_buf_new(pool, 0, n) : NULL;
}

static void link_part(struct sendq *q, struct pb_buf *part)
{
	part->mark = PART_GOES_ON;
	if (q->last)
		q->last->more = part;
	else
		q->first = part;
	q->last = part;
}

/* A part to write n bytes and more into: the longer the queue, the larger, so that its parts stay few. */
static struct pb_buf *new_part(const struct sendq *q, struct pb_pool *pool, size_t n)
{
	size_t likely = n > q->bytes ? n : q->bytes;

	if (likely > PART_LARGE / 4)
		likely = PART_LARGE;
	else if (likely > TCP_PART_SMALL)
		likely = TCP_PART_SMALL;
	return pb_tcp_text_new(pool, likely, !q->bytes);
}

bool pb_tcp_sendq_is_open(const struct sendq *q)
{
	return q->last && q->last->mark != PART_ENDS_RECORD;
}

/* What can still be written into the last part. */
static size_t room_in_last(const struct sendq *q)
{
	return pb_tcp_sendq_is_open(q) ? pb_buf_tailroom(q->last) : 0;
}

/* Where up to *n bytes can be written at the end of the queue; *n says how many. NULL: no memory. */
static uint8_t *room_behind(struct sendq *q, struct pb_pool *pool, size_t *n)
{
	size_t room = room_in_last(q);

	if (!room) {
		struct pb_buf *part = new_part(q, pool, *n);
		if (!part)
			return NULL;
		link_part(q, part);
		room = pb_buf_tailroom(part);
	}
	if (*n > room)
		*n = room;
	q->bytes += (uint32_t)*n;
	return pb_buf_extend(q->last, *n);
}

size_t pb_tcp_sendq_write(struct sendq *q, struct pb_pool *pool, const struct iovec *iov, size_t iovcnt,
			  size_t skip, size_t most)
{
	size_t taken = 0;

	for (size_t i = 0; i < iovcnt; i++) {
		size_t before = skip < iov[i].iov_len ? skip : iov[i].iov_len;
		size_t left = iov[i].iov_len - before;
		const uint8_t *from = left ? (const uint8_t *)iov[i].iov_base + before : NULL;
		skip -= before;
		while (left && taken < most) {
			size_t n = left < most - taken ? left : most - taken;
			uint8_t *to = room_behind(q, pool, &n);
			if (!to)
				return taken;
			memcpy(to, from, n);
			from += n;
			left -= n;
			taken += n;
		}
	}
	return taken;
}

void pb_tcp_sendq_give(struct sendq *q, struct pb_buf *text)
{
	uint32_t len = text->total;

	if (!len) {
		pb_buf_free(text);
		return;
	}
	q->bytes += len;
	if (len <= TINY && room_in_last(q) >= len) {
		pb_buf_copy(text, 0, pb_buf_extend(q->last, len), len);
		pb_buf_free(text);
		return;
	}
	link_part(q, text);
	while (q->last->more) {
		q->last = q->last->more;
		q->last->mark = PART_GOES_ON;
	}
}

void pb_tcp_sendq_end_record(struct sendq *q)
{
	if (!q->last || q->last->mark == PART_ENDS_RECORD)
		return;
	q->last->mark = PART_ENDS_RECORD;
	q->records++;
}

/* The part that the byte at offset is in, *offset then being counted from its beginning. */
static struct pb_buf *part_at(const struct sendq *q, uint32_t *offset)
{
	struct pb_buf *part = q->first;

	if (q->cursor && *offset >= q->cursor_offset) {
		part = q->cursor;
		*offset -= q->cursor_offset;
	}
	while (*offset >= part->len && part->more) {
		*offset -= part->len;
		part = part->more;
	}
	return part;
}

uint32_t pb_tcp_sendq_record(const struct sendq *q, uint32_t offset, uint32_t most)
{
	uint32_t in = offset, len;

	if (!q->records || offset >= q->bytes)
		return most;
	const struct pb_buf *part = part_at(q, &in);
	for (len = part->len - in; len < most && part->mark != PART_ENDS_RECORD && part->more;
	     len += part->len)
		part = part->more;
	return len < most ? len : most;
}

/* The next segment will begin at offset; in is offset as counted from the beginning of part, or beyond. */
static void move_cursor(struct sendq *q, struct pb_buf *part, uint32_t in, uint32_t offset)
{
	while (in >= part->len && part->more) {
		in -= part->len;
		part = part->more;
	}
	q->cursor = part;
	q->cursor_offset = offset - in;
}

struct pb_buf *pb_tcp_sendq_segment(struct sendq *q, struct pb_pool *pool, uint32_t offset, uint32_t len)
{
	struct pb_buf *b = pb_buf_new(pool, HEADROOM, len <= TINY ? len : 0);

	if (!b || !len)
		return b;
	uint32_t in = offset;
	struct pb_buf *part = part_at(q, &in);
	if (len <= TINY) {
		uint8_t *to = pb_buf_extend(b, len);
		struct pb_buf *from = part;
		for (uint32_t at = in, left = len, n; left; from = from->more, at = 0, left -= n) {
			n = from->len - at < left ? from->len - at : left;
			memcpy(to, from->data + at, n);
			to += n;
		}
	} else {
		struct pb_buf *text = pb_buf_slice(part, in, len);
		if (!text) {
			pb_buf_free(b);
			return NULL;
		}
		pb_buf_append(b, text);
	}
	if (!q->cursor || offset >= q->cursor_offset) /* one that is sent again leaves the cursor */
		move_cursor(q, part, in + len, offset + len);
	return b;
}

void pb_tcp_sendq_acked(struct sendq *q, uint32_t bytes)
{
	q->bytes -= bytes;
	q->cursor_offset = q->cursor_offset > bytes ? q->cursor_offset - bytes : 0;
	while (bytes && bytes >= q->first->len) {
		struct pb_buf *gone = q->first;
		bytes -= gone->len;
		q->records -= gone->mark == PART_ENDS_RECORD;
		q->first = gone->more;
		if (q->cursor == gone)
			q->cursor = q->first;
		gone->more = NULL;
		pb_buf_free(gone);
	}
	if (bytes) {
		q->first->data += bytes;
		q->first->len -= bytes;
	}
	if (!q->first)
		*q = (struct sendq){ 0 };
}

void pb_tcp_sendq_rewind(struct sendq *q)
{
	q->cursor = q->first;
	q->cursor_offset = 0;
}

void pb_tcp_sendq_clear(struct sendq *q)
{
	pb_buf_free(q->first);
	*q = (struct sendq){ 0 };
}
