/*
 * When text that has come in order is acknowledged: RFC 5681 §4.2 and RFC 9293 §3.8.6.3, and where they leave a choice
 * as Linux does it. More than a full segment is acknowledged at once. Less waits for 40 ms, for an answer of the user's
 * that can carry it; or until the user has read all there is, and so has little to say.
 *
 * At once, too, are acknowledged the first segments, those after a long silence, and those after something that came in
 * vain, so that the peer's window opens fast. Not so where the user is seen to answer what comes: there the answers
 * carry what the peer wants to know, and a segment of its own would be one too many.
 */
#include "transport/tcp/acks.h"
#include "transport/tcp/output.h"
#include "transport/tcp/timers.h"

#define SHORT_SEGMENTS 2 /* so many are acknowledged when they have been read, even if an answer may come */

/* No more than the window holds pairs of segments, in which it is filled anyway: Linux's tcp_incr_quickack(). */
static unsigned worth_quick(const struct tcp_conn *c, unsigned most)
{
	uint32_t pairs = (c->rcv_adv.v - c->rcv_nxt.v) / (2 * (uint32_t)c->tally.rcv_mss);

	if (pairs < 2)
		return 2;
	return pairs < most ? pairs : most;
}

static void raise_quick(struct tcp_conn *c, unsigned most)
{
	unsigned n = worth_quick(c, most);

	if (c->quick_acks < n)
		c->quick_acks = (uint8_t)n;
}

void pb_tcp_acks_quicken(struct tcp_conn *c, unsigned most)
{
	c->interactive = false;
	raise_quick(c, most);
}

/* How long it has been silent tells whether its window has become small (RFC 5681 §4.1). */
static void note_arrival(struct tcp_conn *c)
{
	unsigned worth = worth_quick(c, TCP_QUICK_ACKS);

	if (!c->converses && worth < c->quick_acks)
		c->quick_acks = (uint8_t)worth;
	else if (c->converses && tcp_now(c) - c->tally.last_text > c->rtt.rto)
		raise_quick(c, TCP_QUICK_ACKS);
	c->converses = true;
	c->tally.last_text = tcp_now(c);
}

static uint32_t unacknowledged(const struct tcp_conn *c)
{
	return c->rcv_nxt.v - c->last_ack_sent.v;
}

static bool is_due(const struct tcp_conn *c)
{
	if (c->set.acks == ACKS_AT_ONCE)
		return true;
	if (c->quick_acks && !c->interactive && c->set.acks != ACKS_DELAYED)
		return true;
	return unacknowledged(c) > c->tally.rcv_mss;
}

void pb_tcp_acks_owe(struct tcp_conn *c, uint32_t text_len)
{
	note_arrival(c);
	if (c->ack_segments < UINT8_MAX)
		c->ack_segments++;
	if (text_len < c->tally.rcv_mss && c->ack_short < SHORT_SEGMENTS)
		c->ack_short++;
	if (is_due(c))
		c->ack_now = true;
	if (c->ack_now)
		tcp_want_output(c);
	else if (c->ack_segments == 1)
		pb_tcp_timers_ack_later(c);
}

void pb_tcp_acks_read(struct tcp_conn *c)
{
	bool all_read = !c->recvq.packets.count;
	bool is_short = c->ack_short >= SHORT_SEGMENTS || (c->ack_short && !c->interactive);

	if (!c->ack_segments || c->ack_now)
		return;
	if (unacknowledged(c) <= c->tally.rcv_mss && !(all_read && is_short))
		return;
	c->ack_now = true;
	tcp_want_output(c);
}

void pb_tcp_acks_expect_text(struct tcp_conn *c)
{
	c->converses = true;
	c->ack_segments = 1;
	pb_tcp_timers_ack_later(c);
}

/* It was no conversation: no answer came in time. */
void pb_tcp_acks_late(struct tcp_conn *c)
{
	if (!c->ack_segments)
		return; /* it went with text */
	tcp_counters(c)->tcp.DelayedACKs++;
	c->interactive = false;
	pb_tcp_send_ack(c);
}
