/* SEGMENT ARRIVES in SYN-SENT (RFC 9293 §3.10.7.3), and what becomes of a connection whose SYN is acknowledged. */
#include "transport/tcp/accecn.h"
#include "transport/tcp/acks.h"
#include "transport/tcp/auth.h"
#include "transport/tcp/input.h"
#include "transport/tcp/isn.h"
#include "transport/tcp/output.h"
#include "transport/tcp/recovery.h"
#include "transport/tcp/timers.h"
#include "transport/tcp/window.h"

#include <errno.h>
#include <poll.h>

/* What our SYN told, which is never scaled (RFC 7323 §2.2). */
static uint32_t window_of_syn(const struct tcp_conn *c)
{
	return tcp_syn_window(&c->set);
}

/* Fourth: the peer's SYN. */
static void take_syn(struct tcp_conn *c, struct tcp_segment *s)
{
	c->irs = s->seq;
	c->rcv_nxt = c->last_ack_sent = seq_add(s->seq, 1);
	c->rcv_adv = seq_add(c->rcv_nxt, window_of_syn(c));
	pb_tcp_conn_agree(c, &s->h.options);
	pb_tcp_ecn_agree(c, s);
	c->snd_wnd = c->snd_wnd_max = s->h.window;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	c->last_received = tcp_now(c);
}

/* The SYN itself is done with; what it carried goes on through the list. */
static void strip_syn(struct tcp_segment *s)
{
	s->h.flags &= (uint16_t)~TCP_SYN;
	s->seq = seq_add(s->seq, 1);
	s->len--;
}

void pb_tcp_established(struct tcp_conn *c, const struct tcp_segment *s)
{
	pb_tcp_syn_acked(c, s);
	c->snd_wl2 = s->ack;
	pb_tcp_set_state(c, c->fin_queued ? STATE_FIN_WAIT_1 : STATE_ESTABLISHED);
	pb_tcp_timers_silence(c);
	tcp_tell(c, POLLOUT);
	tcp_want_output(c);
	if (c->ecn && c->ecn->kind == ECN_ACCURATE)
		pb_tcp_accecn_established(c, s);
	if (c->fast_open)
		pb_tcp_fast_open_acked(c, s);
}

/* Fourth, with our SYN acknowledged: ESTABLISHED. What the user is about to send can tell the peer that it is. */
static void finish(struct tcp_conn *c, struct tcp_segment *s)
{
	bool more = c->fast_open && c->fast_open->more;

	take_syn(c, s);
	c->ack_now = !more;
	pb_tcp_established(c, s);
	if (more)
		pb_tcp_acks_expect_text(c);
	strip_syn(s);
	pb_tcp_text_input(c, s);
}

/*
 * Fourth, with our SYN not acknowledged: both have called at the same time. What text the SYN carries is not kept: it
 * is not acknowledged, so it comes again.
 */
static void meet(struct tcp_conn *c, struct tcp_segment *s)
{
	take_syn(c, s);
	pb_tcp_set_state(c, STATE_SYN_RECEIVED);
	pb_tcp_send_syn(c);
}

/* It echoes no timestamp of our SYNs: it comes of another call (as Linux; RFC 7323 §3.2 says that it has to). */
static bool echoes_another(const struct tcp_conn *c, const struct tcp_options *o)
{
	uint32_t first = c->receive_round.stamp, now = pb_tcp_timestamp(c->tcp, c->ts_offset);

	return !c->tcp->limits.no_timestamps && o->has_timestamp && o->ts_echo &&
	       o->ts_echo - first > now - first;
}

void pb_tcp_syn_sent_input(struct tcp_conn *c, struct tcp_segment *s)
{
	bool acks = s->h.flags & TCP_ACK;

	/* First. */
	bool other = seq_le(s->ack, c->iss) || seq_lt(c->snd_max, s->ack) || echoes_another(c, &s->h.options);
	if (acks && other) {
		const struct tcp_party party = pb_tcp_party_conn(c);
		pb_tcp_reset_stray(c->tcp, s, &party);
		return;
	}
	/* Second: believed if it acknowledges our SYN. */
	if (s->h.flags & TCP_RST) {
		if (acks && !pb_tcp_ecn_call_again(c))
			pb_tcp_conn_done(c, ECONNREFUSED);
		return;
	}
	if (!(s->h.flags & TCP_SYN))
		return;
	if (acks)
		finish(c, s);
	else
		meet(c, s);
}
