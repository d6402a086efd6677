/* The TCP layer: who gets a segment, and what is true of all connections together. */
#include "transport/tcp/tcp.h"
#include "transport/tcp/auth.h"
#include "transport/tcp/buffers.h"
#include "transport/tcp/idle.h"
#include "transport/tcp/input.h"
#include "transport/tcp/listen.h"
#include "transport/tcp/output.h"

#include "base/checksum.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

static size_t buffer_max(size_t given, size_t memory)
{
	size_t most = given ? given : memory / 2;

	return most < TCP_BUFFER_MAX ? most : TCP_BUFFER_MAX;
}

static struct tcp_limits limits_or_default(const struct tcp_limits *given, size_t memory)
{
	struct tcp_limits l = given ? *given : (struct tcp_limits){ 0 };

	l.connections_max = l.connections_max ? l.connections_max : (size_t)1024 * 1024;
	l.time_waits_max = l.time_waits_max ? l.time_waits_max : (size_t)256 * 1024;
	l.syns_max = l.syns_max ? l.syns_max : 4096;
	l.orphans_max = l.orphans_max ? l.orphans_max : (size_t)64 * 1024;
	l.send_buffer_max = buffer_max(l.send_buffer_max, memory);
	l.receive_buffer_max = buffer_max(l.receive_buffer_max, memory);
	l.idle_after = l.idle_after ? l.idle_after : PB_SEC(5);
	l.fast_open = l.no_fast_open ? 0 : l.fast_open ? l.fast_open : FAST_OPEN_CLIENT | FAST_OPEN_SERVER;
	l.fast_open_peers_max = l.fast_open_peers_max ? l.fast_open_peers_max : 1024;
	l.fast_open_pause = l.fast_open_pause ? l.fast_open_pause : PB_SEC(60);
	return l;
}

int pb_tcp_new(struct env *env, struct internet *net, const struct tcp_limits *limits, struct tcp **out)
{
	struct tcp *t = calloc(1, sizeof *t);

	if (!t)
		return -ENOMEM;
	t->env = env;
	t->net = net;
	t->limits = limits_or_default(limits, pb_pool_bytes_max(env->pool));
	t->memory_ample = pb_pool_bytes_max(env->pool) / 4 * 3;
	list_init(&t->pending);
	pb_tcp_starving_init(t);
	list_init(&t->time_waits);
	list_init(&t->idle.traits);
	t->secret_key = pb_rng_key(&env->rng);
	t->cookie_key = pb_rng_key(&env->rng);
	if (pb_pairs_init(&t->pairs, pb_rng_key(&env->rng), t->limits.connections_max) < 0) {
		free(t);
		return -ENOMEM;
	}
	pb_ports_init(&t->ports, &env->rng, true);
	t->fast_open_secret = pb_rng_key(&env->rng);
	t->fast_open_peers.key = pb_rng_key(&env->rng);
	*out = t;
	return 0;
}

static void drop_entry(struct pair_entry *e, void *context)
{
	switch ((enum tcp_entry_kind)e->kind) {
	case ENTRY_CONN:
		pb_tcp_conn_free((struct tcp_conn *)e);
		break;
	case ENTRY_SYN:
		pb_tcp_syn_drop((struct tcp_syn *)e);
		break;
	case ENTRY_TIME_WAIT:
		pb_tcp_time_wait_end(context, (struct tcp_time_wait *)e);
		break;
	case ENTRY_IDLE:
		pb_tcp_idle_drop(context, (struct tcp_idle *)e);
		break;
	}
}

void pb_tcp_free(struct tcp *t)
{
	if (!t)
		return;
	pb_pairs_each(&t->pairs, drop_entry, t);
	pb_timers_stop(&t->env->timers, &t->time_wait_timer);
	pb_timers_stop(&t->env->timers, &t->starving_timer);
	pb_fast_open_peers_forget(&t->fast_open_peers);
	pb_ports_fini(&t->ports);
	pb_pairs_fini(&t->pairs);
	while (t->spare) {
		struct tcp_conn *next = (struct tcp_conn *)t->spare->entry.next;
		free(t->spare);
		t->spare = next;
	}
	free(t);
}

/* RFC 9293 §3.1, MUST-3; what never left the machine, or the device has verified, is believed. */
static bool checksum_good(const struct ip_packet *packet)
{
	const struct pb_buf *b = packet->buf;

	if (b->checksum != PB_CHECKSUM_UNKNOWN)
		return true;
	return pb_checksum_finish(pb_checksum_add_packet(
		       pb_ip_pseudo(&packet->src, &packet->dst, IPPROTO_TCP, b->total), b, 0)) == 0;
}

