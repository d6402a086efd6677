#include "socket/datagram.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define SEGMENTS_MAX 128 /* Linux: UDP_MAX_SEGMENTS */

static const struct pb_socket_ops datagram_ops;

int pb_datagram_open(struct pb_stack *stack, struct endpoint *endpoint, int type, int protocol,
		     struct pb_socket **socket)
{
	struct datagram_socket *s = calloc(1, sizeof *s);

	if (!s) {
		endpoint->ops->close(endpoint);
		return -ENOMEM;
	}
	s->base = (struct pb_socket){ .ops = &datagram_ops, .net = &stack->net, .ready = POLLOUT };
	s->endpoint = endpoint;
	s->type = type;
	s->protocol = protocol;
	s->peek_from = -1;
	endpoint->news.owner = s;
	stack->sockets++;
	*socket = &s->base;
	return 0;
}

static int datagram_close(struct pb_socket *socket)
{
	struct datagram_socket *s = datagram_of(socket);

	s->endpoint->ops->close(s->endpoint);
	stack_of(socket)->sockets--;
	free(s);
	return 0;
}

/* A UDP socket of IPv6 may have its IPv4 peers named in either family (Linux: __ip6_datagram_connect()). */
static int read_peer(const struct datagram_socket *s, const struct sockaddr *sa, socklen_t len, struct ip *a,
		     uint16_t *port)
{
	const struct endpoint *e = s->endpoint;
	bool plain4 = s->protocol == IPPROTO_UDP && len >= sizeof sa->sa_family && sa->sa_family == AF_INET;

	return pb_stack_read_addr(plain4 ? AF_INET : e->family, sa, len, a, port);
}

static int datagram_bind(struct pb_socket *socket, const struct sockaddr *sa, socklen_t len)
{
	struct endpoint *e = datagram_of(socket)->endpoint;
	struct ip a;
	uint16_t port;
	int rc = pb_stack_read_addr(e->family, sa, len, &a, &port);

	struct binder b = { .family = e->family,
			    .type = SOCK_DGRAM,
			    .bound = e->bound || e->connected,
			    .v6only = e->v6only,
			    .transparent = e->any || e->free,
			    .interface = e->interface };
	if (rc == 0)
		rc = pb_stack_may_bind(stack_of(socket), &b, &a);
	return rc < 0 ? rc : e->ops->bind(e, &a, port);
}

static int datagram_connect(struct pb_socket *socket, const struct sockaddr *sa, socklen_t len)
{
	struct datagram_socket *s = datagram_of(socket);
	struct endpoint *e = s->endpoint;
	struct ip a;
	uint16_t port;

	if (len >= sizeof sa->sa_family && sa->sa_family == AF_UNSPEC)
		return e->ops->connect(e, NULL, 0);
	int rc = read_peer(s, sa, len, &a, &port);
	if (rc == 0 && e->v6only && sa->sa_family == AF_INET)
		rc = -EAFNOSUPPORT;
	if (rc < 0)
		return rc;
	a = pb_stack_callee(&a, &e->local);
	return e->ops->connect(e, &a, port);
}

static int no_listen(struct pb_socket *s, int backlog)
{
	(void)s;
	(void)backlog;
	return -EOPNOTSUPP;
}

static int no_accept(struct pb_socket *s, struct pb_socket **conn)
{
	(void)s;
	(void)conn;
	return -EOPNOTSUPP;
}

/*
 * Sending
 * -----------------------------------------------------------------------------------------------------------
 */

/* To whom: the message's name, or the peer. */
static int destination(const struct datagram_socket *s, const struct msghdr *msg, struct ip *to,
		       uint16_t *port)
{
	const struct endpoint *e = s->endpoint;

	if (!msg->msg_name) {
		*to = e->peer;
		*port = e->peer_port;
		return e->connected ? 0 : -EDESTADDRREQ;
	}
	int rc = read_peer(s, msg->msg_name, msg->msg_namelen, to, port);
	if (rc == 0 && s->protocol == IPPROTO_UDP && *port == 0)
		return -EINVAL;
	if (rc == 0)
		*to = pb_stack_callee(to, &e->local);
	return rc;
}

static size_t length_of(const struct iovec *iov, size_t count)
{
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		len = iov[i].iov_len > SSIZE_MAX - len ? SSIZE_MAX : len + iov[i].iov_len;
	return len;
}

