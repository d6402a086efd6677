/* TCP fast open, RFC 7413: cookies, what is known of servers, and both sides of a handshake with text in the SYN. */
#include "harness.h"

#include "random.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define DAY PB_SEC(24 * 3600)

static struct harness h;

static int begin(void **state)
{
	(void)state;
	harness_begin(&h, 1, NULL);
	return 0;
}

static struct segment sent(void)
{
	struct segment s, more;

	assert_true(harness_sent(&h, &s, NULL));
	assert_false(harness_sent(&h, &more, NULL));
	return s;
}

static void nothing_sent(void)
{
	struct segment s;

	if (harness_sent(&h, &s, NULL))
		fail_msg("sent a segment with flags %x", s.h.flags);
}

/*
 * -- Cookies
 */

static const uint8_t key[FAST_OPEN_KEY_LEN] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

/* SipHash-2-4 over caller and server, little-endian, as Linux has it: computed apart from this code. */
static void golden_cookies(void **state)
{
	static const struct {
		const char *caller, *server;
		uint8_t cookie[8];
	} cases[] = {
		{"198.51.100.1", "192.0.2.1",   { 0x3e, 0x19, 0x83, 0x66, 0xf5, 0x42, 0xe4, 0xb4 }},
		{ "2001:db8::1", "2001:db8::2", { 0x1c, 0xa0, 0xd8, 0x59, 0x58, 0x97, 0x7d, 0x3a }},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ip caller = harness_ip(cases[i].caller), server = harness_ip(cases[i].server);
		struct fast_open_cookie c = pb_fast_open_cookie(key, &caller, &server);
		assert_int_equal(c.len, 8);
		assert_memory_equal(c.bytes, cases[i].cookie, 8);
	}
}

static void nothing_else_is_one(void **state)
{
	struct fast_open_keys keys = { .count = 2 };
	struct ip caller = harness_ip("198.51.100.1"), server = harness_ip("192.0.2.1");
	struct ip other = harness_ip("198.51.100.2");

	(void)state;
	memcpy(keys.key[1], key, sizeof key);
	struct fast_open_cookie good = pb_fast_open_cookie(key, &caller, &server), bad;
	assert_int_equal(pb_fast_open_cookie_check(&keys, &good, &caller, &server), 1);
	assert_int_equal(pb_fast_open_cookie_check(&keys, &good, &other, &server), -1);
	assert_int_equal(pb_fast_open_cookie_check(&keys, &good, &caller, &other), -1);
	for (unsigned bit = 0; bit < 64; bit++) {
		bad = good;
		bad.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(pb_fast_open_cookie_check(&keys, &bad, &caller, &server), -1);
	}
	for (bad = good, bad.len = 0; bad.len <= TCP_COOKIE_LEN_MAX; bad.len++)
		if (bad.len != good.len)
			assert_int_equal(pb_fast_open_cookie_check(&keys, &bad, &caller, &server), -1);
}

/* RFC 7413 §4.1.2 (5): they expire, as the stack's own keys change from day to day. */
static void cookies_expire(void **state)
{
	static const struct fast_open_keys own;
	struct ip caller = harness_ip("198.51.100.1"), server = harness_ip("192.0.2.1");
	struct fast_open_keys then = pb_fast_open_keys(h.tcp, &own), now;
	struct fast_open_cookie cookie = pb_fast_open_cookie(then.key[0], &caller, &server);

	(void)state;
	for (int day = 0; day <= 2; day++) {
		now = pb_fast_open_keys(h.tcp, &own);
		assert_int_equal(pb_fast_open_cookie_check(&now, &cookie, &caller, &server),
				 day == 2 ? -1 : day);
		harness_run(&h, DAY);
	}
	harness_end(&h);
}

/*
 * -- What is known of servers
 */

