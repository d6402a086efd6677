/*
 * What acknowledgements say of losses: the one place where they are judged.
 *
 * Three duplicate ACKs: a segment is lost, and sent again at once (fast retransmit, RFC 5681 §3.2). Until all is
 * acknowledged that had been sent by then, each ACK that acknowledges less tells of the next loss (NewReno, RFC
 * 6582). A time-out (timers.c) puts SND.NXT back to SND.UNA: from there all is sent again, in slow start, except
 * what acknowledgements jump over.
 */
#include "transport/tcp/tcp.h"

#include <poll.h>

#define DUP_ACKS 3 /* RFC 5681 §3.2 */

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
 * -- Fast retransmit and fast recovery
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

/* RFC 6582 §3.2 step 2, RFC 5681 §3.2 steps 2 and 3. Limited transmit does not count (RFC 3042 §2). */
static void enter_recovery(struct tcp_conn *c)
{
	uint32_t flight = tcp_flight(c);

	if (flight > c->congestion.cwnd)
		flight = c->congestion.cwnd;
	tcp_counters(c)->tcp.FastRetrans++;
	c->congestion.ops->lost(&c->congestion, tcp_now(c), flight);
	c->congestion.cwnd = c->congestion.ssthresh + DUP_ACKS * c->mss;
	c->in_recovery = true;
	c->partial_acked = false;
	c->recover = c->snd_max;
	pb_tcp_resend(c, 0);
	pb_tcp_timers_acked(c);
}

/*
 * A segment has left the network, so another may enter it (RFC 5681 §3.2 step 4). Not more than were in it when the
 * loss was found, however many duplicates the peer makes up (RFC 5681 §5).
 */
static void inflate(struct tcp_conn *c)
{
	uint32_t at_entry = (uint32_t)seq_diff(c->recover, c->snd_una);

	if (c->congestion.cwnd < c->congestion.ssthresh + at_entry)
		c->congestion.cwnd += c->mss;
}

static void duplicate_ack(struct tcp_conn *c)
{
	if (c->dup_acks < UINT8_MAX)
		c->dup_acks++;
	if (c->in_recovery)
		inflate(c);
	else if (c->dup_acks == DUP_ACKS && seq_lt(c->recover, c->snd_una))
		enter_recovery(c); /* RFC 6582 §3.2 step 2: nothing sent before the last recovery is meant */
	tcp_want_output(c);
}

/* RFC 6582 §3.2 step 3, full acknowledgement, (1): no burst follows. */
static void leave_recovery(struct tcp_conn *c)
{
	uint32_t flight = tcp_flight(c), calm = (flight > c->mss ? flight : c->mss) + c->mss;

	c->in_recovery = false;
	c->congestion.cwnd = c->congestion.ssthresh < calm ? c->congestion.ssthresh : calm;
	c->congestion.ops->recovered(&c->congestion, tcp_now(c));
}

/* RFC 6582 §3.2 step 3, partial acknowledgement: the next hole, and the window deflates by what has left. */
static void next_hole(struct tcp_conn *c, uint32_t acked)
{
	uint32_t cwnd = c->congestion.cwnd > acked ? c->congestion.cwnd - acked : 0;

	if (acked >= c->mss)
		cwnd += c->mss;
	c->congestion.cwnd = cwnd > c->mss ? cwnd : c->mss;
	pb_tcp_resend(c, 0);
}

/*
 * -- New acknowledgements
 */

/* The first sample; where losses are counted from; and what the loss of SYN means for what follows. */
void pb_tcp_syn_acked(struct tcp_conn *c, const struct tcp_segment *s)
{
	measure(c, s);
	if (c->retransmits && !c->rtt.srtt)
		pb_tcp_rtt_syn_lost(&c->rtt);
	if (c->retransmits > 1) /* RFC 6928 §2: one loss may be chance */
		c->congestion.cwnd = c->congestion.mss;
	c->recover = c->iss;
	c->snd_una = seq_add(c->iss, 1);
	c->retransmits = 0;
	c->first_retransmit = 0;
}

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
	c->bytes_acked += text;
	if (!was_writable && tcp_writable(c))
		tcp_tell(c, POLLOUT);
}

/* What an ACK of new bytes means for the congestion window, and for a recovery. */
static void judge(struct tcp_conn *c, const struct tcp_ack *ack)
{
	bool all = seq_le(c->recover, c->snd_una);

	if (all)
		c->in_timeout = false;
	if (!c->in_recovery)
		c->congestion.ops->acked(&c->congestion, tcp_now(c), ack);
	else if (all)
		leave_recovery(c);
	else
		next_hole(c, ack->acked);
}

static void new_ack(struct tcp_conn *c, const struct tcp_segment *s)
{
	struct tcp_ack ack = { .acked = (uint32_t)seq_diff(s->ack, c->snd_una), .flight = tcp_flight(c) };

	ack.rtt = measure(c, s);
	ack.srtt = c->rtt.srtt;
	advance(c, s->ack);
	judge(c, &ack);
	pb_tcp_send_buffer_fit(c);
	c->dup_acks = 0;
	c->retransmits = 0;
	c->first_retransmit = 0;
	if (!c->in_recovery || !c->partial_acked)
		pb_tcp_timers_acked(c);
	c->partial_acked = c->in_recovery;
	if (tcp_flight(c) < c->sendq.bytes + c->fin_queued)
		tcp_want_output(c);
}

/* No loss delays us any more. Probes may have left a gap behind the byte they sent: it is filled at once. */
void pb_tcp_window_opened(struct tcp_conn *c)
{
	c->probing = false;
	c->retransmits = 0;
	c->first_retransmit = 0;
	pb_tcp_rtt_restore(&c->rtt);
	if (!c->in_timeout)
		return;
	c->snd_nxt = c->snd_una;
	pb_tcp_sendq_rewind(&c->sendq);
}

void pb_tcp_ack_arrived(struct tcp_conn *c, const struct tcp_segment *s)
{
	if (window_closed(
		    c)) { /* the peer lives, and its window may stay closed for ever (RFC 9293 §3.8.6.1) */
		c->retransmits = 0;
		c->first_retransmit = 0;
	}
	if (seq_lt(c->snd_una, s->ack))
		new_ack(c, s);
	else if (is_duplicate(c, s))
		duplicate_ack(c);
}
