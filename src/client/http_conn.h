/* Connections of the HTTP client: a stream, whom it leads to, and the shelf where unused ones wait for more work. */
#ifndef CLIENT_HTTP_CONN_H
#define CLIENT_HTTP_CONN_H

#include "base/list.h"
#include "client/http_client.h"

#define HTTP_KEPT_MAX 8 /* connections on the shelf */

struct http_conn {
	struct stream stream;
	struct pb_watch watch;
	struct pb_link link;            /* on the client's shelf */
	struct http_transfer *transfer; /* who uses it; NULL: on the shelf */
	struct url origin;
};

/* A connection over a connected socket, which it owns from now on, also when it fails. NULL: t->error says why. */
struct http_conn *http_conn_new(struct http_transfer *t, struct pb_socket *socket);
void http_conn_free(struct http_conn *conn, bool polite);

/* Put a connection that is done with on the shelf; take one to the origin of url from it, or NULL. */
void http_conn_keep(struct http_client *c, struct http_conn *conn);
struct http_conn *http_conn_take(struct http_client *c, const struct url *url);

#endif