static struct ip some_ip(uint32_t n)
{
	const uint8_t bytes[4] = { 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	return ip_from4(bytes);
}

static void peers_are_bounded(void **state)
{
	struct fast_open_peers p = {
		.key = {1, 2}
	};
	struct ip local = some_ip(0);
	unsigned known = 0;

	(void)state;
	for (uint32_t n = 1; n <= 1000; n++) {
		struct ip remote = some_ip(n);
		assert_null(pb_fast_open_peer_find(&p, &local, &remote));
		struct fast_open_peer *peer = pb_fast_open_peer_need(&p, 64, &local, &remote);
		assert_non_null(peer);
		assert_int_equal(peer->cookie.len, 0);
		peer->mss = (uint16_t)n;
		assert_ptr_equal(pb_fast_open_peer_find(&p, &local, &remote), peer);
	}
	for (uint32_t n = 1; n <= 1000; n++) {
		struct ip remote = some_ip(n);
		struct fast_open_peer *peer = pb_fast_open_peer_find(&p, &local, &remote);
		if (peer)
			assert_int_equal(peer->mss, n);
		known += peer != NULL;
	}
	assert_in_range(known, 32, 64);
	pb_fast_open_peers_forget(&p);
}

/* RFC 7413 §4.1.3: one failure may be chance; from the second on there is a pause, longer each time, for this port. */
static void failures_pause(void **state)
{
	const pb_time pause = PB_SEC(60);
	struct fast_open_peer p = { .mss = 1 };
	pb_time now = PB_SEC(1000);

	(void)state;
	pb_fast_open_peer_failed(&p, 80, now);
	assert_false(pb_fast_open_peer_is_paused(&p, 80, now, pause));
	for (int n = 0; n < 10; n++) {
		pb_time lasts = pause << (n < 6 ? n : 6);
		pb_fast_open_peer_failed(&p, 80, now);
		assert_true(pb_fast_open_peer_is_paused(&p, 80, now + lasts - 1, pause));
		assert_false(pb_fast_open_peer_is_paused(&p, 80, now + lasts, pause));
		assert_false(pb_fast_open_peer_is_paused(&p, 81, now, pause));
		assert_false(pb_fast_open_peer_is_paused(&p, 80, now, PB_NEVER));
	}
	pb_fast_open_peer_worked(&p, 81);
	assert_true(pb_fast_open_peer_is_paused(&p, 80, now, pause));
	pb_fast_open_peer_worked(&p, 80);
	assert_false(pb_fast_open_peer_is_paused(&p, 80, now, pause));
}

/*
 * -- Server
 */

static struct tcp_listener *listen_fast(unsigned most)
{
	struct tcp_listener *l = harness_listen(&h, 16);

	l->fast_open.most = most;
	return l;
}

static struct segment call(uint16_t port, uint32_t text_len)
{
	return (struct segment){
		.h = {.src_port = port,
                      .flags = TCP_SYN,
                      .seq = 1000,
                      .window = 5000,
                      .options = { .mss = 1400, .has_fast_open = true }},
		.text_len = text_len,
	};
}

/* The cookie of the peer's address. */
static void put_cookie(struct segment *s)
{
	struct segment asks = call(2000, 0), a,
		       end = {
			       .h = {.src_port = 2000, .flags = TCP_RST, .seq = 1001}
        };

	harness_inject(&h, &asks);
	a = sent();
	assert_int_equal(a.h.options.cookie_len, 8);
	s->h.options.cookie_len = a.h.options.cookie_len;
	memcpy(s->h.options.cookie, a.h.options.cookie, 8);
	harness_inject(&h, &end);
	nothing_sent();
}

static struct tcp_conn *accept_from(struct tcp_listener *l)
{
	struct tcp_conn *c = pb_tcp_accept(l, &h);

