/* The functions that the original packetdrill calls (interface.h), on a host in virtual time (adapter.h). */
#include "drill/adapter.h"
#include "drill/interface.h"
#include "drill/interpose.h"
#include "drill/opening.h"
#include "socket/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MTU_DEFAULT    1500
#define SEND_FILE_PART 65536
#define RECEIVE_MOST   6291456 /* Linux's tcp_rmem[2], for many years: a window scale of 7 */
#define SEND_MOST      4194304 /* tcp_wmem[2] */
#define BURST_MIN      2       /* segments: Linux's tcp_min_tso_segs */
#define MTU_MAX        65535
#define PACKET_WAIT    PB_SEC(60) /* for a packet that does not come: then the script has failed */
#define EXIT_NO_PACKET 1
#define SETTINGS_BYTES 65536
#define MTU_MIN        1280 /* RFC 8200 §5 */
#define ICMP6_GROUPS                                                                                         \
	130 /* first and last type of what a host says about groups and neighbours: RFC 2710, 4861 */
#define ICMP6_NEIGHBOUR 143
#define ICMP6_AT        40 /* behind the IPv6 header; and behind a hop-by-hop header of 8 */

static struct adapter_fd *find(struct adapter *a, int fd)
{
	if (fd < 0 || fd >= ADAPTER_FDS_MAX || !a->fd[fd].socket)
		return NULL;
	return &a->fd[fd];
}

/* Calls that never wait: the socket, or an answer of -EBADF. */
#define ENTER(userdata, number)                                                                              \
	struct adapter *a = (userdata);                                                                      \
	drill_adapter_lock(a);                                                                               \
	struct adapter_fd *f = find(a, (number));                                                            \
	if (!f)                                                                                              \
	return (int)drill_adapter_leave(a, -EBADF)

/* Settings --------------------------------------------------------------------------------------------------------- */

static void on_skipped(void *context, const char *what, size_t len)
{
	(void)context;
	(void)what;
	(void)len;
}

/* What `sysctl` would have set: written by whoever stands in for it, and read anew before calls that heed it. */
static void read_settings(struct adapter *a)
{
	const char *path = getenv("PACKETBOAT_SYSCTL");
	FILE *file = path ? fopen(path, "re") : NULL;
	static char text[SETTINGS_BYTES];

	if (!file)
		return;
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	a->settings.count = a->settings.flushes = 0;
	a->settings.paced = false;
	drill_settings_read(&a->settings, text, on_skipped, NULL);
	drill_settings_apply_to_stack(&a->settings, a->host.stack);
}

/* Opening and closing ---------------------------------------------------------------------------------------------- */

static int do_socket(void *userdata, int family, int type, int protocol)
{
	struct adapter *a = userdata;
	struct pb_socket *s;

	drill_adapter_lock(a);
	read_settings(a);
	int rc = pb_socket_open(pb_stack_net(a->host.stack), family, type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC),
				protocol, &s);
	if (rc < 0)
		return (int)drill_adapter_leave(a, rc);
	drill_settings_apply(&a->settings, s);
	ssize_t fd = drill_adapter_add(a, s, NULL);
	if (fd >= 0)
		a->fd[fd].nonblocking = type & SOCK_NONBLOCK;
	return (int)drill_adapter_leave(a, fd);
}

static int do_close(void *userdata, int fd)
{
	struct adapter *a = userdata;

	if (!drill_adapter_of(fd)) /* a file, or a pipe */
		return close(fd);
	drill_adapter_lock(a);
	int rc = drill_adapter_remove(a, fd);
	close(fd);
	return (int)drill_adapter_leave(a, rc);
}

/* Where a script has an address of its own (--local_ip), packetdrill would give it to the device that it makes. */
static int bind_anywhere(struct adapter *a, struct pb_socket *s, const struct sockaddr *sa, socklen_t len)
{
	unsigned bits = sa->sa_family == AF_INET6 ? 128 : 32;
	int rc = pb_bind(s, sa, len);

	if (rc != -EADDRNOTAVAIL)
		return rc;
	rc = pb_stack_add_address(a->host.stack, a->host.index, sa, bits, PB_USE_AT_ONCE);
	return rc < 0 ? -EADDRNOTAVAIL : pb_bind(s, sa, len);
}

static int do_bind(void *userdata, int fd, const struct sockaddr *sa, socklen_t len)
{
	ENTER(userdata, fd);
	return (int)drill_adapter_leave(a, bind_anywhere(a, f->socket, sa, len));
}

