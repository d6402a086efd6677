/* TIME-WAIT: what its record answers, how long it lasts, and who may have its pair anew. */
#include "harness.h"

#include <errno.h>

static struct harness h;
static struct tcp_listener *l;
static uint32_t theirs; /* our next number, as the peer expects it */

static const struct tcp_limits few = { .time_waits_max = 1 };

static void begin(const struct tcp_limits *limits)
{
	harness_begin(&h, 1, limits);
	l = harness_listen(&h, 16);
}

static void end(void)
{
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* A call from that port that we close first; its FIN is 1001, and it ends in TIME-WAIT. */
static void close_first(uint16_t from_port, const struct tcp_options *options)
{
	struct segment s;
	struct tcp_conn *c;

	harness_call(&h, from_port, options, &theirs);
	c = pb_tcp_accept(l, &h);
	assert_non_null(c);
	pb_tcp_close(c, false);
	assert_true(harness_sent(&h, &s, NULL));
	assert_int_equal(s.h.flags & (TCP_FIN | TCP_ACK), TCP_FIN | TCP_ACK);
	assert_int_equal(s.h.seq, theirs);
	theirs++;
	s = (struct segment){
		.h = {.src_port = from_port, .flags = TCP_FIN | TCP_ACK, .window = 9}
	};
	s.h.seq = 1001;
	s.h.ack = theirs;
	if (options)
		s.h.options = *options;
	harness_inject(&h, &s);
	harness_forget(&h);
}

static struct segment segment(uint16_t flags, uint32_t at)
{
	return (struct segment){
		.h = {.src_port = 4000, .flags = flags, .seq = at, .ack = theirs, .window = 9}
	};
}

/* It acknowledges all that the connection had received. */
static void assert_acknowledged(void)
{
	struct segment a, more;

	assert_true(harness_sent(&h, &a, NULL));
	assert_int_equal(a.h.flags, TCP_ACK);
	assert_int_equal(a.h.seq, theirs);
	assert_int_equal(a.h.ack, 1002);
	assert_false(harness_sent(&h, &more, NULL));
}

static void assert_silent(void)
{
	struct segment a;

	assert_false(harness_sent(&h, &a, NULL));
}

/* 2 MSL, then the pair is free; the port is in use as long. */
static void lasts_2_msl(void **state)
{
	(void)state;
	begin(NULL);
	close_first(4000, NULL);
	assert_int_equal(h.tcp->time_wait_count, 1);
	assert_int_equal(h.tcp->pairs.count, 1);
	assert_int_equal(h.tcp->orphans, 0);
	harness_run(&h, PB_SEC(30));
	close_first(4001, NULL);
	harness_run(&h, PB_SEC(30) - 1);
	assert_int_equal(h.tcp->time_wait_count, 2);
	harness_run(&h, 1);
	assert_int_equal(h.tcp->time_wait_count, 1);
	harness_run(&h, PB_SEC(30));
	assert_int_equal(h.tcp->time_wait_count, 0);
	assert_int_equal(h.tcp->pairs.count, 0);
	assert_int_equal(h.env.counters.tcp.TimeWaits, 2);
	end();
}

/* RFC 9293 §3.10.7.4: our last ACK was lost, FIN comes again: ACK again, and 2 MSL from now on. */
static void fin_again(void **state)
{
	struct segment fin;

	(void)state;
	begin(NULL);
	close_first(4000, NULL);
	harness_run(&h, PB_SEC(40));
	fin = segment(TCP_FIN | TCP_ACK, 1001);
	harness_inject(&h, &fin);
	assert_acknowledged();
	harness_run(&h, PB_SEC(60) - 1);
	assert_int_equal(h.tcp->time_wait_count, 1);
	harness_run(&h, 1);
	assert_int_equal(h.tcp->time_wait_count, 0);
	end();
}

static void other_segments(void **state)
{
	static const struct {
		const char *what;
		uint16_t flags;
		uint32_t seq, text_len;
		bool acknowledged, ends;
	} cases[] = {
		{"ACK in place",     TCP_ACK,           1002,                    0, false, false},
		{ "old ACK",         TCP_ACK,           1001,                    0, true,  false},
		{ "old text",        TCP_ACK | TCP_PSH, 900,                     9, true,  false},
		{ "new text",        TCP_ACK | TCP_PSH, 1002,                    9, true,  false},
		{ "RST in place",    TCP_RST,           1002,                    0, false, true },
		{ "RST beside it",   TCP_RST,           1003,                    0, false, false},
		{ "old SYN",         TCP_SYN,           1000,                    0, true,  false},
		{ "SYN at RCV.NXT",  TCP_SYN,           1002,                    0, true,  false},
		{ "SYN, ACK beyond", TCP_SYN | TCP_ACK, 2000,                    0, true,  false},
		{ "SYN far before",  TCP_SYN,           1000u - (1u << 31) + 10, 0, true,  false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct segment a;
		begin(NULL);
		close_first(4000, NULL);
		struct segment s = segment(cases[i].flags, cases[i].seq);
		s.text_len = cases[i].text_len;
		harness_inject(&h, &s);
		if ((h.tcp->time_wait_count == 0) != cases[i].ends)
			fail_msg("%s: ended, or not, wrongly", cases[i].what);
		if (harness_sent(&h, &a, NULL) != cases[i].acknowledged)
			fail_msg("%s: acknowledged, or not, wrongly", cases[i].what);
		if (cases[i].acknowledged && (a.h.flags != TCP_ACK || a.h.seq != theirs || a.h.ack != 1002))
			fail_msg("%s: acknowledged something else", cases[i].what);
		end();
	}
}

/* RFC 5961 §7: what may be an answer to ours is answered once in half a second, what has text always. */
static void answers_seldom(void **state)
{
	struct segment old, text;

	(void)state;
	begin(NULL);
	close_first(4000, NULL);
	for (int i = 0; i < 3; i++) {
		old = segment(TCP_ACK, 1001);
		harness_inject(&h, &old);
		assert_acknowledged();
		old = segment(i ? TCP_SYN : TCP_ACK, 1000);
		harness_inject(&h, &old);
		assert_silent();
		text = segment(TCP_ACK | TCP_PSH, 900);
		text.text_len = 9;
		harness_inject(&h, &text);
		assert_acknowledged();
		harness_run(&h, PB_MSEC(500));
	}
	end();
}

/* RFC 9293 §3.6.1: a SYN beyond all that was received opens anew, with an ISS beyond all that was sent. */
static void reopens(void **state)
{
	struct segment s, a;

	(void)state;
	begin(NULL);
	close_first(4000, NULL);
	s = segment(TCP_SYN, 1003);
	harness_inject(&h, &s);
	assert_true(harness_sent(&h, &a, NULL));
	assert_int_equal(a.h.flags, TCP_SYN | TCP_ACK);
	assert_int_equal(a.h.ack, 1004);
	assert_true((int32_t)(a.h.seq - theirs) > 0);
	assert_int_equal(h.tcp->time_wait_count, 0);
	assert_int_equal(l->syn_count, 1);
	assert_int_equal(h.env.counters.tcp.TimeWaitReused, 1);
	end();
}

/* RFC 6191 §2: with timestamps, these decide, whatever the sequence number. */
static void reopens_by_timestamp(void **state)
{
	struct tcp_options o = { .has_timestamp = true, .ts_value = 5000 };
	struct segment s, a;

	(void)state;
	begin(NULL);
	close_first(4000, &o);
	s = segment(TCP_SYN, 5000);
	s.h.options = o;
	s.h.options.ts_value = 4999;
	harness_inject(&h, &s);
	assert_true(harness_sent(&h, &a, NULL));
	assert_int_equal(a.h.flags, TCP_ACK);
	assert_true(a.h.options.has_timestamp);
	assert_int_equal(a.h.options.ts_echo, 5000);
	s = segment(TCP_SYN, 10); /* older than RCV.NXT */
	s.h.options = o;
	s.h.options.ts_value = 5001;
	harness_inject(&h, &s);
	assert_true(harness_sent(&h, &a, NULL));
	assert_int_equal(a.h.flags, TCP_SYN | TCP_ACK);
	assert_int_equal(a.h.ack, 11);
	end();
}

/* Where nobody listens any more there is nothing to open. */
static void nobody_listens(void **state)
{
	struct segment s, a;

	(void)state;
	begin(NULL);
	close_first(4000, NULL);
	pb_tcp_listener_close(l);
	s = segment(TCP_SYN, 5000);
	harness_inject(&h, &s);
	assert_true(harness_sent(&h, &a, NULL));
	assert_int_equal(a.h.flags, TCP_RST | TCP_ACK);
	assert_int_equal(h.tcp->time_wait_count, 1);
	harness_end(&h);
}

/* Beyond the limit it ends at once. */
static void bounded(void **state)
{
	(void)state;
	begin(&few);
	close_first(4000, NULL);
	close_first(4001, NULL);
	assert_int_equal(h.tcp->time_wait_count, 1);
	assert_int_equal(h.tcp->pairs.count, 1);
	assert_int_equal(h.env.counters.tcp.TimeWaitOverflow, 1);
	assert_silent();
	end();
}

/* The port stays taken, unless SO_REUSEADDR is set: a server that returns, as on Linux. */
static void keeps_port(void **state)
{
	struct binding plain = { .port = HARNESS_PORT }, reuse = { .port = HARNESS_PORT, .reuse_addr = true };

	(void)state;
	begin(NULL);
	plain.addr = reuse.addr = harness_ip("0.0.0.0");
	close_first(4000, NULL);
	pb_tcp_listener_close(l);
	assert_int_not_equal(pb_ports_bind(&h.tcp->ports, &h.env, &plain), 0);
	assert_int_equal(pb_ports_bind(&h.tcp->ports, &h.env, &reuse), 0);
	pb_ports_release(&h.tcp->ports, &reuse);
	harness_run(&h, PB_SEC(60));
	assert_int_equal(pb_ports_bind(&h.tcp->ports, &h.env, &plain), 0);
	pb_ports_release(&h.tcp->ports, &plain);
	harness_end(&h);
}

/* A call of ours to the peer's port 7, from a port that the user names or, 0, does not. */
static int call(uint16_t port, struct tcp_conn **c)
{
	struct binding b = { .addr = harness_ip("192.0.2.1"), .port = port, .reuse_addr = true };
	struct ip to = harness_ip("198.51.100.1");

	if (port)
		assert_int_equal(pb_ports_bind(&h.tcp->ports, &h.env, &b), 0);
	int rc = pb_tcp_connect(h.tcp, &pb_tcp_settings_default, port ? &b : NULL, &to, 7, &h, c);
	if (rc < 0 && port)
		pb_ports_release(&h.tcp->ports, &b);
	return rc;
}

/* It is answered, and closed by us first. Returns its SYN. */
static struct segment call_and_close(uint16_t port, bool timestamps)
{
	struct tcp_conn *c;
	struct segment syn, s;

	assert_int_equal(call(port, &c), 0);
	assert_true(harness_sent(&h, &syn, NULL));
	s = (struct segment){
		.h = {.src_port = 7,
                      .dst_port = syn.h.src_port,
                      .flags = TCP_SYN | TCP_ACK,
                      .seq = 1000,
                      .ack = syn.h.seq + 1,
                      .window = 9,
                      .options = { .has_timestamp = timestamps,
				    .ts_value = 1,
				    .ts_echo = syn.h.options.ts_value }}
	};
	harness_inject(&h, &s);
	pb_tcp_close(c, false);
	s.h.flags = TCP_FIN | TCP_ACK;
	s.h.seq = 1001;
	s.h.ack++;
	harness_inject(&h, &s);
	harness_forget(&h);
	assert_int_equal(h.tcp->time_wait_count, 1);
	return syn;
}

/* The user's own port: the pair at once, with numbers and timestamps beyond those of before (RFC 6191 §2). */
static void yields_to_user(void **state)
{
	struct segment before, syn;
	struct tcp_conn *c;

	(void)state;
	begin(NULL);
	before = call_and_close(5000, true);
	harness_run(&h, PB_MSEC(1));
	assert_int_equal(call(5000, &c), 0);
	assert_true(harness_sent(&h, &syn, NULL));
	assert_int_equal(syn.h.src_port, 5000);
	assert_true((int32_t)(syn.h.seq - (before.h.seq + 2)) > 0);
	assert_true((int32_t)(syn.h.options.ts_value - before.h.options.ts_value) > 0);
	assert_int_equal(h.tcp->time_wait_count, 0);
	assert_int_equal(h.env.counters.tcp.TimeWaitReused, 1);
	pb_tcp_close(c, true);
	end();
}

/* Without timestamps what is old could not be told from what is new. */
static void does_not_yield(void **state)
{
	struct tcp_conn *c;

	(void)state;
	begin(NULL);
	call_and_close(5000, false);
	harness_run(&h, PB_SEC(1));
	assert_int_equal(call(5000, &c), -EADDRNOTAVAIL);
	assert_int_equal(h.tcp->time_wait_count, 1);
	end();
}

/* Out of ports: those of TIME-WAITs that are a second old, and no other while there is one that is free. */
static void yields_the_last_port(void **state)
{
	struct segment before, syn;
	struct tcp_conn *a, *b;

	(void)state;
	begin(NULL);
	h.tcp->ports.last = h.tcp->ports.first + 1;
	before = call_and_close(0, true);
	harness_run(&h, PB_SEC(1) - 1);
	assert_int_equal(call(0, &a), 0);
	assert_true(harness_sent(&h, &syn, NULL));
	assert_int_not_equal(syn.h.src_port, before.h.src_port);
	assert_int_equal(call(0, &b), -EADDRNOTAVAIL);
	harness_run(&h, 1);
	harness_forget(&h);
	assert_int_equal(call(0, &b), 0);
	assert_true(harness_sent(&h, &syn, NULL));
	assert_int_equal(syn.h.src_port, before.h.src_port);
	pb_tcp_close(a, true);
	pb_tcp_close(b, true);
	harness_forget(&h);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lasts_2_msl),    cmocka_unit_test(fin_again),
		cmocka_unit_test(other_segments), cmocka_unit_test(answers_seldom),
		cmocka_unit_test(reopens),        cmocka_unit_test(reopens_by_timestamp),
		cmocka_unit_test(nobody_listens), cmocka_unit_test(bounded),
		cmocka_unit_test(keeps_port),     cmocka_unit_test(yields_to_user),
		cmocka_unit_test(does_not_yield), cmocka_unit_test(yields_the_last_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
