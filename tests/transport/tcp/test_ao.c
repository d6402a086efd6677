/*
 * Segments signed with TCP-AO, RFC 5925: handshakes, keys that change, numbers that wrap, what is admitted and counted.
 */
#include "signers.h"
#include "transport/tcp/isn.h"
#include "wire/icmp_error.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

static struct tcp_mkt *add_key(struct tcp_auth **where, const char *peer, uint8_t send_id, uint8_t receive_id,
			       const char *key)
{
	struct tcp_mkt m = { .algorithm = pb_tcp_ao_algorithm("hmac(sha1)"),
			     .peer = harness_ip(peer),
			     .bits = 32,
			     .send_id = send_id,
			     .receive_id = receive_id,
			     .mac_len = AO_MAC_LEN,
			     .len = (uint8_t)strlen(key) };
	struct tcp_mkt *added;

	memcpy(m.key, key, m.len);
	assert_int_equal(pb_tcp_ao_add(where, &m, &added), 0);
	return added;
}

/* Key n has the identifiers n for what the peer sends, and 100 + n for us. */
static struct tcp_mkt *share_key(struct signers *s, struct tcp_auth **ours, uint8_t n, const char *key)
{
	struct tcp_mkt *m = add_key(&s->keys, OURS, n, (uint8_t)(100 + n), key);

	add_key(ours, PEERS, (uint8_t)(100 + n), n, key);
	s->peer.auth = s->keys;
	return m;
}

static void begin(struct signers *s, unsigned backlog)
{
	signers_begin(s, backlog, true);
	s->peer.current = share_key(s, &s->l->set.auth, 1, "first");
	s->peer.wanted = 101;
}

/* The peer's SYN at isn, and the SYN-ACK, which is signed with the key that the SYN has asked for. */
static struct segment call(struct signers *s, uint32_t isn, struct tcp_options options)
{
	struct segment syn = {
		.h = {.flags = TCP_SYN, .seq = isn, .window = 65535, .options = options},
                  .party = &s->peer
	};

	syn.h.options.mss = 1460;
	s->peer.iss.v = isn;
	s->peer.sent = isn;
	s->peer.knows_peer = false;
	harness_inject(&s->h, &syn);
	struct segment answer = signers_expect(s, TCP_SYN | TCP_ACK);
	s->peer.irs.v = answer.h.seq;
	s->peer.received = answer.h.seq;
	s->peer.knows_peer = true;
	s->theirs = answer.h.seq + 1;
	return answer;
}

static struct tcp_conn *accept_call(struct signers *s, uint32_t isn)
{
	call(s, isn, (struct tcp_options){ 0 });
	signers_inject(s, TCP_ACK, isn + 1, 0, &s->peer);
	struct tcp_conn *c = pb_tcp_accept(s->l, s);
	assert_non_null(c);
	return c;
}

#define COUNT(s, name) ((int)(s)->h.env.counters.tcp.name)

static void passive(void **state)
{
	struct iovec iov = { .iov_base = "answer", .iov_len = 6 };
	struct signers s;

	(void)state;
	begin(&s, 8);
	/* All of this fits into 40 bytes (RFC 5925 §7.6). */
	struct segment answer = call(&s, 1000,
				     (struct tcp_options){ .has_timestamp = true,
							   .ts_value = 5,
							   .sack_permitted = true,
							   .has_window_scale = true });
	assert_true(answer.h.options.has_timestamp && answer.h.options.sack_permitted);
	assert_int_equal(answer.h.len, 56);
	assert_int_equal(answer.h.options.key_id, 101);
	assert_int_equal(answer.h.options.next_key_id, 1);
	signers_end(&s);
	begin(&s, 8);
	struct tcp_conn *c = accept_call(&s, 1000);
	assert_int_equal(c->mss, 1444);
	signers_inject(&s, TCP_ACK | TCP_PSH, 1001, 100, &s.peer);
	assert_int_equal(pb_tcp_send(c, &iov, 1, false), 6);
	assert_int_equal(signers_expect(&s, TCP_ACK).h.ack, 1101);
	assert_int_equal(signers_expect(&s, TCP_ACK | TCP_PSH).text_len, 6);
	pb_tcp_close(c, true);
	signers_expect(&s, TCP_RST | TCP_ACK);
	assert_int_equal(COUNT(&s, AOGood), 3);
	signers_end(&s);
}

