/* UDP headers: golden bytes, every prefix of them, every length that a datagram may claim. */
#include "wire/udp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t golden[UDP_HEADER_LEN] = { 0x00, 0x35, 0xc0, 0x01, 0x00, 0x0c, 0xab, 0xcd };

static void read_one(void **state)
{
	struct udp_header h;

	(void)state;
	for (size_t n = 0; n < sizeof golden; n++)
		assert_false(pb_udp_parse(&h, &(struct reader){ .p = golden, .left = n }, 12));
	assert_true(pb_udp_parse(&h, &(struct reader){ .p = golden, .left = sizeof golden }, 12));
	assert_int_equal(h.src_port, 53);
	assert_int_equal(h.dst_port, 49153);
	assert_int_equal(h.len, 12);
	assert_int_equal(h.checksum, 0xabcd);
}

static void claimed_lengths(void **state)
{
	uint8_t bytes[sizeof golden];
	struct udp_header h;

	(void)state;
	memcpy(bytes, golden, sizeof bytes);
	for (unsigned len = 0; len <= 0xffff; len++) {
		bytes[4] = (uint8_t)(len >> 8);
		bytes[5] = (uint8_t)len;
		assert_int_equal(pb_udp_parse(&h, &(struct reader){ .p = bytes, .left = 8 }, 1480),
				 len >= 8 && len <= 1480);
	}
}

static void write_one(void **state)
{
	const struct udp_header h = { .src_port = 53, .dst_port = 49153, .len = 12, .checksum = 0xabcd };
	uint8_t bytes[sizeof golden];

	(void)state;
	for (size_t room = 0; room < sizeof bytes; room++)
		assert_false(pb_udp_write(&h, &(struct writer){ .p = bytes, .left = room }));
	assert_true(pb_udp_write(&h, &(struct writer){ .p = bytes, .left = sizeof bytes }));
	assert_memory_equal(bytes, golden, sizeof bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_one),
		cmocka_unit_test(claimed_lengths),
		cmocka_unit_test(write_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
