/*
 * Connections that sleep. One that has been silent for some seconds, with nothing queued, in flight, owed or
 * timed, needs little of what a connection has: a small record takes its place among the pairs, and remembers
 * what a connection can be made from again. A segment that comes for it, or a call of its owner, wakes it, and
 * it goes on as if nothing had been.
 *
 * Kept are the numbers, the windows, the round-trip time and what TCP_INFO counts. The congestion window begins
 * anew after such a pause anyhow (RFC 5681 §4.1), and so do the acknowledgements at once; one whose algorithm has a
 * model of the path to lose does not sleep. What a listener's
 * connections have alike, settings and the options agreed on, is kept once, and so is the binding of their port.
 */
#include "transport/tcp/idle.h"
#include "transport/tcp/buffers.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/ecn.h"
#include "transport/tcp/input.h"
#include "transport/tcp/isn.h"
#include "transport/tcp/layer.h"
#include "transport/tcp/pacing.h"
#include "transport/tcp/paws.h"
#include "transport/tcp/rtt.h"
#include "transport/tcp/sack.h"
#include "transport/tcp/seq.h"
#include "transport/tcp/settings.h"
#include "transport/tcp/timers.h"

#include <stdlib.h>

#define TRAITS_SEARCHED 64 /* however many different ones users and peers think of */

/* What many connections have alike. Compared as bytes: padding is 0. */
struct traits {
	struct tcp_settings set;
	struct iface *iface;
	uint32_t mtu;
	unsigned bound;
	pb_time rto; /* 0: what follows from the round-trip time */
	uint8_t backoff;
	uint8_t snd_scale, rcv_scale;
	bool has_timestamps, has_sack, has_scale;
	bool narrow;
	bool interactive;
	struct fast_opened fast_opened;
	uint16_t peer_mss, remote_uto;
	bool uto_due;
	struct tcp_ecn ecn;
};

struct tcp_idle_traits {
	struct pb_link link; /* in t->idle.traits */
	size_t users;
	struct traits traits;
};

struct tcp_idle_port {
	struct binding binding;
	uint32_t users;
};

/*
 * -- What is shared
 */

static void read_traits(const struct tcp_conn *c, struct traits *traits)
{
	memset(traits, 0, sizeof *traits);
	traits->set = c->set;
	traits->iface = c->path.iface;
	traits->mtu = c->path.mtu;
	traits->narrow = c->path.narrow;
	traits->interactive = c->interactive;
	traits->bound = c->path.bound;
	traits->rto = c->rtt.srtt && !c->rtt.backoff ? 0 : c->rtt.rto;
	traits->backoff = c->rtt.backoff;
	traits->snd_scale = c->snd_scale;
	traits->rcv_scale = c->rcv_scale;
	traits->has_timestamps = c->has_timestamps;
	traits->has_sack = c->has_sack;
	traits->has_scale = c->has_scale;
	traits->fast_opened = c->fast_opened;
	traits->peer_mss = c->peer_mss;
	traits->remote_uto = c->remote_uto;
	traits->uto_due = c->uto_due;
	pb_tcp_ecn_asleep(c, &traits->ecn);
}

static struct tcp_idle_traits *find_traits(struct tcp *t, const struct traits *wanted)
{
	unsigned searched = 0;

