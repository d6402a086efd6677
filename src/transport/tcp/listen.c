/*
 * Listeners (RFC 9293 §3.10.7.2), and the calls that come to them. A call is a small record until its
 * handshake is complete, then a connection that waits to be accepted. Both queues are bounded. When there is
 * no room for another record, the SYN-ACK carries a cookie and nothing is kept; when there is none for
 * another connection, calls are not answered, so that callers try again later.
 */
#include "transport/tcp/listen.h"
#include "transport/tcp/accecn.h"
#include "transport/tcp/auth.h"
#include "transport/tcp/buffers.h"
#include "transport/tcp/cookie.h"
#include "transport/tcp/input.h"
#include "transport/tcp/isn.h"
#include "transport/tcp/output.h"
#include "transport/tcp/tcp.h"
#include "transport/tcp/timers.h"
#include "transport/tcp/uto.h"
#include "transport/tcp/window.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#define SYNS_MIN    8         /* however small the backlog is */
#define SYN_ACK_RTO PB_SEC(1) /* RFC 6298 §2.1, doubled each time */

int pb_tcp_listen(struct tcp *t, const struct tcp_settings *set, struct binding *local, unsigned backlog,
		  void *owner, struct tcp_listener **out)
{
	struct tcp_listener *l = calloc(1, sizeof *l);

	if (!l)
		return -ENOBUFS;
	if (pb_ports_listen(&t->ports, local) < 0) {
		free(l);
		return -EADDRINUSE;
	}
	pb_ports_move(&t->ports, local, &l->binding);
	l->binding.owner = l;
	l->tcp = t;
	l->set = *set;
	l->backlog = backlog;
	l->news.owner = owner;
	list_init(&l->waiting);
	list_init(&l->syns);
	pb_tcp_fast_open_listen(l);
	*out = l;
	return 0;
}

/* The first of those that wait, taken out of the queue. */
static struct tcp_conn *take_waiting(struct tcp_listener *l)
{
	struct pb_link *first = list_shift(&l->waiting);
	struct tcp_conn *c;

	if (!first)
		return NULL;
	c = container_of(first, struct tcp_conn, waiting);
	l->waiting_count--;
	c->listener = NULL;
	return c;
}

struct tcp_conn *pb_tcp_accept(struct tcp_listener *l, void *owner)
{
	struct tcp_conn *c = take_waiting(l);

	if (!c)
		return NULL;
	c->news.owner = owner;
	pb_tcp_timers_silence(c);
	return c;
}

void pb_tcp_listener_close(struct tcp_listener *l)
{
	struct tcp_conn *c;

	pb_tcp_fast_open_listener_close(l);
	list_each_safe (r, &l->syns)
		pb_tcp_syn_drop(container_of(r, struct tcp_syn, link));
	while ((c = take_waiting(l))) {
		if (c->state == STATE_CLOSED)
			pb_tcp_conn_free(c);
		else
			pb_tcp_abort(c, 0);
	}
	pb_ports_release(&l->tcp->ports, &l->binding);
	list_remove(&l->news.link);
	pb_tcp_auth_free(l->set.auth);
	free(l);
}

static struct socket_pair pair_of(const struct tcp_segment *s)
{
	return (struct socket_pair){ s->packet->dst, s->packet->src, s->h.dst_port, s->h.src_port };
}

/* Linux's accept queue holds backlog + 1. */
static bool queue_full(struct tcp_listener *l)
{
	if (l->waiting_count <= l->backlog)
		return false;
	l->tcp->env->counters.tcp.ListenOverflows++;
	l->tcp->env->counters.tcp.ListenDrops++;
	return true;
}

static bool records_full(const struct tcp_listener *l)
{
	unsigned most = l->backlog > SYNS_MIN ? l->backlog : SYNS_MIN;

	return l->syn_count >= most || l->syn_count >= l->tcp->limits.syns_max;
}

/* RFC 4291 §2.5.6: fe80::/10, an address that says nothing without its link. */
static bool is_link_local(const struct ip *a)
{
	return a->bytes[0] == 0xfe && a->bytes[1] >> 6 == 2;
}

static unsigned bound_of(const struct tcp_listener *l, const struct tcp_segment *s)
{
	if (l->set.bound || !is_link_local(&s->packet->src))
		return l->set.bound;
	return s->packet->iface->index;
}

