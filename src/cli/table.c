#include "cli/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void table_init(struct table *t, size_t columns)
{
	assert(columns > 0 && columns <= TABLE_COLUMNS);
	*t = (struct table){ .columns = columns };
}

void table_cell(struct table *t, const char *text)
{
	if (t->count == t->room) {
		size_t room = t->room ? t->room * 2 : 256;
		char **more = realloc(t->cells, room * sizeof *more);
		if (!more) {
			t->failed = true;
			return;
		}
		t->cells = more;
		t->room = room;
	}
	char *cell = strdup(text ? text : "");
	if (!cell) {
		t->failed = true;
		return;
	}
	for (char *p = cell; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	t->cells[t->count++] = cell;
}

void table_number(struct table *t, unsigned long long n)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", n);
	table_cell(t, text);
}

static void print_rows(const struct table *t, FILE *out)
{
	int width[TABLE_COLUMNS] = { 0 };

	for (size_t i = 0; i < t->count; i++) {
		int len = (int)strlen(t->cells[i]);
		if (width[i % t->columns] < len)
			width[i % t->columns] = len;
	}
	for (size_t row = 0; row < t->count; row += t->columns) {
		int spaces = 0; /* owed: written only when something follows them */
		for (size_t i = 0; i < t->columns && row + i < t->count; i++) {
			const char *cell = t->cells[row + i];
			int pad = width[i] - (int)strlen(cell);
			spaces += t->right[i] ? pad : 0;
			if (*cell) {
				fprintf(out, "%*s%s", spaces, "", cell);
				spaces = 0;
			}
			spaces += (t->right[i] ? 0 : pad) + 2;
		}
		fputc('\n', out);
	}
}

bool table_print(struct table *t, FILE *out)
{
	bool ok = !t->failed;

	if (ok)
		print_rows(t, out);
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ 0 };
	return ok;
}
