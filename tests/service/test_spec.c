/* Service specs: the parts, the mistakes and what is said about them, numbers with units. */
#include "service/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct spec s;
static struct spec_error error;

static void read_spec(const char *text)
{
	if (!spec_parse(&s, text, &error))
		fail_msg("%s: %s", text, error.text);
}

/* It must read, with this address and port. */
static void reads(const char *text, const char *kind, const char *addr)
{
	char buf[PB_ADDR_TEXT];

	read_spec(text);
	assert_string_equal(s.text, text);
	assert_string_equal(s.kind, kind);
	assert_string_equal(pb_addr_text(&s.addr, buf), addr);
	assert_int_equal(s.port, pb_addr_port(&s.addr));
	spec_free(&s);
}

/* It must not read, and the error must name this part. */
static void refuses(const char *text, const char *part)
{
	assert_false(spec_parse(&s, text, &error));
	if (!strstr(error.text, part))
		fail_msg("%s: '%s' does not say '%s'", text, error.text, part);
}

static void addresses(void **state)
{
	(void)state;
	reads("echo://:7007", "echo", "0.0.0.0:7007");
	reads("echo://*:7007", "echo", "0.0.0.0:7007");
	reads("echo://127.0.0.1:0", "echo", "127.0.0.1:0");
	reads("echo://[::1]:65535", "echo", "[::1]:65535");
	reads("http://192.168.1.1:http", "http", "192.168.1.1:80");
	read_spec("echo://*:7");
	assert_true(s.any);
	spec_free(&s);
	read_spec("echo://0.0.0.0:7");
	assert_false(s.any);
	spec_free(&s);
}

static void mistakes(void **state)
{
	(void)state;
	refuses("", "KIND://");
	refuses("echo", "KIND://");
	refuses("://:7", "KIND://");
	refuses("echo:/:7", "KIND://");
	refuses("echo://", "no port in ''");
	refuses("echo://127.0.0.1", "no port in '127.0.0.1'");
	refuses("echo://:", "'' is not a port");
	refuses("echo://:65536", "'65536' is not a port");
	refuses("echo://:-1", "'-1' is not a port");
	refuses("echo://:nosuchservice", "'nosuchservice' is not a port");
	refuses("echo://::1:7", "stands in brackets: [::1]");
	refuses("echo://[::1:7", "is not [ADDRESS]:PORT");
	refuses("echo://[::1]7", "is not [ADDRESS]:PORT");
	refuses("echo://[]:7", "'' is not an IPv6 address");
	refuses("echo://[127.0.0.1]:7", "'127.0.0.1' is not an IPv6 address");
	refuses("echo://256.0.0.1:7", "'256.0.0.1' is not an address");
	refuses("http://:80,root", "'root' is not key=value");
	refuses("http://:80,root=", "root= has no value");
	refuses("http://:80,=x", "without a key: '=x'");
	refuses("http://:80,", "'' is not key=value");
	refuses("http://:80,allow=10.0.0.1,", "allow= has no value");
	refuses("http://:80,allow=10.0.0.1,,", "allow= has no value");
}

/* Each beginning of a right one is wrong, until there is a port. */
static void prefixes_of_a_right_one(void **state)
{
	static const char right[] = "http://[2001:db8::1]:80";
	char text[sizeof right];

	(void)state;
	for (size_t n = 0; n < sizeof right - 2; n++) {
		memcpy(text, right, n);
		text[n] = '\0';
		if (spec_parse(&s, text, &error))
			fail_msg("'%s' was read", text);
	}
	reads(right, "http", "[2001:db8::1]:80");
}

static void values(void **state)
{
	(void)state;
	read_spec("http://:80,allow=10.0.0.0/8,::1,root=a\\,b\\\\c\\d,root=x=y");
	assert_int_equal(s.count, 4);
	assert_string_equal(s.values[0].key, "allow");
	assert_string_equal(s.values[0].value, "10.0.0.0/8");
	assert_string_equal(s.values[1].key, "allow");
	assert_string_equal(s.values[1].value, "::1");
	assert_string_equal(s.values[2].value, "a,b\\c\\d");
	assert_string_equal(spec_get(&s, "root"), "x=y"); /* the last one counts */
	assert_null(spec_get(&s, "index"));
	spec_free(&s);
}

