/*
 * A call that opens a connection as it sends, with MSG_FASTOPEN or after TCP_FASTOPEN_CONNECT, and blocks: it waits
 * for the handshake, and then sends the rest. Where the handshake fails, nothing has been sent, whatever the SYN
 * held.
 */
#ifndef DRILL_OPENING_H
#define DRILL_OPENING_H

#include <packetboat/socket.h>
#include <stdbool.h>

struct opening {
	bool waits; /* for the handshake */
	bool over;  /* which is done: MSG_FASTOPEN has had its effect */
};

/* What a send that blocks is to say besides, while it opens: the rest follows at once. MSG_MORE, or 0. */
int drill_opening_flags(struct pb_socket *s);

/* A send has answered rc: whether it has begun to open. */
void drill_opening_note(struct opening *o, struct pb_socket *s, ssize_t rc);

/* 0: there is nothing to wait for any more; -EAGAIN; why it failed. */
int drill_opening_progress(struct opening *o, struct pb_socket *s);

#endif
