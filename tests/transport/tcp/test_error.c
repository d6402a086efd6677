/* What ICMP tells of a segment of ours: what is believed, and what comes of it (RFC 5927, 1122 4.2.3.9, 1191). */
#include "sender.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>

static struct sender s;

static int begin(void **state)
{
	(void)state;
	sender_begin(&s);
	return 0;
}

static int end(void **state)
{
	(void)state;
	sender_end(&s);
	return 0;
}

/* A router complains of the segment that began at a sequence number. */
static void complain(const struct tcp_conn *c, uint32_t at, int error, uint32_t mtu)
{
	const struct socket_pair *pair = &c->entry.pair;
	uint8_t quote[8];
	struct writer w = { .p = quote, .left = sizeof quote };
	struct ip_error e = {
		.src = pair->local,
		.dst = pair->remote,
		.protocol = IPPROTO_TCP,
		.quote = quote,
		.quote_len = sizeof quote,
		.offender = harness_ip("203.0.113.9"),
		.error = error,
		.hard = true,
		.mtu = mtu,
	};

	wr_u16(&w, pair->local_port);
	wr_u16(&w, pair->remote_port);
	wr_u32(&w, at);
	pb_tcp_complaint(s.h.tcp, &e);
	pb_tcp_flush(s.h.tcp);
}

/* RFC 5927 §4.1: only what is in flight can be complained of; its first and last byte are, those beside are not. */
static void only_what_is_in_flight(void **state)
{
	(void)state;
	sender_write(&s, 1000);
	sender_expect(&s, 0, 1000);
	sender_ack(&s, 400);
	complain(s.c, s.start + 399, EHOSTUNREACH, 0);
	complain(s.c, s.start + 1000, EHOSTUNREACH, 0);
	assert_int_equal(s.h.env.counters.tcp.IcmpIgnored, 2);
	assert_int_equal(s.c->soft_error, 0);
	complain(s.c, s.start + 999, EHOSTUNREACH, 0);
	assert_int_equal(s.c->soft_error, EHOSTUNREACH);
	s.c->soft_error = 0;
	complain(s.c, s.start + 400, EHOSTUNREACH, 0);
	assert_int_equal(s.c->soft_error, EHOSTUNREACH);
}

/* An established connection outlives it (RFC 5927 §5.2); an answer of the peer's shows that it was wrong. */
static void established_goes_on(void **state)
{
	(void)state;
	sender_write(&s, 1000);
	sender_expect(&s, 0, 1000);
	complain(s.c, s.start, ECONNREFUSED, 0);
	assert_int_equal(s.c->state, STATE_ESTABLISHED);
	assert_int_equal(s.c->error, 0);
	sender_ack(&s, 1000);
	assert_int_equal(s.c->soft_error, 0);
}

/* A redirect of what is in flight, or of a bare acknowledgement, is believed, and is no error. */
static void redirects(void **state)
{
	const struct socket_pair *pair = &s.c->entry.pair;
	uint32_t quoted[] = { s.start - 1, s.start + 1001, s.start, s.start + 999, s.start + 1000 };

	(void)state;
	sender_write(&s, 1000);
	sender_expect(&s, 0, 1000);
	for (unsigned n = 0; n < 5; n++) {
		uint8_t quote[8];
		struct writer w = { .p = quote, .left = sizeof quote };
		struct ip_error e = { .src = pair->local,
				      .dst = pair->remote,
				      .protocol = IPPROTO_TCP,
				      .quote = quote,
				      .quote_len = sizeof quote,
				      .gateway = harness_ip("203.0.113.9") };
		wr_u16(&w, pair->local_port);
		wr_u16(&w, pair->remote_port);
		wr_u32(&w, quoted[n]);
		pb_tcp_complaint(s.h.tcp, &e);
		assert_int_equal(s.h.redirects, n < 2 ? 0 : n - 1);
	}
	assert_int_equal(s.h.env.counters.tcp.IcmpIgnored, 2);
	assert_int_equal(s.c->soft_error, 0);
	assert_int_equal(s.c->state, STATE_ESTABLISHED);
}

/* Who gives up says why, if somebody told (RFC 1122 4.2.3.5). */
static void told_when_given_up(void **state)
{
	(void)state;
	sender_write(&s, 1000);
	complain(s.c, s.start, EHOSTUNREACH, 0);
	harness_run(&s.h, PB_SEC(3600));
	assert_int_equal(s.c->state, STATE_CLOSED);
	assert_int_equal(s.c->error, EHOSTUNREACH);
	harness_forget(&s.h);
}

/* In SYN-SENT it ends the call at once, as on Linux (RFC 5461 §4.1). */
static void a_call_is_given_up(void **state)
{
	struct ip peer = harness_ip("198.51.100.1");
	struct segment sent;
	struct tcp_conn *c;

	(void)state;
	assert_int_equal(pb_tcp_connect(s.h.tcp, &pb_tcp_settings_default, NULL, &peer, 9, &s, &c), 0);
	assert_true(harness_sent(&s.h, &sent, NULL));
	complain(c, sent.h.seq + 1, ECONNREFUSED, 0);
	assert_int_equal(c->state, STATE_SYN_SENT);
	complain(c, sent.h.seq, ECONNREFUSED, 0);
	assert_int_equal(c->state, STATE_CLOSED);
	assert_int_equal(c->error, ECONNREFUSED);
	assert_int_equal(c->news.events & POLLERR, POLLERR);
	assert_int_equal(s.h.env.counters.tcp.AttemptFails, 1);
	pb_tcp_close(c, false);
}

