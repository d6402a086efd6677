/* Segments signed with MD5, RFC 2385: what is admitted and counted, and that all that leaves is signed. */
#include "signers.h"

#include <errno.h>
#include <sys/socket.h>

static void set_key(struct tcp_auth **where, const char *peer, unsigned bits, const char *key)
{
	struct ip a = harness_ip(peer);

	assert_int_equal(pb_tcp_md5_set(where, &a, bits, key, strlen(key)), 0);
}

static void begin(struct signers *s, unsigned backlog)
{
	signers_begin(s, backlog, false);
	set_key(&s->l->set.auth, PEERS, 32, "secret");
	set_key(&s->keys, OURS, 32, "secret");
	s->peer.auth = s->keys;
}

static struct segment call(struct signers *s, struct tcp_options options)
{
	options.mss = 1460;
	harness_inject(&s->h,
		       &(struct segment){
			       .h = {.flags = TCP_SYN, .seq = 1000, .window = 65535, .options = options},
			       .party = &s->peer
        });
	struct segment answer = signers_expect(s, TCP_SYN | TCP_ACK);
	s->theirs = answer.h.seq + 1;
	return answer;
}

static struct tcp_conn *accept_call(struct signers *s)
{
	call(s, (struct tcp_options){ 0 });
	signers_inject(s, TCP_ACK, 1001, 0, &s->peer);
	struct tcp_conn *c = pb_tcp_accept(s->l, s);
	assert_non_null(c);
	return c;
}

#define COUNT(s, name) ((int)(s)->h.env.counters.tcp.name)

static void both_ways(void **state)
{
	struct iovec iov = { .iov_base = "answer", .iov_len = 6 };
	struct signers s;

	(void)state;
	begin(&s, 8);
	struct tcp_conn *c = accept_call(&s);
	assert_int_equal(c->mss, 1440); /* §4.3: 20 bytes of each segment are the option's */
	signers_inject(&s, TCP_ACK | TCP_PSH, 1001, 100, &s.peer);
	assert_int_equal(c->rcv_nxt.v, 1101);
	assert_int_equal(pb_tcp_send(c, &iov, 1, false), 6);
	assert_int_equal(signers_expect(&s, TCP_ACK).h.ack, 1101);
	assert_int_equal(signers_expect(&s, TCP_ACK | TCP_PSH).text_len, 6);
	pb_tcp_close(c, true);
	signers_expect(&s, TCP_RST | TCP_ACK);
	signers_end(&s);
}

/* Each case of RFC 2385 §2.0's last words, with Linux's counters. */
static void not_admitted(void **state)
{
	struct tcp_auth *wrong = NULL;
	struct signers s;

	(void)state;
	begin(&s, 8);
	set_key(&wrong, OURS, 32, "Secret");
	struct tcp_party liar = s.peer;
	liar.auth = wrong;
	signers_inject(&s, TCP_SYN, 1000, 0, NULL);
	assert_int_equal(COUNT(&s, MD5NotFound), 1);
	signers_inject(&s, TCP_SYN, 1000, 0, &liar);
	assert_int_equal(COUNT(&s, MD5Failure), 1);
	signers_expect_silence(&s);
	struct tcp_conn *c = accept_call(&s);
	signers_inject(&s, TCP_ACK, 1001, 10, NULL);
	signers_inject(&s, TCP_RST, 1001, 0, NULL);
	signers_inject(&s, TCP_RST, 1001, 0, &liar);
	assert_int_equal(COUNT(&s, MD5NotFound), 3);
	assert_int_equal(COUNT(&s, MD5Failure), 2);
	assert_int_equal(c->rcv_nxt.v, 1001);
	assert_int_equal(c->state, STATE_ESTABLISHED);
	signers_expect_silence(&s);
	signers_inject(&s, TCP_RST, 1001, 0, &s.peer);
	assert_int_equal(c->state, STATE_CLOSED);
	pb_tcp_close(c, false);
	pb_tcp_auth_free(wrong);
	signers_end(&s);
}

