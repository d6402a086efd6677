/* A connection to talk over, plain or with TLS: the one who talks need not know which. */
#ifndef CLIENT_STREAM_H
#define CLIENT_STREAM_H

#include "client/tls.h"

struct stream {
	struct pb_socket *socket;
	struct tls *tls; /* NULL: plain */
	int wants;       /* after -EAGAIN: POLLIN or POLLOUT */
};

/* Begin on a connected socket, which stays the caller's. config: NULL is plain. 0 or -ENOMEM. */
int stream_init(struct stream *s, struct pb_socket *socket, struct tls_config *config, const char *host);

/* Say goodbye if polite, and forget the TLS session. */
void stream_end(struct stream *s, bool polite);

/* As tls_handshake(), tls_recv(), tls_send(); a plain stream has no handshake to make. */
int stream_handshake(struct stream *s);
ssize_t stream_recv(struct stream *s, void *buf, size_t len);
ssize_t stream_send(struct stream *s, const void *buf, size_t len);

/* After stream_recv() answered 0: whether the end was forged or broken rather than said. A plain end is
 * believed. */
bool stream_truncated(const struct stream *s);

#endif
