/*
 * More accurate feedback of marks (RFC 9768): the flags AE, CWR and ECE are the last three bits of how many packets
 * came marked (the ACE field, §3.2.2), and an option tells how many bytes came with which codepoint (§3.2.3). A
 * sender knows thereby how much was marked in each round trip; what it makes of it is ecn.c's.
 *
 * The option is in ACKs that acknowledge anything new, as far as there is room for it (§3.2.3.3); where it does not
 * come through, the counter alone is read in the worst way that it may be meant (§3.2.2.5.2).
 */
#include "transport/tcp/accecn.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/ecn.h"
#include "transport/tcp/input.h"
#include "transport/tcp/listen.h"
#include "transport/tcp/output.h"
#include "transport/tcp/sack.h"
#include "transport/tcp/seq.h"

#define ACE_BITS        7
#define ACE_WRAP        8
#define COUNTER_MASK    0xffffffu /* §3.2.3: of 24 bits */
#define MARKS_INITIAL   5         /* §3.2.1 */
#define BYTES_INITIAL   1
#define MARKS_WITH_TEXT 2 /* §3.2.2.5.1: so many, and an ACK tells of them at once */
#define MARKS_OF_ACKS   3

#define OPTION_MAX      12 /* with its padding */
#define SACK_PRECEDENCE 20 /* §3.2.3.3: two blocks go before, with theirs */

/* Table 2, table 3. */
static const uint8_t greetings[] = { [ECN_NOT_ECT] = 2, [ECN_ECT1] = 3, [ECN_ECT0] = 4, [ECN_CE] = 6 };

uint16_t pb_accecn_greeting(enum ecn_codepoint codepoint)
{
	return (uint16_t)(greetings[codepoint] * TCP_ECE);
}

static uint32_t ace_of(const struct tcp_segment *s)
{
	return s->h.flags / TCP_ECE & ACE_BITS;
}

void pb_tcp_accecn_init(struct accecn *a)
{
	const struct ecn_counters initial = { .marks = MARKS_INITIAL,
					      .ect0 = BYTES_INITIAL,
					      .ect1 = BYTES_INITIAL };

	a->received = a->told = a->option = initial;
}

/*
 * -- The handshake
 */

/* The ACK of our SYN-ACK says how that came (§3.2.2.1, table 4); it was not ECT (§3.2.2.3). */
static void take_greeting(struct tcp_conn *c, const struct tcp_segment *s)
{
	struct accecn *a = &c->ecn->accurate;
	uint32_t ace = ace_of(s);

	if (ace == 0) /* note 1 */
		a->deaf = true;
	if (ace == 0 || ace == greetings[ECN_ECT0] || ace == greetings[ECN_ECT1] || ace == greetings[ECN_CE])
		c->ecn->unmarked = true;
	if (ace != greetings[ECN_CE])
		return;
	a->told.marks++;
	pb_tcp_ecn_handshake_marked(c);
}

static void look_for_option(struct tcp_conn *c, const struct tcp_segment *s)
{
	const struct tcp_options *o = &s->h.options;
	struct accecn *a = &c->ecn->accurate;

	a->option_seen = o->has_accecn;
	a->option_broken = o->accecn_count > 0 && (!o->accecn[0] || (o->accecn_count == 3 && !o->accecn[2]));
}

void pb_tcp_accecn_established(struct tcp_conn *c, const struct tcp_segment *s)
{
	struct accecn *a = &c->ecn->accurate;

	a->introduces = true;
	a->stamp = s->h.options.ts_value;
	look_for_option(c, s);
	if (!(s->h.flags & TCP_SYN)) {
		if (s->text_len == 0 && s->h.options.sack_count == 0)
			take_greeting(c, s);
		return;
	}
	a->received.marks += a->syn == ECN_CE; /* §3.2.2.2 */
	if ((s->h.flags & (TCP_ECE | TCP_CWR | TCP_AE)) == pb_accecn_greeting(ECN_CE))
		pb_tcp_ecn_handshake_marked(c);
	a->greets = true;
	pb_tcp_send_ack(c); /* without text, whatever there is to send (§3.2.2.1) */
}

/* Who has sent text, unless he did so early (RFC 7413), is not in SYN-RECEIVED: he reads a counter (§3.2.2.2). */
static bool text_has_come(const struct tcp_conn *c)
{
	return !seq_eq(c->rcv_nxt, seq_add(c->irs, 1)) || c->ooo.first;
}

/*
 * The SYN-ACK again. Perhaps the peer has not heard that ACK: it is told again, of the one that came last. If he has,
 * and the network was late or sent it twice, he would take it for marks.
 */