static int do_listen(void *userdata, int fd, int backlog)
{
	ENTER(userdata, fd);
	read_settings(a);
	return (int)drill_adapter_leave(a, pb_listen(f->socket, backlog));
}

static int do_shutdown(void *userdata, int fd, int how)
{
	ENTER(userdata, fd);
	return (int)drill_adapter_leave(a, pb_shutdown(f->socket, how));
}

static ssize_t try_accept(struct adapter *a, struct attempt *t)
{
	(void)a;
	return pb_accept(t->socket, (struct pb_socket **)t->context);
}

/* Whose call it was, even if it is over: then pb_getpeername() does not tell. */
static void tell_caller(const struct pb_socket *conn, struct sockaddr *sa, socklen_t *len)
{
	const struct stream *s = stream_of(conn);

	pb_stack_give_addr(s->family, &s->conn->pair.remote, s->conn->pair.remote_port, sa, len);
}

static int do_accept(void *userdata, int fd, struct sockaddr *sa, socklen_t *len)
{
	ENTER(userdata, fd);
	struct pb_socket *conn = NULL;
	struct attempt t = { try_accept, f->socket, &conn, !f->nonblocking, PB_NEVER };
	ssize_t rc = drill_adapter_try(a, &t);
	if (rc < 0)
		return (int)drill_adapter_leave(a, rc);
	if (sa && len)
		tell_caller(conn, sa, len);
	return (int)drill_adapter_leave(a, drill_adapter_add(a, conn, NULL));
}

struct address {
	const struct sockaddr *sa;
	socklen_t len;
	bool begun;
};

static ssize_t try_connect(struct adapter *a, struct attempt *t)
{
	struct address *to = t->context;
	int rc = pb_connect(t->socket, to->sa, to->len);

	(void)a;
	if (t->blocks && (rc == -EINPROGRESS || (to->begun && rc == -EALREADY))) {
		to->begun = true;
		return -EAGAIN;
	}
	return rc;
}

static int do_connect(void *userdata, int fd, const struct sockaddr *sa, socklen_t len)
{
	ENTER(userdata, fd);
	read_settings(a);
	struct address to = { sa, len, false };
	struct attempt t = { try_connect, f->socket, &to, !f->nonblocking, PB_NEVER };
	return (int)drill_adapter_leave(a, drill_adapter_try(a, &t));
}

/* Sending and receiving -------------------------------------------------------------------------------------------- */

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
		read_settings(a);
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

/* Options and readiness -------------------------------------------------------------------------------------------- */

static int do_getsockopt(void *userdata, int fd, int level, int name, void *value, socklen_t *len)
{
	ENTER(userdata, fd);
	return (int)drill_adapter_leave(a, pb_getsockopt(f->socket, level, name, value, len));
}

static int do_setsockopt(void *userdata, int fd, int level, int name, const void *value, socklen_t len)
{
	ENTER(userdata, fd);
	read_settings(a);
	return (int)drill_adapter_leave(a, pb_setsockopt(f->socket, level, name, value, len));
}

static int do_fcntl(void *userdata, int fd, int command, ...)
{
	va_list args;

	va_start(args, command);
	int flags = command == F_SETFL ? va_arg(args, int) : 0;
	va_end(args);
	ENTER(userdata, fd);
	if (command == F_GETFL)
		return (int)drill_adapter_leave(a, O_RDWR | (f->nonblocking ? O_NONBLOCK : 0));
	if (command == F_SETFL)
		f->nonblocking = flags & O_NONBLOCK;
	return (int)drill_adapter_leave(a, command == F_SETFL ? 0 : -EINVAL);
}

static int do_ioctl(void *userdata, int fd, unsigned long request, ...)
{
	va_list args;

	va_start(args, request);
	int *value = va_arg(args, int *);
	va_end(args);
	ENTER(userdata, fd);
	if (request == SIOCATMARK) {
		int mark = pb_at_mark(f->socket);
		*value = mark > 0;
		return (int)drill_adapter_leave(a, mark < 0 ? mark : 0);
	}
	struct socket_queues q = drill_host_queues(&a->host, f->socket);
	if (request == SIOCINQ)
		*value = (int)q.receive;
	else if (request == SIOCOUTQ)
		*value = (int)q.send;
	return (int)drill_adapter_leave(a, request == SIOCINQ || request == SIOCOUTQ ? 0 : -ENOTTY);
}

struct polled {
	struct pollfd *fds;
	nfds_t count;
};