static uint16_t window_of(const struct tcp_listener *l)
{
	return tcp_syn_window(&l->set);
}

static uint8_t scale_of(const struct tcp_listener *l)
{
	return pb_tcp_scale_announce(pb_tcp_receive_buffer_most(l->tcp, &l->set));
}

/* Send a SYN-ACK. A record that is not kept is in its cookie. */
static void send_syn_ack(const struct tcp_listener *l, const struct tcp_syn *r)
{
	const struct socket_pair *pair = &r->entry.pair;
	struct tcp *t = l->tcp;
	struct ip_path path;
	struct tcp_header h = {
		.src_port = pair->local_port,
		.dst_port = pair->remote_port,
		.seq = r->iss.v,
		.ack = r->irs.v + 1,
		.flags = TCP_SYN | TCP_ACK | pb_tcp_ecn_syn_ack_flags(r),
		.window = r->window,
		.options = {.has_window_scale = r->has_scale,
                            .window_scale = r->rcv_scale,
                            .sack_permitted = r->has_sack,
                            .has_timestamp = r->has_timestamps,
                            .ts_value = r->cookie ? pb_tcp_cookie_timestamp(t, r)
						   : pb_tcp_timestamp(t, r->ts_offset),
                            .ts_echo = r->ts_recent},
	};

	if (pb_ip_path(t->net, &path, &pair->local, &pair->remote, r->bound) < 0)
		return;
	h.options.mss = pb_tcp_mss_announce(&l->set, &path);
	if (r->fast_open != FAST_OPEN_NOT)
		pb_tcp_fast_open_answer(l, &pair->remote, &pair->local, r->experiment, &h.options);
	pb_accecn_introduce(r, &h.options);
	if (!l->set.auth) {
		pb_tcp_uto_write(&l->set, &h.options);
		pb_tcp_send_bare(t, &path, &h, l->set.tos, NULL);
		return;
	}
	const struct tcp_party party = pb_tcp_party_record(r);
	pb_tcp_send_bare(t, &path, &h, l->set.tos, &party);
}

/* -- records */

/* TCP_DEFER_ACCEPT: who has called is heard when he says something, or after so many SYN-ACKs. */
static bool is_deferred(const struct tcp_syn *r)
{
	return r->deferred && r->retransmits < r->listener->set.defer_accept;
}

static void send_again(struct pb_timer *timer)
{
	struct tcp_syn *r = container_of(timer, struct tcp_syn, timer);
	struct env *env = r->listener->tcp->env;

	if (r->retransmits >= tcp_syn_ack_retries(r->listener->tcp)) {
		env->counters.tcp.AttemptFails++;
		pb_tcp_syn_drop(r);
		return;
	}
	r->retransmits++;
	r->fast_open = FAST_OPEN_NOT; /* which may be why the first was lost */
	pb_timers_set(&env->timers, timer, env_now(env) + (SYN_ACK_RTO << r->retransmits));
	if (is_deferred(r))
		return; /* the peer has our SYN-ACK */
	env->counters.tcp.RetransSegs++;
	send_syn_ack(r->listener, r);
}

void pb_tcp_syn_drop(struct tcp_syn *r)
{
	struct tcp *t = r->listener->tcp;

	r->listener->syn_count--;
	list_remove(&r->link);
	pb_timers_stop(&t->env->timers, &r->timer);
	pb_pairs_remove(&t->pairs, &r->entry);
	free(r);
}

static seq choose_iss(const struct tcp *t, uint64_t secret, const struct tcp_segment *s)
{
	seq iss = pb_tcp_isn(t, secret);

	if (s->reopens && !seq_lt(s->beyond, iss)) /* RFC 9293 §3.6.1 */
		return seq_add(s->beyond, TCP_ISS_STEP);
	return iss;
}

/* RFC 5925 §7.2: what signs the SYN is what we ask for, and what it asks for signs the SYN-ACK. */
static void read_keys(struct tcp_syn *r, const struct tcp_options *o)
{
	r->ao = o->auth == TCP_SIGNED_AO;
	r->ao_send_id = o->next_key_id;
	r->ao_receive_id = o->key_id;
}