/* Copy len bytes from offset at on. */
static void copy_from(const struct iovec *iov, size_t at, uint8_t *to, size_t len)
{
	for (; len; iov++) {
		if (at >= iov->iov_len) {
			at -= iov->iov_len;
			continue;
		}
		size_t n = iov->iov_len - at < len ? iov->iov_len - at : len;
		memcpy(to, (const uint8_t *)iov->iov_base + at, n);
		to += n;
		len -= n;
		at = 0;
	}
}

/* One datagram, of len bytes from at on. */
static int send_one(struct endpoint *e, const struct msghdr *msg, size_t at, size_t len,
		    const struct ip *from, const struct ip *to, uint16_t port)
{
	struct pb_buf *b = pb_buf_new(e->env->pool, IP_HEADROOM + e->ops->headroom, len);

	if (!b)
		return -ENOBUFS;
	copy_from(msg->msg_iov, at, pb_buf_extend(b, len), len);
	return e->ops->send(e, from, to, port, b);
}

/* All, in one or, with UDP_SEGMENT, in several of equal length and perhaps a shorter one. */
static ssize_t send_all(struct endpoint *e, const struct msghdr *msg, size_t len,
			const struct datagram_wishes *w, const struct ip *to, uint16_t port)
{
	size_t piece = w->segment ? w->segment : len, done = 0;
	uint8_t ttl = e->ttl, tos = e->tos;
	int rc;

	if (w->segment && len > (size_t)w->segment * SEGMENTS_MAX)
		return -EINVAL;
	e->ttl = w->ttl;
	e->tos = w->tos;
	do {
		size_t n = len - done < piece ? len - done : piece;
		rc = send_one(e, msg, done, n, w->has_source ? &w->source : NULL, to, port);
		done += n;
	} while (rc == 0 && done < len);
	e->ttl = ttl;
	e->tos = tos;
	return rc < 0 ? rc : (ssize_t)len;
}

static ssize_t datagram_sendmsg(struct pb_socket *socket, const struct msghdr *msg, int flags)
{
	struct datagram_socket *s = datagram_of(socket);
	struct endpoint *e = s->endpoint;
	size_t len = length_of(msg->msg_iov, msg->msg_iovlen);
	struct datagram_wishes wishes;
	struct ip to;
	uint16_t port;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (e->send_shut)
		return -EPIPE;
	if (len > e->ops->data_max)
		return -EMSGSIZE;
	int rc = destination(s, msg, &to, &port);
	if (rc == 0)
		rc = pb_datagram_wishes(s, msg, &wishes);
	if (rc == 0)
		rc = pb_endpoint_take_pending(e);
	return rc < 0 ? rc : send_all(e, msg, len, &wishes, &to, port);
}

static ssize_t datagram_send(struct pb_socket *socket, const void *buf, size_t len, int flags)
{
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	return datagram_sendmsg(socket, &msg, flags);
}

/* The bytes of a file, at most a datagram of them. */
static ssize_t datagram_sendfile(struct pb_socket *socket, int fd, off_t *offset, size_t len)
{
	static const size_t most = 65507;
	size_t want = len < most ? len : most;
	uint8_t *block = malloc(want ? want : 1);
	ssize_t n = block ? pread(fd, block, want, *offset) : -1;

	if (n < 0)
		n = block ? -errno : -ENOMEM;
	else if (n > 0)
		n = datagram_send(socket, block, (size_t)n, 0);
	free(block);
	if (n > 0)
		*offset += n;
	return n;
}

/*
 * Receiving
 * ---------------------------------------------------------------------------------------------------------
 */

/* Copy as much of b as fits, from one byte on. */
static size_t scatter(const struct pb_buf *b, size_t from, const struct iovec *iov, size_t count)
{
	size_t done = 0, left = b->total - from;

	for (size_t i = 0; i < count && done < left; i++) {
		size_t n = iov[i].iov_len < left - done ? iov[i].iov_len : left - done;
		pb_buf_copy(b, from + done, iov[i].iov_base, n);
		done += n;
	}
	return done;
}

static void tell_source(const struct endpoint *e, const struct ip *from, uint16_t port, struct msghdr *msg)
{
	socklen_t len = msg->msg_namelen;

	if (msg->msg_name) {
		pb_stack_give_addr(e->family, from, port, msg->msg_name, &len);
		msg->msg_namelen = len;
	}
}

