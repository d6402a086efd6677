/* Fast open, the client's side (RFC 7413 §4.2), and the end of a handshake on both. */
#include "transport/tcp/fast_open.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/listen.h"
#include "transport/tcp/push.h"
#include "transport/tcp/recovery.h"
#include "transport/tcp/timers.h"

#include <stdlib.h>

#define CUT_MAX 15 /* more would have to be an MSS below 100 */

static struct fast_open_peer *peer_of(struct tcp_conn *c)
{
	return pb_fast_open_peer_find(&c->tcp->fast_open_peers, &tcp_pair(c)->local, &tcp_pair(c)->remote);
}

static struct fast_open_peer *need_peer(struct tcp_conn *c)
{
	struct tcp *t = c->tcp;

	return pb_fast_open_peer_need(&t->fast_open_peers, t->limits.fast_open_peers_max, &tcp_pair(c)->local,
				      &tcp_pair(c)->remote);
}

static bool is_paused(const struct tcp_conn *c, const struct fast_open_peer *p)
{
	return p && pb_fast_open_peer_is_paused(p, c->entry.pair.remote_port, tcp_now(c),
						c->tcp->limits.fast_open_pause);
}

/* It has failed too often (RFC 7413 §4.1.3), or the signature leaves no room for a cookie. */
static bool is_off(const struct tcp_conn *c, const struct fast_open_peer *p)
{
	return c->set.auth || is_paused(c, p);
}

/* §7.3: it has its dangers, and the user has to ask for it. */
static bool without_cookie(const struct tcp_conn *c)
{
	return c->set.fast_open_no_cookie || c->tcp->limits.fast_open & FAST_OPEN_CLIENT_NO_COOKIE;
}

bool pb_tcp_fast_open_try(struct tcp_conn *c)
{
	c->fast_open = calloc(1, sizeof *c->fast_open);
	return c->fast_open != NULL;
}

bool pb_tcp_fast_open_may_carry(struct tcp_conn *c)
{
	const struct fast_open_peer *p = peer_of(c);

	return !is_off(c, p) && (without_cookie(c) || (p && p->cookie.len));
}

/*
 * As the server's last MSS has it, as the path and the user have it otherwise; less all that options can take, however
 * few of them there are, for what middleboxes may add (as Linux).
 */
uint32_t pb_tcp_fast_open_room(struct tcp_conn *c)
{
	const struct fast_open_peer *p = peer_of(c);
	uint32_t mss = c->path.mtu - pb_tcp_headers_len(&c->path);
	uint32_t options = TCP_HEADER_LEN_MAX - TCP_HEADER_LEN;

	if (c->set.max_segment && c->set.max_segment < mss)
		mss = c->set.max_segment;
	if (p && p->mss && p->mss < mss)
		mss = p->mss;
	return mss > options ? mss - options : 0;
}

/* False: there is no room for the option beside the others. */
static bool write_option(struct tcp_conn *c, const struct fast_open_peer *p, struct tcp_options *o)
{
	o->has_fast_open = true;
	o->cookie_len = p ? p->cookie.len : 0;
	if (o->cookie_len)
		memcpy(o->cookie, p->cookie.bytes, o->cookie_len);
	o->fast_open_experiment = p && (p->cookie.len ? p->experiment : p->experimented == 1);
	if (pb_tcp_header_len(o) > TCP_HEADER_LEN_MAX)
		o->has_fast_open = false;
	c->fast_open->asked = o->has_fast_open;
	c->fast_open->experiment = o->fast_open_experiment;
	return o->has_fast_open;
}

uint32_t pb_tcp_fast_open_syn(struct tcp_conn *c, struct tcp_options *o)
{
	const struct fast_open_peer *p = peer_of(c);
	struct fast_open *f = c->fast_open;

	if (f->sent)
		return 0;
	f->sent = true;
	f->deferred = false;
	c->fast_opened.failure = FAST_OPEN_NO_COOKIE;
	if (is_off(c, p) || (!without_cookie(c) && !write_option(c, p, o)))
		return 0;
	c->fast_opened.tried = true;
	if (!without_cookie(c) && !o->cookie_len)
		return 0;
	c->fast_opened.failure = FAST_OPEN_NO_FAILURE;
	uint32_t room = pb_tcp_fast_open_room(c);
	f->text_len = c->sendq.bytes < room ? c->sendq.bytes : room;
	return f->text_len;
}

