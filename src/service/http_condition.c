#include "service/http_condition.h"

#include "service/http_date.h"

#include <string.h>

/* Whether an If-Match or If-None-Match list has the tag; W/ is skipped in weak comparison, no match in
 * strong. */
static bool list_has(const struct http_text *list, const struct http_validators *v, bool weak)
{
	const char *p = list->p, *end = p + list->len;

	if (list->len == 1 && *p == '*')
		return true;
	while (p < end) {
		bool is_weak = end - p > 2 && p[0] == 'W' && p[1] == '/';
		if (is_weak)
			p += 2;
		if (*p != '"') { /* the space and comma in between, or rubbish */
			p++;
			continue;
		}
		const char *close = memchr(p + 1, '"', (size_t)(end - p - 1));
		if (!close)
			return false;
		size_t n = (size_t)(close + 1 - p);
		if ((weak || !is_weak) && n == v->etag_len && memcmp(p, v->etag, n) == 0)
			return true;
		p = close + 1;
	}
	return false;
}

/* The date of a field; false: absent, or no date, which is as good as absent (RFC 9110 13.1.3, 13.1.4). */
static bool date_of(const struct http_text *field, const struct http_validators *v, time_t *t)
{
	return field->p && http_date_read(field->p, field->len, v->now, t);
}

int http_condition(const struct http_request *r, const struct http_validators *v)
{
	const struct http_text *match = &r->field[HTTP_FIELD_IF_MATCH],
			       *none = &r->field[HTTP_FIELD_IF_NONE_MATCH];
	time_t t;

	if (match->p) {
		if (!list_has(match, v, false))
			return 412;
	} else if (date_of(&r->field[HTTP_FIELD_IF_UNMODIFIED_SINCE], v, &t) && v->modified > t) {
		return 412;
	}
	if (none->p)
		return list_has(none, v, true) ? 304 : 200;
	if (date_of(&r->field[HTTP_FIELD_IF_MODIFIED_SINCE], v, &t) && v->modified <= t)
		return 304;
	return 200;
}

bool http_range_counts(const struct http_request *r, const struct http_validators *v)
{
	const struct http_text *given = &r->field[HTTP_FIELD_IF_RANGE];
	time_t t;

	if (!r->field[HTTP_FIELD_RANGE].p || !r->get) /* RFC 9110 14.2: ranges are for GET only */
		return false;
	if (!given->p)
		return true;
	if (given->len > 0 && *given->p == '"')
		return given->len == v->etag_len && memcmp(given->p, v->etag, v->etag_len) == 0;
	/* A date is a strong validator only when it is old enough (RFC 9110 8.8.2.2). */
	return date_of(given, v, &t) && t == v->modified && v->now - v->modified > 1;
}
