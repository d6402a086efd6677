/*
 * An HTTP client (RFC 9110, RFC 9112): transfers, each of which fetches one URL, and the connections between them.
 *
 * A transfer dials, makes the TLS handshake, sends one request, reads the answer, and follows redirects. Connections
 * that can carry another request are kept for the next transfer to the same origin. Any number of transfers run side
 * by side on one loop; each tells its owner what happens through functions, and what became of it at the end.
 *
 * Redirects (301, 302, 303, 307, 308; a GET or HEAD stays what it is) are followed HTTP_REDIRECTS_MAX times. User and
 * password go to the origin that they were given for and nowhere else. From https to http nobody is led: it would
 * silently give up what the first URL asked for.
 */
#ifndef CLIENT_HTTP_CLIENT_H
#define CLIENT_HTTP_CLIENT_H

#include "client/dial.h"
#include "client/reply.h"
#include "client/stream.h"
#include "client/url.h"

#include <packetboat/loop.h>

#define HTTP_REDIRECTS_MAX 10

struct http_config {
	struct pb_loop *loop;
	struct pb_net *net;
	struct resolver *resolver;
	int family;          /* AF_INET, AF_INET6; AF_UNSPEC: both */
	const char *ca_file; /* see tls_config_new() */
	bool insecure;
	union pb_addr local;     /* to call from; AF_UNSPEC: the net chooses address and port */
	pb_time connect_timeout; /* from the name look-up to the end of the handshake */
	pb_time idle_timeout;    /* nothing came for so long */
};

struct http_client {
	struct http_config config;
	struct tls_config
		*tls;        /* made when the first https URL comes: reading the authorities takes its time */
	struct pb_link kept; /* connections nobody uses, the oldest first */
	size_t kept_count;
};

enum http_failure {
	HTTP_FINE,
	HTTP_FAIL_SYSTEM, /* err is a -errno: of the network, or of the owner's body() */
	HTTP_FAIL_NAME,   /* the host's name is not known */
	HTTP_FAIL_TLS,
	HTTP_FAIL_PROTOCOL, /* the server broke the rules */
	HTTP_FAIL_REFUSED,  /* we do not follow where the server leads */
};

struct http_conn;
struct http_transfer;

/* What an owner hears. A function that is NULL is not called. */
struct http_events {
	/* The final response's head; status, length and name fields are in t->reply. Negative: stop with this -errno. */
	int (*head)(struct http_transfer *t);
	int (*body)(struct http_transfer *t, const char *data, size_t len);
	/* The end, good or bad: see failure. The transfer may be freed or started again from here. */
	void (*done)(struct http_transfer *t);
	/* A step, for people who want to know them all: no newline. */
	void (*step)(struct http_transfer *t, const char *text);
	/* A field of any response, redirects included. */
	int (*field)(struct http_transfer *t, const char *name, const char *value);
};

struct http_transfer {
	struct http_client *client;
	const struct http_events *events;
	struct url url; /* where we are by now */
	bool head_only; /* HEAD instead of GET */
	struct reply reply;
	enum http_failure failure;
	int err;         /* HTTP_FAIL_SYSTEM */
	char error[640]; /* why it failed, for people */
	/* The rest is the client's own. */
	struct http_conn *conn;
	struct dial dial;
	bool dialing, redirect, reused;
	int redirects;
	size_t received;       /* on this connection, for this request */
	struct pb_timer timer; /* connect or idle time */
	struct pb_timer again; /* more is to be read, after the others had their turn */
	size_t request_at, request_len;
	char request[URL_LEN_MAX + 1024];
};

void http_client_init(struct http_client *c, const struct http_config *config);
void http_client_free(struct http_client *c);

/*
 * Begin; url is copied. t is memory of the owner's and needs no initialisation. done() is always called, but not
 * from here.
 */
void http_start(struct http_transfer *t, struct http_client *c, const struct url *url, bool head_only,
		const struct http_events *events);

/* Give up, without done(). */
void http_cancel(struct http_transfer *t);

#endif
