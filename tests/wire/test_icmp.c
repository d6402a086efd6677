/* Echo messages: golden bytes, every prefix of a header that is too short, and what is no echo message. */
#include "base/checksum.h"
#include "wire/icmp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t request[] = { 8, 0, 0x00, 0xe1, 0x12, 0x34, 0x00, 0x07, 'b', 'o', 'a', 't', '!' };

static void read_one(void **state)
{
	struct pb_icmp_echo e;

	(void)state;
	for (size_t n = 0; n < PB_ICMP_ECHO_LEN; n++)
		assert_false(pb_icmp_echo_parse(&e, request, n));
	assert_true(pb_icmp_echo_parse(&e, request, PB_ICMP_ECHO_LEN));
	assert_int_equal(e.data_len, 0);
	assert_true(pb_icmp_echo_parse(&e, request, sizeof request));
	assert_int_equal(e.type, PB_ICMP4_ECHO_REQUEST);
	assert_int_equal(e.checksum, 0x00e1);
	assert_int_equal(e.id, 0x1234);
	assert_int_equal(e.seq, 7);
	assert_int_equal(e.data_len, 5);
	assert_ptr_equal(e.data, request + PB_ICMP_ECHO_LEN);
}

static void write_one(void **state)
{
	const struct pb_icmp_echo e = { .type = PB_ICMP4_ECHO_REQUEST,
					.id = 0x1234,
					.seq = 7,
					.data = request + PB_ICMP_ECHO_LEN,
					.data_len = 5 };
	uint8_t bytes[sizeof request];

	(void)state;
	for (size_t room = 0; room < sizeof bytes; room++)
		assert_int_equal(pb_icmp_echo_write(&e, bytes, room), 0);
	assert_int_equal(pb_icmp_echo_write(&e, bytes, sizeof bytes), sizeof bytes);
	pb_icmp_seal(bytes, sizeof bytes, 0);
	assert_memory_equal(bytes, request, sizeof bytes);
}

static void no_echo(void **state)
{
	uint8_t bytes[sizeof request];
	struct pb_icmp_echo e;

	(void)state;
	memcpy(bytes, request, sizeof bytes);
	for (unsigned type = 0; type < 256; type++) {
		bytes[0] = (uint8_t)type;
		assert_int_equal(pb_icmp_echo_parse(&e, bytes, sizeof bytes),
				 type == 0 || type == 8 || type == 128 || type == 129);
	}
	bytes[0] = PB_ICMP6_ECHO_REPLY;
	bytes[1] = 1; /* code */
	assert_false(pb_icmp_echo_parse(&e, bytes, sizeof bytes));
}

/* Each damaged bit is noticed, with a pseudo-header and without. */
static void damage(void **state)
{
	static const uint8_t addr[16] = { 0xfe, 0x80, [15] = 1 };
	uint64_t pseudo[] = { 0, pb_checksum_add_pseudo(0, addr, addr, 16, 58, sizeof request) };
	uint8_t bytes[sizeof request];

	(void)state;
	memcpy(bytes, request, sizeof bytes);
	assert_true(pb_icmp_intact(bytes, sizeof bytes, 0));
	assert_false(pb_icmp_intact(bytes, sizeof bytes, pseudo[1]));
	for (int v6 = 0; v6 < 2; v6++) {
		pb_icmp_seal(bytes, sizeof bytes, pseudo[v6]);
		for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(pb_icmp_intact(bytes, sizeof bytes, pseudo[v6]));
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_true(pb_icmp_intact(bytes, sizeof bytes, pseudo[v6]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_one),
		cmocka_unit_test(write_one),
		cmocka_unit_test(no_echo),
		cmocka_unit_test(damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
