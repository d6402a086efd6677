#include "drill/calls.h"
#include "drill/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <packetboat/tcp_auth.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define PIECE_MAX     65536 /* bytes that are given to the stack in one go */
#define OPTION_LEN    512
#define INFINITE_POLL (-1)

static uint8_t room[PIECE_MAX]; /* what is sent is zeroes, and what is received is not looked at */

/* A handler answers >= 0 or -errno, and -EAGAIN where the call would block; or one of these, when it has said why. */
enum { RC_FAULT = -100000, RC_WRONG = -100001 };

static int64_t fault(struct call_run *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int64_t fault(struct call_run *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->why, sizeof c->why, format, args);
	va_end(args);
	return RC_FAULT;
}

static int64_t wrong(struct call_run *c, const char *what, int64_t expected, int64_t seen)
{
	snprintf(c->why, sizeof c->why, "%s: expected %lld, seen %lld", what, (long long)expected,
		 (long long)seen);
	return RC_WRONG;
}

/* Arguments -------------------------------------------------------------------------------------------------------- */

static bool number(struct call_run *c, unsigned i, int64_t *n)
{
	return drill_value_number(i < c->count ? c->argument[i] : NULL, n, c->why);
}

static bool is_any(const struct call_run *c, unsigned i)
{
	return i >= c->count || c->argument[i]->kind == EXPR_ANY;
}

static struct script_socket *find(struct sockets *s, int64_t n)
{
	for (int i = 0; i < SOCKETS_MAX; i++)
		if (s->socket[i].socket && s->socket[i].number == n)
			return &s->socket[i];
	return NULL;
}

/* The socket that the first argument names; NULL: *rc says why there is none. */
static struct script_socket *socket_of(struct call_run *c, int64_t *rc)
{
	int64_t n;

	*rc = RC_FAULT;
	if (!number(c, 0, &n))
		return NULL;
	struct script_socket *s = find(c->sockets, n);
	*rc = -EBADF;
	return s;
}

/* How many bytes a call is about. */
static bool length(struct call_run *c, unsigned i, int64_t *n)
{
	if (!number(c, i, n))
		return false;
	if (*n < 0 || *n > CALL_BYTES_MAX) {
		fault(c, "%lld bytes are too much or too little", (long long)*n);
		return false;
	}
	return true;
}

/* Opening and closing ---------------------------------------------------------------------------------------------- */

static int64_t add(struct call_run *c, struct pb_socket *socket, bool nonblocking)
{
	struct sockets *s = c->sockets;

	if (find(s, c->number)) {
		pb_close(socket);
		return fault(c, "there is a socket %lld already", (long long)c->number);
	}
	for (int i = 0; i < SOCKETS_MAX; i++)
		if (!s->socket[i].socket) {
			s->socket[i] = (struct script_socket){ socket, c->number, nonblocking };
			return c->number;
		}
	pb_close(socket);
	return fault(c, "more than %d sockets are open", SOCKETS_MAX);
}

static int64_t call_socket(struct call_run *c)
{
	int64_t family = c->sockets->family, type, protocol;
	struct pb_socket *socket;

	if ((!is_any(c, 0) && !number(c, 0, &family)) || !number(c, 1, &type) || !number(c, 2, &protocol))
		return RC_FAULT;
	bool nonblocking = type & SOCK_NONBLOCK;
	type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
	int rc = pb_socket_open(pb_stack_net(c->sockets->host->stack), (int)family, (int)type, (int)protocol,
				&socket);
	if (rc < 0)
		return rc;
	drill_settings_apply(c->sockets->settings, socket);
	return add(c, socket, nonblocking);
}

static int64_t call_close(struct call_run *c)
{
	int64_t rc;
	struct script_socket *s = socket_of(c, &rc);

	if (!s)
		return rc;
	rc = pb_close(s->socket);
	if (c->sockets->subject == s)
		c->sockets->subject = NULL;
	*s = (struct script_socket){ 0 };
	return rc;
}

static int64_t accept_with(struct call_run *c, bool nonblocking)
{
	int64_t rc;
	struct script_socket *s = socket_of(c, &rc);
	struct pb_socket *conn;

	if (!s)
		return rc;
	rc = pb_accept(s->socket, &conn);
	if (rc < 0)
		return rc;
	rc = add(c, conn, nonblocking);
	if (rc >= 0)
		c->sockets->subject = find(c->sockets, rc);
	return rc;
}