/* Read the header, and leave the text in s->text. False: it is damaged, or not for one host alone. */
static bool read_segment(struct tcp *t, struct tcp_segment *s)
{
	struct ip_packet *packet = s->packet;
	struct reader r = { .p = packet->buf->data, .left = packet->buf->len };

	t->env->counters.tcp.InSegs++;
	if (packet->group) /* RFC 9293 §3.9.2.3, MUST-57 */
		return false;
	if (!checksum_good(packet)) {
		t->env->counters.tcp.InCsumErrors++;
		t->env->counters.tcp.InErrs++;
		return false;
	}
	if (!pb_tcp_parse(&s->h, &r)) {
		t->env->counters.tcp.InErrs++;
		return false;
	}
	pb_buf_pull(packet->buf, s->h.len);
	s->text = packet->buf;
	s->text_len = packet->buf->total;
	s->len = s->text_len + !!(s->h.flags & TCP_SYN) + !!(s->h.flags & TCP_FIN);
	s->seq.v = s->h.seq;
	s->ack.v = s->h.ack;
	s->window = s->h.window;
	return true;
}

/* Who listens for what came to this pair; NULL: nobody. */
static struct tcp_listener *listener_of(struct tcp *t, const struct socket_pair *pair, bool foreign)
{
	struct binding *b = pb_ports_find(&t->ports, &pair->local, pair->local_port,
					  pb_pairs_hash(&t->pairs, pair), foreign);

	return b ? b->owner : NULL;
}

static void reset_stray(struct tcp *t, const struct socket_pair *pair, struct tcp_segment *s)
{
	const struct tcp_party party = pb_tcp_party_nobody(t, pair, s);

	if (!s->h.options.auth || (party.auth && pb_tcp_auth_admits(&party, s)))
		pb_tcp_reset_stray(t, s, &party);
}

/* What no pair has: a listener's, or nobody's (RFC 9293 §3.10.7.1). */
static void input_unpaired(struct tcp *t, const struct socket_pair *pair, struct tcp_segment *s)
{
	struct tcp_listener *l = listener_of(t, pair, s->packet->foreign);

	if (l)
		pb_tcp_listen_input(l, s);
	else
		reset_stray(t, pair, s);
}

static void input_time_wait(struct tcp *t, struct tcp_time_wait *w, struct tcp_segment *s)
{
	struct tcp_listener *l;

	if (!pb_tcp_time_wait_input(t, w, s))
		return;
	l = listener_of(t, &w->entry.pair, s->packet->foreign);
	if (!l) {
		reset_stray(t, &w->entry.pair, s);
		return;
	}
	if (!pb_tcp_listen_admits(l, s))
		return;
	s->reopens = true;
	s->beyond = w->snd_nxt;
	t->env->counters.tcp.TimeWaitReused++;
	pb_tcp_time_wait_end(t, w);
	pb_tcp_listen_input(l, s);
}

/* False: it is not signed as was agreed on. */
static bool admit_signed(struct tcp_conn *c, struct tcp_segment *s)
{
	const struct tcp_party party = pb_tcp_party_conn(c);

	if (!pb_tcp_auth_admits(&party, s))
		return false;
	if (c->set.auth)
		pb_tcp_auth_heed(c, s);
	return true;
}

static void input_conn(struct tcp_conn *c, struct tcp_segment *s)
{
	if (tcp_is_signed(c->set.auth, s) && !admit_signed(c, s))
		return;
	if (!(s->h.flags & TCP_SYN)) /* RFC 7323 §2.2: never scaled in a SYN */
		s->window <<= c->snd_scale;
	pb_tcp_conn_input(c, s);
}

/* Without memory to wake it the segment is lost, as if on its way. */
static void input_idle(struct tcp *t, struct tcp_idle *i, struct tcp_segment *s)
{
	const struct tcp_party nobody = { .counters = &t->env->counters, .pair = &i->entry.pair };
	struct tcp_conn *c;

	if (s->h.options.auth && !pb_tcp_auth_admits(&nobody, s)) /* who has keys does not sleep */
		return;
	c = pb_tcp_idle_wake(t, i);
	if (c)
		input_conn(c, s);
}

static void input(struct tcp *t, struct tcp_segment *s)
{
	const struct socket_pair pair = {
		.local = s->packet->dst,
		.remote = s->packet->src,
		.local_port = s->h.dst_port,
		.remote_port = s->h.src_port,
	};
	struct pair_entry *e = pb_pairs_find(&t->pairs, &pair);

	if (!e) {
		input_unpaired(t, &pair, s);
		return;
	}
	switch ((enum tcp_entry_kind)e->kind) {
	case ENTRY_CONN:
		input_conn((struct tcp_conn *)e, s);
		break;
	case ENTRY_SYN:
		pb_tcp_syn_input((struct tcp_syn *)e, s);
		break;
	case ENTRY_TIME_WAIT:
		input_time_wait(t, (struct tcp_time_wait *)e, s);
		break;
	case ENTRY_IDLE:
		input_idle(t, (struct tcp_idle *)e, s);
		break;
	}
}