/* Another peer, who has no key, goes without; but not with. */
static void other_peers(void **state)
{
	struct segment syn = { .h = {.flags = TCP_SYN, .seq = 1000, .window = 65535}, .from = "203.0.113.5" }, seen;
	struct signers s;

	(void)state;
	begin(&s, 8);
	harness_inject(&s.h, &syn);
	assert_true(harness_sent(&s.h, &seen, NULL));
	assert_int_equal(seen.h.options.auth, TCP_UNSIGNED);
	syn.h.src_port = 4000;
	syn.party = &s.peer;
	harness_inject(&s.h, &syn);
	assert_int_equal(COUNT(&s, MD5Unexpected), 1);
	signers_expect_silence(&s);
	signers_end(&s);
}

/* A record, too: what began unsigned goes on unsigned. */
static void unexpected_on_a_record(void **state)
{
	struct tcp_auth *keys = NULL;
	struct signers s;
	struct segment seen;

	(void)state;
	begin(&s, 8);
	struct ip peer = harness_ip(PEERS);
	assert_int_equal(pb_tcp_md5_remove(&s.l->set.auth, &peer, 32), 0);
	assert_null(s.l->set.auth);
	assert_int_equal(pb_tcp_md5_remove(&s.l->set.auth, &peer, 32), -ENOENT);
	signers_inject(&s, TCP_SYN, 1000, 0, NULL);
	assert_true(harness_sent(&s.h, &seen, NULL));
	s.theirs = seen.h.seq + 1;
	signers_inject(&s, TCP_ACK, 1001, 0, &s.peer);
	assert_int_equal(COUNT(&s, MD5Unexpected), 1);
	assert_null(pb_tcp_accept(s.l, &s));
	signers_inject(&s, TCP_ACK, 1001, 0, NULL);
	struct tcp_conn *c = pb_tcp_accept(s.l, &s);
	assert_non_null(c);
	pb_tcp_close(c, true);
	harness_forget(&s.h);
	(void)keys;
	signers_end(&s);
}

/* 40 bytes hold no timestamp, signature and SACK block together: as Linux, without timestamps where there is SACK. */
static void options_that_fit(void **state)
{
	struct signers s;

	(void)state;
	begin(&s, 8);
	struct segment answer =
		call(&s, (struct tcp_options){
				 .has_timestamp = true, .sack_permitted = true, .has_window_scale = true });
	assert_false(answer.h.options.has_timestamp);
	assert_true(answer.h.options.sack_permitted && answer.h.options.has_window_scale);
	signers_end(&s);
	begin(&s, 8);
	answer = call(&s, (struct tcp_options){ .has_timestamp = true, .has_window_scale = true });
	assert_true(answer.h.options.has_timestamp);
	signers_end(&s);
}

/* Two blocks fit beside a signature. */
static void sack_blocks(void **state)
{
	struct signers s;

	(void)state;
	begin(&s, 8);
	call(&s, (struct tcp_options){ .sack_permitted = true });
	signers_inject(&s, TCP_ACK, 1001, 0, &s.peer);
	struct tcp_conn *c = pb_tcp_accept(s.l, &s);
	for (uint32_t at = 2001; at < 8001; at += 2000) {
		harness_forget(&s.h);
		signers_inject(&s, TCP_ACK, at, 10, &s.peer);
	}
	struct segment ack = signers_expect(&s, TCP_ACK);
	assert_int_equal(ack.h.options.sack_count, 2);
	assert_int_equal(ack.h.options.sack[0].start, 6001);
	assert_int_equal(ack.h.options.sack[1].start, 4001);
	pb_tcp_close(c, true);
	harness_forget(&s.h);
	signers_end(&s);
}

/* The longest prefix; a key for another family is none. */
static void prefixes(void **state)
{
	struct tcp_auth *a = NULL;
	struct ip peer = harness_ip(PEERS), near = harness_ip("198.51.100.9"), far = harness_ip("10.0.0.1");
	struct ip ip6 = harness_ip("2001:db8::1");

	(void)state;
	set_key(&a, "198.51.100.77", 24, "net"); /* its host bits do not count */
	set_key(&a, PEERS, 32, "host");
	set_key(&a, "0.0.0.0", 0, "any");
	assert_memory_equal(pb_tcp_md5_find(a, &peer)->key, "host", 4);
	assert_memory_equal(pb_tcp_md5_find(a, &near)->key, "net", 3);
	assert_memory_equal(pb_tcp_md5_find(a, &far)->key, "any", 3);
	assert_null(pb_tcp_md5_find(a, &ip6));
	set_key(&a, "198.51.100.0", 24, "new");
	assert_memory_equal(pb_tcp_md5_find(a, &near)->key, "new", 3);
	assert_int_equal(a->count, 3);
	pb_tcp_auth_free(a);
}

