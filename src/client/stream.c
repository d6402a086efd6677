#include "client/stream.h"

#include <errno.h>
#include <stddef.h>

int stream_init(struct stream *s, struct pb_socket *socket, struct tls_config *config, const char *host)
{
	*s = (struct stream){ .socket = socket, .wants = POLLIN };
	if (!config)
		return 0;
	s->tls = tls_new(config, socket, host);
	return s->tls ? 0 : -ENOMEM;
}

void stream_end(struct stream *s, bool polite)
{
	if (s->tls && polite)
		tls_goodbye(s->tls);
	tls_free(s->tls);
	s->tls = NULL;
}

/* TLS may wait for the other direction than the one called for. */
static ssize_t settle(struct stream *s, ssize_t n, int wants)
{
	if (n == -EAGAIN)
		s->wants = s->tls ? tls_wants(s->tls) : wants;
	return n;
}

int stream_handshake(struct stream *s)
{
	return s->tls ? (int)settle(s, tls_handshake(s->tls), POLLIN) : 0;
}

ssize_t stream_recv(struct stream *s, void *buf, size_t len)
{
	return settle(s, s->tls ? tls_recv(s->tls, buf, len) : pb_recv(s->socket, buf, len, 0), POLLIN);
}

ssize_t stream_send(struct stream *s, const void *buf, size_t len)
{
	return settle(s, s->tls ? tls_send(s->tls, buf, len) : pb_send(s->socket, buf, len, 0), POLLOUT);
}

bool stream_truncated(const struct stream *s)
{
	return s->tls && tls_truncated(s->tls);
}
