/*
 * What to send now, and the segments that leave.
 *
 * pb_tcp_output() sends what both windows allow: whole segments, and a short one when neither Nagle nor the
 * silly window holds it (RFC 9293 §3.7.4, §3.8.6.2.1). What is longer than a segment leaves as one
 * super-segment, which the edge or the device cuts. It looks at SND.NXT only: after a time-out that is put
 * back, and the same lines send again. When it is to be put back is recovery.c's; that FIN is sent is decided
 * here, the state it leads to was entered by the call that asked for it.
 */
#include "transport/tcp/output.h"
#include "transport/tcp/acks.h"
#include "transport/tcp/auth.h"
#include "transport/tcp/buffers.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/isn.h"
#include "transport/tcp/loss.h"
#include "transport/tcp/pacing.h"
#include "transport/tcp/recovery.h"
#include "transport/tcp/sack.h"
#include "transport/tcp/scoreboard.h"
#include "transport/tcp/timers.h"
#include "transport/tcp/urgent.h"
#include "transport/tcp/uto.h"
#include "transport/tcp/window.h"

#include "base/checksum.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>

#define HEADROOM (IP_HEADROOM + TCP_HEADER_LEN_MAX)

#define CHECKSUM_OFFSET 16 /* RFC 9293 §3.1 */

/*
 * RFC 2018 §3, with two NOPs in front. Segments of text are as long as leaves room for the usual options only (RFC 9293
 * §3.7.1): full ones do without, as the ACK that each segment ahead of a gap calls for has told of it.
 */
#define SACK_OPTION_MAX (4 + 8 * TCP_SACK_BLOCKS_MAX)

/* The states in which text or FIN may leave. From FIN-WAIT-2 on, FIN has been acknowledged. */
#define SENDING                                                                                              \
	(1u << STATE_ESTABLISHED | 1u << STATE_FIN_WAIT_1 | 1u << STATE_CLOSE_WAIT | 1u << STATE_CLOSING |   \
	 1u << STATE_LAST_ACK)

/*
 * -- Segments
 */

/* Write the header in front of b's text, sign it, and hand it down; the edge completes the checksum. */
static int transmit(struct tcp *t, struct ip_path *path, const struct ip_send *how, struct tcp_header *h,
		    struct pb_buf *b, uint16_t segment_size, const struct tcp_signature *sign)
{
	size_t len = pb_tcp_header_len(&h->options);
	struct writer w = { .p = pb_buf_push(b, len), .left = len };

	h->checksum =
		(uint16_t)~pb_checksum_finish(pb_ip_pseudo(&path->src, &path->dst, IPPROTO_TCP, b->total));
	bool fits = pb_tcp_write_sized(h, len, &w);
	assert(fits); /* whoever has chosen the options has seen to it */
	if (sign->kind)
		pb_tcp_auth_seal(sign, &path->src, &path->dst, b, len);
	b->transport = b->data;
	b->checksum_offset = CHECKSUM_OFFSET;
	b->checksum = PB_CHECKSUM_WANTED;
	b->segment_size = segment_size;
	return pb_ip_send(t->net, path, how, b);
}

void pb_tcp_send_bare(struct tcp *t, struct ip_path *path, struct tcp_header *h, uint8_t tos,
		      const struct tcp_party *by)
{
	struct tcp_signature sign;
	struct pb_buf *b;

	sign.kind = TCP_UNSIGNED;
	if (by && !pb_tcp_auth_sign(by, h, &sign))
		return;
	b = pb_buf_new(t->env->pool, HEADROOM, 0);
	if (!b)
		return;
	t->env->counters.tcp.OutSegs++;
	transmit(t, path, &(struct ip_send){ .protocol = IPPROTO_TCP, .tos = tos, .dont_fragment = true }, h,
		 b, 0, &sign);
}

/* False: there is no key for it any more. */
static inline bool sign_own(struct tcp_conn *c, struct tcp_header *h, struct tcp_signature *sign)
{
	sign->kind = TCP_UNSIGNED;
	if (!c->set.auth)
		return true;
	const struct tcp_party party = pb_tcp_party_conn(c);
	return pb_tcp_auth_sign(&party, h, sign);
}

/* The options of every segment but SYN (RFC 7323 §3.2), into zeroes. */
static void set_usual_options(const struct tcp_conn *c, struct tcp_options *o)
{
	if (!c->has_timestamps)
		return;
	o->has_timestamp = true;
	o->ts_value = pb_tcp_timestamp(c->tcp, c->ts_offset);
	o->ts_echo = c->ts_recent;
}

