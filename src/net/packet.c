#include "net/packet.h"

#include "net/internet.h"

#include <string.h>

/* The first len bytes of b, copied behind headroom, and the notes. */
static struct pb_buf *copy_front(struct pb_pool *pool, const struct pb_buf *b, size_t headroom, size_t len)
{
	/* Who asks for some will soon ask for more. */
	struct pb_buf *copy = pb_buf_new(pool, headroom > IP_HEADROOM ? headroom : IP_HEADROOM, len);

	if (!copy)
		return NULL;
	pb_buf_copy(b, 0, pb_buf_extend(copy, len), len);
	if (b->transport) {
		copy->transport = copy->data + (b->transport - b->data);
		copy->checksum_offset = b->checksum_offset;
	}
	copy->checksum = b->checksum;
	copy->segment_size = b->segment_size;
	return copy;
}

/* How far the notes reach: to the end of the checksum field. */
static size_t noted(const struct pb_buf *b)
{
	return b->transport ? (size_t)(b->transport - b->data) + b->checksum_offset + 2 : 0;
}

struct pb_buf *pb_packet_new_front(struct pb_pool *pool, struct pb_buf *b, size_t headroom, size_t n)
{
	size_t len = n > noted(b) ? n : noted(b);
	struct pb_buf *front = len <= b->total ? copy_front(pool, b, headroom, len) : NULL;
	if (!front) {
		pb_buf_free(b);
		return NULL;
	}
	pb_buf_pull(b, len);
	if (b->total)
		pb_buf_append(front, b);
	else
		pb_buf_free(b);
	return front;
}
