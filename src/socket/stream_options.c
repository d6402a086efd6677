/* Options of a stack's TCP sockets: socket(7), tcp(7), ip(7), ipv6(7). Values and limits are Linux's. */
#include "socket/stream.h"

#include <errno.h>
#include <linux/tcp.h>

#define SECONDS_MAX 32767 /* tcp.h: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL */
#define COUNT_MAX   127   /* MAX_TCP_KEEPCNT, MAX_TCP_SYNCNT */
#define MSS_MIN     88    /* TCP_MIN_MSS */
#define MSS_MAX     32767 /* MAX_TCP_WINDOW */

static struct tcp_settings *settings_of(struct stream *s)
{
	return s->conn ? &s->conn->set : s->listener ? &s->listener->set : &s->fresh->set;
}

/*
 * Each takes a value that has been read, or answers it in *n; -ENOPROTOOPT: it is no option of this level.
 * --------------
 */

/*
 * The kernel doubles what it is told, to have room for its own (socket(7)); so what is read is what it would
 * answer.
 */
static uint32_t buffer_size(int n)
{
	int64_t size = (int64_t)n * 2;

	return size < TCP_BUFFER_MIN   ? TCP_BUFFER_MIN
	       : size > TCP_BUFFER_MAX ? TCP_BUFFER_MAX
				       : (uint32_t)size;
}

