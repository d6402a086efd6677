#include "service/http_range.h"

#include <stdbool.h>
#include <strings.h>

struct cursor {
	const char *p, *end;
};

static void skip_space(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
}

/* 1*DIGIT; numbers too big to hold become the biggest, which is beyond the end of any file. */
static bool number(struct cursor *c, uint64_t *n)
{
	const char *start = c->p;

	*n = 0;
	for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++)
		if (__builtin_mul_overflow(*n, 10, n) ||
		    __builtin_add_overflow(*n, (uint64_t)(*c->p - '0'), n))
			*n = UINT64_MAX / 10;
	return c->p > start;
}

enum http_range http_range_read(const char *text, size_t len, uint64_t size, uint64_t *first, uint64_t *last)
{
	struct cursor c = { text, text + len };
	uint64_t from, to;

	if (len < 6 || strncasecmp(text, "bytes=", 6) != 0)
		return HTTP_RANGE_NONE;
	c.p += 6;
	skip_space(&c);
	bool has_from = number(&c, &from);
	if (c.p == c.end || *c.p++ != '-')
		return HTTP_RANGE_NONE;
	bool has_to = number(&c, &to);
	skip_space(&c);
	if (c.p != c.end || (!has_from && !has_to) || (has_from && has_to && from > to))
		return HTTP_RANGE_NONE;
	if (!has_from) { /* the last bytes of it */
		from = to < size ? size - to : 0;
		if (to == 0)
			return HTTP_RANGE_UNSATISFIABLE;
		has_to = false;
	}
	if (from >= size)
		return HTTP_RANGE_UNSATISFIABLE;
	*first = from;
	*last = has_to && to < size ? to : size - 1;
	return HTTP_RANGE_OK;
}