	assert_non_null(c);
	return c;
}

static ssize_t receive(struct tcp_conn *c)
{
	char room[4096];

	return pb_tcp_receive(c, &(struct iovec){ room, sizeof room }, 1, false);
}

static ssize_t send_bytes(struct tcp_conn *c, size_t n)
{
	static char text[20000];

	assert_true(n <= sizeof text);
	return pb_tcp_send(c, &(struct iovec){ text, n }, 1, false);
}

/* §4.2.2: the text is the application's before the handshake is complete, and so is the way back. */
static void opens_at_once(void **state)
{
	struct tcp_listener *l = listen_fast(4);
	struct segment s = call(3022, 100), a;

	(void)state;
	put_cookie(&s);
	harness_inject(&h, &s);
	a = sent();
	assert_int_equal(a.h.flags, TCP_SYN | TCP_ACK);
	assert_int_equal(a.h.ack, 1101);
	assert_false(a.h.options.has_fast_open);
	struct tcp_conn *c = accept_from(l);
	assert_int_equal(c->state, STATE_SYN_RECEIVED);
	assert_int_equal(pb_tcp_ready(c), POLLIN | POLLOUT);
	assert_int_equal(receive(c), 100);
	assert_int_equal(send_bytes(c, 200), 200);
	struct segment text = sent();
	assert_int_equal(text.h.seq, a.h.seq + 1);
	assert_int_equal(text.h.ack, 1101);
	assert_int_equal(text.text_len, 200);
	assert_int_equal(l->fast_open.count, 1);

	s = (struct segment){
		.h = {.flags = TCP_ACK, .seq = 1101, .ack = a.h.seq + 201, .window = 5000}
	};
	harness_inject(&h, &s);
	assert_int_equal(c->state, STATE_ESTABLISHED);
	assert_int_equal(c->bytes_acked, 200);
	assert_int_equal(l->fast_open.count, 0);
	assert_null(c->fast_open);
	pb_tcp_close(c, true);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* A SYN with a good cookie and no text: the server may speak first. */
static void speaks_first(void **state)
{
	struct tcp_listener *l = listen_fast(4);
	struct segment s = call(3022, 0), a;

	(void)state;
	put_cookie(&s);
	harness_inject(&h, &s);
	a = sent();
	assert_int_equal(a.h.ack, 1001);
	struct tcp_conn *c = accept_from(l);
	assert_int_equal(receive(c), -EAGAIN);
	assert_int_equal(send_bytes(c, 10), 10);
	assert_int_equal(sent().text_len, 10);
	pb_tcp_close(c, true);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* No more than the window of the SYN and the initial window, and the time-out repeats the SYN-ACK alone: §5.2. */
static void sends_little_into_the_unknown(void **state)
{
	struct tcp_listener *l = listen_fast(4);
	struct segment s = call(3022, 10), a;
	uint32_t bytes = 0;
	int syn_acks = 0;

	(void)state;
	put_cookie(&s);
	s.h.window = 65535;
	harness_inject(&h, &s);
	harness_forget(&h);
	struct tcp_conn *c = accept_from(l);
	assert_int_equal(receive(c), 10);
	assert_int_equal(send_bytes(c, 20000), 20000);
	while (harness_sent(&h, &a, NULL))
		bytes += a.text_len;
	assert_in_range(bytes, 1, 14600); /* RFC 6928 §2 */
	harness_run(&h, PB_SEC(200));
	for (bytes = 0; harness_sent(&h, &a, NULL); bytes += a.text_len)
		syn_acks += a.h.flags == (TCP_SYN | TCP_ACK) && a.h.ack == 1011;
	assert_int_equal(bytes, 0);
	assert_int_equal(syn_acks, 6);
	assert_int_equal(c->error, ETIMEDOUT);
	pb_tcp_close(c, false);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* §4.2.2: of another, the ISN alone is acknowledged, and a good one comes with it. */
static void wrong_cookie(void **state)
{
	struct tcp_listener *l = listen_fast(4);
	struct segment s = call(3022, 100), a;

	(void)state;
	put_cookie(&s);
	s.h.options.cookie[3] ^= 1;
	harness_inject(&h, &s);
	a = sent();
	assert_int_equal(a.h.ack, 1001);
	assert_int_equal(a.h.options.cookie_len, 8);
	s.h.options.cookie[3] ^= 1;
	assert_memory_equal(a.h.options.cookie, s.h.options.cookie, 8);
	assert_null(pb_tcp_accept(l, &h));
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* With TCP_FASTOPEN_KEY's second key: it is good still, but a new one comes with the answer. */
static void renews_cookie(void **state)
{
	struct tcp_listener *l = listen_fast(4);
	struct segment s = call(3022, 100), a;

	(void)state;
	l->fast_open.keys = (struct fast_open_keys){ .count = 1 };
	memcpy(l->fast_open.keys.key[0], key, sizeof key);
	put_cookie(&s);
	l->fast_open.keys = (struct fast_open_keys){ .count = 2, .key = { { 42 } } };
	memcpy(l->fast_open.keys.key[1], key, sizeof key);
	harness_inject(&h, &s);
	a = sent();
	assert_int_equal(a.h.ack, 1101);
	assert_int_equal(a.h.options.cookie_len, 8);
	assert_memory_not_equal(a.h.options.cookie, s.h.options.cookie, 8);
	assert_int_equal(h.env.counters.tcp.FastOpenPassiveAltKey, 1);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* Not asked for, no cookie comes; nor where the listener has no queue. */
static void only_where_wanted(void **state)
{
	struct tcp_listener *l = listen_fast(4);
	struct segment s = call(3022, 100), a;

	(void)state;
	s.h.options.has_fast_open = false;
	harness_inject(&h, &s);
	a = sent();
	assert_int_equal(a.h.ack, 1001);
	assert_false(a.h.options.has_fast_open);
	l->fast_open.most = 0;
	s = call(3023, 0);
	harness_inject(&h, &s);
	assert_false(sent().h.options.has_fast_open);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* The old form of the option is answered in the old form; what is sent again has no option. */
static void old_form_and_again(void **state)
{
	struct tcp_listener *l = listen_fast(4);
	struct segment s = call(3022, 0), a;

	(void)state;
	s.h.options.fast_open_experiment = true;
	harness_inject(&h, &s);
	a = sent();
	assert_true(a.h.options.fast_open_experiment && a.h.options.cookie_len == 8);
	harness_run(&h, PB_SEC(1));
	a = sent();
	assert_int_equal(a.h.flags, TCP_SYN | TCP_ACK);
	assert_false(a.h.options.has_fast_open);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* The SYN comes again, without text: so does the SYN-ACK, which acknowledges the text that came first. */
static void syn_again(void **state)
{
	struct tcp_listener *l = listen_fast(4);
	struct segment s = call(3022, 100), a;

	(void)state;
	put_cookie(&s);
	harness_inject(&h, &s);
	harness_forget(&h);
	s = call(3022, 0);
	s.h.options.has_fast_open = false;
	harness_inject(&h, &s);
	a = sent();
	assert_int_equal(a.h.flags, TCP_SYN | TCP_ACK);
	assert_int_equal(a.h.ack, 1101);
	assert_int_equal(l->waiting_count, 1);
	pb_tcp_listener_close(l);
	harness_forget(&h);
	harness_end(&h);
}

static void reset_from(uint16_t port, uint32_t at)
{
	struct segment s = {
		.h = {.src_port = port, .flags = TCP_RST, .seq = at}
	};

	harness_inject(&h, &s);
}

/* §5.1: so many may be pending, and those that were reset count for a minute; others have to shake hands. */
static void pending_is_bounded(void **state)
{
	struct tcp_listener *l = listen_fast(2);
	struct segment s = call(3000, 10), a;

	(void)state;
	put_cookie(&s);
	for (uint16_t n = 0; n < 4; n++) {
		s.h.src_port = (uint16_t)(3000 + n);
		harness_inject(&h, &s);
		a = sent();
		assert_int_equal(a.h.ack, n < 2 ? 1011 : 1001);
		assert_false(a.h.options.has_fast_open);
	}
	assert_int_equal(h.env.counters.tcp.FastOpenListenOverflow, 2);
	assert_int_equal(l->fast_open.count, 2);
	reset_from(3000, 1011);
	assert_int_equal(l->fast_open.count, 2);
	harness_forget(&h);
	s.h.src_port = 4000;
	harness_inject(&h, &s);
	assert_int_equal(sent().h.ack, 1001);
	harness_run(&h, PB_SEC(60));
	harness_forget(&h);
	s.h.src_port = 4001;
	harness_inject(&h, &s);
	assert_int_equal(sent().h.ack, 1011);
	pb_tcp_listener_close(l);
	harness_forget(&h);
	harness_end(&h);
}

/* Reset before it was accepted: what came can be read, and then that it is over. Linux's. */
static void reset_before_accept(void **state)
{
	struct tcp_listener *l = listen_fast(2);
	struct segment s = call(3022, 10);

	(void)state;
	put_cookie(&s);
	harness_inject(&h, &s);
	harness_forget(&h);
	reset_from(3022, 1011);
	struct tcp_conn *c = accept_from(l);
	assert_int_equal(receive(c), 10);
	assert_int_equal(receive(c), -ECONNRESET);
	pb_tcp_close(c, false);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* The listener goes, and what was accepted shakes hands on. */
static void outlives_listener(void **state)
{
	struct tcp_listener *l = listen_fast(2);
	struct segment s = call(3022, 10), a;

	(void)state;
	put_cookie(&s);
	harness_inject(&h, &s);
	a = sent();
	struct tcp_conn *c = accept_from(l);
	pb_tcp_listener_close(l);
	s = (struct segment){
		.h = {.flags = TCP_ACK, .seq = 1011, .ack = a.h.seq + 1, .window = 5000}
	};
	harness_inject(&h, &s);
	assert_int_equal(c->state, STATE_ESTABLISHED);
	assert_int_equal(receive(c), 10);
	pb_tcp_close(c, true);
	harness_forget(&h);
	harness_end(&h);
}

/* Closed before the handshake is complete: FIN leaves at once, and one ACK takes both SYN and FIN. */
static void closes_early(void **state)
{
	struct tcp_listener *l = listen_fast(2);
	struct segment s = call(3022, 10), a;

	(void)state;
	put_cookie(&s);
	harness_inject(&h, &s);
	harness_forget(&h);
	struct tcp_conn *c = accept_from(l);
	assert_int_equal(receive(c), 10);
	assert_int_equal(send_bytes(c, 5), 5);
	harness_forget(&h);
	pb_tcp_shutdown(c, SHUT_WR);
	a = sent();
	assert_true(a.h.flags & TCP_FIN);
	assert_int_equal(c->state, STATE_FIN_WAIT_1);
	harness_run(&h, PB_SEC(1) + PB_MSEC(500));
	assert_int_equal(sent().h.flags, TCP_SYN | TCP_ACK); /* which comes first */
	s = (struct segment){
		.h = {.flags = TCP_ACK, .seq = 1011, .ack = a.h.seq + a.text_len + 1, .window = 5000}
	};
	harness_inject(&h, &s);
	assert_int_equal(c->state, STATE_FIN_WAIT_2);
	assert_int_equal(l->fast_open.count, 0);
	pb_tcp_close(c, true);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/*
 * -- Client
 */

static const uint8_t a_cookie[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

/* A connection that is to be opened fast, to a port of the peer's. */
static struct tcp_conn *connect_fast(uint16_t port)
{
	struct ip peer = harness_ip("198.51.100.1");
	struct tcp_conn *c;

	assert_int_equal(pb_tcp_connect_fast(h.tcp, &pb_tcp_settings_default, NULL, &peer, port, &h, &c), 0);
	nothing_sent();
	return c;
}

/* The answer to syn: so much of its text acknowledged. */
static struct segment syn_ack_of(const struct segment *syn, uint32_t acked, bool cookie)
{
	struct segment s = {
		.h = {.src_port = syn->h.dst_port,
                      .dst_port = syn->h.src_port,
                      .flags = TCP_SYN | TCP_ACK,
                      .seq = 7000,
                      .ack = syn->h.seq + 1 + acked,
                      .window = 20000,
                      .options = { .mss = 1000,
				    .sack_permitted = syn->h.options.sack_permitted,
				    .has_fast_open = cookie,
				    .cookie_len = cookie ? 8 : 0 }},
	};

	memcpy(s.h.options.cookie, a_cookie, sizeof a_cookie);
	return s;
}

/* The first connection, which brings the cookie home. */
static void warm_up(void)
{
	struct tcp_conn *c = connect_fast(80);

	assert_int_equal(send_bytes(c, 100), -EINPROGRESS);
	struct segment syn = sent(), s = syn_ack_of(&syn, 0, true);
	assert_true(syn.h.options.has_fast_open && !syn.h.options.cookie_len && !syn.text_len);
	harness_inject(&h, &s);
	assert_int_equal(sent().h.flags, TCP_ACK);
	pb_tcp_close(c, true);
	harness_forget(&h);
}

/* §4.2.2: with a cookie, as much text as the server's last MSS has room for, the rest behind the SYN-ACK. */
static void text_in_syn(void **state)
{
	(void)state;
	warm_up();
	struct tcp_conn *c = connect_fast(80);
	assert_int_equal(pb_tcp_ready(c), POLLOUT);
	assert_int_equal(send_bytes(c, 3000), 960); /* less 40 of options */
	struct segment syn = sent(), s = syn_ack_of(&syn, 960, false);
	assert_int_equal(syn.h.flags, TCP_SYN);
	assert_int_equal(syn.text_len, 960);
	assert_int_equal(syn.h.options.cookie_len, 8);
	assert_memory_equal(syn.h.options.cookie, a_cookie, 8);
	assert_int_equal(send_bytes(c, 1), -EAGAIN);
	harness_inject(&h, &s);
	struct segment ack = sent();
	assert_int_equal(ack.h.seq, syn.h.seq + 961);
	assert_int_equal(ack.text_len, 0);
	assert_int_equal(c->bytes_acked, 960);
	assert_int_equal(c->total_retransmits, 0);
	assert_true(c->fast_opened.syn_text);
	pb_tcp_close(c, true);
	harness_forget(&h);
	harness_end(&h);
}

/* The user says that more follows at once: it is what acknowledges the SYN-ACK, and answers come with the next. */
static void rest_of_the_text_acknowledges(void **state)
{
	uint8_t text[3000] = { 0 };
	struct iovec v = { text, sizeof text };

	(void)state;
	warm_up();
	struct tcp_conn *c = connect_fast(80);
	assert_int_equal(pb_tcp_send(c, &v, 1, MSG_MORE), 960);
	struct segment syn = sent(), s = syn_ack_of(&syn, 960, false);
	harness_inject(&h, &s);
	nothing_sent();
	v.iov_len = 500;
	assert_int_equal(pb_tcp_send(c, &v, 1, 0), 500);
	struct segment rest = sent();
	assert_int_equal(rest.text_len, 500);
	assert_int_equal(rest.h.ack, 7001);
	assert_true(c->interactive);
	pb_tcp_close(c, true);
	harness_forget(&h);
	harness_end(&h);
}

/* If it doesn't, for 40 ms. */
static void rest_of_the_text_is_late(void **state)
{
	uint8_t text[3000] = { 0 };
	struct iovec v = { text, sizeof text };

	(void)state;
	warm_up();
	struct tcp_conn *c = connect_fast(80);
	assert_int_equal(pb_tcp_send(c, &v, 1, MSG_MORE), 960);
	struct segment syn = sent(), s = syn_ack_of(&syn, 960, false);
	harness_inject(&h, &s);
	harness_run(&h, TCP_DELAYED_ACK);
	assert_int_equal(sent().text_len, 0);
	pb_tcp_close(c, true);
	harness_forget(&h);
	harness_end(&h);
}

/* What the SYN-ACK does not acknowledge is sent again, at once: all of it, or the rest. */
static void not_all_acked(void **state)
{
	(void)state;
	warm_up();
	for (uint32_t acked = 0; acked <= 300; acked += 300) {
		struct tcp_conn *c = connect_fast(80);
		assert_int_equal(send_bytes(c, 900), 900);
		struct segment syn = sent(), s = syn_ack_of(&syn, acked, true), again;
		harness_inject(&h, &s);
		again = sent();
		assert_int_equal(again.h.seq, syn.h.seq + 1 + acked);
		assert_int_equal(again.text_len, 900 - acked);
		assert_false(c->fast_opened.syn_text);
		assert_int_equal(c->fast_opened.failure, FAST_OPEN_NOT_ACKED);
		s = (struct segment){
			.h = {.src_port = 80,
                              .dst_port = syn.h.src_port,
                              .flags = TCP_ACK,
                              .seq = 7001,
                              .ack = syn.h.seq + 901,
                              .window = 20000}
		};
		harness_inject(&h, &s);
		assert_int_equal(c->sendq.bytes, 0);
		assert_int_equal(c->bytes_acked, 900);
		pb_tcp_close(c, true);
		harness_forget(&h);
	}
	harness_end(&h);
}

/* §4.2.2: a SYN that is sent again has neither option nor text; its text follows the SYN-ACK. */
static void syn_lost(void **state)
{
	(void)state;
	warm_up();
	struct tcp_conn *c = connect_fast(80);
	assert_int_equal(send_bytes(c, 500), 500);
	struct segment syn = sent(), again, s;
	harness_run(&h, PB_SEC(1));
	again = sent();
	assert_int_equal(again.h.seq, syn.h.seq);
	assert_int_equal(again.text_len, 0);
	assert_false(again.h.options.has_fast_open);
	s = syn_ack_of(&syn, 0, false);
	harness_inject(&h, &s);
	assert_int_equal(sent().text_len, 500);
	assert_int_equal(c->fast_opened.failure, FAST_OPEN_SYN_LOST);
	pb_tcp_close(c, true);
	harness_forget(&h);
	harness_end(&h);
}

/* An acknowledgement of more than was sent is answered with a reset (RFC 9293 §3.10.7.3). */
static void too_much_acked(void **state)
{
	(void)state;
	warm_up();
	struct tcp_conn *c = connect_fast(80);
	assert_int_equal(send_bytes(c, 500), 500);
	struct segment syn = sent(), s = syn_ack_of(&syn, 501, true);
	harness_inject(&h, &s);
	assert_int_equal(sent().h.flags, TCP_RST);
	assert_int_equal(c->state, STATE_SYN_SENT);
	pb_tcp_close(c, true);
	harness_end(&h);
}

/* §4.1.3: it has failed twice, the second time for want of any answer: the next SYN is as any. */
static void gives_up_where_it_fails(void **state)
{
	(void)state;
	warm_up();
	for (int n = 0; n < 2; n++) {
		struct tcp_conn *c = connect_fast(80);
		assert_int_equal(send_bytes(c, 10), 10);
		harness_run(&h, PB_SEC(400));
		harness_forget(&h);
		assert_int_equal(c->error, ETIMEDOUT);
		pb_tcp_close(c, true);
	}
	struct tcp_conn *c = connect_fast(80);
	assert_int_equal(send_bytes(c, 10), 10); /* the pause of a minute is over by then */
	struct segment syn = sent(), s = syn_ack_of(&syn, 0, false);
	harness_inject(&h, &s);
	pb_tcp_close(c, true);
	harness_forget(&h);
	c = connect_fast(80);
	assert_int_equal(send_bytes(c, 10), -EINPROGRESS);
	syn = sent();
	assert_false(syn.h.options.has_fast_open || syn.text_len);
	pb_tcp_close(c, true);
	harness_end(&h);
}

/* No cookie comes for the option: once more it is asked for in the old form, and then no more in that. */
static void tries_the_old_form_once(void **state)
{
	(void)state;
	for (int n = 0; n < 4; n++) {
		struct tcp_conn *c = connect_fast(80);
		assert_int_equal(send_bytes(c, 10), -EINPROGRESS);
		struct segment syn = sent(), s = syn_ack_of(&syn, 0, false);
		assert_true(syn.h.options.has_fast_open);
		assert_int_equal(syn.h.options.fast_open_experiment, n == 1);
		harness_inject(&h, &s);
		pb_tcp_close(c, true);
		harness_forget(&h);
	}
	harness_end(&h);
}

/* TCP_FASTOPEN_CONNECT: connect() defers the SYN if there is a cookie, and asks for one if there is not. */
static void connect_defers(void **state)
{
	struct tcp_settings set = pb_tcp_settings_default;
	struct ip peer = harness_ip("198.51.100.1");
	struct tcp_conn *c;

	(void)state;
	set.fast_open_connect = true;
	assert_int_equal(pb_tcp_connect(h.tcp, &set, NULL, &peer, 80, &h, &c), 0);
	assert_false(tcp_is_deferred(c));
	struct segment syn = sent(), s = syn_ack_of(&syn, 0, true);
	assert_true(syn.h.options.has_fast_open);
	harness_inject(&h, &s);
	pb_tcp_close(c, true);
	harness_forget(&h);
	assert_int_equal(pb_tcp_connect(h.tcp, &set, NULL, &peer, 80, &h, &c), 0);
	assert_true(tcp_is_deferred(c));
	harness_run(&h, PB_SEC(100));
	nothing_sent();
	pb_tcp_close(c, false);
	nothing_sent();
	harness_end(&h);
}

/* Without a cookie, where the user says that it is not needed: no option either, and one that comes is not kept. */
static void no_cookie(void **state)
{
	struct tcp_settings set = pb_tcp_settings_default;
	struct ip peer = harness_ip("198.51.100.1");
	struct tcp_conn *c;

	(void)state;
	set.fast_open_no_cookie = true;
	assert_int_equal(pb_tcp_connect_fast(h.tcp, &set, NULL, &peer, 80, &h, &c), 0);
	assert_int_equal(send_bytes(c, 2000), 1420);
	struct segment syn = sent(), s = syn_ack_of(&syn, 1420, true);
	assert_false(syn.h.options.has_fast_open);
	assert_int_equal(syn.text_len, 1420);
	harness_inject(&h, &s);
	assert_true(c->fast_opened.syn_text);
	pb_tcp_close(c, true);
	harness_forget(&h);
	c = connect_fast(80);
	assert_int_equal(send_bytes(c, 1), -EINPROGRESS);
	assert_int_equal(sent().h.options.cookie_len, 0);
	pb_tcp_close(c, true);
	harness_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_cookies),
		cmocka_unit_test(nothing_else_is_one),
		cmocka_unit_test_setup(cookies_expire, begin),
		cmocka_unit_test(peers_are_bounded),
		cmocka_unit_test(failures_pause),
		cmocka_unit_test_setup(opens_at_once, begin),
		cmocka_unit_test_setup(speaks_first, begin),
		cmocka_unit_test_setup(sends_little_into_the_unknown, begin),
		cmocka_unit_test_setup(wrong_cookie, begin),
		cmocka_unit_test_setup(renews_cookie, begin),
		cmocka_unit_test_setup(only_where_wanted, begin),
		cmocka_unit_test_setup(old_form_and_again, begin),
		cmocka_unit_test_setup(syn_again, begin),
		cmocka_unit_test_setup(pending_is_bounded, begin),
		cmocka_unit_test_setup(reset_before_accept, begin),
		cmocka_unit_test_setup(outlives_listener, begin),
		cmocka_unit_test_setup(closes_early, begin),
		cmocka_unit_test_setup(text_in_syn, begin),
		cmocka_unit_test_setup(rest_of_the_text_acknowledges, begin),
		cmocka_unit_test_setup(rest_of_the_text_is_late, begin),
		cmocka_unit_test_setup(not_all_acked, begin),
		cmocka_unit_test_setup(syn_lost, begin),
		cmocka_unit_test_setup(too_much_acked, begin),
		cmocka_unit_test_setup(gives_up_where_it_fails, begin),
		cmocka_unit_test_setup(tries_the_old_form_once, begin),
		cmocka_unit_test_setup(connect_defers, begin),
		cmocka_unit_test_setup(no_cookie, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
