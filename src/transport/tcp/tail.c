/*
 * Tail loss probes (RFC 8985 §7): what is last in flight has nothing behind it whose delivery would tell of its loss.
 * Two round trips later one segment more is sent, or the last one again, so that an acknowledgement comes, and RACK
 * can judge.
 */
#include "transport/tcp/conn.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/loss.h"
#include "transport/tcp/output.h"
#include "transport/tcp/rack.h"
#include "transport/tcp/rate.h"
#include "transport/tcp/recovery.h"
#include "transport/tcp/seq.h"

/* TLP.max_ack_delay, for a flight of one segment, whose acknowledgement may be delayed: Linux's TCP_RTO_MIN. */
#define ACK_DELAY_MAX PB_MSEC(200)

/* Above two round trips: a peer's batches and our timers are not finer. Linux's TCP_TIMEOUT_MIN. */
#define MARGIN PB_MSEC(2)

/* §7.2: with SACK, outside of any recovery, nothing SACKed; one probe a flight. */
static bool is_allowed(const struct tcp_conn *c)
{
	const struct tcp_loss *l = c->loss;

	if (!c->has_sack || c->tcp->limits.no_tail_probes || c->in_recovery || c->in_timeout || !c->rtt.srtt)
		return false;
	return !l || (!l->board.count && !l->probe.active);
}

pb_time pb_tcp_tail_timeout(const struct tcp_conn *c)
{
	if (!is_allowed(c))
		return PB_NEVER;
	return 2 * c->rtt.srtt + MARGIN + (tcp_flight(c) <= c->mss ? ACK_DELAY_MAX : 0);
}

/* What has not been sent yet, or the last of what has. */
static uint32_t probe_offset(const struct tcp_conn *c)
{
	uint32_t flight = tcp_flight(c), text = flight < c->sendq.bytes ? flight : c->sendq.bytes;

	if (flight < c->sendq.bytes && flight + c->mss <= c->snd_wnd)
		return flight;
	if (c->fin_sent && c->fin_alone)
		return text;
	return text > c->mss ? text - c->mss : 0;
}

void pb_tcp_tail_probe(struct tcp_conn *c)
{
	struct tcp_loss *l = pb_tcp_loss_need(c);
	uint32_t offset = probe_offset(c);

	if (!l)
		return;
	tcp_counters(c)->tcp.LossProbes++;
	l->probe.again = offset < tcp_flight(c);
	pb_tcp_resend(c, offset, c->mss);
	l->probe.active = true;
	l->probe.end = c->snd_max;
}

/* §7.4.2: it repaired a loss, so the network has lost something: that is one recovery, over at once. */
static void repaired(struct tcp_conn *c)
{
	tcp_counters(c)->tcp.LossProbeRecovery++;
	pb_tcp_rate_lost(c, NULL, c->mss);
	pb_tcp_reduce(c, tcp_flight(c));
	c->congestion.ops->recovered(&c->congestion, tcp_now(c));
}

void pb_tcp_tail_acked(struct tcp_conn *c, const struct tcp_segment *s, struct delivery *d)
{
	struct tail_probe *p = &c->loss->probe;

	if (!p->active || seq_lt(s->ack, p->end))
		return;
	if (!p->again) {
		p->active = false;
	} else if (d->twice && seq_eq(d->duplicate.end, p->end)) {
		p->active = d->twice = false; /* both have arrived: nothing was lost, and nothing reordered */
	} else if (seq_lt(p->end, s->ack)) {
		p->active = false;
		repaired(c);
	} else if (seq_eq(s->ack, c->snd_una) && s->len == 0 && !s->h.options.sack_count) {
		p->active = false; /* a duplicate ACK of a peer without D-SACK */
	}
}
