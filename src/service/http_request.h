/*
 * One request's head (RFC 9112 2 to 3): llhttp's events gathered into a record that points into the bytes
 * received. Nothing is kept from one call to the next: a head is read when all of it is there. Pure; no
 * allocation.
 */
#ifndef SERVICE_HTTP_REQUEST_H
#define SERVICE_HTTP_REQUEST_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_text {
	const char *p; /* NULL: absent */
	size_t len;
};

/* The fields that we act on. */
enum http_field {
	HTTP_FIELD_EXPECT,
	HTTP_FIELD_HOST,
	HTTP_FIELD_IF_MATCH,
	HTTP_FIELD_IF_MODIFIED_SINCE,
	HTTP_FIELD_IF_NONE_MATCH,
	HTTP_FIELD_IF_RANGE,
	HTTP_FIELD_IF_UNMODIFIED_SINCE,
	HTTP_FIELD_RANGE,
	HTTP_FIELD_REFERER,
	HTTP_FIELD_USER_AGENT,
	HTTP_FIELDS,
};

struct http_request {
	struct http_text method, target;
	struct http_text field[HTTP_FIELDS]; /* a field given twice counts as absent, but see hosts */
	size_t head_len;                     /* bytes of the head, its empty line included */
	uint64_t body_len;                   /* of a body that is not chunked */
	bool get, head, options; /* which of them it is; none: a method that we know but do not allow */
	bool chunked;
	bool keep_alive;
	uint8_t minor; /* HTTP/1.minor */
	uint8_t hosts; /* how many Host fields there were, at most 2 */
};

enum http_parse { HTTP_PARSE_WHOLE, HTTP_PARSE_PARTIAL, HTTP_PARSE_BAD };

/*
 * Read a head of at most max bytes from the beginning of data. PARTIAL: not all of it is there yet. BAD:
 * *status is the error to answer, and what can be known of the request (method and target) is there for the
 * log.
 */
enum http_parse http_request_read(struct http_request *r, const char *data, size_t len, size_t max,
				  int *status);

/* Whether data of which the first seen bytes have been read in vain may by now hold the whole head, or a
 * mistake. */
bool http_request_worth_reading(const char *data, size_t len, size_t seen);

/* A chunked body that is read and thrown away (RFC 9112 7.1). */
struct http_chunks {
	llhttp_t parser;
	bool ended;
	uint64_t seen;
};

void http_chunks_init(struct http_chunks *c);

/* Take bytes of the body: how many were its own (c->ended tells whether it is over), or -1: malformed. */
long http_chunks_read(struct http_chunks *c, const char *data, size_t len);

#endif