static int set_socket(struct stream *s, int name, int n)
{
	struct tcp_settings *set = settings_of(s);

	switch (name) {
	case SO_REUSEADDR:
		s->reuse_addr = n;
		return 0;
	case SO_REUSEPORT:
		s->reuse_port = n;
		return 0;
	case SO_KEEPALIVE:
		set->keepalive = n;
		return 0;
	case SO_SNDBUF:
		set->send_buffer = buffer_size(n);
		set->send_fixed = true;
		return 0;
	case SO_RCVBUF:
		set->receive_buffer = buffer_size(n);
		set->receive_fixed = true;
		return 0;
	case SO_MAX_PACING_RATE: /* bytes a second; all ones: no limit */
		set->max_pacing_rate = n == -1 ? 0 : (uint32_t)n;
		return 0;
	case SO_BINDTOIFINDEX:
		set->bound = n < 0 ? 0 : (unsigned)n;
		return n < 0 ? -EINVAL : 0;
	case SO_BROADCAST: /* means nothing to a stream, and is taken */
	case SO_OOBINLINE:
	case SO_PRIORITY:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int take_error(struct stream *s)
{
	int error = s->conn ? s->conn->error : 0;

	if (s->conn)
		s->conn->error = 0;
	return error;
}

static int get_socket(struct stream *s, int name, int *n)
{
	const struct tcp_settings *set = settings_of(s);

	switch (name) {
	case SO_ERROR:
		*n = take_error(s);
		return 0;
	case SO_ACCEPTCONN:
		*n = s->listener != NULL;
		return 0;
	case SO_REUSEADDR:
		*n = s->reuse_addr;
		return 0;
	case SO_REUSEPORT:
		*n = s->reuse_port;
		return 0;
	case SO_KEEPALIVE:
		*n = set->keepalive;
		return 0;
	case SO_SNDBUF:
		*n = (int)set->send_buffer;
		return 0;
	case SO_RCVBUF:
		*n = (int)set->receive_buffer;
		return 0;
	case SO_MAX_PACING_RATE:
		*n = set->max_pacing_rate ? (int)set->max_pacing_rate : -1;
		return 0;
	case SO_BINDTOIFINDEX:
		*n = (int)set->bound;
		return 0;
	default:
		return pb_stack_identity(name, s->family, SOCK_STREAM, IPPROTO_TCP, n);
	}
}

static int set_seconds(pb_time *t, int n, int least)
{
	if (n < least || n > SECONDS_MAX)
		return -EINVAL;
	*t = PB_SEC(n);
	return 0;
}

static int set_count(uint8_t *count, int n)
{
	if (n < 1 || n > COUNT_MAX)
		return -EINVAL;
	*count = (uint8_t)n;
	return 0;
}

static int set_tcp(struct stream *s, int name, int n)
{
	struct tcp_settings *set = settings_of(s);

	switch (name) {
	case TCP_NODELAY:
		set->nodelay = n;
		return 0;
	case TCP_CORK:
		set->cork = n;
		return 0;
	case TCP_QUICKACK:
		set->quickack = n;
		return 0;
	case TCP_KEEPIDLE:
		return set_seconds(&set->keep_idle, n, 1);
	case TCP_KEEPINTVL:
		return set_seconds(&set->keep_interval, n, 1);
	case TCP_KEEPCNT:
		return set_count(&set->keep_count, n);
	case TCP_SYNCNT:
		return set_count(&set->syn_retries, n);
	case TCP_LINGER2:
		return set_seconds(&set->linger_fin_wait, n, 0);
	case TCP_USER_TIMEOUT: /* milliseconds */
		if (n < 0)
			return -EINVAL;
		set->user_timeout = PB_MSEC(n);
		return 0;
	case TCP_MAXSEG:
		if (n && (n < MSS_MIN || n > MSS_MAX))
			return -EINVAL;
		set->max_segment = (uint16_t)n;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int get_tcp(struct stream *s, int name, int *n)
{
	const struct tcp_settings *set = settings_of(s);

	switch (name) {
	case TCP_NODELAY:
		*n = set->nodelay;
		return 0;
	case TCP_CORK:
		*n = set->cork;
		return 0;
	case TCP_QUICKACK:
		*n = set->quickack;
		return 0;
	case TCP_KEEPIDLE:
		*n = (int)(set->keep_idle / PB_SEC(1));
		return 0;
	case TCP_KEEPINTVL:
		*n = (int)(set->keep_interval / PB_SEC(1));
		return 0;
	case TCP_KEEPCNT:
		*n = set->keep_count;
		return 0;
	case TCP_SYNCNT:
		*n = set->syn_retries;
		return 0;
	case TCP_LINGER2:
		*n = (int)(set->linger_fin_wait / PB_SEC(1));
		return 0;
	case TCP_USER_TIMEOUT:
		*n = (int)(set->user_timeout / PB_MSEC(1));
		return 0;
	case TCP_MAXSEG:
		*n = s->conn && s->conn->mss ? s->conn->mss
		     : set->max_segment      ? set->max_segment
					     : TCP_MSS_DEFAULT4;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int set_ttl(struct tcp_settings *set, int n)
{
	if (n < -1 || n == 0 || n > 255)
		return -EINVAL;
	set->ttl = n == -1 ? 0 : (uint8_t)n;
	return 0;
}

static int set_ip(struct stream *s, int name, int n)
{
	switch (name) {
	case IP_TTL:
		return set_ttl(settings_of(s), n);
	case IP_TOS:
		settings_of(s)->tos = (uint8_t)n;
		return 0;
	case IP_TRANSPARENT:
		s->transparent = n;
		if (n)
			stack_take_foreign(stack_of(&s->base));
		return 0;
	case IP_MTU_DISCOVER: /* always on for TCP */
	case IP_RECVERR:      /* its errors are told by every call */
	case IP_BIND_ADDRESS_NO_PORT:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int get_ip(struct stream *s, int name, int *n)
{
	const struct tcp_settings *set = settings_of(s);

	switch (name) {
	case IP_TTL:
		*n = set->ttl ? set->ttl : IP_TTL_DEFAULT;
		return 0;
	case IP_TOS:
		*n = set->tos;
		return 0;
	case IP_TRANSPARENT:
		*n = s->transparent;
		return 0;
	case IP_MTU:
		*n = s->conn ? (int)s->conn->path.mtu : 0;
		return s->conn ? 0 : -ENOTCONN;
	default:
		return -ENOPROTOOPT;
	}
}

static int set_ip6(struct stream *s, int name, int n)
{
	switch (name) {
	case IPV6_V6ONLY:
		if (!s->fresh || s->fresh->binding.port)
			return -EINVAL;
		s->v6only = n;
		return 0;
	case IPV6_UNICAST_HOPS:
		return set_ttl(settings_of(s), n);
	case IPV6_TCLASS:
		settings_of(s)->tos = (uint8_t)n;
		return 0;
	case IPV6_RECVERR:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int get_ip6(struct stream *s, int name, int *n)
{
	const struct tcp_settings *set = settings_of(s);

	switch (name) {
	case IPV6_V6ONLY:
		*n = s->v6only;
		return 0;
	case IPV6_UNICAST_HOPS:
		*n = set->ttl ? set->ttl : IP_TTL_DEFAULT;
		return 0;
	case IPV6_TCLASS:
		*n = set->tos;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/*
 * Those that are no integers
 * ---------------------------------------------------------------------------------------
 */

static int set_linger(struct stream *s, const void *value, socklen_t len)
{
	if (len < sizeof s->linger)
		return -EINVAL;
	memcpy(&s->linger, value, sizeof s->linger);
	return 0;
}

static int get_bytes(const void *from, size_t size, void *value, socklen_t *len)
{
	if (*len > size)
		*len = (socklen_t)size;
	memcpy(value, from, *len);
	return 0;
}

static int set_congestion(struct stream *s, const void *value, socklen_t len)
{
	const struct tcp_congestion_ops *ops = pb_tcp_congestion_find(value, strnlen(value, len));

	if (!ops)
		return -ENOENT;
	settings_of(s)->congestion = ops;
	return 0;
}

static int get_info(struct stream *s, void *value, socklen_t *len)
{
	struct tcp_info info = { .tcpi_state = s->listener ? STATE_LISTEN : STATE_CLOSED };

	if (s->conn)
		pb_tcp_info(s->conn, &info);
	if (s->listener) { /* as Linux: who waits, and how many may */
		info.tcpi_unacked = s->listener->waiting_count;
		info.tcpi_sacked = s->listener->backlog;
	}
	return get_bytes(&info, sizeof info, value, len);
}

/*
 * The calls
 * ---------------------------------------------------------------------------------------------------------
 */

int pb_stream_setsockopt(struct pb_socket *socket, int level, int name, const void *value, socklen_t len)
{
	struct stream *s = stream_of(socket);
	int n, rc;

	if (level == SOL_SOCKET && name == SO_LINGER)
		return set_linger(s, value, len);
	if (level == SOL_SOCKET && name == SO_BINDTODEVICE)
		return pb_stack_interface_named(stack_of(socket), value, len, &settings_of(s)->bound);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return set_congestion(s, value, len);
	rc = pb_stack_int_in(value, len, &n);
	if (rc < 0)
		return rc;
	if (level == SOL_SOCKET)
		rc = set_socket(s, name, n);
	else if (level == IPPROTO_TCP)
		rc = set_tcp(s, name, n);
	else if (level == IPPROTO_IP)
		rc = set_ip(s, name, n);
	else
		rc = level == IPPROTO_IPV6 && s->family == AF_INET6 ? set_ip6(s, name, n) : -ENOPROTOOPT;
	if (rc == 0 && s->conn)
		pb_tcp_settings_changed(s->conn);
	return rc;
}

int pb_stream_getsockopt(struct pb_socket *socket, int level, int name, void *value, socklen_t *len)
{
	struct stream *s = stream_of(socket);
	int n = 0, rc;

	if (level == SOL_SOCKET && name == SO_LINGER)
		return get_bytes(&s->linger, sizeof s->linger, value, len);
	if (level == SOL_SOCKET && name == SO_BINDTODEVICE)
		return pb_stack_interface_name(stack_of(socket), settings_of(s)->bound, value, len);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return get_bytes(settings_of(s)->congestion->name,
				 strlen(settings_of(s)->congestion->name) + 1, value, len);
	if (level == IPPROTO_TCP && name == TCP_INFO)
		return get_info(s, value, len);
	if (level == SOL_SOCKET)
		rc = get_socket(s, name, &n);
	else if (level == IPPROTO_TCP)
		rc = get_tcp(s, name, &n);
	else if (level == IPPROTO_IP)
		rc = get_ip(s, name, &n);
	else
		rc = level == IPPROTO_IPV6 && s->family == AF_INET6 ? get_ip6(s, name, &n) : -ENOPROTOOPT;
	return rc < 0 ? rc : pb_stack_int_out(n, value, len);
}