static int64_t call_accept(struct call_run *c)
{
	return accept_with(c, false);
}

static int64_t call_accept4(struct call_run *c)
{
	int64_t flags;

	return number(c, 3, &flags) ? accept_with(c, flags & SOCK_NONBLOCK) : RC_FAULT;
}

static int64_t call_bind(struct call_run *c)
{
	union pb_addr a = c->sockets->local;
	int64_t rc;
	struct script_socket *s = socket_of(c, &rc);

	if (!s)
		return rc;
	if (!is_any(c, 1) && !drill_value_address(c->argument[1], &a, c->why))
		return RC_FAULT;
	return pb_bind(s->socket, &a.sa, pb_addr_len(&a));
}

static int64_t call_listen(struct call_run *c)
{
	int64_t rc, backlog;
	struct script_socket *s = socket_of(c, &rc);

	if (!s || !number(c, 1, &backlog))
		return s ? RC_FAULT : rc;
	c->sockets->listened = true;
	return pb_listen(s->socket, (int)backlog);
}

static int64_t call_connect(struct call_run *c)
{
	union pb_addr a = c->sockets->remote;
	int64_t rc;
	struct script_socket *s = socket_of(c, &rc);

	if (!s)
		return rc;
	if (!is_any(c, 1) && !drill_value_address(c->argument[1], &a, c->why))
		return RC_FAULT;
	c->sockets->connected = true;
	c->sockets->subject = s;
	rc = pb_connect(s->socket, &a.sa, pb_addr_len(&a));
	if (!s->nonblocking && (rc == -EINPROGRESS || (c->begun && rc == -EALREADY)))
		return -EAGAIN;
	return rc;
}

static int64_t call_shutdown(struct call_run *c)
{
	int64_t rc, how;
	struct script_socket *s = socket_of(c, &rc);

	if (!s || !number(c, 1, &how))
		return s ? RC_FAULT : rc;
	return pb_shutdown(s->socket, (int)how);
}

/* Sending ---------------------------------------------------------------------------------------------------------- */

/* All of it, in pieces, as a call that blocks does; what has gone before counts. */
static int64_t send_bytes(struct call_run *c, uint64_t len, int64_t flags, const union pb_addr *to)
{
	int64_t rc;
	struct script_socket *s = socket_of(c, &rc);

	if (!s)
		return rc;
	bool may_wait = !s->nonblocking && !(flags & MSG_DONTWAIT);
	rc = drill_opening_progress(&c->opening, s->socket);
	if (rc < 0)
		return rc;
	if (c->opening.over && c->done == len)
		return (int64_t)c->done;
	do {
		uint64_t left = len - c->done, n = left < sizeof room ? left : sizeof room;
		int now = (int)flags | (left > n ? MSG_MORE : 0) |
			  (may_wait ? drill_opening_flags(s->socket) : 0);
		memset(room, 0, n);
		rc = pb_sendto(s->socket, room, n, c->opening.over ? now & ~MSG_FASTOPEN : now,
			       to ? &to->sa : NULL, to ? pb_addr_len(to) : 0);
		if (may_wait)
			drill_opening_note(&c->opening, s->socket, rc);
		if (rc < 0)
			break;
		c->done += (uint64_t)rc;
	} while (c->done < len && rc > 0 && !c->opening.waits && !(flags & MSG_FASTOPEN));
	if (c->opening.waits)
		return -EAGAIN;
	bool waits = rc == -EAGAIN && may_wait;
	return rc < 0 && (waits || !c->done) ? rc : (int64_t)c->done;
}

static int64_t call_write(struct call_run *c)
{
	int64_t len;

	return length(c, 2, &len) ? send_bytes(c, (uint64_t)len, 0, NULL) : RC_FAULT;
}

static int64_t call_writev(struct call_run *c)
{
	uint64_t len;

	return drill_value_bytes(c->argument[1], &len, c->why) ? send_bytes(c, len, 0, NULL) : RC_FAULT;
}

static int64_t call_send(struct call_run *c)
{
	int64_t len, flags;

	return length(c, 2, &len) && number(c, 3, &flags) ? send_bytes(c, (uint64_t)len, flags, NULL)
							  : RC_FAULT;
}