/* With IP_RECVERR the call that came back is in a queue: who said so, and what he quotes. */
static void a_call_comes_back(void **state)
{
	struct ip peer = harness_ip("198.51.100.1"), offender = harness_ip("203.0.113.9");
	struct tcp_settings set = pb_tcp_settings_default;
	struct segment sent;
	struct tcp_conn *c;

	(void)state;
	set.want_errors = true;
	assert_int_equal(pb_tcp_connect(s.h.tcp, &set, NULL, &peer, 9, &s, &c), 0);
	assert_true(harness_sent(&s.h, &sent, NULL));
	assert_null(pb_tcp_take_returned(c));
	complain(c, sent.h.seq, EHOSTUNREACH, 0);
	assert_int_equal(c->state, STATE_CLOSED);
	c->error = 0; /* told */
	assert_int_equal(pb_tcp_ready(c) & POLLERR, POLLERR);
	struct returned *r = pb_tcp_take_returned(c);
	assert_non_null(r);
	assert_int_equal(r->error.error, EHOSTUNREACH);
	assert_true(ip_equal(&r->error.offender, &offender));
	assert_int_equal(r->dst_port, 9);
	assert_int_equal(r->len, 8);
	free(r);
	assert_null(pb_tcp_take_returned(c));
	assert_int_equal(pb_tcp_ready(c) & POLLERR, 0);
	pb_tcp_close(c, false);
}

/* With IP_RECVERR soft errors are told at once, too, and the connection goes on (ip(7); Linux: tcp_v4_err()). */
static void told_at_once(void **state)
{
	(void)state;
	s.c->set.want_errors = true;
	sender_write(&s, 1000);
	sender_expect(&s, 0, 1000);
	complain(s.c, s.start, EHOSTUNREACH, 0);
	assert_int_equal(s.c->error, EHOSTUNREACH);
	assert_int_equal(s.c->news.events & POLLERR, POLLERR);
	assert_int_equal(s.c->state, STATE_ESTABLISHED);
	assert_int_equal(pb_tcp_send(s.c, &(struct iovec){ "x", 1 }, 1, 0), -EHOSTUNREACH);
	sender_ack(&s, 1000);
	sender_write(&s, 10);
	sender_expect(&s, 1000, 10);
}

/* RFC 1191: what is in flight is sent again, in segments that fit, and it is no sign of congestion. */
static void a_narrower_path(void **state)
{
	(void)state;
	sender_write(&s, 3 * SENDER_MSS);
	sender_expect(&s, 0, 3 * SENDER_MSS);
	uint32_t cwnd = s.c->congestion.cwnd;
	complain(s.c, s.start, EMSGSIZE, 1000);
	assert_int_equal(s.c->mss, 960);
	assert_int_equal(s.h.env.counters.tcp.PathMtuReduced, 1);
	sender_expect(&s, 0, 3 * SENDER_MSS); /* a super-segment, to be cut at 960 */
	sender_expect_silence(&s);
	for (int i = 0; i < 3; i++) /* what comes twice is answered with duplicates */
		sender_ack(&s, 0);
	assert_int_equal(s.h.env.counters.tcp.FastRetrans, 0);
	assert_int_equal(s.c->congestion.cwnd, cwnd);
	sender_ack(&s, 3 * SENDER_MSS);
	sender_write(&s, 100);
	sender_expect(&s, 3 * SENDER_MSS, 100);
}

/* It may not widen, and not narrow beyond what any path is: small segments are what a forger wants (RFC 5927 §7.2). */
static void the_path_has_bounds(void **state)
{
	(void)state;
	sender_write(&s, 100);
	sender_expect(&s, 0, 100);
	complain(s.c, s.start, EMSGSIZE, 1500);
	complain(s.c, s.start, EMSGSIZE, 9000);
	assert_int_equal(s.h.env.counters.tcp.PathMtuReduced, 0);
	sender_expect_silence(&s);
	complain(s.c, s.start, EMSGSIZE, 68);
	assert_int_equal(s.c->mss, 552 - 40);
	complain(s.c, s.start, EMSGSIZE, 68);
	assert_int_equal(s.h.env.counters.tcp.PathMtuReduced, 1);
	harness_forget(&s.h);
}

/* A SYN cannot be too long: the complaint changes what follows, and nothing is lost of the call. */
static void narrow_from_the_first(void **state)
{
	struct ip peer = harness_ip("198.51.100.1");
	struct segment sent, answer = {
		.h = {.src_port = 9,
                      .flags = TCP_SYN | TCP_ACK,
                      .seq = 5000,
                      .window = 65535,
                      .options = { .mss = 1460 }}
	};
	struct tcp_conn *c;

	(void)state;
	assert_int_equal(pb_tcp_connect(s.h.tcp, &pb_tcp_settings_default, NULL, &peer, 9, &s, &c), 0);
	assert_true(harness_sent(&s.h, &sent, NULL));
	complain(c, sent.h.seq, EMSGSIZE, 1000);
	assert_int_equal(c->state, STATE_SYN_SENT);
	harness_run(&s.h, PB_SEC(2));
	assert_true(harness_sent(&s.h, &sent, NULL)); /* it is still tried */
	assert_int_equal(sent.h.flags, TCP_SYN);
	answer.h.dst_port = sent.h.src_port;
	answer.h.ack = sent.h.seq + 1;
	harness_inject(&s.h, &answer);
	assert_int_equal(c->state, STATE_ESTABLISHED);
	assert_int_equal(c->mss, 960);
	pb_tcp_close(c, true);
	harness_forget(&s.h);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_what_is_in_flight), TEST(established_goes_on),
		TEST(told_when_given_up),     TEST(a_call_comes_back),
		TEST(told_at_once),           TEST(a_call_is_given_up),
		TEST(a_narrower_path),        TEST(the_path_has_bounds),
		TEST(narrow_from_the_first),  TEST(redirects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
