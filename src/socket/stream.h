/*
 * A TCP socket of a stack: stream.c its calls, stream_options.c its options, of which stream_fast_open.c has fast
 * open's, stream_auth.c the keys to sign with, stream_zerocopy.c MSG_ZEROCOPY.
 */
#ifndef PB_SOCKET_STREAM_H
#define PB_SOCKET_STREAM_H

#include "socket/stack.h"
#include "transport/tcp/idle.h"
#include "transport/tcp/listen.h"
#include "transport/tcp/tcp.h"

/* What a socket has before it listens or connects. */
struct fresh {
	struct tcp_settings set;
	struct binding binding;   /* port 0: not bound */
	bool bound_by_owner;      /* rather than by connecting or listening */
	unsigned fast_open_queue; /* TCP_FASTOPEN, for when it listens */
	struct fast_open_keys fast_open_keys;
};

enum stream_kind { STREAM_FRESH, STREAM_LISTENER, STREAM_CONN };

/* Small: there are as many as there are connections. */
struct stream {
	struct pb_socket base; /* first */
	union {
		struct fresh *fresh;
		struct tcp_listener *listener;
		struct pair_entry *conn; /* a tcp_conn, or asleep; TCP changes it */
	};
	struct stream_zerocopy *zerocopy; /* stream_zerocopy.c; NULL: it was never asked for */
	int linger_seconds;
	uint8_t family;
	uint8_t kind; /* enum stream_kind */
	bool linger_on : 1;
	bool v6only : 1, reuse_addr : 1, reuse_port : 1;
	bool transparent : 1;    /* IP_TRANSPARENT: a listener for addresses that are not ours */
	bool bound_by_owner : 1; /* conn's local address */
	bool freebind : 1;       /* IP_FREEBIND: at an address that may become ours */
	bool told_connected : 1; /* connect() has answered 0 once */
	bool tell_inq : 1;       /* TCP_INQ: what is left to be read goes beside what is read */
	bool zerocopy_on : 1;    /* SO_ZEROCOPY */
};

static inline struct stream *stream_of(const struct pb_socket *s)
{
	return (struct stream *)s;
}

static inline struct tcp *tcp_of(const struct stream *s)
{
	return stack_of(&s->base)->tcp;
}

static inline bool stream_is_conn(const struct stream *s)
{
	return s->kind == STREAM_CONN;
}

static inline bool stream_is_asleep(const struct stream *s)
{
	return stream_is_conn(s) && tcp_is_asleep(s->conn);
}

bool pb_socket_is_stream(const struct pb_socket *s); /* of a stack of ours */
/* stream_auth.c: the options that give keys to sign with. set: the settings of s, of c if it has a connection. */
int pb_stream_set_auth(struct stream *s, struct tcp_conn *c, struct tcp_settings *set, int name,
		       const void *value, socklen_t len);
struct pb_tcp_ao_info;
int pb_stream_get_ao_info(const struct tcp_auth *auth, struct pb_tcp_ao_info *info);

int pb_stream_getsockopt(struct pb_socket *s, int level, int name, void *value, socklen_t *len);
int pb_stream_setsockopt(struct pb_socket *s, int level, int name, const void *value, socklen_t len);

/* SO_ZEROCOPY. 0, -EINVAL, -ENOMEM. */
int pb_stream_zerocopy_set(struct stream *s, int n);
/* A call with MSG_ZEROCOPY has sent something. */
void pb_stream_zerocopy_sent(struct stream *s, struct tcp_conn *c);
/* Something is to be read with MSG_ERRQUEUE, and it is read: 0, -EAGAIN. */
bool pb_stream_zerocopy_is_due(const struct stream *s);
ssize_t pb_stream_zerocopy_tell(struct stream *s, struct msghdr *msg);
void pb_stream_zerocopy_free(struct stream *s);
/* stream_fast_open.c: those that are numbers (-ENOPROTOOPT: it is none of these), and TCP_FASTOPEN_KEY. */
int pb_stream_set_fast_open(struct stream *s, struct tcp_settings *set, int name, int n);
int pb_stream_get_fast_open(struct stream *s, const struct tcp_settings *set, int name, int *n);
int pb_stream_set_fast_open_key(struct stream *s, const void *value, socklen_t len);
int pb_stream_get_fast_open_key(struct stream *s, void *value, socklen_t *len);

#endif
