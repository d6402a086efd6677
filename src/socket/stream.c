/*
 * TCP sockets of a stack. One is, in turn: fresh (settings and perhaps a local address), and then a listener
 * or a connection. What a connection that came to nothing leaves is fresh again. A connection may sleep:
 * calls that have something to do wake it, others answer for it.
 */
#include "socket/stream.h"

#include "socket/control.h"
#include "transport/tcp/auth.h"
#include "transport/tcp/buffers.h"
#include "transport/tcp/urgent.h"

#include <errno.h>
#include <limits.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define SENDFILE_MAX 65536 /* bytes of a file that are read in one go */

static const struct pb_socket_ops stream_ops;

static void become_fresh(struct stream *s, struct fresh *f)
{
	s->kind = STREAM_FRESH;
	s->fresh = f;
}

static void become_conn(struct stream *s, struct tcp_conn *c)
{
	s->kind = STREAM_CONN;
	s->conn = &c->entry;
}

/* The connection, awake. NULL: there is no memory for that. */
static struct tcp_conn *awake(struct stream *s)
{
	return pb_tcp_awake(tcp_of(s), s->conn);
}

/* The connection, if it is awake. */
static struct tcp_conn *if_awake(const struct stream *s)
{
	return tcp_is_asleep(s->conn) ? NULL : (struct tcp_conn *)s->conn;
}

/*
 * Fresh
 * -------------------------------------------------------------------------------------------------------------
 */

static struct fresh *fresh_new(struct stream *s, const struct tcp_settings *set)
{
	struct fresh *f = malloc(sizeof *f);

	if (!f)
		return NULL;
	s->base.ready |= POLLOUT | POLLHUP; /* stream_poll() */
	*f = (struct fresh){ .set = *set, .binding.owner = s };
	list_init(&f->binding.link);
	f->binding.addr = s->family == AF_INET ? ip_from4((const uint8_t[4]){ 0 }) : (struct ip){ 0 };
	return f;
}

static struct stream *stream_new(struct pb_stack *stack, int family)
{
	struct stream *s = malloc(sizeof *s);

	if (!s)
		return NULL;
	*s = (struct stream){
		.base = {.ops = &stream_ops, .net = &stack->net},
                  .family = (uint8_t)family
	};
	stack->sockets++;
	return s;
}

static void stream_free(struct stream *s)
{
	stack_of(&s->base)->sockets--;
	if (s->kind == STREAM_FRESH) {
		if (s->fresh)
			pb_tcp_auth_free(s->fresh->set.auth);
		free(s->fresh);
	}
	if (s->zerocopy)
		pb_stream_zerocopy_free(s);
	free(s);
}

int pb_stream_open(struct pb_stack *stack, int family, struct pb_socket **socket)
{
	struct stream *s = stream_new(stack, family);

	if (!s)
		return -ENOMEM;
	s->fresh = fresh_new(s, &pb_tcp_settings_default);
	if (!s->fresh) {
		stream_free(s);
		return -ENOMEM;
	}
	*socket = &s->base;
	return 0;
}

static int bind_fresh(struct stream *s, const struct ip *addr, uint16_t port)
{
	struct binding *b = &s->fresh->binding;

	b->addr = *addr;
	b->port = port;
	b->v6only = s->v6only;
	b->reuse_addr = s->reuse_addr;
	b->reuse_port = s->reuse_port;
	b->any = s->transparent;
	int rc = pb_ports_bind(&tcp_of(s)->ports, tcp_of(s)->env, b);
	if (rc < 0)
		b->port = 0;
	return rc;
}

static void release_fresh(struct stream *s)
{
	if (s->kind == STREAM_FRESH && s->fresh->binding.port)
		pb_ports_release(&tcp_of(s)->ports, &s->fresh->binding);
}

/*
 * An attempt that failed, and of which the owner knows: the socket is fresh again, at the address it was
 * given.
 */
static int start_over(struct stream *s, struct tcp_conn *c)
{
	struct fresh *f = fresh_new(s, &c->set);
	struct socket_pair pair = *tcp_pair(c);

	if (!f)
		return -ENOMEM;
	c->set.auth = NULL; /* the keys are the socket's again */
	pb_tcp_close(c, false);
	become_fresh(s, f);
	if (s->bound_by_owner && bind_fresh(s, &pair.local, pair.local_port) == 0)
		f->bound_by_owner = true;
	return 0;
}

/* Whether it is the rest of a call that came to nothing. */
static bool is_failed_call(const struct stream *s, const struct tcp_conn *c)
{
	return c && c->state == STATE_CLOSED && !s->told_connected && !c->error;
}

