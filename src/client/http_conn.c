#include "client/http_conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct tls_config *tls_of(struct http_transfer *t)
{
	struct http_client *c = t->client;

	if (!c->tls) {
		c->tls = tls_config_new(c->config.ca_file, c->config.insecure, t->error);
		t->failure = HTTP_FAIL_TLS;
	}
	return c->tls;
}

struct http_conn *http_conn_new(struct http_transfer *t, struct pb_socket *socket)
{
	struct http_conn *conn = NULL;
	struct tls_config *tls = NULL;

	if (t->url.https && !(tls = tls_of(t)))
		goto fail;
	t->failure = HTTP_FAIL_SYSTEM;
	t->err = -ENOMEM;
	snprintf(t->error, sizeof t->error, "out of memory");
	conn = calloc(1, sizeof *conn);
	if (!conn || stream_init(&conn->stream, socket, tls, t->url.host) < 0)
		goto fail;
	conn->transfer = t;
	conn->origin = t->url;
	t->failure = HTTP_FINE;
	t->err = 0;
	t->error[0] = '\0';
	return conn;
fail:
	free(conn);
	pb_close(socket);
	return NULL;
}

void http_conn_free(struct http_conn *conn, bool polite)
{
	struct pb_socket *socket = conn->stream.socket;

	list_remove(&conn->link);
	stream_end(&conn->stream, polite);
	pb_watch_stop(&conn->watch);
	pb_close(socket);
	free(conn);
}

void http_conn_keep(struct http_client *c, struct http_conn *conn)
{
	conn->transfer = NULL;
	pb_watch_stop(&conn->watch);
	list_push(&c->kept, &conn->link);
	if (++c->kept_count > HTTP_KEPT_MAX) {
		http_conn_free(container_of(c->kept.next, struct http_conn, link), true);
		c->kept_count--;
	}
}

struct http_conn *http_conn_take(struct http_client *c, const struct url *url)
{
	char byte;

	list_each_safe (l, &c->kept) {
		struct http_conn *conn = container_of(l, struct http_conn, link);
		if (!url_same_origin(&conn->origin, url))
			continue;
		list_remove(l);
		c->kept_count--;
		/* Nothing may have come since: an end, or bytes that nobody asked for, make it useless. */
		if (stream_recv(&conn->stream, &byte, 1) == -EAGAIN)
			return conn;
		http_conn_free(conn, false);
	}
	return NULL;
}
