/*
 * RACK: losses found by time (RFC 8985 §6). Whatever was sent before something that has been delivered, and is not
 * delivered itself a while after, is lost; the while adapts to how much the path reorders.
 *
 * What was sent once lies in order of time, and so does what was sent again: each is judged from its oldest on, once,
 * so that a loss costs the same however much is in flight.
 */
#include "transport/tcp/rack.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/loss.h"
#include "transport/tcp/rate.h"
#include "transport/tcp/scoreboard.h"
#include "transport/tcp/send_times.h"
#include "transport/tcp/seq.h"
#include "transport/tcp/tally.h"
#include "transport/tcp/timers.h"

#define DUP_THRESH    3  /* RFC 8985 §6.2, step 4 */
#define ROUNDS_SPARED 16 /* recoveries without D-SACK until the window is small again */

/*
 * -- What has been delivered
 */

struct judgement {
	struct tcp_conn *c;
	const struct tcp_segment *s;
	struct delivery *d;
};

static bool sent_after(pb_time a, seq a_end, pb_time b, seq b_end)
{
	return a > b || (a == b && seq_lt(b_end, a_end));
}

static uint32_t segments(const struct tcp_conn *c, const struct board_range *r)
{
	uint32_t len = r->end.v - r->start.v;

	return len <= c->mss ? 1 : (len + c->mss - 1) / c->mss;
}

/* Step 2: it may be the first sending that is acknowledged now, and then its time tells nothing. */
static bool ambiguous(const struct judgement *j, pb_time sent)
{
	const struct tcp_conn *c = j->c;
	uint32_t stamp = (uint32_t)(sent / PB_MSEC(1)) + c->ts_offset;

	if (c->has_timestamps && (int32_t)(j->s->h.options.ts_echo - stamp) < 0)
		return true;
	return tcp_now(c) - sent < c->rtt.min;
}

static void note_reordered(struct delivery *d, seq start)
{
	if (!d->reordered || seq_lt(start, d->late_start))
		d->late_start = start;
	d->reordered = true;
}

static void deliver(void *context, const struct board_range *was)
{
	struct judgement *j = context;
	struct tcp_loss *l = j->c->loss;
	struct delivery *d = j->d;
	bool resent = was->state != RANGE_SACKED && was->sent;
	const struct send_record *record;
	pb_time sent = was->sent;

	if (was->state == RANGE_SACKED)
		return;
	d->bytes += was->end.v - was->start.v;
	if (!resent) {
		record = pb_send_times_find(&l->times, seq_add(was->end, (uint32_t)-1));
		sent = record ? record->sent : 0;
		if (record && (!d->newest || seq_lt(d->newest->end, record->end)))
			d->newest = record;
		d->late += was->state == RANGE_LOST ? was->end.v - was->start.v : 0;
		if (seq_lt(was->end, l->rack.fack)) /* step 3 */
			note_reordered(d, was->start);
	}
	if (resent && ambiguous(j, sent))
		return;
	d->last = sent;
	if (!d->sent || sent_after(sent, was->end, d->sent, d->end)) {
		d->sent = sent;
		d->end = was->end;
		d->resent = resent;
	}
}

static void deliver_acked(void *context, const struct board_range *was)
{
	struct judgement *j = context;
	uint32_t *n = &j->c->loss->rack.segments, gone = segments(j->c, was);

	if (was->state == RANGE_SACKED)
		*n = *n > gone ? *n - gone : 0;
	deliver(context, was);
}

static void deliver_sacked(void *context, const struct board_range *was)
{
	struct judgement *j = context;

	if (was->state != RANGE_SACKED)
		j->c->loss->rack.segments += segments(j->c, was);
	deliver(context, was);
}

static struct seq_range block(const struct tcp_segment *s, unsigned i)
{
	return (struct seq_range){ { s->h.options.sack[i].start }, { s->h.options.sack[i].end } };
}

/* RFC 2883 §4: the first block, if it is acknowledged already, or inside the second. */
static bool is_duplicate(const struct tcp_segment *s, struct seq_range first)
{
	struct seq_range second;

	if (!seq_lt(first.start, first.end))
		return false;
	if (seq_le(first.end, s->ack))
		return true;
	if (s->h.options.sack_count < 2)
		return false;
	second = block(s, 1);
	return seq_le(second.start, first.start) && seq_le(first.end, second.end);
}

