#include "signing.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <packetboat/tcp_auth.h>
#include <stdio.h>
#include <string.h>

struct signing signing_choose(struct rng *r, bool options_change)
{
	static const enum signing_kind kinds[] = { SIGNING_MD5, SIGNING_AO, SIGNING_AO };
	struct signing s = { .kind = SIGNING_NONE };

	if (pb_rng_chance(r, 0.3))
		s.kind = kinds[pb_rng_below(r, sizeof kinds / sizeof *kinds)];

	s.algorithm = pb_rng_chance(r, 0.5) ? "hmac(sha1)" : "cmac(aes128)";
	s.omits_options = options_change || pb_rng_chance(r, 0.3);
	return s;
}

static int set_md5(struct pb_socket *socket, const union pb_addr *peer)
{
	struct tcp_md5sig o = { .tcpm_keylen = 6, .tcpm_key = "secret" };

	memcpy(&o.tcpm_addr, peer, pb_addr_len(peer));
	return pb_setsockopt(socket, IPPROTO_TCP, TCP_MD5SIG, &o, sizeof o);
}

/* Key n, whose identifier is n at both ends. */
static int add_key(const struct signing *s, struct pb_socket *socket, const union pb_addr *peer, uint8_t n)
{
	struct pb_tcp_ao_add o = {
		.prefix = 32, .sndid = n, .rcvid = n, .keyflags = s->omits_options ? PB_TCP_AO_EXCLUDE_OPT : 0
	};

	memcpy(&o.addr, peer, pb_addr_len(peer));
	strcpy(o.alg_name, s->algorithm);
	o.keylen = (uint8_t)snprintf((char *)o.key, sizeof o.key, "secret %u", n);
	return pb_setsockopt(socket, IPPROTO_TCP, PB_TCP_AO_ADD_KEY, &o, sizeof o);
}

int signing_begin(const struct signing *s, struct pb_socket *socket, const union pb_addr *peer)
{
	union pb_addr addr = *peer;

	pb_addr_set_port(&addr, 0);
	if (s->kind == SIGNING_NONE)
		return 0;
	return s->kind == SIGNING_MD5 ? set_md5(socket, &addr) : add_key(s, socket, &addr, 0);
}

static int ask_for(struct pb_socket *socket, uint8_t n)
{
	const struct pb_tcp_ao_info o = { .set_rnext = 1, .rnext = n };

	return pb_setsockopt(socket, IPPROTO_TCP, PB_TCP_AO_INFO, &o, sizeof o);
}

static bool get_info(struct pb_socket *socket, struct pb_tcp_ao_info *info)
{
	socklen_t len = sizeof *info;

	return pb_getsockopt(socket, IPPROTO_TCP, PB_TCP_AO_INFO, info, &len) == 0;
}

uint64_t signing_bad(struct pb_socket *end)
{
	struct pb_tcp_ao_info info;

	return get_info(end, &info) ? info.pkt_bad : 0;
}

/* Both ends sign with key n, and ask for it: no other is needed. */
static bool is_settled(struct pb_socket *const end[2], uint8_t n)
{
	for (int i = 0; i < 2; i++) {
		struct pb_tcp_ao_info info;
		if (!get_info(end[i], &info) || info.current_key != n || info.rnext != n)
			return false;
	}
	return true;
}

static int remove_key(struct pb_socket *socket, const union pb_addr *peer, uint8_t n)
{
	struct pb_tcp_ao_del o = { .prefix = 32, .sndid = n, .rcvid = n };

	memcpy(&o.addr, peer, pb_addr_len(peer));
	return pb_setsockopt(socket, IPPROTO_TCP, PB_TCP_AO_DEL_KEY, &o, sizeof o);
}

static int replace(const struct signing *s, struct signing_talk *t, struct pb_socket *const end[2],
		   const union pb_addr peer[2])
{
	uint8_t next = (uint8_t)(t->key + 1);
	int rc = 0;

	for (int i = 0; i < 2 && rc == 0; i++) {
		if (t->key > 0)
			rc = remove_key(end[i], &peer[i], (uint8_t)(t->key - 1));
		if (rc == 0)
			rc = add_key(s, end[i], &peer[i], next);
	}
	t->key = next;
	t->asked[0] = t->asked[1] = false;
	return rc;
}

int signing_roll(const struct signing *s, struct signing_talk *t, struct pb_socket *const end[2],
		 const union pb_addr at[2], struct rng *r)
{
	const union pb_addr peer[2] = { at[1], at[0] };
	int which = (int)pb_rng_below(r, 2);

	if (t->key == UINT8_MAX)
		return 0;
	if (is_settled(end, t->key))
		return replace(s, t, end, peer);
	if (t->asked[which])
		return 0;
	t->asked[which] = true;
	return ask_for(end[which], t->key);
}
