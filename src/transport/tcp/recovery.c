/*
 * What acknowledgements say of losses, and what a time-out says: when a recovery begins and ends.
 *
 * With SACK the scoreboard knows what has arrived (scoreboard.h), RACK judges by time what has not (rack.c), the tail
 * is probed (tail.c), PRR says how much may leave meanwhile (prr.h), and what is lost is sent again, the lowest first
 * (loss.c). Without it, duplicate ACKs are counted (fast_retransmit.c), and after a time-out SND.NXT goes back to
 * SND.UNA: from there all is sent again, in slow start, except what acknowledgements jump over.
 */
#include "transport/tcp/recovery.h"
#include "transport/tcp/buffers.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/ecn.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/isn.h"
#include "transport/tcp/loss.h"
#include "transport/tcp/plpmtud.h"
#include "transport/tcp/prr.h"
#include "transport/tcp/push.h"
#include "transport/tcp/rack.h"
#include "transport/tcp/rate.h"
#include "transport/tcp/rtt.h"
#include "transport/tcp/scoreboard.h"
#include "transport/tcp/sendq.h"
#include "transport/tcp/seq.h"
#include "transport/tcp/tally.h"
#include "transport/tcp/timers.h"
#include "transport/tcp/urgent.h"

#include <poll.h>

/*
 * -- Round-trip time
 */

/*
 * What an echoed timestamp tells, in milliseconds; -1: nothing. Only one that left with or after what was last sent
 * again is surely answered at once: an older one may come back late, because its own answer was lost, and then a
 * time-out would be taken for a round trip.
 */
static int32_t echoed(const struct tcp_conn *c, const struct tcp_options *o)
{
	if (!c->has_timestamps || !o->has_timestamp)
		return -1;
	if (c->total_retransmits && (int32_t)(o->ts_echo - c->rtt.resent) < 0)
		return -1;
	return (int32_t)(pb_tcp_timestamp(c->tcp, c->ts_offset) - o->ts_echo);
}

/*
 * The sample of an ACK of new bytes; 0: none. A timed segment is exact; its neighbours' echoes tell congestion control
 * that round trips become longer, and the RTO only what Karn's rule has left no timed segment for.
 */
static pb_time measure(struct tcp_conn *c, const struct tcp_segment *s)
{
	bool timed = c->rtt.timed_at && seq_le(c->rtt.timed_seq, s->ack);
	bool wanted = c->retransmits || c->in_recovery || c->in_timeout || !c->rtt.srtt;
	int32_t ms = timed ? 0 : echoed(c, &s->h.options);
	pb_time sample = timed ? tcp_now(c) - c->rtt.timed_at : PB_MSEC(ms);

	if (ms < 0)
		return 0;
	sample = sample ? sample : 1;
	if (timed || (wanted && !c->rtt.timed_at))
		pb_tcp_rtt_sample(&c->rtt, sample);
	if (timed)
		c->rtt.timed_at = 0;
	return sample;
}

/*
 * -- New acknowledgements
 */

/* Forget what is acknowledged: text, and FIN, which is not in the queue. */
static void advance(struct tcp_conn *c, seq ack)
{
	uint32_t text = (uint32_t)seq_diff(ack, c->snd_una);
	bool was_writable = tcp_writable(c);

	if (text > c->sendq.bytes)
		text = c->sendq.bytes;
	c->snd_una = ack;
	c->snd_nxt = seq_max(c->snd_nxt, ack);
	if (!text)
		return;
	pb_tcp_sendq_acked(&c->sendq, text);
	if (c->plpmtud)
		pb_tcp_plpmtud_acked(c);
	if (c->urgent)
		pb_tcp_urgent_acked(c);
	c->bytes_acked += text;
	if (c->push.is_known && seq_le(c->push.last, ack))
		pb_tcp_push_over(c);
	if (!was_writable && tcp_writable(c))
		tcp_tell_room(c);
	pb_tcp_starving_look(c);
	if (c->tally.busy > BUSY_SENDING || !c->sendq.bytes)
		pb_tcp_busy_end(c, BUSY_SENDING);
}

