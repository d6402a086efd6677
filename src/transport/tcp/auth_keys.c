/* The keys of a socket: set, found, inherited, and gone. */
#include "transport/tcp/auth.h"

#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>

/* Some address is in both. */
static bool overlap(const struct ip *a, unsigned a_bits, const struct ip *b, unsigned b_bits)
{
	return a_bits <= b_bits ? pb_ip_in_prefix(b, a, a_bits) : pb_ip_in_prefix(a, b, b_bits);
}

/* Whether a peer is in a prefix. On which link he is does not matter, as on Linux. */
static bool is_for(const struct ip *peer, const struct ip *prefix, unsigned bits)
{
	struct ip plain = ip_in_zone(peer, 0);

	return pb_ip_in_prefix(&plain, prefix, bits);
}

static void free_md5(struct tcp_md5_key *k)
{
	secret_wipe(k, sizeof *k);
	free(k);
}

static void free_mkt(struct tcp_mkt *m)
{
	secret_wipe(m, sizeof *m);
	free(m);
}

void pb_tcp_auth_free(struct tcp_auth *auth)
{
	if (!auth)
		return;
	for (struct tcp_md5_key *k = auth->md5, *next; k; k = next) {
		next = k->next;
		free_md5(k);
	}
	for (struct tcp_mkt *m = auth->mkts, *next; m; m = next) {
		next = m->next;
		free_mkt(m);
	}
	free(auth);
}

struct tcp_auth *pb_tcp_auth_need(struct tcp_auth **where)
{
	if (!*where)
		*where = calloc(1, sizeof **where);
	return *where;
}

/* With room for another key. NULL: there is no memory for it, or there are too many. */
static struct tcp_auth *need(struct tcp_auth **where)
{
	struct tcp_auth *auth = pb_tcp_auth_need(where);

	return auth && auth->count < TCP_KEYS_MAX ? auth : NULL;
}

static void forget_if_empty(struct tcp_auth **where)
{
	struct tcp_auth *auth = *where;

	if (!auth || auth->count || auth->required)
		return;
	pb_tcp_auth_free(auth);
	*where = NULL;
}

/*
 * -- MD5
 */

static struct tcp_md5_key **find_md5(struct tcp_auth *auth, const struct ip *peer, unsigned bits)
{
	struct tcp_md5_key **k = &auth->md5;

	while (*k && ((*k)->bits != bits || !ip_equal(&(*k)->peer, peer)))
		k = &(*k)->next;
	return k;
}

static bool any_mkt(const struct tcp_auth *auth, const struct ip *peer, unsigned bits)
{
	for (const struct tcp_mkt *m = auth->mkts; m; m = m->next)
		if (overlap(&m->peer, m->bits, peer, bits))
			return true;
	return auth->required;
}

int pb_tcp_md5_set(struct tcp_auth **where, const struct ip *peer, unsigned bits, const void *key, size_t len)
{
	struct ip plain = ip_in_zone(peer, 0), prefix = pb_ip_prefix_of(&plain, bits);

	if (*where && any_mkt(*where, &prefix, bits))
		return -EKEYREJECTED;
	struct tcp_md5_key **at = *where ? find_md5(*where, &prefix, bits) : NULL;
	struct tcp_md5_key *k = at ? *at : NULL;
	if (!k) {
		struct tcp_auth *auth = need(where);
		k = auth ? calloc(1, sizeof *k) : NULL;
		if (!k) {
			forget_if_empty(where);
			return -ENOMEM;
		}
		k->peer = prefix;
		k->bits = (uint8_t)bits;
		k->next = auth->md5;
		auth->md5 = k;
		auth->count++;
	}
	k->len = (uint8_t)len;
	memcpy(k->key, key, len);
	return 0;
}

int pb_tcp_md5_remove(struct tcp_auth **where, const struct ip *peer, unsigned bits)
{
	struct ip prefix = pb_ip_prefix_of(peer, bits);
	struct tcp_md5_key **at = *where ? find_md5(*where, &prefix, bits) : NULL;
	struct tcp_md5_key *k = at ? *at : NULL;

	if (!k)
		return -ENOENT;
	*at = k->next;
	free_md5(k);
	(*where)->count--;
	forget_if_empty(where);
	return 0;
}

const struct tcp_md5_key *pb_tcp_md5_find(const struct tcp_auth *auth, const struct ip *peer)
{
	const struct tcp_md5_key *best = NULL;

	for (const struct tcp_md5_key *k = auth->md5; k; k = k->next)
		if ((!best || k->bits > best->bits) && is_for(peer, &k->peer, k->bits))
			best = k;
	return best;
}

