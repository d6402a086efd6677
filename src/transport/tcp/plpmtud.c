/*
 * The search: between a length that arrives and one that is too long, probes halve the distance. A probe is a segment
 * of the stream's own text (RFC 4821 §7.4, no padding), longer than the others; that it is lost is no sign of
 * congestion. Lengths and times that the RFC leaves open are Linux's, whose tcp_mtu_probing this is.
 *
 * Unless the stack is told otherwise, a search begins only at a full stop: three retransmissions in a row of a full
 * segment have vanished. To a connection that is in a black hole it is the only help, whose other end would be a
 * time-out after a quarter of an hour; to others it costs nothing. Hence it is the default, which it is not on Linux.
 */
#include "transport/tcp/plpmtud.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/scoreboard.h"
#include "transport/tcp/seq.h"

#include <stdlib.h>

#define BASE_MSS 1024 /* text: RFC 4821 §7.2 has it for a good search_low; Linux's tcp_base_mss */
#define LEAST4   552  /* packets: no path is believed to take less, as in error.c */
#define LEAST6   1280 /* RFC 8200 §5: none does */
#define FULL_STOP                                                                                            \
	3 /* retransmissions: RFC 4821 §7.7 leaves it open; RFC 9293 §3.8.3 R1, Linux's tcp_retries1 */
#define NEAR_ENOUGH   8           /* bytes; Linux's tcp_probe_threshold */
#define SEARCH_AGAIN  PB_SEC(600) /* RFC 4821 §7.3 and RFC 1191 §6.3; Linux's tcp_probe_interval */
#define SEGMENTS_CWND 11 /* so many fit, or a lost probe would starve what shows that it alone is lost */
#define SEGMENTS_NEXT 4  /* so many follow it for sure: three of them tell of its loss, and one more */

/* All of a packet but text. */
static uint32_t headers_len(const struct tcp_conn *c)
{
	return pb_tcp_headers_len(&c->path) + pb_tcp_options_len(c);
}

/* search_low to begin with. */
static uint32_t base(const struct tcp_conn *c)
{
	uint32_t mss = c->tcp->limits.base_mss;

	if (!mss && !ip_is4(&c->path.dst))
		return LEAST6;
	return (mss ? mss : BASE_MSS) + headers_len(c);
}

/* And after full stops. */
static uint32_t least(const struct tcp_conn *c)
{
	uint32_t len = ip_is4(&c->path.dst) ? LEAST4 : LEAST6;

	return len < base(c) ? len : base(c);
}

/* What the path, the peer and the user would let through. */
static uint32_t most(const struct tcp_conn *c)
{
	uint32_t mss = c->peer_mss;

	if (c->set.max_segment && c->set.max_segment < mss)
		mss = c->set.max_segment;
	mss += pb_tcp_headers_len(&c->path);
	return mss < c->path.mtu ? mss : c->path.mtu;
}

static void search(struct tcp_conn *c, uint32_t low)
{
	struct tcp_plpmtud *p = c->plpmtud;
	uint32_t high = most(c);

	*p = (struct tcp_plpmtud){ .low = low < high ? low : high, .high = high, .begun = tcp_now(c) };
}

static bool begin(struct tcp_conn *c)
{
	if (!c->plpmtud)
		c->plpmtud = malloc(sizeof *c->plpmtud);
	if (c->plpmtud)
		search(c, base(c));
	return c->plpmtud;
}

void pb_tcp_plpmtud_begin(struct tcp_conn *c)
{
	if (c->tcp->limits.mtu_probing == PLPMTUD_ALWAYS)
		begin(c);
}

void pb_tcp_plpmtud_free(struct tcp_conn *c)
{
	free(c->plpmtud);
	c->plpmtud = NULL;
}

uint32_t pb_tcp_plpmtud_fit(struct tcp_conn *c, uint32_t mtu)
{
	struct tcp_plpmtud *p = c->plpmtud;

	if (p->high > mtu)
		p->high = mtu;
	if (p->low > p->high)
		p->low = p->high;
	return p->low;
}

