/*
 * The host's net: a thin layer over the kernel's sockets.
 *
 * Beside passing the calls on it keeps pb_socket.ready true for an edge-triggered epoll: a call that answers
 * EAGAIN clears its bit, and so does a read from a stream that came back short, which saves the read that
 * would only have found nothing (epoll(7), question 9). Once the end of the stream is announced there is no
 * more news to come, so a short read clears nothing then; nor once there was urgent data, at which a read
 * stops whatever is behind it.
 */
#include "base/addr.h"
#include "socket/socket.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

struct host_socket {
	struct pb_socket base;
	int fd;
	bool stream;
	bool urgent;        /* some came: reads stop at it */
	union pb_addr peer; /* of an accepted connection: accept4() gave it for nothing */
};

static const struct pb_socket_ops host_socket_ops;

static int fd_of(const struct pb_socket *s)
{
	return ((const struct host_socket *)s)->fd;
}

static int result(int rc)
{
	return rc < 0 ? -errno : rc;
}

/* The outcome of a send or receive: on EAGAIN the event is awaited. */
static ssize_t transfer(struct pb_socket *s, ssize_t n, int event)
{
	if (n >= 0)
		return n;
	if (errno == EAGAIN)
		s->ready &= ~event;
	return -errno;
}

static struct pb_socket *wrap(struct pb_net *net, int fd, bool stream, int ready)
{
	struct host_socket *h = malloc(sizeof *h);

	if (!h)
		return NULL;
	h->base = (struct pb_socket){ .ops = &host_socket_ops, .net = net, .ready = ready };
	h->fd = fd;
	h->stream = stream;
	h->urgent = false;
	h->peer.sa.sa_family = AF_UNSPEC;
	return &h->base;
}

static int host_open(struct pb_net *net, int family, int type, int protocol, struct pb_socket **s)
{
	bool stream = type == SOCK_STREAM;
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return -errno;
	*s = wrap(net, fd, stream, stream ? 0 : POLLIN | POLLOUT);
	if (*s)
		return 0;
	close(fd);
	return -ENOMEM;
}

static int host_close(struct pb_socket *s)
{
	int rc = result(close(fd_of(s)));

	free(s);
	return rc;
}

static int host_bind(struct pb_socket *s, const struct sockaddr *addr, socklen_t addrlen)
{
	return result(bind(fd_of(s), addr, addrlen));
}

static int host_listen(struct pb_socket *s, int backlog)
{
	int rc = result(listen(fd_of(s), backlog));

	if (rc == 0)
		s->ready = POLLIN; /* so that a listener inherited with callers waiting is asked once */
	return rc;
}