static int stream_bind(struct pb_socket *socket, const struct sockaddr *sa, socklen_t len)
{
	struct stream *s = stream_of(socket);
	struct ip a;
	uint16_t port;
	int rc = pb_stack_read_addr(s->family, sa, len, &a, &port);

	struct tcp_conn *c = stream_is_conn(s) ? if_awake(s) : NULL;
	if (rc == 0 && is_failed_call(s, c))
		rc = start_over(s, c);
	bool fresh = s->kind == STREAM_FRESH;
	struct binder b = { .family = s->family,
			    .type = SOCK_STREAM,
			    .bound = !fresh || s->fresh->binding.port,
			    .v6only = s->v6only,
			    .transparent = s->transparent || s->freebind,
			    .interface = fresh ? s->fresh->set.bound : 0 };
	if (rc == 0)
		rc = pb_stack_may_bind(stack_of(socket), &b, &a);
	if (rc < 0)
		return rc;
	rc = bind_fresh(s, &a, port);
	s->fresh->bound_by_owner = rc == 0;
	return rc;
}

/*
 * Listening
 * ---------------------------------------------------------------------------------------------------------
 */

static int stream_listen(struct pb_socket *socket, int backlog)
{
	struct stream *s = stream_of(socket);
	unsigned most = backlog < 0 ? 0 : (unsigned)backlog;
	int rc = 0;

	if (s->kind == STREAM_LISTENER) {
		s->listener->backlog = most;
		return 0;
	}
	if (s->kind != STREAM_FRESH)
		return -EINVAL;
	struct fresh *f = s->fresh;
	struct tcp_listener *l = NULL;
	if (!f->binding.port)
		rc = bind_fresh(s, &f->binding.addr, 0);
	if (rc >= 0)
		rc = pb_tcp_listen(tcp_of(s), &f->set, &f->binding, most, s, &l);
	if (rc < 0)
		return rc;
	if (f->fast_open_queue)
		l->fast_open.most = f->fast_open_queue;
	l->fast_open.keys = f->fast_open_keys;
	free(f);
	s->kind = STREAM_LISTENER;
	s->listener = l;
	socket->ready = 0;
	return 0;
}

static int stream_accept(struct pb_socket *socket, struct pb_socket **conn)
{
	struct stream *l = stream_of(socket), *s;

	if (l->kind != STREAM_LISTENER)
		return -EINVAL;
	if (!l->listener->waiting_count)
		return (int)stack_settled(socket, -EAGAIN);
	s = stream_new(stack_of(socket), l->family);
	if (!s)
		return -ENOMEM;
	s->linger_on = l->linger_on;
	s->linger_seconds = l->linger_seconds;
	s->reuse_addr = l->reuse_addr;
	s->reuse_port = l->reuse_port;
	s->transparent = l->transparent;
	s->told_connected = true;
	s->tell_inq = l->tell_inq;
	if (l->zerocopy_on)
		pb_stream_zerocopy_set(s, true); /* without memory for it, it is off */
	struct tcp_conn *c = pb_tcp_accept(l->listener, s);
	become_conn(s, c);
	s->base.ready = pb_tcp_ready(c);
	*conn = &s->base;
	return (int)stack_settled(socket, 0);
}

/*
 * Connecting
 * --------------------------------------------------------------------------------------------------------
 */

/* connect(2) on a connection: how it goes, and then that it is there. */
static int tell_progress(struct stream *s)
{
	struct tcp_conn *c = if_awake(s);

	if (c && tcp_is_deferred(c))
		return -EISCONN;
	if (c && (c->state == STATE_SYN_SENT || c->state == STATE_SYN_RECEIVED))
		return -EALREADY;
	if (c && c->error) {
		int error = c->error;
		c->error = 0;
		return -error;
	}
	if (is_failed_call(s, c))
		return start_over(s, c);
	bool told = s->told_connected;
	s->told_connected = true;
	return told ? -EISCONN : 0;
}

typedef int open_fn(struct tcp *t, const struct tcp_settings *set, struct binding *local, const struct ip *to,
		    uint16_t port, void *owner, struct tcp_conn **c);

