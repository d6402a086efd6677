/* Addresses in text and back, what is equal, and prefixes. */
#include "base/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static union pb_addr addr(const char *text, uint16_t port)
{
	union pb_addr a;

	assert_true(pb_addr_parse(&a, text));
	assert_int_equal(pb_addr_port(&a), 0);
	pb_addr_set_port(&a, port);
	return a;
}

static void read_and_write(void **state)
{
	static const struct {
		const char *in, *host, *text;
	} cases[] = {
		{"192.0.2.1",             "192.0.2.1",          "192.0.2.1:80"           },
		{ "0.0.0.0",              "0.0.0.0",            "0.0.0.0:80"             },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1",        "[2001:db8::1]:80"       },
		{ "::",                   "::",                 "[::]:80"                },
		{ "::ffff:192.0.2.1",     "::ffff:192.0.2.1",   "[::ffff:192.0.2.1]:80"  },
		{ "fe80::1%lo",           "fe80::1%lo",         "[fe80::1%lo]:80"        },
		{ "fe80::1%4000000000",   "fe80::1%4000000000", "[fe80::1%4000000000]:80"},
	};
	char buf[PB_ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		union pb_addr a = addr(cases[i].in, 80);
		assert_string_equal(pb_addr_host(&a, buf), cases[i].host);
		assert_string_equal(pb_addr_text(&a, buf), cases[i].text);
	}
}

static void refuse(void **state)
{
	static const char *const wrong[] = {
		"",
		"1",
		"1.2.3",
		"1.2.3.4.5",
		"256.0.0.1",
		"01.2.3.4",
		"1.2.3.4 ",
		"1.2.3.4%lo",
		"host",
		":",
		":::",
		"1::2::3",
		"12345::",
		"[::1]",
		"::1%",
		"fe80::1%no-such",
		"fe80::1%0",
		"fe80::1%4294967296",
		"fe80::1%1x",
		"1:2:3:4:5:6:7:8:9",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
	};
	union pb_addr a;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (pb_addr_parse(&a, wrong[i]))
			fail_msg("'%s' passed for an address", wrong[i]);
}

static void compare(void **state)
{
	union pb_addr a = addr("192.0.2.1", 80), b = addr("fe80::1%1", 80), other;

	(void)state;
	assert_true(pb_addr_equal(&a, &a));
	assert_true(pb_addr_equal(&b, &b));
	assert_false(pb_addr_equal(&a, &b));
	other = addr("192.0.2.1", 81);
	assert_false(pb_addr_equal(&a, &other));
	other = addr("192.0.2.2", 80);
	assert_false(pb_addr_equal(&a, &other));
	other = addr("fe80::1%2", 80);
	assert_false(pb_addr_equal(&b, &other));
	b.v6.sin6_flowinfo = 7; /* no part of who somebody is */
	other = addr("fe80::1%1", 80);
	assert_true(pb_addr_equal(&b, &other));
	a = other = (union pb_addr){ 0 };
	assert_true(pb_addr_equal(&a, &other));
	assert_int_equal(pb_addr_port(&a), 0);
}

static void special(void **state)
{
	union pb_addr a = pb_addr_any(AF_INET), b = pb_addr_any(AF_INET6);

	(void)state;
	assert_true(pb_addr_is_any(&a) && pb_addr_is_any(&b));
	assert_int_equal(pb_addr_len(&a), sizeof(struct sockaddr_in));
	assert_int_equal(pb_addr_len(&b), sizeof(struct sockaddr_in6));
	a = addr("127.255.0.1", 1), b = addr("::1", 1);
	assert_true(pb_addr_is_loopback(&a) && pb_addr_is_loopback(&b));
	assert_false(pb_addr_is_any(&a) || pb_addr_is_any(&b));
	a = addr("128.0.0.1", 1), b = addr("::2", 1);
	assert_false(pb_addr_is_loopback(&a) || pb_addr_is_loopback(&b));
}

static void unmap(void **state)
{
	union pb_addr a = addr("::ffff:192.0.2.1", 80), same = addr("192.0.2.1", 80);

	(void)state;
	pb_addr_unmap(&a);
	assert_true(pb_addr_equal(&a, &same));
	pb_addr_unmap(&a);
	assert_true(pb_addr_equal(&a, &same));
	a = same = addr("2001:db8::1", 80);
	pb_addr_unmap(&a);
	assert_true(pb_addr_equal(&a, &same));
}

static bool inside(const char *prefix, const char *text)
{
	union pb_addr a = addr(text, 80);
	struct pb_prefix p;

	assert_true(pb_prefix_parse(&p, prefix));
	return pb_prefix_has(&p, &a);
}

static void prefixes(void **state)
{
	static const char *const wrong[] = {
		"",   "10.0.0.0/",   "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/ 8",
		"/8", "10.0.0.0/8/8"
	};
	struct pb_prefix p;

	(void)state;
	assert_true(inside("10.0.0.0/8", "10.255.255.255"));
	assert_false(inside("10.0.0.0/8", "11.0.0.0"));
	assert_true(inside("10.1.2.3/8", "10.0.0.1")); /* bits below the length mean nothing */
	assert_true(inside("192.0.2.128/25", "192.0.2.129"));
	assert_false(inside("192.0.2.128/25", "192.0.2.127"));
	assert_true(inside("192.0.2.1", "192.0.2.1"));
	assert_false(inside("192.0.2.1", "192.0.2.0"));
	assert_true(inside("0.0.0.0/0", "203.0.113.9"));
	assert_false(inside("0.0.0.0/0", "::1"));
	assert_true(inside("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(inside("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(inside("::1/128", "::1"));
	assert_false(inside("::1/128", "::"));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (pb_prefix_parse(&p, wrong[i]))
			fail_msg("'%s' passed for a prefix", wrong[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_and_write), cmocka_unit_test(refuse), cmocka_unit_test(compare),
		cmocka_unit_test(special),        cmocka_unit_test(unmap),  cmocka_unit_test(prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
