/* The Internet checksum against RFC 1071's example and against the sum done the slow way. */
#include "base/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 1071 section 3: the sum of these is ddf2. */
static const uint8_t example[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

static uint16_t slow(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void vectors(void **state)
{
	static const uint8_t header[] = { 0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
					  0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7 };

	(void)state;
	assert_int_equal(pb_checksum(example, sizeof example), (uint16_t)~0xddf2);
	assert_int_equal(pb_checksum(header, sizeof header), 0); /* with its checksum, b861, in it */
	assert_int_equal(pb_checksum(NULL, 0), 0xffff);
	assert_int_equal(pb_checksum("\x01", 1), 0xfeff); /* padded behind, not in front */
}

/* Every length and alignment, and full of ones, where carries are most. */
static void like_the_slow_way(void **state)
{
	uint8_t bytes[300];

	(void)state;
	srandom(1);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = round == 0 ? 0xff : (uint8_t)random();
		for (size_t from = 0; from < 8; from++)
			for (size_t len = 0; from + len <= sizeof bytes; len++)
				assert_int_equal(pb_checksum(bytes + from, len), slow(bytes + from, len));
	}
}

static void in_parts(void **state)
{
	uint8_t bytes[65];

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 37);
	for (size_t cut = 0; cut < sizeof bytes; cut += 2) {
		uint64_t sum = pb_checksum_add(0, bytes, cut);
		sum = pb_checksum_add(sum, bytes + cut, sizeof bytes - cut);
		assert_int_equal(pb_checksum_finish(sum), slow(bytes, sizeof bytes));
	}
}

static void pseudo_headers(void **state)
{
	/* The pseudo-headers as their RFCs draw them: TCP over IPv4, ICMPv6 over IPv6. */
	static const uint8_t v4[] = { 10, 0, 0, 1, 10, 0, 0, 2, 0, 6, 0x12, 0x34 };
	uint8_t v6[40] = {
		[0] = 0xfe, 0x80, [15] = 1, [16] = 0xfe, 0x80, [31] = 2, [33] = 1, 2, 3, [39] = 58
	};

	(void)state;
	assert_int_equal(pb_checksum_finish(pb_checksum_add_pseudo(0, v4, v4 + 4, 4, 6, 0x1234)),
			 slow(v4, sizeof v4));
	assert_int_equal(pb_checksum_finish(pb_checksum_add_pseudo(0, v6, v6 + 16, 16, 58, 0x010203)),
			 slow(v6, sizeof v6));
}

static void update(void **state)
{
	uint8_t bytes[sizeof example];

	(void)state;
	/* RFC 1624 section 4: DD2F, a field changing from 5555 to 3285, is 0000 and not FFFF. */
	assert_int_equal(pb_checksum_update(0xdd2f, 0x5555, 0x3285), 0x0000);
	for (unsigned new = 0; new <= 0xffff; new ++) {
		memcpy(bytes, example, sizeof bytes);
		bytes[4] = (uint8_t)(new >> 8);
		bytes[5] = (uint8_t) new;
		assert_int_equal(
			pb_checksum_update(pb_checksum(example, sizeof example), 0xf4f5, (uint16_t) new),
			slow(bytes, sizeof bytes));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),  cmocka_unit_test(like_the_slow_way),
		cmocka_unit_test(in_parts), cmocka_unit_test(pseudo_headers),
		cmocka_unit_test(update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