/* MSG_FASTOPEN is connect(), too. */
static int64_t send_to(struct call_run *c, uint64_t len, int64_t flags, const union pb_addr *to)
{
	int64_t rc;

	c->sockets->connected = true;
	if (flags & MSG_FASTOPEN)
		c->sockets->subject = socket_of(c, &rc);
	return send_bytes(c, len, flags, to);
}

static int64_t call_sendto(struct call_run *c)
{
	union pb_addr to = c->sockets->remote;
	int64_t len, flags;

	if (!length(c, 2, &len) || !number(c, 3, &flags))
		return RC_FAULT;
	if (!is_any(c, 4) && !drill_value_address(c->argument[4], &to, c->why))
		return RC_FAULT;
	return send_to(c, (uint64_t)len, flags, &to);
}

static int64_t call_sendmsg(struct call_run *c)
{
	uint64_t len;
	int64_t flags;

	if (!drill_value_bytes(c->argument[1], &len, c->why) || !number(c, 2, &flags))
		return RC_FAULT;
	return flags & MSG_FASTOPEN ? send_to(c, len, flags, &c->sockets->remote)
				    : send_bytes(c, len, flags, NULL);
}

/* Receiving -------------------------------------------------------------------------------------------------------- */

/* As much as is there, up to len and to urgent data; with MSG_WAITALL, all. */
static int64_t receive_bytes(struct call_run *c, uint64_t len, int64_t flags)
{
	bool all = flags & MSG_WAITALL;
	int64_t rc;
	struct script_socket *s = socket_of(c, &rc);

	if (!s)
		return rc;
	uint64_t n;
	do {
		uint64_t left = len - c->done;
		n = left < sizeof room ? left : sizeof room;
		rc = pb_recv(s->socket, room, n, (int)flags & ~MSG_WAITALL);
		if (rc > 0)
			c->done += (uint64_t)rc;
	} while (c->done < len && rc > 0 && (all || (uint64_t)rc == n) && !(flags & MSG_PEEK));
	if (rc == -EAGAIN && all && !s->nonblocking)
		return rc;
	return rc < 0 && !c->done ? rc : (int64_t)c->done;
}

static int64_t call_read(struct call_run *c)
{
	int64_t len;

	return length(c, 2, &len) ? receive_bytes(c, (uint64_t)len, 0) : RC_FAULT;
}

static int64_t call_readv(struct call_run *c)
{
	uint64_t len;

	return drill_value_bytes(c->argument[1], &len, c->why) ? receive_bytes(c, len, 0) : RC_FAULT;
}

static int64_t call_recv(struct call_run *c) /* and recvfrom() */
{
	int64_t len, flags;

	return length(c, 2, &len) && number(c, 3, &flags) ? receive_bytes(c, (uint64_t)len, flags) : RC_FAULT;
}

static int64_t call_recvmsg(struct call_run *c)
{
	uint64_t len;
	int64_t flags;

	return drill_value_bytes(c->argument[1], &len, c->why) && number(c, 2, &flags)
		       ? receive_bytes(c, len, flags)
		       : RC_FAULT;
}

/* Options and the rest --------------------------------------------------------------------------------------------- */

static int64_t call_setsockopt(struct call_run *c)
{
	int64_t rc, level, name, len;
	uint8_t value[OPTION_LEN] = { 0 };
	socklen_t has = sizeof value;
	struct script_socket *s = socket_of(c, &rc);

	if (!s)
		return rc;
	if (!number(c, 1, &level) || !number(c, 2, &name) || !number(c, 4, &len))
		return RC_FAULT;
	if (level == IPPROTO_TCP && (name == TCP_MD5SIG || name == PB_TCP_AO_ADD_KEY)) {
		if (!drill_value_key(c->argument[3], name, &c->sockets->remote, value, &has, c->why))
			return RC_FAULT;
		return pb_setsockopt(s->socket, (int)level, (int)name, value, has);
	}
	if (!drill_value_option(c->argument[3], value, &has, c->why))
		return RC_FAULT;
	if (len < 0 || len > (int64_t)sizeof value)
		return fault(c, "an option's length is from 0 to %zu", sizeof value);
	return pb_setsockopt(s->socket, (int)level, (int)name, value, (socklen_t)len);
}