/* 0: it is a connection now, or was one already. */
static int connect_by(struct stream *s, open_fn *open, const struct sockaddr *sa, socklen_t len)
{
	struct ip to;
	uint16_t port;
	int rc = pb_stack_read_addr(s->family, sa, len, &to, &port);

	if (rc < 0)
		return rc;
	if (s->kind == STREAM_LISTENER)
		return -EISCONN;
	if (s->kind == STREAM_CONN) {
		rc = tell_progress(s);
		if (s->kind != STREAM_FRESH)
			return rc;
	}
	if (s->v6only && ip_is4(&to))
		return -ENETUNREACH;
	struct fresh *f = s->fresh;
	to = pb_stack_callee(&to, &f->binding.addr);
	struct tcp_conn *c;
	bool bound = f->binding.port != 0;
	rc = open(tcp_of(s), &f->set, bound ? &f->binding : NULL, &to, port, s, &c);
	if (rc < 0)
		return bound && rc == -EADDRINUSE ? -EADDRNOTAVAIL : rc;
	s->bound_by_owner = f->bound_by_owner;
	free(f);
	become_conn(s, c);
	s->told_connected = false;
	s->base.ready = pb_tcp_ready(c);
	return tcp_is_deferred(c) ? 0 : -EINPROGRESS;
}

static int stream_connect(struct pb_socket *socket, const struct sockaddr *sa, socklen_t len)
{
	return connect_by(stream_of(socket), pb_tcp_connect, sa, len);
}

/* MSG_FASTOPEN: connect, in the same call. 0: now to send; -EISCONN and the like as connect(2). */
static int connect_to_send(struct stream *s, const struct msghdr *msg)
{
	const struct sockaddr *to = msg->msg_name;

	if (!(tcp_of(s)->limits.fast_open & FAST_OPEN_CLIENT) ||
	    (to && msg->msg_namelen >= sizeof to->sa_family && to->sa_family == AF_UNSPEC))
		return -EOPNOTSUPP;
	if (stream_is_conn(s) && if_awake(s) && tcp_is_deferred(if_awake(s)))
		return 0;
	if (!to)
		return s->kind == STREAM_FRESH ? -EINVAL : -EISCONN;
	return connect_by(s, pb_tcp_connect_fast, to, msg->msg_namelen);
}

/*
 * Sending and receiving
 * ---------------------------------------------------------------------------------------------
 */

static ssize_t send_parts(struct pb_socket *socket, const struct iovec *iov, size_t count, int flags)
{
	struct stream *s = stream_of(socket);

	if (!stream_is_conn(s))
		return -EPIPE;
	struct tcp_conn *c = awake(s);
	ssize_t n = c ? stack_settled(socket, pb_tcp_send(c, iov, count, flags)) : -ENOBUFS;
	if (n > 0 && flags & MSG_ZEROCOPY && s->zerocopy_on)
		pb_stream_zerocopy_sent(s, c);
	return n;
}

static ssize_t stream_sendmsg(struct pb_socket *socket, const struct msghdr *msg, int flags)
{
	int rc = flags & MSG_FASTOPEN ? connect_to_send(stream_of(socket), msg) : 0;

	/* Whom it is for is known now: msg_name is not looked at, as on Linux. */
	return rc < 0 ? rc : send_parts(socket, msg->msg_iov, msg->msg_iovlen, flags);
}

static ssize_t stream_send(struct pb_socket *socket, const void *buf, size_t len, int flags)
{
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };

	if (flags & MSG_FASTOPEN)
		return stream_sendmsg(socket, &(struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 }, flags);
	return send_parts(socket, &iov, 1, flags);
}

/* The file is read once, into buffers that then are the stream's. */
static ssize_t stream_sendfile(struct pb_socket *socket, int fd, off_t *offset, size_t len)
{
	struct stream *s = stream_of(socket);
	size_t most = len < SENDFILE_MAX ? len : SENDFILE_MAX;

	if (!stream_is_conn(s))
		return -EPIPE;
	struct tcp_conn *c = awake(s);
	if (!c)
		return -ENOBUFS;
	if (!(pb_tcp_ready(c) & POLLOUT))
		return stack_settled(socket, -EAGAIN);
	struct pb_buf *b = pb_tcp_text_new(stack_of(socket)->env.pool, most, !c->sendq.bytes);
	if (!b) {
		pb_tcp_starve(c);
		return stack_settled(socket, -EAGAIN);
	}
	most = most < pb_buf_tailroom(b) ? most : pb_buf_tailroom(b);
	ssize_t n = pread(fd, pb_buf_extend(b, most), most, *offset);
	if (n <= 0) {
		n = n < 0 ? -errno : 0;
		pb_buf_free(b);
		return n;
	}
	pb_buf_trim(b, (size_t)n);
	int rc = pb_tcp_give(c, b);
	if (rc < 0) {
		pb_buf_free(b);
		return stack_settled(socket, rc);
	}
	*offset += n;
	return stack_settled(socket, n);
}

