/*
 * The timers of a connection: retransmission and persist, delayed acknowledgement, keepalive or falling asleep, and
 * the end of an orphan. None is ever stopped while the connection lives: one that goes off looks whether it still has
 * a reason.
 *
 * The retransmit timer runs from the time something is in flight, anew whenever SND.UNA moves (RFC 6298 §5). With SACK
 * it may go off before the RTO, for RACK-TLP (RFC 8985).
 * With nothing in flight and something that may not leave, it is the persist timer (probing): it asks a closed
 * window whether it has opened (RFC 9293 §3.8.6.1), and overrides silly windows, cork and want of memory
 * (§3.8.6.2.1, (4)).
 */
#include "transport/tcp/timers.h"
#include "transport/tcp/acks.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/fast_open.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/idle.h"
#include "transport/tcp/input.h"
#include "transport/tcp/listen.h"
#include "transport/tcp/output.h"
#include "transport/tcp/plpmtud.h"
#include "transport/tcp/rack.h"
#include "transport/tcp/recovery.h"
#include "transport/tcp/rtt.h"
#include "transport/tcp/settings.h"
#include "transport/tcp/tcp.h"
#include "transport/tcp/uto.h"

#include <errno.h>

#define OVERRIDE       PB_MSEC(200) /* RFC 9293 §3.8.6.2.1: 0.1 to 1 s; Linux's for TCP_CORK */
#define RETRIES        15           /* R2 (RFC 9293 §3.8.3: at least 100 s); Linux's tcp_retries2 */
#define THIN_SEGMENTS  4            /* Linux: tcp_stream_is_thin() */
#define THIN_RETRIES   6            /* Linux: TCP_THIN_LINEAR_RETRIES */
#define RETRIES_ORPHAN 8            /* Linux's tcp_orphan_retries */

/* Time-outs in a row that are as if what follows the handshake had vanished, too (RFC 7413 §7.1; Linux's). */
#define BLACK_HOLE 3

static void set(struct tcp_conn *c, struct pb_timer *t, pb_time after)
{
	pb_timers_set(&c->tcp->env->timers, t, tcp_now(c) + after);
}

/* The time-out, but not beyond the user's patience. */
static void set_retransmit(struct tcp_conn *c, pb_time after)
{
	pb_time patience = tcp_user_timeout(c);

	if (patience && c->first_retransmit) {
		pb_time left = c->first_retransmit + patience - tcp_now(c);
		if (left < after)
			after = left > 0 ? left : 0;
	}
	set(c, &c->retransmit, after);
}

/*
 * -- Retransmission
 */

static unsigned retries(const struct tcp_conn *c)
{
	if (tcp_is_early(c)) /* handed to the user: one more than others have, as on Linux */
		return tcp_syn_ack_retries(c->tcp) + 1;
	if (tcp_is_opening(c))
		return c->set.syn_retries;
	if (tcp_is_orphan(c))
		return RETRIES_ORPHAN;
	return c->tcp->limits.retries ? c->tcp->limits.retries : RETRIES;
}

/* RFC 9293 §3.8.3, and the user's time-out (§3.9.1). */
static bool is_hopeless(const struct tcp_conn *c)
{
	pb_time patience = tcp_user_timeout(c);

	if (patience && c->first_retransmit)
		return tcp_now(c) - c->first_retransmit >= patience;
	return c->retransmits >= retries(c);
}

static void give_up(struct tcp_conn *c)
{
	tcp_counters(c)->tcp.AbortOnTimeout++;
	if (c->fast_open && c->fast_open->text_len)
		pb_tcp_fast_open_failed(c);
	pb_tcp_conn_done(c, c->soft_error ? c->soft_error : ETIMEDOUT);
}

/* TCP_THIN_LINEAR_TIMEOUTS, as Linux: a stream of few segments, which can do no harm, does not wait twice as long. */
static bool is_thin(const struct tcp_conn *c)
{
	return c->set.thin_linear && !tcp_is_opening(c) && !c->probing &&
	       tcp_flight(c) < THIN_SEGMENTS * c->mss && c->retransmits <= THIN_RETRIES;
}

