/* A connection of the http service. */
#ifndef SERVICE_HTTP_CONN_H
#define SERVICE_HTTP_CONN_H

#include "service/http_answer.h"
#include "service/service.h"

/* The config of the service. */
struct http_config {
	struct http_site site;
	size_t header_max;
	pb_time header_time;
};

struct input;
struct output;

struct http_conn {
	struct conn conn;
	struct input *in;
	struct output *out;
	struct http_chunks *chunks; /* a chunked body is being dropped */
	uint64_t drop;              /* bytes of a body still to be dropped */
	pb_time deadline;           /* of the request that has begun */
	uint8_t state;
	bool last;     /* no request after this one will be read */
	bool draining; /* the next answer is the last */
	bool rude;     /* input may be left unread: linger (RFC 9112 9.6) */
	bool waiting;  /* a request has begun, and the deadline holds */
};

/* The calls of struct service_kind. */
void http_conn_ready(struct conn *c, int ready);
void http_conn_idle(struct conn *c);
void http_conn_drain(struct conn *c);
void http_conn_closed(struct conn *c);

#endif
