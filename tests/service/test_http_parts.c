/* The pure parts of the http service: dates, ranges, paths, types, conditions, sizes. */
#include "service/http_condition.h"
#include "service/http_date.h"
#include "service/http_listing.h"
#include "service/http_path.h"
#include "service/http_range.h"
#include "service/http_types.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "skip.h"

#define NOW       1700000000        /* Tue, 14 Nov 2023 22:13:20 GMT */
#define FAR_AHEAD ((time_t)1 << 61) /* of which the C library knows no date: its year does not fit */

static void dates(void **state)
{
	static const char *const good[] = { "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
					    "Sun Nov  6 08:49:37 1994" };
	static const char *const wrong[] = { "",
					     "Sun, 06 Nov 1994 08:49:37 UTC",
					     "Sun, 32 Nov 1994 08:49:37 GMT",
					     "Sun, 06 Nox 1994 08:49:37 GMT",
					     "Sun, 06 Nov 1994 24:49:37 GMT",
					     "06 Nov 1994 08:49:37 GMT",
					     "Sun, 06 Nov 1994 08:49:37 GMT " };
	char buf[HTTP_DATE_LEN];
	time_t t;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(http_date_read(good[i], strlen(good[i]), NOW, &t));
		assert_int_equal(t, 784111777);
		for (size_t n = 0; n < strlen(good[i]); n++)
			assert_false(http_date_read(good[i], n, NOW, &t));
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(http_date_read(wrong[i], strlen(wrong[i]), NOW, &t));
	http_date_write(buf, 784111777);
	assert_memory_equal(buf, good[0], HTTP_DATE_LEN);
	http_date_write(buf, FAR_AHEAD);
	assert_memory_equal(buf, "Fri, 31 Dec 9999 23:59:59 GMT", HTTP_DATE_LEN);
	/* More than 50 years ahead is the past. */
	assert_true(http_date_read("Friday, 01-Jan-99 00:00:00 GMT", 30, NOW, &t));
	assert_int_equal(t, 915148800);
}

static void range(const char *text, uint64_t size, enum http_range want, uint64_t want_first,
		  uint64_t want_last)
{
	uint64_t first = 0, last = 0;

	assert_int_equal(http_range_read(text, strlen(text), size, &first, &last), want);
	if (want == HTTP_RANGE_OK) {
		assert_int_equal(first, want_first);
		assert_int_equal(last, want_last);
	}
}

static void ranges(void **state)
{
	(void)state;
	range("bytes=0-0", 10, HTTP_RANGE_OK, 0, 0);
	range("Bytes=2-", 10, HTTP_RANGE_OK, 2, 9);
	range("bytes=-3", 10, HTTP_RANGE_OK, 7, 9);
	range("bytes=-30", 10, HTTP_RANGE_OK, 0, 9);
	range("bytes=5-99999999999999999999999", 10, HTTP_RANGE_OK, 5, 9);
	range("bytes=10-", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0);
	range("bytes=99999999999999999999999-", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0);
	range("bytes=-0", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0);
	range("bytes=0-", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0);
	range("bytes=5-4", 10, HTTP_RANGE_NONE, 0, 0);
	range("bytes=0-1,3-4", 10, HTTP_RANGE_NONE, 0, 0);
	range("bytes=-", 10, HTTP_RANGE_NONE, 0, 0);
	range("bytes=", 10, HTTP_RANGE_NONE, 0, 0);
	range("lines=1-2", 10, HTTP_RANGE_NONE, 0, 0);
}

static void path(const char *target, int want, const char *text)
{
	struct http_path p;

	assert_int_equal(http_path_read(&p, target, strlen(target)), want);
	if (want == 0)
		assert_string_equal(p.text, text);
}

static void paths(void **state)
{
	static char long_target[2 * PATH_MAX];

	(void)state;
	path("/", 0, "");
	path("/a/b", 0, "a/b");
	path("/a/b/?q=/../x", 0, "a/b/");
	path("//a//b//", 0, "a/b/");
	path("/a/./b/../c", 0, "a/c");
	path("/a/b/..", 0, "a/");
	path("/a/.", 0, "a/");
	path("/a/%2e%2E/b", 0, "b");
	path("/%41%20%c3%a9", 0, "A \xc3\xa9");
	path("/...", 0, "...");
	path("http://host", 0, "");
	path("http://host:80/a", 0, "a");
	path("/..", 400, NULL);
	path("/a/../../b", 400, NULL);
	path("/%2e%2e/etc/passwd", 400, NULL);
	path("/a%2fb", 400, NULL);
	path("/a%00", 400, NULL);
	path("/%4", 400, NULL);
	path("/%zz", 400, NULL);
	path("*", 400, NULL);
	path("", 400, NULL);
	path("host:80", 400, NULL);
	memset(long_target, '/', 1);
	memset(long_target + 1, 'a', sizeof long_target - 2);
	path(long_target, 414, NULL);
}

