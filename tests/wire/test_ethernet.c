/* Ethernet headers: golden bytes, every prefix of them, and lengths in the type's place. */
#include "wire/ethernet.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t golden[ETHERNET_HEADER_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02,
						     0x50, 0x42, 0x00, 0x00, 0x01, 0x08, 0x06 };

static void read_one(void **state)
{
	struct ethernet_header h;

	(void)state;
	for (size_t n = 0; n < sizeof golden; n++)
		assert_false(pb_ethernet_parse(&h, &(struct reader){ .p = golden, .left = n }));
	assert_true(pb_ethernet_parse(&h, &(struct reader){ .p = golden, .left = sizeof golden }));
	assert_memory_equal(h.dst, pb_ethernet_broadcast, sizeof h.dst);
	assert_memory_equal(h.src, golden + 6, sizeof h.src);
	assert_int_equal(h.type, ETHERNET_ARP);
	assert_true(ethernet_is_group(h.dst));
	assert_false(ethernet_is_group(h.src));
}

static void write_one(void **state)
{
	struct ethernet_header h = { .type = ETHERNET_ARP };
	uint8_t bytes[sizeof golden];

	(void)state;
	memcpy(h.dst, pb_ethernet_broadcast, sizeof h.dst);
	memcpy(h.src, golden + 6, sizeof h.src);
	for (size_t room = 0; room < sizeof bytes; room++)
		assert_false(pb_ethernet_write(&h, &(struct writer){ .p = bytes, .left = room }));
	assert_true(pb_ethernet_write(&h, &(struct writer){ .p = bytes, .left = sizeof bytes }));
	assert_memory_equal(bytes, golden, sizeof bytes);
}

/* IEEE 802.3 §3.2.6: below 0x600 it is no type. */
static void length_is_no_type(void **state)
{
	uint8_t bytes[sizeof golden];
	struct ethernet_header h;

	(void)state;
	memcpy(bytes, golden, sizeof bytes);
	for (unsigned type = 0; type <= 0xffff; type++) {
		bytes[12] = (uint8_t)(type >> 8);
		bytes[13] = (uint8_t)type;
		assert_int_equal(pb_ethernet_parse(&h, &(struct reader){ .p = bytes, .left = sizeof bytes }),
				 type >= 0x600);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_one),
		cmocka_unit_test(write_one),
		cmocka_unit_test(length_is_no_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