/* Another silence of one RTO. */
static void count_silence(struct tcp_conn *c)
{
	if (!c->first_retransmit)
		c->first_retransmit = tcp_now(c) > c->rtt.rto ? tcp_now(c) - c->rtt.rto : 1;
	if (c->retransmits < UINT8_MAX)
		c->retransmits++;
	if (!is_thin(c))
		pb_tcp_rtt_backoff(&c->rtt);
}

/* RFC 6298 5.4-5.6. */
static void time_out(struct tcp_conn *c)
{
	pb_tcp_plpmtud_full_stop(c);
	pb_tcp_timed_out(c);
	count_silence(c);
	if (c->fast_opened.tried && c->retransmits == BLACK_HOLE)
		pb_tcp_fast_open_failed(c);
	pb_tcp_resend(c, 0, c->mss);
	c->rto_from = tcp_now(c);
	set_retransmit(c, c->rtt.rto);
}

/* From now until the RTO, or until the tail is to be probed, if that is earlier. */
static void restart(struct tcp_conn *c)
{
	pb_time rto = c->rtt.rto, tail = c->has_sack ? pb_tcp_tail_timeout(c) : PB_NEVER;

	c->rto_from = tcp_now(c);
	set_retransmit(c, tail < rto ? tail : rto);
}

/* It is not the RTO's turn: the timer was set to earlier, or the tail is probed first. Nor is patience at its end. */
static bool is_early(const struct tcp_conn *c)
{
	if (!c->has_sack || tcp_is_opening(c))
		return false;
	if (tcp_now(c) - c->rto_from >= c->rtt.rto && pb_tcp_tail_timeout(c) == PB_NEVER)
		return false;
	return !tcp_user_timeout(c) || !c->first_retransmit || !is_hopeless(c);
}

/* RFC 8985: something that is reordered may be late by now (§6.2), or the tail is to be probed (§7.2). */
static void before_rto(struct tcp_conn *c)
{
	pb_time now = tcp_now(c), tail = pb_tcp_tail_timeout(c), left = c->rto_from + c->rtt.rto - now;
	pb_time since = c->last_sent > c->rto_from ? c->last_sent : c->rto_from;

	if (tail != PB_NEVER && (left <= 0 || now - since >= tail)) { /* at the RTO at the latest (§7.2) */
		if (!c->first_retransmit) /* the user's patience began when what it asks for was sent */
			c->first_retransmit = c->rto_from ? c->rto_from : 1;
		pb_tcp_tail_probe(c);
		c->rto_from = now;
		set_retransmit(c, c->rtt.rto);
		return;
	}
	if (tail != PB_NEVER && since + tail - now < left)
		left = since + tail - now;
	set_retransmit(c, left);
	if (c->loss)
		pb_tcp_reordering_over(c);
}

/* A flight of one segment waits for longer (RFC 8985 §7.2): the timer may be set to too late. */
void pb_tcp_timers_tail(struct tcp_conn *c)
{
	pb_time tail = pb_tcp_tail_timeout(c);

	if (tail != PB_NEVER)
		pb_tcp_timers_early(c, tail);
}

void pb_tcp_timers_early(struct tcp_conn *c, pb_time after)
{
	if (!pb_timer_armed(&c->retransmit) || tcp_now(c) + after < c->retransmit.due)
		set_retransmit(c, after);
}

/*
 * -- Persist
 */

/* One byte beyond the window. SND.NXT stays: if the peer does not take it, it is not in flight. */
static void probe(struct tcp_conn *c)
{
	seq nxt = c->snd_nxt;

	tcp_counters(c)->tcp.ZeroWindowProbes++;
	count_silence(c);
	if (c->tcp->limits.probes_empty)
		pb_tcp_send_keepalive(c);
	else
		pb_tcp_resend(c, 0, 1);
	c->snd_nxt = nxt;
	c->probing = true;
	set_retransmit(c, c->rtt.rto);
}

