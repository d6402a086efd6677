/* ARP and RARP packets: golden bytes, every prefix of them, and hardware and protocols that are others. */
#include "wire/arp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* 192.168.1.1, at 02:50:42:00:00:01, asks for 192.168.1.2. */
static const uint8_t golden[ARP_LEN] = { 0,   1,   8, 0, 6, 4, 0, 1, 0x02, 0x50, 0x42, 0,   0, 1,
					 192, 168, 1, 1, 0, 0, 0, 0, 0,    0,    192,  168, 1, 2 };

static bool parse(struct arp_packet *a, const uint8_t *bytes, size_t len)
{
	return pb_arp_parse(a, &(struct reader){ .p = bytes, .left = len });
}

static void read_one(void **state)
{
	struct arp_packet a;

	(void)state;
	for (size_t n = 0; n < sizeof golden; n++)
		assert_false(parse(&a, golden, n));
	assert_true(parse(&a, golden, sizeof golden));
	assert_int_equal(a.operation, ARP_REQUEST);
	assert_memory_equal(a.sender_mac, golden + 8, 6);
	assert_memory_equal(a.target_mac, golden + 18, 6);
	assert_memory_equal(ip_bytes4(&a.sender), golden + 14, 4);
	assert_memory_equal(ip_bytes4(&a.target), golden + 24, 4);
	assert_true(ip_is4(&a.sender) && ip_is4(&a.target));
}

static void write_each_operation(void **state)
{
	uint8_t bytes[sizeof golden];
	struct arp_packet a, again;

	(void)state;
	parse(&a, golden, sizeof golden);
	assert_true(pb_arp_write(&a, &(struct writer){ .p = bytes, .left = sizeof bytes }));
	assert_memory_equal(bytes, golden, sizeof bytes);
	for (size_t room = 0; room < sizeof bytes; room++)
		assert_false(pb_arp_write(&a, &(struct writer){ .p = bytes, .left = room }));
	for (unsigned operation = ARP_REQUEST; operation <= RARP_REPLY; operation++) {
		a.operation = (uint16_t)operation;
		pb_arp_write(&a, &(struct writer){ .p = bytes, .left = sizeof bytes });
		assert_int_equal(bytes[7], operation);
		assert_true(parse(&again, bytes, sizeof bytes));
		assert_int_equal(again.operation, operation);
	}
}

/* Each bit of the fields that say which hardware and protocol it is about. */
static void others(void **state)
{
	uint8_t bytes[sizeof golden];
	struct arp_packet a;

	(void)state;
	memcpy(bytes, golden, sizeof bytes);
	for (unsigned bit = 0; bit < 6 * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(parse(&a, bytes, sizeof bytes));
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(parse(&a, bytes, sizeof bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_one),
		cmocka_unit_test(write_each_operation),
		cmocka_unit_test(others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
