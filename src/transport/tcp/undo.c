/*
 * Recoveries and time-outs that were for nothing: nothing was lost, it was only late. Three ways tell.
 *
 * The first ACK after something was sent again echoes a timestamp from before that: it answers the first sending
 * (Eifel, RFC 3522). After a time-out, something taken for lost arrives without having been sent again (F-RTO, RFC
 * 5682 §3). Or the peer has got twice all that was sent again (D-SACK, RFC 2883).
 *
 * Then congestion control is what it was before, but for the burst that its window would allow at once (RFC 4015
 * §3.2).
 */
#include "transport/tcp/conn.h"
#include "transport/tcp/ecn.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/isn.h"
#include "transport/tcp/loss.h"
#include "transport/tcp/recovery.h"
#include "transport/tcp/rtt.h"
#include "transport/tcp/scoreboard.h"
#include "transport/tcp/seq.h"

#include <stdlib.h>

#define BURST_SEGMENTS 10 /* RFC 4015 §3.2, step 5: an initial window (RFC 6928) beyond what is in flight */

void pb_tcp_undo_free(struct tcp_conn *c)
{
	free(c->undo);
	c->undo = NULL;
}

/*
 * What will be sent again first. It may have been before, in a recovery that is over: then its ACK echoes that sending,
 * which is neither the first nor one of this episode, and tells nothing of it.
 */
static void note_first(const struct tcp_conn *c, struct tcp_undo *u)
{
	struct board_range r;

	u->first = c->snd_una;
	if (!c->loss)
		return;
	if (!u->timed_out && pb_board_first_lost(&c->loss->board, &r))
		u->first = r.start;
	u->heard = pb_board_find(&c->loss->board, u->first, &r) && seq_le(r.start, u->first) && r.sent;
}

/*
 * A time-out in a recovery is an episode of its own; one after another is the same, as long as nothing has been heard
 * (RFC 5682 §2.1, step 1; RFC 3522 §3.3). Without memory there is no undoing.
 */
void pb_tcp_undo_begin(struct tcp_conn *c, bool timed_out)
{
	struct tcp_undo *u = c->undo;

	if (timed_out && c->in_recovery &&
	    !c->has_sack) { /* that is how one of many losses ends: RFC 6582 §4, "Impatient" */
		pb_tcp_undo_free(c);
		return;
	}
	if (u && timed_out && c->in_timeout) {
		u->frto = c->retransmits && !c->tcp->limits.no_frto ? FRTO_FIRST : FRTO_OFF;
		return;
	}
	if (!u)
		u = c->undo = malloc(sizeof *u);
	if (!u)
		return;
	*u = (struct tcp_undo){
		.before = c->congestion,
		.una = c->snd_una,
		.recovering = c->in_recovery,
		.recover = c->recover,
		.timed_out = timed_out,
		.frto = timed_out && !c->tcp->limits.no_frto ? FRTO_FIRST : FRTO_OFF,
	};
	note_first(c, u);
	u->waits_for_first = seq_eq(c->snd_una, u->first);
}

void pb_tcp_undo_sent(struct tcp_conn *c, uint32_t len)
{
	struct tcp_undo *u = c->undo;

	if (u->over)
		return;
	if (!u->sent_again)
		u->stamp = pb_tcp_timestamp(c->tcp, c->ts_offset);
	u->sent_again = true;
	u->resent += len;
}

void pb_tcp_undo_over(struct tcp_conn *c)
{
	if (!c->undo)
		return;
	c->undo->over = true;
	c->undo->ends = c->snd_max;
	if (!c->has_sack)
		pb_tcp_undo_free(c);
}

/*
 * -- The three ways
 */

/* What our clock showed when that left which is answered, less what it showed when something was first sent again. */
static int32_t echo_age(const struct tcp_undo *u, const struct tcp_segment *s)
{
	return (int32_t)(s->h.options.ts_echo - u->stamp);
}

/*
 * The ACK is the answer to what was sent again first: SND.UNA has waited for that. With SACK it may wait for what an
 * earlier recovery has sent again, before; and if it jumps over both, nobody knows whom it answers.
 */
static bool answers_first(const struct tcp_conn *c, struct tcp_undo *u)
{
	bool waited = u->waits_for_first, passed = seq_lt(u->first, c->snd_una);

	u->waits_for_first = seq_eq(c->snd_una, u->first);
	if (passed && !waited)
		u->heard = true;
	return passed && waited;
}