/* What has waited long enough leaves, however short. */
static void override(struct tcp_conn *c)
{
	c->probing = false;
	pb_tcp_resend(c, 0, c->mss);
	if (tcp_flight(c) == 0)
		pb_tcp_timers_blocked(c);
	else
		tcp_want_output(c);
}

/*
 * Nobody waits for it any more, and its peer keeps the window closed, however well he answers: so he could have us keep
 * all our memory ("sockstress"). It may last until probes are as far apart as they get (as on Linux), or memory is
 * short. RFC 6429 §3: the system may end it.
 */
static bool is_hoarded(const struct tcp_conn *c)
{
	if (!tcp_is_orphan(c))
		return false;
	return c->tcp->memory_short || (c->rtt.rto >= TCP_RTO_MAX && c->rtt.backoff >= RETRIES_ORPHAN);
}

static void end_hoarding(struct tcp_conn *c)
{
	tcp_counters(c)->tcp.AbortOnMemory++;
	pb_tcp_abort(c, 0);
}

static void persist(struct tcp_conn *c)
{
	if (c->sendq.bytes + c->fin_queued == 0)
		c->probing = false;
	else if (c->snd_wnd)
		override(c);
	else if (is_hoarded(c))
		end_hoarding(c);
	else if (is_hopeless(c))
		give_up(c);
	else
		probe(c);
}

void pb_tcp_timers_blocked(struct tcp_conn *c)
{
	if (c->probing)
		return;
	c->probing = true;
	set_retransmit(c, c->snd_wnd ? OVERRIDE : c->rtt.rto);
}

/* SYN, or SYN-ACK, again. */
static void open_again(struct tcp_conn *c)
{
	count_silence(c);
	pb_tcp_send_syn(c);
	c->rto_from = tcp_now(c);
	set_retransmit(c, c->rtt.rto);
}

/* The timer is the SYN-ACK's until that is acknowledged, whatever else has set it. */
static void syn_ack_due(struct tcp_conn *c)
{
	pb_time left = c->rto_from + c->rtt.rto - tcp_now(c);

	if (left > 0)
		set_retransmit(c, left);
	else if (is_hopeless(c))
		give_up(c);
	else
		open_again(c);
}

static void retransmit_due(struct pb_timer *t)
{
	struct tcp_conn *c = container_of(t, struct tcp_conn, retransmit);

	if (tcp_is_early(c)) {
		syn_ack_due(c);
	} else if (c->probing) {
		persist(c);
	} else if (tcp_flight(c) == 0) {
		return; /* all was acknowledged */
	} else if (is_early(c)) {
		before_rto(c);
	} else if (is_hopeless(c)) {
		give_up(c);
	} else if (tcp_is_opening(c)) {
		open_again(c);
	} else {
		time_out(c);
	}
}

void pb_tcp_timers_sent(struct tcp_conn *c)
{
	c->probing = false;
	restart(c);
}

void pb_tcp_timers_acked(struct tcp_conn *c)
{
	if (tcp_flight(c))
		restart(c);
}

/*
 * -- Delayed acknowledgement
 */

static void ack_due(struct pb_timer *t)
{
	pb_tcp_acks_late(container_of(t, struct tcp_conn, ack));
}

void pb_tcp_timers_ack_later(struct tcp_conn *c)
{
	set(c, &c->ack, TCP_DELAYED_ACK);
}

/*
 * -- Silence: keepalive (RFC 9293 §3.8.4), sleep (idle.c), and FIN-WAIT-2 without an owner
 */

static bool is_unheard(const struct tcp_conn *c)
{
	pb_time patience = tcp_user_timeout(c);

	if (patience) /* as on Linux it takes the count's place, and RFC 5482 §4.2 says so of an agreed one */
		return c->keep_probes && tcp_now(c) - c->last_received >= patience;
	return c->keep_probes >= c->set.keep_count;
}

