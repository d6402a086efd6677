/* The functions that the original packetdrill calls (interface.h), on a host in virtual time (adapter.h). */
#include "drill/packetdrill.h"

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
#define RECEIVE_MOST   6291456 /* Linux's tcp_rmem[2], for many years: a window scale of 7 */
#define SEND_MOST      4194304 /* tcp_wmem[2] */
#define BURST_MIN      2       /* segments: Linux's tcp_min_tso_segs */
#define MTU_MAX        65535
#define SETTINGS_BYTES 65536
#define MTU_MIN        1280 /* RFC 8200 §5 */

/* Settings --------------------------------------------------------------------------------------------------------- */

static void on_skipped(void *context, const char *what, size_t len)
{
	(void)context;
	(void)what;
	(void)len;
}

void drill_read_settings(struct adapter *a)
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
	drill_read_settings(a);
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
	drill_read_settings(a);
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
	drill_read_settings(a);
	struct address to = { sa, len, false };
	struct attempt t = { try_connect, f->socket, &to, !f->nonblocking, PB_NEVER };
	return (int)drill_adapter_leave(a, drill_adapter_try(a, &t));
}

/* Options ---------------------------------------------------------------------------------------------------------- */

static int do_getsockopt(void *userdata, int fd, int level, int name, void *value, socklen_t *len)
{
	ENTER(userdata, fd);
	return (int)drill_adapter_leave(a, pb_getsockopt(f->socket, level, name, value, len));
}

static int do_setsockopt(void *userdata, int fd, int level, int name, const void *value, socklen_t len)
{
	ENTER(userdata, fd);
	drill_read_settings(a);
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
	.fcntl = do_fcntl,
	.ioctl = do_ioctl,
	.close = do_close,
	.shutdown = do_shutdown,
	.getsockopt = do_getsockopt,
	.setsockopt = do_setsockopt,
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
	drill_transfer_functions(ifc);
	drill_ready_functions(ifc);
	drill_time_functions(ifc);
	ifc->userdata = a;
}