static void time_wait(void **state)
{
	struct signers s;

	(void)state;
	begin(&s, 8);
	struct tcp_conn *c = accept_call(&s);
	pb_tcp_close(c, false);
	s.theirs = signers_expect(&s, TCP_FIN | TCP_ACK).h.seq + 1;
	signers_inject(&s, TCP_FIN | TCP_ACK, 1001, 0, &s.peer);
	signers_expect(&s, TCP_ACK);
	assert_int_equal(s.h.tcp->time_wait_count, 1);
	signers_inject(&s, TCP_FIN | TCP_ACK, 1001, 0, &s.peer); /* ours was lost */
	signers_expect(&s, TCP_ACK);
	signers_inject(&s, TCP_RST, 1002, 0, NULL);
	signers_inject(&s, TCP_SYN, 900000, 0, NULL); /* nor does a SYN that nobody signed take its place */
	assert_int_equal(COUNT(&s, MD5NotFound), 2);
	assert_int_equal(s.h.tcp->time_wait_count, 1);
	signers_expect_silence(&s);
	signers_inject(&s, TCP_SYN, 900000, 0, &s.peer);
	signers_expect(&s, TCP_SYN | TCP_ACK);
	assert_int_equal(s.h.tcp->time_wait_count, 0);
	signers_end(&s);
}

/* We have started anew, and know nothing of a connection; the key is still there. */
static void resets_of_strays(void **state)
{
	struct signers s;

	(void)state;
	begin(&s, 8);
	s.theirs = 77;
	signers_inject(&s, TCP_ACK, 5000, 10, &s.peer);
	assert_int_equal(signers_expect(&s, TCP_RST).h.seq, 77);
	signers_inject(&s, TCP_ACK, 5000, 10, NULL);
	signers_expect_silence(&s);
	/* From the port of our listener to one that we had chosen: the peer, too, listens there. */
	s.pair.local_port = HARNESS_PORT;
	s.pair.remote_port = 50000;
	struct segment stray = {
		.h = {.flags = TCP_ACK, .src_port = HARNESS_PORT, .dst_port = 50000, .ack = 88},
		.party = &s.peer
	};
	harness_inject(&s.h, &stray);
	assert_int_equal(signers_expect(&s, TCP_RST).h.seq, 88);
	s.keys->md5->key[0] ^= 1;
	harness_inject(&s.h, &stray);
	signers_expect_silence(&s);
	s.keys->md5->key[0] ^= 1;
	stray.party = NULL; /* who says so unsigned is answered so: it is not known whose it was */
	harness_inject(&s.h, &stray);
	struct segment seen;
	assert_true(harness_sent(&s.h, &seen, NULL));
	assert_int_equal(seen.h.options.auth, TCP_UNSIGNED);
	signers_end(&s);
}

static void cookies(void **state)
{
	struct signers s;

	(void)state;
	begin(&s, 0);
	for (uint16_t port = 1; port <= 8; port++) { /* all records there are */
		struct segment syn = {
			.h = {.flags = TCP_SYN, .src_port = port, .window = 65535},
                          .from = "203.0.113.5"
		};
		harness_inject(&s.h, &syn);
	}
	harness_forget(&s.h);
	call(&s, (struct tcp_options){ 0 });
	assert_int_equal(COUNT(&s, SyncookiesSent), 1);
	signers_inject(&s, TCP_ACK, 1001, 0, NULL);
	assert_null(pb_tcp_accept(s.l, &s));
	signers_inject(&s, TCP_ACK, 1001, 0, &s.peer);
	struct tcp_conn *c = pb_tcp_accept(s.l, &s);
	assert_non_null(c);
	assert_non_null(c->set.auth);
	pb_tcp_close(c, true);
	signers_expect(&s, TCP_RST | TCP_ACK);
	signers_end(&s);
}