/* What a SYN says. */
static struct tcp_syn read_call(const struct tcp_listener *l, const struct tcp_segment *s)
{
	const struct tcp_options *o = &s->h.options;
	struct tcp_syn r = {
		.entry = {.kind = ENTRY_SYN, .pair = pair_of(s)},
		.irs = s->seq,
		.mss = o->mss,
		.window = window_of(l),
		.bound = bound_of(l, s),
		.arrived = env_now(l->tcp->env),
		.has_scale = o->has_window_scale && !l->tcp->limits.no_scaling,
		.has_timestamps = o->has_timestamp && !l->tcp->limits.no_timestamps,
		.has_sack = o->sack_permitted && !l->tcp->limits.no_sack,
		.experiment = o->fast_open_experiment,
	};

	r.ecn = pb_tcp_ecn_called(l->tcp, s);
	if (o->auth) {
		r.has_timestamps &= pb_tcp_timestamp_fits(pb_tcp_auth_len(o), r.has_sack);
		read_keys(&r, o);
	}
	r.snd_scale = o->window_scale;
	r.rcv_scale = scale_of(l);
	r.uto = o->user_timeout;
	r.ts_recent = o->ts_value;
	uint64_t secret = pb_tcp_secret(l->tcp, &r.entry.pair);
	r.ts_offset = pb_tcp_timestamp_offset(secret);
	r.iss = choose_iss(l->tcp, secret, s);
	return r;
}

static void keep_record(struct tcp_listener *l, const struct tcp_segment *s, enum fast_open_verdict fast_open)
{
	struct tcp *t = l->tcp;
	struct tcp_syn *r = malloc(sizeof *r);

	if (!r) {
		t->env->counters.tcp.ListenDrops++;
		return;
	}
	*r = read_call(l, s);
	r->fast_open = fast_open;
	r->listener = l;
	r->timer.fn = send_again;
	if (pb_pairs_add(&t->pairs, &r->entry) < 0) {
		t->env->counters.tcp.ListenDrops++;
		free(r);
		return;
	}
	list_push(&l->syns, &r->link);
	l->syn_count++;
	pb_timers_set(&t->env->timers, &r->timer, env_now(t->env) + SYN_ACK_RTO);
	send_syn_ack(l, r);
}

static void send_cookie(struct tcp_listener *l, const struct tcp_segment *s)
{
	struct tcp *t = l->tcp;
	struct tcp_syn r = read_call(l, s);

	r.listener = l;
	if (!r.mss)
		r.mss = ip_is4(&s->packet->src) ? TCP_MSS_DEFAULT4 : TCP_MSS_DEFAULT6;
	r.cookie = true;
	if (!r.has_timestamps) /* there is no room to remember them */
		r.has_scale = r.has_sack = false;
	if (!r.has_timestamps && r.ecn.kind == ECN_CLASSIC)
		r.ecn.kind = ECN_NONE;
	r.iss = pb_tcp_cookie(t, &r.entry.pair, r.irs, r.mss);
	l->overflowed = true;
	l->overflowed_at = env_now(t->env);
	t->env->counters.tcp.SyncookiesSent++;
	send_syn_ack(l, &r);
}

/* -- a handshake that is complete */

/* A connection as SYN-RECEIVED has it: its SYN-ACK sent, the caller's SYN received. */
static void enter_syn_received(struct tcp_conn *c, const struct tcp_syn *r)
{
	const struct tcp_options options = {
		.mss = r->mss,
		.has_window_scale = r->has_scale,
		.window_scale = r->snd_scale,
		.sack_permitted = r->has_sack,
		.has_timestamp = r->has_timestamps,
		.ts_value = r->ts_recent,
		.has_user_timeout = r->uto,
		.user_timeout = r->uto,
	};

	c->iss = c->snd_una = c->recover = c->snd_sml = r->iss;
	c->snd_nxt = c->snd_max = seq_add(r->iss, 1);
	c->ts_offset = r->ts_offset;
	c->irs = c->snd_wl1 = r->irs;
	c->snd_wl2 = r->iss;
	c->rcv_nxt = c->last_ack_sent = seq_add(r->irs, 1);
	c->rcv_adv = seq_add(c->rcv_nxt, r->window);
	if (r->retransmits == 0 && r->arrived) { /* RFC 6298 §3, Karn */
		c->rtt.timed_at = r->arrived;
		c->rtt.timed_seq = c->snd_nxt;
	}
	c->rcv_scale = r->rcv_scale; /* as the SYN-ACK has told */
	pb_tcp_conn_agree(c, &options);
	pb_tcp_ecn_accept(c, r);
	pb_tcp_set_state(c, STATE_SYN_RECEIVED);
}

