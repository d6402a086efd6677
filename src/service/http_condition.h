/* Conditional requests (RFC 9110 13): what a file's validators make of a request's preconditions. Pure. */
#ifndef SERVICE_HTTP_CONDITION_H
#define SERVICE_HTTP_CONDITION_H

#include "service/http_request.h"

#include <time.h>

/* The validators of what would be sent. */
struct http_validators {
	const char *etag; /* strong, with its quotes */
	size_t etag_len;
	time_t modified;
	time_t now; /* the server's clock: what was modified within this second may yet change unseen */
};

/* 200: do as asked; 304 or 412: answer with that (RFC 9110 13.2.2). */
int http_condition(const struct http_request *r, const struct http_validators *v);

/* Whether a Range field counts: there is one, and If-Range does not hold against it (RFC 9110 13.1.5). */
bool http_range_counts(const struct http_request *r, const struct http_validators *v);

#endif
