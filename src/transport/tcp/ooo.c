/*
 * Text that came ahead of a gap: ranges in order of sequence numbers, none touching another, each a queue of packets
 * in a row. Whatever came first stays; of what comes again, only
 * the new is kept. How much there may be is bounded thrice: in bytes by the window, which the caller cuts to, and in
 * ranges and packets here, as each of them, however short, costs memory.
 *
 * A second row has the ranges in the order in which they were last heard of, as SACK tells of them (RFC 2018 §4).
 */
#include "transport/tcp/tcp.h"

#include <stdlib.h>

#define RANGES_MAX   256
#define PACKETS_MAX  8192 /* and as many more as carry so much each on average: what a large window brings */
#define PACKET_WORTH 512

struct ooo_range {
	struct ooo_range *next;
	struct ooo_range *newer, *older; /* heard of after this one, and before */
	seq start, end;
	struct pb_buf_queue packets;
};

/* The last range that begins before or at s, or NULL; *next: the one behind it. */
static struct ooo_range *before(const struct ooo *q, seq s, struct ooo_range **next)
{
	struct ooo_range *r = NULL;

	for (*next = q->first; *next && seq_le((*next)->start, s); *next = r->next)
		r = *next;
	return r;
}

static void forget(struct ooo *q, struct ooo_range *r)
{
	if (r->newer)
		r->newer->older = r->older;
	else
		q->latest = r->older;
	if (r->older)
		r->older->newer = r->newer;
}

/* r was not in the row, or has been taken out of it. */
static void remember(struct ooo *q, struct ooo_range *r)
{
	r->newer = NULL;
	r->older = q->latest;
	if (q->latest)
		q->latest->newer = r;
	q->latest = r;
}

/* The peer has just sent some of r. */
static void hear_of(struct ooo *q, struct ooo_range *r)
{
	if (q->latest == r)
		return;
	forget(q, r);
	remember(q, r);
}

static void remove_range(struct ooo *q, struct ooo_range **at)
{
	struct ooo_range *gone = *at;

	forget(q, gone);
	*at = gone->next;
	q->ranges--;
	free(gone);
}

/* A new empty range at s, behind previous (NULL: the first). NULL: too many, or no memory. */
static struct ooo_range *add_range(struct ooo *q, struct ooo_range *previous, seq s)
{
	struct ooo_range **at = previous ? &previous->next : &q->first;
	struct ooo_range *r = q->ranges < RANGES_MAX ? malloc(sizeof *r) : NULL;

	if (!r)
		return NULL;
	*r = (struct ooo_range){ .next = *at, .start = s, .end = s };
	*at = r;
	remember(q, r);
	q->ranges++;
	return r;
}

/* r and the one behind it touch: they become one. */
static void join_next(struct ooo *q, struct ooo_range *r)
{
	struct ooo_range *next = r->next;

	r->packets.last->next = next->packets.first;
	r->packets.last = next->packets.last;
	r->packets.count += next->packets.count;
	r->packets.bytes += next->packets.bytes;
	r->end = next->end;
	remove_range(q, &r->next);
}

/* Put text at the end of r. */
static void extend(struct ooo *q, struct ooo_range *r, struct pb_buf *text)
{
	uint32_t len = text->total;

	q->bytes += len;
	if (r->packets.first && pb_tcp_recvq_join(r->packets.last, text)) {
		r->packets.bytes += len;
		pb_buf_free(text);
	} else {
		pb_buf_queue_push(&r->packets, text);
		q->packets++;
	}
	r->end = seq_add(r->end, len);
}

static bool is_full(const struct ooo *q)
{
	return q->packets >= PACKETS_MAX + q->bytes / PACKET_WORTH;
}

/* Put text, all of which is new, between r, which it may touch, and next, which it may touch. */
static bool place(struct ooo *q, struct ooo_range *r, seq start, struct pb_buf *text)
{
	bool touches = r && seq_eq(r->end, start);

	if (!is_full(q) && !touches)
		r = add_range(q, r, start);
	if (is_full(q) || !r) {
		pb_buf_free(text);
		return false;
	}
	extend(q, r, text);
	hear_of(q, r);
	if (r->next && seq_eq(r->end, r->next->start))
		join_next(q, r);
	return true;
}

/* Cut text, which is longer, off at len. What lies behind the next gap bytes; NULL: nothing, or no memory. */
static struct pb_buf *split(struct pb_buf *text, uint32_t len, uint32_t gap)
{
	struct pb_buf *rest = NULL;

	if (text->total > len + gap)
		rest = pb_buf_slice(text, len + gap, text->total - len - gap);
	pb_buf_trim(text, len);
	return rest;
}

bool pb_tcp_ooo_insert(struct ooo *q, seq start, struct pb_buf *text)
{
	bool kept = false;

	while (text) {
		struct ooo_range *next, *r = before(q, start, &next);
		uint32_t known = r && seq_lt(start, r->end) ? r->end.v - start.v : 0;
		if (known >= text->total) {
			if (text->total)
				hear_of(q, r);
			pb_buf_free(text);
			break;
		}
		pb_buf_pull(text, known);
		start = seq_add(start, known);
		struct pb_buf *rest = NULL;
		seq rest_start = start;
		if (next && text->total > next->start.v - start.v) {
			rest_start = next->end;
			rest = split(text, next->start.v - start.v, next->end.v - next->start.v);
		}
		kept |= place(q, r, start, text);
		text = rest;
		start = rest_start;
	}
	return kept;
}

struct seq_range pb_tcp_ooo_known(const struct ooo *q, seq start, uint32_t len)
{
	struct ooo_range *next, *r = before(q, start, &next);
	seq end = seq_add(start, len);

	if (!r || seq_le(r->end, start)) { /* start is in a gap */
		if (!next || seq_le(end, next->start))
			return (struct seq_range){ start, start };
		start = next->start;
		r = next;
	}
	return (struct seq_range){ start, seq_lt(r->end, end) ? r->end : end };
}

unsigned pb_tcp_ooo_latest(const struct ooo *q, struct seq_range *ranges, unsigned most)
{
	unsigned n = 0;

	for (const struct ooo_range *r = q->latest; r && n < most; r = r->older)
		ranges[n++] = (struct seq_range){ r->start, r->end };
	return n;
}

/* The next packet of the first range, which begins before or at s. */
static struct pb_buf *shift(struct ooo *q)
{
	struct ooo_range *r = q->first;
	struct pb_buf *b = pb_buf_queue_shift(&r->packets);

	r->start = seq_add(r->start, b->total);
	q->bytes -= b->total;
	q->packets--;
	if (!r->packets.first)
		remove_range(q, &q->first);
	return b;
}

struct pb_buf *pb_tcp_ooo_take(struct ooo *q, seq rcv_nxt)
{
	while (q->first && seq_le(q->first->start, rcv_nxt)) {
		uint32_t known = rcv_nxt.v - q->first->start.v;
		struct pb_buf *b = shift(q);
		if (known < b->total) {
			pb_buf_pull(b, known);
			return b;
		}
		pb_buf_free(b);
	}
	return NULL;
}

void pb_tcp_ooo_clear(struct ooo *q)
{
	while (q->first) {
		pb_buf_queue_clear(&q->first->packets);
		remove_range(q, &q->first);
	}
	*q = (struct ooo){ 0 };
}
