#include "transport/tcp/scoreboard.h"

#include <stdlib.h>

#define ROOM_MIN 8

struct board_node {
	struct board_range range;
	uint32_t left, right; /* left: of the free list, the next */
	uint32_t earlier, later;
	uint32_t priority; /* no smaller than those below */
	uint8_t below;     /* states that are in this subtree, as a set of 1 << state */
};

void pb_board_init(struct scoreboard *b, uint32_t chance)
{
	*b = (struct scoreboard){ .chance = chance | 1 };
}

void pb_board_fini(struct scoreboard *b)
{
	free(b->nodes);
	b->nodes = NULL;
}

static uint32_t length(const struct board_range *r)
{
	return r->end.v - r->start.v;
}

/*
 * -- Nodes
 */

/* Marsaglia's xorshift: a stream that nobody outside has seen. */
static uint32_t draw(struct scoreboard *b)
{
	b->chance ^= b->chance << 13;
	b->chance ^= b->chance >> 17;
	b->chance ^= b->chance << 5;
	return b->chance;
}

static bool grow(struct scoreboard *b)
{
	uint32_t room = b->room ? 2 * b->room : ROOM_MIN;
	struct board_node *nodes = realloc(b->nodes, room * sizeof *nodes);

	if (!nodes)
		return false;
	nodes[0] = (struct board_node){ 0 };
	for (uint32_t i = b->room ? b->room : 1; i < room; i++) {
		nodes[i].left = b->unused;
		b->unused = i;
	}
	b->nodes = nodes;
	b->room = room;
	return true;
}

/* So that the next n nodes can be had. */
static bool reserve(struct scoreboard *b, uint32_t n)
{
	while (b->count + n >= b->room) /* nodes[0] is nobody */
		if (!grow(b))
			return false;
	return true;
}

/* At the end of the list of those sent again, or behind one of them. */
static void link_resent(struct scoreboard *b, uint32_t i, uint32_t behind)
{
	struct board_node *n = &b->nodes[i];

	n->earlier = behind;
	n->later = behind ? b->nodes[behind].later : 0;
	if (behind)
		b->nodes[behind].later = i;
	else
		b->oldest = i;
	if (n->later)
		b->nodes[n->later].earlier = i;
	else
		b->latest = i;
}

static void unlink_resent(struct scoreboard *b, uint32_t i)
{
	const struct board_node *n = &b->nodes[i];

	if (n->earlier)
		b->nodes[n->earlier].later = n->later;
	else
		b->oldest = n->later;
	if (n->later)
		b->nodes[n->later].earlier = n->earlier;
	else
		b->latest = n->earlier;
}

/* In no tree yet. */
static uint32_t new_node(struct scoreboard *b, const struct board_range *r)
{
	uint32_t i = b->unused;
	struct board_node *n = &b->nodes[i];

	b->unused = n->left;
	b->count++;
	*n = (struct board_node){ .range = *r, .priority = draw(b), .below = (uint8_t)(1 << r->state) };
	b->bytes[r->state] += length(r);
	return i;
}

static void free_node(struct scoreboard *b, uint32_t i)
{
	struct board_node *n = &b->nodes[i];

	if (n->range.state == RANGE_RESENT)
		unlink_resent(b, i);
	b->bytes[n->range.state] -= length(&n->range);
	b->count--;
	n->left = b->unused;
	b->unused = i;
}

/*
 * -- The tree
 */

static void update(struct scoreboard *b, uint32_t t)
{
	struct board_node *n = &b->nodes[t];

	n->below = (uint8_t)(1 << n->range.state | b->nodes[n->left].below | b->nodes[n->right].below);
}

/* What begins before s goes to l, the others to r. */
static void split(struct scoreboard *b, uint32_t t, seq s, uint32_t *l, uint32_t *r)
{
	if (!t) {
		*l = *r = 0;
		return;
	}
	struct board_node *n = &b->nodes[t];
	if (seq_lt(n->range.start, s)) {
		split(b, n->right, s, &n->right, r);
		*l = t;
	} else {
		split(b, n->left, s, l, &n->left);
		*r = t;
	}
	update(b, t);
}

/* All of l is before all of r. */
static uint32_t merge(struct scoreboard *b, uint32_t l, uint32_t r)
{
	if (!l || !r)
		return l ? l : r;
	struct board_node *left = &b->nodes[l], *right = &b->nodes[r];
	if (left->priority > right->priority) {
		left->right = merge(b, left->right, r);
		update(b, l);
		return l;
	}
	right->left = merge(b, l, right->left);
	update(b, r);
	return r;
}

static uint32_t last(const struct scoreboard *b, uint32_t t)
{
	while (t && b->nodes[t].right)
		t = b->nodes[t].right;
	return t;
}

static uint32_t first(const struct scoreboard *b, uint32_t t)
{
	while (t && b->nodes[t].left)
		t = b->nodes[t].left;
	return t;
}

/* The range that s is inside of, or none, becomes two that meet there. */
static void cut(struct scoreboard *b, seq s)
{
	uint32_t l, r, i;

	split(b, b->root, s, &l, &r);
	i = last(b, l);
	struct board_range *range = &b->nodes[i].range;
	if (i && seq_lt(s, range->end)) {
		struct board_range behind = { s, range->end, range->state, range->sent };
		b->bytes[range->state] -= length(&behind);
		range->end = s;
		uint32_t new = new_node(b, &behind);
		if (behind.state == RANGE_RESENT)
			link_resent(b, new, i);
		r = merge(b, new, r);
	}
	b->root = merge(b, l, r);
}

static void tell(board_visitor *visit, void *context, seq start, seq end, enum range_state state,
		 pb_time sent)
{
	if (visit && seq_lt(start, end))
		visit(context, &(struct board_range){ start, end, state, sent });
}

