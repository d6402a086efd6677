/*
 * The life of a transfer, each step one function:
 *
 *     begin ──▶ dial ──▶ connected ──▶ handshake ──▶ send ──▶ receive ──▶ finish ──▶ done
 *       │  a kept connection: straight to send          ▲         │
 *       ◀───────────────────── redirect ◀───────────────┴─────────┘
 *
 * - The connect time runs from begin to the end of the handshake.
 * - The idle time runs from there; each byte that comes starts it again.
 */
#include "client/http_client.h"

#include "base/timers.h"
#include "client/http_conn.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	READ_SIZE = 64 * 1024,
	READS_A_TURN = 16,             /* then the other transfers have their turn */
	REDIRECT_BODY_MAX = 64 * 1024, /* a longer one is not worth reading to save a connection */
};

static void begin(struct http_transfer *t, bool anew);

void http_client_init(struct http_client *c, const struct http_config *config)
{
	*c = (struct http_client){ .config = *config };
	list_init(&c->kept);
}

void http_client_free(struct http_client *c)
{
	while (!list_empty(&c->kept))
		http_conn_free(container_of(c->kept.next, struct http_conn, link), true);
	tls_config_free(c->tls);
}

static void step(struct http_transfer *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void step(struct http_transfer *t, const char *format, ...)
{
	char text[URL_TEXT + 256];
	va_list args;

	if (!t->events->step)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	t->events->step(t, text);
}

/* Let go of everything but the result. */
static void clear(struct http_transfer *t)
{
	if (t->dialing)
		dial_cancel(&t->dial);
	t->dialing = false;
	if (t->conn)
		http_conn_free(t->conn, false);
	t->conn = NULL;
	pb_timer_stop(t->client->config.loop, &t->timer);
	pb_timer_stop(t->client->config.loop, &t->again);
}

static void fail(struct http_transfer *t, enum http_failure failure, int err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void fail(struct http_transfer *t, enum http_failure failure, int err, const char *format, ...)
{
	va_list args;

	t->failure = failure;
	t->err = err;
	va_start(args, format);
	vsnprintf(t->error, sizeof t->error, format, args);
	va_end(args);
	clear(t);
	t->events->done(t);
}

static void restart_idle(struct http_transfer *t)
{
	struct pb_loop *loop = t->client->config.loop;
	pb_time idle = t->client->config.idle_timeout;

	if (idle != PB_NEVER)
		pb_timer_set(loop, &t->timer, pb_loop_now(loop) + idle);
}

/* An owner that blocks (on a slow pipe) makes time pass that is not the server's fault: look before judging. */
static void on_timeout(struct pb_timer *timer)
{
	struct http_transfer *t = container_of(timer, struct http_transfer, timer);
	const struct http_config *c = &t->client->config;
	bool waiting = t->conn && !pb_timer_armed(&t->again) && t->request_at == t->request_len;

	if (waiting && pb_ready(t->conn->stream.socket) & POLLIN)
		restart_idle(t);
	else if (t->request_len == 0)
		fail(t, HTTP_FAIL_SYSTEM, -ETIMEDOUT, "no connection within %g seconds",
		     (double)c->connect_timeout / 1e9);
	else
		fail(t, HTTP_FAIL_SYSTEM, -ETIMEDOUT, "nothing came for %g seconds",
		     (double)c->idle_timeout / 1e9);
}

/* RFC 7617 2 */
static int put_authorization(const struct http_transfer *t, char *buf, size_t size)
{
	unsigned char code[URL_USER_MAX * 4 / 3 + 8];

	if (!t->url.user[0])
		return 0;
	EVP_EncodeBlock(code, (const unsigned char *)t->url.user, (int)strlen(t->url.user));
	return snprintf(buf, size, "Authorization: Basic %s\r\n", code);
}

/* User and target are bounded, so the request fits by construction. */
static void write_request(struct http_transfer *t)
{
	char host[URL_AUTHORITY_TEXT];
	int n = snprintf(t->request, sizeof t->request,
			 "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: packetboat/" PACKETBOAT_VERSION
			 "\r\nAccept: */*\r\n",
			 t->head_only ? "HEAD" : "GET", t->url.target, url_authority(&t->url, host));

	n += put_authorization(t, t->request + n, sizeof t->request - (size_t)n);
	n += snprintf(t->request + n, sizeof t->request - (size_t)n, "\r\n");
	assert((size_t)n < sizeof t->request);
	t->request_len = (size_t)n;
	t->request_at = 0;
	t->received = 0;
}

/* The connection is over before it should be. One that was kept may have ended before our request came: dial anew. */
static void broken(struct http_transfer *t, int err)
{
	if (t->reused && t->received == 0) {
		step(t, "the kept connection has ended: dialing again");
		clear(t);
		begin(t, true);
		return;
	}
	if (err == -EKEYREJECTED)
		fail(t, HTTP_FAIL_TLS, err, "%s", tls_error(t->conn->stream.tls));
	else if (t->reply.status)
		fail(t, HTTP_FAIL_SYSTEM, err, "%s after %" PRIu64 " bytes of the body", strerror(-err),
		     t->reply.got);
	else
		fail(t, HTTP_FAIL_SYSTEM, err, "%s", strerror(-err));
}

/* Where a redirect leads. False: the transfer has failed. */
static bool follow(struct http_transfer *t, struct url *to)
{
	struct url_error why;
	char text[URL_TEXT];

	if (t->redirects == HTTP_REDIRECTS_MAX) {
		fail(t, HTTP_FAIL_REFUSED, 0, "more than %d redirects", HTTP_REDIRECTS_MAX);
		return false;
	}
	if (t->reply.location_ambiguous || !url_resolve(to, &t->url, t->reply.location, &why)) {
		fail(t, HTTP_FAIL_PROTOCOL, 0, "%d leads to a wrong URL: %s", t->reply.status,
		     t->reply.location_ambiguous ? "too long, or two different ones" : why.text);
		return false;
	}
	if (t->url.https && !to->https) {
		fail(t, HTTP_FAIL_REFUSED, 0,
		     "redirected from https to %.400s, without encryption; get that URL if you mean it",
		     url_text(to, text));
		return false;
	}
	if (url_same_origin(to, &t->url) && !to->user[0])
		memcpy(to->user, t->url.user, sizeof to->user);
	return true;
}

/* The response is over. Keep the connection if it can carry another request, then go on or tell the owner. */
static void finish(struct http_transfer *t, bool keep)
{
	struct url to;

	if (keep) {
		http_conn_keep(t->client, t->conn);
		t->conn = NULL;
	} else if (t->conn) {
		http_conn_free(t->conn, true);
		t->conn = NULL;
	}
	clear(t);
	if (!t->redirect) {
		t->events->done(t);
		return;
	}
	if (!follow(t, &to))
		return;
	char text[URL_TEXT];
	step(t, "redirected to %s", url_text(&to, text));
	t->url = to;
	t->redirects++;
	begin(t, false);
}

static bool leads_elsewhere(const struct reply *r)
{
	switch (r->status) {
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		return r->location[0] || r->location_ambiguous;
	default:
		return false;
	}
}

static int on_head(struct reply *r)
{
	struct http_transfer *t = container_of(r, struct http_transfer, reply);

	step(t, "HTTP/%d.%d %d %s", r->parser.http_major, r->parser.http_minor, r->status, r->reason);
	t->redirect = leads_elsewhere(r);
	if (!t->redirect)
		return t->events->head ? t->events->head(t) : 0;
	return r->until_close || r->length > REDIRECT_BODY_MAX ? -ECANCELED : 0;
}

static int on_body(struct reply *r, const char *data, size_t len)
{
	struct http_transfer *t = container_of(r, struct http_transfer, reply);

	if (t->redirect)
		return r->got > REDIRECT_BODY_MAX ? -ECANCELED : 0;
	return t->events->body ? t->events->body(t, data, len) : 0;
}

static int on_field(struct reply *r, const char *name, const char *value)
{
	struct http_transfer *t = container_of(r, struct http_transfer, reply);

	return t->events->field ? t->events->field(t, name, value) : 0;
}

static const struct reply_events reply_events = { .head = on_head, .body = on_body, .field = on_field };

/* What the reading has come to. True: go on reading. */
static bool judge(struct http_transfer *t, enum reply_state state, bool more_came)
{
	switch (state) {
	case REPLY_PARTIAL:
		return true;
	case REPLY_WHOLE:
		finish(t, t->reply.keep_alive && !more_came);
		return false;
	case REPLY_STOPPED:
		if (t->redirect)
			finish(t, false);
		else
			fail(t, HTTP_FAIL_SYSTEM, t->reply.err, "%s", strerror(-t->reply.err));
		return false;
	case REPLY_BAD:
		fail(t, HTTP_FAIL_PROTOCOL, 0, "%s", t->reply.error);
		return false;
	}
	abort();
}

/* The peer has closed its side. */
static void ended(struct http_transfer *t)
{
	if (t->reused && t->received == 0)
		broken(t, -ECONNRESET);
	else if (t->reply.status && t->reply.until_close && stream_truncated(&t->conn->stream))
		fail(t, HTTP_FAIL_TLS, 0,
		     "the connection was cut off after %" PRIu64 " bytes: the rest may be missing",
		     t->reply.got);
	else
		judge(t, reply_end(&t->reply), false);
}

static void receive(struct http_transfer *t)
{
	static char data[READ_SIZE]; /* used within this call only */
	size_t used;

	for (int i = 0; i < READS_A_TURN; i++) {
		ssize_t n = stream_recv(&t->conn->stream, data, sizeof data);
		if (n == -EAGAIN) {
			pb_watch_want(&t->conn->watch, t->conn->stream.wants);
			return;
		}
		if (n == 0) {
			ended(t);
			return;
		}
		if (n < 0) {
			broken(t, (int)n);
			return;
		}
		t->received += (size_t)n;
		restart_idle(t);
		enum reply_state state = reply_read(&t->reply, data, (size_t)n, &used);
		if (!judge(t, state, used < (size_t)n))
			return;
	}
	/* TLS may hold bytes that the socket does not know of any more, so it can't be left to the watch. */
	pb_watch_want(&t->conn->watch, 0);
	pb_timer_set(t->client->config.loop, &t->again, pb_loop_now(t->client->config.loop));
}

static void on_again(struct pb_timer *timer)
{
	receive(container_of(timer, struct http_transfer, again));
}

/* The request, then the answer; a server may answer, and close, before it has read all. */
static void talk(struct http_transfer *t)
{
	while (t->request_at < t->request_len) {
		ssize_t n = stream_send(&t->conn->stream, t->request + t->request_at,
					t->request_len - t->request_at);
		if (n == -EAGAIN) {
			pb_watch_want(&t->conn->watch, t->conn->stream.wants);
			return;
		}
		if (n < 0) {
			broken(t, (int)n);
			return;
		}
		t->request_at += (size_t)n;
	}
	receive(t);
}

static void handshake(struct http_transfer *t)
{
	char text[128];
	int err = stream_handshake(&t->conn->stream);

	if (err == -EAGAIN) {
		pb_watch_want(&t->conn->watch, t->conn->stream.wants);
		return;
	}
	if (err) {
		broken(t, err);
		return;
	}
	if (t->conn->stream.tls && !t->reused)
		step(t, "TLS: %s%s", tls_describe(t->conn->stream.tls, text, sizeof text),
		     t->client->config.insecure ? ", and a certificate that nobody checked"
						: ", certificate accepted");
	pb_timer_stop(t->client->config.loop, &t->timer);
	restart_idle(t);
	write_request(t);
	talk(t);
}

static void on_ready(struct pb_watch *w, int ready)
{
	struct http_transfer *t = container_of(w, struct http_conn, watch)->transfer;

	(void)ready; /* the calls find out */
	if (pb_timer_armed(&t->again))
		return;
	if (t->request_len == 0)
		handshake(t);
	else
		talk(t);
}

/* Put the connection to work. */
static void use(struct http_transfer *t, struct http_conn *conn)
{
	int err;

	t->conn = conn;
	conn->transfer = t;
	err = pb_watch_socket(t->client->config.loop, &conn->watch, conn->stream.socket, POLLOUT, on_ready);
	if (err < 0)
		fail(t, HTTP_FAIL_SYSTEM, err, "%s", strerror(-err));
}

static void on_dial_step(struct dial *d, const char *text)
{
	step(container_of(d, struct http_transfer, dial), "%s", text);
}

static void on_dialed(struct dial *d, int err, struct pb_socket *socket)
{
	struct http_transfer *t = container_of(d, struct http_transfer, dial);
	struct http_conn *conn;

	t->dialing = false;
	if (err) {
		fail(t, err == -ENXIO ? HTTP_FAIL_NAME : HTTP_FAIL_SYSTEM, err, "%s", d->why);
		return;
	}
	conn = http_conn_new(t, socket);
	if (conn) {
		use(t, conn);
		return;
	}
	clear(t);
	t->events->done(t);
}

/* Ask t->url, over a kept connection or a new one (anew: in any case). */
static void begin(struct http_transfer *t, bool anew)
{
	const struct http_config *c = &t->client->config;
	struct http_conn *conn;

	t->redirect = false;
	t->request_at = t->request_len = t->received = 0;
	reply_init(&t->reply, &reply_events, t->head_only);
	conn = anew ? NULL : http_conn_take(t->client, &t->url);
	t->reused = conn != NULL;
	pb_timer_set(c->loop, &t->timer, pb_loop_now(c->loop) + c->connect_timeout);
	if (conn) {
		step(t, "using the connection that is there");
		use(t, conn);
		return;
	}
	t->dialing = true;
	t->dial = (struct dial){ .loop = c->loop,
				 .net = c->net,
				 .resolver = c->resolver,
				 .type = SOCK_STREAM,
				 .family = c->family,
				 .timeout = c->connect_timeout,
				 .local = c->local,
				 .fn = on_dialed,
				 .step = on_dial_step };
	int err = dial_start(&t->dial, t->url.host, t->url.port);
	if (err < 0)
		fail(t, HTTP_FAIL_SYSTEM, err, "%s", strerror(-err));
}

static void on_begin(struct pb_timer *timer)
{
	struct http_transfer *t = container_of(timer, struct http_transfer, again);

	timer->fn = on_again;
	begin(t, false);
}

void http_start(struct http_transfer *t, struct http_client *c, const struct url *url, bool head_only,
		const struct http_events *events)
{
	memset(t, 0, sizeof *t);
	t->client = c;
	t->events = events;
	t->url = *url;
	t->head_only = head_only;
	t->timer.fn = on_timeout;
	t->again.fn = on_begin;
	pb_timer_set(c->config.loop, &t->again, pb_loop_now(c->config.loop));
}

void http_cancel(struct http_transfer *t)
{
	clear(t);
}
