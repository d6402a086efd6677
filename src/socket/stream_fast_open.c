/* TCP_FASTOPEN and its likes on a stack's TCP sockets, as tcp(7) and Linux have them: TCP fast open, RFC 7413. */
#include "socket/stream.h"

#include <errno.h>
#include <netinet/tcp.h>

/* Where a socket has what a listener needs of it; NULL: it is a connection. */
static unsigned *queue_of(struct stream *s)
{
	if (stream_is_conn(s))
		return NULL;
	return s->kind == STREAM_LISTENER ? &s->listener->fast_open.most : &s->fresh->fast_open_queue;
}

static struct fast_open_keys *keys_of(struct stream *s)
{
	if (stream_is_conn(s))
		return NULL;
	return s->kind == STREAM_LISTENER ? &s->listener->fast_open.keys : &s->fresh->fast_open_keys;
}

static int set_queue(struct stream *s, int n)
{
	unsigned *queue = queue_of(s);
	size_t most = tcp_of(s)->limits.syns_max;

	if (n < 0 || !queue)
		return -EINVAL;
	*queue = (size_t)n < most ? (unsigned)n : (unsigned)most;
	return 0;
}

static int set_connect(struct stream *s, struct tcp_settings *set, int n)
{
	if (n < 0 || n > 1)
		return -EINVAL;
	if (!(tcp_of(s)->limits.fast_open & FAST_OPEN_CLIENT))
		return -EOPNOTSUPP;
	if (s->kind != STREAM_FRESH)
		return -EINVAL;
	set->fast_open_connect = n;
	return 0;
}

static int set_no_cookie(struct stream *s, struct tcp_settings *set, int n)
{
	if (n < 0 || n > 1 || stream_is_conn(s))
		return -EINVAL;
	set->fast_open_no_cookie = n;
	return 0;
}

int pb_stream_set_fast_open(struct stream *s, struct tcp_settings *set, int name, int n)
{
	switch (name) {
	case TCP_FASTOPEN:
		return set_queue(s, n);
	case TCP_FASTOPEN_CONNECT:
		return set_connect(s, set, n);
	case TCP_FASTOPEN_NO_COOKIE:
		return set_no_cookie(s, set, n);
	default:
		return -ENOPROTOOPT;
	}
}

int pb_stream_get_fast_open(struct stream *s, const struct tcp_settings *set, int name, int *n)
{
	const unsigned *queue = queue_of(s);

	switch (name) {
	case TCP_FASTOPEN:
		*n = queue ? (int)*queue : 0;
		return 0;
	case TCP_FASTOPEN_CONNECT:
		*n = set->fast_open_connect;
		return 0;
	case TCP_FASTOPEN_NO_COOKIE:
		*n = set->fast_open_no_cookie;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* One key, or the present one and the one before. */
int pb_stream_set_fast_open_key(struct stream *s, const void *value, socklen_t len)
{
	struct fast_open_keys *keys = keys_of(s);

	if ((len != FAST_OPEN_KEY_LEN && len != FAST_OPEN_KEYS_MAX * FAST_OPEN_KEY_LEN) || !keys)
		return -EINVAL;
	keys->count = len / FAST_OPEN_KEY_LEN;
	memcpy(keys->key, value, len);
	return 0;
}

int pb_stream_get_fast_open_key(struct stream *s, void *value, socklen_t *len)
{
	static const struct fast_open_keys none;
	const struct fast_open_keys *given = keys_of(s);
	struct fast_open_keys keys = pb_fast_open_keys(tcp_of(s), given ? given : &none);
	socklen_t size = keys.count * FAST_OPEN_KEY_LEN;

	if (*len > size)
		*len = size;
	memcpy(value, keys.key, *len);
	return 0;
}
