/*
 * Keys for signed segments: TCP_MD5SIG, TCP_MD5SIG_EXT, and the options of TCP-AO. What is refused, and in which order
 * it is looked at, is as on Linux.
 */
#include "socket/stream.h"
#include "transport/tcp/auth.h"

#include <packetboat/tcp_auth.h>

#include <errno.h>
#include <linux/tcp.h>

/*
 * The option's name and value, and whose socket. c: its connection; NULL: it has none, or none any more.
 */
struct request {
	struct stream *s;
	struct tcp_conn *c;
	struct tcp_auth **where;
	const void *value;
	socklen_t len;
};

static bool is_connecting(const struct tcp_conn *c)
{
	return c && c->state != STATE_CLOSED;
}

/*
 * -- MD5
 */

/* An address of the socket's family; IPv4 ones of a socket of IPv6 are mapped. */
static int read_peer(const struct stream *s, const void *value, struct ip *peer, uint16_t *port)
{
	const struct sockaddr *sa = value;

	if (sa->sa_family != s->family ||
	    !pb_ip_from_sockaddr(peer, port, sa,
				 s->family == AF_INET ? sizeof(struct sockaddr_in)
						      : sizeof(struct sockaddr_in6)))
		return -EINVAL;
	*peer = ip_in_zone(peer, 0);
	return 0;
}

static int set_md5(const struct request *r, bool extended)
{
	struct tcp_md5sig o;
	struct ip peer;
	uint16_t port;

	if (r->len < sizeof o)
		return -EINVAL;
	memcpy(&o, r->value, sizeof o);
	if (read_peer(r->s, &o.tcpm_addr, &peer, &port) < 0)
		return -EINVAL;
	unsigned bits = ip_bits(&peer);
	if (extended && o.tcpm_flags & TCP_MD5SIG_FLAG_PREFIX) {
		if (o.tcpm_prefixlen > bits)
			return -EINVAL;
		bits = o.tcpm_prefixlen;
	}
	if (extended && o.tcpm_flags & TCP_MD5SIG_FLAG_IFINDEX && o.tcpm_ifindex)
		return -EINVAL; /* of a VRF: there are none */
	if (!o.tcpm_keylen)
		return pb_tcp_md5_remove(r->where, &peer, bits);
	if (o.tcpm_keylen > TCP_MD5SIG_MAXKEYLEN)
		return -EINVAL;
	return pb_tcp_md5_set(r->where, &peer, bits, o.tcpm_key, o.tcpm_keylen);
}

/*
 * -- TCP-AO
 */

/* The peer and its prefix, whose host bits are zero; that of a connection is in it. */
static int read_prefix(const struct request *r, const struct sockaddr_storage *addr, uint8_t bits,
		       struct ip *peer)
{
	uint16_t port;

	if (read_peer(r->s, addr, peer, &port) < 0 || port)
		return -EINVAL;
	if (bits > ip_bits(peer) || ip_is_any(peer) != (bits == 0))
		return -EINVAL;
	struct ip prefix = pb_ip_prefix_of(peer, bits);
	if (!ip_equal(&prefix, peer))
		return -EINVAL;
	if (is_connecting(r->c)) {
		struct ip remote = ip_in_zone(&r->c->entry.pair.remote, 0);
		if (!pb_ip_in_prefix(&remote, peer, bits))
			return -EINVAL;
	}
	return 0;
}

/* A SYN has room for it beside MSS, timestamps with SACK, and window scale; so it has everywhere. */
static bool mac_fits(uint8_t len)
{
	const struct tcp_options syn = { .auth = TCP_SIGNED_AO,
					 .mac_len = len,
					 .mss = 1,
					 .has_window_scale = true,
					 .sack_permitted = true,
					 .has_timestamp = true };

	return pb_tcp_header_len(&syn) <= TCP_HEADER_LEN_MAX;
}

static int read_mkt(const struct request *r, const struct pb_tcp_ao_add *o, struct tcp_mkt *m)
{
	int rc = read_prefix(r, &o->addr, o->prefix, &m->peer);

	if (rc < 0)
		return rc;
	if (o->keylen > TCP_KEY_MAX || o->reserved || o->reserved2)
		return -EINVAL;
	if (o->ifindex || o->keyflags & ~PB_TCP_AO_EXCLUDE_OPT) /* of a VRF: there are none */
		return -EINVAL;
	if (!memchr(o->alg_name, '\0', sizeof o->alg_name))
		return -EINVAL;
	m->algorithm = pb_tcp_ao_algorithm(o->alg_name);
	if (!m->algorithm)
		return -ENOENT;
	m->bits = o->prefix;
	m->send_id = o->sndid;
	m->receive_id = o->rcvid;
	m->mac_len = o->maclen ? o->maclen : AO_MAC_LEN;
	m->omits_options = o->keyflags & PB_TCP_AO_EXCLUDE_OPT;
	m->len = o->keylen;
	memcpy(m->key, o->key, o->keylen);
	if (m->mac_len > m->algorithm->mac_max)
		return -EINVAL;
	return mac_fits(m->mac_len) ? 0 : -EMSGSIZE;
}

