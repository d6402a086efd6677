/* What the original packetdrill sends and receives, from buffers, files and pipes. */
#include "drill/opening.h"
#include "drill/packetdrill.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define SEND_FILE_PART 65536

struct message {
	struct msghdr *msg;
	int flags;
	size_t total, done;
	bool is_waiting; /* it has been tried */
	struct opening opening;
};

static size_t total_of(const struct msghdr *msg)
{
	size_t total = 0;

	for (size_t i = 0; i < msg->msg_iovlen; i++)
		total += msg->msg_iov[i].iov_len;
	return total;
}

/* Leave out of a message what has gone. */
static void advance(struct msghdr *msg, size_t n)
{
	while (n > 0) {
		struct iovec *v = msg->msg_iov;
		size_t part = n < v->iov_len ? n : v->iov_len;
		v->iov_base = (char *)v->iov_base + part;
		v->iov_len -= part;
		n -= part;
		if (v->iov_len == 0) {
			msg->msg_iov++;
			msg->msg_iovlen--;
		}
	}
}

/* A call that blocks goes on, whenever there is room again, until all has been taken; else it takes what fits. */
static ssize_t try_send(struct adapter *a, struct attempt *t)
{
	struct message *m = t->context;
	ssize_t rc = drill_opening_progress(&m->opening, t->socket);

	(void)a;
	if (rc < 0)
		return rc;
	if (m->opening.over && m->done == m->total)
		return (ssize_t)m->done;
	if (m->is_waiting && !(pb_ready(t->socket) & (POLLOUT | POLLERR | POLLHUP)))
		return -EAGAIN;
	m->is_waiting = t->blocks;
	int flags = m->flags & ~(m->opening.over ? MSG_DONTWAIT | MSG_FASTOPEN : MSG_DONTWAIT);
	if (t->blocks)
		flags |= drill_opening_flags(t->socket);
	rc = pb_sendmsg(t->socket, m->msg, flags);
	if (t->blocks)
		drill_opening_note(&m->opening, t->socket, rc);
	if (rc > 0) {
		m->done += (size_t)rc;
		advance(m->msg, (size_t)rc);
	}
	if (m->opening.waits)
		return -EAGAIN;
	if (rc < 0 && (rc != -EAGAIN || !t->blocks) && m->done)
		return (ssize_t)m->done;
	if (rc < 0)
		return rc;
	return m->done < m->total && t->blocks ? -EAGAIN : (ssize_t)m->done;
}

static ssize_t try_receive(struct adapter *a, struct attempt *t)
{
	struct message *m = t->context;

	(void)a;
	return pb_recvmsg(t->socket, m->msg, m->flags & ~MSG_DONTWAIT);
}

/* The kernel looks where memory is nobody's. Scripts say NULL for it. */
static bool is_nowhere(const struct msghdr *msg)
{
	for (size_t i = 0; i < msg->msg_iovlen; i++)
		if (msg->msg_iov[i].iov_len && !msg->msg_iov[i].iov_base)
			return true;
	return false;
}

static ssize_t transfer(void *userdata, int fd, struct msghdr *msg, int flags,
			ssize_t (*try)(struct adapter *, struct attempt *))
{
	ENTER(userdata, fd);
	if (is_nowhere(msg))
		return drill_adapter_leave(a, -EFAULT);
	if (flags & MSG_FASTOPEN)
		drill_read_settings(a);
	struct message m = { .msg = msg, .flags = flags, .total = total_of(msg) };
	bool blocks = !f->nonblocking && !(flags & (MSG_DONTWAIT | MSG_ERRQUEUE));
	struct attempt t = { try, f->socket, &m, blocks, PB_NEVER };
	return drill_adapter_leave(a, drill_adapter_try(a, &t));
}

#define PARTS_MAX 1024 /* IOV_MAX */

/* The parts are copied, as a call that waits counts them down. */
static ssize_t do_sendmsg(void *userdata, int fd, const struct msghdr *msg, int flags)
{
	struct iovec parts[PARTS_MAX];
	struct msghdr copy = *msg;

	if (msg->msg_iovlen > PARTS_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(parts, msg->msg_iov, msg->msg_iovlen * sizeof *parts);
	copy.msg_iov = parts;
	return transfer(userdata, fd, &copy, flags, try_send);
}

static ssize_t do_sendto(void *userdata, int fd, const void *buf, size_t len, int flags,
			 const struct sockaddr *sa, socklen_t sa_len)
{
	struct iovec part = { (void *)buf, len };
	struct msghdr msg = {
		.msg_name = (void *)sa, .msg_namelen = sa ? sa_len : 0, .msg_iov = &part, .msg_iovlen = 1
	};

	return do_sendmsg(userdata, fd, &msg, flags);
}

static ssize_t do_send(void *userdata, int fd, const void *buf, size_t len, int flags)
{
	return do_sendto(userdata, fd, buf, len, flags, NULL, 0);
}

static ssize_t do_write(void *userdata, int fd, const void *buf, size_t len)
{
	if (!drill_adapter_of(fd))
		return write(fd, buf, len);
	return do_sendto(userdata, fd, buf, len, 0, NULL, 0);
}

static ssize_t do_writev(void *userdata, int fd, const struct iovec *parts, int count)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)parts, .msg_iovlen = count < 0 ? 0 : (size_t)count };

	return do_sendmsg(userdata, fd, &msg, 0);
}

