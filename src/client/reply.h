/*
 * Reading an HTTP/1 response (RFC 9112) as it arrives: the head's few fields that a client acts on, and the
 * body, piece by piece and without its framing. No I/O happens here: bytes in, events out.
 *
 * Interim responses (1xx) are skipped. What is malformed is refused, not repaired: whoever stands between us
 * and the server may read it in another way (RFC 9112 11.2).
 */
#ifndef CLIENT_REPLY_H
#define CLIENT_REPLY_H

#include "client/url.h"

#include <llhttp.h>

#define REPLY_HEAD_MAX    65536 /* bytes of a head, also of the trailers */
#define REPLY_INTERIM_MAX 16    /* 1xx responses before the one that counts */

struct reply;

/* What is told while reading. A negative answer (-errno) stops the reading. */
struct reply_events {
	int (*head)(struct reply *r);                                       /* status and fields are known */
	int (*body)(struct reply *r, const char *data, size_t len);         /* the next bytes of the body */
	int (*field)(struct reply *r, const char *name, const char *value); /* each field line; may be NULL */
};

enum reply_state { REPLY_PARTIAL, REPLY_WHOLE, REPLY_BAD, REPLY_STOPPED };

struct reply {
	llhttp_t parser; /* first: the callbacks get a pointer to it */
	const struct reply_events *events;
	bool head_only; /* the request was HEAD: no body follows, whatever the fields say */
	enum reply_state state;
	int status;
	char reason[64];                /* as the server put it, printable; may be empty */
	char location[URL_LEN_MAX + 1]; /* empty: none */
	bool location_ambiguous;        /* too long, or several that differ */
	bool has_length;                /* the length of the body is known beforehand, and is length */
	bool until_close;               /* the end of the connection is the end of the body */
	bool keep_alive;                /* once whole: the connection can carry another request */
	uint64_t length, got;           /* bytes of the body, announced and come so far */
	int err;                        /* REPLY_STOPPED: the negative answer */
	char error[160];                /* REPLY_BAD: what is wrong, for people */
	/* The rest is the reader's own. */
	size_t head_bytes; /* of this head so far */
	int interims;
	size_t name_len, value_len, reason_len;
	char name[256];
	char value[URL_LEN_MAX + 1];
};

void reply_init(struct reply *r, const struct reply_events *events, bool head_only);

/* Take what has come. *used: how much of it belongs to this response. */
enum reply_state reply_read(struct reply *r, const char *data, size_t len, size_t *used);

/* The connection has ended: whole if that is the body's end, otherwise bad, and error says what is missing.
 */
enum reply_state reply_end(struct reply *r);

#endif
