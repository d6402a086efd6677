#include "client/dial.h"

#include "base/list.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ATTEMPT_MIN PB_SEC(1) /* an address's share of the time is no shorter than this */

static void step(struct dial *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void step(struct dial *d, const char *format, ...)
{
	char text[256];
	va_list args;

	if (!d->step)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	d->step(d, text);
}

static void try_next(struct dial *d);

/* Leave the attempt that is under way, if any. */
static void drop_attempt(struct dial *d)
{
	pb_timer_stop(d->loop, &d->timer);
	pb_watch_stop(&d->watch);
	pb_close(d->socket);
	d->socket = NULL;
}

static void finish(struct dial *d, int err)
{
	struct pb_socket *s = d->socket;

	pb_timer_stop(d->loop, &d->timer);
	pb_watch_stop(&d->watch);
	d->socket = NULL;
	d->fn(d, err, err ? NULL : s);
}

static void on_finish_due(struct pb_timer *t)
{
	struct dial *d = container_of(t, struct dial, timer);

	finish(d, d->err);
}

/* fn is called in a turn of its own, so that nobody is called back from inside his own call. */
static void finish_soon(struct dial *d, int err)
{
	d->err = err;
	d->timer.fn = on_finish_due;
	pb_timer_set(d->loop, &d->timer, pb_loop_now(d->loop));
}

static void fail_attempt(struct dial *d, int err, const char *why)
{
	char text[PB_ADDR_TEXT];

	d->err = err;
	snprintf(d->why, sizeof d->why, "%s", why);
	step(d, "%s: %s", pb_addr_text(&d->peer, text), d->why);
	drop_attempt(d);
	try_next(d);
}

static void on_attempt_late(struct pb_timer *t)
{
	fail_attempt(container_of(t, struct dial, timer), -ETIMEDOUT, strerror(ETIMEDOUT));
}

static void succeed(struct dial *d)
{
	char peer[PB_ADDR_TEXT], local[PB_ADDR_TEXT];
	union pb_addr addr = { 0 };
	socklen_t len = sizeof addr;

	if (d->step && pb_getsockname(d->socket, &addr.sa, &len) == 0)
		step(d, "connected %s -> %s", pb_addr_text(&addr, local), pb_addr_text(&d->peer, peer));
	finish_soon(d, 0);
}

static void on_connected(struct pb_watch *w, int ready)
{
	struct dial *d = container_of(w, struct dial, watch);
	int err = 0;
	socklen_t len = sizeof err;

	(void)ready;
	int rc = pb_getsockopt(d->socket, SOL_SOCKET, SO_ERROR, &err, &len);
	pb_watch_stop(w);
	err = rc < 0 ? -rc : err;
	if (err)
		fail_attempt(d, -err, strerror(err));
	else
		succeed(d);
}

/* How long this address may take: an equal share of what is left. */
static pb_time attempt_time(const struct dial *d)
{
	pb_time left = d->deadline - pb_loop_now(d->loop), share = left / (pb_time)(d->count - d->next + 1);

	return share > ATTEMPT_MIN ? share : left < ATTEMPT_MIN ? left : ATTEMPT_MIN;
}

static void tell_port(struct dial *d)
{
	union pb_addr addr = { 0 };
	socklen_t len = sizeof addr;

	if (d->step && pb_getsockname(d->socket, &addr.sa, &len) == 0)
		step(d, "the %s is %u", d->local.sa.sa_family ? "port bound to" : "ephemeral port chosen",
		     pb_addr_port(&addr));
}

/* Begin with the present address. 0: connected; -EINPROGRESS: watched; other: failed. */
static int begin_attempt(struct dial *d)
{
	char text[PB_ADDR_TEXT];
	int rc = pb_socket_open(d->net, d->peer.sa.sa_family, d->type, 0, &d->socket);

	if (rc < 0)
		return rc;
	step(d, "connecting to %s/%s", pb_addr_text(&d->peer, text), d->type == SOCK_STREAM ? "tcp" : "udp");
	if (d->local.sa.sa_family)
		rc = pb_bind(d->socket, &d->local.sa, pb_addr_len(&d->local));
	if (rc == 0)
		rc = pb_connect(d->socket, &d->peer.sa, pb_addr_len(&d->peer));
	if (rc == 0 || rc == -EINPROGRESS)
		tell_port(d);
	if (rc != -EINPROGRESS)
		return rc;
	int watched = pb_watch_socket(d->loop, &d->watch, d->socket, POLLOUT, on_connected);
	return watched < 0 ? watched : rc;
}

static void try_next(struct dial *d)
{
	int rc;

	if (d->next == d->count || (d->deadline != PB_NEVER && pb_loop_now(d->loop) >= d->deadline)) {
		finish_soon(d, d->err);
		return;
	}
	d->peer = d->addrs[d->next++];
	pb_addr_set_port(&d->peer, d->port);
	const char *forbidden = d->forbid ? d->forbid(d, &d->peer) : NULL;
	rc = forbidden ? -EPERM : begin_attempt(d);
	if (rc == 0) {
		succeed(d);
	} else if (rc != -EINPROGRESS) {
		fail_attempt(d, rc, forbidden ? forbidden : strerror(-rc));
	} else if (d->deadline != PB_NEVER) {
		d->timer.fn = on_attempt_late;
		pb_timer_set(d->loop, &d->timer, pb_loop_now(d->loop) + attempt_time(d));
	}
}

static void on_resolved(void *arg, int err, const char *why, const union pb_addr *addrs, size_t count)
{
	struct dial *d = arg;
	char text[PB_ADDR_TEXT];

	d->query = NULL;
	if (err) {
		snprintf(d->why, sizeof d->why, "%s", why);
		step(d, "name lookup failed: %s", why);
		finish_soon(d, err);
		return;
	}
	d->count = count;
	memcpy(d->addrs, addrs, count * sizeof *addrs);
	for (size_t i = 0; i < count; i++)
		step(d, "has address %s", pb_addr_host(&addrs[i], text));
	try_next(d);
}

static void start_clock(struct dial *d)
{
	d->deadline = d->timeout == PB_NEVER ? PB_NEVER : pb_loop_now(d->loop) + d->timeout;
}

bool dial_next(struct dial *d)
{
	if (d->next == d->count)
		return false;
	start_clock(d);
	try_next(d);
	return true;
}

int dial_start(struct dial *d, const char *host, uint16_t port)
{
	d->port = port;
	d->next = d->count = 0;
	d->err = -ENXIO;
	d->why[0] = '\0';
	d->socket = NULL;
	d->watch = (struct pb_watch){ 0 };
	d->timer = (struct pb_timer){ 0 };
	start_clock(d);
	step(d, "looking up %s", host);
	d->query = resolver_lookup(d->resolver, host, d->family, d->timeout, on_resolved, d);
	return d->query ? 0 : -ENOMEM;
}

void dial_cancel(struct dial *d)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (d->socket)
		pb_setsockopt(d->socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	if (d->query)
		resolver_cancel(d->query);
	d->query = NULL;
	drop_attempt(d);
}
