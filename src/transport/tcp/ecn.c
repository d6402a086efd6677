/*
 * Explicit congestion notification (RFC 3168): routers mark what they else would drop. The receiver echoes marks (ECE)
 * until the sender says that its window is reduced (CWR); the sender reduces it as for a loss, once for all that was in
 * flight, over one round trip by PRR, as Linux does.
 *
 * New text only is sent as capable of it: no SYN, no ACK without text, nothing sent again, no probe of a window
 * (§6.1.1, §6.1.4 to §6.1.6). How it is agreed on is in ecn_setup.c, more accurate echoes in accecn.c.
 */
#include "transport/tcp/ecn.h"
#include "transport/tcp/accecn.h"
#include "transport/tcp/acks.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/prr.h"
#include "transport/tcp/seq.h"

#define QUICK_ACKS 2 /* Linux's: the peer's window may be small now */

/*
 * -- What we receive is marked, §6.1.3
 */

static void take_mark(struct tcp_conn *c, enum ecn_codepoint mark)
{
	struct tcp_ecn *e = c->ecn;
	bool at_once = mark == ECN_CE ? !e->echo : mark == ECN_NOT_ECT && e->seen; /* probably sent again */

	if (at_once)
		pb_tcp_acks_quicken(c, QUICK_ACKS);
	e->echo |= mark == ECN_CE;
	e->seen |= mark != ECN_NOT_ECT;
}

/* A segment that is acceptable (§6.1.5). Of one without text the field says nothing (§6.1.4). */
void pb_tcp_ecn_received(struct tcp_conn *c, const struct tcp_segment *s)
{
	struct tcp_ecn *e = c->ecn;

	if (e->kind == ECN_ACCURATE) {
		pb_tcp_accecn_received(c, s);
		return;
	}
	if (s->h.flags & TCP_CWR) {
		e->echo = false;
		c->ack_now |= s->text_len > 0; /* as Linux: perhaps it may send no more than this */
	}
	if (s->text_len)
		take_mark(c, ecn_of(s->packet->tos));
}

/*
 * -- What we send
 */

/* New text, and within the window: what is beyond it is a probe. */
static bool is_new_text(const struct tcp_conn *c, seq at, uint32_t len)
{
	return len && seq_le(c->snd_max, at) && seq_le(seq_add(at, len), seq_add(c->snd_una, c->snd_wnd));
}

void pb_tcp_ecn_send(struct tcp_conn *c, seq at, uint32_t len, struct tcp_header *h, uint8_t *tos)
{
	struct tcp_ecn *e = c->ecn;

	if (e->kind == ECN_ACCURATE)
		pb_tcp_accecn_send(c, len, h);
	else
		h->flags |= e->echo ? TCP_ECE : 0;
	if (!is_new_text(c, at, len))
		return;
	if (!e->unmarked)
		*tos |= ECN_ECT0;
	if (e->cwr_due)
		h->flags |= TCP_CWR; /* of a super-segment, the first piece has it: link/finish.h */
	e->cwr_due = false;
	if (e->reducing)
		e->prr.out += len;
}

/*
 * -- What we send is marked, §6.1.2
 */

/* The window has been reduced, for whatever reason. */
void pb_tcp_ecn_reduced(struct tcp_conn *c)
{
	c->ecn->cwr_due = c->ecn->kind == ECN_CLASSIC; /* RFC 9768 §3.1.5 */
	c->ecn->reducing = c->ecn->stands = false;
	c->ecn->reduced = c->snd_max;
}

/* And that was for nothing, unless marks have told the same meanwhile. */
void pb_tcp_ecn_undone(struct tcp_conn *c)
{
	if (c->ecn->stands)
		return;
	c->ecn->cwr_due = false;
	c->ecn->reduced = seq_add(c->snd_una, (uint32_t)-1);
}

/* §6.1.2 reduces cwnd, not what is in flight. */
static void reduce(struct tcp_conn *c, uint32_t delivered)
{
	tcp_counters(c)->tcp.EcnReductions++;
	c->congestion.ops->lost(&c->congestion, tcp_now(c), c->congestion.cwnd);
	pb_tcp_ecn_reduced(c);
	c->ecn->reducing = true;
	pb_prr_begin(&c->ecn->prr, tcp_pipe(c) + delivered);
}