static int host_accept(struct pb_socket *s, struct pb_socket **conn)
{
	union pb_addr peer = { 0 };
	socklen_t len = sizeof peer;
	int fd = accept4(fd_of(s), &peer.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return (int)transfer(s, fd, POLLIN);
	*conn = wrap(s->net, fd, true, POLLIN | POLLOUT);
	if (*conn) {
		(*conn)->sole = true;
		((struct host_socket *)*conn)->peer = peer;
		return 0;
	}
	close(fd);
	return -ENOMEM;
}

static int host_connect(struct pb_socket *s, const struct sockaddr *addr, socklen_t addrlen)
{
	int rc = result(connect(fd_of(s), addr, addrlen));

	if (rc == 0)
		s->ready = POLLIN | POLLOUT;
	else if (rc == -EINPROGRESS)
		s->ready = 0;
	return rc;
}

static ssize_t host_send(struct pb_socket *s, const void *buf, size_t len, int flags)
{
	return transfer(s, send(fd_of(s), buf, len, flags | MSG_NOSIGNAL), POLLOUT);
}

static ssize_t host_sendmsg(struct pb_socket *s, const struct msghdr *msg, int flags)
{
	return transfer(s, sendmsg(fd_of(s), msg, flags | MSG_NOSIGNAL), POLLOUT);
}

/* sendfile(2) knows no MSG_NOSIGNAL: a SIGPIPE of its making is kept off the thread, and taken away. */
static ssize_t sendfile_quietly(int to, int fd, off_t *offset, size_t len)
{
	const struct timespec now = { 0 };
	sigset_t broken, before;

	sigemptyset(&broken);
	sigaddset(&broken, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &broken, &before);
	ssize_t n = sendfile(to, fd, offset, len);
	int error = errno;
	if (n < 0 && error == EPIPE)
		sigtimedwait(&broken, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return n;
}

static ssize_t host_sendfile(struct pb_socket *s, int fd, off_t *offset, size_t len)
{
	return transfer(s, sendfile_quietly(fd_of(s), fd, offset, len), POLLOUT);
}

/* Urgent data says nothing about the rest. The next one is news. */
static ssize_t fetched_urgent(struct pb_socket *s, ssize_t n)
{
	((struct host_socket *)s)->urgent = true;
	s->ready &= ~POLLPRI;
	return n < 0 ? -errno : n;
}

static ssize_t host_recv(struct pb_socket *s, void *buf, size_t len, int flags)
{
	const struct host_socket *h = (const struct host_socket *)s;

	if (flags & MSG_OOB)
		return fetched_urgent(s, recv(h->fd, buf, len, flags));
	ssize_t n = transfer(s, recv(h->fd, buf, len, flags), POLLIN);
	if (n > 0 && (size_t)n < len && !(s->ready & (POLLRDHUP | POLLERR | POLLPRI)) && !flags &&
	    h->stream && !h->urgent)
		s->ready &= ~POLLIN;
	return n;
}

static ssize_t host_recvmsg(struct pb_socket *s, struct msghdr *msg, int flags)
{
	ssize_t n = recvmsg(fd_of(s), msg, flags);

	if (flags & MSG_OOB)
		return fetched_urgent(s, n);
	/* An empty error queue says nothing about the data. */
	return n < 0 && flags & MSG_ERRQUEUE ? -errno : transfer(s, n, POLLIN);
}

static int host_shutdown(struct pb_socket *s, int how)
{
	int rc = result(shutdown(fd_of(s), how));

	if (rc == 0 && how != SHUT_WR)
		s->ready |= POLLIN; /* a read now answers 0 */
	return rc;
}

static int host_getsockopt(struct pb_socket *s, int level, int name, void *value, socklen_t *len)
{
	return result(getsockopt(fd_of(s), level, name, value, len));
}

static int host_setsockopt(struct pb_socket *s, int level, int name, const void *value, socklen_t len)
{
	return result(setsockopt(fd_of(s), level, name, value, len));
}

static int host_getsockname(struct pb_socket *s, struct sockaddr *addr, socklen_t *addrlen)
{
	return result(getsockname(fd_of(s), addr, addrlen));
}

static int host_getpeername(struct pb_socket *s, struct sockaddr *addr, socklen_t *addrlen)
{
	const struct host_socket *h = (const struct host_socket *)s;
	socklen_t len = pb_addr_len(&h->peer);

	if (h->peer.sa.sa_family == AF_UNSPEC)
		return result(getpeername(h->fd, addr, addrlen));
	memcpy(addr, &h->peer, len < *addrlen ? len : *addrlen);
	*addrlen = len;
	return 0;
}

static int host_at_mark(struct pb_socket *s)
{
	return result(sockatmark(fd_of(s)));
}

static int host_wait(struct pb_socket *s, int events, pb_time timeout)
{
	struct pollfd p = { .fd = fd_of(s), .events = (short)events };
	struct timespec t = { .tv_sec = timeout / PB_SEC(1), .tv_nsec = timeout % PB_SEC(1) };
	int n = ppoll(&p, 1, timeout == PB_NEVER ? NULL : &t, NULL);

	return n < 0 ? -errno : n ? p.revents : 0;
}

static int host_poll(struct pb_socket *s)
{
	return host_wait(s, POLLIN | POLLPRI | POLLOUT | POLLRDHUP, 0);
}

static const struct pb_socket_ops host_socket_ops = {
	.close = host_close,
	.bind = host_bind,
	.listen = host_listen,
	.accept = host_accept,
	.connect = host_connect,
	.send = host_send,
	.sendmsg = host_sendmsg,
	.sendfile = host_sendfile,
	.recv = host_recv,
	.recvmsg = host_recvmsg,
	.shutdown = host_shutdown,
	.getsockopt = host_getsockopt,
	.setsockopt = host_setsockopt,
	.getsockname = host_getsockname,
	.getpeername = host_getpeername,
	.at_mark = host_at_mark,
	.poll = host_poll,
	.wait = host_wait,
	.fd = fd_of,
};

static void host_net_close(struct pb_net *net)
{
	free(net);
}

static const struct pb_net_ops host_net_ops = {
	.name = "host",
	.open = host_open,
	.close = host_net_close,
};

int pb_net_host(struct pb_net **net)
{
	*net = calloc(1, sizeof **net);
	if (!*net)
		return -ENOMEM;
	(*net)->ops = &host_net_ops;
	return 0;
}