/*
 * -- What the answer tells
 */

/* A cookie that was not asked for is not kept. Where none comes, the next SYN asks once in the option's old form. */
static void keep_cookie(const struct fast_open *f, const struct tcp_options *o, bool again,
			struct fast_open_peer *p)
{
	if (!f->asked)
		return;
	if (o->has_fast_open && o->cookie_len) {
		p->cookie.len = o->cookie_len;
		memcpy(p->cookie.bytes, o->cookie, o->cookie_len);
		p->experiment = o->fast_open_experiment;
	} else if (!again && !f->text_len && !p->cookie.len) {
		uint8_t experimented = f->experiment ? 2 : 1;
		if (p->experimented < experimented)
			p->experimented = experimented;
	}
}

/* RFC 7413 §4.1.3. left: of the text, not acknowledged. */
static void learn(struct tcp_conn *c, const struct tcp_options *o, uint32_t left)
{
	const struct fast_open *f = c->fast_open;
	struct fast_open_peer *p = need_peer(c);
	uint16_t port = tcp_pair(c)->remote_port;

	if (!p)
		return;
	if (o->mss)
		p->mss = o->mss;
	keep_cookie(f, o, c->total_retransmits, p);
	if (!f->text_len)
		return;
	if (left < f->text_len || (o->has_fast_open && o->cookie_len))
		pb_fast_open_peer_worked(p, port);
	else
		pb_fast_open_peer_failed(p, port, tcp_now(c));
}

/* What is not acknowledged was not taken: it leaves again, at once (§4.2.2). It is no sign of congestion. */
static void send_again(struct tcp_conn *c)
{
	tcp_counters(c)->tcp.FastOpenActiveFail++;
	c->fast_opened.failure = c->total_retransmits ? FAST_OPEN_SYN_LOST : FAST_OPEN_NOT_ACKED;
	pb_tcp_send_all_again(c);
	c->recover = c->snd_max; /* duplicate ACKs of what comes twice tell of no loss */
	pb_tcp_timers_acked(c);
}

static void answered(struct tcp_conn *c, const struct tcp_segment *s)
{
	uint32_t text_len = c->fast_open->text_len, left = tcp_flight(c);

	if (c->sendq.bytes) /* what goes again, or waits, ends where a write did */
		pb_tcp_push_end(c);
	if (c->fast_opened.tried)
		learn(c, &s->h.options, left);
	if (left) {
		send_again(c);
	} else if (text_len) {
		c->fast_opened.syn_text = true;
		c->fast_opened.cut = (text_len - 1) / c->mss & CUT_MAX;
		tcp_counters(c)->tcp.FastOpenActive++;
	}
}

void pb_tcp_fast_open_failed(struct tcp_conn *c)
{
	struct fast_open_peer *p = need_peer(c);

	if (p)
		pb_fast_open_peer_failed(p, tcp_pair(c)->remote_port, tcp_now(c));
	tcp_counters(c)->tcp.FastOpenBlackhole++;
}

/*
 * -- Both sides
 */

void pb_tcp_fast_open_acked(struct tcp_conn *c, const struct tcp_segment *s)
{
	if (c->fast_open->passive) {
		c->probing = false; /* what could not leave is looked at anew: the timer was the SYN-ACK's */
		pb_tcp_timers_acked(c);
	} else {
		answered(c, s);
	}
	pb_tcp_fast_open_end(c);
}

void pb_tcp_fast_open_end(struct tcp_conn *c)
{
	struct fast_open *f = c->fast_open;

	if (f->listener) {
		list_remove(&f->link);
		f->listener->fast_open.count--;
	}
	free(f);
	c->fast_open = NULL;
}
