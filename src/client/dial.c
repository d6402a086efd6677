#include "client/dial.h"

#include "base/list.h"
#include "client/address_order.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ATTEMPT_DELAY    PB_MSEC(250) /* RFC 8305 §5, Connection Attempt Delay: then the next one joins in */
#define RESOLUTION_DELAY PB_MSEC(50)  /* §3: so long IPv4's addresses wait for IPv6's */

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

static void drop_attempt(struct dial_attempt *a)
{
	pb_watch_stop(&a->watch);
	pb_close(a->socket);
	a->socket = NULL;
}

static void stop_looking(struct dial *d)
{
	for (size_t i = 0; i < 2; i++) {
		if (d->lookups[i].query)
			resolver_cancel(d->lookups[i].query);
		d->lookups[i].query = NULL;
	}
}

static bool is_looking(const struct dial *d)
{
	return d->lookups[0].query || d->lookups[1].query;
}

static void drop_all(struct dial *d)
{
	stop_looking(d);
	for (size_t i = 0; i < d->count; i++)
		drop_attempt(&d->attempts[i]);
	pb_timer_stop(d->loop, &d->timer);
}

static bool is_trying(const struct dial *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->attempts[i].socket)
			return true;
	return false;
}

static void on_finish_due(struct pb_timer *t)
{
	struct dial *d = container_of(t, struct dial, timer);
	struct pb_socket *s = d->socket;

	d->socket = NULL;
	d->fn(d, d->err, s);
}

/* fn is called in a turn of its own, so that nobody is called back from inside his own call. */
static void finish_soon(struct dial *d, int err)
{
	d->err = err;
	d->timer.fn = on_finish_due;
	pb_timer_set(d->loop, &d->timer, pb_loop_now(d->loop));
}

static void note_failure(struct dial *d, const union pb_addr *peer, int err, const char *why)
{
	char text[PB_ADDR_TEXT];

	d->err = err;
	snprintf(d->why, sizeof d->why, "%s", why);
	step(d, "%s: %s", pb_addr_text(peer, text), d->why);
}

static const char *why_not(const struct dial *d, int err)
{
	return d->sign_key ? sign_key_error(d->sign_key, err) : strerror(err);
}

/* The time for all of it is up. */
static void give_up(struct dial *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->attempts[i].socket)
			note_failure(d, &d->attempts[i].peer, -ETIMEDOUT, strerror(ETIMEDOUT));
	drop_all(d);
	finish_soon(d, d->err);
}

/* The first that answers is taken, and the others are left (RFC 8305 §5). */
static void succeed(struct dial *d, struct dial_attempt *a)
{
	char peer[PB_ADDR_TEXT], local[PB_ADDR_TEXT];
	union pb_addr addr = { 0 };
	socklen_t len = sizeof addr;

	d->socket = a->socket;
	d->peer = a->peer;
	pb_watch_stop(&a->watch);
	a->socket = NULL;
	drop_all(d);
	if (d->step && pb_getsockname(d->socket, &addr.sa, &len) == 0)
		step(d, "connected %s -> %s", pb_addr_text(&addr, local), pb_addr_text(&d->peer, peer));
	finish_soon(d, 0);
}

static void on_connected(struct pb_watch *w, int ready)
{
	struct dial_attempt *a = container_of(w, struct dial_attempt, watch);
	struct dial *d = a->dial;
	int err = 0;
	socklen_t len = sizeof err;

	(void)ready;
	int rc = pb_getsockopt(a->socket, SOL_SOCKET, SO_ERROR, &err, &len);
	err = rc < 0 ? -rc : err;
	if (!err) {
		succeed(d, a);
		return;
	}
	note_failure(d, &a->peer, -err, strerror(err));
	drop_attempt(a);
	try_next(d);
}