static ssize_t receive_urgent(struct pb_socket *socket, const struct iovec *iov, size_t count, int flags)
{
	struct tcp_conn *c = if_awake(stream_of(socket));
	uint8_t byte;

	int rc = c ? pb_tcp_urgent_receive(c, &byte, flags & MSG_PEEK) : -EINVAL; /* recv(2): there is none */
	for (size_t i = 0; rc > 0 && i < count; i++)
		if (iov[i].iov_len) {
			*(uint8_t *)iov[i].iov_base = byte;
			return stack_settled(socket, rc);
		}
	return stack_settled(socket, rc > 0 ? 0 : rc);
}

/* MSG_TRUNC, tcp(7): as many bytes as there would be room for are taken, and go nowhere. */
static struct iovec nowhere(const struct iovec *iov, size_t count)
{
	struct iovec all = { 0 };

	for (size_t i = 0; i < count; i++)
		all.iov_len +=
			iov[i].iov_len < SSIZE_MAX - all.iov_len ? iov[i].iov_len : SSIZE_MAX - all.iov_len;
	return all;
}

static ssize_t receive_parts(struct pb_socket *socket, const struct iovec *iov, size_t count, int flags)
{
	struct stream *s = stream_of(socket);

	if (!stream_is_conn(s))
		return -ENOTCONN;
	if (flags & MSG_OOB)
		return receive_urgent(socket, iov, count, flags);
	struct tcp_conn *c = if_awake(s);
	struct iovec dropped = nowhere(iov, flags & MSG_TRUNC ? count : 0);
	if (flags & MSG_TRUNC) {
		iov = &dropped;
		count = 1;
	}
	return stack_settled(socket, c ? pb_tcp_receive(c, iov, count, flags & MSG_PEEK) : -EAGAIN);
}

/* What ICMP told of the call, and then what became of text sent without a copy. */
static ssize_t receive_error(struct stream *s, struct msghdr *msg)
{
	struct tcp_conn *c = stream_is_conn(s) ? if_awake(s) : NULL;
	struct returned *r = c ? pb_tcp_take_returned(c) : NULL;

	return r ? pb_stack_give_returned(s->family, r, msg) : pb_stream_zerocopy_tell(s, msg);
}

static ssize_t stream_recv(struct pb_socket *socket, void *buf, size_t len, int flags)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };

	if (flags & MSG_ERRQUEUE)
		return receive_error(stream_of(socket), &(struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 });
	return receive_parts(socket, &iov, 1, flags);
}

/* TCP_INQ: what is left; at the end there is one more answer to be read, so that nobody stops before it. */
static int left_to_read(const struct stream *s)
{
	const struct tcp_conn *c = if_awake(s);
	size_t left = c ? c->recvq.packets.bytes : 0;

	if (!left && c && c->fin_received)
		return 1;
	return left < INT_MAX ? (int)left : INT_MAX;
}

static ssize_t stream_recvmsg(struct pb_socket *socket, struct msghdr *msg, int flags)
{
	struct stream *s = stream_of(socket);
	struct control control = { .msg = msg };

	if (flags & MSG_ERRQUEUE)
		return receive_error(s, msg);
	ssize_t n = receive_parts(socket, msg->msg_iov, msg->msg_iovlen, flags);
	if (n < 0)
		return n;
	msg->msg_namelen = 0;
	msg->msg_flags = flags & MSG_OOB;
	if (s->tell_inq)
		pb_control_add_int(&control, IPPROTO_TCP, TCP_CM_INQ, left_to_read(s));
	pb_control_end(&control);
	return n;
}

bool pb_socket_is_stream(const struct pb_socket *socket)
{
	return socket->ops == &stream_ops;
}

int pb_give(struct pb_socket *socket, struct pb_buf *text)
{
	struct stream *s = stream_of(socket);

	if (socket->ops != &stream_ops)
		return -EOPNOTSUPP;
	if (!stream_is_conn(s))
		return -EPIPE;
	struct tcp_conn *c = awake(s);
	return c ? (int)stack_settled(socket, pb_tcp_give(c, text)) : -ENOBUFS;
}

struct pb_buf *pb_take(struct pb_socket *socket, int *why)
{
	struct stream *s = stream_of(socket);

	if (socket->ops != &stream_ops || !stream_is_conn(s)) {
		*why = socket->ops != &stream_ops ? -EOPNOTSUPP : -ENOTCONN;
		return NULL;
	}
	struct tcp_conn *c = if_awake(s);
	*why = -EAGAIN;
	struct pb_buf *b = c ? pb_tcp_take(c, why) : NULL;
	stack_settled(socket, 0);
	return b;
}

/*
 * Ending
 * ------------------------------------------------------------------------------------------------------------
 */