static void active(void **state)
{
	struct tcp_settings set = pb_tcp_settings_default;
	struct ip to = harness_ip(PEERS), other = harness_ip("203.0.113.1");
	struct tcp_conn *c;
	struct signers s;

	(void)state;
	begin(&s, 8);
	add_key(&set.auth, PEERS, 101, 1, "first");
	assert_int_equal(pb_tcp_connect(s.h.tcp, &set, NULL, &other, 1, &s, &c), -EKEYREJECTED);
	assert_int_equal(pb_tcp_connect(s.h.tcp, &set, NULL, &to, HARNESS_PEER, &s, &c), 0);
	s.pair.remote_port = c->entry.pair.local_port;
	struct segment syn = signers_expect(&s, TCP_SYN), answer = {
		.h = {.flags = TCP_SYN | TCP_ACK, .window = 65535}
	};
	assert_true(syn.h.options.has_timestamp && syn.h.options.sack_permitted);
	answer.h.seq = 5000;
	answer.h.dst_port = s.pair.remote_port;
	answer.h.ack = syn.h.seq + 1;
	s.peer.iss.v = s.peer.sent = 5000;
	s.peer.irs.v = s.peer.received = syn.h.seq;
	s.peer.knows_peer = true;
	harness_inject(&s.h, &answer); /* unsigned */
	assert_int_equal(c->state, STATE_SYN_SENT);
	assert_int_equal(COUNT(&s, AORequired), 1);
	answer.party = &s.peer;
	harness_inject(&s.h, &answer);
	assert_int_equal(c->state, STATE_ESTABLISHED);
	signers_expect(&s, TCP_ACK);
	pb_tcp_close(c, true);
	signers_expect(&s, TCP_RST | TCP_ACK);
	signers_end(&s);
}

/*
 * Of keys for several peers, which may have the same identifiers, those for this one stay; of a link, whichever it is.
 */
static void one_peers_keys(void **state)
{
	struct ip here = harness_ip("fe80::1"), there = ip_in_zone(&here, 3);
	struct tcp_auth *a = NULL;

	(void)state;
	struct tcp_mkt *near = add_key(&a, "fe80::1", 1, 2, "near");
	struct tcp_mkt *far = add_key(&a, PEERS, 1, 2, "far");
	near->bits = 128;
	a->current = far;
	a->wanted = near;
	assert_int_equal(pb_tcp_auth_connect(a, &there), 0);
	pb_tcp_auth_begin(a, &there);
	assert_ptr_equal(a->mkts, near);
	assert_ptr_equal(a->current, near);
	assert_ptr_equal(a->wanted, near);
	assert_null(near->next);
	assert_int_equal(a->count, 1);
	pb_tcp_auth_free(a);
}

/* A reset in answer to our SYN: its own number is the first of nothing, but what its key is made with. */
static void refused(void **state)
{
	struct tcp_settings set = pb_tcp_settings_default;
	struct ip to = harness_ip(PEERS);
	struct tcp_conn *c;
	struct signers s;

	(void)state;
	begin(&s, 8);
	add_key(&set.auth, PEERS, 101, 1, "first");
	assert_int_equal(pb_tcp_connect(s.h.tcp, &set, NULL, &to, HARNESS_PEER, &s, &c), 0);
	s.pair.remote_port = c->entry.pair.local_port;
	struct segment syn = signers_expect(&s, TCP_SYN), reset = { .h = { .flags = TCP_RST | TCP_ACK } };
	reset.h.ack = syn.h.seq + 1;
	reset.h.dst_port = s.pair.remote_port;
	harness_inject(&s.h, &reset);
	assert_int_equal(c->state, STATE_SYN_SENT);
	s.peer.iss.v = s.peer.sent = 0;
	s.peer.irs.v = syn.h.seq;
	s.peer.knows_peer = true;
	reset.party = &s.peer;
	harness_inject(&s.h, &reset);
	assert_int_equal(c->state, STATE_CLOSED);
	assert_int_equal(c->error, ECONNREFUSED);
	pb_tcp_close(c, false);
	signers_end(&s);
}