void pb_tcp_accecn_syn_ack_again(struct tcp_conn *c, const struct tcp_segment *s)
{
	struct accecn *a = &c->ecn->accurate;

	a->syn = ecn_of(s->packet->tos);
	if (a->syn == ECN_CE && a->received.marks == MARKS_INITIAL)
		a->received.marks++;
	a->greets = !text_has_come(c);
	pb_tcp_challenge(c);
	a->greets = false;
}

/*
 * -- What we receive is marked
 */

/* Packets: what is merged is merged of such as have the same codepoint. */
static uint32_t packets(const struct tcp_conn *c, const struct tcp_segment *s)
{
	uint32_t size = s->text && s->text->segment_size ? s->text->segment_size : c->mss;

	return s->text_len <= size ? 1 : (s->text_len + size - 1) / size;
}

static void count_bytes(struct ecn_counters *n, enum ecn_codepoint codepoint, uint32_t len)
{
	if (codepoint == ECN_CE)
		n->ce += len;
	else if (codepoint == ECN_ECT0)
		n->ect0 += len;
	else if (codepoint == ECN_ECT1)
		n->ect1 += len;
}

/*
 * §3.2.2.5.1: text that is marked when what came before was not; and so many marks that the counter might go round.
 */
static bool is_to_be_told(const struct tcp_conn *c, const struct tcp_segment *s, enum ecn_codepoint codepoint)
{
	const struct accecn *a = &c->ecn->accurate;

	if (codepoint != ECN_CE)
		return false;
	if (s->text_len && a->last != ECN_CE)
		return true;
	return a->pending >= (s->text_len || c->ack_segments ? MARKS_WITH_TEXT : MARKS_OF_ACKS);
}

void pb_tcp_accecn_received(struct tcp_conn *c, const struct tcp_segment *s)
{
	enum ecn_codepoint codepoint = ecn_of(s->packet->tos);
	struct accecn *a = &c->ecn->accurate;
	uint32_t n = codepoint == ECN_CE ? packets(c, s) : 0;

	a->received.marks += n;
	a->pending = (uint8_t)(a->pending + n < ACE_WRAP ? a->pending + n : ACE_WRAP);
	count_bytes(&a->received, codepoint, s->text_len);
	c->ecn->seen |= codepoint != ECN_NOT_ECT;
	if (is_to_be_told(c, s, codepoint)) {
		c->ack_now = true;
		tcp_want_output(c);
	}
	a->last = codepoint;
}

/*
 * -- Telling of it
 */

uint16_t pb_tcp_accecn_ace(const struct tcp_conn *c)
{
	return (uint16_t)((c->ecn->accurate.received.marks & ACE_BITS) * TCP_ECE);
}

static bool differ(const struct ecn_counters *a, const struct ecn_counters *b)
{
	return a->ect0 != b->ect0 || a->ce != b->ce || a->ect1 != b->ect1;
}

/*
 * The fields of what has ever changed, in the order that lets the others be left out (table 5); all of them where the
 * option is new, so that the peer sees that it is whole.
 */
static void write_option(const struct accecn *a, struct tcp_options *o, bool first)
{
	const struct ecn_counters *r = &a->received;
	bool ect0 = r->ect0 != BYTES_INITIAL, ect1 = r->ect1 != BYTES_INITIAL;

	o->has_accecn = true;
	o->accecn_ect1_first = ect1 && !ect0;
	o->accecn[0] = o->accecn_ect1_first ? r->ect1 : r->ect0;
	o->accecn[1] = r->ce;
	o->accecn[2] = o->accecn_ect1_first ? r->ect0 : r->ect1;
	o->accecn_count = first || (ect0 && ect1) ? 3 : r->ce ? 2 : 1;
}

/* Segments of text leave room for the usual options only. */
static bool has_room(const struct tcp_conn *c, uint32_t len, const struct tcp_options *o)
{
	size_t blocks = tcp_has_blocks(c) ? SACK_PRECEDENCE : 0;

	return len + OPTION_MAX <= c->mss && pb_tcp_header_len(o) + blocks <= TCP_HEADER_LEN_MAX;
}

void pb_tcp_accecn_send(struct tcp_conn *c, uint32_t len, struct tcp_header *h)
{
	struct accecn *a = &c->ecn->accurate;
	struct tcp_options with = h->options;
	bool greets = a->greets && len == 0, first = a->introduces && (greets || len);

	h->flags |= greets ? pb_accecn_greeting(a->syn) : pb_tcp_accecn_ace(c);
	if (greets)
		a->greets = false;
	a->pending = 0;
	if (len)
		a->introduces = false;
	if (!first && !differ(&a->received, &a->option))
		return;
	write_option(a, &with, first);
	if (!has_room(c, len, &with))
		return;
	h->options = with;
	a->option = a->received;
}