	list_each (l, &t->idle.traits) {
		struct tcp_idle_traits *known = container_of(l, struct tcp_idle_traits, link);
		/* Padding may differ, and then it is not shared. NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
		if (memcmp(&known->traits, wanted, sizeof *wanted) == 0)
			return known;
		if (++searched == TRAITS_SEARCHED)
			break;
	}
	return NULL;
}

static struct tcp_idle_traits *share_traits(const struct tcp_conn *c)
{
	struct pb_link *all = &c->tcp->idle.traits;
	struct tcp_idle_traits *shared;
	struct traits wanted;

	read_traits(c, &wanted);
	shared = find_traits(c->tcp, &wanted);
	if (!shared) {
		shared = calloc(1, sizeof *shared);
		if (!shared)
			return NULL;
		memcpy(&shared->traits, &wanted, sizeof wanted);
	}
	list_remove(&shared->link);
	list_push(all->next, &shared->link);
	shared->users++;
	return shared;
}

static void leave_traits(struct tcp_idle_traits *shared)
{
	if (--shared->users)
		return;
	list_remove(&shared->link);
	free(shared);
}

/* Who makes ports and addresses collide shares less, no more. */
static struct tcp_idle_port **recent_port(struct tcp *t, const struct binding *b)
{
	return &t->idle.recent[(b->port ^ b->addr.bytes[15]) % TCP_IDLE_PORTS];
}

static bool same_port(const struct binding *a, const struct binding *b)
{
	return a->port == b->port && ip_equal(&a->addr, &b->addr) && a->reuse_addr == b->reuse_addr &&
	       a->reuse_port == b->reuse_port && a->v6only == b->v6only;
}

/* The same port, kept by somebody else. */
static void keep_port(struct tcp *t, const struct binding *kept, struct binding *b, void *owner)
{
	*b = *kept;
	b->link = (struct pb_link){ 0 };
	b->owner = owner;
	pb_ports_keep(&t->ports, b); /* which can't fail: the other is in the same list */
}

static struct tcp_idle_port *share_port(const struct tcp_conn *c)
{
	struct tcp_idle_port **recent = recent_port(c->tcp, &c->binding), *p = *recent;

	if (!p || !same_port(&p->binding, &c->binding)) {
		p = malloc(sizeof *p);
		if (!p)
			return NULL;
		p->users = 0;
		keep_port(c->tcp, &c->binding, &p->binding, NULL);
		*recent = p;
	}
	p->users++;
	return p;
}

static void leave_port(struct tcp *t, struct tcp_idle_port *p)
{
	struct tcp_idle_port **recent = recent_port(t, &p->binding);

	if (--p->users)
		return;
	if (*recent == p)
		*recent = NULL;
	pb_ports_release(&t->ports, &p->binding);
	free(p);
}

static void give_to_owner(const struct tcp *t, void *owner, struct pair_entry *e)
{
	*(struct pair_entry **)((char *)owner + t->owner_entry) = e;
}

/*
 * -- Falling asleep
 */

/* Nothing to send, nothing in flight. */
static bool all_sent(const struct tcp_conn *c)
{
	return !c->sendq.bytes && !c->fin_queued && seq_eq(c->snd_una, c->snd_max) &&
	       seq_eq(c->snd_nxt, c->snd_max) && !c->in_recovery && !c->in_timeout;
}

/* Nothing to read, nothing to acknowledge. */
static bool all_received(const struct tcp_conn *c)
{
	return !c->recvq.packets.count && !c->ooo.first && !c->fin_ahead && !c->receive_shut &&
	       seq_eq(c->last_ack_sent, c->rcv_nxt) && !c->ack_now && !c->ack_segments &&
	       !tcp_has_blocks(c) && list_empty(&c->pending);
}

static bool has_model(const struct tcp_conn *c)
{
	return c->set.congestion->end;
}

static bool is_quiet(const struct tcp_conn *c)
{
	return !has_model(c) && c->state == STATE_ESTABLISHED && c->news.owner && !c->listener &&
	       !c->set.keepalive && !c->set.auth && !c->plpmtud && !c->urgent && !c->errors && !c->error &&
	       !c->soft_error && all_sent(c) && all_received(c) && list_empty(&c->starving);
}

static uint32_t microseconds(pb_time t)
{
	pb_time us = (t + 999) / 1000; /* one that was measured is not 0 */

	return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static uint32_t seconds(pb_time t)
{
	return (uint32_t)(t / PB_SEC(1));
}

static void record(const struct tcp_conn *c, struct tcp_idle *i)
{
	i->snd_una = c->snd_una;
	i->rcv_nxt = c->rcv_nxt;
	i->rcv_adv = c->rcv_adv;
	i->snd_wnd = c->snd_wnd;
	i->snd_wnd_max = c->snd_wnd_max;
	i->ts_recent = c->ts_recent;
	i->srtt = microseconds(c->rtt.srtt);
	i->rttvar = microseconds(c->rtt.rttvar);
	i->rtt_min = microseconds(c->rtt.min);
	i->cwnd = c->congestion.cwnd;
	i->ssthresh = c->congestion.ssthresh;
	i->last_received = seconds(c->last_received);
	i->last_sent = seconds(c->last_sent);
	i->segments_out = (uint32_t)c->segments_out;
	i->segments_in = (uint32_t)c->segments_in;
	i->total_retransmits = c->total_retransmits;
	i->bytes_acked = c->bytes_acked;
	i->bytes_received = c->bytes_received;
	i->bytes_retransmitted = c->bytes_retransmitted;
}

static struct tcp_idle *make_record(const struct tcp_conn *c)
{
	struct tcp_idle_traits *traits = share_traits(c);
	struct tcp_idle_port *port = share_port(c);
	struct tcp_idle *i = malloc(sizeof *i);

	if (i && traits && port) {
		*i = (struct tcp_idle){
			.entry.kind = ENTRY_IDLE, .owner = c->news.owner, .traits = traits, .port = port
		};
		record(c, i);
		return i;
	}
	if (traits)
		leave_traits(traits);
	if (port)
		leave_port(c->tcp, port);
	free(i);
	return NULL;
}

/*
 * News that the owner has not taken in all the silence goes with the connection: whoever does not take news asks
 * what is ready, and has the same answer from one that sleeps.
 */
bool pb_tcp_idle_enter(struct tcp_conn *c)
{
	struct tcp *t = c->tcp;
	struct tcp_idle *i = is_quiet(c) ? make_record(c) : NULL;

	if (!i)
		return false;
	t->env->counters.tcp.IdleSleeps++;
	pb_pairs_replace(&t->pairs, &c->entry, &i->entry);
	c->in_table = false;
	pb_tcp_conn_free(c);
	give_to_owner(t, i->owner, &i->entry);
	return true;
}

/*
 * -- Waking
 */

static void restore_rtt(const struct tcp_idle *i, struct rtt *r)
{
	const struct traits *traits = &i->traits->traits;

	r->srtt = (pb_time)i->srtt * 1000;
	r->rttvar = (pb_time)i->rttvar * 1000;
	r->min = (pb_time)i->rtt_min * 1000;
	pb_tcp_rtt_restore(r);
	if (traits->rto)
		r->rto = traits->rto;
	r->backoff = traits->backoff;
}

/* The algorithm begins anew, from the window that it had. */
static void restore_congestion(const struct tcp_idle *i, struct tcp_conn *c)
{
	c->congestion.ops = c->set.congestion;
	c->congestion.paced = tcp_is_paced(c);
	c->congestion.keeps_window = c->tcp->limits.keeps_window;
	pb_tcp_conn_fit(c);
	c->congestion.ops->start(&c->congestion, tcp_now(c));
	c->congestion.cwnd = i->cwnd;
	c->congestion.ssthresh = i->ssthresh;
}

static void restore_sending(const struct tcp_idle *i, struct tcp_conn *c)
{
	c->snd_una = c->snd_nxt = c->snd_max = c->snd_sml = i->snd_una;
	c->recover = seq_add(i->snd_una, (uint32_t)-1); /* whatever is lost now is lost anew */
	c->snd_wnd = i->snd_wnd;
	c->snd_wnd_max = i->snd_wnd_max;
	c->snd_wl1 = i->rcv_nxt; /* nothing older than what has come tells of the window */
	c->snd_wl2 = i->snd_una;
	c->last_sent = PB_SEC(i->last_sent);
	c->segments_out = i->segments_out;
	c->total_retransmits = i->total_retransmits;
	c->bytes_acked = i->bytes_acked;
	c->bytes_retransmitted = i->bytes_retransmitted;
	restore_rtt(i, &c->rtt);
	c->rtt.resent = pb_tcp_timestamp(c->tcp, c->ts_offset);
	restore_congestion(i, c);
}

static void restore_receiving(const struct tcp_idle *i, struct tcp_conn *c)
{
	c->rcv_nxt = c->last_ack_sent = i->rcv_nxt;
	c->rcv_adv = i->rcv_adv;
	c->last_received = PB_SEC(i->last_received);
	pb_tcp_paws_begin(c, i->ts_recent, c->last_received);
	c->segments_in = i->segments_in;
	c->bytes_received = i->bytes_received;
	c->quick_acks = TCP_QUICK_ACKS;
	c->converses = true;
	pb_tcp_receive_round_begin(c);
}

void pb_tcp_idle_look(struct tcp *t, const struct tcp_idle *i, struct tcp_conn *room)
{
	struct traits *traits = &i->traits->traits;
	const struct socket_pair *pair = &i->entry.pair;

	*room = (struct tcp_conn){
		.entry = {.kind = ENTRY_CONN,       .pair = *pair},
		.tcp = t,
		.news.owner = i->owner,
		.set = traits->set,
		.state = STATE_ESTABLISHED,
		.path = { .src = pair->local,
			  .dst = pair->remote,
			  .iface = traits->iface,
			  .mtu = traits->mtu,
			  .narrow = traits->narrow,
			  .bound = traits->bound },
		.snd_scale = traits->snd_scale,
		.rcv_scale = traits->rcv_scale,
		.has_timestamps = traits->has_timestamps,
		.has_sack = traits->has_sack,
		.has_scale = traits->has_scale,
		.interactive = traits->interactive,
		.tally.rcv_mss = TCP_RCV_MSS_FIRST,
		.peer_mss = traits->peer_mss,
		.remote_uto = traits->remote_uto,
		.uto_due = traits->uto_due,
		.ecn = traits->ecn.kind == ECN_NONE ? NULL : &traits->ecn,
	};
	room->ts_offset = pb_tcp_timestamp_offset(pb_tcp_secret(t, pair));
	restore_receiving(i, room);
	restore_sending(i, room);
}

static void free_record(struct tcp *t, struct tcp_idle *i)
{
	leave_traits(i->traits);
	leave_port(t, i->port);
	free(i);
}

/* Where there is no way any more, the old one stays, until pb_ip_send() says so. */
static void find_way(struct tcp_conn *c)
{
	struct ip_path path;

	if (pb_ip_path(c->tcp->net, &path, &c->path.src, &c->path.dst, c->path.bound) < 0)
		return;
	c->path = path;
	pb_tcp_conn_fit(c);
}

struct tcp_conn *pb_tcp_idle_wake(struct tcp *t, struct tcp_idle *i)
{
	struct tcp_conn *c = malloc(sizeof *c);

	if (c)
		pb_tcp_idle_look(t, i, c);
	if (!c || !pb_tcp_ecn_wake(c, c->ecn)) {
		t->env->counters.tcp.IdleWakeFails++;
		free(c);
		return NULL;
	}
	t->env->counters.tcp.IdleWakes++;
	find_way(c);
	pb_tcp_timers_init(c);
	pb_tcp_timers_woken(c);
	pb_pairs_replace(&t->pairs, &i->entry, &c->entry);
	c->in_table = true;
	keep_port(t, &i->port->binding, &c->binding, c);
	free_record(t, i);
	give_to_owner(t, c->news.owner, &c->entry);
	return c;
}

/*
 * -- The end, asleep
 */

void pb_tcp_idle_drop(struct tcp *t, struct tcp_idle *i)
{
	pb_pairs_remove(&t->pairs, &i->entry);
	free_record(t, i);
}

void pb_tcp_idle_abort(struct tcp *t, struct tcp_idle *i)
{
	struct tcp_conn c;

	pb_tcp_idle_look(t, i, &c);
	pb_tcp_reset_peer(&c);
	t->env->counters.tcp.AbortOnMemory++;
	t->env->counters.tcp.EstabResets++;
	pb_tcp_idle_drop(t, i);
}
