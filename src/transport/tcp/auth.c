/* Who signs, what may pass unsigned, and which key it is. */
#include "transport/tcp/auth.h"
#include "transport/tcp/listen.h"

#include "base/secret.h"
#include "wire/icmp6.h"
#include "wire/icmp_error.h"

#include <errno.h>

/*
 * -- Parties
 */

/* Both first numbers are known from now on. */
static void learn_numbers(struct tcp_auth *auth, seq iss, seq irs)
{
	auth->iss = iss;
	auth->irs = irs;
	auth->sent = iss.v;
	auth->received = irs.v;
	auth->has_numbers = true;
	for (struct tcp_mkt *m = auth->mkts; m; m = m->next)
		m->derived = false;
}

static struct tcp_party party_of(struct tcp_auth *auth, struct env *env, const struct socket_pair *pair)
{
	return (struct tcp_party){ .auth = auth, .counters = &env->counters, .pair = pair };
}

/* What of a connection and its TIME-WAIT is alike: what numbers it is at. */
static void read_own(struct tcp_party *p, seq snd_una, seq rcv_nxt)
{
	struct tcp_auth *auth = p->auth;

	p->own = true;
	p->knows_peer = auth->has_numbers;
	if (p->knows_peer) {
		p->sent = auth->sent = tcp_extend(auth->sent, snd_una);
		p->received = auth->received = tcp_extend(auth->received, rcv_nxt);
	}
	p->iss = auth->iss;
	p->irs = auth->irs;
	p->ao = auth->current;
	p->current = auth->current;
	p->wanted = auth->wanted ? auth->wanted->receive_id : 0;
}

struct tcp_party pb_tcp_party_conn(struct tcp_conn *c)
{
	struct tcp_party p = party_of(c->set.auth, c->tcp->env, &c->entry.pair);

	if (!p.auth)
		return p;
	if (!p.auth->has_numbers && c->state != STATE_SYN_SENT && c->state != STATE_CLOSED)
		learn_numbers(p.auth, c->iss, c->irs);
	read_own(&p, c->snd_una, c->rcv_nxt);
	if (!p.knows_peer) {
		p.iss = c->iss;
		p.sent = c->iss.v;
	}
	return p;
}

struct tcp_party pb_tcp_party_time_wait(struct tcp *t, const struct tcp_time_wait *w)
{
	struct tcp_party p = party_of(w->auth, t->env, &w->entry.pair);

	if (p.auth)
		read_own(&p, w->snd_nxt, w->rcv_nxt);
	return p;
}

struct tcp_party pb_tcp_party_record(const struct tcp_syn *r)
{
	struct tcp_auth *auth = r->listener->set.auth;
	struct tcp_party p = party_of(auth, r->listener->tcp->env, &r->entry.pair);

	if (!auth)
		return p;
	p.ao = r->ao;
	p.knows_peer = true;
	p.iss = r->iss;
	p.irs = r->irs;
	p.sent = r->iss.v;
	p.received = r->irs.v;
	p.current = r->ao ? pb_tcp_ao_find(auth, &p.pair->remote, r->ao_send_id, AO_ANY_ID) : NULL;
	p.wanted = r->ao_receive_id;
	return p;
}

/* A segment that acknowledges, to a listener, may complete a call of which the numbers are all that is known. */
struct tcp_party pb_tcp_party_listener(const struct tcp_listener *l, const struct socket_pair *pair,
				       const struct tcp_segment *s)
{
	struct tcp_party p = party_of(l->set.auth, l->tcp->env, pair);

	p.ao = s->h.options.auth == TCP_SIGNED_AO;
	p.knows_peer = s->h.flags & TCP_ACK && !(s->h.flags & TCP_SYN);
	p.iss = seq_add(s->ack, -1u);
	p.irs = seq_add(s->seq, -1u);
	p.received = p.irs.v;
	return p;
}

struct tcp_party pb_tcp_party_nobody(struct tcp *t, const struct socket_pair *pair,
				     const struct tcp_segment *s)
{
	struct binding *b = s->h.options.auth == TCP_UNSIGNED
				    ? NULL
				    : pb_ports_find(&t->ports, &pair->local, pair->remote_port, 0, false);

	if (!b)
		return party_of(NULL, t->env, pair);
	return pb_tcp_party_listener(b->owner, pair, s);
}

/*
 * -- Traffic keys (RFC 5925 §5.2)
 */

static void derive(const struct tcp_party *p, const struct tcp_mkt *m, bool sent, seq src_isn, seq dst_isn,
		   uint8_t key[AO_TRAFFIC_KEY_MAX])
{
	const struct socket_pair *pair = p->pair;
	const struct ao_context context = {
		.src = sent ? pair->local : pair->remote,
		.dst = sent ? pair->remote : pair->local,
		.src_port = sent ? pair->local_port : pair->remote_port,
		.dst_port = sent ? pair->remote_port : pair->local_port,
		.src_isn = src_isn,
		.dst_isn = dst_isn,
	};

	pb_tcp_ao_derive(m->algorithm, m->key, m->len, &context, key);
}