/* A block counts if all of it is in flight behind what is acknowledged; anything else is old, or made up. */
static bool is_plausible(const struct tcp_conn *c, const struct tcp_segment *s, struct seq_range r)
{
	return seq_lt(s->ack, r.start) && seq_lt(c->snd_una, r.start) && seq_lt(r.start, r.end) &&
	       seq_le(r.end, c->snd_max);
}

/*
 * A peer that cuts finer than we send tells nothing that would help: what it says costs memory, and is bounded. So many
 * are enough for every segment to have a fate of its own, and half of all, so that there is room for what is lost.
 */
static uint32_t ranges_max(const struct tcp_conn *c)
{
	uint32_t most = 2 * (tcp_flight(c) / c->mss) + 16;

	return most < SCOREBOARD_RANGES_MAX / 2 ? most : SCOREBOARD_RANGES_MAX / 2;
}

/* Most blocks tell what earlier ones have told. */
static bool is_known(const struct tcp_conn *c, struct seq_range r)
{
	struct board_range old;

	return pb_board_find(&c->loss->board, r.start, &old) && old.state == RANGE_SACKED &&
	       seq_le(old.start, r.start) && seq_le(r.end, old.end);
}

static void take_blocks(struct judgement *j)
{
	struct tcp_conn *c = j->c;
	unsigned i = 0, n = j->s->h.options.sack_count;
	seq fack = c->loss->rack.fack;

	if (n && is_duplicate(j->s, block(j->s, 0))) {
		j->d->twice = true;
		c->tally.twice++;
		j->d->duplicate = block(j->s, 0);
		i = 1;
	}
	for (; i < n; i++) {
		struct seq_range r = block(j->s, i);
		if (!is_plausible(c, j->s, r) || is_known(c, r))
			continue;
		if (pb_board_mark(pb_tcp_loss_board(c),
				  (struct board_range){ r.start, r.end, RANGE_SACKED, 0 }, ranges_max(c),
				  deliver_sacked, j))
			fack = seq_max(fack, r.end);
	}
	c->loss->rack.fack = fack;
}

/* Steps 1 to 3. SND.UNA is still where it was. */
void pb_tcp_rack_deliver(struct tcp_conn *c, const struct tcp_segment *s, struct delivery *d)
{
	struct judgement j = { c, s, d };
	struct rack *k = &c->loss->rack;
	pb_time acked_last;

	k->fack = seq_max(k->fack, c->snd_una);
	if (seq_lt(c->snd_una, s->ack))
		pb_board_acked(&c->loss->board, c->snd_una, s->ack, deliver_acked, &j);
	acked_last = d->last;
	take_blocks(&j);
	if (acked_last)
		d->last = acked_last;
	k->fack = seq_max(k->fack, s->ack);
	k->judged = seq_max(k->judged, s->ack);
	if (d->reordered)
		pb_tcp_tally_reordered(c, k->fack.v - d->late_start.v);
	if (!d->sent)
		return;
	k->rtt = tcp_now(c) - d->last;
	if (sent_after(d->sent, d->end, k->sent, k->end)) {
		k->sent = d->sent;
		k->end = d->end;
	}
}

/*
 * -- How long to wait for what is late (step 4)
 */

/* Once a round trip, however much comes twice in it. */
void pb_tcp_rack_adapt(struct tcp_conn *c, const struct delivery *d)
{
	struct rack *k = &c->loss->rack;

	if (k->in_round && seq_le(k->round, c->snd_una))
		k->in_round = false;
	if (!d->twice || k->in_round)
		return;
	k->in_round = true;
	k->round = c->snd_nxt;
	c->reorder_spared = ROUNDS_SPARED;
	if (c->reorder_quarters < UINT8_MAX)
		c->reorder_quarters++;
}

/* A recovery is over. */
void pb_tcp_rack_recovered(struct tcp_conn *c)
{
	if (c->reorder_spared && --c->reorder_spared == 0)
		c->reorder_quarters = 0;
}

/* reorder_quarters counts from 0: one quarter of the shortest round trip is what begins it. */
static pb_time reordering_window(const struct tcp_conn *c)
{
	pb_time window = c->rtt.min / 4 * (1 + c->reorder_quarters);

	if (!c->tally.reorderings &&
	    (c->in_recovery || c->in_timeout || c->loss->rack.segments >= DUP_THRESH))
		return 0;
	return window < c->rtt.srtt ? window : c->rtt.srtt;
}

