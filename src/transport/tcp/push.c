#include "transport/tcp/push.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/seq.h"

#include <stdlib.h>

/* A ring, in order of sequence numbers; those that are acknowledged are as good as gone. */
struct tcp_pushes {
	unsigned first, count;
	seq end[PUSHES_MAX];
};

static seq earlier_at(const struct tcp_pushes *p, unsigned i)
{
	return p->end[(p->first + i) % PUSHES_MAX];
}

/* Without memory it is forgotten. */
static void remember(struct tcp_conn *c, seq end)
{
	struct tcp_pushes *p = c->push.earlier;

	if (!p) {
		p = c->push.earlier = malloc(sizeof *p);
		if (!p)
			return;
		p->first = p->count = 0;
	}
	while (p->count && (p->count == PUSHES_MAX || seq_le(earlier_at(p, 0), c->snd_una))) {
		p->first = (p->first + 1) % PUSHES_MAX;
		p->count--;
	}
	p->end[(p->first + p->count++) % PUSHES_MAX] = end;
}

void pb_tcp_push_end(struct tcp_conn *c)
{
	seq end = seq_add(c->snd_una, c->sendq.bytes);

	if (c->push.is_known && seq_lt(c->push.last, end))
		remember(c, c->push.last);
	c->push.last = end;
	c->push.is_known = true;
}

void pb_tcp_push_joined(struct tcp_conn *c)
{
	struct tcp_pushes *p = c->push.earlier;

	if (!c->push.is_known || !seq_lt(c->snd_max, c->push.last))
		return;
	c->push.is_known = p && p->count;
	if (c->push.is_known)
		c->push.last = earlier_at(p, --p->count);
}

bool pb_tcp_push_is_at(const struct tcp_conn *c, seq end)
{
	const struct tcp_pushes *p = c->push.earlier;

	if (!c->push.is_known)
		return false;
	if (seq_eq(end, c->push.last))
		return true;
	for (unsigned i = p ? p->count : 0; i > 0; i--)
		if (seq_eq(earlier_at(p, i - 1), end))
			return true;
	return false;
}

uint32_t pb_tcp_push_together(const struct tcp_conn *c, seq start, uint32_t len)
{
	const struct tcp_pushes *p = c->push.earlier;
	seq end = seq_add(start, len);

	if (!c->push.is_known)
		return len;
	if (seq_lt(start, c->push.last) && seq_le(c->push.last, end))
		return c->push.last.v - start.v;
	for (unsigned i = p ? p->count : 0; i > 0; i--) {
		seq cut = earlier_at(p, i - 1);
		if (seq_le(cut, end))
			return seq_lt(start, cut) ? cut.v - start.v : len;
	}
	return len;
}

uint32_t pb_tcp_push_first(const struct tcp_conn *c, seq start, uint32_t len)
{
	const struct tcp_pushes *p = c->push.earlier;

	for (unsigned i = 0; c->push.is_known && p && i < p->count; i++)
		if (seq_lt(start, earlier_at(p, i)) && seq_lt(earlier_at(p, i), seq_add(start, len)))
			return earlier_at(p, i).v - start.v;
	return len;
}

void pb_tcp_push_over(struct tcp_conn *c)
{
	c->push.is_known = false;
	if (c->push.earlier)
		c->push.earlier->count = 0;
}

void pb_tcp_push_free(struct tcp_conn *c)
{
	if (c->push.earlier)
		free(c->push.earlier);
	c->push = (struct tcp_push){ 0 };
}