/* RFC 5925 §7.5: the peer asks for another key, which signs from then on; ours is asked for likewise. */
static void rollover(void **state)
{
	struct signers s;

	(void)state;
	begin(&s, 8);
	struct tcp_conn *c = accept_call(&s, 1000);
	struct tcp_mkt *second = share_key(&s, &c->set.auth, 2, "second");
	assert_int_equal(c->set.auth->current->send_id, 101);
	s.peer.wanted = 77; /* there is none such: nothing changes */
	signers_inject(&s, TCP_ACK, 1001, 10, &s.peer);
	assert_int_equal(c->set.auth->current->send_id, 101);
	s.peer.wanted = 102;
	signers_inject(&s, TCP_ACK, 1011, 10, &s.peer);
	assert_int_equal(c->set.auth->current->send_id, 102);
	assert_int_equal(signers_expect(&s, TCP_ACK).h.options.key_id, 101);
	struct segment ack = signers_expect(&s, TCP_ACK);
	assert_int_equal(ack.h.ack, 1021);
	assert_int_equal(ack.h.options.key_id, 102);
	assert_int_equal(ack.h.options.next_key_id, 1);
	c->set.auth->wanted = pb_tcp_ao_find(c->set.auth, &c->entry.pair.remote, AO_ANY_ID, 2);
	s.peer.current = second;
	signers_inject(&s, TCP_ACK, 1021, 10, &s.peer);
	assert_int_equal(c->rcv_nxt.v, 1031);
	/* What was under way, signed with the old one, is still good, until that goes. */
	s.peer.current = second->next;
	signers_inject(&s, TCP_ACK, 1031, 10, &s.peer);
	assert_int_equal(c->rcv_nxt.v, 1041);
	struct tcp_mkt *old = pb_tcp_ao_find(c->set.auth, &c->entry.pair.remote, 101, 1);
	assert_int_equal(pb_tcp_ao_remove(&c->set.auth, c->set.auth->current), -EBUSY);
	assert_int_equal(pb_tcp_ao_remove(&c->set.auth, old), 0);
	signers_inject(&s, TCP_ACK, 1041, 10, &s.peer);
	assert_int_equal(c->rcv_nxt.v, 1041);
	assert_int_equal(COUNT(&s, AOKeyNotFound), 1);
	pb_tcp_close(c, true);
	harness_forget(&s.h);
	signers_end(&s);
}

/* The peer's numbers wrap: what is behind that is signed with the next SNE, what comes late with the one before. */
static void peers_numbers_wrap(void **state)
{
	const uint32_t isn = UINT32_MAX - 1000;
	struct signers s;

	(void)state;
	begin(&s, 8);
	struct tcp_conn *c = accept_call(&s, isn);
	signers_inject(&s, TCP_ACK, isn + 1, 500, &s.peer);
	signers_inject(&s, TCP_ACK, isn + 1501, 500, &s.peer); /* ahead of a gap, on the other side */
	signers_inject(&s, TCP_ACK, isn + 501, 1000, &s.peer);
	assert_int_equal(c->rcv_nxt.v, isn + 2001);
	signers_inject(&s, TCP_ACK, isn + 501, 1000, &s.peer); /* again */
	signers_inject(&s, TCP_ACK, isn + 2001, 1, &s.peer);
	assert_int_equal(c->rcv_nxt.v, isn + 2002);
	assert_int_equal(COUNT(&s, AOBad), 0);
	assert_true(c->set.auth->received >> 32 == 1);
	pb_tcp_close(c, true);
	harness_forget(&s.h);
	signers_end(&s);
}

/* One less than 2^32: the first byte of text has the next SNE already. */
static void wraps_behind_the_syn(void **state)
{
	struct signers s;

	(void)state;
	begin(&s, 8);
	struct tcp_conn *c = accept_call(&s, UINT32_MAX);
	signers_inject(&s, TCP_ACK, 0, 10, &s.peer);
	assert_int_equal(c->rcv_nxt.v, 10);
	assert_int_equal(COUNT(&s, AOBad), 0);
	pb_tcp_close(c, true);
	harness_forget(&s.h);
	signers_end(&s);
}

/* Ours wrap: the clock of RFC 6528 is waited for. */
static void our_numbers_wrap(void **state)
{
	static char text[4000];
	struct iovec iov = { .iov_base = text, .iov_len = sizeof text };
	struct signers s;

	(void)state;
	begin(&s, 8);
	const struct socket_pair pair = { harness_ip(OURS), harness_ip(PEERS), HARNESS_PORT, HARNESS_PEER };
	uint32_t iss = pb_tcp_isn(s.h.tcp, pb_tcp_secret(s.h.tcp, &pair)).v;
	harness_run(&s.h, (pb_time)(UINT32_MAX - iss - 1000) * 4000);
	struct tcp_conn *c = accept_call(&s, 1000);
	assert_true(c->iss.v > UINT32_MAX - 1500);
	c->congestion.cwnd = sizeof text;
	assert_int_equal(pb_tcp_send(c, &iov, 1, false), sizeof text);
	signers_expect(&s, TCP_ACK);
	signers_expect(&s, TCP_ACK);
	assert_true(signers_expect(&s, TCP_ACK | TCP_PSH).h.seq < 4000);
	s.theirs += 3000; /* some is acknowledged: past the wrap */
	signers_inject(&s, TCP_ACK, 1001, 0, &s.peer);
	harness_forget(&s.h);
	harness_run(&s.h, PB_SEC(3)); /* and the rest is sent again */
	struct segment again;
	assert_true(harness_sent_signed(&s.h, &again, &s.peer));
	assert_true(c->set.auth->sent >> 32 == 1);
	pb_tcp_close(c, true);
	harness_forget(&s.h);
	signers_end(&s);
}