static bool is_first_syn(uint16_t flags)
{
	return (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/* Both keys of a connection are kept, as each of its segments needs one. */
static void derive_own(const struct tcp_party *p, struct tcp_mkt *m)
{
	if (m->derived)
		return;
	derive(p, m, true, p->iss, p->irs, m->send_key);
	derive(p, m, false, p->irs, p->iss, m->receive_key);
	m->derived = true;
}

static void key_to_send(const struct tcp_party *p, struct tcp_mkt *m, const struct tcp_header *h,
			uint8_t key[AO_TRAFFIC_KEY_MAX])
{
	if (is_first_syn(h->flags)) {
		derive(p, m, true, p->iss, (seq){ 0 }, key);
	} else if (!p->own) {
		derive(p, m, true, p->iss, p->irs, key);
	} else {
		derive_own(p, m);
		memcpy(key, m->send_key, sizeof m->send_key);
	}
}

static void key_to_receive(const struct tcp_party *p, struct tcp_mkt *m, const struct tcp_segment *s,
			   uint8_t key[AO_TRAFFIC_KEY_MAX])
{
	if (is_first_syn(s->h.flags)) {
		derive(p, m, false, s->seq, (seq){ 0 }, key);
	} else if (!p->knows_peer || !p->own) {
		derive(p, m, false, p->knows_peer ? p->irs : s->seq, p->iss, key);
	} else {
		derive_own(p, m);
		memcpy(key, m->receive_key, sizeof m->receive_key);
	}
}

/*
 * -- What comes
 */

/* The header, which was pulled off, is still in front of the text. */
static struct signed_segment segment_of(const struct tcp_party *p, const struct tcp_segment *s)
{
	return (struct signed_segment){
		.src = &p->pair->remote,
		.dst = &p->pair->local,
		.header = s->text->data - s->h.len,
		.header_len = s->h.len,
		.mac_at = s->h.options.mac_at,
		.mac_len = s->h.options.mac_len,
		.text = s->text,
	};
}

/* Linux's order: the keys of TCP-AO are asked first. */
static bool may_be_unsigned(const struct tcp_party *p)
{
	const struct ip *peer = &p->pair->remote;

	if (!p->auth)
		return true;
	if (p->auth->required || pb_tcp_ao_find(p->auth, peer, AO_ANY_ID, AO_ANY_ID)) {
		p->auth->counts.missing++;
		p->counters->tcp.AORequired++;
		return false;
	}
	if (pb_tcp_md5_find(p->auth, peer)) {
		p->counters->tcp.MD5NotFound++;
		return false;
	}
	return true;
}

static bool md5_is_good(const struct tcp_party *p, const struct tcp_segment *s)
{
	const struct tcp_md5_key *key = p->auth ? pb_tcp_md5_find(p->auth, &p->pair->remote) : NULL;
	const struct signed_segment segment = segment_of(p, s);
	uint8_t mac[TCP_MD5_MAC_LEN];

	if (!key) {
		p->counters->tcp.MD5Unexpected++;
		return false;
	}
	pb_tcp_md5_mac(key, &segment, mac);
	if (secret_equal(mac, segment.header + segment.mac_at, sizeof mac))
		return true;
	p->counters->tcp.MD5Failure++;
	return false;
}

static bool mac_is_good(const struct tcp_party *p, struct tcp_mkt *m, const struct tcp_segment *s)
{
	const struct signed_segment segment = segment_of(p, s);
	uint8_t key[AO_TRAFFIC_KEY_MAX], mac[AO_MAC_MAX];

	if (segment.mac_len != m->mac_len)
		return false;
	key_to_receive(p, m, s, key);
	uint32_t sne = p->knows_peer && !is_first_syn(s->h.flags)
			       ? (uint32_t)(tcp_extend(p->received, s->seq) >> 32)
			       : 0;
	pb_tcp_ao_mac(m, key, sne, &segment, mac);
	secret_wipe(key, sizeof key);
	return secret_equal(mac, segment.header + segment.mac_at, segment.mac_len);
}

static bool ao_is_good(const struct tcp_party *p, const struct tcp_segment *s)
{
	struct tcp_mkt *m =
		p->auth ? pb_tcp_ao_find(p->auth, &p->pair->remote, AO_ANY_ID, s->h.options.key_id) : NULL;

	if (!m) {
		if (p->auth)
			p->auth->counts.unknown_key++;
		p->counters->tcp.AOKeyNotFound++;
		return false;
	}
	if (!p->ao || !mac_is_good(p, m, s)) { /* one that began without does not go on with it */
		m->bad++;
		p->counters->tcp.AOBad++;
		return false;
	}
	m->good++;
	p->counters->tcp.AOGood++;
	return true;
}

bool pb_tcp_auth_admits(const struct tcp_party *p, const struct tcp_segment *s)
{
	switch ((enum tcp_auth_kind)s->h.options.auth) {
	case TCP_UNSIGNED:
		return may_be_unsigned(p);
	case TCP_SIGNED_MD5:
		return md5_is_good(p, s);
	case TCP_SIGNED_AO:
		return ao_is_good(p, s);
	case TCP_SIGNED_WRONG:
		break;
	}
	p->counters->tcp.InErrs++;
	return false;
}

/*
 * -- What leaves
 */

static bool sign_with_mkt(const struct tcp_party *p, struct tcp_header *h, struct tcp_signature *sign)
{
	bool first = is_first_syn(h->flags);

	if (!p->current || (!first && !p->knows_peer))
		return false;
	sign->kind = TCP_SIGNED_AO;
	sign->mkt = p->current;
	sign->sne = first ? 0 : (uint32_t)(tcp_extend(p->sent, (seq){ h->seq }) >> 32);
	key_to_send(p, p->current, h, sign->traffic_key);
	h->options.auth = TCP_SIGNED_AO;
	h->options.mac_len = p->current->mac_len;
	h->options.key_id = p->current->send_id;
	h->options.next_key_id = p->wanted;
	return true;
}

bool pb_tcp_auth_sign(const struct tcp_party *p, struct tcp_header *h, struct tcp_signature *sign)
{
	sign->kind = TCP_UNSIGNED;
	if (!p->auth)
		return true;
	if (p->ao)
		return sign_with_mkt(p, h, sign);
	sign->md5 = pb_tcp_md5_find(p->auth, &p->pair->remote);
	if (!sign->md5)
		return true;
	sign->kind = TCP_SIGNED_MD5;
	h->options.auth = TCP_SIGNED_MD5;
	h->options.mac_len = TCP_MD5_MAC_LEN;
	return true;
}

/*
 * -- A connection's life
 */

int pb_tcp_auth_connect(const struct tcp_auth *auth, const struct ip *peer)
{
	bool ao = pb_tcp_ao_find(auth, peer, AO_ANY_ID, AO_ANY_ID);
	bool other_peers_only = auth->mkts && !ao && !pb_tcp_md5_find(auth, peer);

	return other_peers_only || (auth->required && !ao) ? -EKEYREJECTED : 0;
}

void pb_tcp_auth_begin(struct tcp_auth *auth, const struct ip *peer)
{
	struct tcp_mkt *any;

	pb_tcp_ao_keep(auth, peer);
	any = pb_tcp_ao_find(auth, peer, AO_ANY_ID, AO_ANY_ID);
	auth->has_numbers = false;
	auth->current = auth->current ? auth->current : any;
	auth->wanted = auth->wanted ? auth->wanted : any;
}

bool pb_tcp_auth_accept(struct tcp_auth *auth, const struct ip *peer, const struct tcp_syn *r)
{
	auth->current = pb_tcp_ao_find(auth, peer, r->ao_send_id, AO_ANY_ID);
	auth->wanted = pb_tcp_ao_find(auth, peer, AO_ANY_ID, r->ao_receive_id);
	learn_numbers(auth, r->iss, r->irs);
	return auth->current && auth->wanted;
}

void pb_tcp_auth_heed(struct tcp_conn *c, const struct tcp_segment *s)
{
	struct tcp_auth *auth = c->set.auth;
	struct tcp_mkt *m;

	if (s->h.options.auth != TCP_SIGNED_AO || c->state == STATE_SYN_SENT || !auth->current ||
	    auth->current->send_id == s->h.options.next_key_id)
		return;
	m = pb_tcp_ao_find(auth, &c->entry.pair.remote, s->h.options.next_key_id, AO_ANY_ID);
	if (!m)
		return;
	auth->current = m;
	pb_tcp_conn_fit(c); /* its MAC may be longer */
}

struct tcp_auth *pb_tcp_auth_take(struct tcp_conn *c)
{
	struct tcp_auth *auth = c->set.auth;

	if (auth)
		pb_tcp_party_conn(c); /* the numbers that it has come to */
	c->set.auth = NULL;
	return auth;
}

uint32_t pb_tcp_auth_room(const struct tcp_conn *c)
{
	const struct tcp_auth *auth = c->set.auth;
	struct tcp_options o = { .auth = TCP_UNSIGNED };

	if (auth->current) {
		o.auth = TCP_SIGNED_AO;
		o.mac_len = auth->current->mac_len;
	} else if (pb_tcp_md5_find(auth, &c->entry.pair.remote)) {
		o.auth = TCP_SIGNED_MD5;
	}
	return (uint32_t)pb_tcp_auth_len(&o);
}

static bool is_hard(const struct ip_error *e)
{
	if (ip_is4(&e->dst))
		return e->type == ICMP4_UNREACHABLE && e->code >= ICMP4_PROTOCOL && e->code <= ICMP4_TOO_BIG;
	return e->type == ICMP6_UNREACHABLE && (e->code == ICMP6_PROHIBITED || e->code == ICMP6_PORT);
}

/* Of a synchronized connection: whoever sends them needs not know the key. */
bool pb_tcp_auth_ignores(struct tcp_conn *c, const struct ip_error *e)
{
	struct tcp_auth *auth = c->set.auth;

	if (!auth->current || auth->accepts_icmp || !is_hard(e) || c->state == STATE_SYN_SENT ||
	    c->state == STATE_SYN_RECEIVED)
		return false;
	auth->counts.icmp_ignored++;
	tcp_counters(c)->tcp.AODroppedIcmps++;
	return true;
}
