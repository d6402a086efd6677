/*
 * Who agrees with whom on explicit congestion notification: RFC 3168 §6.1.1, and RFC 9768 §3.1, whose table 2 is
 * this, flags as AE, CWR, ECE:
 *
 *     SYN      SYN-ACK
 *     1 1 1    0 1 0, 0 1 1, 1 0 0, 1 1 0    accurate; how the SYN came: not ECT, ECT(1), ECT(0), CE
 *     1 1 1    0 0 1                         classic: the listener knows no other
 *     0 1 1    0 0 1                         classic: the caller asks for no other
 *     1 1 1    1 1 1                         none: the listener reflects what it does not know
 *              0 0 0                         none
 */
#include "transport/tcp/accecn.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/ecn.h"
#include "transport/tcp/listen.h"
#include "transport/tcp/output.h"

#include <stdlib.h>

#define ECN_FLAGS   (TCP_ECE | TCP_CWR | TCP_AE)
#define CLASSIC_SYN (TCP_ECE | TCP_CWR) /* RFC 3168 §6.1.1 */
#define CLASSIC_AGREE                                                                                        \
	TCP_ECE /* and not CWR: else a peer reflects what it does not know (RFC 3168 §6.1.1.2) */
#define ACCURATE_SYN (TCP_ECE | TCP_CWR | TCP_AE)

/*
 * SYNs, SYN-ACKs that ask for it or agree to it; then without, in case that is why nobody answers: RFC 9768 §3.1.4.
 */
#define ACCURATE_TRIES 2

void pb_tcp_ecn_free(struct tcp_conn *c)
{
	free(c->ecn);
	c->ecn = NULL;
}

void pb_tcp_ecn_begin(struct tcp_conn *c, enum ecn_kind kind)
{
	if (kind == ECN_NONE)
		return;
	c->ecn = malloc(sizeof *c->ecn);
	if (!c->ecn)
		return;
	memset(c->ecn, 0, sizeof *c->ecn); /* padding, too: idle.c compares */
	c->ecn->kind = kind;
	c->ecn->reduced = c->iss;
	pb_tcp_accecn_init(&c->ecn->accurate);
}

/*
 * -- The caller
 */

void pb_tcp_ecn_ask(struct tcp_conn *c)
{
	pb_tcp_ecn_begin(c, c->tcp->limits.ecn_asked);
}

/*
 * RFC 3168 §6.1.1.1: a SYN that was lost may have been so because of these flags. Whoever sent one without marks no
 * text; where feedback is accurate he may (RFC 9768 §3.1.5).
 */
static uint16_t call_flags(struct tcp_conn *c)
{
	struct tcp_ecn *e = c->ecn;

	if (e->kind == ECN_ACCURATE)
		return c->retransmits < ACCURATE_TRIES ? ACCURATE_SYN : 0;
	if (c->retransmits == 0)
		return CLASSIC_SYN;
	e->unmarked = true;
	return 0;
}

/*
 * A reset answers our SYN. If that had flags, they may be why: who knows of no ECN, or somebody on the way, may take
 * them for nonsense. It is sent again without, at once, and only once (RFC 3168 §6.1.1.1: it may be). False: they
 * were not.
 */
bool pb_tcp_ecn_call_again(struct tcp_conn *c)
{
	if (!c->ecn || !call_flags(c))
		return false;
	pb_tcp_ecn_free(c);
	pb_tcp_send_syn(c);
	return true;
}

/* Of a SYN-ACK that is a connection's already, not a record's. */
static uint16_t answer_flags(struct tcp_conn *c)
{
	if (c->ecn->kind == ECN_CLASSIC)
		return CLASSIC_AGREE;
	if (c->retransmits < ACCURATE_TRIES)
		return pb_accecn_greeting(c->ecn->accurate.syn);
	c->ecn->unmarked = true;
	return 0;
}

uint16_t pb_tcp_ecn_syn_flags(struct tcp_conn *c)
{
	if (!c->ecn)
		return 0;
	return c->state == STATE_SYN_SENT ? call_flags(c) : answer_flags(c);
}

/* What a SYN-ACK agrees to. */
static enum ecn_kind agreed_to(enum ecn_kind asked, uint16_t flags)
{
	if (asked == ECN_CLASSIC)
		return (flags & (TCP_ECE | TCP_CWR)) == CLASSIC_AGREE ? ECN_CLASSIC : ECN_NONE;
	if (flags == CLASSIC_AGREE)
		return ECN_CLASSIC;
	return flags == 0 || flags == ACCURATE_SYN ? ECN_NONE : ECN_ACCURATE;
}

/* What a SYN asks for. An accurate host takes whatever it does not know for what it knows: RFC 9768 §3.1.3. */
static enum ecn_kind asked_for(enum ecn_kind most, uint16_t flags)
{
	if (most == ECN_ACCURATE && flags && flags != CLASSIC_SYN)
		return ECN_ACCURATE;
	return most != ECN_NONE && (flags & CLASSIC_SYN) == CLASSIC_SYN ? ECN_CLASSIC : ECN_NONE;
}

