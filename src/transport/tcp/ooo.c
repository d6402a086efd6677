/*
 * Text that came ahead of a gap: ranges in order of sequence numbers, none touching another, each a queue of packets
 * in a row. Whatever came first stays; of what comes again, only
 * the new is kept. How much there may be is bounded thrice: in bytes by the window, which the caller cuts to, and in
 * ranges and packets here, as each of them, however short, costs memory.
 *
 * A second row has the ranges in the order in which they were last heard of, as SACK tells of them (RFC 2018 §4).
 */
#include "transport/tcp/ooo.h"
#include "transport/tcp/recvq.h"
#include "transport/tcp/seq.h"

#include <stdlib.h>

/* And as many more as carry so much each on average: what a large window brings. */
#define RANGES_MAX   256
#define PACKETS_MAX  8192
#define PACKET_WORTH 512

struct ooo_range {
	struct ooo_range *next;
	struct ooo_range *newer, *older; /* heard of after this one, and before */
	struct ooo_range *left, *right;
	uint32_t priority; /* no smaller than those below */
	seq start, end;
	struct pb_buf_queue packets;
};

/*
 * -- The tree: a treap, so that whatever ranges a peer makes, one is found in O(log n) steps
 */

/* The last range that begins before or at s, or NULL; *next: the one behind it. */
static struct ooo_range *before(const struct ooo *q, seq s, struct ooo_range **next)
{
	struct ooo_range *r = NULL;

	for (struct ooo_range *t = q->root; t;) {
		bool is_behind = seq_lt(s, t->start);
		r = is_behind ? r : t;
		t = is_behind ? t->left : t->right;
	}
	*next = r ? r->next : q->first;
	return r;
}

/* Where memory lies is chance enough: no peer knows it, and nothing depends on it but the tree's height. */
static uint32_t chance(const struct ooo_range *r)
{
	return (uint32_t)((uintptr_t)r * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static void plant(struct ooo *q, struct ooo_range *r)
{
	struct ooo_range **at = &q->root, **l = &r->left, **right = &r->right, *t;

	r->priority = chance(r);
	while (*at && (*at)->priority >= r->priority)
		at = seq_lt(r->start, (*at)->start) ? &(*at)->left : &(*at)->right;
	t = *at;
	*at = r;
	while (t) { /* what is below is split */
		if (seq_lt(t->start, r->start)) {
			*l = t;
			l = &t->right;
			t = *l;
		} else {
			*right = t;
			right = &t->left;
			t = *right;
		}
	}
	*l = *right = NULL;
}

static void uproot(struct ooo *q, const struct ooo_range *r)
{
	struct ooo_range **at = &q->root, *l = r->left, *right = r->right;

	while (*at != r)
		at = seq_lt(r->start, (*at)->start) ? &(*at)->left : &(*at)->right;
	while (l && right) { /* what was below is merged */
		struct ooo_range **top = l->priority >= right->priority ? &l : &right;
		*at = *top;
		at = top == &l ? &l->right : &right->left;
		*top = *at;
	}
	*at = l ? l : right;
}

/*
 * -- The row of those heard of
 */

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
	uproot(q, gone);
	*at = gone->next;
	q->ranges--;
	free(gone);
}

/* A new empty range at s, behind previous (NULL: the first). NULL: too many, or no memory. */
static struct ooo_range *add_range(struct ooo *q, struct ooo_range *previous, seq s)
{
	struct ooo_range **at = previous ? &previous->next : &q->first;
	bool may = q->ranges < RANGES_MAX + q->bytes / PACKET_WORTH;
	struct ooo_range *r = may ? malloc(sizeof *r) : NULL;

	if (!r)
		return NULL;
	*r = (struct ooo_range){ .next = *at, .start = s, .end = s };
	*at = r;
	plant(q, r);
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