/* The first sample; where losses are counted from; and what the loss of SYN means for what follows. */
void pb_tcp_syn_acked(struct tcp_conn *c, const struct tcp_segment *s)
{
	measure(c, s);
	if (c->retransmits && !c->rtt.srtt)
		pb_tcp_rtt_syn_lost(&c->rtt);
	if (c->retransmits > 1) /* RFC 6928 §2: one loss may be chance */
		c->congestion.cwnd = c->congestion.mss;
	c->retransmits = 0;
	c->first_retransmit = 0;
	if (tcp_is_early(c)) /* what has been sent since is looked at as any acknowledgement */
		return;
	pb_tcp_loss_free(c);
	c->recover = c->iss;
	c->snd_una = seq_add(c->iss, 1);
	c->tally.last_text = tcp_now(c); /* as Linux: from here on it is waited for */
	if (c->fast_open)
		advance(c, s->ack);
}

/* They repaired what there was, or time did. */
static void reset_silence(struct tcp_conn *c)
{
	c->retransmits = 0;
	c->first_retransmit = 0;
}

/*
 * -- Algorithms that model the path
 */

static bool has_model(const struct tcp_conn *c)
{
	return c->congestion.ops->sampled;
}

/* All that the ACK tells is known. */
static void update_model(struct tcp_conn *c, const struct tcp_ack *ack, struct rate_sample *s, uint32_t lost)
{
	s->srtt = c->rtt.srtt;
	s->newly_acked = ack->acked;
	s->newly_lost = lost;
	s->in_flight_before = ack->flight;
	s->in_flight = tcp_pipe(c);
	s->has_sack = c->has_sack;
	if (c->congestion.ops->sampled(&c->congestion, tcp_now(c), s))
		tcp_rate_limited(c);
}

/*
 * -- Nothing to tell of losses, or nobody who would
 */

/* Outside of a recovery. */
static void open_window(struct tcp_conn *c, const struct tcp_ack *ack, bool marked)
{
	if (c->ecn && c->ecn->reducing)
		pb_tcp_ecn_steer(c, ack->acked);
	else if (!marked)
		c->congestion.ops->acked(&c->congestion, tcp_now(c), ack);
}

/*
 * Nothing is lost, nor was, nor did anything arrive out of order; or there is no SACK, and duplicates tell. What an
 * ACK of new bytes means then for the congestion window, and for a recovery.
 */
static void judge(struct tcp_conn *c, const struct tcp_ack *ack, struct rate_sample *sample, bool marked)
{
	if (c->in_timeout && seq_le(c->recover, c->snd_una)) {
		c->in_timeout = false;
		if (has_model(c))
			c->congestion.ops->recovered(&c->congestion, tcp_now(c));
		pb_tcp_undo_over(c);
	}
	if (c->in_recovery)
		pb_tcp_fast_retransmit_acked(c, ack->acked);
	else if (has_model(c))
		update_model(c, ack, sample, 0);
	else
		open_window(c, ack, marked);
}

/*
 * Of the bytes acknowledged, how many open the window. Without SACK each duplicate ACK has told of a segment that had
 * arrived: when what was late comes, all that is acknowledged with it is not to be answered by a burst.
 */
static uint32_t opening(const struct tcp_conn *c, uint32_t acked)
{
	uint32_t told = c->dup_acks * c->mss;

	if (c->in_recovery || acked <= c->mss)
		return acked;
	return acked > told + c->mss ? acked - told : c->mss;
}

static void new_ack(struct tcp_conn *c, const struct tcp_segment *s)
{
	struct tcp_ack ack = { .acked = (uint32_t)seq_diff(s->ack, c->snd_una), .flight = tcp_flight(c) };
	struct rate_sample sample;

	ack.rtt = measure(c, s);
	ack.srtt = c->rtt.srtt;
	advance(c, s->ack);
	pb_tcp_rate_acked(c, has_model(c) ? &sample : NULL);
	bool marked = c->ecn && pb_tcp_ecn_acked(c, s, ack.acked);
	if (c->dup_acks)
		ack.acked = opening(c, ack.acked);
	if (c->undo)
		pb_tcp_undo_judge(c, s, NULL, true);
	judge(c, &ack, &sample, marked);
	/* It keeps up, or 2 GiB later it would be ahead (RFC 6582 §3.2 step 2). */
	if (!c->in_recovery && !c->in_timeout)
		c->recover = seq_max(c->recover, seq_add(c->snd_una, (uint32_t)-1));
	tcp_send_buffer_fit(c);
	c->dup_acks = 0;
	reset_silence(c);
	if (!c->in_recovery || !c->partial_acked)
		pb_tcp_timers_acked(c);
	c->partial_acked = c->in_recovery;
	if (tcp_flight(c) < c->sendq.bytes + c->fin_queued)
		tcp_want_output(c);
	if (c->loss)
		pb_tcp_loss_quiet(c);
}

