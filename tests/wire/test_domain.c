/* Names of domains in messages (RFC 1035 §3.1) and as text. */
#include "wire/domain.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void reads_a_list(void **state)
{
	static const uint8_t golden[] = "\3www\7example\0\4corp\0";
	struct reader r = { .p = golden, .left = sizeof golden - 1 };
	char text[DOMAIN_TEXT];

	(void)state;
	for (size_t n = 0; n < 13; n++)
		assert_false(pb_domain_read(&(struct reader){ .p = golden, .left = n }, text));
	assert_true(pb_domain_read(&r, text));
	assert_string_equal(text, "www.example");
	assert_true(pb_domain_read(&r, text));
	assert_string_equal(text, "corp");
	assert_int_equal(r.left, 0);
	assert_true(pb_domain_read(&(struct reader){ .p = (const uint8_t *)"", .left = 1 }, text));
	assert_string_equal(text, "");
}

/* A pointer (RFC 1035 §4.1.4) has no place here (RFC 8415 §10), and a label of 64 is one. */
static void refuses_compression(void **state)
{
	static const uint8_t pointer[] = "\3www\300\0";
	struct reader r = { .p = pointer, .left = sizeof pointer - 1 };
	char text[DOMAIN_TEXT];

	(void)state;
	assert_false(pb_domain_read(&r, text));
	assert_true(r.bad);
}

/* A name with a letter that nobody should print is passed over: the next can be read. */
static void passes_over_odd_letters(void **state)
{
	static const uint8_t odd[] = "\3a\033b\0\3a.b\0\3a b\0\3a\0b\0\4corp\0";
	struct reader r = { .p = odd, .left = sizeof odd - 1 };
	char text[DOMAIN_TEXT];

	(void)state;
	for (int n = 0; n < 4; n++) {
		assert_false(pb_domain_read(&r, text));
		assert_false(r.bad);
	}
	assert_true(pb_domain_read(&r, text));
	assert_string_equal(text, "corp");
}

/* RFC 1035 §2.3.4: 255 bytes with their lengths, so 253 letters and dots. */
static void lengths(void **state)
{
	uint8_t name[260] = { 0 };
	char text[DOMAIN_TEXT];
	static const uint8_t labels[] = { 63, 63, 63, 61 };
	size_t at = 0;

	(void)state;
	for (size_t n = 0; n < 4; n++) {
		name[at] = labels[n];
		memset(name + at + 1, 'a', labels[n]);
		at += 1 + labels[n];
	}
	assert_true(pb_domain_read(&(struct reader){ .p = name, .left = sizeof name }, text));
	assert_int_equal(strlen(text), 253);
	name[64 * 3] = 62;
	memset(name + 64 * 3 + 1, 'a', 62);
	assert_false(pb_domain_read(&(struct reader){ .p = name, .left = sizeof name }, text));
}

static void names(void **state)
{
	static const char *const right[] = { "example", "www.example", "_tcp.example", "a-b.c1" };
	static const char *const wrong[] = { "", ".", "a..b", ".a", "a.", "a b", "a;b", "\303\244" };
	char label[66];

	(void)state;
	for (size_t n = 0; n < sizeof right / sizeof *right; n++)
		assert_true(pb_domain_is_name(right[n]));
	for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++)
		assert_false(pb_domain_is_name(wrong[n]));
	memset(label, 'a', sizeof label);
	label[63] = '\0';
	assert_true(pb_domain_is_name(label));
	label[63] = 'a';
	label[64] = '\0';
	assert_false(pb_domain_is_name(label));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_list),
		cmocka_unit_test(refuses_compression),
		cmocka_unit_test(passes_over_odd_letters),
		cmocka_unit_test(lengths),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
