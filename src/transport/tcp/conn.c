/* A connection's memory: its beginning, what the handshake agrees on, and its end. */
#include "transport/tcp/auth.h"
#include "transport/tcp/buffers.h"
#include "transport/tcp/input.h"
#include "transport/tcp/loss.h"
#include "transport/tcp/pacing.h"
#include "transport/tcp/paws.h"
#include "transport/tcp/recovery.h"
#include "transport/tcp/timers.h"
#include "transport/tcp/urgent.h"
#include "transport/tcp/uto.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#define SPARE_MAX 64

/*
 * Of text and options: a peer who announces less makes us send more headers than text, and is not believed
 * (CVE-2019-11479; Linux's tcp_min_snd_mss, too: an IPv4 packet of 88 bytes).
 */
#define MSS_MIN 48

#define ONE_SACK_BLOCK 12 /* RFC 2018 §3: with two NOPs in front */

const struct tcp_settings pb_tcp_settings_default = {
	.send_buffer = TCP_SEND_BUFFER_DEFAULT,
	.receive_buffer = TCP_RECEIVE_BUFFER_DEFAULT,
	.receive_lowat = 1,
	.keep_idle = PB_SEC(7200),
	.keep_interval = PB_SEC(75),
	.keep_count = 9,
	.syn_retries = 7,
	.ttl = IP_TTL_DEFAULT,
	.linger_fin_wait = PB_SEC(60),
	.congestion = &pb_tcp_cubic,
};

/* The way, and a place in the table. */
static int settle(struct tcp_conn *c)
{
	const struct socket_pair *pair = &c->entry.pair;
	int rc = pb_ip_path(c->tcp->net, &c->path, &pair->local, &pair->remote, c->set.bound);

	if (rc < 0)
		return rc;
	if (c->path.group) /* RFC 9293 §3.9.2.3, MUST-57 */
		return -ENETUNREACH;
	rc = pb_pairs_add(&c->tcp->pairs, &c->entry);
	c->in_table = rc == 0;
	return rc;
}

/*
 * Memory for a connection. Some that others left is kept: malloc() has no quick way for a size like this, and
 * calls come and go.
 */
static struct tcp_conn *conn_memory(struct tcp *t)
{
	struct tcp_conn *c = t->spare;

	if (!c)
		return malloc(sizeof *c);
	t->spare = (struct tcp_conn *)c->entry.next;
	t->spare_count--;
	return c;
}

void pb_tcp_conn_memory_back(struct tcp *t, struct tcp_conn *c)
{
	if (t->spare_count == SPARE_MAX) {
		free(c);
		return;
	}
	c->entry.next = (struct pair_entry *)t->spare;
	t->spare = c;
	t->spare_count++;
}

int pb_tcp_conn_new(struct tcp *t, const struct tcp_settings *set, const struct socket_pair *pair,
		    struct tcp_conn **out)
{
	struct tcp_conn *c = conn_memory(t);
	int rc;

	if (!c)
		return -ENOBUFS;
	*c = (struct tcp_conn){
		.entry = {.kind = ENTRY_CONN, .pair = *pair},
		.tcp = t,
		.set = *set,
		.state = STATE_CLOSED,
		.rcv_scale = pb_tcp_scale_announce(pb_tcp_receive_buffer_most(t, set)),
	};
	rc = settle(c);
	if (rc < 0) {
		pb_tcp_conn_memory_back(t, c);
		return rc;
	}
	c->quick_acks = TCP_QUICK_ACKS;
	c->last_received = c->last_sent = c->tally.last_text = env_now(t->env);
	c->tally.reordering = TCP_REORDERING_LEAST;
	c->tally.rcv_mss = TCP_RCV_MSS_FIRST;
	c->rate.limited = true; /* until something is delivered: Linux, too */
	pb_tcp_rtt_init(&c->rtt);
	pb_tcp_timers_init(c);
	*out = c;
	return 0;
}

/* What only some have. */
static void free_unusual(struct tcp_conn *c)
{
	if (c->loss)
		pb_tcp_loss_free(c);
	if (c->undo)
		pb_tcp_undo_free(c);
	if (c->plpmtud)
		pb_tcp_plpmtud_free(c);
	if (c->ecn)
		pb_tcp_ecn_free(c);
}

/* Everything by which the protocol holds it. */
static void let_go(struct tcp_conn *c)
{
	pb_tcp_timers_stop(c);
	list_remove(&c->pending);
	pb_tcp_sendq_clear(&c->sendq);
	pb_tcp_ooo_clear(&c->ooo);
	pb_tcp_push_free(c);
	list_remove(&c->starving);
	free_unusual(c);
	if (c->congestion.ops && c->congestion.ops->end) {
		c->congestion.ops->end(&c->congestion);
		c->congestion.ops = NULL;
	}
	if (c->fast_open)
		pb_tcp_fast_open_end(c);
	if (c->in_table)
		pb_pairs_remove(&c->tcp->pairs, &c->entry);
	c->in_table = false;
	pb_ports_release(&c->tcp->ports, &c->binding);
}

void pb_tcp_conn_free(struct tcp_conn *c)
{
	let_go(c);
	pb_tcp_recvq_clear(&c->recvq);
	if (c->urgent)
		pb_tcp_urgent_free(c);
	if (c->errors)
		pb_tcp_errors_free(c);
	list_remove(&c->news.link);
	list_remove(&c->waiting);
	if (c->set.auth)
		pb_tcp_auth_free(c->set.auth);
	c->tcp->orphans -= c->orphaned;
	pb_tcp_conn_memory_back(c->tcp, c);
}