/* Not where it is sent again, as the option may be why the first was lost (§3.2.3.2.2); nor beside a signature. */
void pb_accecn_introduce(const struct tcp_syn *r, struct tcp_options *o)
{
	struct accecn initial = { 0 };
	struct tcp_options with = *o;

	if (r->ecn.kind != ECN_ACCURATE || r->ecn.again || r->retransmits || r->listener->set.auth)
		return;
	pb_tcp_accecn_init(&initial);
	write_option(&initial, &with, true);
	if (pb_tcp_header_len(&with) <= TCP_HEADER_LEN_MAX)
		*o = with;
}

/*
 * -- What we send is marked
 */

/*
 * Whether an ACK is newer than the last that told something (RFC 9768 appendix A.1, as on Linux). One of our SYN-ACK
 * alone may be the peer's greeting again, as the SYN-ACK came again (§3.2.2.2): what it counts, others will.
 */
static bool is_news(struct tcp_conn *c, const struct tcp_segment *s, uint32_t delivered)
{
	struct accecn *a = &c->ecn->accurate;
	const struct tcp_options *o = &s->h.options;
	bool later = c->has_timestamps && o->has_timestamp && (int32_t)(o->ts_value - a->stamp) > 0;

	if (seq_eq(s->ack, seq_add(c->iss, 1)))
		return false;
	if (later)
		a->stamp = o->ts_value;
	return delivered || later;
}

/* By how much a counter of an option has grown; the peer's, as we know it, follows. */
static uint32_t grown(uint32_t *known, uint32_t field)
{
	uint32_t by = (field - *known) & COUNTER_MASK;

	*known += by;
	return by;
}

/* By how many marked bytes the option has grown. */
static uint32_t read_option(struct tcp_conn *c, const struct tcp_segment *s)
{
	const struct tcp_options *o = &s->h.options;
	struct accecn *a = &c->ecn->accurate;
	uint32_t ce = 0;

	if (!o->has_accecn || a->option_broken)
		return 0;
	if (o->accecn_count > 0)
		grown(o->accecn_ect1_first ? &a->told.ect1 : &a->told.ect0, o->accecn[0]);
	if (o->accecn_count > 1)
		ce = grown(&a->told.ce, o->accecn[1]);
	if (o->accecn_count > 2)
		grown(o->accecn_ect1_first ? &a->told.ect0 : &a->told.ect1, o->accecn[2]);
	return ce;
}

/*
 * Of segments that an ACK delivers, how many were marked: the counter has grown by so many, or it has gone round
 * besides, as often as it can have. "The safest likely case" (§3.2.2.5.2) is none, where nothing was marked yet: the
 * first mark would have been told of by itself. Where options come through, all the bytes that were marked say how
 * often; one that had no room, or nothing to tell, is made up for by the next.
 */
static uint32_t marked_of(const struct tcp_conn *c, uint32_t least, uint32_t segments)
{
	const struct accecn *a = &c->ecn->accurate;
	uint32_t most = segments < ACE_WRAP ? least : segments - ((segments - least) & ACE_BITS);
	uint64_t before = a->told.marks - MARKS_INITIAL;

	if (before + least == 0)
		return 0;
	if (!a->option_seen || a->option_broken)
		return most > least ? most : least;
	while (least < most && (before + least) * c->mss < a->told.ce)
		least += ACE_WRAP;
	return least;
}

/*
 * §3.2.2.4: a counter that begins with 0 is somebody's who has no ECN, or is changed on its way; he got a SYN-ACK
 * without flags, perhaps.
 */
static void check_first(struct tcp_conn *c, const struct tcp_segment *s)
{
	struct accecn *a = &c->ecn->accurate;

	if (!a->checked && ace_of(s) == 0)
		a->deaf = c->ecn->unmarked = true;
	a->checked = true;
}

uint32_t pb_tcp_accecn_acked(struct tcp_conn *c, const struct tcp_segment *s, uint32_t delivered,
			     uint32_t segments)
{
	struct accecn *a = &c->ecn->accurate;

	a->option_seen |= s->h.options.has_accecn;
	if (s->h.flags & TCP_SYN || !is_news(c, s, delivered))
		return 0;
	check_first(c, s);
	if (a->deaf)
		return 0;
	uint32_t least = (ace_of(s) - a->told.marks) & ACE_BITS, ce = read_option(c, s);
	uint32_t marked = marked_of(c, least, segments);
	if (ce && !marked && segments < ACE_WRAP) /* §3.2.3.2.5: somebody changes what is told */
		c->ecn->unmarked = true;
	a->told.marks += marked;
	return marked;
}
