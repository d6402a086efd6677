/* Pairs: the packet itself arrives, with its notes; queues are bounded; either end may go first. */
#include <packetboat/device.h>

#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct pb_buf *packet(struct pb_pool *pool, size_t len)
{
	struct pb_buf *b = pb_buf_new(pool, 0, len);

	memset(pb_buf_extend(b, len), 0x45, len);
	return b;
}

static struct pb_buf *receive(struct pb_device *d)
{
	return d->ops->receive(d, 0, NULL);
}

static void the_packet_itself(void **state)
{
	struct pb_pool *pool = pb_pool_new(1 << 20);
	struct pb_device *end[2];

	(void)state;
	assert_int_equal(pb_device_pair(1500, false, 10, end), 0);
	assert_string_equal(pb_device_name(end[0]), "");
	assert_int_equal(end[0]->ops->fd(end[0]), -1);
	for (int from = 0; from < 2; from++) {
		struct pb_buf *b = packet(pool, 1500);
		b->segment_size = 1;
		b->checksum = PB_CHECKSUM_WANTED;
		assert_true(end[1 - from]->ops->next(end[1 - from]) == PB_NEVER);
		end[from]->ops->send(end[from], 0, b);
		assert_true(end[from]->ops->next(end[from]) == PB_NEVER);
		assert_true(end[1 - from]->ops->next(end[1 - from]) == 0);
		assert_null(receive(end[from]));
		assert_ptr_equal(receive(end[1 - from]), b);
		assert_int_equal(b->segment_size, 1);
		assert_int_equal(b->checksum, PB_CHECKSUM_WANTED);
		pb_buf_free(b);
	}
	assert_null(receive(end[1]));
	assert_int_equal(end[0]->sent + end[1]->received, 2);
	pb_device_close(end[0]);
	pb_device_close(end[1]);
	pb_pool_free(pool);
}

static void bounds(void **state)
{
	struct pb_pool *pool = pb_pool_new(1 << 20);
	struct pb_device *end[2];

	(void)state;
	pb_device_pair(576, true, 3, end);
	for (int i = 0; i < 5; i++)
		end[0]->ops->send(end[0], 0, packet(pool, 576 + 14));
	assert_int_equal(end[0]->sent, 3);
	assert_int_equal(end[0]->send_drops, 2);
	end[1]->ops->send(end[1], 0, packet(pool, 577 + 14));
	assert_int_equal(end[1]->send_drops, 1);
	for (int i = 0; i < 3; i++)
		pb_buf_free(receive(end[1]));
	assert_null(receive(end[1]));
	assert_int_equal(pb_pool_bytes(pool), 0);
	pb_device_close(end[1]);
	pb_device_close(end[0]);
	pb_pool_free(pool);
}

/* What waits at an end goes with it, and what is sent to it afterwards goes nowhere. */
static void one_end_closed(void **state)
{
	struct pb_pool *pool = pb_pool_new(1 << 20);
	struct pb_device *end[2];

	(void)state;
	for (int first = 0; first < 2; first++) {
		pb_device_pair(1500, false, 10, end);
		end[1 - first]->ops->send(end[1 - first], 0, packet(pool, 100));
		end[first]->ops->send(end[first], 0, packet(pool, 100));
		pb_device_close(end[first]);
		end[1 - first]->ops->send(end[1 - first], 0, packet(pool, 100));
		assert_int_equal(end[1 - first]->send_drops, 1);
		struct pb_buf *b = receive(end[1 - first]);
		assert_non_null(b);
		pb_buf_free(b);
		pb_device_close(end[1 - first]);
		assert_int_equal(pb_pool_bytes(pool), 0);
	}
	pb_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_packet_itself),
		cmocka_unit_test(bounds),
		cmocka_unit_test(one_end_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