/* What it acknowledges is acknowledged by this: nothing is owed any more. */
static uint32_t acknowledge(struct tcp_conn *c)
{
	uint32_t window = pb_tcp_window(c);

	c->rcv_adv = seq_max(c->rcv_adv, seq_add(c->rcv_nxt, window));
	c->last_ack_sent = c->rcv_nxt;
	c->ack_now = false;
	if (c->ack_segments && c->quick_acks)
		c->quick_acks--;
	c->ack_segments = c->ack_short = 0;
	return window;
}

/* The path has become narrower than our segments: shorter ones from now on. This one is sent again in time. */
static void fit(struct tcp_conn *c)
{
	tcp_counters(c)->tcp.PathMtuReduced++;
	pb_tcp_conn_fit(c);
}

/* A segment that acknowledges: text_len bytes of text are in b. Takes b. */
static void send_acknowledging(struct tcp_conn *c, seq at, uint16_t flags, struct pb_buf *b,
			       uint32_t text_len)
{
	struct ip_send how = {
		.protocol = IPPROTO_TCP, .ttl = c->set.ttl, .tos = c->set.tos, .dont_fragment = true
	};
	struct tcp_header h = {
		.src_port = c->entry.pair.local_port,
		.dst_port = c->entry.pair.remote_port,
		.seq = at.v,
		.ack = c->rcv_nxt.v,
		.flags = flags | TCP_ACK,
		.window = (uint16_t)(acknowledge(c) >> c->rcv_scale),
	};
	set_usual_options(c, &h.options);
	if (c->urgent)
		pb_tcp_urgent_write(c, &h);
	struct tcp_signature sign;
	if (!sign_own(c, &h, &sign)) {
		pb_buf_free(b);
		return;
	}
	if (c->ecn)
		pb_tcp_ecn_send(c, at, text_len, &h, &how.tos);
	if (tcp_has_blocks(c) && text_len + SACK_OPTION_MAX <= c->mss)
		pb_tcp_sack_write(c, &h.options);
	if (c->uto_due)
		pb_tcp_uto_send(c, &h.options, text_len);
	uint32_t mss = c->mss, segments = text_len > mss && mss ? (text_len + mss - 1) / mss : 1;

	tcp_counters(c)->tcp.OutSegs += segments;
	c->segments_out += segments;
	if (text_len) {
		c->tally.data_out += segments;
		tcp_acks_answered(c);
	}
	if (transmit(c->tcp, &c->path, &how, &h, b, segments > 1 ? (uint16_t)mss : 0, &sign) == -EMSGSIZE)
		fit(c);
}

static void send_empty(struct tcp_conn *c, seq at)
{
	struct pb_buf *b = pb_buf_new(c->tcp->env->pool, HEADROOM, 0);

	if (b)
		send_acknowledging(c, at, 0, b, 0);
}

void pb_tcp_send_ack(struct tcp_conn *c)
{
	send_empty(c, tcp_bare_seq(c));
}

/* Its number has been acknowledged: not acceptable, so that it is answered (RFC 9293 §3.8.4). */
void pb_tcp_send_keepalive(struct tcp_conn *c)
{
	send_empty(c, seq_add(c->snd_una, (uint32_t)-1));
}

/*
 * -- Text
 */

/* Start to time a segment that was never sent before, if none is timed; Karn: forget it if one is sent again. */
static void time_segment(struct tcp_conn *c, seq end, bool again)
{
	if (again) {
		c->rtt.timed_at = 0;
		c->rtt.resent = pb_tcp_timestamp(c->tcp, c->ts_offset);
	} else if (!c->rtt.timed_at) {
		c->rtt.timed_at = tcp_now(c) ? tcp_now(c) : 1;
		c->rtt.timed_seq = end;
	}
}

/* Nothing was in flight. */
static void flight_begins(struct tcp_conn *c)
{
	c->rate.delivered_at = c->rate.first_sent = tcp_now(c);
	c->rate.flight_delivered = (uint32_t)c->bytes_acked;
	c->rate.flight_limited = c->rate.limited;
}