/*
 * RFC 9768 §3.2.2.3: the SYN was not ECT. Who says that it came otherwise tells of somebody who rewrites the field.
 */
static void judge_greeting(struct tcp_conn *c, uint16_t flags)
{
	if (flags == pb_accecn_greeting(ECN_ECT0) || flags == pb_accecn_greeting(ECN_ECT1) ||
	    flags == pb_accecn_greeting(ECN_CE))
		c->ecn->unmarked = true;
}

/* A SYN or SYN-ACK, in SYN-SENT. */
void pb_tcp_ecn_agree(struct tcp_conn *c, const struct tcp_segment *s)
{
	uint16_t flags = s->h.flags & ECN_FLAGS;
	bool answers = s->h.flags & TCP_ACK;

	if (!c->ecn)
		return;
	enum ecn_kind kind = answers ? agreed_to(c->ecn->kind, flags) : asked_for(c->ecn->kind, flags);
	if (kind == ECN_NONE) {
		pb_tcp_ecn_free(c);
		return;
	}
	if (kind == ECN_CLASSIC && c->ecn->kind == ECN_ACCURATE)
		c->ecn->unmarked = c->retransmits >= ACCURATE_TRIES;
	c->ecn->kind = kind;
	c->ecn->agreed = true;
	if (kind != ECN_ACCURATE)
		return;
	c->ecn->accurate.syn = ecn_of(s->packet->tos);
	if (answers)
		judge_greeting(c, flags);
}

/*
 * -- The listener
 */

/*
 * What a listener takes a caller's SYN for. A SYN is not sent as ECT (RFC 3168 §6.1.1): of one that comes so somebody
 * on the way has rewritten the field, and classic marks would tell nothing. As on Linux it gets no ECN.
 */
struct ecn_call pb_tcp_ecn_called(const struct tcp *t, const struct tcp_segment *s)
{
	enum ecn_codepoint mark = ecn_of(s->packet->tos);
	enum ecn_kind kind = asked_for(t->limits.ecn_accepted, s->h.flags & ECN_FLAGS);

	if (kind == ECN_CLASSIC && mark != ECN_NOT_ECT)
		kind = ECN_NONE;
	return (struct ecn_call){ .kind = (uint8_t)kind, .mark = (uint8_t)mark };
}

/*
 * The SYN again. Who asks for classic ECN no longer marks no text from now on, and is not to be marked (RFC 3168
 * §6.1.1.1, steps 3 and 4); who asked for more accurate feedback is answered as before, but not marked (RFC 9768
 * §3.1.5). False: he asks for the one after the other, and the two would not know what they agreed on: a reset
 * (ibid.).
 */
bool pb_tcp_ecn_called_again(struct tcp_syn *r, const struct tcp_segment *s)
{
	struct ecn_call again = pb_tcp_ecn_called(r->listener->tcp, s);

	r->ecn.again = true;
	if (r->ecn.kind == ECN_NONE)
		return true;
	if (again.kind == ECN_NONE && r->ecn.kind == ECN_CLASSIC) {
		r->ecn.kind = ECN_NONE;
		return true;
	}
	r->ecn.mark = again.mark;
	r->ecn.unmarked |= again.kind == ECN_NONE;
	return again.kind == ECN_NONE || again.kind == r->ecn.kind;
}

uint16_t pb_tcp_ecn_syn_ack_flags(const struct tcp_syn *r)
{
	if (r->ecn.kind == ECN_CLASSIC)
		return CLASSIC_AGREE;
	if (r->ecn.kind == ECN_NONE || r->retransmits >= ACCURATE_TRIES)
		return 0;
	return pb_accecn_greeting((enum ecn_codepoint)r->ecn.mark);
}

void pb_tcp_ecn_accept(struct tcp_conn *c, const struct tcp_syn *r)
{
	pb_tcp_ecn_begin(c, (enum ecn_kind)r->ecn.kind);
	if (!c->ecn)
		return;
	c->ecn->agreed = true;
	if (r->ecn.kind == ECN_ACCURATE) /* RFC 9768 §3.1.5: that a SYN-ACK without flags was sent, too */
		c->ecn->unmarked = r->ecn.unmarked || r->retransmits >= ACCURATE_TRIES;
	c->ecn->accurate.syn = (enum ecn_codepoint)r->ecn.mark;
}

/*
 * What an ACK with a cookie of ours restores, beside what was in the timestamp. Accurate feedback shows by itself:
 * its counter is not 0 or 1 yet (RFC 9768 §5.1).
 */
enum ecn_kind pb_tcp_ecn_of_cookie(const struct tcp *t, const struct tcp_segment *s, enum ecn_kind stamped)
{
	enum ecn_kind most = t->limits.ecn_accepted;

	if (most == ECN_ACCURATE && stamped == ECN_NONE && s->h.flags & (TCP_CWR | TCP_AE))
		return ECN_ACCURATE;
	return stamped <= most ? stamped : ECN_NONE;
}