/*
 * -- With SACK
 */

/* Nothing to tell, nothing to judge: as if there were no SACK. */
static bool is_quiet(const struct tcp_conn *c, const struct tcp_segment *s)
{
	const struct tcp_loss *l = c->loss;

	if (!c->has_sack)
		return true;
	return !s->h.options.sack_count && !c->in_recovery && !c->in_timeout && !c->undo &&
	       (!l || (!l->board.count && !l->probe.active));
}

void pb_tcp_reduce(struct tcp_conn *c, uint32_t flight)
{
	uint32_t cwnd = c->congestion.cwnd;

	if (!c->ecn || !c->ecn->reducing)
		c->congestion.ops->lost(&c->congestion, tcp_now(c), flight < cwnd ? flight : cwnd);
	if (c->ecn)
		pb_tcp_ecn_reduced(c);
}

/* A loss was found; flight, and of it SACKed, as they were before the acknowledgement that told. */
static void begin_recovery(struct tcp_conn *c, uint32_t flight, uint32_t sacked)
{
	tcp_counters(c)->tcp.FastRetrans++;
	pb_tcp_undo_begin(c, false);
	pb_tcp_reduce(c, flight);
	pb_prr_begin(&c->loss->prr, flight - sacked);
	c->in_recovery = true;
	c->recover = c->snd_max;
}

/* PRR: how much may be in flight now. */
static void steer(struct tcp_conn *c, uint32_t delivered, bool safe)
{
	if (has_model(c))
		return;
	c->congestion.cwnd =
		pb_prr_acked(&c->loss->prr, delivered, tcp_pipe(c), c->congestion.ssthresh, c->mss, safe);
}

/* Up to where the losses were found, all has arrived. */
static void end_recovery(struct tcp_conn *c)
{
	if (c->in_recovery || has_model(c)) {
		if (!has_model(c))
			c->congestion.cwnd = c->congestion.ssthresh;
		c->congestion.ops->recovered(&c->congestion, tcp_now(c));
	}
	c->in_recovery = c->in_timeout = false;
	pb_tcp_rack_recovered(c);
	pb_tcp_undo_over(c);
}

/* Losses found by an acknowledgement, or by waiting for one. */
static void lost(struct tcp_conn *c, uint32_t flight, uint32_t sacked)
{
	bool is_probe = c->plpmtud && pb_tcp_plpmtud_lost(c);

	if (!is_probe && !c->in_recovery && !c->in_timeout)
		begin_recovery(c, flight, sacked);
	tcp_want_output(c);
}

/* RTT of what was sent once is exact, whether acknowledged or SACKed. */
static pb_time measure_delivery(struct tcp_conn *c, const struct tcp_segment *s, const struct delivery *d)
{
	pb_time sample = seq_lt(c->snd_una, s->ack) ? measure(c, s) : 0;

	if (sample || !d->sent || d->resent)
		return sample;
	sample = tcp_now(c) - d->sent;
	pb_tcp_rtt_sample(&c->rtt, sample);
	return sample;
}

static void selective_ack(struct tcp_conn *c, const struct tcp_segment *s)
{
	struct tcp_loss *l = c->loss;
	struct delivery d = { 0 };
	struct rate_sample sample;
	uint32_t flight = tcp_flight(c), sacked = l->board.bytes[RANGE_SACKED];
	struct tcp_ack ack = { .flight = tcp_pipe(c) };
	bool moves = seq_lt(c->snd_una, s->ack);

	pb_tcp_rack_deliver(c, s, &d);
	pb_tcp_tail_acked(c, s, &d);
	ack.acked = d.bytes;
	ack.rtt = measure_delivery(c, s, &d);
	ack.srtt = c->rtt.srtt;
	if (moves) {
		advance(c, s->ack);
		reset_silence(c);
		pb_tcp_timers_acked(c);
	}
	if (d.bytes)
		pb_tcp_rate_sample(c, d.newest, has_model(c) ? &sample : NULL);
	pb_tcp_rack_adapt(c, &d);
	bool marked = c->ecn && pb_tcp_ecn_acked(c, s, d.bytes);
	if (c->undo)
		pb_tcp_undo_judge(c, s, &d, moves);
	if ((c->in_recovery || c->in_timeout) && seq_le(c->recover, c->snd_una))
		end_recovery(c);
	d.lost = pb_tcp_rack_judge(c);
	if (d.lost)
		lost(c, flight, sacked);
	if (has_model(c) && d.bytes)
		update_model(c, &ack, &sample, d.lost);
	else if (c->in_recovery)
		steer(c, d.bytes, moves && !d.lost);
	else if (d.bytes &&
		 (moves || c->tally.reorderings)) /* RFC 5681 §3.2: what may be a loss opens no window */
		open_window(c, &ack, marked);
	pb_tcp_send_buffer_fit(c);
	tcp_want_output(c);
	pb_tcp_loss_done(c);
}

