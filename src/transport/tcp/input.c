/*
 * SEGMENT ARRIVES in the synchronized states (RFC 9293 §3.10.7.4): the RFC's list from the first check to the fifth, in
 * its order, with what RFC 5961 (blind attacks) and RFC 7323 (timestamps) changed in it. What the list does with
 * text and FIN is in text.c; what an acknowledgement means for what we sent, in recovery.c.
 *
 * States LISTEN, SYN-RECEIVED of a passive open, and TIME-WAIT are records and do not come here.
 */
#include "transport/tcp/input.h"
#include "transport/tcp/accecn.h"
#include "transport/tcp/acks.h"
#include "transport/tcp/auth.h"
#include "transport/tcp/output.h"
#include "transport/tcp/paws.h"
#include "transport/tcp/recovery.h"
#include "transport/tcp/sack.h"
#include "transport/tcp/timers.h"
#include "transport/tcp/uto.h"
#include "transport/tcp/window.h"

#include <errno.h>

/*
 * First: whether any of the segment is in the window. An empty one may be just behind it, too: there it is when its
 * sender has filled the window. With the window shut, what is at RCV.NXT is let in for what else it carries; its
 * text is cut off later.
 */
static bool in_window(const struct tcp_conn *c, const struct tcp_segment *s)
{
	uint32_t window = c->rcv_adv.v - c->rcv_nxt.v;

	if (s->len == 0)
		return seq_in(s->seq, c->rcv_nxt, window + 1);
	if (window == 0)
		return seq_eq(s->seq, c->rcv_nxt);
	return seq_in(s->seq, c->rcv_nxt, window) || seq_in(seq_add(s->seq, s->len - 1), c->rcv_nxt, window);
}

static bool is_syn_again(const struct tcp_conn *c, const struct tcp_segment *s)
{
	return tcp_is_opening(c) && s->h.flags & TCP_SYN && seq_eq(s->seq, c->irs);
}

/*
 * Both have called, and the peer's SYN-ACK has come (RFC 9293 §3.5, figure 8): its SYN is known, and what it
 * acknowledges is as good as in any segment.
 */
static bool take_crossing_syn(struct tcp_conn *c, struct tcp_segment *s)
{
	if (!is_syn_again(c, s) || !(s->h.flags & TCP_ACK) || s->len != 1)
		return false;
	pb_tcp_sack_twice(c, s->seq, 1);
	s->h.flags &= (uint16_t)~TCP_SYN;
	s->seq = seq_add(s->seq, 1);
	s->len = 0;
	c->ack_now = true;
	return true;
}

/*
 * An unacceptable segment is answered with an ACK: one with text always, so that its sender gets on; others, so that
 * two hosts that disagree do not acknowledge each other for ever, at a limited rate.
 */
static void refuse(struct tcp_conn *c, const struct tcp_segment *s)
{
	if (s->h.flags & TCP_RST)
		return;
	if (is_syn_again(c, s) && !(s->h.flags & TCP_ACK)) {
		pb_tcp_send_syn(c); /* our SYN-ACK was lost */
		return;
	}
	if (s->text_len) {
		pb_tcp_sack_twice(c, s->seq, s->text_len);
		pb_tcp_acks_quicken(c, TCP_QUICK_ACKS);
		pb_tcp_send_ack(c);
	} else {
		pb_tcp_challenge(c);
	}
}

/* False: the segment is out of place, and has been answered. */
static bool check_place(struct tcp_conn *c, struct tcp_segment *s)
{
	/* RFC 7323 §3.2: one without a timestamp, once they are agreed on, is dropped silently. */
	if (c->has_timestamps && !s->h.options.has_timestamp && !(s->h.flags & TCP_RST) &&
	    !c->tcp->limits.takes_unstamped) {
		tcp_counters(c)->tcp.PAWSEstab++;
		return false;
	}
	if (!pb_tcp_paws_admits(c, s)) {
		tcp_counters(c)->tcp.PAWSEstab++;
		refuse(c, s);
		return false;
	}
	if (!in_window(c, s) && !take_crossing_syn(c, s)) {
		tcp_counters(c)->tcp.OutOfWindow++;
		refuse(c, s);
		return false;
	}
	return true;
}

/* What the user is told, as Linux tells it. */
static int reset_error(const struct tcp_conn *c)
{
	switch (c->state) {
	case STATE_SYN_RECEIVED:
		return tcp_is_early(c) ? ECONNRESET : ECONNREFUSED;
	case STATE_CLOSE_WAIT:
		return EPIPE;
	default:
		return ECONNRESET;
	}
}

