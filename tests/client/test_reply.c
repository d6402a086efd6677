/* Responses: every prefix of a good one is incomplete, in whatever pieces it comes; each mistake is one. */
#include "client/reply.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct reply r;
static char body[256];
static size_t body_len;
static int heads;

static int take_head(struct reply *reply)
{
	heads++;
	return reply->status == 418 ? -EINVAL : 0;
}

static int take_body(struct reply *reply, const char *data, size_t len)
{
	(void)reply;
	assert_true(len <= sizeof body - body_len);
	memcpy(body + body_len, data, len);
	body_len += len;
	return 0;
}

static const struct reply_events events = { .head = take_head, .body = take_body };

static void begin(bool head_only)
{
	reply_init(&r, &events, head_only);
	body_len = 0;
	heads = 0;
}

/* Read text in pieces of step bytes; returns what was used. */
static size_t feed(const char *text, size_t len, size_t step)
{
	size_t at = 0, used = 0;

	while (at < len && r.state == REPLY_PARTIAL) {
		reply_read(&r, text + at, len - at < step ? len - at : step, &used);
		at += used;
	}
	return at;
}

/* The response is the text but for the last over bytes. */
static void good(const char *text, size_t over, bool head_only, const char *want)
{
	size_t len = strlen(text) - over;

	for (size_t n = 0; n < len; n++) {
		begin(head_only);
		feed(text, n, n);
		assert_int_equal(r.state, REPLY_PARTIAL);
		assert_int_equal(reply_end(&r), REPLY_BAD);
	}
	for (size_t step = 1; step <= len + over; step++) {
		begin(head_only);
		assert_int_equal(feed(text, len + over, step), len);
		if (r.state != REPLY_WHOLE)
			fail_msg("in steps of %zu, not whole (%s): %s", step, r.error, text);
		assert_int_equal(reply_end(&r), REPLY_WHOLE);
		assert_int_equal(heads, 1);
		assert_int_equal(body_len, strlen(want));
		assert_memory_equal(body, want, body_len);
	}
}

static void good_ones(void **state)
{
	(void)state;
	good("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP", 4, false, "abc");
	assert_true(r.keep_alive && r.has_length && r.length == 3);
	assert_string_equal(r.reason, "OK");
	good("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 0, true, "");
	assert_true(r.has_length && r.keep_alive);
	good("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nA: "
	     "b\r\n\r\n",
	     0, false, "abc");
	assert_true(r.keep_alive && !r.has_length);
	good("HTTP/1.1 302 Found\r\nLocation:  /x \r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 0,
	     false, "");
	assert_string_equal(r.location, "/x");
	assert_false(r.keep_alive);
	good("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLocation: /no\r\n\r\n"
	     "HTTP/1.1 204 No Content\r\n\r\n",
	     0, false, "");
	assert_string_equal(r.location, "");
	good("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 0, false, "");
}

static void until_close(void **state)
{
	static const char text[] = "HTTP/1.0 200 OK\r\n\r\nabc";

	(void)state;
	begin(false);
	feed(text, sizeof text - 1, 4);
	assert_int_equal(r.state, REPLY_PARTIAL);
	assert_int_equal(reply_end(&r), REPLY_WHOLE);
	assert_true(r.until_close && !r.keep_alive && body_len == 3);
}

static void bad(const char *text, const char *why)
{
	begin(false);
	feed(text, strlen(text), strlen(text));
	assert_int_equal(r.state, REPLY_BAD);
	if (!strstr(r.error, why))
		fail_msg("'%s' does not say '%s'", r.error, why);
}

static void bad_ones(void **state)
{
	static char longest[REPLY_HEAD_MAX + 100];

	(void)state;
	bad("SSH-2.0-OpenSSH\r\n", "not an HTTP response");
	bad("HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", "malformed");
	bad("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "malformed");
	bad("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "");
	bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "coding");
	bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "malformed");
	bad("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "101");
	bad("HTTP/1.1 999 Odd\r\n\r\n", "999");
	memset(longest, 'a', sizeof longest - 1);
	memcpy(longest, "HTTP/1.1 200 OK\r\nA: ", 20);
	bad(longest, "longer");
	longest[0] = '\0';
	for (int i = 0; i <= REPLY_INTERIM_MAX; i++)
		strcat(longest, "HTTP/1.1 100 Continue\r\n\r\n");
	bad(longest, "interim");
}

static void stops(void **state)
{
	static const char text[] = "HTTP/1.1 418 Teapot\r\nContent-Length: 3\r\n\r\nabc";
	size_t used;

	(void)state;
	begin(false);
	assert_int_equal(reply_read(&r, text, sizeof text - 1, &used), REPLY_STOPPED);
	assert_int_equal(r.err, -EINVAL);
	assert_int_equal(body_len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(good_ones), cmocka_unit_test(until_close),
					    cmocka_unit_test(bad_ones), cmocka_unit_test(stops) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
