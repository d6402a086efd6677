/*
 * Streams that are signed: keys by TCP_MD5SIG and TCP_MD5SIG_EXT (RFC 2385), and by TCP-AO's options (RFC 5925) where
 * the net has them: what setting them answers, and that who shares them talks and who does not is not heard.
 */
#include "semantics.h"

#include "skip.h"

#include <netinet/tcp.h>
#include <packetboat/tcp_auth.h>

#define SHORTLY PB_MSEC(300)

static int set_key(struct pb_socket *s, int option, const union pb_addr *peer, uint8_t flags, uint8_t bits,
		   const char *key)
{
	struct tcp_md5sig o = { .tcpm_flags = flags,
				.tcpm_prefixlen = bits,
				.tcpm_keylen = (uint16_t)strlen(key) };
	union pb_addr addr = with_port(peer, 0);

	memcpy(&o.tcpm_addr, &addr, pb_addr_len(&addr));
	memcpy(o.tcpm_key, key, strlen(key));
	return pb_setsockopt(s, IPPROTO_TCP, option, &o, sizeof o);
}

static int set_md5(struct pb_socket *s, const union pb_addr *peer, const char *key)
{
	return set_key(s, TCP_MD5SIG, peer, 0, 0, key);
}

/* One byte there and one back. */
static void talk(struct world *w, struct pair *p)
{
	assert_int_equal(pb_send(p->client, "a", 1, 0), 1);
	expect_bytes(w, p->server, "a", 1);
	assert_int_equal(pb_send(p->server, "b", 1, 0), 1);
	expect_bytes(w, p->client, "b", 1);
}

static struct pair call(struct world *w, struct pb_socket *l, struct pb_socket *client)
{
	union pb_addr to = name_of(l);
	struct pair p = { .client = client };

	assert_int_equal(connect_to(client, &to), -EINPROGRESS);
	assert_true(wait_for(w, client, POLLOUT));
	assert_int_equal(get_option(client, SOL_SOCKET, SO_ERROR), 0);
	p.server = accept_one(w, l);
	return p;
}

static void not_heard(struct world *w, struct pb_socket *l, struct pb_socket *client)
{
	union pb_addr to = name_of(l);
	struct pb_socket *conn;

	assert_int_equal(connect_to(client, &to), -EINPROGRESS);
	turn_for(w, SHORTLY);
	assert_int_equal(pb_ready(client), 0);
	assert_int_equal(pb_accept(l, &conn), -EAGAIN);
	pb_close(client);
}

static void md5(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		struct pb_socket *l = listener(w, at, 8);
		const union pb_addr *from = client_at(w, at);
		int family = at->sa.sa_family;
		assert_int_equal(set_md5(l, from, "secret"), 0);
		struct pb_socket *client = open_socket(w->client_net, family, SOCK_STREAM);
		assert_int_equal(set_md5(client, at, "secret"), 0);
		struct pair p = call(w, l, client);
		talk(w, &p);
		/* New keys on both ends of a connection, whose keys are its own: the listener's stays. */
		assert_int_equal(set_md5(p.client, at, "changed"), 0);
		assert_int_equal(set_md5(p.server, from, "changed"), 0);
		talk(w, &p);
		close_pair(&p);
		client = open_socket(w->client_net, family, SOCK_STREAM);
		assert_int_equal(set_md5(client, at, "changed"), 0);
		not_heard(w, l, client);
		not_heard(w, l, open_socket(w->client_net, family, SOCK_STREAM));
		/* Without its key it hears everybody; but not who signs. */
		assert_int_equal(set_md5(l, from, ""), 0);
		assert_int_equal(set_md5(l, from, ""), -ENOENT);
		p = call(w, l, open_socket(w->client_net, family, SOCK_STREAM));
		talk(w, &p);
		close_pair(&p);
		client = open_socket(w->client_net, family, SOCK_STREAM);
		assert_int_equal(set_md5(client, at, "secret"), 0);
		not_heard(w, l, client);
		pb_close(l);
	}
}

