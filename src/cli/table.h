/* A table for people: columns as wide as their widest cell, two spaces apart, no space at the end of a line. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS 16

struct table {
	size_t columns;
	bool right[TABLE_COLUMNS]; /* numbers are flush right */
	char **cells;
	size_t count, room; /* cells */
	bool failed;        /* out of memory: table_print() says so */
};

/* Cells are copied and go in row by row, the heads first; control characters become '?'. NULL: an empty cell. */
void table_init(struct table *t, size_t columns);
void table_cell(struct table *t, const char *text);
void table_number(struct table *t, unsigned long long n);

/* Print it and free it. False: out of memory, and nothing was printed. */
bool table_print(struct table *t, FILE *out);

#endif
