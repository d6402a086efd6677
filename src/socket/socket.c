/* The sockets interface: each call goes to the net that the socket lives on. */
#include "socket/socket.h"

#include <assert.h>
#include <stddef.h>
#include <sys/uio.h>

int pb_socket_open(struct pb_net *net, int family, int type, int protocol, struct pb_socket **s)
{
	*s = NULL;
	return net->ops->open(net, family, type, protocol, s);
}

int pb_close(struct pb_socket *s)
{
	if (!s)
		return 0;
	assert(!s->watch);
	return s->ops->close(s);
}

int pb_bind(struct pb_socket *s, const struct sockaddr *addr, socklen_t addrlen)
{
	return s->ops->bind(s, addr, addrlen);
}

int pb_listen(struct pb_socket *s, int backlog)
{
	return s->ops->listen(s, backlog);
}

int pb_accept(struct pb_socket *s, struct pb_socket **conn)
{
	*conn = NULL;
	return s->ops->accept(s, conn);
}

int pb_connect(struct pb_socket *s, const struct sockaddr *addr, socklen_t addrlen)
{
	return s->ops->connect(s, addr, addrlen);
}

ssize_t pb_send(struct pb_socket *s, const void *buf, size_t len, int flags)
{
	return s->ops->send(s, buf, len, flags);
}

ssize_t pb_sendto(struct pb_socket *s, const void *buf, size_t len, int flags, const struct sockaddr *addr,
		  socklen_t addrlen)
{
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
	struct msghdr msg = {
		.msg_name = (void *)addr, .msg_namelen = addrlen, .msg_iov = &iov, .msg_iovlen = 1
	};

	return s->ops->sendmsg(s, &msg, flags);
}

ssize_t pb_sendmsg(struct pb_socket *s, const struct msghdr *msg, int flags)
{
	return s->ops->sendmsg(s, msg, flags);
}

ssize_t pb_sendfile(struct pb_socket *s, int fd, off_t *offset, size_t len)
{
	return s->ops->sendfile(s, fd, offset, len);
}

ssize_t pb_recv(struct pb_socket *s, void *buf, size_t len, int flags)
{
	return s->ops->recv(s, buf, len, flags);
}

ssize_t pb_recvfrom(struct pb_socket *s, void *buf, size_t len, int flags, struct sockaddr *addr,
		    socklen_t *addrlen)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = {
		.msg_name = addr, .msg_namelen = addr ? *addrlen : 0, .msg_iov = &iov, .msg_iovlen = 1
	};
	ssize_t n = s->ops->recvmsg(s, &msg, flags);

	if (n >= 0 && addr)
		*addrlen = msg.msg_namelen;
	return n;
}

ssize_t pb_recvmsg(struct pb_socket *s, struct msghdr *msg, int flags)
{
	return s->ops->recvmsg(s, msg, flags);
}

int pb_shutdown(struct pb_socket *s, int how)
{
	return s->ops->shutdown(s, how);
}

int pb_getsockopt(struct pb_socket *s, int level, int name, void *value, socklen_t *len)
{
	return s->ops->getsockopt(s, level, name, value, len);
}

int pb_setsockopt(struct pb_socket *s, int level, int name, const void *value, socklen_t len)
{
	return s->ops->setsockopt(s, level, name, value, len);
}

int pb_getsockname(struct pb_socket *s, struct sockaddr *addr, socklen_t *addrlen)
{
	return s->ops->getsockname(s, addr, addrlen);
}

int pb_getpeername(struct pb_socket *s, struct sockaddr *addr, socklen_t *addrlen)
{
	return s->ops->getpeername(s, addr, addrlen);
}

int pb_at_mark(struct pb_socket *s)
{
	return s->ops->at_mark(s);
}

int pb_ready(struct pb_socket *s)
{
	return s->ops->poll(s);
}

struct pb_net *pb_socket_net(const struct pb_socket *s)
{
	return s->net;
}

const char *pb_net_name(const struct pb_net *net)
{
	return net->ops->name;
}

void pb_net_close(struct pb_net *net)
{
	if (!net)
		return;
	assert(!net->loop);
	net->ops->close(net);
}