static void keep_alive(struct tcp_conn *c)
{
	pb_time silence = tcp_now(c) - c->last_received;

	if (tcp_flight(c) || c->sendq.bytes) { /* these have timers of their own */
		set(c, &c->keep, c->set.keep_idle);
	} else if (silence < c->set.keep_idle) {
		set(c, &c->keep, c->set.keep_idle - silence);
	} else if (is_unheard(c)) {
		pb_tcp_reset_peer(c);
		give_up(c);
	} else {
		tcp_counters(c)->tcp.KeepAlives++;
		c->keep_probes++;
		pb_tcp_send_keepalive(c);
		set(c, &c->keep, c->set.keep_interval);
	}
}

/* As far as its owner is concerned. */
static bool may_sleep(const struct tcp_conn *c)
{
	return c->tcp->owner_entry && c->tcp->limits.idle_after != PB_NEVER && c->state == STATE_ESTABLISHED;
}

static pb_time last_active(const struct tcp_conn *c)
{
	return c->last_received > c->last_sent ? c->last_received : c->last_sent;
}

/* If it can't sleep now, the next segment or call that may change this arms the timer again. */
static void silence_due(struct tcp_conn *c)
{
	pb_time silence = tcp_now(c) - last_active(c);

	if (silence < c->tcp->limits.idle_after)
		set(c, &c->keep, c->tcp->limits.idle_after - silence);
	else
		pb_tcp_idle_enter(c);
}

static void keep_due(struct pb_timer *t)
{
	struct tcp_conn *c = container_of(t, struct tcp_conn, keep);

	if (c->state == STATE_FIN_WAIT_2 && tcp_is_orphan(c))
		pb_tcp_conn_done(c, 0);
	else if (c->set.keepalive && !tcp_is_opening(c))
		keep_alive(c);
	else if (may_sleep(c))
		silence_due(c);
}

void pb_tcp_timers_heard(struct tcp_conn *c)
{
	c->last_received = tcp_now(c);
	c->keep_probes = 0;
	if (!pb_timer_armed(&c->keep))
		pb_tcp_timers_silence(c);
}

static void set_at(struct tcp_conn *c, struct pb_timer *t, pb_time due)
{
	set(c, t, due > tcp_now(c) ? due - tcp_now(c) : 0);
}

void pb_tcp_timers_silence(struct tcp_conn *c)
{
	if (c->state == STATE_FIN_WAIT_2 && tcp_is_orphan(c))
		return;
	if (c->set.keepalive)
		set_at(c, &c->keep, c->last_received + c->set.keep_idle);
	else if (may_sleep(c))
		set_at(c, &c->keep, last_active(c) + c->tcp->limits.idle_after);
}

void pb_tcp_timers_woken(struct tcp_conn *c)
{
	set(c, &c->keep, c->tcp->limits.idle_after);
}

void pb_tcp_timers_orphaned(struct tcp_conn *c)
{
	set(c, &c->keep, c->set.linger_fin_wait);
}

/*
 * -- Pacing
 */

static void pace_due(struct pb_timer *t)
{
	tcp_want_output(container_of(t, struct tcp_conn, pace.timer));
}

/*
 * -- All
 */

void pb_tcp_timers_init(struct tcp_conn *c)
{
	c->retransmit.fn = retransmit_due;
	c->ack.fn = ack_due;
	c->keep.fn = keep_due;
	c->pace.timer.fn = pace_due;
}

void pb_tcp_timers_stop(struct tcp_conn *c)
{
	struct pb_timers *ts = &c->tcp->env->timers;

	pb_timers_stop(ts, &c->retransmit);
	pb_timers_stop(ts, &c->ack);
	pb_timers_stop(ts, &c->keep);
	pb_timers_stop(ts, &c->pace.timer);
}
