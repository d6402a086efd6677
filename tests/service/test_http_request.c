/* Request heads: every prefix of a good one is incomplete, and each mistake has its status. */
#include "service/http_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MAX 2048

static struct http_request r;

static void good(const char *text, size_t head_len)
{
	int status;

	for (size_t n = 0; n < head_len; n++)
		assert_int_equal(http_request_read(&r, text, n, MAX, &status), HTTP_PARSE_PARTIAL);
	assert_int_equal(http_request_read(&r, text, strlen(text), MAX, &status), HTTP_PARSE_WHOLE);
	assert_int_equal(r.head_len, head_len);
}

static void bad(const char *text, int want)
{
	int status = 0;

	assert_int_equal(http_request_read(&r, text, strlen(text), MAX, &status), HTTP_PARSE_BAD);
	assert_int_equal(status, want);
}

static void good_ones(void **state)
{
	static const char plain[] = "GET /a HTTP/1.1\r\nHost: x\r\nRange:  bytes=0-1 \r\n\r\n";
	static const char post[] = "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n";

	(void)state;
	good(plain, sizeof plain - 1);
	assert_true(r.get && r.keep_alive && r.minor == 1);
	assert_memory_equal(r.target.p, "/a", 2);
	assert_int_equal(r.field[HTTP_FIELD_RANGE].len, 9);
	good("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\n", 28);
	good("\r\nHEAD / HTTP/1.0\r\n\r\n", 21);
	assert_true(r.head && !r.keep_alive && r.minor == 0);
	good("GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, close\r\n\r\n", 51);
	assert_false(r.keep_alive);
	good(post, sizeof post - 1);
	assert_int_equal(r.body_len, 3);
	good("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 35);
	assert_false(r.get || r.head || r.options);
}

static void bad_ones(void **state)
{
	static char longest[MAX + 100];

	(void)state;
	bad("\x16\x03\x01", 400);
	bad("FOO / HTTP/1.1\r\n\r\n", 501);
	bad("GET / HTTP/1.1\r\n\r\n", 400);
	bad("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400);
	bad("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400);
	bad("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400);
	bad("GET / HTTP/1.1\r\nHost: x\r\n\rGET /b", 400);
	bad("GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", 400);
	bad("GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400);
	bad("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505);
	bad("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
	bad("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
	bad("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n", 400);
	bad("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501);
	memset(longest, 'a', MAX + 50);
	memcpy(longest, "GET /", 5);
	bad(longest, 414);
	memcpy(longest, "GET / HTTP/1.1\r\nHost: x\r\nA: ", 28);
	bad(longest, 431);
}

static void chunks(void **state)
{
	static const char body[] = "3\r\nabc\r\n0\r\n\r\nGET";
	struct http_chunks c;

	(void)state;
	for (size_t step = 1; step < sizeof body; step++) {
		size_t taken = 0;
		http_chunks_init(&c);
		while (!c.ended) {
			size_t left = sizeof body - 1 - taken;
			long n = http_chunks_read(&c, body + taken, left < step ? left : step);
			assert_true(n > 0);
			taken += (size_t)n;
		}
		assert_int_equal(taken, sizeof body - 1 - 3);
	}
	http_chunks_init(&c);
	assert_int_equal(http_chunks_read(&c, "xyz\r\n", 5), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(good_ones), cmocka_unit_test(bad_ones),
					    cmocka_unit_test(chunks) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