static void not_admitted(void **state)
{
	struct signers s;

	(void)state;
	begin(&s, 8);
	signers_inject(&s, TCP_SYN, 1000, 0, NULL);
	assert_int_equal(COUNT(&s, AORequired), 1);
	s.peer.current->key[0] ^= 1;
	signers_inject(&s, TCP_SYN, 1000, 0, &s.peer);
	assert_int_equal(COUNT(&s, AOBad), 1);
	s.peer.current->key[0] ^= 1;
	s.peer.current->send_id = 9;
	signers_inject(&s, TCP_SYN, 1000, 0, &s.peer);
	assert_int_equal(COUNT(&s, AOKeyNotFound), 1);
	s.peer.current->send_id = 1;
	signers_expect_silence(&s);
	struct tcp_conn *c = accept_call(&s, 1000);
	signers_inject(&s, TCP_RST, 1001, 0, NULL);
	s.peer.current->key[0] ^= 1;
	s.peer.current->derived = false;
	signers_inject(&s, TCP_RST, 1001, 0, &s.peer);
	s.peer.current->key[0] ^= 1;
	s.peer.current->mac_len = 4; /* shorter is easier to guess */
	signers_inject(&s, TCP_RST, 1001, 0, &s.peer);
	s.peer.current->mac_len = AO_MAC_LEN;
	assert_int_equal(c->state, STATE_ESTABLISHED);
	assert_int_equal(COUNT(&s, AORequired), 2);
	assert_int_equal(COUNT(&s, AOBad), 3);
	signers_expect_silence(&s);
	signers_inject(&s, TCP_RST, 1001, 0, &s.peer);
	assert_int_equal(c->state, STATE_CLOSED);
	pb_tcp_close(c, false);
	signers_end(&s);
}

/* A call that came with it does not go on without, nor one without with it; and not when the keys have gone. */
static void as_it_began(void **state)
{
	struct signers s;

	(void)state;
	begin(&s, 8);
	call(&s, 1000, (struct tcp_options){ 0 });
	signers_inject(&s, TCP_ACK, 1001, 0, NULL);
	assert_int_equal(COUNT(&s, AORequired), 1);
	struct tcp_mkt *m = s.l->set.auth->mkts;
	s.l->set.auth->required = true; /* who else comes */
	assert_int_equal(pb_tcp_ao_remove(&s.l->set.auth, m), 0);
	signers_inject(&s, TCP_ACK, 1001, 0, &s.peer);
	signers_inject(&s, TCP_ACK, 1001, 0, NULL);
	assert_null(pb_tcp_accept(s.l, &s));
	harness_run(&s.h, PB_SEC(2)); /* nor is the SYN-ACK sent again */
	signers_expect_silence(&s);
	signers_end(&s);
}

static void time_wait(void **state)
{
	struct signers s;

	(void)state;
	begin(&s, 8);
	struct tcp_conn *c = accept_call(&s, 1000);
	pb_tcp_close(c, false);
	s.theirs = signers_expect(&s, TCP_FIN | TCP_ACK).h.seq + 1;
	signers_inject(&s, TCP_FIN | TCP_ACK, 1001, 0, &s.peer);
	signers_expect(&s, TCP_ACK);
	signers_inject(&s, TCP_FIN | TCP_ACK, 1001, 0, &s.peer);
	signers_expect(&s, TCP_ACK);
	signers_inject(&s, TCP_RST, 1002, 0, NULL);
	signers_inject(&s, TCP_SYN, 900000, 0, NULL);
	assert_int_equal(COUNT(&s, AORequired), 2);
	assert_int_equal(s.h.tcp->time_wait_count, 1);
	signers_expect_silence(&s);
	c = accept_call(&s, 900000);
	assert_int_equal(s.h.tcp->time_wait_count, 0);
	pb_tcp_close(c, true);
	harness_forget(&s.h);
	signers_end(&s);
}