/* From at to end has left. */
static void note_sent(struct tcp_conn *c, seq at, seq end)
{
	bool again = seq_lt(at, c->snd_max), first = seq_eq(c->snd_nxt, c->snd_una);
	bool one_more = !first && c->has_sack && tcp_flight(c) <= c->mss;

	if (c->loss || !first)
		pb_tcp_loss_sent(c, at, end);
	if (first)
		flight_begins(c);
	time_segment(c, end, again);
	c->snd_nxt = seq_max(c->snd_nxt, end);
	c->snd_max = seq_max(c->snd_max, end);
	c->last_sent = tcp_now(c);
	if (first)
		pb_tcp_timers_sent(c);
	else if (one_more)
		pb_tcp_timers_tail(c);
	if (!again)
		return;
	if (c->plpmtud)
		pb_tcp_plpmtud_resent(c);
	if (c->undo)
		pb_tcp_undo_sent(c, (uint32_t)seq_diff(end, at));
	tcp_counters(c)->tcp.RetransSegs++;
	c->total_retransmits++;
	c->bytes_retransmitted += (uint32_t)seq_diff(end, at);
}

/* What n bytes of text have behind their last full segment. */
static uint32_t short_part(const struct tcp_conn *c, uint32_t n)
{
	assert(c->mss > 0); /* since the handshake: pb_tcp_conn_fit() */
	return n < c->mss ? n : n % c->mss;
}

/* Super-segments have PSH always, as on Linux: a receiver that merges what follows on each other hands them on. */
static bool has_push(const struct tcp_conn *c, seq at, uint32_t len)
{
	return len > c->mss || (len && pb_tcp_push_is_at(c, seq_add(at, len)));
}

/* Send len bytes from offset on; flags: FIN and PSH, beside what is there anyway. False: there is no memory now. */
static bool send_text(struct tcp_conn *c, uint32_t offset, uint32_t len, uint16_t flags)
{
	struct pb_buf *b = pb_tcp_sendq_segment(&c->sendq, c->tcp->env->pool, offset, len);
	seq at = seq_add(c->snd_una, offset);
	bool fin = flags & TCP_FIN;

	if (!b)
		return false;
	if (has_push(c, at, len))
		flags |= TCP_PSH;
	if (fin && !c->fin_sent)
		c->fin_alone = !len;
	if (short_part(c, len) && seq_lt(c->snd_max, seq_add(at, len)))
		c->snd_sml = seq_add(at, len);
	send_acknowledging(c, at, flags, b, len);
	c->fin_sent |= fin;
	tcp_paced(c, len);
	note_sent(c, at, seq_add(at, len + fin));
	return true;
}

/* Whether a segment shorter than others is in flight (Minshall's amendment of Nagle, as on Linux). */
static bool short_in_flight(const struct tcp_conn *c)
{
	return c->snd_sml.v - c->snd_una.v - 1 < tcp_flight(c);
}

/*
 * Whether n bytes of the queued ones may leave although their last segment is short. Cut by the window: half
 * of the largest window is worth it, if nothing is on its way that would open it (RFC 9293 §3.8.6.2.1, (3)).
 */
static bool short_allowed(const struct tcp_conn *c, uint32_t n, uint32_t queued)
{
	if (n < queued)
		return n < c->mss && n >= c->snd_wnd_max / 2 && tcp_flight(c) == 0;
	if (c->fin_queued || tcp_sends_urgent(c))
		return true;
	if (c->set.cork)
		return false;
	return c->set.nodelay || !short_in_flight(c);
}

/*
 * How far from SND.UNA the windows reach, the congestion window over what has left the network. Without SACK, the first
 * two duplicate ACKs each allow a new segment: limited transmit, RFC 3042.
 */
static uint32_t reach(const struct tcp_conn *c)
{
	uint32_t flight_max = c->congestion.cwnd + tcp_left(c);

	if (c->dup_acks && !c->in_recovery && !c->in_timeout)
		flight_max += (c->dup_acks < 2 ? c->dup_acks : 2) * c->mss;
	return flight_max < c->snd_wnd ? flight_max : c->snd_wnd;
}

/* How many of the queued bytes at offset may leave now, in one (super-)segment. */
static uint32_t sendable(struct tcp_conn *c, uint32_t offset)
{
	uint32_t queued = c->sendq.bytes - offset, edge = reach(c);
	uint32_t n = edge > offset ? edge - offset : 0;
	uint32_t record = pb_tcp_sendq_record(&c->sendq, offset, queued), most = tcp_super_max(c);

	if (tcp_sends_urgent(c)) /* whoever cuts a super-segment knows of no urgent pointer */
		most = c->mss;
	if (n > most)
		n = most;
	if (n > record)
		n = record;
	if (c->tcp->limits.burst_min)
		n = pb_tcp_push_first(c, seq_add(c->snd_una, offset), n);
	if (n)
		n = tcp_pace(c, n);
	uint32_t rest = short_part(c, n);
	bool ends_record = n == record && n < queued; /* and another waits behind it */
	return !rest || ends_record || short_allowed(c, n, queued) ? n : n - rest;
}

