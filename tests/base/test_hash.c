/* SipHash against the reference implementation's vectors: key 00 01 .. 0f, input 00 01 .. of growing length.
 */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct pb_siphash_key key(void)
{
	uint8_t bytes[16];

	for (int i = 0; i < 16; i++)
		bytes[i] = (uint8_t)i;
	return pb_siphash_key(bytes);
}

static const uint8_t input[15] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 };

static void siphash_2_4(void **state)
{
	struct pb_siphash_key k = key();

	(void)state;
	assert_true(pb_siphash(&k, input, 0) == 0x726fdb47dd0e0e31);
	assert_true(pb_siphash(&k, input, 1) == 0x74f839c593dc67fd);
	assert_true(pb_siphash(&k, input, 7) == 0xab0200f58b01d137);
	assert_true(pb_siphash(&k, input, 8) == 0x93f5f5799a932462);
	assert_true(pb_siphash(&k, input, 15) == 0xa129ca6149be45e5); /* the paper's appendix A */
}

/* CPython hashes bytes with SipHash-1-3, under the key 0 when PYTHONHASHSEED is 0: hash(b"abcdefgh"). */
static void siphash_1_3(void **state)
{
	struct pb_siphash_key k = key(), zero = { 0 };

	(void)state;
	assert_true(pb_siphash13(&k, input, 0) == 0xabac0158050fc4dc);
	assert_true(pb_siphash13(&zero, "a", 1) == 0x407448d2b89b1813);
	assert_true(pb_siphash13(&zero, "abcdefgh", 8) == 0x3f7b849c0b8e35ea);
	assert_true(pb_siphash13(&zero, "abcdefghijklmno", 15) == 0x1fd27a29b0e9dc7a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(siphash_2_4), cmocka_unit_test(siphash_1_3) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
