/* AES-128 against the examples of FIPS 197: the key expansion of A.1, the blocks of B and C.1. */
#include "base/aes.h"

#include "bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
	const char *key, *plain, *cipher;
} examples[] = {
	{"2b7e151628aed2a6abf7158809cf4f3c",  "3243f6a8885a308d313198a2e0370734",
         "3925841d02dc09fbdc118597196a0b32"},
	{ "000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
         "69c4e0d86a7b0430d8cdb78070b4c55a"},
};

static void blocks(void **state)
{
	uint8_t key[AES128_KEY], block[AES_BLOCK], expected[AES_BLOCK];
	struct aes128 a;

	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		bytes_of(examples[i].key, key, sizeof key);
		bytes_of(examples[i].plain, block, sizeof block);
		bytes_of(examples[i].cipher, expected, sizeof expected);
		pb_aes128_key(&a, key);
		pb_aes128_encrypt(&a, block, block);
		assert_memory_equal(block, expected, sizeof block);
	}
}

/* The first and the last that are made. */
static void round_keys(void **state)
{
	uint8_t key[AES128_KEY], expected[AES_BLOCK];
	struct aes128 a;

	(void)state;
	bytes_of(examples[0].key, key, sizeof key);
	pb_aes128_key(&a, key);
	bytes_of("a0fafe1788542cb123a339392a6c7605", expected, sizeof expected);
	assert_memory_equal(a.round[1], expected, sizeof expected);
	bytes_of("d014f9a8c9ee2589e13f0cc8b6630ca6", expected, sizeof expected);
	assert_memory_equal(a.round[AES128_ROUNDS], expected, sizeof expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(blocks), cmocka_unit_test(round_keys) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
