/*
 * virtio-net headers and the notes they stand for: golden bytes, there and back, and headers that cannot be.
 */
#include "link/vnet.h"

#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint8_t payload[20000];

static void bytes_of_a_header(void **state)
{
	static const uint8_t golden[] = { 1, 0x81, 54, 0, 0xb4, 5, 34, 0, 16, 0 };
	struct virtio_net_header h;
	uint8_t again[sizeof golden];

	(void)state;
	for (size_t n = 0; n < sizeof golden; n++)
		assert_false(pb_virtio_net_parse(&h, &(struct reader){ .p = golden, .left = n }));
	assert_true(pb_virtio_net_parse(&h, &(struct reader){ .p = golden, .left = sizeof golden }));
	assert_int_equal(h.flags, VIRTIO_NET_NEEDS_CHECKSUM);
	assert_int_equal(h.segmentation, VIRTIO_NET_TCP4 | VIRTIO_NET_ECN);
	assert_int_equal(h.headers_len, 54);
	assert_int_equal(h.segment_size, 1460);
	assert_int_equal(h.checksum_start, 34);
	assert_int_equal(h.checksum_offset, 16);
	assert_true(pb_virtio_net_write(&h, &(struct writer){ .p = again, .left = sizeof again }));
	assert_memory_equal(again, golden, sizeof golden);
	for (size_t room = 0; room < sizeof again; room++)
		assert_false(pb_virtio_net_write(&h, &(struct writer){ .p = again, .left = room }));
}

static void there_and_back(void **state)
{
	struct pb_pool *pool = pb_pool_new(1 << 20);
	struct random r = { 1 };

	(void)state;
	for (unsigned i = 0; i < 32; i++) {
		const struct shape s = { .ethernet = i & 1,
					 .ip6 = i & 2,
					 .payload = 10000,
					 .part_max = 100000,
					 .protocol = i & 4 ? IPPROTO_UDP : IPPROTO_TCP,
					 .flags = i & 8 ? TCP_CWR : 0,
					 .segment_size = i & 4 ? 0 : 1460,
					 .checksum_wanted = i & 16 || !(i & 4) };
		struct pb_buf *b = frame_new(pool, &s, payload, &r), *came = pb_buf_share(b);
		struct virtio_net_header h = pb_vnet_header(b, s.ethernet);

		came->transport = NULL;
		came->segment_size = came->checksum_offset = 0;
		came->checksum = PB_CHECKSUM_UNKNOWN;
		assert_true(pb_vnet_note(came, &h));
		assert_int_equal(came->checksum, b->checksum);
		assert_int_equal(came->segment_size, b->segment_size);
		if (s.checksum_wanted) {
			assert_ptr_equal(came->transport, b->transport);
			assert_int_equal(came->checksum_offset, b->checksum_offset);
		}
		if (s.segment_size) {
			assert_int_equal(h.headers_len, frame_headers_len(&s));
			assert_int_equal(h.segmentation, (s.ip6 ? 4 : 1) | (s.flags & TCP_CWR ? 0x80 : 0));
		}
		pb_buf_free(b);
		pb_buf_free(came);
	}
	pb_pool_free(pool);
}

/* Whether a frame of 100 bytes may have this header. */
static bool noted(struct virtio_net_header h, struct pb_buf **frame)
{
	static struct pb_pool *pool;

	if (!pool)
		pool = pb_pool_new(1 << 20);
	pb_buf_free(*frame);
	*frame = pb_buf_new(pool, 0, 100);
	memset(pb_buf_extend(*frame, 100), 0, 100);
	return pb_vnet_note(*frame, &h);
}

static void headers_that_cannot_be(void **state)
{
	struct pb_buf *b = NULL;
	struct virtio_net_header h = { 0 };

	(void)state;
	assert_true(noted(h, &b));
	assert_int_equal(b->checksum, PB_CHECKSUM_UNKNOWN);
	h.flags = VIRTIO_NET_DATA_VALID;
	assert_true(noted(h, &b));
	assert_int_equal(b->checksum, PB_CHECKSUM_GOOD);
	h = (struct virtio_net_header){ .flags = 1, .checksum_start = 82, .checksum_offset = 16 };
	assert_true(noted(h, &b));
	h.checksum_start = 83;
	assert_false(noted(h, &b));
	h.checksum_start = h.checksum_offset = 0xffff;
	assert_false(noted(h, &b));
	h = (struct virtio_net_header){
		.flags = 1, .checksum_start = 34, .checksum_offset = 16, .segmentation = 1
	};
	assert_false(noted(h, &b)); /* into pieces of no length */
	h.segment_size = 1;
	assert_true(noted(h, &b));
	h.checksum_offset = 6;
	assert_false(noted(h, &b)); /* UDP's place */
	h.checksum_offset = 16;
	h.segmentation = 5; /* UDP, which we did not ask for */
	assert_false(noted(h, &b));
	h.segmentation = 1;
	h.flags = 0;
	assert_false(noted(h, &b)); /* merged of what nobody verified */
	h.flags = VIRTIO_NET_DATA_VALID;
	assert_true(noted(h, &b));
	assert_int_equal(b->segment_size, 0);
	pb_buf_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_a_header),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(headers_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