/*
 * -- TCP-AO
 */

static bool any_md5(const struct tcp_auth *auth, const struct ip *peer, unsigned bits)
{
	for (const struct tcp_md5_key *k = auth->md5; k; k = k->next)
		if (overlap(&k->peer, k->bits, peer, bits))
			return true;
	return false;
}

static bool id_taken(const struct tcp_auth *auth, const struct tcp_mkt *mkt)
{
	for (const struct tcp_mkt *m = auth->mkts; m; m = m->next)
		if (overlap(&m->peer, m->bits, &mkt->peer, mkt->bits) &&
		    (m->send_id == mkt->send_id || m->receive_id == mkt->receive_id))
			return true;
	return false;
}

int pb_tcp_ao_add(struct tcp_auth **where, const struct tcp_mkt *mkt, struct tcp_mkt **added)
{
	if (*where && any_md5(*where, &mkt->peer, mkt->bits))
		return -EKEYREJECTED;
	if (*where && id_taken(*where, mkt))
		return -EEXIST;
	struct tcp_auth *auth = need(where);
	struct tcp_mkt *m = auth ? malloc(sizeof *m) : NULL;
	if (!m) {
		forget_if_empty(where);
		return -ENOMEM;
	}
	*m = *mkt;
	m->derived = false;
	m->good = m->bad = 0;
	m->next = auth->mkts;
	auth->mkts = m;
	auth->count++;
	*added = m;
	return 0;
}

int pb_tcp_ao_remove(struct tcp_auth **where, struct tcp_mkt *mkt)
{
	struct tcp_auth *auth = *where;
	struct tcp_mkt **at = &auth->mkts;

	if (mkt == auth->current || mkt == auth->wanted)
		return -EBUSY;
	while (*at && *at != mkt)
		at = &(*at)->next;
	if (!*at)
		return -ENOENT;
	auth->counts.good += mkt->good;
	auth->counts.bad += mkt->bad;
	*at = mkt->next;
	free_mkt(mkt);
	auth->count--;
	forget_if_empty(where);
	return 0;
}

struct tcp_mkt *pb_tcp_ao_find(const struct tcp_auth *auth, const struct ip *peer, int send_id,
			       int receive_id)
{
	for (struct tcp_mkt *m = auth->mkts; m; m = m->next)
		if ((send_id == AO_ANY_ID || m->send_id == send_id) &&
		    (receive_id == AO_ANY_ID || m->receive_id == receive_id) &&
		    is_for(peer, &m->peer, m->bits))
			return m;
	return NULL;
}

void pb_tcp_ao_keep(struct tcp_auth *auth, const struct ip *peer)
{
	for (struct tcp_mkt **at = &auth->mkts, *m; (m = *at);) {
		if (is_for(peer, &m->peer, m->bits)) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		auth->current = auth->current == m ? NULL : auth->current;
		auth->wanted = auth->wanted == m ? NULL : auth->wanted;
		auth->count--;
		free_mkt(m);
	}
}

/*
 * -- Inheriting
 */

static int inherit_mkts(const struct tcp_auth *from, const struct ip *peer, struct tcp_auth **copy)
{
	struct tcp_mkt **end = NULL, *added;

	for (const struct tcp_mkt *m = from->mkts; m; m = m->next) {
		if (!is_for(peer, &m->peer, m->bits))
			continue;
		if (pb_tcp_ao_add(copy, m, &added) < 0)
			return -ENOMEM;
		if (end) { /* in the same order: not in front, but behind the others */
			(*copy)->mkts = added->next;
			added->next = NULL;
			*end = added;
		}
		end = &added->next;
	}
	return 0;
}

int pb_tcp_auth_inherit(const struct tcp_auth *from, const struct ip *peer, bool ao, struct tcp_auth **copy)
{
	const struct tcp_md5_key *k = ao ? NULL : pb_tcp_md5_find(from, peer);
	int rc = 0;

	*copy = NULL;
	if (ao)
		rc = inherit_mkts(from, peer, copy);
	else if (k)
		rc = pb_tcp_md5_set(copy, peer, ip_bits(peer), k->key, k->len);
	if (rc < 0) {
		pb_tcp_auth_free(*copy);
		*copy = NULL;
	} else if (*copy) {
		(*copy)->required = from->required;
		(*copy)->accepts_icmp = from->accepts_icmp;
	}
	return rc;
}
