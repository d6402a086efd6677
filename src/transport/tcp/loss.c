/* The record of a flight: when there is one, and what is written into it. */
#include "transport/tcp/loss.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/output.h"
#include "transport/tcp/pacing.h"
#include "transport/tcp/rate.h"
#include "transport/tcp/scoreboard.h"
#include "transport/tcp/send_times.h"
#include "transport/tcp/seq.h"
#include "transport/tcp/timers.h"

#include <stdlib.h>

struct tcp_loss *pb_tcp_loss_need(struct tcp_conn *c)
{
	struct tcp_loss *l = c->loss;
	struct send_record flight;

	if (l)
		return l;
	l = malloc(sizeof *l);
	if (!l) { /* then as with a peer who has no SACK */
		c->has_sack = false;
		return NULL;
	}
	l->rack = (struct rack){ .fack = c->snd_una, .judged = c->snd_una };
	l->prr = (struct prr){ 0 };
	l->probe = (struct tail_probe){ 0 };
	pb_board_init(&l->board, 0);
	pb_send_times_init(&l->times);
	if (seq_lt(c->snd_una, c->snd_max)) {
		flight = pb_tcp_rate_flight(c);
		pb_send_times_add(&l->times, c->snd_una, &flight);
	}
	c->loss = l;
	return l;
}

void pb_tcp_loss_done(struct tcp_conn *c)
{
	const struct tail_probe *p = &c->loss->probe;

	if (seq_eq(c->snd_una, c->snd_max) && !(p->active && p->again))
		pb_tcp_loss_free(c);
}

/* All is well up to SND.UNA. What is remembered keeps up with it, or it would be ahead 2 GiB later. */
void pb_tcp_loss_quiet(struct tcp_conn *c)
{
	struct rack *k = &c->loss->rack;

	if (!c->loss->board.count)
		k->fack = k->judged = c->snd_una;
	pb_tcp_loss_done(c);
}

void pb_tcp_loss_free(struct tcp_conn *c)
{
	if (!c->loss)
		return;
	pb_board_fini(&c->loss->board);
	pb_send_times_fini(&c->loss->times);
	free(c->loss);
	c->loss = NULL;
}

/* The board's chance is drawn when something first goes wrong. */
bool pb_tcp_loss_mark(struct tcp_conn *c, struct board_range r)
{
	return pb_board_mark(pb_tcp_loss_board(c), r, SCOREBOARD_RANGES_MAX, NULL, NULL);
}

struct scoreboard *pb_tcp_loss_board(struct tcp_conn *c)
{
	struct scoreboard *b = &c->loss->board;

	if (!b->nodes && b->chance == 1)
		b->chance = (uint32_t)pb_rng_next(&c->tcp->env->rng) | 1;
	return b;
}

void pb_tcp_loss_sent(struct tcp_conn *c, seq at, seq end)
{
	bool at_once = !c->loss && seq_le(c->snd_max, at) &&
		       c->last_sent == tcp_now(c); /* as all that is in flight */
	struct tcp_loss *l = at_once ? NULL : pb_tcp_loss_need(c);
	seq again_end = seq_lt(end, c->snd_max) ? end : c->snd_max;

	if (!l)
		return;
	if (seq_lt(at, again_end) && c->has_sack)
		pb_tcp_loss_mark(c, (struct board_range){ at, again_end, RANGE_RESENT, tcp_now(c) });
	if (seq_lt(c->snd_max, end)) {
		struct send_record r = pb_tcp_rate_sent(c, at, end);
		pb_send_times_add(&l->times, c->snd_una, &r);
	}
	if (c->in_recovery)
		l->prr.out += (uint32_t)seq_diff(end, at);
}

/* The quiet and the sent again are lost; what was SACKed stays so. */
void pb_tcp_loss_all(struct tcp_conn *c)
{
	struct scoreboard *b = pb_tcp_loss_board(c);
	struct board_range r;

	while (pb_board_oldest_resent(b, &r)) {
		r.state = RANGE_LOST;
		if (!pb_tcp_loss_mark(c, r))
			return;
	}
	pb_board_lose(b, c->snd_una, c->snd_max);
	c->loss->rack.judged = c->snd_max;
}

uint32_t pb_tcp_loss_hole(struct tcp_conn *c, uint32_t offset, uint32_t len)
{
	seq start = seq_add(c->snd_una, offset), end = seq_add(start, len);
	struct board_range r;

	for (seq at = start; seq_lt(at, end) && pb_board_find(&c->loss->board, at, &r); at = r.end)
		if (r.state == RANGE_SACKED && seq_lt(start, r.start) && seq_lt(r.start, end))
			return r.start.v - start.v;
	return len;
}

/* The lowest first, while there is room between what is in flight and the window. */
void pb_tcp_loss_resend(struct tcp_conn *c)
{
	struct scoreboard *b = &c->loss->board;
	struct board_range r;

	if (c->undo && c->undo->frto == FRTO_SECOND)
		return;
	while (pb_board_first_lost(b, &r)) {
		uint32_t offset = (uint32_t)seq_diff(r.start, c->snd_una), len = r.end.v - r.start.v;
		uint32_t pipe = tcp_pipe(c), lost = b->bytes[RANGE_LOST];
		if (len > c->mss)
			len = c->mss;
		if (offset >= c->snd_wnd || (pipe && pipe + len > c->congestion.cwnd))
			return;
		if (c->congestion.pace && !tcp_pace(c, len))
			return; /* without PRR, acknowledgements are no clock */
		pb_tcp_resend(c, offset, len);
		if (b->bytes[RANGE_LOST] >= lost)
			return;  /* no memory */
		if (offset == 0) /* RFC 6675 §5, (C.1): what SND.UNA waits for has just left */
			pb_tcp_timers_acked(c);
	}
}