static void md5_for_a_prefix(void **state)
{
	struct world *w = *state;
	struct pb_socket *l = listener(w, &w->a, 8);
	union pb_addr any = pb_addr_any(AF_INET);

	assert_int_equal(set_key(l, TCP_MD5SIG_EXT, &any, TCP_MD5SIG_FLAG_PREFIX, 0, "all"), 0);
	struct pb_socket *client = open_socket(w->client_net, AF_INET, SOCK_STREAM);
	assert_int_equal(set_md5(client, &w->a, "all"), 0);
	struct pair p = call(w, l, client);
	talk(w, &p);
	close_pair(&p);
	/* A longer prefix comes first; without the flag, and with the old option, it is one address. */
	assert_int_equal(set_key(l, TCP_MD5SIG_EXT, &w->client_a, TCP_MD5SIG_FLAG_PREFIX, 24, "near"), 0);
	client = open_socket(w->client_net, AF_INET, SOCK_STREAM);
	assert_int_equal(set_md5(client, &w->a, "near"), 0);
	p = call(w, l, client);
	close_pair(&p);
	assert_int_equal(set_key(l, TCP_MD5SIG_EXT, &w->client_a, 0, 1, "host"), 0);
	assert_int_equal(set_key(l, TCP_MD5SIG, &w->client_a, TCP_MD5SIG_FLAG_PREFIX, 1, ""), 0);
	assert_int_equal(set_key(l, TCP_MD5SIG_EXT, &w->client_a, TCP_MD5SIG_FLAG_PREFIX, 24, ""), 0);
	assert_int_equal(set_key(l, TCP_MD5SIG_EXT, &any, TCP_MD5SIG_FLAG_PREFIX, 0, ""), 0);
	pb_close(l);
}

static void wrong_md5(void **state)
{
	struct world *w = *state;
	struct pb_socket *s = open_socket(w->net, AF_INET, SOCK_STREAM);
	struct tcp_md5sig o = { .tcpm_keylen = TCP_MD5SIG_MAXKEYLEN + 1 };
	union pb_addr six = pb_addr_any(AF_INET6);
	socklen_t len = sizeof o;

	assert_int_equal(pb_setsockopt(s, IPPROTO_TCP, TCP_MD5SIG, &o, sizeof o - 1), -EINVAL);
	memcpy(&o.tcpm_addr, &w->a, pb_addr_len(&w->a));
	assert_int_equal(pb_setsockopt(s, IPPROTO_TCP, TCP_MD5SIG, &o, sizeof o), -EINVAL);
	o.tcpm_keylen = TCP_MD5SIG_MAXKEYLEN;
	assert_int_equal(pb_setsockopt(s, IPPROTO_TCP, TCP_MD5SIG, &o, sizeof o), 0);
	assert_int_equal(set_md5(s, &six, "k"), -EINVAL);
	assert_int_equal(set_key(s, TCP_MD5SIG_EXT, &w->a, TCP_MD5SIG_FLAG_PREFIX, 33, "k"), -EINVAL);
	assert_int_equal(set_md5(s, &w->b, ""), -ENOENT);
	assert_int_equal(pb_getsockopt(s, IPPROTO_TCP, TCP_MD5SIG, &o, &len), -ENOPROTOOPT);
	pb_close(s);
}

/*
 * -- TCP-AO
 */

static struct pb_tcp_ao_add ao_key(const union pb_addr *peer, uint8_t send_id, uint8_t receive_id,
				   const char *key)
{
	struct pb_tcp_ao_add o = { .alg_name = "hmac(sha1)",
				   .prefix = peer->sa.sa_family == AF_INET ? 32 : 128,
				   .sndid = send_id,
				   .rcvid = receive_id,
				   .keylen = (uint8_t)strlen(key) };
	union pb_addr addr = with_port(peer, 0);

	memcpy(&o.addr, &addr, pb_addr_len(&addr));
	memcpy(o.key, key, strlen(key));
	return o;
}

static int add(struct pb_socket *s, const struct pb_tcp_ao_add *o)
{
	return pb_setsockopt(s, IPPROTO_TCP, PB_TCP_AO_ADD_KEY, o, sizeof *o);
}

static int add_ao(struct pb_socket *s, const union pb_addr *peer, uint8_t send_id, uint8_t receive_id,
		  const char *key)
{
	struct pb_tcp_ao_add o = ao_key(peer, send_id, receive_id, key);

	return add(s, &o);
}

/* With the first key, if the net has TCP-AO at all. */
static bool has_ao(struct pb_socket *s, const union pb_addr *peer)
{
	int rc = add_ao(s, peer, 1, 2, "first");

	assert_true(rc == 0 || rc == -ENOPROTOOPT);
	return rc == 0;
}

static struct pb_tcp_ao_info ao_info(struct pb_socket *s)
{
	struct pb_tcp_ao_info info = { 0 };
	socklen_t len = sizeof info;

	assert_int_equal(pb_getsockopt(s, IPPROTO_TCP, PB_TCP_AO_INFO, &info, &len), 0);
	assert_int_equal(len, sizeof info);
	return info;
}

static int choose(struct pb_socket *s, uint8_t current, uint8_t wanted)
{
	const struct pb_tcp_ao_info o = {
		.set_current = 1, .set_rnext = 1, .current_key = current, .rnext = wanted
	};

	return pb_setsockopt(s, IPPROTO_TCP, PB_TCP_AO_INFO, &o, sizeof o);
}