static int add_key(const struct request *r)
{
	struct tcp_mkt m = { 0 }, *added;
	struct pb_tcp_ao_add o;

	if (r->len < sizeof o)
		return -EINVAL;
	memcpy(&o, r->value, sizeof o);
	int rc = read_mkt(r, &o, &m);
	if (rc == 0 && (o.set_current || o.set_rnext) && r->s->kind == STREAM_LISTENER)
		rc = -EINVAL; /* it has no connection whose key that would be */
	if (rc == 0)
		rc = pb_tcp_ao_add(r->where, &m, &added);
	if (rc == 0 && o.set_current)
		(*r->where)->current = added;
	if (rc == 0 && o.set_rnext)
		(*r->where)->wanted = added;
	explicit_bzero(&o, sizeof o);
	explicit_bzero(&m, sizeof m);
	return rc;
}

/* Keys by their identifiers, of those for any peer. */
static struct tcp_mkt *find_key(const struct tcp_auth *auth, int send_id, int receive_id)
{
	for (struct tcp_mkt *m = auth->mkts; m; m = m->next)
		if ((send_id == AO_ANY_ID || m->send_id == send_id) &&
		    (receive_id == AO_ANY_ID || m->receive_id == receive_id))
			return m;
	return NULL;
}

/* Which is used, and which is asked for: both, or neither is changed. */
static int choose_keys(const struct request *r, bool set_current, uint8_t current, bool set_wanted,
		       uint8_t wanted)
{
	struct tcp_auth *auth = *r->where;
	struct tcp_mkt *c = set_current ? find_key(auth, current, AO_ANY_ID) : auth->current;
	struct tcp_mkt *w = set_wanted ? find_key(auth, AO_ANY_ID, wanted) : auth->wanted;

	if ((set_current || set_wanted) && r->s->kind == STREAM_LISTENER)
		return -EINVAL;
	if ((set_current && !c) || (set_wanted && !w))
		return -ENOENT;
	auth->current = c;
	auth->wanted = w;
	return 0;
}

static int remove_key(const struct request *r)
{
	struct pb_tcp_ao_del o;
	struct tcp_mkt *m;
	struct ip peer;

	if (r->len < sizeof o)
		return -EINVAL;
	memcpy(&o, r->value, sizeof o);
	if (o.reserved || o.reserved2 || o.ifindex || o.keyflags)
		return -EINVAL;
	int rc = read_prefix(r, &o.addr, o.prefix, &peer);
	if (rc < 0)
		return rc;
	if (!*r->where)
		return -ENOENT;
	for (m = (*r->where)->mkts; m; m = m->next)
		if (m->send_id == o.sndid && m->receive_id == o.rcvid && m->bits == o.prefix &&
		    ip_equal(&m->peer, &peer))
			break;
	if (!m)
		return -ENOENT;
	rc = choose_keys(r, o.set_current, o.current_key, o.set_rnext, o.rnext);
	return rc < 0 ? rc : pb_tcp_ao_remove(r->where, m);
}

static void set_counts(struct tcp_auth *auth, const struct pb_tcp_ao_info *o)
{
	for (struct tcp_mkt *m = auth->mkts; m; m = m->next)
		m->good = m->bad = 0;
	auth->counts.good = o->pkt_good;
	auth->counts.bad = o->pkt_bad;
	auth->counts.unknown_key = o->pkt_key_not_found;
	auth->counts.missing = o->pkt_ao_required;
	auth->counts.icmp_ignored = o->pkt_dropped_icmp;
}

static int set_info(const struct request *r)
{
	struct pb_tcp_ao_info o;

	if (r->len < sizeof o)
		return -EINVAL;
	memcpy(&o, r->value, sizeof o);
	if (o.reserved || o.reserved2)
		return -EINVAL;
	struct tcp_auth *auth = pb_tcp_auth_need(r->where);
	if (!auth)
		return -ENOMEM;
	if (o.ao_required && auth->md5)
		return -EKEYREJECTED;
	int rc = choose_keys(r, o.set_current, o.current_key, o.set_rnext, o.rnext);
	if (rc < 0)
		return rc;
	if (o.set_counters)
		set_counts(auth, &o);
	auth->required = o.ao_required;
	auth->accepts_icmp = o.accept_icmps;
	return 0;
}

int pb_stream_get_ao_info(const struct tcp_auth *auth, struct pb_tcp_ao_info *o)
{
	if (!auth)
		return -ENOENT;
	*o = (struct pb_tcp_ao_info){
		.set_current = auth->current != NULL,
		.set_rnext = auth->wanted != NULL,
		.ao_required = auth->required,
		.accept_icmps = auth->accepts_icmp,
		.current_key = auth->current ? auth->current->send_id : 0,
		.rnext = auth->wanted ? auth->wanted->receive_id : 0,
		.pkt_good = auth->counts.good,
		.pkt_bad = auth->counts.bad,
		.pkt_key_not_found = auth->counts.unknown_key,
		.pkt_ao_required = auth->counts.missing,
		.pkt_dropped_icmp = auth->counts.icmp_ignored,
	};
	for (const struct tcp_mkt *m = auth->mkts; m; m = m->next) {
		o->pkt_good += m->good;
		o->pkt_bad += m->bad;
	}
	return 0;
}

int pb_stream_set_auth(struct stream *s, struct tcp_conn *c, struct tcp_settings *set, int name,
		       const void *value, socklen_t len)
{
	const struct request r = { s, c, &set->auth, value, len };

	if (name == TCP_MD5SIG || name == TCP_MD5SIG_EXT)
		return set_md5(&r, name == TCP_MD5SIG_EXT);
	if (is_connecting(c) && !(set->auth && set->auth->current)) /* it goes without */
		return -EISCONN;
	if (name == PB_TCP_AO_ADD_KEY)
		return add_key(&r);
	return name == PB_TCP_AO_DEL_KEY ? remove_key(&r) : set_info(&r);
}
