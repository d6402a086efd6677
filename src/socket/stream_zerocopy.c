/*
 * MSG_ZEROCOPY (Linux's Documentation/networking/msg_zerocopy.rst): a user who has asked for it with SO_ZEROCOPY is
 * told, on the socket's error queue, from when on the memory that he sent from is his again. It is copied, and so it
 * is his at once, and he is told that, too: SO_EE_CODE_ZEROCOPY_COPIED is what tells a user to try no more. Who can
 * give memory away has pb_give().
 */
#include "socket/control.h"
#include "socket/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

/* Calls are counted; those that he has not been told of yet are a range. */
struct stream_zerocopy {
	uint32_t first, next;
};

int pb_stream_zerocopy_set(struct stream *s, int n)
{
	if (n < 0 || n > 1)
		return -EINVAL;
	if (n && !s->zerocopy && !(s->zerocopy = calloc(1, sizeof *s->zerocopy)))
		return -ENOMEM;
	s->zerocopy_on = n;
	return 0;
}

void pb_stream_zerocopy_sent(struct stream *s, struct tcp_conn *c)
{
	s->zerocopy->next++;
	readiness_tell(&c->news, c->tcp->env, POLLERR);
}

bool pb_stream_zerocopy_is_due(const struct stream *s)
{
	return s->zerocopy->first != s->zerocopy->next;
}

ssize_t pb_stream_zerocopy_tell(struct stream *s, struct msghdr *msg)
{
	struct control c = { .msg = msg };

	if (!s->zerocopy || !pb_stream_zerocopy_is_due(s))
		return -EAGAIN;
	struct control_error e = {
		.error = {.ee_origin = SO_EE_ORIGIN_ZEROCOPY,
                          .ee_code = SO_EE_CODE_ZEROCOPY_COPIED,
                          .ee_info = s->zerocopy->first,
                          .ee_data = s->zerocopy->next - 1},
	};
	msg->msg_flags = MSG_ERRQUEUE;
	msg->msg_namelen = 0;
	pb_control_add_error(&c, s->family, &e);
	pb_control_end(&c);
	s->zerocopy->first = s->zerocopy->next;
	return 0;
}

void pb_stream_zerocopy_free(struct stream *s)
{
	free(s->zerocopy);
}