static void ao(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		const union pb_addr *from = client_at(w, at);
		int family = at->sa.sa_family;
		struct pb_socket *l = listener(w, at, 8);
		if (!has_ao(l, from)) {
			pb_close(l);
			SKIP("this kernel was built without TCP-AO");
		}
		struct pb_socket *client = open_socket(w->client_net, family, SOCK_STREAM);
		assert_int_equal(add_ao(client, at, 2, 1, "first"), 0);
		struct pair p = call(w, l, client);
		talk(w, &p);
		assert_int_equal(ao_info(p.client).current_key, 2);
		assert_int_equal(ao_info(p.client).rnext, 1);
		assert_int_equal(ao_info(p.server).current_key, 1);
		assert_int_equal(ao_info(p.server).rnext, 2);
		assert_true(ao_info(p.server).pkt_good >= 1); /* the handshake was the listener's */
		/* Another key: who asks for it has it from the peer, and the peer asks for it in his turn. */
		assert_int_equal(add_ao(p.client, at, 4, 3, "second"), 0);
		assert_int_equal(add_ao(p.server, from, 3, 4, "second"), 0);
		assert_int_equal(choose(p.client, 4, 3), 0);
		talk(w, &p);
		assert_int_equal(ao_info(p.server).current_key, 3);
		assert_int_equal(choose(p.server, 3, 4), 0);
		talk(w, &p);
		struct pb_tcp_ao_del old = { .prefix = family == AF_INET ? 32 : 128, .sndid = 1, .rcvid = 2 };
		union pb_addr peer = with_port(from, 0);
		memcpy(&old.addr, &peer, pb_addr_len(&peer));
		assert_int_equal(pb_setsockopt(p.server, IPPROTO_TCP, PB_TCP_AO_DEL_KEY, &old, sizeof old),
				 0);
		assert_int_equal(pb_setsockopt(p.server, IPPROTO_TCP, PB_TCP_AO_DEL_KEY, &old, sizeof old),
				 -ENOENT);
		talk(w, &p);
		assert_int_equal(ao_info(p.server).pkt_bad, 0);
		close_pair(&p);
		client = open_socket(w->client_net, family, SOCK_STREAM);
		assert_int_equal(add_ao(client, at, 2, 1, "wrong"), 0);
		not_heard(w, l, client);
		not_heard(w, l, open_socket(w->client_net, family, SOCK_STREAM));
		pb_close(l);
	}
}

static void wrong_ao(void **state)
{
	struct world *w = *state;
	struct pb_socket *s = open_socket(w->net, AF_INET, SOCK_STREAM);
	struct pb_tcp_ao_info info;
	socklen_t len = sizeof info;

	if (!has_ao(s, &w->b)) {
		pb_close(s);
		SKIP("this kernel was built without TCP-AO");
	}
	assert_int_equal(add_ao(s, &w->b, 1, 3, "k"), -EEXIST);
	assert_int_equal(add_ao(s, &w->b, 3, 2, "k"), -EEXIST);
	struct pb_tcp_ao_add o = ao_key(&w->b, 3, 3, "k");
	strcpy(o.alg_name, "rot13");
	assert_int_equal(add(s, &o), -ENOENT);
	o = ao_key(&w->b, 3, 3, "k");
	o.keylen = PB_TCP_AO_KEY_MAX + 1;
	assert_int_equal(add(s, &o), -EINVAL);
	o = ao_key(&w->b, 3, 3, "k");
	o.reserved2 = 1;
	assert_int_equal(add(s, &o), -EINVAL);
	o = ao_key(&w->b, 3, 3, "k");
	o.prefix = 8; /* and its host bits are not zero */
	assert_int_equal(add(s, &o), -EINVAL);
	o = ao_key(&w->b, 3, 3, "k");
	o.maclen = 20; /* leaves no room for what a SYN has besides */
	assert_int_equal(add(s, &o), -EMSGSIZE);
	assert_int_equal(choose(s, 9, 9), -ENOENT);
	assert_int_equal(set_md5(s, &w->b, "k"), -EKEYREJECTED);
	union pb_addr elsewhere = with_port(&w->a, 9);
	assert_int_equal(connect_to(s, &elsewhere), -EKEYREJECTED);
	pb_close(s);
	struct pair p = connected_pair(w, &w->a); /* what began without goes on without */
	assert_int_equal(add_ao(p.client, &w->a, 1, 2, "k"), -EISCONN);
	assert_int_equal(pb_getsockopt(p.client, IPPROTO_TCP, PB_TCP_AO_INFO, &info, &len), -ENOENT);
	close_pair(&p);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(md5), cmocka_unit_test(md5_for_a_prefix), cmocka_unit_test(wrong_md5),
	cmocka_unit_test(ao),  cmocka_unit_test(wrong_ao),
};

const struct test_table semantics_signed = TEST_TABLE(tests);