/*
 * -- What is lost (step 5)
 */

/* What was sent before the latest delivery, and by the deadline, is lost. */
struct deadline {
	pb_time latest;
	seq latest_end;
	pb_time sent;
	pb_time wait; /* until the next one is; 0: none will be */
};

static bool expired(pb_time sent, struct deadline *line)
{
	pb_time left = sent - line->sent;

	if (left <= 0)
		return true;
	if (!line->wait || left < line->wait)
		line->wait = left;
	return false;
}

static void judge_sent_once(struct tcp_conn *c, struct deadline *line)
{
	struct rack *k = &c->loss->rack;
	const struct send_record *r;

	while (seq_lt(k->judged, c->snd_max) && (r = pb_send_times_find(&c->loss->times, k->judged))) {
		bool at_once = r->sent == line->latest && seq_lt(line->latest_end, r->end);
		seq end = at_once ? line->latest_end : r->end;
		if (r->sent > line->latest || !seq_lt(k->judged, end) || !expired(r->sent, line))
			return;
		uint32_t before = c->loss->board.bytes[RANGE_LOST];
		if (!pb_board_lose(pb_tcp_loss_board(c), k->judged, end))
			return;
		k->judged = end;
		pb_tcp_rate_lost(c, r, c->loss->board.bytes[RANGE_LOST] - before);
	}
}

static void judge_sent_again(struct tcp_conn *c, struct deadline *line)
{
	struct board_range r;

	while (pb_board_oldest_resent(&c->loss->board, &r)) {
		if (!sent_after(line->latest, line->latest_end, r.sent, r.end) || !expired(r.sent, line))
			return;
		r.state = RANGE_LOST;
		if (!pb_tcp_loss_mark(c, r))
			return;
		pb_tcp_rate_lost(c, NULL, r.end.v - r.start.v);
	}
}

uint32_t pb_tcp_rack_judge(struct tcp_conn *c)
{
	const struct rack *k = &c->loss->rack;
	const uint32_t *lost = &c->loss->board.bytes[RANGE_LOST], before = *lost;
	struct deadline line = { k->sent, k->end, .sent = tcp_now(c) - k->rtt - reordering_window(c) };

	if (!k->sent)
		return 0;
	judge_sent_again(c, &line);
	judge_sent_once(c, &line);
	if (line.wait)
		pb_tcp_timers_early(c, line.wait);
	return *lost - before;
}

/*
 * -- Time-outs (§6.3)
 */

/* RFC 2018 §8: the peer has thrown away what it had told of, or SND.UNA would be behind it. */
static bool is_reneging(const struct tcp_conn *c)
{
	struct board_range r;

	return pb_board_find(&c->loss->board, c->snd_una, &r) && r.state == RANGE_SACKED &&
	       seq_le(r.start, c->snd_una);
}

/* What SND.UNA waits for is lost, whenever it was sent. */
static void lose_head(struct tcp_conn *c)
{
	struct board_range r;
	seq end = seq_add(c->snd_una, c->mss);
	uint32_t before = c->loss->board.bytes[RANGE_LOST];

	if (pb_board_find(&c->loss->board, c->snd_una, &r) && r.state == RANGE_RESENT &&
	    seq_le(r.start, c->snd_una)) {
		r.state = RANGE_LOST;
		pb_tcp_loss_mark(c, r);
	}
	pb_board_lose(pb_tcp_loss_board(c), c->snd_una, seq_lt(end, c->snd_max) ? end : c->snd_max);
	pb_tcp_rate_lost(c, NULL, c->loss->board.bytes[RANGE_LOST] - before);
}

void pb_tcp_rack_timed_out(struct tcp_conn *c)
{
	struct tcp_loss *l = c->loss;
	pb_time rtt = l->rack.rtt ? l->rack.rtt : c->rtt.srtt;
	struct deadline line = { tcp_now(c), c->snd_max, .sent = tcp_now(c) - rtt - reordering_window(c) };

	bool reneging = is_reneging(c);
	if (reneging ||
	    l->board.count > SCOREBOARD_RANGES_MAX - 8) { /* full: nothing more could be found lost */
		tcp_counters(c)->tcp.SackReneging += reneging;
		pb_board_clear(&l->board);
		l->rack.segments = 0;
		l->rack.judged = c->snd_una;
	}
	l->probe.active = false;
	lose_head(c);
	judge_sent_again(c, &line);
	judge_sent_once(c, &line);
}