/* Second: only an RST exactly at RCV.NXT is believed (RFC 5961 §3.2). */
static void take_reset(struct tcp_conn *c, const struct tcp_segment *s)
{
	if (!seq_eq(s->seq, c->rcv_nxt)) {
		pb_tcp_challenge(c);
		return;
	}
	int error = reset_error(c);
	if (tcp_is_early(c))
		pb_tcp_fast_open_reset(c);
	pb_tcp_conn_done(c, error);
}

/* The states in which our SYN may not be acknowledged yet; FIN-WAIT-1 only if tcp_is_early(). */
#define OPENING (1u << STATE_SYN_RECEIVED | 1u << STATE_FIN_WAIT_1)

/* Fifth, in SYN-RECEIVED: false: what it acknowledges is not our SYN. */
static bool complete_handshake(struct tcp_conn *c, const struct tcp_segment *s)
{
	if (!seq_lt(c->iss, s->ack) || !seq_le(s->ack, c->snd_max)) {
		const struct tcp_party party = pb_tcp_party_conn(c);
		pb_tcp_reset_stray(c->tcp, s, &party);
		return false;
	}
	pb_tcp_established(c, s);
	return true;
}

/* RFC 5961 §5.2: SND.UNA - MAX.SND.WND =< SEG.ACK =< SND.NXT; others are challenged. */
static bool ack_plausible(const struct tcp_conn *c, seq ack)
{
	return seq_le((seq){ c->snd_una.v - c->snd_wnd_max }, ack) && seq_le(ack, c->snd_max);
}

/* Our FIN is acknowledged: one half is closed. False: c is gone. */
static bool finish_sending(struct tcp_conn *c)
{
	switch (c->state) {
	case STATE_FIN_WAIT_1:
		pb_tcp_set_state(c, STATE_FIN_WAIT_2);
		if (tcp_is_orphan(c))
			pb_tcp_timers_orphaned(c);
		return true;
	case STATE_CLOSING:
		pb_tcp_time_wait_enter(c);
		return false;
	case STATE_LAST_ACK:
		pb_tcp_conn_done(c, 0);
		return false;
	default:
		return true;
	}
}

/* Fifth. False: the segment ends here. */
static bool take_ack(struct tcp_conn *c, const struct tcp_segment *s)
{
	seq una = c->snd_una;

	if (OPENING >> c->state & 1 && tcp_is_opening(c) && !complete_handshake(c, s))
		return false;
	if (!ack_plausible(c, s->ack)) {
		pb_tcp_challenge(c);
		return false;
	}
	pb_tcp_paws_keep(c, s); /* not before: who can guess no acknowledgement sets no clock of ours */
	if (seq_lt(s->ack,
		   c->snd_una)) { /* an old one: ignored, but not its text, nor what it tells of gaps */
		if (c->has_sack && s->h.options.sack_count)
			pb_tcp_ack_arrived(c, s);
		return true;
	}
	pb_tcp_ack_arrived(c, s); /* looks at the window as it was: before the next line */
	pb_tcp_window_take(c, s);
	c->soft_error = 0;
	if (!seq_eq(una, c->snd_una))
		pb_ip_confirm(c->tcp->net, &c->path);
	if (c->fin_sent && seq_eq(c->snd_una, c->snd_max))
		return finish_sending(c);
	return true;
}

/* RFC 9768 §3.2.2.1: the SYN-ACK again, whose answer tells how it came. */
static bool is_greeted_again(const struct tcp_conn *c, const struct tcp_segment *s)
{
	return s->h.flags & TCP_SYN && s->h.flags & TCP_ACK && c->ecn && c->ecn->kind == ECN_ACCURATE &&
	       seq_eq(s->seq, c->irs) && c->state != STATE_SYN_RECEIVED;
}

void pb_tcp_conn_input(struct tcp_conn *c, struct tcp_segment *s)
{
	c->segments_in++;
	if (c->state == STATE_SYN_SENT) {
		pb_tcp_syn_sent_input(c, s);
		return;
	}
	if (is_greeted_again(c, s)) {
		pb_tcp_accecn_syn_ack_again(c, s);
		return;
	}
	if (!check_place(c, s))
		return;
	if (s->h.flags & TCP_RST) {
		take_reset(c, s);
		return;
	}
	if (s->h.flags & TCP_SYN) { /* fourth: in the window, RFC 5961 §4.2 */
		tcp_counters(c)->tcp.SynChallenge++;
		pb_tcp_challenge(c);
		return;
	}
	if (!(s->h.flags & TCP_ACK))
		return;
	pb_tcp_timers_heard(c);
	if (!take_ack(c, s))
		return;
	if (c->ecn)
		pb_tcp_ecn_received(c, s);
	if (s->h.options.has_user_timeout)
		pb_tcp_uto_take(c, &s->h.options);
	pb_tcp_text_input(c, s);
}
