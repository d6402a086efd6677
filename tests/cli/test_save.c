/* Files of fetched data: names that stay where they belong, and nothing half under a final name. */
#include "cli/save.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/test_save.XXXXXX";

static void named(const char *text, const char *want)
{
	struct url u;
	struct url_error error;

	assert_true(url_parse(&u, text, &error));
	char *name = save_name("d", &u);
	assert_string_equal(name, want);
	free(name);
}

static void names(void **state)
{
	(void)state;
	named("http://h/a/b.txt?x=/y", "d/b.txt");
	named("http://h/", "d/index.html");
	named("http://h/a/?q", "d/index.html");
	named("http://h/a%20b", "d/a b");
	named("http://h/%2e%2e", "d/_.");
	named("http://h/..%2f..%2fetc%2fpasswd", "d/_._.._etc_passwd");
	named("http://h/.bashrc", "d/_bashrc");
	named("http://h/a%00%0ab", "d/a__b");
	named("http://h/a%zz%4", "d/a%zz%4");
}

static void whole_or_nothing(void **state)
{
	char path[64], part[64];
	struct save s;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/f", dir);
	snprintf(part, sizeof part, "%s/f.part", dir);
	assert_int_equal(save_open(&s, path), 0);
	assert_int_equal(save_write(&s, "abc", 3), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(part, F_OK), 0);
	save_discard(&s);
	assert_int_equal(access(part, F_OK), -1);
	assert_int_equal(save_open(&s, path), 0);
	assert_int_equal(save_write(&s, "abc", 3), 0);
	assert_int_equal(save_finish(&s), 0);
	save_discard(&s);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(access(part, F_OK), -1);
	assert_int_equal(symlink("elsewhere", part), 0);
	assert_int_equal(save_open(&s, path), -ELOOP);
	unlink(part);
	unlink(path);
	assert_int_equal(save_open(&s, "/dev/full"), 0);
	assert_int_equal(save_write(&s, "abc", 3), -ENOSPC);
	save_discard(&s);
	assert_int_equal(access("/dev/full", F_OK), 0);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(whole_or_nothing) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