static int64_t call_getsockopt(struct call_run *c)
{
	int64_t rc, level, name;
	uint8_t value[OPTION_LEN] = { 0 }, expected[OPTION_LEN] = { 0 };
	socklen_t len = sizeof value, expected_len = sizeof expected;
	struct script_socket *s = socket_of(c, &rc);

	if (!s)
		return rc;
	if (!number(c, 1, &level) || !number(c, 2, &name))
		return RC_FAULT;
	rc = pb_getsockopt(s->socket, (int)level, (int)name, value, &len);
	if (rc < 0 || is_any(c, 3))
		return rc;
	if (!drill_value_option(c->argument[3], expected, &expected_len, c->why))
		return RC_FAULT;
	if (memcmp(value, expected, expected_len) == 0)
		return rc;
	int e, v;
	memcpy(&e, expected, sizeof e);
	memcpy(&v, value, sizeof v);
	return wrong(c, "the option's value", e, v);
}

static int64_t call_fcntl(struct call_run *c)
{
	int64_t rc, command, flags;
	struct script_socket *s = socket_of(c, &rc);

	if (!s || !number(c, 1, &command))
		return s ? RC_FAULT : rc;
	if (command == F_GETFL)
		return O_RDWR | (s->nonblocking ? O_NONBLOCK : 0);
	if (command != F_SETFL)
		return -EINVAL;
	if (!number(c, 2, &flags))
		return RC_FAULT;
	s->nonblocking = flags & O_NONBLOCK;
	return 0;
}

static int64_t call_ioctl(struct call_run *c)
{
	int64_t rc, request, expected;
	struct script_socket *s = socket_of(c, &rc);

	if (!s || !number(c, 1, &request) || !number(c, 2, &expected))
		return s ? RC_FAULT : rc;
	struct socket_queues q = drill_host_queues(c->sockets->host, s->socket);
	int64_t seen = request == SIOCINQ ? q.receive : q.send;
	if (request != SIOCINQ && request != SIOCOUTQ)
		return fault(c, "of ioctl() there is SIOCINQ and SIOCOUTQ only");
	return expected == seen ? 0 : wrong(c, "bytes queued", expected, seen);
}

/* One entry of poll(): what is ready of it. False: c->why. */
static bool poll_one(struct call_run *c, const struct expr *e, int64_t *ready, int64_t *expected)
{
	int64_t fd, events;
	const struct expr *revents = drill_value_field(e, "revents");

	*expected = 0;
	if (!drill_value_number(drill_value_field(e, "fd"), &fd, c->why) ||
	    !drill_value_number(drill_value_field(e, "events"), &events, c->why) ||
	    (revents && !drill_value_number(revents, expected, c->why)))
		return false;
	struct script_socket *s = find(c->sockets, fd);
	*ready = s ? pb_ready(s->socket) & (events | POLLERR | POLLHUP) : POLLNVAL;
	return true;
}

static int64_t call_poll(struct call_run *c)
{
	int64_t timeout, ready, expected, count = 0;
	bool differs = false;

	if (c->count != 3 || c->argument[0]->kind != EXPR_LIST || !number(c, 2, &timeout))
		return fault(c, "poll() is written poll([{fd=3, events=POLLIN, revents=POLLIN}], 1, 0)");
	for (const struct expr *e = c->argument[0]->first; e; e = e->next) {
		if (!poll_one(c, e, &ready, &expected))
			return RC_FAULT;
		count += ready != 0;
		if (ready != expected && !differs) {
			differs = true;
			wrong(c, "revents", expected, ready);
		}
	}
	if (!c->begun)
		c->deadline = timeout == INFINITE_POLL ? PB_NEVER : c->sockets->host->now + PB_MSEC(timeout);
	if (!count && timeout && c->sockets->host->now < c->deadline)
		return -EAGAIN;
	return differs ? RC_WRONG : count;
}

/* All calls -------------------------------------------------------------------------------------------------------- */

struct handler {
	const char *name;
	int64_t (*fn)(struct call_run *c);
	unsigned arguments; /* at least */
	bool waits;         /* -EAGAIN of a socket that blocks means that it does */
};