/* One segment, longer than others: no super-segment, to be cut. */
static bool probe_path(struct tcp_conn *c, uint32_t offset, uint32_t len)
{
	uint16_t mss = c->mss;

	c->mss = (uint16_t)len;
	bool sent = send_text(c, offset, len, 0);
	c->mss = mss;
	if (sent)
		pb_tcp_plpmtud_sent(c, seq_add(c->snd_una, offset), len);
	return sent;
}

static bool send_next(struct tcp_conn *c)
{
	uint32_t offset = tcp_flight(c);
	uint32_t probe = c->plpmtud ? pb_tcp_plpmtud_due(c) : 0;

	if (probe)
		return probe != PLPMTUD_WAIT && probe_path(c, offset, probe);
	if (offset > c->sendq.bytes)
		return false; /* all, and FIN */
	uint32_t len = sendable(c, offset), end = offset + len;
	bool fin = c->fin_queued && end == c->sendq.bytes && end < c->snd_wnd;
	return (len || fin) && send_text(c, offset, len, fin ? TCP_FIN : 0);
}

/* So long that the congestion window means nothing any more; or, where the path is modelled, at all. */
static bool was_silent(const struct tcp_conn *c)
{
	return c->congestion.ops->sampled ? c->rate.limited : tcp_now(c) - c->last_sent > c->rtt.rto;
}

/* A segment would leave, but for the peer's window. */
static bool window_limits(const struct tcp_conn *c)
{
	uint32_t flight = tcp_flight(c), next = c->sendq.bytes > flight ? c->sendq.bytes - flight : 0;

	if (next > c->mss)
		next = c->mss;
	return next && flight + next > c->snd_wnd && flight < c->congestion.cwnd + tcp_left(c);
}

/* What keeps text from leaving, or the user from giving some, though there would be room on the way. */
static void note_limits(struct tcp_conn *c)
{
	if (window_limits(c))
		pb_tcp_busy_begin(c, BUSY_WINDOW);
	else if (c->tally.busy > BUSY_SENDING)
		pb_tcp_busy_end(c, BUSY_WINDOW);
	if (c->tally.wants_room && !tcp_notsent(c) && tcp_pipe(c) < c->congestion.cwnd)
		pb_tcp_busy_begin(c, BUSY_BUFFER);
}

static void send_all(struct tcp_conn *c)
{
	bool idle = tcp_flight(c) == 0;

	if (c->loss && c->loss->board.bytes[RANGE_LOST])
		pb_tcp_loss_resend(c);
	if (c->sendq.bytes + c->fin_queued <= tcp_flight(c)) {
		if (c->tally.busy > BUSY_SENDING)
			pb_tcp_busy_end(c, BUSY_WINDOW);
		return;
	}
	if (idle && was_silent(c))
		c->congestion.ops->idle(&c->congestion, tcp_now(c));
	bool waits = tcp_notsent_max(c) < UINT32_MAX && !tcp_writable(c);
	while (send_next(c))
		;
	note_limits(c);
	if (waits && tcp_writable(c))
		tcp_tell_room(c);
	if (tcp_flight(c) == 0 && !pb_timer_armed(&c->pace.timer))
		pb_tcp_timers_blocked(c);
}

void pb_tcp_output(struct tcp_conn *c)
{
	if (SENDING >> c->state & 1 || (c->state == STATE_SYN_RECEIVED && tcp_is_early(c)))
		send_all(c);
	if (c->ack_now || tcp_window_update_due(c))
		pb_tcp_send_ack(c);
}