/*
 * RFC 3522 §3.2, steps 4 and 5. How long it took says nothing: perhaps it was answered at once, and that answer was
 * lost (RFC 4015 §3.3 leaves it to the next sample).
 */
static bool answers_first_sending(struct tcp_conn *c, const struct tcp_segment *s)
{
	struct tcp_undo *u = c->undo;

	if (!answers_first(c, u) || u->heard || !u->sent_again || !c->has_timestamps ||
	    !s->h.options.has_timestamp)
		return false;
	u->heard = true;
	if (echo_age(u, s) >= 0) {
		u->frto = FRTO_OFF; /* it was needed */
		return false;
	}
	return true;
}

static bool has_new_text(const struct tcp_conn *c)
{
	return tcp_flight(c) < c->sendq.bytes && tcp_flight(c) < c->snd_wnd;
}

/* RFC 5682 §3.1, steps 2 and 3. */
static bool first_sendings_arrive(struct tcp_conn *c, const struct delivery *d, bool moved)
{
	struct tcp_undo *u = c->undo;

	if (u->frto == FRTO_OFF || !d)
		return false;
	if (d->late)
		return true;
	if (u->frto == FRTO_FIRST && moved && has_new_text(c))
		u->frto = FRTO_SECOND;
	else
		u->frto = FRTO_OFF;
	return false;
}

static bool all_came_twice(struct tcp_conn *c, const struct delivery *d)
{
	struct tcp_undo *u = c->undo;
	uint32_t len;

	if (!d || !d->twice || !u->resent || seq_lt(d->duplicate.start, u->una))
		return false;
	len = d->duplicate.end.v - d->duplicate.start.v;
	u->resent -= len < u->resent ? len : u->resent;
	return u->resent == 0;
}

/*
 * -- Undoing
 */

/* RFC 4015 §3.2, step 5: the window of before is reached again in slow start, not in a burst. */
static void restore_window(struct tcp_conn *c, const struct tcp_congestion *before)
{
	uint32_t cwnd = c->congestion.cwnd, calm = tcp_pipe(c) + BURST_SEGMENTS * c->mss,
		 mss = c->congestion.mss;

	c->congestion = *before;
	c->congestion.mss = mss;
	if (c->congestion.ssthresh < before->cwnd)
		c->congestion.ssthresh = before->cwnd;
	if (c->congestion.cwnd > calm)
		c->congestion.cwnd = calm;
	if (c->congestion.cwnd < cwnd)
		c->congestion.cwnd = cwnd;
}

/* What was taken for lost is not: without SACK, what is sent next is new text (RFC 4015 §3.2, step 4). */
static void believe_in_flight(struct tcp_conn *c)
{
	if (!c->has_sack) {
		c->snd_nxt = c->snd_max;
	} else if (c->loss) {
		pb_board_unlose(&c->loss->board, c->snd_una);
		c->loss->rack.judged = c->snd_una;
	}
}

static void undo(struct tcp_conn *c)
{
	if (c->undo->timed_out) {
		tcp_counters(c)->tcp.SpuriousRtos++;
	} else {
		tcp_counters(c)->tcp.SpuriousRecoveries++;
		c->tally.reorderings += !c->tally.reorderings;
	}
	c->in_timeout = false;
	c->in_recovery = c->undo->recovering && seq_lt(c->snd_una, c->undo->recover);
	if (c->in_recovery)
		c->recover = c->undo->recover;
	c->dup_acks = 0;
	believe_in_flight(c);
	if (c->congestion.ops->undone)
		c->congestion.ops->undone(&c->congestion, tcp_now(c));
	else
		restore_window(c, &c->undo->before);
	if (c->ecn)
		pb_tcp_ecn_undone(c);
	pb_tcp_rtt_restore(&c->rtt);
	pb_tcp_undo_free(c);
}

bool pb_tcp_undo_judge(struct tcp_conn *c, const struct tcp_segment *s, const struct delivery *d, bool moved)
{
	struct tcp_undo *u = c->undo;
	bool spurious = !u->over && (answers_first_sending(c, s) || first_sendings_arrive(c, d, moved));

	if (spurious || all_came_twice(c, d)) {
		undo(c);
		return true;
	}
	if (u->over && seq_lt(u->ends, c->snd_una))
		pb_tcp_undo_free(c);
	return false;
}
