/*
 * Frames behind virtio-net headers, as TAP and TUN devices bring them: whatever the header says, what is
 * noted lies inside the frame; cutting and finishing it reads nothing else; the pieces have the payload's
 * length.
 */
#include "link/finish.h"
#include "link/vnet.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_notes(const struct pb_buf *b)
{
	if (b->checksum == PB_CHECKSUM_WANTED) {
		assert(b->transport >= b->data);
		assert(b->transport + b->checksum_offset + 2 <= b->data + b->len);
	}
	assert(!b->segment_size || b->checksum == PB_CHECKSUM_WANTED);
}

static struct pb_buf *frame_of(struct pb_pool *pool, struct reader *r)
{
	size_t first = r->left > 400 ? 400 : r->left, rest = r->left - first;
	struct pb_buf *b = pb_buf_new(pool, 0, first);

	memcpy(pb_buf_extend(b, first), rd_bytes(r, first), first);
	if (rest) {
		struct pb_buf *more = pb_buf_new(pool, 0, rest);
		memcpy(pb_buf_extend(more, rest), rd_bytes(r, rest), rest);
		pb_buf_append(b, more);
	}
	return b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = { .p = data, .left = size < 60000 ? size : 60000 };
	unsigned how = rd_u8(&r);
	struct virtio_net_header h;
	struct pb_buf_queue out = { 0 };

	if (!pb_virtio_net_parse(&h, &r))
		return 0;
	struct pb_pool *pool = pb_pool_new(64 << 20);
	struct pb_buf *b = frame_of(pool, &r);
	if (pb_vnet_note(b, &h)) {
		check_notes(b);
		unsigned offload = how >> 1 & (PB_OFFLOAD_CHECKSUM | PB_OFFLOAD_PARTS);
		uint32_t total = b->total;
		size_t lost = pb_finish(pool, b, how & 1, offload, &out);
		assert(lost <= 1);
		assert(lost || out.bytes >= total);
	} else {
		pb_buf_free(b);
	}
	pb_buf_queue_clear(&out);
	assert(pb_pool_bytes(pool) == 0);
	pb_pool_free(pool);
	return 0;
}
