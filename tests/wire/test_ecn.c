/* The ECN field: read from and written into real headers, everything beside it as it was. */
#include "wire/ecn.h"

#include "base/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* As a kernel wrote it, but for the type of service: 10.0.0.1 calls 10.0.0.2. */
static const uint8_t ip4[20] = { 0x45, 0x28, 0x00, 0x3c, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x06,
				 0x0a, 0x4c, 0x0a, 0x00, 0x00, 0x01, 0x0a, 0x00, 0x00, 0x02 };
static const uint8_t ip6[40] = { 0x6b, 0x8f, 0xed, 0xcb, 0x00, 0x14, 0x06, 0x40, 0xfd };

static void reads_ip4(void **state)
{
	uint8_t h[20];

	(void)state;
	memcpy(h, ip4, sizeof h);
	for (unsigned ecn = 0; ecn < 4; ecn++) {
		h[1] = (uint8_t)(0x28 | ecn);
		assert_int_equal(pb_ecn_read(h, sizeof h), ecn);
		for (size_t n = 0; n < sizeof h; n++)
			assert_int_equal(pb_ecn_read(h, n), ECN_NOT_ECT);
	}
}

static void reads_ip6(void **state)
{
	uint8_t h[40];

	(void)state;
	memcpy(h, ip6, sizeof h);
	for (unsigned ecn = 0; ecn < 4; ecn++) {
		h[1] = (uint8_t)(0x8f | ecn << 4);
		assert_int_equal(pb_ecn_read(h, sizeof h), ecn);
		for (size_t n = 0; n < sizeof h; n++)
			assert_int_equal(pb_ecn_read(h, n), ECN_NOT_ECT);
	}
}

static void reads_nothing_else(void **state)
{
	uint8_t h[40];

	(void)state;
	memset(h, 0xff, sizeof h);
	for (unsigned version = 0; version < 16; version++) {
		h[0] = (uint8_t)(version << 4 | 5);
		assert_int_equal(pb_ecn_read(h, sizeof h),
				 version == 4 || version == 6 ? ECN_CE : ECN_NOT_ECT);
	}
}

/* The checksum that a router computes anew is the one that it changes (RFC 1624). */
static void marks_ip4(void **state)
{
	(void)state;
	for (unsigned tos = 0; tos < 256; tos++) {
		uint8_t before[20], h[20];
		memcpy(before, ip4, sizeof before);
		before[1] = (uint8_t)tos;
		before[10] = before[11] = 0;
		uint16_t sum = pb_checksum(before, sizeof before);
		before[10] = (uint8_t)(sum >> 8);
		before[11] = (uint8_t)sum;
		memcpy(h, before, sizeof h);
		pb_ecn_mark(h);
		assert_int_equal(h[1], tos | 3);
		assert_int_equal(pb_checksum(h, sizeof h), 0);
		assert_memory_equal(h + 2, before + 2, 8);
		assert_memory_equal(h + 12, before + 12, 8);
	}
}

static void marks_ip6(void **state)
{
	uint8_t h[40];

	(void)state;
	memcpy(h, ip6, sizeof h);
	h[1] = 0xaf;
	pb_ecn_mark(h);
	assert_int_equal(h[1], 0xbf);
	h[1] = ip6[1];
	assert_memory_equal(h, ip6, sizeof h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_ip4),          cmocka_unit_test(reads_ip6),
		cmocka_unit_test(reads_nothing_else), cmocka_unit_test(marks_ip4),
		cmocka_unit_test(marks_ip6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