/* As much as the window takes, and the peer has not; where it takes nothing, one byte asks it to open. */
void pb_tcp_resend(struct tcp_conn *c, uint32_t offset, uint32_t most)
{
	uint32_t room = c->snd_wnd > offset ? c->snd_wnd - offset : 1;
	uint32_t len = c->sendq.bytes - offset;

	if (offset > c->sendq.bytes)
		return;
	if (len > most)
		len = most;
	if (c->set.auth && len > c->mss)
		len = c->mss;
	if (len > room)
		len = room;
	if (c->loss)
		len = pb_tcp_loss_hole(c, offset, len);
	len = pb_tcp_sendq_record(&c->sendq, offset, len);
	len = pb_tcp_push_together(c, seq_add(c->snd_una, offset), len);
	bool fin = c->fin_queued && offset + len == c->sendq.bytes && len < room;
	bool waited =
		len && c->snd_wnd && seq_eq(c->snd_una, c->snd_max); /* long enough: pushed, as on Linux */
	bool was_writable = tcp_writable(c);
	send_text(c, offset, len, (fin ? TCP_FIN : 0) | (waited ? TCP_PSH : 0));
	if (!was_writable && tcp_writable(c)) /* a probe's text may be new */
		tcp_tell_room(c);
}

/*
 * -- SYN
 */

/* In SYN-SENT all is offered; SYN-RECEIVED (of a simultaneous open) answers with what both want. */
static struct tcp_options syn_options(const struct tcp_conn *c, bool answer)
{
	struct tcp_options o = { 0 };

	set_usual_options(c, &o);
	o.mss = pb_tcp_mss_announce(&c->set, &c->path);
	o.sack_permitted = answer ? c->has_sack : !c->tcp->limits.no_sack;
	o.has_window_scale = answer ? c->has_scale : !c->tcp->limits.no_scaling;
	o.window_scale = c->rcv_scale;
	if (!answer && !c->tcp->limits.no_timestamps &&
	    (!c->set.auth || pb_tcp_timestamp_fits(pb_tcp_auth_room(c), o.sack_permitted))) {
		o.has_timestamp = true;
		o.ts_value = pb_tcp_timestamp(c->tcp, c->ts_offset);
	}
	return o;
}

/* Unscaled in a SYN (RFC 7323 §2.2). */
static uint16_t syn_window(struct tcp_conn *c, bool answer)
{
	uint16_t window = tcp_syn_window(&c->set);

	if (answer) {
		c->rcv_adv = seq_max(c->rcv_adv, seq_add(c->rcv_nxt, window));
		c->last_ack_sent = c->rcv_nxt;
		c->ack_now = false;
	}
	return window;
}

/* What acknowledges the SYN times it, be it with the text or without. */
static void note_syn_sent(struct tcp_conn *c, uint32_t text_len)
{
	if (seq_eq(c->snd_max, c->iss))
		pb_tcp_receive_round_begin(c); /* to know what timestamps may be echoed */
	note_sent(c, c->iss, seq_add(c->iss, 1 + text_len));
	if (c->rtt.timed_at)
		c->rtt.timed_seq = seq_add(c->iss, 1);
}

/* Text may be in flight, from SND.UNA on, which is behind the SYN-ACK. */
static void note_syn_ack_again(struct tcp_conn *c)
{
	time_segment(c, c->snd_una, true);
	tcp_counters(c)->tcp.RetransSegs++;
	c->total_retransmits++;
}

void pb_tcp_send_syn(struct tcp_conn *c)
{
	bool answer = c->state != STATE_SYN_SENT;
	struct ip_send how = {
		.protocol = IPPROTO_TCP, .ttl = c->set.ttl, .tos = c->set.tos, .dont_fragment = true
	};
	struct tcp_header h = {
		.src_port = c->entry.pair.local_port,
		.dst_port = c->entry.pair.remote_port,
		.seq = c->iss.v,
		.ack = answer ? c->rcv_nxt.v : 0,
		.flags = (answer ? TCP_SYN | TCP_ACK : TCP_SYN) | pb_tcp_ecn_syn_flags(c),
		.window = syn_window(c, answer),
		.options = syn_options(c, answer),
	};
	uint32_t text_len = c->fast_open && !answer ? pb_tcp_fast_open_syn(c, &h.options) : 0;
	struct pb_buf *b = pb_tcp_sendq_segment(&c->sendq, c->tcp->env->pool, 0, text_len);

	struct tcp_signature sign;
	if (b && sign_own(c, &h, &sign)) {
		pb_tcp_uto_write(&c->set, &h.options);
		tcp_counters(c)->tcp.OutSegs++;
		c->segments_out++;
		transmit(c->tcp, &c->path, &how, &h, b, 0, &sign);
	} else {
		pb_buf_free(b);
	}
	if (tcp_is_early(c))
		note_syn_ack_again(c);
	else
		note_syn_sent(c, text_len);
}
