/* Access lists: the rules by example, and thousands of random lists against a model that counts bits one by one. */
#include "service/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED      20260101
#define LISTS     2000
#define CALLERS   40
#define RULES_MAX 12

static struct spec s;
static struct spec_error error;

static struct access *make(const char *values)
{
	char text[SPEC_LEN_MAX];
	bool ok;

	snprintf(text, sizeof text, "echo://:7%s", values);
	if (!spec_parse(&s, text, &error))
		fail_msg("%s: %s", text, error.text);
	struct access *a = access_new(&s, &error, &ok);
	if (!ok)
		fail_msg("%s: %s", text, error.text);
	spec_free(&s);
	return a;
}

static bool allows(const char *values, const char *caller)
{
	struct access *a = make(values);
	union pb_addr addr;

	assert_true(pb_addr_parse(&addr, caller));
	bool allowed = access_allows(a, &addr);
	access_free(a);
	return allowed;
}

static void rules(void **state)
{
	(void)state;
	assert_null(make(""));
	assert_true(allows("", "10.0.0.1"));
	assert_true(allows(",allow=10.0.0.0/8", "10.0.0.1"));
	assert_false(allows(",allow=10.0.0.0/8", "11.0.0.1"));
	assert_false(allows(",allow=10.0.0.0/8", "::1"));
	assert_true(allows(",deny=10.0.0.0/8", "11.0.0.1"));
	assert_false(allows(",deny=10.0.0.0/8", "10.0.0.1"));
	assert_true(allows(",deny=10.0.0.0/8,allow=10.1.0.0/16", "10.1.0.1"));
	assert_false(allows(",deny=10.0.0.0/8,allow=10.1.0.0/16", "10.2.0.1"));
	assert_false(allows(",allow=10.0.0.0/8,deny=10.0.0.0/8", "10.2.0.1"));
	assert_false(allows(",deny=10.0.0.0/8,allow=10.0.0.0/8", "10.2.0.1"));
	assert_true(allows(",allow=2001:db8::/32,::1", "2001:db8:1::1"));
	assert_true(allows(",allow=2001:db8::/32,::1", "::1"));
	assert_false(allows(",allow=2001:db8::/32,::1", "::2"));
}

static void mapped(void **state)
{
	(void)state;
	assert_false(allows(",deny=10.0.0.0/8", "::ffff:10.0.0.1"));
	assert_false(allows(",deny=::ffff:10.0.0.0/104", "10.0.0.1"));
	assert_true(allows(",deny=::ffff:10.0.0.0/104", "11.0.0.1"));
	assert_false(allows(",deny=::ffff:0.0.0.0/96", "11.0.0.1"));
	assert_true(allows(",deny=::/0", "11.0.0.1"));
}

static void mistakes(void **state)
{
	static const char *const wrong[] = { "10.0.0.0/33", "10.0.0/8",  "::/129",
					     "example.com", "10.0.0.0/", "/8" };
	char text[128];
	bool ok;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		snprintf(text, sizeof text, "echo://:7,allow=127.0.0.1,deny=%s", wrong[i]);
		assert_true(spec_parse(&s, text, &error));
		assert_null(access_new(&s, &error, &ok));
		assert_false(ok);
		assert_non_null(strstr(error.text, wrong[i]));
		spec_free(&s);
	}
}

/* The model ---------------------------------------------------------------------------------------------------- */

struct rule {
	bool allow, v6;
	uint8_t bytes[16];
	unsigned bits;
};

static bool bit(const uint8_t *bytes, unsigned i)
{
	return bytes[i / 8] >> (7 - i % 8) & 1;
}

static bool matches(const struct rule *r, bool v6, const uint8_t *bytes)
{
	for (unsigned i = 0; i < r->bits; i++)
		if (bit(r->bytes, i) != bit(bytes, i))
			return false;
	return r->v6 == v6;
}

static bool model_allows(const struct rule *rules, size_t count, bool v6, const uint8_t *bytes)
{
	bool allowed = true, any_allow = false;
	int longest = -1;

	for (size_t i = 0; i < count; i++) {
		any_allow |= rules[i].allow;
		if (!matches(&rules[i], v6, bytes) || (int)rules[i].bits < longest)
			continue;
		allowed = rules[i].allow && ((int)rules[i].bits > longest || allowed);
		longest = (int)rules[i].bits;
	}
	return longest < 0 ? !any_allow : allowed;
}

/* Few different bits, so that prefixes overlap. */
static void draw_bytes(uint8_t *bytes)
{
	memset(bytes, 0, 16);
	bytes[0] = 32;
	bytes[1] = (uint8_t)(rand() % 4);
	bytes[2] = (uint8_t)(rand() % 2 * 128);
	bytes[3] = (uint8_t)(rand() % 2);
}

static union pb_addr addr_of(bool v6, const uint8_t *bytes)
{
	union pb_addr a = pb_addr_any(v6 ? AF_INET6 : AF_INET);

	memcpy(v6 ? (void *)&a.v6.sin6_addr : (void *)&a.v4.sin_addr, bytes, v6 ? 16 : 4);
	return a;
}

static void draw_rule(struct rule *r, char *text)
{
	char host[PB_ADDR_TEXT];

	r->allow = rand() % 2;
	r->v6 = rand() % 3 == 0;
	r->bits = (unsigned)rand() % 33;
	draw_bytes(r->bytes);
	union pb_addr a = addr_of(r->v6, r->bytes);
	sprintf(text + strlen(text), ",%s=%s/%u", r->allow ? "allow" : "deny", pb_addr_host(&a, host),
		r->bits);
}

static void same_as_the_model(void **state)
{
	struct rule list[RULES_MAX];
	char text[SPEC_LEN_MAX];
	uint8_t bytes[16];

	(void)state;
	srand(SEED);
	for (int i = 0; i < LISTS; i++) {
		size_t count = (size_t)rand() % (RULES_MAX + 1);
		text[0] = '\0';
		for (size_t k = 0; k < count; k++)
			draw_rule(&list[k], text);
		struct access *a = make(text);
		for (int k = 0; k < CALLERS; k++) {
			bool v6 = rand() % 3 == 0;
			char host[PB_ADDR_TEXT];
			draw_bytes(bytes);
			union pb_addr caller = addr_of(v6, bytes);
			if (access_allows(a, &caller) != model_allows(list, count, v6, bytes))
				fail_msg("%s judged wrongly by %s", pb_addr_host(&caller, host), text);
		}
		access_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules),
		cmocka_unit_test(mapped),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(same_as_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