void pb_tcp_input(struct tcp *t, struct ip_packet *packet)
{
	struct tcp_segment s; /* not all zero first: read_segment() fills it in, and it is large */

	s.packet = packet;
	s.text = packet->buf;
	s.reopens = false;
	if (read_segment(t, &s))
		input(t, &s);
	pb_buf_free(s.text);
	packet->buf = NULL;
}

void pb_tcp_flush(struct tcp *t)
{
	struct pb_link now, *l;

	t->memory_short = pb_pool_bytes(t->env->pool) > t->memory_ample;
	list_init(&now);
	list_splice(&now, &t->pending); /* who has more to say after this waits for the next flush */
	while ((l = list_shift(&now)))
		pb_tcp_output(container_of(l, struct tcp_conn, pending));
}

/* RFC 5927 §4: only what quotes our SYN-ACK is believed; then soft errors, too, as of a SYN (RFC 5461 §4.1). */
static void syn_complaint(struct tcp_syn *r, const struct ip_error *e, seq quoted)
{
	struct pb_counters *counters = &r->listener->tcp->env->counters;

	if (seq_eq(quoted, r->iss) && ip_error_is_redirect(e)) {
		pb_ip_redirected(r->listener->tcp->net, e);
		return;
	}
	if (!seq_eq(quoted, r->iss) || e->error == EMSGSIZE) {
		counters->tcp.IcmpIgnored++;
		return;
	}
	counters->tcp.AttemptFails++;
	pb_tcp_syn_drop(r);
}

void pb_tcp_complaint(struct tcp *t, const struct ip_error *e)
{
	struct reader r = { .p = e->quote, .left = e->quote_len };
	struct socket_pair pair = { .local = e->src, .remote = e->dst };
	struct pair_entry *entry;
	seq quoted;

	pair.local_port = rd_u16(&r);
	pair.remote_port = rd_u16(&r);
	quoted.v = rd_u32(&r);
	entry = r.bad ? NULL : pb_pairs_find(&t->pairs, &pair);
	if (entry && entry->kind == ENTRY_CONN)
		pb_tcp_conn_complaint((struct tcp_conn *)entry, e, quoted);
	else if (entry && entry->kind == ENTRY_SYN)
		syn_complaint((struct tcp_syn *)entry, e, quoted);
	else
		t->env->counters.tcp.IcmpIgnored++;
}

void pb_tcp_answer(struct tcp *t, const struct socket_pair *pair, unsigned bound, struct tcp_header *h,
		   uint8_t tos, const struct tcp_party *by)
{
	struct ip_path path;

	if (pb_ip_path(t->net, &path, &pair->local, &pair->remote, bound) < 0)
		return;
	h->src_port = pair->local_port;
	h->dst_port = pair->remote_port;
	pb_tcp_send_bare(t, &path, h, tos, by);
}

struct walk {
	void (*fn)(const struct tcp_entry_info *i, void *context);
	void *context;
};

static void show_entry(struct pair_entry *e, void *context)
{
	struct walk *w = context;
	struct tcp_entry_info i = { .pair = e->pair };

	if (e->kind == ENTRY_CONN) {
		const struct tcp_conn *c = (struct tcp_conn *)e;
		i.state = c->state;
		i.receive_queue = (uint32_t)c->recvq.packets.bytes;
		i.send_queue = c->sendq.bytes;
		i.owner = c->news.owner;
	} else if (e->kind == ENTRY_IDLE) {
		i.state = STATE_ESTABLISHED;
		i.owner = ((struct tcp_idle *)e)->owner;
	} else {
		i.state = e->kind == ENTRY_SYN ? STATE_SYN_RECEIVED : STATE_TIME_WAIT;
	}
	w->fn(&i, w->context);
}

static void show_listener(struct binding *b, void *context)
{
	struct walk *w = context;
	const struct tcp_listener *l = b->owner;

	if (!b->listening)
		return;
	w->fn(
		&(struct tcp_entry_info){
			.pair = {.local = b->addr, .local_port = b->port},
			.state = STATE_LISTEN,
			.receive_queue = l->waiting_count,
			.send_queue = l->backlog,
			.owner = l->news.owner
        },
		w->context);
}

void pb_tcp_each(struct tcp *t, void (*fn)(const struct tcp_entry_info *i, void *context), void *context)
{
	struct walk w = { fn, context };

	pb_ports_each(&t->ports, show_listener, &w);
	pb_pairs_each(&t->pairs, show_entry, &w);
}