/* A call that was signed does not become a connection that is not: the keys may have gone meanwhile. */
static int inherit_keys(const struct tcp_listener *l, const struct tcp_syn *r, struct tcp_auth **auth)
{
	const struct ip *peer = &r->entry.pair.remote;
	int rc = pb_tcp_auth_inherit(l->set.auth, peer, r->ao, auth);

	if (rc == 0 && r->ao && !(*auth && pb_tcp_auth_accept(*auth, peer, r))) {
		pb_tcp_auth_free(*auth);
		*auth = NULL;
		rc = -EKEYREJECTED;
	}
	return rc;
}

static int new_conn(struct tcp_listener *l, const struct tcp_syn *r, struct tcp_conn **c)
{
	struct tcp_settings set = l->set;
	int rc = set.auth ? inherit_keys(l, r, &set.auth) : 0;

	if (rc < 0)
		return rc;
	set.bound = r->bound;
	rc = pb_tcp_conn_new(l->tcp, &set, &r->entry.pair, c);
	if (rc < 0) {
		pb_tcp_auth_free(set.auth);
		return rc;
	}
	(*c)->binding = (struct binding){
		.addr = r->entry.pair.local,
		.port = r->entry.pair.local_port,
		.reuse_addr = l->binding.reuse_addr,
		.reuse_port = l->binding.reuse_port,
		.owner = *c,
	};
	pb_ports_keep(&l->tcp->ports,
		      &(*c)->binding); /* which can't fail: the listener is in the same list */
	return 0;
}

/* It waits to be accepted. */
static void queue(struct tcp_listener *l, struct tcp_conn *c)
{
	l->tcp->env->counters.tcp.PassiveOpens++;
	c->listener = l;
	list_push(&l->waiting, &c->waiting);
	l->waiting_count++;
	readiness_tell(&l->news, l->tcp->env, POLLIN);
}

/* The ACK of a SYN-ACK: the connection joins the queue, and then takes the segment as any other would. */
static void complete(struct tcp_listener *l, const struct tcp_syn *r, struct tcp_conn *c,
		     struct tcp_segment *s)
{
	enter_syn_received(c, r);
	queue(l, c);
	s->window <<= c->snd_scale;
	pb_tcp_conn_input(c, s);
}

static void complete_record(struct tcp_syn *r, struct tcp_segment *s)
{
	struct tcp_listener *l = r->listener;
	struct tcp_syn call = *r;
	struct tcp_conn *c;

	if (queue_full(l))
		return; /* the record stays, and its next SYN-ACK asks the caller again */
	pb_tcp_syn_drop(r);
	if (new_conn(l, &call, &c) < 0)
		l->tcp->env->counters.tcp.ListenDrops++;
	else
		complete(l, &call, c, s);
}

/* Whether an ACK that belongs to no record carries a cookie of ours; if so, it is dealt with. */
static bool take_cookie(struct tcp_listener *l, struct tcp_segment *s)
{
	struct tcp *t = l->tcp;
	struct tcp_syn r = {
		.entry.pair = pair_of(s),
		.iss = seq_add(s->ack, -1u),
		.irs = seq_add(s->seq, -1u),
		.window = window_of(l),
		.bound = bound_of(l, s),
		.rcv_scale = scale_of(l),
	};
	struct tcp_conn *c;

	if (!l->overflowed || env_now(t->env) - l->overflowed_at > 2 * TCP_COOKIE_PERIOD)
		return false;
	if (!pb_tcp_cookie_check(t, &r.entry.pair, r.irs, r.iss, &r.mss)) {
		t->env->counters.tcp.SyncookiesFailed++;
		return false;
	}
	t->env->counters.tcp.SyncookiesRecv++;
	read_keys(&r, &s->h.options);
	if (s->h.options.has_timestamp) {
		r.ts_recent = s->h.options.ts_value;
		r.ts_offset = pb_tcp_timestamp_offset(pb_tcp_secret(t, &r.entry.pair));
		pb_tcp_cookie_options(&r, s->h.options.ts_echo);
	}
	r.ecn.kind = (uint8_t)pb_tcp_ecn_of_cookie(t, s, (enum ecn_kind)r.ecn.kind);
	if (queue_full(l))
		return true;
	if (new_conn(l, &r, &c) < 0)
		t->env->counters.tcp.ListenDrops++;
	else
		complete(l, &r, c, s);
	return true;
}

