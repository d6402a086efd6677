/* AES-CMAC against the examples of RFC 4493 §4, given whole and byte by byte. */
#include "base/cmac.h"

#include "bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char key_text[] = "2b7e151628aed2a6abf7158809cf4f3c";
static const char message_text[] = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
				   "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
static const struct {
	size_t len;
	const char *mac;
} examples[] = {
	{0,   "bb1d6929e95937287fa37d129b756746"},
	{ 16, "070a16b46b4d4144f79bdd9dd04a287c"},
	{ 40, "dfa66747de9ae63030ca32611497c827"},
	{ 64, "51f0bebf7e3b9d92fc49741779363cfe"},
};

static void rfc4493(void **state)
{
	uint8_t key[AES128_KEY], message[64], mac[AES_BLOCK], expected[AES_BLOCK];
	struct cmac c;

	(void)state;
	bytes_of(key_text, key, sizeof key);
	assert_int_equal(bytes_of(message_text, message, sizeof message), sizeof message);
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		bytes_of(examples[i].mac, expected, sizeof expected);
		pb_cmac_begin(&c, key);
		pb_cmac_add(&c, message, examples[i].len);
		pb_cmac_end(&c, mac);
		assert_memory_equal(mac, expected, sizeof mac);
		pb_cmac_begin(&c, key);
		for (size_t n = 0; n < examples[i].len; n++)
			pb_cmac_add(&c, message + n, 1);
		pb_cmac_end(&c, mac);
		assert_memory_equal(mac, expected, sizeof mac);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rfc4493) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