/* CWR has arrived. */
static void finish(struct tcp_conn *c)
{
	c->ecn->reducing = false;
	c->congestion.cwnd = c->congestion.ssthresh;
	c->congestion.ops->recovered(&c->congestion, tcp_now(c));
}

/* It was reduced for a loss. Now it stays so, even if nothing was lost. */
static void let_it_stand(struct tcp_conn *c)
{
	c->ecn->stands = true;
	if (!c->undo || c->undo->over)
		return;
	c->undo->before = c->congestion;
	c->undo->before.cwnd = c->congestion.ssthresh;
}

/* How many segments an ACK tells of as marked: all that are delivered, where it tells no more than that some were. */
static bool take_echo(struct tcp_conn *c, const struct tcp_segment *s, uint32_t delivered)
{
	uint32_t segments = (delivered + c->mss - 1) / c->mss;
	bool marked = s->h.flags & TCP_ECE;

	if (c->ecn->kind == ECN_ACCURATE) {
		segments = pb_tcp_accecn_acked(c, s, delivered, segments);
		marked = segments > 0;
	}
	if (!marked)
		return false;
	c->ecn->delivered_ce += segments;
	tcp_counters(c)->tcp.DeliveredCE += segments;
	return true;
}

/*
 * An acknowledgement, of delivered bytes that were in flight; SND.UNA has moved. True: it tells of marks, and should
 * not open the window. In the slow start after a time-out it does nevertheless, as on Linux: only new text, which
 * comes last there, stops the peer's telling.
 */
bool pb_tcp_ecn_acked(struct tcp_conn *c, const struct tcp_segment *s, uint32_t delivered)
{
	struct tcp_ecn *e = c->ecn;
	bool newer = seq_lt(e->reduced, s->ack);

	if (newer && e->reducing)
		finish(c);
	if (!take_echo(c, s, delivered)) {
		if (newer) /* it keeps up, or 2 GiB later it would be ahead */
			e->reduced = seq_add(s->ack, (uint32_t)-1);
		return false;
	}
	if (c->in_recovery || c->in_timeout)
		let_it_stand(c);
	else if (newer && (delivered || seq_lt(s->ack, c->snd_max)))
		reduce(c, delivered);
	return !c->in_timeout;
}

/* The handshake tells that one of its segments was marked (RFC 9768 §3.2.2.2). */
void pb_tcp_ecn_handshake_marked(struct tcp_conn *c)
{
	c->ecn->delivered_ce++;
	tcp_counters(c)->tcp.DeliveredCE++;
	reduce(c, 0);
	finish(c);
}

/* While the window is reduced without a loss: it comes down by as much as is delivered, and no more is made up for. */
void pb_tcp_ecn_steer(struct tcp_conn *c, uint32_t delivered)
{
	if (delivered)
		c->congestion.cwnd = pb_prr_acked(&c->ecn->prr, delivered, tcp_pipe(c),
						  c->congestion.ssthresh, c->mss, false);
}

/*
 * -- Sleep: what a silence leaves of it
 */

void pb_tcp_ecn_asleep(const struct tcp_conn *c, struct tcp_ecn *kept)
{
	const struct tcp_ecn *e = c->ecn;

	if (!e)
		return;
	kept->kind = e->kind;
	kept->agreed = e->agreed;
	kept->unmarked = e->unmarked;
	kept->seen = e->seen;
	kept->cwr_due = e->cwr_due;
	kept->delivered_ce = e->delivered_ce;
	kept->echo = e->echo;
	if (e->kind == ECN_ACCURATE)
		memcpy(&kept->accurate, &e->accurate, sizeof kept->accurate);
}

bool pb_tcp_ecn_wake(struct tcp_conn *c, const struct tcp_ecn *kept)
{
	if (!kept)
		return true;
	pb_tcp_ecn_begin(c, kept->kind);
	if (!c->ecn)
		return false;
	*c->ecn = *kept;
	c->ecn->reduced = seq_add(c->snd_una, (uint32_t)-1);
	return true;
}
