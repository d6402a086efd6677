/* MD5 against the suite of RFC 1321 A.5, and in pieces of every length. */
#include "base/md5.h"

#include "bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *message, *digest;
} suite[] = {
	{"",								"d41d8cd98f00b204e9800998ecf8427e"},
	{ "a",							      "0cc175b9c0f1b6a831c399e269772661"},
	{ "abc",							    "900150983cd24fb0d6963f7d28e17f72"},
	{ "message digest",						 "f96b697d7cb7938d525a2f31aaf161d0"},
	{ "abcdefghijklmnopqrstuvwxyz",                                     "c3fcd3d76192e4007dfb496cca67e13b"},
	{ "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
         "d174ab98d277d9f5a5611c2c9f419d9f"								   },
	{ "1234567890123456789012345678901234567890"
	  "1234567890123456789012345678901234567890",	      "57edf4a22be3c955ac49da2e2107b67a"},
};

static void rfc1321(void **state)
{
	uint8_t digest[MD5_LEN], expected[MD5_LEN];
	struct md5 m;

	(void)state;
	for (size_t i = 0; i < sizeof suite / sizeof *suite; i++) {
		assert_int_equal(bytes_of(suite[i].digest, expected, MD5_LEN), MD5_LEN);
		pb_md5_begin(&m);
		pb_md5_add(&m, suite[i].message, strlen(suite[i].message));
		pb_md5_end(&m, digest);
		assert_memory_equal(digest, expected, MD5_LEN);
	}
}

static void in_pieces(void **state)
{
	uint8_t message[200], whole[MD5_LEN], parts[MD5_LEN];
	struct md5 m;

	(void)state;
	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (uint8_t)(i * 7);
	pb_md5_begin(&m);
	pb_md5_add(&m, message, sizeof message);
	pb_md5_end(&m, whole);
	for (size_t piece = 1; piece < sizeof message; piece++) {
		pb_md5_begin(&m);
		for (size_t at = 0; at < sizeof message; at += piece)
			pb_md5_add(&m, message + at,
				   piece < sizeof message - at ? piece : sizeof message - at);
		pb_md5_end(&m, parts);
		assert_memory_equal(parts, whole, MD5_LEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rfc1321), cmocka_unit_test(in_pieces) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