static void limits(void **state)
{
	char text[SPEC_LEN_MAX + 2] = "http://:80,root=";
	size_t len = strlen(text);

	(void)state;
	memset(text + len, 'x', sizeof text - 1 - len);
	text[SPEC_LEN_MAX + 1] = '\0';
	refuses(text, "longer than");
	text[SPEC_LEN_MAX] = '\0';
	read_spec(text);
	spec_free(&s);

	snprintf(text, sizeof text, "http://:80,allow=");
	for (int i = 0; i < SPEC_VALUES_MAX; i++)
		strcat(text, i ? ",::1" : "::1");
	read_spec(text);
	assert_int_equal(s.count, SPEC_VALUES_MAX);
	spec_free(&s);
	strcat(text, ",::1");
	refuses(text, "allow=::1 is one too many: 64 values at most");
}

/* However long the wrong part, the example stays in the message. */
static void long_mistakes(void **state)
{
	char text[2048] = "echo://";
	size_t len = strlen(text);

	(void)state;
	memset(text + len, 'x', 1500);
	text[len + 1500] = '\0';
	refuses(text, "for example :7007");
	strcat(text, ":7007");
	refuses(text, "for example 127.0.0.1");
}

static void numbers(void **state)
{
	uint64_t n = 42;

	(void)state;
	read_spec("x://:0,a=7,b=8,c=-1,d=7x,e=18446744073709551616,f=+1");
	assert_true(spec_number(&s, "absent", 1, 2, &n, &error));
	assert_int_equal(n, 42);
	assert_true(spec_number(&s, "a", 7, 7, &n, &error));
	assert_int_equal(n, 7);
	assert_false(spec_number(&s, "b", 0, 7, &n, &error));
	assert_string_equal(error.text, "b=8: not a number from 0 to 7");
	for (const char *key = "cdef"; *key; key++)
		assert_false(spec_number(&s, (char[]){ *key, '\0' }, 0, UINT64_MAX, &n, &error));
	assert_int_equal(n, 7);
	spec_free(&s);
}

static void sizes(void **state)
{
	uint64_t n;

	(void)state;
	read_spec("x://:0,a=3k,b=2M,c=1g,d=5,e=1kk,f=18014398509481984k,g=k,h=1t");
	assert_true(spec_size(&s, "a", 0, UINT64_MAX, &n, &error) && n == 3 << 10);
	assert_true(spec_size(&s, "b", 0, UINT64_MAX, &n, &error) && n == 2 << 20);
	assert_true(spec_size(&s, "c", 0, UINT64_MAX, &n, &error) && n == 1 << 30);
	assert_true(spec_size(&s, "d", 0, UINT64_MAX, &n, &error) && n == 5);
	assert_false(spec_size(&s, "a", 0, 3071, &n, &error));
	for (const char *key = "efgh"; *key; key++)
		assert_false(spec_size(&s, (char[]){ *key, '\0' }, 0, UINT64_MAX, &n, &error));
	spec_free(&s);
}

static void times(void **state)
{
	int64_t ns;

	(void)state;
	read_spec("x://:0,a=3,b=500ms,c=2m,d=1h,e=3s,f=9223372037,g=1d,h=s,i=1.5");
	assert_true(spec_time(&s, "a", 0, INT64_MAX, &ns, &error) && ns == INT64_C(3000000000));
	assert_true(spec_time(&s, "b", 0, INT64_MAX, &ns, &error) && ns == INT64_C(500000000));
	assert_true(spec_time(&s, "c", 0, INT64_MAX, &ns, &error) && ns == INT64_C(120000000000));
	assert_true(spec_time(&s, "d", 0, INT64_MAX, &ns, &error) && ns == INT64_C(3600000000000));
	assert_true(spec_time(&s, "e", 0, INT64_MAX, &ns, &error) && ns == INT64_C(3000000000));
	assert_false(spec_time(&s, "a", 0, 2999999999, &ns, &error));
	for (const char *key = "fghi"; *key; key++)
		assert_false(spec_time(&s, (char[]){ *key, '\0' }, 0, INT64_MAX, &ns, &error));
	spec_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(prefixes_of_a_right_one),
		cmocka_unit_test(values),
		cmocka_unit_test(limits),
		cmocka_unit_test(long_mistakes),
		cmocka_unit_test(numbers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