static ssize_t try_poll(struct adapter *a, struct attempt *t)
{
	struct polled *p = t->context;
	ssize_t ready = 0;

	for (nfds_t i = 0; i < p->count; i++) {
		const struct adapter_fd *f = find(a, p->fds[i].fd);
		int wanted = p->fds[i].events | POLLERR | POLLHUP;
		p->fds[i].revents = (short)(f ? pb_ready(f->socket) & wanted : POLLNVAL);
		ready += p->fds[i].revents != 0;
	}
	if (ready == 0 && a->host.now < t->deadline)
		return -EAGAIN;
	return ready;
}

static int do_poll(void *userdata, struct pollfd *fds, nfds_t count, int timeout)
{
	struct adapter *a = userdata;
	struct polled p = { fds, count };

	drill_adapter_lock(a);
	struct attempt t = { try_poll, NULL, &p, true,
			     timeout < 0 ? PB_NEVER : a->host.now + PB_MSEC(timeout) };
	ssize_t rc = drill_adapter_try(a, &t);
	return (int)drill_adapter_leave(a, rc == -EAGAIN ? 0 : rc);
}

/* epoll ------------------------------------------------------------------------------------------------------------ */

static struct epoll_set *find_epoll(struct adapter *a, int fd)
{
	return fd >= 0 && fd < ADAPTER_FDS_MAX ? a->fd[fd].epoll : NULL;
}

static int do_epoll_create(void *userdata, int size)
{
	struct adapter *a = userdata;

	drill_adapter_lock(a);
	if (size <= 0)
		return (int)drill_adapter_leave(a, -EINVAL);
	struct epoll_set *e = drill_epoll_new();
	return (int)drill_adapter_leave(a, e ? drill_adapter_add(a, NULL, e) : -ENOMEM);
}

static int do_epoll_ctl(void *userdata, int epoll, int op, int fd, struct epoll_event *event)
{
	ENTER(userdata, fd);
	struct epoll_set *e = find_epoll(a, epoll);
	if (!e)
		return (int)drill_adapter_leave(a, drill_adapter_of(epoll) ? -EINVAL : -EBADF);
	if (!event && op != EPOLL_CTL_DEL)
		return (int)drill_adapter_leave(a, -EFAULT);
	return (int)drill_adapter_leave(a, drill_epoll_control(e, op, f->socket, event));
}

struct epoll_wait {
	struct epoll_set *set;
	struct epoll_event *events;
	int most;
};

static ssize_t try_epoll(struct adapter *a, struct attempt *t)
{
	struct epoll_wait *w = t->context;
	int n = drill_epoll_take(w->set, w->events, w->most);

	return n == 0 && a->host.now < t->deadline ? -EAGAIN : n;
}

