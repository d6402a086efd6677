/* What to send now (output.c). */
#ifndef PB_TRANSPORT_TCP_OUTPUT_H
#define PB_TRANSPORT_TCP_OUTPUT_H

#include "transport/tcp/accecn.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/pacing.h"

struct tcp_party;

/*
 * Send all that may be sent now: text within both windows (Nagle, silly windows), FIN, an acknowledgement
 * that is owed.
 */
void pb_tcp_output(struct tcp_conn *c);
/* SYN, SYN-ACK, and again. The first time SND.NXT and SND.MAX move from ISS to ISS + 1. Arms the timer. */
void pb_tcp_send_syn(struct tcp_conn *c);
/* An ACK without text, now. */
void pb_tcp_send_ack(struct tcp_conn *c);
/* One that the peer has to answer: keepalive (RFC 9293 §3.8.4). */
void pb_tcp_send_keepalive(struct tcp_conn *c);
/* At most most bytes of text, and FIN, from offset at SND.UNA, whatever the congestion window: what is lost, probes. */
void pb_tcp_resend(struct tcp_conn *c, uint32_t offset, uint32_t most);
/*
 * A segment that no connection sends: resets, SYN-ACKs of records, ACKs of TIME-WAIT. h without checksum and signature,
 * which it gets. by: signs; NULL: nobody does.
 */
void pb_tcp_send_bare(struct tcp *t, struct ip_path *path, struct tcp_header *h, uint8_t tos,
		      const struct tcp_party *by);

/* The longest super-segment; no longer than a segment where each is signed. */
static inline uint32_t tcp_super_max(const struct tcp_conn *c)
{
	if (c->set.auth)
		return c->mss;
	if (c->ecn && pb_tcp_ecn_uncut(c))
		return c->mss;
	if (c->tcp->limits.burst_min)
		return pb_tcp_burst(c);
	return c->mss > TCP_SUPER_MAX ? c->mss : TCP_SUPER_MAX;
}

/*
 * The number for a segment without text: SND.NXT, as far as it has got. Not beyond the window, or the peer would
 * not look at what it says (RFC 9293 §3.10.7.4, first). A scaled window is told in units, rounded down: by less than
 * one its edge may seem to be drawn back (RFC 7323 §2.4), and what had been sent up to it is in the window yet.
 */
static inline seq tcp_bare_seq(const struct tcp_conn *c)
{
	seq edge = seq_add(c->snd_una, c->snd_wnd);

	if (c->state == STATE_SYN_RECEIVED || seq_le(c->snd_max, edge))
		return c->snd_max;
	return c->snd_max.v - edge.v < UINT32_C(1) << c->snd_scale ? c->snd_max : edge;
}

#endif
