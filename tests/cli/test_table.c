/* Tables: columns line up, nothing hangs over at the end of a line, foreign text stays in its cell. */
#include "cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void columns(void **state)
{
	char *text = NULL;
	size_t len = 0;
	struct table t;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	table_init(&t, 3);
	t.right[1] = true;
	table_cell(&t, "Name");
	table_cell(&t, "Count");
	table_cell(&t, "What");
	table_cell(&t, "a\tb\x1b[1m");
	table_number(&t, 7);
	table_cell(&t, "x");
	table_cell(&t, "c");
	table_number(&t, 18446744073709551615ULL);
	table_cell(&t, NULL);
	table_cell(&t, NULL);
	table_cell(&t, NULL);
	table_cell(&t, "y");
	assert_true(table_print(&t, out));
	fclose(out);
	assert_string_equal(text, "Name                    Count  What\n"
				  "a?b?[1m                     7  x\n"
				  "c        18446744073709551615\n"
				  "                               y\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