/* A listener that is shut for reading listens no more, and keeps its address (Linux: inet_shutdown()). */
static int stop_listening(struct stream *s, int how)
{
	struct fresh *f = how == SHUT_WR ? NULL : fresh_new(s, &s->listener->set);
	struct binding old = s->listener->binding;

	if (!f)
		return how == SHUT_WR ? 0 : -ENOMEM;
	s->listener->set.auth = NULL; /* the keys are the socket's again */
	f->fast_open_queue = s->listener->fast_open.most;
	f->fast_open_keys = s->listener->fast_open.keys;
	pb_tcp_listener_close(s->listener);
	become_fresh(s, f);
	f->bound_by_owner = bind_fresh(s, &old.addr, old.port) == 0;
	return 0;
}

static int stream_shutdown(struct pb_socket *socket, int how)
{
	struct stream *s = stream_of(socket);

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	if (s->kind == STREAM_LISTENER)
		return stop_listening(s, how);
	if (!stream_is_conn(s))
		return -ENOTCONN;
	struct tcp_conn *c = awake(s);
	int rc = c ? pb_tcp_shutdown(c, how) : -ENOBUFS;
	if (rc == 0 && how != SHUT_WR)
		socket->ready |= POLLIN; /* a read now answers 0 */
	return rc;
}

static void close_conn(struct stream *s)
{
	struct tcp_conn *c = awake(s);

	if (c)
		pb_tcp_close(c, s->linger_on && s->linger_seconds == 0);
	else
		pb_tcp_idle_abort(tcp_of(s), (struct tcp_idle *)s->conn);
}

static int stream_close(struct pb_socket *socket)
{
	struct stream *s = stream_of(socket);

	if (stream_is_conn(s))
		close_conn(s);
	if (s->kind == STREAM_LISTENER)
		pb_tcp_listener_close(s->listener);
	release_fresh(s);
	stream_free(s);
	return 0;
}

/*
 * Names and readiness
 * -----------------------------------------------------------------------------------------------
 */

static int stream_getsockname(struct pb_socket *socket, struct sockaddr *sa, socklen_t *len)
{
	const struct stream *s = stream_of(socket);

	if (!stream_is_conn(s)) {
		const struct binding *b =
			s->kind == STREAM_FRESH ? &s->fresh->binding : &s->listener->binding;
		return pb_stack_give_addr(s->family, &b->addr, b->port, sa, len);
	}
	const struct socket_pair *pair = &s->conn->pair;
	return pb_stack_give_addr(s->family, &pair->local, pair->local_port, sa, len);
}

static int stream_getpeername(struct pb_socket *socket, struct sockaddr *sa, socklen_t *len)
{
	const struct stream *s = stream_of(socket);

	const struct tcp_conn *c = stream_is_conn(s) ? if_awake(s) : NULL;

	if (!stream_is_conn(s) || (c && (c->state == STATE_CLOSED || c->state == STATE_SYN_SENT)))
		return -ENOTCONN;
	const struct socket_pair *pair = &s->conn->pair;
	return pb_stack_give_addr(s->family, &pair->remote, pair->remote_port, sa, len);
}

static int stream_at_mark(struct pb_socket *socket)
{
	const struct stream *s = stream_of(socket);
	const struct tcp_conn *c = stream_is_conn(s) ? if_awake(s) : NULL;

	if (s->kind == STREAM_LISTENER)
		return -EINVAL;
	return c && pb_tcp_urgent_at_mark(c);
}

static int stream_poll(struct pb_socket *socket)
{
	const struct stream *s = stream_of(socket);

	if (s->kind == STREAM_LISTENER)
		return s->listener->waiting_count ? POLLIN : 0;
	if (s->kind == STREAM_FRESH)
		return POLLOUT | POLLHUP; /* tcp_poll(): as one that is over */
	const struct tcp_conn *c = if_awake(s);
	int ready = c ? pb_tcp_ready(c) : POLLOUT;
	return s->zerocopy && pb_stream_zerocopy_is_due(s) ? ready | POLLERR : ready;
}

static const struct pb_socket_ops stream_ops = {
	.close = stream_close,
	.bind = stream_bind,
	.listen = stream_listen,
	.accept = stream_accept,
	.connect = stream_connect,
	.send = stream_send,
	.sendmsg = stream_sendmsg,
	.sendfile = stream_sendfile,
	.recv = stream_recv,
	.recvmsg = stream_recvmsg,
	.shutdown = stream_shutdown,
	.getsockopt = pb_stream_getsockopt,
	.setsockopt = pb_stream_setsockopt,
	.getsockname = stream_getsockname,
	.getpeername = stream_getpeername,
	.at_mark = stream_at_mark,
	.poll = stream_poll,
};
