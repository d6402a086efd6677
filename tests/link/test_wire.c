/* Wires of many: who receives what. */
#include <packetboat/device.h>

#include "frames.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ENDS 1024

static struct pb_device *end[ENDS];
static struct pb_pool *pool;

static void send_to(size_t from, const uint8_t *mac, size_t len)
{
	struct pb_buf *b = pb_buf_new(pool, 0, len);

	memset(pb_buf_extend(b, len), 0x45, len);
	memcpy(b->data, mac, PB_MAC_LEN);
	end[from]->ops->send(end[from], 0, b);
}

/* How many ends received the frame; each refers to the same bytes. The last of them: *who. */
static size_t receivers(size_t ends, size_t *who)
{
	const uint8_t *bytes = NULL;
	size_t count = 0;

	for (size_t i = 0; i < ends; i++) {
		struct pb_buf *b = end[i]->ops->receive(end[i], 0, pool);
		if (!b)
			continue;
		assert_true(!bytes || b->data == bytes);
		bytes = b->data;
		*who = i;
		count++;
		pb_buf_free(b);
	}
	assert_int_equal(pb_pool_bytes(pool), 0);
	return count;
}

static void unicast(void **state)
{
	const uint8_t nobody[PB_MAC_LEN] = { 2, 'P', 'B', 0, 0, 77 }, own[PB_MAC_LEN] = { 2, 1, 2, 3, 0, 1 };
	size_t who;

	(void)state;
	assert_int_equal(pb_device_wire(1500, 4, 10, end), 0);
	for (size_t from = 0; from < 4; from++)
		for (size_t to = 0; to < 4; to++) {
			send_to(from, end[to]->mac, 100);
			assert_int_equal(receivers(4, &who), from != to);
			assert_true(from == to || who == to);
		}
	send_to(0, nobody, 100);
	assert_int_equal(receivers(4, &who), 0);
	memcpy(end[2]->mac, own, sizeof own); /* an end may have another address */
	send_to(1, own, 100);
	assert_int_equal(receivers(4, &who), 1);
	assert_int_equal(who, 2);
	pb_device_close(end[2]);
	send_to(1, own, 100);
	for (size_t i = 0; i < 4; i++)
		if (i != 2)
			pb_device_close(end[i]);
	assert_int_equal(pb_pool_bytes(pool), 0);
}

static void group(void **state)
{
	size_t who;

	(void)state;
	assert_int_equal(pb_device_wire(1500, ENDS, 10, end), 0);
	send_to(5, pb_ethernet_broadcast, 100);
	assert_int_equal(receivers(ENDS, &who), ENDS - 1);
	send_to(5, (const uint8_t[]){ 1, 0, 0x5e, 0, 0, 1 }, 100);
	assert_int_equal(receivers(ENDS, &who), ENDS - 1);
	for (int i = 0; i < 12; i++)
		send_to(ENDS - 1, end[0]->mac, 100);
	assert_int_equal(end[0]->receive_drops, 2);
	send_to(1, end[0]->mac, 13); /* no Ethernet header */
	send_to(1, end[0]->mac, 1515);
	assert_int_equal(end[1]->send_drops, 2);
	for (size_t i = 0; i < ENDS; i++)
		pb_device_close(end[i]);
	assert_int_equal(pb_pool_bytes(pool), 0);
}

static void how_many(void **state)
{
	(void)state;
	assert_int_equal(pb_device_wire(1500, 1, 10, end), -EINVAL);
	assert_int_equal(pb_device_wire(1500, ENDS + 1, 10, end), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unicast),
		cmocka_unit_test(group),
		cmocka_unit_test(how_many),
	};

	pool = pb_pool_new(1 << 20);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	pb_pool_free(pool);
	return failed;
}
