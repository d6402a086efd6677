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

/* RFC 1035 §4.1.4: a name goes on where another, before it, does. RFC 3397 §2's example has such a list. */
static void reads_compressed(void **state)
{
	static const uint8_t list[] = "\3eng\7example\3com\0\11marketing\300\4\300\21\4corp\0";
	static const char *const names[] = { "eng.example.com", "marketing.example.com",
					     "marketing.example.com", "corp" };
	char text[DOMAIN_TEXT];
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_true(pb_domain_read_compressed(list, sizeof list - 1, &at, text));
		assert_string_equal(text, names[i]);
	}
	assert_int_equal(at, sizeof list - 1);
	for (size_t cut = 1; cut < 17; cut++) {
		at = 0;
		assert_false(pb_domain_read_compressed(list, cut, &at, text));
		assert_int_equal(at, cut);
	}
}

/* A pointer to itself, ahead, beyond the end, in a circle, cut off; and the two kinds of label that there are not. */
static void refuses_what_leads_on(void **state)
{
	static const struct {
		const char *list;
		size_t len, at;
	} wrong[] = {
		{"\300\0",              2, 0},
		{ "\300\2\1a\0",        5, 0},
		{ "\1a\300\0",          4, 0},
		{ "\300\377",           2, 0},
		{ "\1a\300\4\1b\300\0", 8, 4},
		{ "\1a\0\300",          4, 3},
		{ "\100a\0",            3, 0},
		{ "\200a\0",            3, 0},
	};
	char text[DOMAIN_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		size_t at = wrong[i].at;
		assert_false(
			pb_domain_read_compressed((const uint8_t *)wrong[i].list, wrong[i].len, &at, text));
		assert_int_equal(at, wrong[i].len);
		assert_string_equal(text, "");
	}
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
		cmocka_unit_test(reads_compressed),
		cmocka_unit_test(refuses_what_leads_on),
		cmocka_unit_test(passes_over_odd_letters),
		cmocka_unit_test(lengths),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