static const struct handler handlers[] = {
	{"socket",      call_socket,     3, false},
	{ "close",      call_close,      1, false},
	{ "accept",     call_accept,     1, true },
	{ "accept4",    call_accept4,    4, true },
	{ "bind",       call_bind,       1, false},
	{ "listen",     call_listen,     2, false},
	{ "connect",    call_connect,    1, true },
	{ "shutdown",   call_shutdown,   2, false},
	{ "write",      call_write,      3, true },
	{ "writev",     call_writev,     2, true },
	{ "send",       call_send,       4, true },
	{ "sendto",     call_sendto,     4, true },
	{ "sendmsg",    call_sendmsg,    3, true },
	{ "read",       call_read,       3, true },
	{ "readv",      call_readv,      2, true },
	{ "recv",       call_recv,       4, true },
	{ "recvfrom",   call_recv,       4, true },
	{ "recvmsg",    call_recvmsg,    3, true },
	{ "setsockopt", call_setsockopt, 5, false},
	{ "getsockopt", call_getsockopt, 4, false},
	{ "fcntl",      call_fcntl,      2, false},
	{ "ioctl",      call_ioctl,      3, false},
	{ "poll",       call_poll,       3, true },
};

static const struct handler *handler_of(const char *name)
{
	for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++)
		if (strcmp(handlers[i].name, name) == 0)
			return &handlers[i];
	return NULL;
}

static enum call_state begin(struct call_run *c, const struct handler *h)
{
	int64_t flagged = -1;

	if (!h) {
		fault(c, "there is no call '%s'", c->call->name);
		return CALL_FAULT;
	}
	for (const struct expr *e = c->call->arguments; e && c->count < ARGUMENTS_MAX; e = e->next)
		c->argument[c->count++] = e;
	if (c->count < h->arguments) {
		fault(c, "%s() takes %u arguments at least", h->name, h->arguments);
		return CALL_FAULT;
	}
	if (c->call->result && c->call->result->kind != EXPR_ANY &&
	    !drill_value_number(c->call->result, &flagged, c->why))
		return CALL_FAULT;
	c->number = flagged;
	return CALL_DONE;
}

/* Whether the socket of a call that had -EAGAIN for its answer waits. */
static bool blocks(struct call_run *c, const struct handler *h)
{
	int64_t n, flags;

	if (!h->waits || c->rc != -EAGAIN)
		return false;
	if (h->fn == call_poll)
		return true;
	const struct script_socket *s = number(c, 0, &n) ? find(c->sockets, n) : NULL;
	unsigned last = h->fn == call_sendmsg || h->fn == call_recvmsg ? 2 : 3;
	bool has_flags = h->fn == call_send || h->fn == call_sendto || h->fn == call_recv || last == 2;
	if (has_flags && number(c, last, &flags) && flags & (MSG_DONTWAIT | MSG_ERRQUEUE))
		return false;
	return s && !s->nonblocking;
}

enum call_state drill_call_try(struct call_run *c)
{
	const struct handler *h = handler_of(c->call->name);

	if (!c->begun) {
		c->state = begin(c, h);
		if (c->state != CALL_DONE)
			return c->state;
	}
	c->rc = h->fn(c);
	c->begun = true;
	if (c->rc == RC_FAULT)
		c->state = CALL_FAULT;
	else if (c->rc == RC_WRONG)
		c->state = CALL_WRONG;
	else
		c->state = blocks(c, h) ? CALL_WAITS : CALL_DONE;
	return c->state;
}

static void answer_text(char *text, size_t len, int64_t rc)
{
	if (rc >= 0)
		snprintf(text, len, "%lld", (long long)rc);
	else
		snprintf(text, len, "-1 %s (%s)", strerrorname_np((int)-rc), strerror((int)-rc));
}

bool drill_call_compare(struct call_run *c)
{
	const struct call *call = c->call;
	char seen[CALL_WHY_LEN / 3], expected[CALL_WHY_LEN / 3];
	int64_t want = c->number;

	if (!call->result || call->result->kind == EXPR_ANY)
		return true;
	if (call->error) {
		want = -drill_errno(call->error);
		if (!want) {
			snprintf(c->why, sizeof c->why, "there is no error '%.40s'", call->error);
			return false;
		}
	}
	if (c->rc == want || (want == -1 && !call->error && c->rc < 0))
		return true;
	answer_text(seen, sizeof seen, c->rc);
	answer_text(expected, sizeof expected, want);
	snprintf(c->why, sizeof c->why, "%.60s(): expected %s, seen %s", call->name,
		 want == -1 && !call->error ? "-1" : expected, seen);
	return false;
}

void drill_sockets_close(struct sockets *s)
{
	for (int i = 0; i < SOCKETS_MAX; i++)
		if (s->socket[i].socket) {
			pb_close(s->socket[i].socket);
			s->socket[i].socket = NULL;
		}
	s->subject = NULL;
}