/* So much text did not arrive either: half of it. */
static void step_down(struct tcp_conn *c, uint32_t text)
{
	struct tcp_plpmtud *p = c->plpmtud;
	uint32_t len = text / 2 + headers_len(c);

	p->low = len < least(c) ? least(c) : len;
	p->probe = 0;
}

void pb_tcp_plpmtud_full_stop(struct tcp_conn *c)
{
	uint32_t text = c->sendq.bytes < c->mss ? c->sendq.bytes : c->mss;
	uint32_t sent = text < c->snd_wnd ? text : c->snd_wnd; /* which may have been drawn back to nothing */
	uint32_t len = sent + headers_len(c);

	if (c->tcp->limits.mtu_probing == PLPMTUD_NEVER || c->retransmits < FULL_STOP)
		return;
	if (len <= least(c)) /* that is not why it vanishes */
		return;
	if (!c->plpmtud && !begin(c))
		return;
	if (len <= c->plpmtud->low)
		step_down(c, sent);
	tcp_counters(c)->tcp.FullStops++;
	pb_tcp_conn_fit(c);
}

/* Ten minutes after what was found, the path may be another (RFC 4821 §7.3). */
static bool search_again(struct tcp_conn *c)
{
	if (tcp_now(c) - c->plpmtud->begun < SEARCH_AGAIN)
		return false;
	search(c, c->mss + headers_len(c));
	return c->plpmtud->high - c->plpmtud->low >= NEAR_ENOUGH;
}

/* Nothing is amiss by which the loss of a probe could be mistaken (RFC 4821 §7.4), nor is it text sent before. */
static bool is_calm(const struct tcp_conn *c)
{
	return seq_eq(c->snd_nxt, c->snd_max) && !c->in_recovery && !c->in_timeout && !c->dup_acks &&
	       !(c->loss && c->loss->board.count);
}

uint32_t pb_tcp_plpmtud_due(struct tcp_conn *c)
{
	struct tcp_plpmtud *p = c->plpmtud;
	uint32_t flight = tcp_flight(c), cwnd = c->congestion.cwnd;

	if (p->probe || !is_calm(c) || cwnd < SEGMENTS_CWND * c->mss)
		return 0;
	if (p->high - p->low < NEAR_ENOUGH && !search_again(c))
		return 0;
	uint32_t len = (p->low + p->high) / 2 - headers_len(c), needed = len + SEGMENTS_NEXT * c->mss;
	if (len > cwnd || c->sendq.bytes < flight + needed || c->snd_wnd < needed)
		return 0;
	bool room = flight + needed <= c->snd_wnd && flight + len <= cwnd;
	return room ? len : flight ? PLPMTUD_WAIT : 0;
}

void pb_tcp_plpmtud_sent(struct tcp_conn *c, seq start, uint32_t len)
{
	c->plpmtud->probe = len + headers_len(c);
	c->plpmtud->start = start;
	c->plpmtud->end = seq_add(start, len);
}

void pb_tcp_plpmtud_acked(struct tcp_conn *c)
{
	struct tcp_plpmtud *p = c->plpmtud;

	if (!p->probe || seq_lt(c->snd_una, p->end))
		return;
	p->low = p->probe;
	p->probe = 0;
	tcp_counters(c)->tcp.MTUPSuccess++;
	pb_tcp_conn_fit(c);
}

/* Without SACK nobody knows what else is. */
static bool is_lost_alone(const struct tcp_conn *c)
{
	const struct tcp_plpmtud *p = c->plpmtud;
	struct board_range r;

	if (!c->loss)
		return true;
	for (seq at = p->end; pb_board_find(&c->loss->board, at, &r); at = r.end)
		if (r.state == RANGE_LOST)
			return false;
	return true;
}

bool pb_tcp_plpmtud_lost(struct tcp_conn *c)
{
	struct tcp_plpmtud *p = c->plpmtud;

	if (!p->probe || c->in_recovery || c->in_timeout || !seq_eq(c->snd_una, p->start) ||
	    !is_lost_alone(c))
		return false;
	p->high = p->probe - 1;
	p->probe = 0;
	tcp_counters(c)->tcp.MTUPFail++;
	return true;
}

void pb_tcp_plpmtud_resent(struct tcp_conn *c)
{
	c->plpmtud->probe = 0;
}
