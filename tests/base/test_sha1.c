/* SHA-1 against the messages of RFC 3174 §7.3, and in pieces of every length. */
#include "base/sha1.h"

#include "bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *message;
	unsigned times;
	const char *digest;
} suite[] = {
	{"abc",							       1,       "a9993e364706816aba3e25717850c26c9cd0d89d"},
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",         1,
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"									      },
	{ "a",								1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
	{ "0123456701234567012345670123456701234567012345670123456701234567", 10,
         "dea356a2cddd90c7a7ecedc5ebb563934f460452"									      },
};

static void rfc3174(void **state)
{
	uint8_t digest[SHA1_LEN], expected[SHA1_LEN];
	struct sha1 s;

	(void)state;
	for (size_t i = 0; i < sizeof suite / sizeof *suite; i++) {
		assert_int_equal(bytes_of(suite[i].digest, expected, SHA1_LEN), SHA1_LEN);
		pb_sha1_begin(&s);
		for (unsigned n = 0; n < suite[i].times; n++)
			pb_sha1_add(&s, suite[i].message, strlen(suite[i].message));
		pb_sha1_end(&s, digest);
		assert_memory_equal(digest, expected, SHA1_LEN);
	}
}

static void in_pieces(void **state)
{
	uint8_t message[200], whole[SHA1_LEN], parts[SHA1_LEN];
	struct sha1 s;

	(void)state;
	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (uint8_t)(i * 7);
	pb_sha1_begin(&s);
	pb_sha1_add(&s, message, sizeof message);
	pb_sha1_end(&s, whole);
	for (size_t piece = 1; piece < sizeof message; piece++) {
		pb_sha1_begin(&s);
		for (size_t at = 0; at < sizeof message; at += piece)
			pb_sha1_add(&s, message + at,
				    piece < sizeof message - at ? piece : sizeof message - at);
		pb_sha1_end(&s, parts);
		assert_memory_equal(parts, whole, SHA1_LEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rfc3174), cmocka_unit_test(in_pieces) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