/* RFC 5925 §7.7: its first numbers are gone with the connection, and so is what a reset would be signed with. */
static void no_reset_of_strays(void **state)
{
	struct signers s;

	(void)state;
	begin(&s, 8);
	s.theirs = 77;
	s.peer.knows_peer = true;
	s.peer.iss.v = s.peer.sent = 4999;
	s.peer.irs.v = 76;
	signers_inject(&s, TCP_ACK, 5000, 10, &s.peer);
	assert_int_equal(COUNT(&s, AOGood), 1); /* as a cookie's would be */
	signers_expect_silence(&s);
	signers_end(&s);
}

static void cookies(void **state)
{
	struct signers s;

	(void)state;
	begin(&s, 0);
	for (uint16_t port = 1; port <= 8; port++) {
		struct segment syn = {
			.h = {.flags = TCP_SYN, .src_port = port, .window = 65535},
                          .from = "203.0.113.5"
		};
		harness_inject(&s.h, &syn);
	}
	harness_forget(&s.h);
	struct tcp_conn *c = accept_call(&s, 1000);
	assert_int_equal(COUNT(&s, SyncookiesRecv), 1);
	pb_tcp_close(c, true);
	signers_expect(&s, TCP_RST | TCP_ACK);
	signers_end(&s);
}

/* RFC 5925 §7.8 */
static void icmp(void **state)
{
	struct signers s;

	(void)state;
	begin(&s, 8);
	struct tcp_conn *c = accept_call(&s, 1000);
	struct iovec iov = { .iov_base = "text", .iov_len = 4 };
	assert_int_equal(pb_tcp_send(c, &iov, 1, false), 4);
	uint8_t quote[8] = { 0, HARNESS_PORT, HARNESS_PEER >> 8, HARNESS_PEER & 255 };
	wr_u32(&(struct writer){ .p = quote + 4, .left = 4 }, c->snd_una.v);
	struct ip_error e = { .src = harness_ip(OURS),
			      .dst = harness_ip(PEERS),
			      .protocol = IPPROTO_TCP,
			      .quote = quote,
			      .quote_len = sizeof quote,
			      .type = ICMP4_UNREACHABLE,
			      .code = ICMP4_TOO_BIG,
			      .error = EMSGSIZE,
			      .mtu = 600 };
	pb_tcp_complaint(s.h.tcp, &e);
	assert_int_equal(COUNT(&s, AODroppedIcmps), 1);
	assert_int_equal(c->path.mtu, 1500);
	c->set.auth->accepts_icmp = true;
	pb_tcp_complaint(s.h.tcp, &e);
	assert_int_equal(c->path.mtu, 600);
	pb_tcp_close(c, true);
	harness_forget(&s.h);
	signers_end(&s);
}

/* RFC 5925 §3.1: identifiers may not be taken twice for one peer; and a peer has keys of one kind. */
static void keys_that_clash(void **state)
{
	struct tcp_auth *a = NULL;
	struct tcp_mkt m = { .algorithm = pb_tcp_ao_algorithm("hmac(sha1)"),
			     .peer = harness_ip("198.51.100.0"),
			     .bits = 24,
			     .send_id = 1,
			     .receive_id = 9 },
		       *added;
	struct ip peer = harness_ip(PEERS), other = harness_ip("10.0.0.1");

	(void)state;
	add_key(&a, PEERS, 1, 2, "k");
	assert_int_equal(pb_tcp_ao_add(&a, &m, &added), -EEXIST);
	m.send_id = 9;
	m.receive_id = 2;
	assert_int_equal(pb_tcp_ao_add(&a, &m, &added), -EEXIST);
	m.receive_id = 9;
	assert_int_equal(pb_tcp_ao_add(&a, &m, &added), 0);
	assert_int_equal(pb_tcp_md5_set(&a, &peer, 32, "k", 1), -EKEYREJECTED);
	assert_int_equal(pb_tcp_md5_set(&a, &other, 32, "k", 1), 0);
	add_key(&a, "10.0.0.2", 1, 2, "k");
	m.peer = other;
	m.bits = 8;
	assert_int_equal(pb_tcp_ao_add(&a, &m, &added), -EKEYREJECTED);
	pb_tcp_auth_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passive),
		cmocka_unit_test(active),
		cmocka_unit_test(one_peers_keys),
		cmocka_unit_test(refused),
		cmocka_unit_test(rollover),
		cmocka_unit_test(peers_numbers_wrap),
		cmocka_unit_test(wraps_behind_the_syn),
		cmocka_unit_test(our_numbers_wrap),
		cmocka_unit_test(not_admitted),
		cmocka_unit_test(as_it_began),
		cmocka_unit_test(time_wait),
		cmocka_unit_test(no_reset_of_strays),
		cmocka_unit_test(cookies),
		cmocka_unit_test(icmp),
		cmocka_unit_test(keys_that_clash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