/* Something that was late has not come in time. */
void pb_tcp_reordering_over(struct tcp_conn *c)
{
	uint32_t flight = tcp_flight(c), sacked = c->loss->board.bytes[RANGE_SACKED];

	if (!pb_tcp_rack_judge(c))
		return;
	lost(c, flight, sacked);
	if (c->in_recovery)
		steer(c, 0, false);
}

/*
 * -- Without SACK
 */

/* What is sent now are probes, also where the peer has drawn its window back over what was in flight. */
static bool window_closed(const struct tcp_conn *c)
{
	return c->probing || c->snd_wnd == 0;
}

/* RFC 5681 §2: in answer to data, says nothing new at all. The answer to a probe says that the window is closed. */
static bool is_duplicate(const struct tcp_conn *c, const struct tcp_segment *s)
{
	return seq_eq(s->ack, c->snd_una) && seq_lt(c->snd_una, c->snd_max) && s->len == 0 &&
	       s->window == c->snd_wnd && !window_closed(c);
}

static void nothing_new(struct tcp_conn *c, const struct tcp_segment *s)
{
	if (c->ecn)
		pb_tcp_ecn_acked(c, s, 0);
	if (!c->has_sack && is_duplicate(c, s))
		pb_tcp_fast_retransmit_duplicate(c);
}

/*
 * -- Both
 */

void pb_tcp_ack_arrived(struct tcp_conn *c, const struct tcp_segment *s)
{
	/*
	 * The peer lives, and its window may stay closed for ever (RFC 9293 §3.8.6.1), if the user's time-out does not end
	 * it (tcp(7)).
	 */
	if (window_closed(c))
		c->retransmits = 0;
	if (!is_quiet(c, s) && pb_tcp_loss_need(c))
		selective_ack(c, s);
	else if (seq_lt(c->snd_una, s->ack))
		new_ack(c, s);
	else
		nothing_new(c, s);
}

void pb_tcp_send_all_again(struct tcp_conn *c)
{
	if (c->has_sack && pb_tcp_loss_need(c)) {
		pb_tcp_loss_all(c);
		return;
	}
	c->snd_nxt = c->snd_una;
	pb_tcp_sendq_rewind(&c->sendq);
}

/* RFC 6298 5.4-5.6; RFC 5681 §3.1; RFC 6582 §3.2 step 4; RFC 8985 §6.3. */
void pb_tcp_timed_out(struct tcp_conn *c)
{
	bool reduced = c->in_recovery || (c->ecn && c->ecn->reducing);
	bool first = !c->in_timeout && !reduced;
	uint32_t flight = tcp_flight(c);

	tcp_counters(c)->tcp.Timeouts++;
	pb_tcp_undo_begin(c, true);
	if (c->has_sack && pb_tcp_loss_need(c))
		pb_tcp_rack_timed_out(c);
	else
		pb_tcp_send_all_again(c);
	c->congestion.ops->timeout(&c->congestion, tcp_now(c), flight, first);
	if (has_model(c))
		c->congestion.cwnd += tcp_pipe(c);
	c->in_recovery = false;
	c->in_timeout = true;
	c->recover = c->snd_max;
	c->dup_acks = 0;
	if (c->ecn)
		pb_tcp_ecn_reduced(c);
}

/* No loss delays us any more. Probes may have left a gap behind the byte they sent: it is filled at once. */
void pb_tcp_window_opened(struct tcp_conn *c)
{
	c->probing = false;
	reset_silence(c);
	pb_tcp_rtt_restore(&c->rtt);
	if (c->in_timeout)
		pb_tcp_send_all_again(c);
}