/* -- a handshake that is not (RFC 7413) */

/* SND.UNA is behind the SYN-ACK already, so that text is sent as ever: its acknowledgement is c->fast_open's. */
static void skip_handshake(struct tcp_conn *c, const struct tcp_segment *s)
{
	c->snd_una = c->snd_nxt;
	c->snd_wnd = c->snd_wnd_max = s->h.window; /* never scaled in a SYN (RFC 7323 §2.2) */
	c->last_received = tcp_now(c);
	pb_tcp_timers_sent(c);
}

/* A connection at once, with what text the SYN has. False: there is no memory for it. */
static bool open_early(struct tcp_listener *l, struct tcp_segment *s, enum fast_open_verdict verdict)
{
	struct tcp_syn r = read_call(l, s);
	struct tcp_conn *c;

	r.listener = l;
	if (new_conn(l, &r, &c) < 0)
		return false;
	if (!pb_tcp_fast_open_begin(c, l)) {
		pb_tcp_conn_free(c);
		return false;
	}
	enter_syn_received(c, &r);
	skip_handshake(c, s);
	queue(l, c);
	pb_tcp_text_of_syn(c, s);
	l->tcp->env->counters.tcp.FastOpenPassive++;
	r.irs = seq_add(c->rcv_nxt, -1u); /* the SYN-ACK acknowledges the text, too */
	r.fast_open = verdict == FAST_OPEN_RENEW ? FAST_OPEN_COOKIE : FAST_OPEN_NOT;
	send_syn_ack(l, &r);
	c->last_ack_sent = c->rcv_nxt;
	c->rcv_adv = seq_add(c->rcv_nxt, r.window);
	return true;
}

/* -- SEGMENT ARRIVES */

static void take_call(struct tcp_listener *l, struct tcp_segment *s)
{
	enum fast_open_verdict verdict = pb_tcp_fast_open_judge(l, s);

	if (verdict >= FAST_OPEN_NOW && open_early(l, s, verdict))
		return;
	keep_record(l, s, s->h.options.has_fast_open ? verdict : FAST_OPEN_NOT);
}

bool pb_tcp_listen_admits(const struct tcp_listener *l, const struct tcp_segment *s)
{
	if (!tcp_is_signed(l->set.auth, s))
		return true;
	const struct socket_pair pair = pair_of(s);
	const struct tcp_party party = pb_tcp_party_listener(l, &pair, s);
	return pb_tcp_auth_admits(&party, s);
}

static void reset_stray(struct tcp_listener *l, const struct tcp_segment *s)
{
	const struct socket_pair pair = pair_of(s);
	const struct tcp_party party = pb_tcp_party_listener(l, &pair, s);

	pb_tcp_reset_stray(l->tcp, s, &party);
}

void pb_tcp_listen_input(struct tcp_listener *l, struct tcp_segment *s)
{
	unsigned flags = s->h.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);

	if (flags & TCP_RST) /* first */
		return;
	if (!s->reopens && !pb_tcp_listen_admits(l, s))
		return;
	if (flags & TCP_ACK) { /* second */
		if (flags & TCP_SYN || !take_cookie(l, s))
			reset_stray(l, s);
		return;
	}
	if (flags != TCP_SYN) /* fourth; nobody who means it calls and hangs up in one segment */
		return;
	if (queue_full(l))
		return;
	if (records_full(l))
		send_cookie(l, s);
	else
		take_call(l, s);
}

/* RFC 9293 §3.10.7.4, first: something of it is in the window. */
static bool acceptable(const struct tcp_syn *r, const struct tcp_segment *s)
{
	seq next = seq_add(r->irs, 1);

	return seq_in(s->seq, next, r->window) ||
	       (s->len && seq_in(seq_add(s->seq, s->len - 1), next, r->window));
}