static void tell_port(struct dial *d, struct pb_socket *s)
{
	union pb_addr addr = { 0 };
	socklen_t len = sizeof addr;

	if (d->step && pb_getsockname(s, &addr.sa, &len) == 0)
		step(d, "the %s is %u", d->local.sa.sa_family ? "port bound to" : "ephemeral port chosen",
		     pb_addr_port(&addr));
}

/* Begin with an address. 0: connected; -EINPROGRESS: watched; other: failed. */
static int begin_attempt(struct dial *d, struct dial_attempt *a)
{
	char text[PB_ADDR_TEXT];
	int rc = pb_socket_open(d->net, a->peer.sa.sa_family, d->type, 0, &a->socket);

	if (rc < 0)
		return rc;
	step(d, "connecting to %s/%s", pb_addr_text(&a->peer, text), d->type == SOCK_STREAM ? "tcp" : "udp");
	if (d->sign_key)
		rc = sign_key_use(d->sign_key, a->socket, &a->peer);
	if (rc == 0 && d->local.sa.sa_family)
		rc = pb_bind(a->socket, &d->local.sa, pb_addr_len(&d->local));
	if (rc == 0)
		rc = pb_connect(a->socket, &a->peer.sa, pb_addr_len(&a->peer));
	if (rc == 0 || rc == -EINPROGRESS)
		tell_port(d, a->socket);
	if (rc != -EINPROGRESS)
		return rc;
	int watched = pb_watch_socket(d->loop, &a->watch, a->socket, POLLOUT, on_connected);
	return watched < 0 ? watched : rc;
}

static void on_time(struct pb_timer *t)
{
	struct dial *d = container_of(t, struct dial, timer);

	if (d->deadline != PB_NEVER && pb_loop_now(d->loop) >= d->deadline)
		give_up(d);
	else
		try_next(d);
}

/* While one is tried: until the next joins in, or, where there is none, until the time is up. */
static void wait_on(struct dial *d)
{
	pb_time due = d->next < d->count ? d->tried_at + ATTEMPT_DELAY : PB_NEVER;

	if (d->deadline < due)
		due = d->deadline;
	d->timer.fn = on_time;
	if (due == PB_NEVER)
		pb_timer_stop(d->loop, &d->timer);
	else
		pb_timer_set(d->loop, &d->timer, due);
}

/* Whether an attempt at the next address is under way or has succeeded. */
static bool try_one(struct dial *d)
{
	struct dial_attempt *a = &d->attempts[d->next];

	*a = (struct dial_attempt){ .dial = d, .peer = d->addrs[d->next] };
	d->next++;
	d->tried_at = pb_loop_now(d->loop);
	pb_addr_set_port(&a->peer, d->port);
	const char *forbidden = d->forbid ? d->forbid(d, &a->peer) : NULL;
	int rc = forbidden ? -EPERM : begin_attempt(d, a);
	if (rc == 0) {
		succeed(d, a);
	} else if (rc == -EINPROGRESS) {
		wait_on(d);
	} else {
		note_failure(d, &a->peer, rc, forbidden ? forbidden : why_not(d, -rc));
		drop_attempt(a);
	}
	return rc == 0 || rc == -EINPROGRESS;
}

static void try_next(struct dial *d)
{
	while (d->next < d->count)
		if (try_one(d))
			return;
	if (is_trying(d) || is_looking(d))
		wait_on(d);
	else
		finish_soon(d, d->err);
}

/* RFC 8305 §4: the families by turns, beginning with one; in each the order stays. */
static void interleave(union pb_addr *to, const union pb_addr *addrs, size_t count, int family)
{
	size_t at[2] = { 0, 0 };

	for (size_t n = 0; n < count; n++) {
		int turn = n % 2;
		for (int tries = 0; tries < 2; tries++, turn = !turn) {
			bool first = turn == 0;
			while (at[turn] < count && (addrs[at[turn]].sa.sa_family == family) != first)
				at[turn]++;
			if (at[turn] < count)
				break;
		}
		to[n] = addrs[at[turn]++];
	}
}

