/* The names that scripts have for numbers: SOCK_STREAM, EINPROGRESS. */
#ifndef DRILL_SYMBOLS_H
#define DRILL_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

bool drill_symbol(const char *name, int64_t *value);

/* An errno by its name; 0: there is none such. */
int drill_errno(const char *name);

#endif
