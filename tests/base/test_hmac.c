/* HMAC-SHA-1 against the seven cases of RFC 2202 §3; secrets, compared and wiped. */
#include "base/hmac.h"

#include "base/secret.h"
#include "bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Keys and texts are strings, or one byte so many times. */
static const struct {
	const char *key;
	size_t key_len;
	const char *text;
	size_t text_len;
	const char *mac;
} cases[] = {
	{"\x0b",		       20, "Hi There",								  0,  "b617318655057264e28bc0b6fb378c8ef146be00"},
	{ "Jefe",		      0,  "what do ya want for nothing?",                                              0,  "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
	{ "\xaa",		      20, "\xdd",								      50, "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
	{ "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15"
	  "\x16\x17\x18\x19", 0,  "\xcd",								      50, "4c9007f4026250c6bc8414f9bf50c86c2d7235da"},
	{ "\x0c",		      20, "Test With Truncation",						      0,  "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"},
	{ "\xaa",		      80, "Test Using Larger Than Block-Size Key - Hash Key First",                    0,
         "aa4ae5e15272d00e95705637ce8a3b55ed402112"														   },
	{ "\xaa",		      80, "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data", 0,
         "e8e99d0f45237d786d6bbaa7965c7808bbff1a91"														   },
};

static size_t spell(const char *text, size_t times, uint8_t bytes[128])
{
	size_t len = times ? times : strlen(text);

	if (times)
		memset(bytes, text[0], times);
	else
		memcpy(bytes, text, len);
	return len;
}

static void rfc2202(void **state)
{
	uint8_t key[128], text[128], mac[SHA1_LEN], expected[SHA1_LEN];
	struct hmac_sha1 h;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t key_len = spell(cases[i].key, cases[i].key_len, key);
		size_t text_len = spell(cases[i].text, cases[i].text_len, text);
		assert_int_equal(bytes_of(cases[i].mac, expected, SHA1_LEN), SHA1_LEN);
		pb_hmac_sha1_begin(&h, key, key_len);
		pb_hmac_sha1_add(&h, text, text_len / 2);
		pb_hmac_sha1_add(&h, text + text_len / 2, text_len - text_len / 2);
		pb_hmac_sha1_end(&h, mac);
		assert_memory_equal(mac, expected, SHA1_LEN);
	}
}

/* Whichever single bit differs. */
static void compares_all(void **state)
{
	uint8_t a[SHA1_LEN] = { 0 }, b[SHA1_LEN] = { 0 };

	(void)state;
	assert_true(secret_equal(a, b, sizeof a));
	for (unsigned bit = 0; bit < 8 * sizeof a; bit++) {
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(secret_equal(a, b, sizeof a));
		b[bit / 8] = 0;
	}
}

static void leaves_no_key(void **state)
{
	static const uint8_t zero[sizeof(struct hmac_sha1)];
	struct hmac_sha1 h;
	uint8_t mac[SHA1_LEN];

	(void)state;
	pb_hmac_sha1_begin(&h, "secret", 6);
	pb_hmac_sha1_end(&h, mac);
	assert_memory_equal(&h, zero, sizeof h);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rfc2202), cmocka_unit_test(compares_all),
					    cmocka_unit_test(leaves_no_key) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
