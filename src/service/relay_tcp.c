/*
 * The relay's connections: for each caller one of our own to the other side ("upstream"), and bytes both ways.
 *
 * Each direction is a flow. Bytes go from the scratch buffer straight on; what the receiver has no room for is kept,
 * at most READ_SIZE of it, and the sender is not read until that is gone, so that his window closes as it would if he
 * talked to the receiver himself. A FIN is passed on behind the bytes before it (RFC 9293 3.6: the other direction
 * goes on); when both have been, the connection is done. Everything else that ends it is a reset on both sides: a FIN
 * would tell the other one that he has got everything.
 */
#include "client/dial.h"
#include "service/relay.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_SIZE ((size_t)64 * 1024)

struct dialing {
	struct dial dial;
	struct relay_conn *owner;
};

/* Why a connection ended, for the log. One line of it must not need quoting: no names that others have chosen. */
struct why {
	char text[256];
};

static int pending_error(struct pb_socket *s)
{
	int err = 0;
	socklen_t len = sizeof err;
	int rc = pb_getsockopt(s, SOL_SOCKET, SO_ERROR, &err, &len);

	return rc < 0 ? rc : -err;
}

static void reset_on_close(struct pb_socket *s)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	pb_setsockopt(s, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* The socket on the side that a flow comes from broke. Always false: the connection is gone. */
static bool broken(struct relay_conn *r, bool upstream, ssize_t err)
{
	struct why why;

	snprintf(why.text, sizeof why.text, "%s%s", upstream ? "upstream: " : "", strerror((int)-err));
	conn_reset(&r->conn, why.text);
	return false;
}

/* Flows -------------------------------------------------------------------------------------------------------- */

static ssize_t progress(struct relay_conn *r, ssize_t n)
{
	if (n > 0)
		conn_set_idle(&r->conn, r->conn.idle);
	return n;
}

static ssize_t receive(struct relay_conn *r, const struct flow *f, void *buf, size_t len)
{
	return f == &r->out ? conn_recv(&r->conn, buf, len)
			    : progress(r, pb_recv(r->upstream.socket, buf, len, 0));
}

/* As a send, but no room is 0 bytes taken. */
static ssize_t deliver(struct relay_conn *r, const struct flow *f, const void *buf, size_t len)
{
	ssize_t n = f == &r->back ? conn_send(&r->conn, buf, len)
				  : progress(r, pb_send(r->upstream.socket, buf, len, 0));

	return n == -EAGAIN ? 0 : n;
}

static bool keep(struct relay_conn *r, struct flow *f, const uint8_t *bytes, size_t len)
{
	f->kept = malloc(len);
	if (!f->kept) {
		conn_reset(&r->conn, "out of memory");
		return false;
	}
	memcpy(f->kept, bytes, len);
	f->len = len;
	f->sent = 0;
	return true;
}

/* The sender has closed his side. False: so have both now, and the connection is gone. */
static bool pass_end(struct relay_conn *r, struct flow *f)
{
	int rc = pb_shutdown(f == &r->out ? r->upstream.socket : r->conn.watch.socket, SHUT_WR);

	if (rc < 0)
		return broken(r, f == &r->out, rc);
	f->ended = true;
	if (!r->out.ended || !r->back.ended)
		return true;
	conn_close(&r->conn, "done");
	return false;
}

/* Take what a flow's sender has, once, and pass it on. False: the connection is gone. */
static bool pass(struct relay_conn *r, struct flow *f)
{
	uint8_t *buffer = service_scratch(r->conn.service);
	ssize_t n = receive(r, f, buffer, READ_SIZE);

	if (n == -EAGAIN)
		return true;
	if (n < 0)
		return broken(r, f == &r->back, n);
	if (n == 0)
		return pass_end(r, f);
	ssize_t sent = deliver(r, f, buffer, (size_t)n);
	if (sent < 0)
		return broken(r, f == &r->out, sent);
	return sent == n || keep(r, f, buffer + sent, (size_t)(n - sent));
}

/* Pass on what was kept. False: the connection is gone. */
static bool pass_kept(struct relay_conn *r, struct flow *f)
{
	ssize_t n = deliver(r, f, f->kept + f->sent, f->len - f->sent);

	if (n < 0)
		return broken(r, f == &r->out, n);
	f->sent += (size_t)n;
	if (f->sent == f->len) {
		free(f->kept);
		f->kept = NULL;
	}
	return true;
}

static bool may_take(const struct flow *f)
{
	return !f->kept && !f->ended;
}

static void set_wants(struct relay_conn *r)
{
	conn_want(&r->conn, (may_take(&r->out) ? POLLIN : 0) | (r->back.kept ? POLLOUT : 0));
	pb_watch_want(&r->upstream, (may_take(&r->back) ? POLLIN : 0) | (r->out.kept ? POLLOUT : 0));
}

/* Something is there on a socket: the flow from comes out of it, the flow to goes into it. */
static void act(struct relay_conn *r, int ready, struct flow *from, struct flow *to)
{
	bool upstream = from == &r->back;

	if (ready & POLLOUT && to->kept && !pass_kept(r, to))
		return;
	if (may_take(from)) {
		/* An error stands behind the bytes that came before it: reading meets it in its turn. */
		if (ready & (POLLIN | POLLERR) && !pass(r, from))
			return;
	} else if (ready & POLLERR) {
		int err = pending_error(upstream ? r->upstream.socket : r->conn.watch.socket);
		if (err < 0) {
			broken(r, upstream, err);
			return;
		}
	}
	set_wants(r);
}

static void on_upstream(struct pb_watch *w, int ready)
{
	struct relay_conn *r = container_of(w, struct relay_conn, upstream);

	act(r, ready, &r->back, &r->out);
}

/* Dialing ------------------------------------------------------------------------------------------------------ */

static void fail_dialing(struct relay_conn *r, const struct dial *d)
{
	char addr[PB_ADDR_TEXT];
	struct why why;

	if (d->count)
		snprintf(why.text, sizeof why.text, "upstream %s: %s", pb_addr_text(&d->peer, addr), d->why);
	else
		snprintf(why.text, sizeof why.text, "upstream: %s", d->why);
	conn_reset(&r->conn, why.text);
}

/* On failure closed() closes the socket: the watch has it. */
static void begin(struct relay_conn *r, struct pb_socket *s)
{
	struct relay *relay = r->conn.service->config;
	const int on = 1;

	pb_setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* what is small was meant to be sent */
	int rc = pb_watch_socket(relay->loop, &r->upstream, s, POLLIN, on_upstream);
	if (rc < 0) {
		broken(r, true, rc);
		return;
	}
	conn_set_idle(&r->conn, r->conn.service->idle);
	set_wants(r);
}

static void on_dialed(struct dial *d, int err, struct pb_socket *s)
{
	struct dialing *dialing = container_of(d, struct dialing, dial);
	struct relay_conn *r = dialing->owner;

	r->dialing = NULL;
	if (err)
		fail_dialing(r, d);
	else
		begin(r, s);
	free(dialing);
}

static const char *forbid(struct dial *d, const union pb_addr *addr)
{
	const struct relay_conn *r = container_of(d, struct dialing, dial)->owner;

	return relay_forbids(r->conn.service, d->type, addr);
}

static bool start_dialing(struct relay_conn *r)
{
	const struct relay *relay = r->conn.service->config;
	struct dialing *dialing = calloc(1, sizeof *dialing);

	if (!dialing)
		return false;
	dialing->owner = r;
	dialing->dial = (struct dial){ .loop = relay->loop,
				       .net = pb_socket_net(r->conn.watch.socket),
				       .resolver = relay->resolver,
				       .type = SOCK_STREAM,
				       .family = AF_UNSPEC,
				       .timeout = relay->connect_time,
				       .forbid = forbid,
				       .fn = on_dialed };
	if (dial_start(&dialing->dial, relay->host, relay->port) < 0) {
		free(dialing);
		return false;
	}
	r->dialing = dialing;
	return true;
}

/* The calls of service_kind ------------------------------------------------------------------------------------ */

/* Nothing is read from the caller before there is somebody to pass it to. Dialing has a time-out of its own. */
void relay_conn_accepted(struct conn *c)
{
	struct relay_conn *r = (struct relay_conn *)c;

	conn_want(c, 0);
	conn_set_idle(c, PB_NEVER);
	if (!start_dialing(r))
		conn_reset(c, "out of memory");
}

void relay_conn_ready(struct conn *c, int ready)
{
	struct relay_conn *r = (struct relay_conn *)c;

	if (!r->dialing) {
		act(r, ready, &r->out, &r->back);
		return;
	}
	int err = pending_error(c->watch.socket);
	if (err < 0)
		conn_fail(c, err);
}

/*
 * Nobody but the two sides knows what is in flight: they may go on, and who is being dialed may still answer, until
 * they are done or the grace time is over.
 */
void relay_conn_drain(struct conn *c)
{
	(void)c;
}

void relay_conn_idle(struct conn *c)
{
	conn_reset(c, "idle");
}

void relay_conn_closed(struct conn *c)
{
	struct relay_conn *r = (struct relay_conn *)c;

	if (r->dialing) {
		dial_cancel(&r->dialing->dial);
		free(r->dialing);
	}
	if (r->upstream.socket) {
		if (!r->out.ended || !r->back.ended)
			reset_on_close(r->upstream.socket);
		pb_watch_close(&r->upstream);
	}
	free(r->out.kept);
	free(r->back.kept);
}
