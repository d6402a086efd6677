/* A TCP socket of a stack: stream.c its calls, stream_options.c its options. */
#ifndef PB_SOCKET_STREAM_H
#define PB_SOCKET_STREAM_H

#include "socket/stack.h"

/* What a socket has before it listens or connects. */
struct fresh {
	struct tcp_settings set;
	struct binding binding; /* port 0: not bound */
	bool bound_by_owner;    /* rather than by connecting or listening */
};

/* One of fresh, listener and conn is set. */
struct stream {
	struct pb_socket base; /* first */
	struct fresh *fresh;
	struct tcp_listener *listener;
	struct tcp_conn *conn;
	struct linger linger;
	uint8_t family;
	bool v6only, reuse_addr, reuse_port;
	bool transparent;    /* IP_TRANSPARENT: a listener for addresses that are not ours */
	bool bound_by_owner; /* conn's local address */
	bool told_connected; /* connect() has answered 0 once */
};

static inline struct stream *stream_of(const struct pb_socket *s)
{
	return (struct stream *)s;
}

int pb_stream_getsockopt(struct pb_socket *s, int level, int name, void *value, socklen_t *len);
int pb_stream_setsockopt(struct pb_socket *s, int level, int name, const void *value, socklen_t len);

#endif