/* Those that are not tried yet, in the order in which they will be: after one of a family the other has its turn. */
static void arrange(struct dial *d)
{
	union pb_addr rest[RESOLVE_ADDRS_MAX];
	size_t count = d->count - d->next;

	if (!count)
		return;
	memcpy(rest, d->addrs + d->next, count * sizeof *rest);
	address_order(d->net, rest, count);
	int family = rest[0].sa.sa_family;
	if (d->next)
		family = d->addrs[d->next - 1].sa.sa_family == AF_INET6 ? AF_INET : AF_INET6;
	interleave(d->addrs + d->next, rest, count, family);
}

static void add_addresses(struct dial *d, const union pb_addr *addrs, size_t count)
{
	char text[PB_ADDR_TEXT];

	for (size_t i = 0; i < count && d->count < RESOLVE_ADDRS_MAX; i++) {
		step(d, "has address %s", pb_addr_host(&addrs[i], text));
		d->attempts[d->count] = (struct dial_attempt){ 0 };
		d->addrs[d->count++] = addrs[i];
	}
	arrange(d);
}

/* That a family has no address says less than why its addresses are not known. */
static void note_unknown(struct dial *d, int err, const char *why)
{
	if (d->count || (err == -ENXIO && d->why[0]))
		return;
	d->err = err;
	snprintf(d->why, sizeof d->why, "%s", why);
}

static void begin(struct dial *d)
{
	d->begun = true;
	try_next(d);
}

static void on_waited(struct pb_timer *t)
{
	begin(container_of(t, struct dial, timer));
}

/* Some addresses are known, of a family or of all: when to begin. */
static void begin_in_time(struct dial *d, int family)
{
	if (family != AF_INET || !is_looking(d)) {
		begin(d);
		return;
	}
	d->timer.fn = on_waited;
	pb_timer_set(d->loop, &d->timer, pb_loop_now(d->loop) + RESOLUTION_DELAY);
}

static void on_resolved(void *arg, int err, const char *why, const union pb_addr *addrs, size_t count)
{
	struct dial_lookup *l = arg;
	struct dial *d = l->dial;

	l->query = NULL;
	if (err)
		note_unknown(d, err, why);
	else
		add_addresses(d, addrs, count);
	if (d->begun && is_trying(d)) {
		wait_on(d);
	} else if (d->begun) {
		try_next(d);
	} else if (d->count) {
		begin_in_time(d, err ? AF_UNSPEC : l->family);
	} else if (!is_looking(d)) {
		step(d, "name lookup failed: %s", d->why);
		finish_soon(d, d->err);
	}
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

static bool look_up(struct dial *d, struct dial_lookup *l, const char *host, int family)
{
	*l = (struct dial_lookup){ .dial = d, .family = family };
	l->query = resolver_lookup(d->resolver, host, family, d->timeout, on_resolved, l);
	return l->query != NULL;
}

int dial_start(struct dial *d, const char *host, uint16_t port)
{
	bool apart = d->family == AF_UNSPEC && !resolver_is_at_hand(host);

	d->port = port;
	d->next = d->count = 0;
	d->err = -ENXIO;
	d->why[0] = '\0';
	d->begun = false;
	d->socket = NULL;
	d->timer = (struct pb_timer){ 0 };
	memset(d->lookups, 0, sizeof d->lookups);
	start_clock(d);
	step(d, "looking up %s", host);
	bool ok = apart ? look_up(d, &d->lookups[0], host, AF_INET6) &&
				  look_up(d, &d->lookups[1], host, AF_INET)
			: look_up(d, &d->lookups[0], host, d->family);
	if (!ok)
		stop_looking(d);
	return ok ? 0 : -ENOMEM;
}

void dial_cancel(struct dial *d)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (d->socket)
		pb_setsockopt(d->socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	pb_close(d->socket);
	d->socket = NULL;
	drop_all(d);
}