static void types(void **state)
{
	(void)state;
	assert_string_equal(http_type("a/b.html", 8), "text/html; charset=utf-8");
	assert_string_equal(http_type("X.PNG", 5), "image/png");
	assert_string_equal(http_type("7.7z", 4), "application/x-7z-compressed");
	assert_string_equal(http_type("a.zst", 5), "application/zstd");
	assert_string_equal(http_type(".html", 5), "application/octet-stream");
	assert_string_equal(http_type("a.d/html", 8), "application/octet-stream");
	assert_string_equal(http_type("a.", 2), "application/octet-stream");
}

static void sizes(void **state)
{
	char buf[16];

	(void)state;
	assert_string_equal(http_listing_size(buf, 0), "0 B");
	assert_string_equal(http_listing_size(buf, 999), "999 B");
	assert_string_equal(http_listing_size(buf, 1000), "1.0 KB");
	assert_string_equal(http_listing_size(buf, 999999), "1.0 MB");
	assert_string_equal(http_listing_size(buf, 34200000), "34 MB");
	assert_string_equal(http_listing_size(buf, UINT64_MAX), "18 EB");
}

static int condition(enum http_field field, const char *value)
{
	struct http_validators v = { .etag = "\"x\"", .etag_len = 3, .modified = 784111777, .now = NOW };
	struct http_request r = { .get = true };

	r.field[field] = (struct http_text){ value, strlen(value) };
	return http_condition(&r, &v);
}

static void conditions(void **state)
{
	(void)state;
	assert_int_equal(condition(HTTP_FIELD_IF_NONE_MATCH, "\"x\""), 304);
	assert_int_equal(condition(HTTP_FIELD_IF_NONE_MATCH, "\"a,b\", W/\"x\""), 304);
	assert_int_equal(condition(HTTP_FIELD_IF_NONE_MATCH, "*"), 304);
	assert_int_equal(condition(HTTP_FIELD_IF_NONE_MATCH, "\"y\""), 200);
	assert_int_equal(condition(HTTP_FIELD_IF_MATCH, "\"x\""), 200);
	assert_int_equal(condition(HTTP_FIELD_IF_MATCH, "W/\"x\""), 412);
	assert_int_equal(condition(HTTP_FIELD_IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:37 GMT"), 304);
	assert_int_equal(condition(HTTP_FIELD_IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:36 GMT"), 200);
	assert_int_equal(condition(HTTP_FIELD_IF_MODIFIED_SINCE, "yesterday"), 200);
	assert_int_equal(condition(HTTP_FIELD_IF_UNMODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:36 GMT"), 412);
}

/* Where the file system keeps such times: tmpfs does, ext4 does not. */
static void a_listing_of_a_time_far_ahead(void **state)
{
	char name[] = "/dev/shm/packetboat-XXXXXX";
	const struct timespec times[2] = { { .tv_sec = FAR_AHEAD }, { .tv_sec = FAR_AHEAD } };
	struct stat st = { 0 };
	size_t len;

	(void)state;
	if (!mkdtemp(name))
		SKIP("there is no /dev/shm");
	int dir = open(name, O_RDONLY | O_DIRECTORY);
	close(openat(dir, "file", O_WRONLY | O_CREAT, 0600));
	assert_int_equal(utimensat(dir, "file", times, 0), 0);
	fstatat(dir, "file", &st, 0);
	char *page = http_listing(dup(dir), "", &len);
	unlinkat(dir, "file", 0);
	close(dir);
	rmdir(name);
	assert_non_null(page);
	bool right = strstr(page, "9999-12-31 23:59\n");
	free(page);
	if (st.st_mtim.tv_sec != FAR_AHEAD)
		SKIP("/dev/shm keeps no such times");
	assert_true(right);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates),
		cmocka_unit_test(ranges),
		cmocka_unit_test(paths),
		cmocka_unit_test(types),
		cmocka_unit_test(sizes),
		cmocka_unit_test(conditions),
		cmocka_unit_test(a_listing_of_a_time_far_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
