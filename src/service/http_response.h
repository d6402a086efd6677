/* What all answers have in common: status lines, Date, how a head is put together, and the pages for errors.
 */
#ifndef SERVICE_HTTP_RESPONSE_H
#define SERVICE_HTTP_RESPONSE_H

#include "service/http_date.h"

#include <stdbool.h>
#include <stddef.h>

/* Bytes being gathered. What does not fit is a mistake of ours: there is room for every head (HTTP_HEAD_MAX).
 */
struct http_writer {
	char *p;
	size_t len, room;
};

/* A head, but for the text of a Location, which is no longer than the request's target. */
#define HTTP_HEAD_MAX 1024

void http_put(struct http_writer *w, const void *data, size_t len);
#define http_put_text(w, text) http_put((w), (text), sizeof(text) - 1) /* a literal */
void http_print(struct http_writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Server and Date, made anew when the second changes. Zero it before its first use. */
struct http_clock {
	time_t second;
	size_t len;
	char text[64];
};

/* The time now, to the second. */
time_t http_clock_read(struct http_clock *clock);

struct http_head {
	int status;
	bool close; /* say Connection: close */
	bool old;   /* the client speaks HTTP/1.0: say Connection: keep-alive otherwise */
};

/* The status line, Server, Date and Connection. The caller goes on with fields, an empty line and the body.
 */
void http_put_head(struct http_writer *w, const struct http_head *h, const struct http_clock *clock);

/* "Not Found" */
const char *http_reason(int status);

/* A whole answer that says status in a short page, of which HEAD gets the head only. Returns the body's
 * length. */
size_t http_put_page(struct http_writer *w, const struct http_head *h, const struct http_clock *clock,
		     bool head_only, const char *extra_fields);

#endif
