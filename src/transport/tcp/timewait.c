/*
 * TIME-WAIT (RFC 9293 §3.6.1): for 2 MSL a pair stays taken, so that segments that are still under way do not
 * become part of its next connection, and so that the peer's FIN, if it comes again, is acknowledged again. No
 * connection is needed for that, but a record. All last equally long: they wait in a queue, with one timer.
 */
#include "transport/tcp/accecn.h"
#include "transport/tcp/auth.h"
#include "transport/tcp/isn.h"

#include <stdlib.h>

static void expire(struct pb_timer *timer);

/* The first in the queue ends first. A later time than the timer's needs no arming: see expire(). */
static void arm(struct tcp *t)
{
	struct pb_link *first = t->time_waits.next;

	if (list_empty(&t->time_waits) || pb_timer_armed(&t->time_wait_timer))
		return;
	t->time_wait_timer.fn = expire;
	pb_timers_set(&t->env->timers, &t->time_wait_timer,
		      container_of(first, struct tcp_time_wait, link)->ends);
}

static void expire(struct pb_timer *timer)
{
	struct tcp *t = container_of(timer, struct tcp, time_wait_timer);

	list_each_safe (l, &t->time_waits) {
		struct tcp_time_wait *w = container_of(l, struct tcp_time_wait, link);
		if (w->ends > env_now(t->env))
			break;
		pb_tcp_time_wait_end(t, w);
	}
	arm(t);
}

/* 2 MSL from now on. */
static void wait_anew(struct tcp *t, struct tcp_time_wait *w)
{
	list_remove(&w->link);
	list_push(&t->time_waits, &w->link);
	w->ends = env_now(t->env) + 2 * TCP_MSL;
	arm(t);
}

/* What is worth keeping of a connection. NULL: the limit is reached, or there is no memory. */
static struct tcp_time_wait *make_record(struct tcp_conn *c)
{
	struct tcp *t = c->tcp;
	struct tcp_time_wait *w;

	if (t->time_wait_count >= t->limits.time_waits_max || !(w = malloc(sizeof *w))) {
		t->env->counters.tcp.TimeWaitOverflow++;
		return NULL;
	}
	*w = (struct tcp_time_wait){
		.entry.kind = ENTRY_TIME_WAIT,
		.snd_nxt = c->snd_max,
		.rcv_nxt = c->rcv_nxt,
		.ts_recent = c->ts_recent,
		.ts_offset = c->ts_offset,
		.rcv_wnd = (c->rcv_adv.v - c->rcv_nxt.v) >> c->rcv_scale,
		.has_timestamps = c->has_timestamps,
		.ace = c->ecn && c->ecn->kind == ECN_ACCURATE ? pb_tcp_accecn_ace(c) : 0,
		.bound = c->path.bound,
		.auth = pb_tcp_auth_take(c),
	};
	t->time_wait_count++;
	t->env->counters.tcp.TimeWaits++;
	return w;
}

void pb_tcp_time_wait_enter(struct tcp_conn *c)
{
	struct tcp_time_wait *w = make_record(c);

	if (w) {
		pb_pairs_replace(&c->tcp->pairs, &c->entry, &w->entry);
		c->in_table = false;
		pb_ports_move(&c->tcp->ports, &c->binding, &w->binding);
		wait_anew(c->tcp, w);
	}
	pb_tcp_conn_done(c, 0);
}

void pb_tcp_time_wait_end(struct tcp *t, struct tcp_time_wait *w)
{
	list_remove(&w->link);
	pb_pairs_remove(&t->pairs, &w->entry);
	pb_ports_release(&t->ports, &w->binding);
	t->time_wait_count--;
	pb_tcp_auth_free(w->auth);
	free(w);
}

/* How long it has been there: a FIN that came again began it anew. */
static pb_time age(const struct tcp *t, const struct tcp_time_wait *w)
{
	return env_now(t->env) - (w->ends - 2 * TCP_MSL);
}

bool pb_tcp_time_wait_yields(const struct tcp *t, const struct tcp_time_wait *w, pb_time after)
{
	return w->has_timestamps && !t->limits.no_timestamps && age(t, w) >= after;
}

static void acknowledge(struct tcp *t, const struct tcp_time_wait *w)
{
	struct tcp_header h = {
		.seq = w->snd_nxt.v,
		.ack = w->rcv_nxt.v,
		.flags = TCP_ACK | w->ace,
		.window = (uint16_t)w->rcv_wnd,
		.options = {.has_timestamp = w->has_timestamps,
                            .ts_value = pb_tcp_timestamp(t, w->ts_offset),
                            .ts_echo = w->ts_recent},
	};

	const struct tcp_party party = pb_tcp_party_time_wait(t, w);
	pb_tcp_answer(t, &w->entry.pair, w->bound, &h, 0, &party);
}

/*
 * Whether a SYN is surely of a new connection: its timestamp is later than all of the old one's (RFC 6191 §2), or
 * its sequence number is (RFC 9293 §3.6.1).
 */
static bool is_new(const struct tcp_time_wait *w, const struct tcp_segment *s)
{
	if ((s->h.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN)
		return false;
	if (w->has_timestamps && s->h.options.has_timestamp && s->h.options.ts_value != w->ts_recent)
		return (int32_t)(s->h.options.ts_value - w->ts_recent) > 0;
	return seq_lt(w->rcv_nxt, s->seq);
}

/* Signed as the connection was. Of a SYN its listener judges, whose keys may be others by now. */
static bool admits(struct tcp *t, const struct tcp_time_wait *w, const struct tcp_segment *s)
{
	const struct tcp_party party = pb_tcp_party_time_wait(t, w);

	return (s->h.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN || pb_tcp_auth_admits(&party, s);
}

/*
 * Whether an answer would be too much. Text, or a FIN, is sent by somebody who means it; an acknowledgement out of
 * place may answer ours, and is answered seldom, or the two would go on for ever (as Linux's tcp_oow_rate_limited()).
 */
static bool is_too_much(struct tcp *t, struct tcp_time_wait *w, const struct tcp_segment *s)
{
	if (s->len && !(s->h.flags & TCP_SYN))
		return false;
	if (env_now(t->env) < w->challenge_after)
		return true;
	w->challenge_after = env_now(t->env) + TCP_CHALLENGE_INTERVAL;
	return false;
}

/*
 * RFC 9293 §3.10.7.4 for this state: RST exactly at RCV.NXT ends it (RFC 5961 §3.2); a FIN again is acknowledged
 * again, and 2 MSL begin anew; whatever else takes up sequence numbers, or is out of place, is acknowledged.
 */
bool pb_tcp_time_wait_input(struct tcp *t, struct tcp_time_wait *w, struct tcp_segment *s)
{
	bool in_place = seq_eq(s->seq, w->rcv_nxt);

	if (tcp_is_signed(w->auth, s) && !admits(t, w, s))
		return false;
	if (is_new(w, s))
		return true;
	if (s->h.flags & TCP_RST) {
		if (in_place)
			pb_tcp_time_wait_end(t, w);
		return false;
	}
	if (s->len == 0 && in_place)
		return false;
	if (s->h.flags & TCP_FIN && seq_eq(seq_add(s->seq, s->len), w->rcv_nxt))
		wait_anew(t, w);
	if (!is_too_much(t, w, s))
		acknowledge(t, w);
	return false;
}