static ssize_t do_recvmsg(void *userdata, int fd, struct msghdr *msg, int flags)
{
	return transfer(userdata, fd, msg, flags, try_receive);
}

static ssize_t do_recvfrom(void *userdata, int fd, void *buf, size_t len, int flags, struct sockaddr *sa,
			   socklen_t *sa_len)
{
	struct iovec part = { buf, len };
	struct msghdr msg = {
		.msg_name = sa, .msg_namelen = sa_len ? *sa_len : 0, .msg_iov = &part, .msg_iovlen = 1
	};
	ssize_t rc = do_recvmsg(userdata, fd, &msg, flags);

	if (sa_len)
		*sa_len = msg.msg_namelen;
	return rc;
}

static ssize_t do_recv(void *userdata, int fd, void *buf, size_t len, int flags)
{
	return do_recvfrom(userdata, fd, buf, len, flags, NULL, NULL);
}

static ssize_t do_read(void *userdata, int fd, void *buf, size_t len)
{
	if (!drill_adapter_of(fd))
		return read(fd, buf, len);
	return do_recvfrom(userdata, fd, buf, len, 0, NULL, NULL);
}

static ssize_t do_readv(void *userdata, int fd, const struct iovec *parts, int count)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)parts, .msg_iovlen = count < 0 ? 0 : (size_t)count };

	return do_recvmsg(userdata, fd, &msg, 0);
}

/* Pipes and files -------------------------------------------------------------------------------------------------- */

static int do_pipe(void *userdata, int fds[2])
{
	(void)userdata;
	return pipe2(fds, O_CLOEXEC);
}

static bool is_at_mark(struct adapter *a, int fd)
{
	drill_adapter_lock(a);
	bool is = pb_at_mark(a->fd[fd].socket) > 0;
	drill_adapter_leave(a, 0);
	return is;
}

/* Urgent data that are in the way are an end, as on Linux: nobody waits for what is behind them. */
static ssize_t read_part(struct adapter *a, int fd, void *bytes, size_t len)
{
	if (!drill_adapter_of(fd))
		return read(fd, bytes, len);
	return is_at_mark(a, fd) ? 0 : do_read(a, fd, bytes, len);
}

/* No more than a pipe takes, so that what was read can be written. */
static ssize_t pass_on(struct adapter *a, int in, int out, size_t len)
{
	char bytes[PIPE_BUF];
	size_t done = 0;

	while (done < len) {
		size_t left = len - done;
		ssize_t n = read_part(a, in, bytes, left < sizeof bytes ? left : sizeof bytes);
		if (n > 0)
			n = do_write(a, out, bytes, (size_t)n);
		if (n <= 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
		if ((size_t)n < sizeof bytes)
			break;
	}
	return (ssize_t)done;
}

ssize_t drill_sendfile(struct adapter *a, int out, int in, off_t *offset, size_t len)
{
	char bytes[SEND_FILE_PART];
	size_t done = 0;

	while (done < len) {
		size_t left = len - done;
		ssize_t n = pread(in, bytes, left < sizeof bytes ? left : sizeof bytes, *offset);
		if (n > 0)
			n = do_write(a, out, bytes, (size_t)n);
		if (n <= 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
		*offset += n;
	}
	return (ssize_t)done;
}

static int do_splice(void *userdata, int in, loff_t *in_offset, int out, loff_t *out_offset, size_t len,
		     unsigned flags)
{
	(void)flags;
	if (*in_offset ||
	    *out_offset) { /* packetdrill has always one; but neither end is a file: splice(2) */
		errno = ESPIPE;
		return -1;
	}
	return pass_on(userdata, in, out, len);
}

void drill_transfer_functions(struct packetdrill_interface *ifc)
{
	ifc->read = do_read;
	ifc->readv = do_readv;
	ifc->recv = do_recv;
	ifc->recvfrom = do_recvfrom;
	ifc->recvmsg = do_recvmsg;
	ifc->write = do_write;
	ifc->writev = do_writev;
	ifc->send = do_send;
	ifc->sendto = do_sendto;
	ifc->sendmsg = do_sendmsg;
	ifc->pipe = do_pipe;
	ifc->splice = do_splice;
}