/*
 * SO_PEEK_OFF: the datagram that MSG_PEEK reads, and *from which of its bytes on: what was peeked at before is passed
 * over, whole datagrams of it, too (Linux: __skb_try_recv_from_queue()).
 */
static struct datagram *find_peeked(const struct datagram_socket *s, size_t *from)
{
	size_t off = (size_t)s->peek_from;
	struct datagram *d;

	for (uint32_t n = 0; (d = pb_endpoint_queued(s->endpoint, n)); n++) {
		if (!off || off < d->buf->total)
			break;
		off -= d->buf->total;
	}
	*from = off;
	return d;
}

/* So much has been peeked at, or read. */
static void move_peek(struct datagram_socket *s, size_t n, bool peek)
{
	size_t at = (size_t)s->peek_from;

	if (s->peek_from < 0)
		return;
	at = peek ? at + n : n < at ? at - n : 0;
	s->peek_from = at < INT_MAX ? (int)at : INT_MAX;
}

static ssize_t datagram_recvmsg(struct pb_socket *socket, struct msghdr *msg, int flags)
{
	struct datagram_socket *s = datagram_of(socket);
	struct endpoint *e = s->endpoint;

	if (flags & MSG_ERRQUEUE)
		return pb_stack_give_returned(e->family, pb_endpoint_take_error(e), msg);
	int rc = pb_endpoint_take_pending(e);
	if (rc < 0)
		return rc;
	size_t from = 0;
	bool peek = flags & MSG_PEEK;
	struct datagram *d = peek && s->peek_from > 0 ? find_peeked(s, &from) : pb_endpoint_queued(e, 0);
	if (!d)
		return e->receive_shut ? 0 : stack_settled(socket, -EAGAIN);
	size_t whole = d->buf->total, n = scatter(d->buf, from, msg->msg_iov, msg->msg_iovlen);
	tell_source(e, &d->src, d->src_port, msg);
	msg->msg_flags = from + n < whole ? MSG_TRUNC : 0;
	pb_datagram_tell(s, d, msg);
	if (!peek)
		pb_endpoint_drop_first(e);
	size_t told = flags & MSG_TRUNC ? whole : n;
	move_peek(s, told, peek);
	return stack_settled(socket, (ssize_t)told);
}

static ssize_t datagram_recv(struct pb_socket *socket, void *buf, size_t len, int flags)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	return datagram_recvmsg(socket, &msg, flags);
}

/*
 * The rest
 * ----------------------------------------------------------------------------------------------------------
 */

static int datagram_shutdown(struct pb_socket *socket, int how)
{
	struct endpoint *e = datagram_of(socket)->endpoint;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	if (!e->connected)
		return -ENOTCONN;
	e->receive_shut |= how != SHUT_WR;
	e->send_shut |= how != SHUT_RD;
	if (how != SHUT_WR)
		socket->ready |= POLLIN;
	return 0;
}

static int datagram_getsockname(struct pb_socket *socket, struct sockaddr *sa, socklen_t *len)
{
	const struct endpoint *e = datagram_of(socket)->endpoint;

	return pb_stack_give_addr(e->family, &e->local, e->local_port, sa, len);
}

static int datagram_getpeername(struct pb_socket *socket, struct sockaddr *sa, socklen_t *len)
{
	const struct endpoint *e = datagram_of(socket)->endpoint;

	return e->connected ? pb_stack_give_addr(e->family, &e->peer, e->peer_port, sa, len) : -ENOTCONN;
}

static int no_mark(struct pb_socket *s)
{
	(void)s;
	return -ENOTTY;
}

static int datagram_poll(struct pb_socket *socket)
{
	return pb_endpoint_ready(datagram_of(socket)->endpoint);
}

static const struct pb_socket_ops datagram_ops = {
	.close = datagram_close,
	.bind = datagram_bind,
	.listen = no_listen,
	.accept = no_accept,
	.connect = datagram_connect,
	.send = datagram_send,
	.sendmsg = datagram_sendmsg,
	.sendfile = datagram_sendfile,
	.recv = datagram_recv,
	.recvmsg = datagram_recvmsg,
	.shutdown = datagram_shutdown,
	.getsockopt = pb_datagram_getsockopt,
	.setsockopt = pb_datagram_setsockopt,
	.getsockname = datagram_getsockname,
	.getpeername = datagram_getpeername,
	.at_mark = no_mark,
	.poll = datagram_poll,
};
