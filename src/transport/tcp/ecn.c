/*
 * Explicit congestion notification (RFC 3168): routers mark what they else would drop. The receiver echoes marks (ECE)
 * until the sender says that its window is reduced (CWR); the sender reduces it as for a loss, once for all that was in
 * flight, over one round trip by PRR, as Linux does.
 *
 * New text only is sent as capable of it: no SYN, no ACK without text, nothing sent again, no probe of a window
 * (§6.1.1, §6.1.4 to §6.1.6).
 */
#include "transport/tcp/tcp.h"

#include <stdlib.h>

#define SETUP_SYN     (TCP_ECE | TCP_CWR) /* §6.1.1 */
#define SETUP_SYN_ACK TCP_ECE /* and not CWR: else a peer reflects what it does not know (§6.1.1.2) */
#define FLAGS         (TCP_ECE | TCP_CWR | TCP_AE)
#define QUICK_ACKS    2 /* Linux's: the peer's window may be small now */

void pb_tcp_ecn_free(struct tcp_conn *c)
{
	free(c->ecn);
	c->ecn = NULL;
}

/* Without memory there is no ECN. */
static void begin(struct tcp_conn *c, enum ecn_kind kind)
{
	if (kind == ECN_NONE)
		return;
	c->ecn = malloc(sizeof *c->ecn);
	if (c->ecn)
		*c->ecn = (struct tcp_ecn){ .kind = kind, .reduced = c->iss };
}

/*
 * -- The handshake, §6.1.1
 */

void pb_tcp_ecn_ask(struct tcp_conn *c)
{
	begin(c, c->tcp->limits.ecn_asked);
}

/* §6.1.1.1: a SYN that was lost may have been so because of these flags. Whoever sent one without marks no text. */
uint16_t pb_tcp_ecn_syn_flags(struct tcp_conn *c)
{
	if (!c->ecn)
		return 0;
	if (c->state != STATE_SYN_SENT)
		return SETUP_SYN_ACK;
	if (c->retransmits == 0)
		return SETUP_SYN;
	c->ecn->unmarked = true;
	return 0;
}

/* A SYN or SYN-ACK, in SYN-SENT. */
void pb_tcp_ecn_agree(struct tcp_conn *c, const struct tcp_segment *s)
{
	uint16_t wanted = s->h.flags & TCP_ACK ? SETUP_SYN_ACK : SETUP_SYN;

	if (!c->ecn)
		return;
	if ((s->h.flags & (TCP_ECE | TCP_CWR)) == wanted)
		c->ecn->agreed = true;
	else
		pb_tcp_ecn_free(c);
}

/*
 * What a listener takes a caller's SYN for. A SYN is not sent as ECT (§6.1.1): of one that comes so somebody on the way
 * has rewritten the field, and marks would tell nothing. As on Linux it gets no ECN.
 */
enum ecn_kind pb_tcp_ecn_called(const struct tcp *t, const struct tcp_segment *s)
{
	if ((s->h.flags & SETUP_SYN) != SETUP_SYN || ecn_of(s->packet->tos) != ECN_NOT_ECT)
		return ECN_NONE;
	return t->limits.ecn_accepted;
}

/* The SYN again: who asks no longer marks no text from now on, and is not to be marked (§6.1.1.1, steps 3 and 4). */
void pb_tcp_ecn_called_again(struct tcp_syn *r, const struct tcp_segment *s)
{
	if (pb_tcp_ecn_called(r->listener->tcp, s) == ECN_NONE)
		r->ecn = ECN_NONE;
}

uint16_t pb_tcp_ecn_syn_ack_flags(const struct tcp_syn *r)
{
	return r->ecn == ECN_NONE ? 0 : SETUP_SYN_ACK;
}

void pb_tcp_ecn_accept(struct tcp_conn *c, enum ecn_kind kind)
{
	begin(c, kind);
	if (c->ecn)
		c->ecn->agreed = true;
}

/*
 * -- What we receive is marked, §6.1.3
 */

static void take_mark(struct tcp_conn *c, enum ecn_codepoint mark)
{
	struct tcp_ecn *e = c->ecn;
	bool at_once = mark == ECN_CE ? !e->echo : mark == ECN_NOT_ECT && e->seen; /* probably sent again */

	if (at_once && c->quick_acks < QUICK_ACKS)
		c->quick_acks = QUICK_ACKS;
	e->echo |= mark == ECN_CE;
	e->seen |= mark != ECN_NOT_ECT;
}

/* A segment that is acceptable (§6.1.5). Of one without text the field says nothing (§6.1.4). */
void pb_tcp_ecn_received(struct tcp_conn *c, const struct tcp_segment *s)
{
	struct tcp_ecn *e = c->ecn;

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

uint16_t pb_tcp_ecn_send(struct tcp_conn *c, seq at, uint32_t len, uint8_t *tos)
{
	struct tcp_ecn *e = c->ecn;
	uint16_t flags = e->echo ? TCP_ECE : 0;

	if (!is_new_text(c, at, len))
		return flags;
	if (!e->unmarked)
		*tos |= ECN_ECT0;
	if (e->cwr_due)
		flags |= TCP_CWR; /* of a super-segment, the first piece has it: link/finish.h */
	e->cwr_due = false;
	if (e->reducing)
		e->prr.out += len;
	return flags;
}

/*
 * -- What we send is marked, §6.1.2
 */

/* The window has been reduced, for whatever reason. */
void pb_tcp_ecn_reduced(struct tcp_conn *c)
{
	c->ecn->cwr_due = true;
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

static void count_marks(struct tcp_conn *c, uint32_t delivered)
{
	uint32_t segments = (delivered + c->mss - 1) / c->mss;

	c->ecn->delivered_ce += segments;
	tcp_counters(c)->tcp.DeliveredCE += segments;
}

/*
 * An acknowledgement, of delivered bytes that were in flight; SND.UNA has moved. True: it tells of marks, and should not
 * open the window. In the slow start after a time-out it does nevertheless, as on Linux: only new text, which comes last
 * there, stops the peer's telling.
 */
bool pb_tcp_ecn_acked(struct tcp_conn *c, const struct tcp_segment *s, uint32_t delivered)
{
	struct tcp_ecn *e = c->ecn;
	bool newer = seq_lt(e->reduced, s->ack);

	if (newer && e->reducing)
		finish(c);
	if (!(s->h.flags & TCP_ECE)) {
		if (newer) /* it keeps up, or 2 GiB later it would be ahead */
			e->reduced = seq_add(s->ack, (uint32_t)-1);
		return false;
	}
	count_marks(c, delivered);
	if (c->in_recovery || c->in_timeout)
		let_it_stand(c);
	else if (newer && (delivered || seq_lt(s->ack, c->snd_max)))
		reduce(c, delivered);
	return !c->in_timeout;
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
}

bool pb_tcp_ecn_wake(struct tcp_conn *c, const struct tcp_ecn *kept)
{
	if (!kept)
		return true;
	begin(c, kept->kind);
	if (!c->ecn)
		return false;
	*c->ecn = *kept;
	c->ecn->reduced = seq_add(c->snd_una, (uint32_t)-1);
	return true;
}
