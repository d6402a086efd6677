/* Options of a stack's TCP sockets: socket(7), tcp(7), ip(7), ipv6(7). Values and limits are Linux's. */
#include "socket/stream.h"
#include "transport/tcp/uto.h"

#include <packetboat/tcp_auth.h>
#include <packetboat/tcp_user_timeout.h>

#include <errno.h>
#include <limits.h>
#include <linux/inet_diag.h>
#include <linux/tcp.h>

#define SECONDS_MAX 32767        /* tcp.h: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL */
#define COUNT_MAX   127          /* MAX_TCP_KEEPCNT, MAX_TCP_SYNCNT */
#define DEFER_MAX   5            /* no SYN-ACK is sent more often: listen.c */
#define MSS_MIN     88           /* TCP_MIN_MSS */
#define MSS_MAX     32767        /* MAX_TCP_WINDOW */
#define UTO_MAX     (32767 * 60) /* RFC 5482 §3.3: minutes, in 15 bits */

/* c: the socket's connection, or what it would be if it did not sleep; NULL: it has none. */
static struct tcp_settings *settings_of(struct stream *s, struct tcp_conn *c)
{
	return c ? &c->set : s->kind == STREAM_LISTENER ? &s->listener->set : &s->fresh->set;
}

/* Only to be looked at: one that sleeps sleeps on, and what it would be is in room. */
static struct tcp_conn *look(const struct stream *s, struct tcp_conn *room)
{
	if (!stream_is_asleep(s))
		return stream_is_conn(s) ? (struct tcp_conn *)s->conn : NULL;
	pb_tcp_idle_look(tcp_of(s), (const struct tcp_idle *)s->conn, room);
	return room;
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

static int set_socket(struct stream *s, struct tcp_settings *set, int name, int n)
{
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
	case SO_SNDBUFFORCE: /* there are no privileges here */
	case SO_SNDBUF:
		set->send_buffer = buffer_size(n);
		set->send_fixed = true;
		return 0;
	case SO_RCVBUFFORCE:
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
	case SO_ZEROCOPY:
		return pb_stream_zerocopy_set(s, n);
	case SO_BROADCAST: /* means nothing to a stream, and is taken */
	case SO_PRIORITY:
	case SO_MARK: /* no rule asks for it */
		return 0;
	case SO_OOBINLINE:
		set->urgent_inline = n;
		return 0;
	case SO_PEEK_OFF:
		set->peek_next = n < 0 ? 0 : (uint32_t)n + 1;
		return 0;
	case SO_RCVLOWAT:
		set->receive_lowat = n < 0 ? INT_MAX : n ? (uint32_t)n : 1;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int take_error(struct tcp_conn *c)
{
	int error = c ? c->error : 0;

	if (!c)
		return 0;
	c->error = 0;
	if (!error) { /* as Linux, what has not ended it */
		error = c->soft_error;
		c->soft_error = 0;
	}
	return error;
}

static int get_socket(struct stream *s, struct tcp_conn *c, int name, int *n)
{
	const struct tcp_settings *set = settings_of(s, c);

	switch (name) {
	case SO_ERROR:
		*n = take_error(c);
		return 0;
	case SO_ACCEPTCONN:
		*n = s->kind == STREAM_LISTENER;
		return 0;
	case SO_REUSEADDR:
		*n = s->reuse_addr;
		return 0;
	case SO_REUSEPORT:
		*n = s->reuse_port;
		return 0;
	case SO_ZEROCOPY:
		*n = s->zerocopy_on;
		return 0;
	case SO_KEEPALIVE:
		*n = set->keepalive;
		return 0;
	case SO_OOBINLINE:
		*n = set->urgent_inline;
		return 0;
	case SO_PEEK_OFF:
		*n = set->peek_next ? (int)(set->peek_next - 1) : -1;
		return 0;
	case SO_RCVLOWAT:
		*n = (int)set->receive_lowat;
		return 0;
	case SO_SNDLOWAT: /* socket(7): not changeable */
		*n = 1;
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

/* How long it takes until so many SYN-ACKs have been sent again, the first after a second; Linux: retrans_to_secs(). */
static int seconds_of(unsigned syn_acks)
{
	return (1 << syn_acks) - 1;
}

static uint8_t syn_acks_in(int seconds)
{
	uint8_t n = 0;

	while (n < DEFER_MAX && seconds_of(n) < seconds)
		n++;
	return n;
}

static int set_tcp(struct stream *s, struct tcp_settings *set, int name, int n)
{
	switch (name) {
	case TCP_INQ:
		if (n < 0 || n > 1)
			return -EINVAL;
		s->tell_inq = n;
		return 0;
	case TCP_NODELAY:
		set->nodelay = n;
		return 0;
	case TCP_CORK:
		set->cork = n;
		return 0;
	case TCP_QUICKACK:
		set->acks = n ? ACKS_AT_ONCE : ACKS_DELAYED;
		return 0;
	case TCP_NOTSENT_LOWAT:
		set->notsent_lowat = (uint32_t)n;
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
	case PB_TCP_ADV_UTO:
		if (n < 0 || n > UTO_MAX)
			return -EINVAL;
		set->adv_uto = pb_tcp_uto_of((uint32_t)n);
		return 0;
	case TCP_WINDOW_CLAMP:
		set->window_clamp = n <= 0 ? 0 : n < TCP_BUFFER_MIN / 2 ? TCP_BUFFER_MIN / 2 : (uint32_t)n;
		return 0;
	case TCP_DEFER_ACCEPT: /* seconds, told in SYN-ACKs */
		set->defer_accept = syn_acks_in(n);
		return 0;
	case TCP_THIN_LINEAR_TIMEOUTS:
		set->thin_linear = n == 1;
		return n < 0 || n > 1 ? -EINVAL : 0;
	case TCP_THIN_DUPACK: /* RACK does what it was for; taken, as on Linux */
		return n < 0 || n > 1 ? -EINVAL : 0;
	case TCP_MAXSEG:
		if (n && (n < MSS_MIN || n > MSS_MAX))
			return -EINVAL;
		set->max_segment = (uint16_t)n;
		return 0;
	default:
		return pb_stream_set_fast_open(s, set, name, n);
	}
}

static int get_tcp(struct stream *s, struct tcp_conn *c, int name, int *n)
{
	const struct tcp_settings *set = settings_of(s, c);

	switch (name) {
	case TCP_INQ:
		*n = s->tell_inq;
		return 0;
	case TCP_NODELAY:
		*n = set->nodelay;
		return 0;
	case TCP_CORK:
		*n = set->cork;
		return 0;
	case TCP_QUICKACK:
		*n = set->acks != ACKS_DELAYED && !(c && c->interactive);
		return 0;
	case TCP_NOTSENT_LOWAT:
		*n = (int)set->notsent_lowat;
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
		*n = (int)((c ? tcp_user_timeout(c) : set->user_timeout) / PB_MSEC(1));
		return 0;
	case PB_TCP_ADV_UTO:
		*n = (int)pb_tcp_uto_seconds(set->adv_uto);
		return 0;
	case PB_TCP_REMOTE_UTO:
		*n = c ? (int)pb_tcp_uto_seconds(c->remote_uto) : 0;
		return 0;
	case TCP_WINDOW_CLAMP:
		*n = (int)set->window_clamp;
		return 0;
	case TCP_DEFER_ACCEPT:
		*n = seconds_of(set->defer_accept);
		return 0;
	case TCP_THIN_LINEAR_TIMEOUTS:
		*n = set->thin_linear;
		return 0;
	case TCP_THIN_DUPACK:
		*n = 0;
		return 0;
	case TCP_MAXSEG:
		*n = c && c->mss ? c->mss : set->max_segment ? set->max_segment : TCP_MSS_DEFAULT4;
		return 0;
	default:
		return pb_stream_get_fast_open(s, set, name, n);
	}
}

static int set_ttl(struct tcp_settings *set, int n)
{
	if (n < -1 || n == 0 || n > 255)
		return -EINVAL;
	set->ttl = n == -1 ? 0 : (uint8_t)n;
	return 0;
}

/* The last two bits are ECN's, and TCP's own. */
static int set_tos(struct tcp_settings *set, int n)
{
	set->tos = (uint8_t)n & (uint8_t)~ECN_MASK;
	return 0;
}

static int set_ip(struct stream *s, struct tcp_settings *set, int name, int n)
{
	switch (name) {
	case IP_TTL:
		return set_ttl(set, n);
	case IP_TOS:
		return set_tos(set, n);
	case IP_TRANSPARENT:
		s->transparent = n;
		if (n)
			stack_take_foreign(stack_of(&s->base));
		return 0;
	case IP_RECVERR:
		set->want_errors = n;
		return 0;
	case IP_FREEBIND:
		s->freebind = n;
		return 0;
	case IP_MTU_DISCOVER: /* always on for TCP */
	case IP_BIND_ADDRESS_NO_PORT:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int get_ip(struct stream *s, struct tcp_conn *c, int name, int *n)
{
	const struct tcp_settings *set = settings_of(s, c);

	switch (name) {
	case IP_TTL:
		*n = set->ttl ? set->ttl : IP_TTL_DEFAULT;
		return 0;
	case IP_TOS:
		*n = set->tos;
		return 0;
	case IP_RECVERR:
		*n = set->want_errors;
		return 0;
	case IP_TRANSPARENT:
		*n = s->transparent;
		return 0;
	case IP_FREEBIND:
		*n = s->freebind;
		return 0;
	case IP_MTU_DISCOVER:
		*n = IP_PMTUDISC_WANT;
		return 0;
	case IP_MTU:
		*n = c ? (int)c->path.mtu : 0;
		return c ? 0 : -ENOTCONN;
	default:
		return -ENOPROTOOPT;
	}
}

static int set_ip6(struct stream *s, struct tcp_settings *set, int name, int n)
{
	switch (name) {
	case IPV6_V6ONLY:
		if (s->kind != STREAM_FRESH || s->fresh->binding.port)
			return -EINVAL;
		s->v6only = n;
		return 0;
	case IPV6_UNICAST_HOPS:
		return set_ttl(set, n);
	case IPV6_TCLASS: /* RFC 3542 §6.5; -1: the default */
		return n < -1 || n > UINT8_MAX ? -EINVAL : set_tos(set, n < 0 ? 0 : n);
	case IPV6_RECVERR:
		set->want_errors = n;
		return 0;
	case IPV6_TRANSPARENT:
		return set_ip(s, set, IP_TRANSPARENT, n);
	case IPV6_FREEBIND:
		return set_ip(s, set, IP_FREEBIND, n);
	case IPV6_MTU_DISCOVER:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int get_ip6(struct stream *s, struct tcp_conn *c, int name, int *n)
{
	const struct tcp_settings *set = settings_of(s, c);

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
	case IPV6_RECVERR:
		*n = set->want_errors;
		return 0;
	case IPV6_TRANSPARENT:
		return get_ip(s, c, IP_TRANSPARENT, n);
	case IPV6_FREEBIND:
		return get_ip(s, c, IP_FREEBIND, n);
	case IPV6_MTU_DISCOVER:
		return get_ip(s, c, IP_MTU_DISCOVER, n);
	case IPV6_MTU:
		return get_ip(s, c, IP_MTU, n);
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
	struct linger linger;

	if (len < sizeof linger)
		return -EINVAL;
	memcpy(&linger, value, sizeof linger);
	s->linger_on = linger.l_onoff;
	s->linger_seconds = linger.l_linger;
	return 0;
}

static int get_bytes(const void *from, size_t size, void *value, socklen_t *len)
{
	if (*len > size)
		*len = (socklen_t)size;
	memcpy(value, from, *len);
	return 0;
}

static int get_linger(const struct stream *s, void *value, socklen_t *len)
{
	struct linger linger = { .l_onoff = s->linger_on, .l_linger = s->linger_seconds };

	return get_bytes(&linger, sizeof linger, value, len);
}

static int set_congestion(struct tcp_settings *set, const void *value, socklen_t len)
{
	const struct tcp_congestion_ops *ops = pb_tcp_congestion_find(value, strnlen(value, len));

	if (len == 0)
		return -EINVAL;
	if (!ops)
		return -ENOENT;
	set->congestion = ops;
	return 0;
}

#define NAME_MAX_LEN 16 /* Linux's TCP_CA_NAME_MAX, which it always gives */

static int get_congestion(const struct tcp_settings *set, void *value, socklen_t *len)
{
	char name[NAME_MAX_LEN] = "";

	memcpy(name, set->congestion->name, strlen(set->congestion->name));
	return get_bytes(name, sizeof name, value, len);
}

/* TCP_CC_INFO: of algorithms that have something to tell; of others, no bytes, as on Linux. */
static int get_congestion_info(const struct tcp_conn *c, void *value, socklen_t *len)
{
	const struct tcp_congestion *g = c ? &c->congestion : NULL;
	union tcp_cc_info info;
	size_t size = g && g->ops && g->ops->info ? g->ops->info(g, &info) : 0;

	return get_bytes(&info, size, value, len);
}

static int get_info(const struct stream *s, const struct tcp_conn *c, void *value, socklen_t *len)
{
	struct tcp_info info = { .tcpi_state = s->kind == STREAM_LISTENER ? STATE_LISTEN : STATE_CLOSED };

	if (c)
		pb_tcp_info(c, &info);
	if (s->kind == STREAM_LISTENER) { /* as Linux: who waits, and how many may */
		info.tcpi_unacked = s->listener->waiting_count;
		info.tcpi_sacked = s->listener->backlog;
	}
	return get_bytes(&info, sizeof info, value, len);
}

/*
 * The calls
 * ---------------------------------------------------------------------------------------------------------
 */

static bool is_auth(int level, int name)
{
	return level == IPPROTO_TCP &&
	       (name == TCP_MD5SIG || name == TCP_MD5SIG_EXT || name == PB_TCP_AO_ADD_KEY ||
		name == PB_TCP_AO_DEL_KEY || name == PB_TCP_AO_INFO);
}

static int get_ao_info(const struct tcp_settings *set, void *value, socklen_t *len)
{
	struct pb_tcp_ao_info info;
	int rc = pb_stream_get_ao_info(set->auth, &info);

	return rc < 0 ? rc : get_bytes(&info, sizeof info, value, len);
}

static int set_option(struct stream *s, struct tcp_settings *set, int level, int name, const void *value,
		      socklen_t len)
{
	int n, rc;

	if (level == SOL_SOCKET && name == SO_BINDTODEVICE)
		return pb_stack_interface_named(stack_of(&s->base), value, len, &set->bound);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return set_congestion(set, value, len);
	if (level == IPPROTO_TCP && name == TCP_FASTOPEN_KEY)
		return pb_stream_set_fast_open_key(s, value, len);
	rc = pb_stack_option_in(level, value, len, &n);
	if (rc < 0)
		return rc;
	if (level == SOL_SOCKET)
		return set_socket(s, set, name, n);
	if (level == IPPROTO_TCP)
		return set_tcp(s, set, name, n);
	if (level == IPPROTO_IP)
		return set_ip(s, set, name, n);
	return level == IPPROTO_IPV6 && s->family == AF_INET6 ? set_ip6(s, set, name, n) : -ENOPROTOOPT;
}

/* What is bound already is shared, or no longer, with those who come from now on. */
static void share_port(struct stream *s, struct tcp_conn *c)
{
	struct binding *b = c                         ? &c->binding
			    : s->kind == STREAM_FRESH ? &s->fresh->binding
						      : &s->listener->binding;

	b->reuse_addr = s->reuse_addr;
	b->reuse_port = s->reuse_port;
}

int pb_stream_setsockopt(struct pb_socket *socket, int level, int name, const void *value, socklen_t len)
{
	struct stream *s = stream_of(socket);

	if (level == SOL_SOCKET && name == SO_LINGER)
		return set_linger(s, value, len);
	struct tcp_conn *c = stream_is_conn(s) ? pb_tcp_awake(tcp_of(s), s->conn) : NULL;
	if (stream_is_conn(s) && !c)
		return -ENOBUFS;
	struct tcp_settings *set = settings_of(s, c);
	int rc = is_auth(level, name) ? pb_stream_set_auth(s, c, set, name, value, len)
				      : set_option(s, set, level, name, value, len);
	if (rc == 0 && level == SOL_SOCKET)
		share_port(s, c);
	if (rc == 0 && c && level == IPPROTO_TCP && (name == PB_TCP_ADV_UTO || name == TCP_USER_TIMEOUT))
		pb_tcp_uto_changed(c);
	if (rc == 0 && c)
		pb_tcp_settings_changed(c);
	if (rc == 0 && c && level == IPPROTO_TCP && name == TCP_NODELAY && c->set.nodelay)
		pb_tcp_push(c); /* as Linux: even what TCP_CORK holds */
	return rc;
}

static int get_int(struct stream *s, struct tcp_conn *c, int level, int name, int *n)
{
	if (level == SOL_SOCKET)
		return get_socket(s, c, name, n);
	if (level == IPPROTO_TCP)
		return get_tcp(s, c, name, n);
	if (level == IPPROTO_IP)
		return get_ip(s, c, name, n);
	return level == IPPROTO_IPV6 && s->family == AF_INET6 ? get_ip6(s, c, name, n) : -ENOPROTOOPT;
}

int pb_stream_getsockopt(struct pb_socket *socket, int level, int name, void *value, socklen_t *len)
{
	struct stream *s = stream_of(socket);
	struct tcp_conn room, *c = look(s, &room);
	int n = 0, rc;

	if (level == SOL_SOCKET && name == SO_LINGER)
		return get_linger(s, value, len);
	if (level == SOL_SOCKET && name == SO_BINDTODEVICE)
		return pb_stack_interface_name(stack_of(socket), settings_of(s, c)->bound, value, len);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return get_congestion(settings_of(s, c), value, len);
	if (level == IPPROTO_TCP && name == TCP_INFO)
		return get_info(s, c, value, len);
	if (level == IPPROTO_TCP && name == TCP_CC_INFO)
		return get_congestion_info(c, value, len);
	if (level == IPPROTO_TCP && name == PB_TCP_AO_INFO)
		return get_ao_info(settings_of(s, c), value, len);
	if (level == IPPROTO_TCP && name == TCP_FASTOPEN_KEY)
		return pb_stream_get_fast_open_key(s, value, len);
	rc = get_int(s, c, level, name, &n);
	return rc < 0 ? rc : pb_stack_int_out(n, value, len);
}