/* Visit and free all of t, and what is quiet in front of each of its ranges; *at: how far it has got. */
static void sweep(struct scoreboard *b, uint32_t t, seq *at, board_visitor *visit, void *context)
{
	if (!t)
		return;
	const struct board_node n = b->nodes[t];
	sweep(b, n.left, at, visit, context);
	tell(visit, context, *at, n.range.start, RANGE_QUIET, 0);
	tell(visit, context, n.range.start, n.range.end, n.range.state, n.range.sent);
	*at = n.range.end;
	free_node(b, t);
	sweep(b, n.right, at, visit, context);
}

/*
 * -- Marking
 */

static bool joins(const struct board_range *a, const struct board_range *b)
{
	return seq_eq(a->end, b->start) && a->state == b->state && a->state != RANGE_RESENT &&
	       !a->sent == !b->sent;
}

/* Put r between the trees before and behind it; of these, what it joins becomes part of it. */
static void insert(struct scoreboard *b, uint32_t before, struct board_range r, uint32_t behind)
{
	uint32_t left = last(b, before), right = first(b, behind), none;

	if (left && joins(&b->nodes[left].range, &r)) {
		r.start = b->nodes[left].range.start;
		split(b, before, r.start, &before, &none);
		free_node(b, left);
	}
	if (right && joins(&r, &b->nodes[right].range)) {
		r.end = b->nodes[right].range.end;
		split(b, behind, r.end, &none, &behind);
		free_node(b, right);
	}
	uint32_t new = new_node(b, &r);
	if (r.state == RANGE_RESENT)
		link_resent(b, new, b->latest);
	b->root = merge(b, merge(b, before, new), behind);
}

bool pb_board_mark(struct scoreboard *b, struct board_range r, uint32_t ranges_max, board_visitor *visit,
		   void *context)
{
	uint32_t before, inside, behind;
	seq at = r.start;

	if (b->count + 3 > ranges_max || !reserve(b, 3)) /* r, and two that are cut */
		return false;
	cut(b, r.start);
	cut(b, r.end);
	split(b, b->root, r.start, &before, &inside);
	split(b, inside, r.end, &inside, &behind);
	sweep(b, inside, &at, visit, context);
	tell(visit, context, at, r.end, RANGE_QUIET, 0);
	insert(b, before, r, behind);
	return true;
}

bool pb_board_lose(struct scoreboard *b, seq start, seq end)
{
	struct board_range next;

	while (seq_lt(start, end)) {
		bool found = pb_board_find(b, start, &next);
		seq quiet_end = found && seq_lt(next.start, end) ? next.start : end;
		if (seq_lt(start, quiet_end) &&
		    !pb_board_mark(b, (struct board_range){ start, quiet_end, RANGE_LOST, 0 },
				   SCOREBOARD_RANGES_MAX, NULL, NULL))
			return false;
		start = found && seq_lt(next.start, end) ? next.end : end;
	}
	return true;
}

void pb_board_acked(struct scoreboard *b, seq una, seq ack, board_visitor *visit, void *context)
{
	uint32_t gone, rest, cut_off = 0;

	split(b, b->root, ack, &gone, &rest);
	uint32_t i = last(b, gone);
	if (i && seq_lt(ack, b->nodes[i].range.end)) /* the last of them stays in part */
		split(b, gone, b->nodes[i].range.start, &gone, &cut_off);
	sweep(b, gone, &una, visit, context);
	if (cut_off) {
		struct board_range *range = &b->nodes[cut_off].range;
		tell(visit, context, una, range->start, RANGE_QUIET, 0);
		tell(visit, context, range->start, ack, range->state, range->sent);
		b->bytes[range->state] -= ack.v - range->start.v;
		range->start = una = ack;
	}
	tell(visit, context, una, ack, RANGE_QUIET, 0);
	b->root = merge(b, cut_off, rest);
}

static void erase(struct scoreboard *b, const struct board_range *r)
{
	uint32_t before, one, behind;

	split(b, b->root, r->start, &before, &one);
	split(b, one, r->end, &one, &behind);
	free_node(b, one);
	b->root = merge(b, before, behind);
}

void pb_board_unlose(struct scoreboard *b, seq una)
{
	struct board_range r;

	for (seq at = una; pb_board_find(b, at, &r); at = r.end)
		if (r.state == RANGE_LOST && !r.sent)
			erase(b, &r);
}

void pb_board_clear(struct scoreboard *b)
{
	seq at = { 0 };

	sweep(b, b->root, &at, NULL, NULL);
	b->root = 0;
}

/*
 * -- Finding
 */

static bool give(const struct scoreboard *b, uint32_t i, struct board_range *r)
{
	if (i)
		*r = b->nodes[i].range;
	return i;
}

bool pb_board_find(const struct scoreboard *b, seq s, struct board_range *r)
{
	uint32_t found = 0;

	for (uint32_t t = b->root; t;) {
		const struct board_node *n = &b->nodes[t];
		if (seq_lt(s, n->range.end)) {
			found = t;
			t = n->left;
		} else {
			t = n->right;
		}
	}
	return give(b, found, r);
}

bool pb_board_first_lost(const struct scoreboard *b, struct board_range *r)
{
	const uint8_t lost = 1 << RANGE_LOST;
	uint32_t t = b->root;

	if (!b->bytes[RANGE_LOST])
		return false;
	for (;;) {
		const struct board_node *n = &b->nodes[t];
		if (b->nodes[n->left].below & lost)
			t = n->left;
		else if (n->range.state == RANGE_LOST)
			return give(b, t, r);
		else
			t = n->right;
	}
}

bool pb_board_oldest_resent(const struct scoreboard *b, struct board_range *r)
{
	return give(b, b->oldest, r);
}
