/*
 * Urgent data (RFC 9293 §3.8.5, RFC 6093), as Linux has it: the urgent pointer marks the end of what is urgent, and the
 * byte before it is what recv(MSG_OOB) gives, out of the row, unless SO_OOBINLINE leaves it in the stream. A read stops
 * at the mark. Only the last mark counts, as RFC 6093 §3.3 has to allow; new programs do without any (§5).
 *
 * A connection has the state only while it has a mark, either way.
 */
#include "transport/tcp/urgent.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/recvq.h"
#include "transport/tcp/seq.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#define POINTER_MAX 65535 /* it has 16 bits; what is farther away is told of as it comes nearer */

/* -- State */

static struct tcp_urgent *need(struct tcp_conn *c)
{
	if (!c->urgent)
		c->urgent = calloc(1, sizeof *c->urgent);
	return c->urgent;
}

void pb_tcp_urgent_free(struct tcp_conn *c)
{
	free(c->urgent);
	c->urgent = NULL;
}

static void settle(struct tcp_conn *c)
{
	if (!c->urgent->sending && c->urgent->in == URGENT_NONE)
		pb_tcp_urgent_free(c);
}

/* -- Sending */

void pb_tcp_urgent_mark(struct tcp_conn *c)
{
	struct tcp_urgent *u = need(c);

	if (!u)
		return;
	u->sending = true;
	u->up = seq_add(c->snd_una, c->sendq.bytes);
}

void pb_tcp_urgent_write(const struct tcp_conn *c, struct tcp_header *h)
{
	const struct tcp_urgent *u = c->urgent;
	uint32_t distance = u->up.v - h->seq;

	if (!u->sending || !seq_lt((seq){ h->seq }, u->up))
		return;
	h->flags |= TCP_URG;
	h->urgent = (uint16_t)(distance < POINTER_MAX ? distance : POINTER_MAX);
}

void pb_tcp_urgent_acked(struct tcp_conn *c)
{
	if (!c->urgent->sending || seq_lt(c->snd_una, c->urgent->up))
		return;
	c->urgent->sending = false;
	settle(c);
}

/* -- Receiving */

/* The number of the next byte that the user reads. */
static seq next_read(const struct tcp_conn *c)
{
	return (seq){ c->rcv_nxt.v - c->fin_received - (uint32_t)c->recvq.packets.bytes };
}

/* What is to be read before the marked byte. */
static uint32_t before_mark(const struct tcp_conn *c)
{
	return c->urgent->mark.v - next_read(c).v;
}

static bool is_at_mark(const struct tcp_conn *c)
{
	return c->urgent && c->urgent->in != URGENT_NONE && before_mark(c) == 0;
}

static void forget_mark(struct tcp_conn *c)
{
	c->urgent->in = URGENT_NONE;
	settle(c);
}

/* The mark, which is known to be in the stream, is behind us once the user reads on. */
static void pass_over_mark(struct tcp_conn *c)
{
	if (!c->set.urgent_inline)
		pb_tcp_recvq_drop(&c->recvq, 1);
	forget_mark(c);
}

/* Sixth of §3.10.7.4, an urgent pointer. The mark is the byte before where it points to (RFC 6093 §2.1). */
static void take_pointer(struct tcp_conn *c, const struct tcp_segment *s)
{
	seq mark = seq_add(s->seq, (uint32_t)(s->h.urgent ? s->h.urgent - 1 : 0));

	if (seq_lt(mark, c->rcv_nxt)) /* it came before */
		return;
	if (c->urgent && c->urgent->in != URGENT_NONE && seq_le(mark, c->urgent->mark))
		return;
	if (is_at_mark(c) && c->recvq.packets.bytes && !c->set.urgent_inline)
		pb_tcp_recvq_drop(&c->recvq, 1); /* a newer one takes its place: nobody will fetch it */
	struct tcp_urgent *u = need(c);
	if (!u)
		return;
	u->in = URGENT_TO_COME;
	u->mark = mark;
}

void pb_tcp_urgent_input(struct tcp_conn *c, const struct tcp_segment *s)
{
	if (s->h.flags & TCP_URG)
		take_pointer(c, s);
	if (!c->urgent || c->urgent->in != URGENT_TO_COME)
		return;
	uint32_t at = c->urgent->mark.v - s->seq.v;
	if (at >= s->text_len)
		return;
	pb_buf_copy(s->text, at, &c->urgent->byte, 1);
	c->urgent->in = URGENT_HERE;
	tcp_tell(c, POLLPRI);
}

int pb_tcp_urgent_receive(struct tcp_conn *c, uint8_t *byte, bool peek)
{
	struct tcp_urgent *u = c->urgent;

	if (c->set.urgent_inline || !u || u->in == URGENT_NONE || u->in == URGENT_FETCHED)
		return -EINVAL;
	if (u->in == URGENT_TO_COME)
		return c->fin_received || c->receive_shut || c->state == STATE_CLOSED ? 0 : -EAGAIN;
	*byte = u->byte;
	if (!peek)
		u->in = URGENT_FETCHED;
	return 1;
}

bool pb_tcp_urgent_at_mark(const struct tcp_conn *c)
{
	return is_at_mark(c);
}

size_t pb_tcp_urgent_readable(const struct tcp_conn *c)
{
	size_t bytes = c->recvq.packets.bytes;

	return bytes && is_at_mark(c) && !c->set.urgent_inline ? bytes - 1 : bytes;
}

/* Up to the mark; or, if that is where the user is, from it on. */
size_t pb_tcp_urgent_read(struct tcp_conn *c, const struct iovec *iov, size_t iovcnt, bool peek)
{
	size_t bytes = c->recvq.packets.bytes, from = 0, most = bytes;

	if (c->urgent->in != URGENT_NONE && before_mark(c) < bytes) {
		most = before_mark(c);
		if (most == 0) {
			from = !c->set.urgent_inline;
			most = bytes - from;
		}
	}
	size_t n = pb_tcp_recvq_copy(&c->recvq, from, most, iov, iovcnt);
	if (peek)
		return n;
	if (bytes && is_at_mark(c) && (n || from))
		pass_over_mark(c);
	pb_tcp_recvq_drop(&c->recvq, n);
	return n;
}

/* Without a copy: a packet ends at the mark. */
struct pb_buf *pb_tcp_urgent_take(struct tcp_conn *c)
{
	struct pb_buf_queue *packets = &c->recvq.packets;

	if (packets->count && is_at_mark(c))
		pass_over_mark(c);
	if (!packets->count)
		return NULL;
	struct pb_buf *first = packets->first;
	bool cut = c->urgent && c->urgent->in != URGENT_NONE && before_mark(c) < first->total;
	if (!cut)
		return pb_buf_queue_shift(packets);
	uint32_t len = before_mark(c);
	struct pb_buf *text = pb_buf_slice(first, 0, len);
	if (text)
		pb_tcp_recvq_drop(&c->recvq, len);
	return text;
}