/*
 * What was received can still be read: RFC 9293 §3.10.6 flushes queues at an abort, Linux, as we, keeps this
 * one.
 */
void pb_tcp_conn_done(struct tcp_conn *c, int error)
{
	if (c->state != STATE_CLOSED)
		pb_tcp_set_state(c, STATE_CLOSED);
	if (tcp_is_orphan(c)) {
		pb_tcp_conn_free(c);
		return;
	}
	let_go(c);
	if (error)
		c->error = error;
	tcp_tell(c, POLLIN | POLLOUT | POLLRDHUP | POLLHUP | (error ? POLLERR : 0));
}

uint32_t pb_tcp_headers_len(const struct ip_path *path)
{
	return (ip_is4(&path->dst) ? 20 : 40) + TCP_HEADER_LEN;
}

uint16_t pb_tcp_mss_announce(const struct tcp_settings *set, const struct ip_path *path)
{
	uint32_t mss = path->iface->mtu - pb_tcp_headers_len(path);

	if (set->max_segment && set->max_segment < mss)
		mss = set->max_segment;
	return (uint16_t)(mss < UINT16_MAX ? mss : UINT16_MAX);
}

uint8_t pb_tcp_scale_announce(uint32_t receive_buffer)
{
	uint32_t more =
		receive_buffer ? (receive_buffer - 1) / UINT16_MAX : 0; /* fields of 16 bits, beside one */
	unsigned scale = more ? 32 - (unsigned)__builtin_clz(more) : 0;

	return (uint8_t)(scale < TCP_WINDOW_SCALE_MAX ? scale : TCP_WINDOW_SCALE_MAX);
}

uint32_t pb_tcp_options_len(const struct tcp_conn *c)
{
	return (c->has_timestamps ? TCP_TIMESTAMP_OPTION : 0) + (c->set.auth ? pb_tcp_auth_room(c) : 0);
}

bool pb_tcp_timestamp_fits(size_t auth_len, bool sack)
{
	return !sack ||
	       auth_len + TCP_TIMESTAMP_OPTION + ONE_SACK_BLOCK <= TCP_HEADER_LEN_MAX - TCP_HEADER_LEN;
}

/*
 * RFC 9293 §3.7.1: the smaller of what the peer and the path take, less the options that every segment has.
 */
void pb_tcp_conn_fit(struct tcp_conn *c)
{
	uint32_t mtu = c->plpmtud ? pb_tcp_plpmtud_fit(c, c->path.mtu) : c->path.mtu;
	uint32_t mss = mtu - pb_tcp_headers_len(&c->path);

	if (c->peer_mss < mss)
		mss = c->peer_mss;
	if (c->set.max_segment && c->set.max_segment < mss)
		mss = c->set.max_segment;
	if (mss < MSS_MIN)
		mss = MSS_MIN;
	mss -= pb_tcp_options_len(c);
	c->mss = (uint16_t)mss;
	c->congestion.mss = mss;
}

static void begin_congestion(struct tcp_conn *c)
{
	struct tcp_congestion *g = &c->congestion;

	if (g->ops && g->ops->end)
		g->ops->end(g);
	g->ops = c->set.congestion;
	g->paced = tcp_is_paced(c);
	g->keeps_window = c->tcp->limits.keeps_window;
	if (g->ops->sampled)
		g->chance = (uint32_t)pb_rng_next(&c->tcp->env->rng);
	g->ops->start(g, tcp_now(c));
}

/* As Linux: another algorithm goes on from the window that it finds. */
void pb_tcp_conn_congestion(struct tcp_conn *c)
{
	uint32_t cwnd = c->congestion.cwnd, ssthresh = c->congestion.ssthresh;

	if (c->congestion.ops == c->set.congestion)
		return;
	pb_tcp_undo_free(c);
	begin_congestion(c);
	c->congestion.cwnd = cwnd;
	c->congestion.ssthresh = ssthresh;
}

void pb_tcp_conn_agree(struct tcp_conn *c, const struct tcp_options *peer)
{
	c->has_timestamps = peer->has_timestamp && !c->tcp->limits.no_timestamps;
	pb_tcp_paws_begin(c, peer->ts_value, tcp_now(c));
	c->has_sack = peer->sack_permitted && !c->tcp->limits.no_sack;
	if (c->set.auth)
		c->has_timestamps &= pb_tcp_timestamp_fits(pb_tcp_auth_room(c), c->has_sack);
	c->has_scale = peer->has_window_scale && !c->tcp->limits.no_scaling;
	/*
	 * RFC 7323 §2.2: what one announces without the other does not count; §2.3: above 14 is taken for 14.
	 */
	c->snd_scale = peer->window_scale < TCP_WINDOW_SCALE_MAX ? peer->window_scale : TCP_WINDOW_SCALE_MAX;
	if (!c->has_scale)
		c->snd_scale = c->rcv_scale = 0;
	c->peer_mss = peer->mss;
	if (!c->peer_mss) /* MUST-15 */
		c->peer_mss = ip_is4(&c->path.dst) ? TCP_MSS_DEFAULT4 : TCP_MSS_DEFAULT6;
	pb_tcp_uto_changed(c);
	pb_tcp_uto_take(c, peer);
	pb_tcp_plpmtud_begin(c);
	pb_tcp_conn_fit(c);
	begin_congestion(c);
	pb_tcp_receive_round_begin(c);
}
