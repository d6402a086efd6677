/*
 * PAWS (RFC 7323 §5): a segment whose timestamp is older than TS.Recent is a duplicate from long ago, perhaps of 4 GiB
 * before, whose sequence numbers are in the window again.
 *
 * One that is only late has an older timestamp, too, when what fills a gap in front of it was sent again meanwhile, and
 * has come first. §5.3 knows of that, and takes it for too rare to matter. On a path that reorders it is not: each
 * retransmission has all refused that is held back then, which is a loss to the sender, and has it send again.
 *
 * So text that fills a gap makes nothing too old: while some waits behind one, and until the next that comes in its
 * turn, what counts is TS.Recent as it was when there was no gap. Who sends with that timestamp or a later one sends
 * nothing that lies a window, 1 GiB at most, before what we expected then. As long as that is not too far back, it is
 * not of 4 GiB before.
 */
#include "transport/tcp/paws.h"
#include "transport/tcp/conn.h"

#define TS_RECENT_VALID PB_SEC(24 * 24 * 3600) /* §5.5 */

/* While there is a gap all the time: TS.Recent of so many bytes, or ticks, ago, or of up to twice as many. */
#define SPAN (1 << 28)

static bool is_older(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static bool is_recent_valid(const struct tcp_conn *c)
{
	return tcp_now(c) - c->ts_recent_age <= TS_RECENT_VALID;
}

void pb_tcp_paws_begin(struct tcp_conn *c, uint32_t ts_recent, pb_time age)
{
	c->ts_recent = ts_recent;
	c->ts_recent_age = age;
	c->paws = (struct tcp_paws){ .oldest = ts_recent, .next = ts_recent, .at = c->rcv_nxt };
}

bool pb_tcp_paws_admits(const struct tcp_conn *c, const struct tcp_segment *s)
{
	if (!c->has_timestamps || !s->h.options.has_timestamp || s->h.flags & TCP_RST)
		return true;
	return !is_older(s->h.options.ts_value, c->paws.oldest) || !is_recent_valid(c);
}

static bool is_far(const struct tcp_conn *c, uint32_t value)
{
	return seq_diff(c->rcv_nxt, c->paws.at) >= SPAN || value - c->paws.next >= SPAN;
}

void pb_tcp_paws_keep(struct tcp_conn *c, const struct tcp_segment *s)
{
	uint32_t value = s->h.options.ts_value;

	if (!c->has_timestamps || !s->h.options.has_timestamp || !seq_le(s->seq, c->last_ack_sent))
		return;
	if (!is_recent_valid(c) || (!c->ooo.first && !is_older(value, c->ts_recent))) {
		pb_tcp_paws_begin(c, value, tcp_now(c));
		return;
	}
	if (is_older(value, c->ts_recent))
		return;
	c->ts_recent = value;
	c->ts_recent_age = tcp_now(c);
	if (is_far(c, value))
		c->paws = (struct tcp_paws){ .oldest = c->paws.next, .next = value, .at = c->rcv_nxt };
}