static void connecting(void **state)
{
	struct tcp_settings set = pb_tcp_settings_default;
	struct ip to = harness_ip(PEERS);
	struct tcp_conn *c;
	struct signers s;

	(void)state;
	begin(&s, 8);
	set_key(&set.auth, PEERS, 32, "secret");
	assert_int_equal(pb_tcp_connect(s.h.tcp, &set, NULL, &to, HARNESS_PEER, &s, &c), 0);
	s.pair.remote_port = c->entry.pair.local_port;
	struct segment syn = signers_expect(&s, TCP_SYN), answer = {
		.h = {.flags = TCP_SYN | TCP_ACK, .window = 65535}
	};
	assert_false(syn.h.options.has_timestamp);
	assert_true(syn.h.options.sack_permitted && syn.h.options.mss == 1460);
	answer.h.dst_port = s.pair.remote_port;
	answer.h.ack = syn.h.seq + 1;
	harness_inject(&s.h, &answer);
	assert_int_equal(c->state, STATE_SYN_SENT);
	answer.h.flags = TCP_RST | TCP_ACK;
	harness_inject(&s.h, &answer);
	assert_int_equal(c->state, STATE_SYN_SENT);
	answer.h.flags = TCP_SYN | TCP_ACK;
	answer.party = &s.peer;
	harness_inject(&s.h, &answer);
	assert_int_equal(c->state, STATE_ESTABLISHED);
	signers_expect(&s, TCP_ACK);
	pb_tcp_close(c, true);
	harness_forget(&s.h);
	signers_end(&s);
}

/* Each segment is signed, so that none leaves for others to cut; and a new key holds at once. */
static void no_super_segments(void **state)
{
	static char text[10000];
	struct iovec iov = { .iov_base = text, .iov_len = sizeof text };
	struct signers s;
	uint32_t sent = 0;

	(void)state;
	begin(&s, 8);
	struct tcp_conn *c = accept_call(&s);
	set_key(&c->set.auth, PEERS, 32, "changed");
	set_key(&s.keys, OURS, 32, "changed");
	s.peer.auth = s.keys;
	c->congestion.cwnd = sizeof text;
	assert_int_equal(pb_tcp_send(c, &iov, 1, false), sizeof text);
	while (s.h.sent.count) {
		struct segment segment;
		assert_true(harness_sent_signed(&s.h, &segment, &s.peer));
		assert_true(segment.text_len <= 1440);
		sent += segment.text_len;
	}
	assert_int_equal(sent, sizeof text);
	pb_tcp_close(c, true);
	harness_forget(&s.h);
	signers_end(&s);
}

static void does_not_sleep(void **state)
{
	struct signers s;

	(void)state;
	begin(&s, 8);
	struct tcp_conn *c = accept_call(&s);
	harness_run(&s.h, PB_SEC(60));
	assert_int_equal(COUNT(&s, IdleSleeps), 0);
	assert_int_equal(c->state, STATE_ESTABLISHED);
	pb_tcp_close(c, true);
	harness_forget(&s.h);
	signers_end(&s);
}

static void as_many_as_there_may_be(void **state)
{
	struct tcp_auth *a = NULL;

	(void)state;
	for (unsigned i = 0; i < TCP_KEYS_MAX; i++) {
		struct ip peer = ip_from4((const uint8_t[4]){ 10, 0, (uint8_t)(i >> 8), (uint8_t)i });
		assert_int_equal(pb_tcp_md5_set(&a, &peer, 32, "k", 1), 0);
	}
	struct ip one_more = harness_ip("10.1.0.0");
	assert_int_equal(pb_tcp_md5_set(&a, &one_more, 32, "k", 1), -ENOMEM);
	pb_tcp_auth_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),        cmocka_unit_test(not_admitted),
		cmocka_unit_test(other_peers),      cmocka_unit_test(unexpected_on_a_record),
		cmocka_unit_test(options_that_fit), cmocka_unit_test(sack_blocks),
		cmocka_unit_test(prefixes),         cmocka_unit_test(time_wait),
		cmocka_unit_test(resets_of_strays), cmocka_unit_test(cookies),
		cmocka_unit_test(connecting),       cmocka_unit_test(no_super_segments),
		cmocka_unit_test(does_not_sleep),   cmocka_unit_test(as_many_as_there_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