/*
 * RFC 7323 §3.2: timestamps were agreed on, and there is none. It may not complete the call, for a connection
 * drops it.
 */
static bool lacks_timestamp(const struct tcp_syn *r, const struct tcp_segment *s)
{
	return r->has_timestamps && !s->h.options.has_timestamp && !(s->h.flags & (TCP_RST | TCP_SYN)) &&
	       !r->listener->tcp->limits.takes_unstamped;
}

/* RFC 7323 §5.3, R1: older than what the SYN said. */
static bool too_old(const struct tcp_syn *r, const struct tcp_segment *s)
{
	return r->has_timestamps && s->h.options.has_timestamp &&
	       (int32_t)(s->h.options.ts_value - r->ts_recent) < 0;
}

/* Where we are; to what is out of place, and to what RFC 5961 has challenged. */
static void acknowledge(const struct tcp_syn *r)
{
	struct tcp_header h = {
		.seq = r->iss.v + 1,
		.ack = r->irs.v + 1,
		.flags = TCP_ACK,
		.window = (uint16_t)(r->window >> (r->has_scale ? r->rcv_scale : 0)),
		.options = {.has_timestamp = r->has_timestamps,
                            .ts_value = pb_tcp_timestamp(r->listener->tcp, r->ts_offset),
                            .ts_echo = r->ts_recent},
	};

	const struct tcp_party party = pb_tcp_party_record(r);
	pb_tcp_answer(r->listener->tcp, &r->entry.pair, r->bound, &h, r->listener->set.tos, &party);
}

/* What acknowledges something else than our SYN, or asks for something else than it did. */
static void reset_wrong(struct tcp_syn *r, const struct tcp_segment *s)
{
	const struct tcp_party party = pb_tcp_party_record(r);

	pb_tcp_reset_stray(r->listener->tcp, s, &party);
}

/* What began signed goes on signed, and the same way. */
static bool record_admits(const struct tcp_syn *r, const struct tcp_segment *s)
{
	if (!tcp_is_signed(r->listener->set.auth, s))
		return true;
	const struct tcp_party party = pb_tcp_party_record(r);
	return pb_tcp_auth_admits(&party, s);
}

/* Our SYN-ACK was lost, or is late. */
static void call_again(struct tcp_syn *r, const struct tcp_segment *s)
{
	if (pb_tcp_ecn_called_again(r, s)) {
		send_syn_ack(r->listener, r);
		return;
	}
	reset_wrong(r, s);
	pb_tcp_syn_drop(r);
}

/* RFC 9293 §3.10.7.4 for SYN-RECEIVED after a passive OPEN, in its order, up to the ACK that completes it. */
void pb_tcp_syn_input(struct tcp_syn *r, struct tcp_segment *s)
{
	struct pb_counters *counters = &r->listener->tcp->env->counters;
	unsigned flags = s->h.flags & (TCP_SYN | TCP_ACK | TCP_RST);

	if (!record_admits(r, s))
		return;
	if (flags == TCP_SYN && seq_eq(s->seq, r->irs)) {
		call_again(r, s);
	} else if (lacks_timestamp(r, s)) {
		counters->tcp.PAWSEstab++;
	} else if (!(flags & TCP_RST) && (!acceptable(r, s) || too_old(r, s))) { /* first */
		acknowledge(r);
	} else if (flags & TCP_RST) { /* second; RFC 5961 §3.2 */
		if (seq_eq(s->seq, seq_add(r->irs, 1))) {
			counters->tcp.AttemptFails++;
			pb_tcp_syn_drop(r);
		} else if (acceptable(r, s)) {
			counters->tcp.ChallengeAck++;
			acknowledge(r);
		}
	} else if (flags & TCP_SYN) { /* fourth; RFC 5961 §4.2 */
		counters->tcp.SynChallenge++;
		acknowledge(r);
	} else if (flags & TCP_ACK) {      /* fifth */
		r->deferred = s->len == 0; /* until there is text */
		if (!seq_eq(s->ack, seq_add(r->iss, 1)))
			reset_wrong(r, s);
		else if (!is_deferred(r))
			complete_record(r, s);
	}
}