static int do_epoll_wait(void *userdata, int epoll, struct epoll_event *events, int most, int timeout)
{
	struct adapter *a = userdata;

	drill_adapter_lock(a);
	struct epoll_wait w = { find_epoll(a, epoll), events, most };
	if (!w.set || most <= 0)
		return (int)drill_adapter_leave(a, drill_adapter_of(epoll) ? -EINVAL : -EBADF);
	pb_time deadline = timeout < 0 ? PB_NEVER : a->host.now + PB_MSEC(timeout);
	struct attempt t = { try_epoll, NULL, &w, true, deadline };
	ssize_t rc = drill_adapter_try(a, &t);
	return (int)drill_adapter_leave(a, rc == -EAGAIN ? 0 : rc);
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

/* Packets and time ------------------------------------------------------------------------------------------------- */

static int do_netdev_send(void *userdata, const void *bytes, size_t len)
{
	struct adapter *a = userdata;

	drill_adapter_lock(a);
	return (int)drill_adapter_leave(a, drill_host_hear(&a->host, bytes, len) ? 0 : -ENOBUFS);
}

/* What IPv6 says to its neighbours is nothing that a script speaks of. */
static bool is_housekeeping(const struct seen *s)
{
	if (s->len <= ICMP6_AT || s->bytes[0] >> 4 != 6)
		return false;
	if (s->bytes[6] == IPPROTO_HOPOPTS)
		return true;
	return s->bytes[6] == IPPROTO_ICMPV6 && s->bytes[ICMP6_AT] >= ICMP6_GROUPS &&
	       s->bytes[ICMP6_AT] <= ICMP6_NEIGHBOUR;
}

/* The next packet. Who waits for one that never comes would wait for ever, as packetdrill knows no time-out here. */
static struct seen *next_packet(struct adapter *a)
{
	pb_time limit = a->host.now + PACKET_WAIT;

	for (;;) {
		struct seen *s = drill_host_take(&a->host);
		if (s && !is_housekeeping(s))
			return s;
		free(s);
		if (!s && (a->host.broken || !drill_adapter_step(a, limit))) {
			fprintf(stderr, "packetboat: %s, at %.6f s of the clock\n",
				a->host.broken ? a->host.broken : "an expected packet was not sent",
				(double)a->host.now / 1e9);
			_exit(EXIT_NO_PACKET);
		}
	}
}

static int do_netdev_receive(void *userdata, void *bytes, size_t *len, long long *when)
{
	struct adapter *a = userdata;

	drill_adapter_lock(a);
	struct seen *s = next_packet(a);
	bool fits = s->len <= *len;
	if (fits) {
		memcpy(bytes, s->bytes, s->len);
		*len = s->len;
		*when = s->when / 1000;
	}
	free(s);
	return (int)drill_adapter_leave(a, fits ? 0 : -EMSGSIZE);
}

static int do_usleep(void *userdata, useconds_t microseconds)
{
	struct adapter *a = userdata;

	drill_adapter_lock(a);
	drill_adapter_pass_time(a, a->host.now + (pb_time)microseconds * 1000);
	drill_adapter_let_return(a);
	return (int)drill_adapter_leave(a, 0);
}

/* Who looks at the clock in a loop is to see it move: by a microsecond each time. */
static int do_gettimeofday(void *userdata, struct timeval *tv, struct timezone *tz)
{
	struct adapter *a = userdata;

	(void)tz;
	drill_adapter_lock(a);
	pb_time now = a->host.now;
	if (a->returned_to && pthread_equal(a->returned_to, pthread_self())) {
		now = a->returned_at;
		a->returned_to = 0;
	} else {
		drill_adapter_pass_time(a, now + 1000);
	}
	*tv = (struct timeval){ now / 1000000000, now % 1000000000 / 1000 };
	return (int)drill_adapter_leave(a, 0);
}

/* Beginning and end ------------------------------------------------------------------------------------------------ */

static void do_free(void *userdata)
{
	drill_adapter_close(userdata);
}

static const struct packetdrill_interface functions = {
	.free = do_free,
	.socket = do_socket,
	.bind = do_bind,
	.listen = do_listen,
	.accept = do_accept,
	.connect = do_connect,
	.read = do_read,
	.readv = do_readv,
	.recv = do_recv,
	.recvfrom = do_recvfrom,
	.recvmsg = do_recvmsg,
	.write = do_write,
	.writev = do_writev,
	.send = do_send,
	.sendto = do_sendto,
	.sendmsg = do_sendmsg,
	.fcntl = do_fcntl,
	.ioctl = do_ioctl,
	.close = do_close,
	.shutdown = do_shutdown,
	.getsockopt = do_getsockopt,
	.setsockopt = do_setsockopt,
	.poll = do_poll,
	.netdev_send = do_netdev_send,
	.netdev_receive = do_netdev_receive,
	.usleep = do_usleep,
	.gettimeofday = do_gettimeofday,
	.epoll_create = do_epoll_create,
	.epoll_ctl = do_epoll_ctl,
	.epoll_wait = do_epoll_wait,
	.pipe = do_pipe,
	.splice = do_splice,
};

static uint32_t mtu_of(const char *flags)
{
	const char *at = flags ? strstr(flags, "mtu=") : NULL;
	long n = at ? strtol(at + 4, NULL, 10) : MTU_DEFAULT;

	return n >= MTU_MIN && n <= MTU_MAX ? (uint32_t)n : MTU_DEFAULT;
}

void packetdrill_interface_init(const char *flags, struct packetdrill_interface *ifc)
{
	struct adapter *a;
	struct host_options o = { .mtu = mtu_of(flags), .whole = false };

	pb_ip_parse(&o.address[0].ip, "192.168.0.1");
	o.address[0].bits = 16;
	pb_ip_parse(&o.address[1].ip, "fd3d:0a0b:17d6::1");
	o.address[1].bits = 48;
	o.address_count = 2;
	int rc = drill_adapter_open(&a, &o);
	if (rc < 0) {
		fprintf(stderr, "packetboat: no host: %s\n", strerror(-rc));
		exit(EXIT_NO_PACKET);
	}
	a->host.stack->tcp->limits.burst_min = BURST_MIN;
	a->host.stack->tcp->limits.steep_slow_start = true;
	a->host.stack->tcp->limits.receive_buffer_max = RECEIVE_MOST;
	a->host.stack->tcp->limits.send_buffer_max = SEND_MOST;
	a->host.stack->tcp->limits.takes_unstamped = true;
	a->host.stack->tcp->limits.probes_empty = true;
	drill_interpose();
	*ifc = functions;
	ifc->userdata = a;
}
