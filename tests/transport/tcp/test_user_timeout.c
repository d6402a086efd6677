/* The user time-out option, RFC 5482: when it is sent, what is heeded of it, and what comes of that. */
#include "harness.h"
#include "transport/tcp/output.h"
#include "transport/tcp/uto.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define MINUTES 0x8000 /* §3.3 */

static struct harness h;
static struct tcp_listener *l;
static struct tcp_conn *c;
static uint32_t theirs; /* our next number, as the peer expects it */

static int begin(void **state)
{
	(void)state;
	harness_begin(&h, 1, NULL);
	l = harness_listen(&h, 16);
	c = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	if (c)
		pb_tcp_close(c, true);
	pb_tcp_listener_close(l);
	harness_end(&h);
	return 0;
}

/* A connection whose peer has called, and which tells of adv seconds. */
static void accept_call(uint32_t adv, const struct tcp_options *options)
{
	l->set.adv_uto = pb_tcp_uto_of(adv);
	harness_call(&h, HARNESS_PEER, options, &theirs);
	c = pb_tcp_accept(l, &h);
	assert_non_null(c);
}

static struct segment next_sent(void)
{
	struct segment s;

	assert_true(harness_sent(&h, &s, NULL));
	return s;
}

static void assert_tells(const struct segment *s, uint16_t uto)
{
	assert_int_equal(s->h.options.has_user_timeout, uto != 0);
	assert_int_equal(s->h.options.user_timeout, uto);
}

static void write_text(size_t len)
{
	static const char text[4096];

	assert_int_equal(pb_tcp_send(c, &(struct iovec){ (void *)(uintptr_t)text, len }, 1, 0), len);
}

/* The peer's next segment, without text, acknowledges and tells of its time-out. */
static void peer_tells(uint16_t uto)
{
	struct segment s = {
		.h = {.flags = TCP_ACK, .seq = 1001, .ack = theirs, .window = 60000}
	};

	s.h.options.has_user_timeout = true;
	s.h.options.user_timeout = uto;
	harness_inject(&h, &s);
}

/* §3.3: seconds, and minutes where these do not reach. */
static void units(void **state)
{
	(void)state;
	assert_int_equal(pb_tcp_uto_of(1), 1);
	assert_int_equal(pb_tcp_uto_of(32767), 32767);
	assert_int_equal(pb_tcp_uto_of(32768), MINUTES | 547);
	assert_int_equal(pb_tcp_uto_of(32767 * 60), 0xffff);
	assert_int_equal(pb_tcp_uto_seconds(MINUTES | 547), 547 * 60);
	assert_int_equal(pb_tcp_uto_seconds(300), 300);
}

/* §3: ENABLED is false until the user says otherwise, both ways. */
static void off(void **state)
{
	(void)state;
	accept_call(0, &(struct tcp_options){ .has_user_timeout = true, .user_timeout = 300 });
	peer_tells(600);
	assert_int_equal(c->remote_uto, 0);
	write_text(10);
	struct segment s = next_sent();
	assert_tells(&s, 0);
}

/* §3: in the SYN, each time it is sent, and in the first segment that follows. */
static void caller_tells(void **state)
{
	struct tcp_settings set = pb_tcp_settings_default;
	struct ip to = harness_ip("198.51.100.1");

	(void)state;
	set.adv_uto = pb_tcp_uto_of(300);
	assert_int_equal(pb_tcp_connect(h.tcp, &set, NULL, &to, 80, &h, &c), 0);
	struct segment syn = next_sent();
	assert_tells(&syn, 300);
	harness_run(&h, PB_MSEC(1100));
	syn = next_sent();
	assert_tells(&syn, 300);
	struct segment syn_ack = {
		.h = {.src_port = syn.h.dst_port,
                      .dst_port = syn.h.src_port,
                      .flags = TCP_SYN | TCP_ACK,
                      .seq = 1000,
                      .ack = syn.h.seq + 1,
                      .window = 60000,
                      .options = { .mss = 1460, .has_user_timeout = true, .user_timeout = 600 }}
	};
	harness_inject(&h, &syn_ack);
	struct segment ack = next_sent();
	assert_tells(&ack, 300);
	assert_int_equal(c->remote_uto, 600);
	write_text(10);
	struct segment text = next_sent();
	assert_tells(&text, 0);
}

/* The same of a listener, whose connections inherit it. */
static void listener_tells(void **state)
{
	struct segment syn = {
		.h = {.flags = TCP_SYN, .seq = 1000, .window = 60000}
	};

	(void)state;
	l->set.adv_uto = pb_tcp_uto_of(300);
	harness_inject(&h, &syn);
	struct segment s = next_sent();
	assert_tells(&s, 300);
	theirs = s.h.seq + 1;
	struct segment ack = {
		.h = {.flags = TCP_ACK, .seq = 1001, .ack = theirs, .window = 60000}
	};
	harness_inject(&h, &ack);
	c = pb_tcp_accept(l, &h);
	write_text(10);
	s = next_sent();
	assert_tells(&s, 300);
	write_text(536); /* the default MSS: a full one */
	s = next_sent();
	assert_tells(&s, 0);
}

/* RFC 9293 §3.7.1: a full segment is not made longer by it, and the next that has room has it. */
static void full_segment(void **state)
{
	(void)state;
	accept_call(300, &(struct tcp_options){ .mss = 1000 });
	c->set.nodelay = true;
	write_text(1000);
	struct segment s = next_sent();
	assert_int_equal(s.text_len, 1000);
	assert_tells(&s, 0);
	write_text(10);
	s = next_sent();
	assert_int_equal(s.text_len, 10);
	assert_tells(&s, 300);
}

/* What SYNs have to have comes first: 20 bytes, and a cookie of 16 in 18. */
static void no_room(void **state)
{
	struct tcp_settings set = { .adv_uto = 300 };
	struct tcp_options o = { .mss = 1460,
				 .has_timestamp = true,
				 .sack_permitted = true,
				 .has_window_scale = true,
				 .has_fast_open = true,
				 .cookie_len = TCP_COOKIE_LEN_MAX };

	(void)state;
	assert_false(pb_tcp_uto_write(&set, &o));
	assert_false(o.has_user_timeout);
	o.cookie_len = 8;
	assert_true(pb_tcp_uto_write(&set, &o));
}

static pb_time adopted(uint32_t adv, uint16_t remote)
{
	struct tcp_conn some = { .set.adv_uto = pb_tcp_uto_of(adv), .remote_uto = remote };

	return tcp_user_timeout(&some);
}

/* §3.1: the longer of both, within limits. */
static void limits(void **state)
{
	(void)state;
	assert_int_equal(adopted(300, 600), PB_SEC(600));
	assert_int_equal(adopted(300, 200), PB_SEC(300));
	assert_int_equal(adopted(10, 20), PB_SEC(121)); /* longer than any RTO, and than R2 */
	assert_int_equal(adopted(300, 0xffff), PB_SEC(3600));
	assert_int_equal(adopted(300, MINUTES | 10), PB_SEC(600));
	assert_int_equal(adopted(300, 0), 0); /* until the peer tells, what is usual */
}

/* §3.4: no time at all is ignored, in either unit. */
static void reserved_values(void **state)
{
	(void)state;
	accept_call(300, &(struct tcp_options){ .mss = 1460 });
	peer_tells(0);
	peer_tells(MINUTES);
	assert_int_equal(c->remote_uto, 0);
	peer_tells(400);
	peer_tells(0);
	assert_int_equal(c->remote_uto, 400);
}

/* §3.1: what the user has set is not changed, but he can ask what the peer has told. */
static void not_changeable(void **state)
{
	(void)state;
	accept_call(300, &(struct tcp_options){ .mss = 1460 });
	c->set.user_timeout = PB_SEC(5);
	peer_tells(600);
	assert_int_equal(tcp_user_timeout(c), PB_SEC(5));
	assert_int_equal(c->remote_uto, 600);
}

/* What a SYN tells is known once its handshake is complete; and a segment out of the window tells nothing. */
static void who_is_believed(void **state)
{
	(void)state;
	accept_call(300, &(struct tcp_options){ .mss = 1460, .has_user_timeout = true, .user_timeout = 500 });
	assert_int_equal(c->remote_uto, 500);
	struct segment blind = {
		.h = {.flags = TCP_ACK,
                      .seq = 1001 + (1 << 30),
                      .ack = theirs,
                      .window = 60000,
                      .options = { .has_user_timeout = true, .user_timeout = 3000 }}
	};
	harness_inject(&h, &blind);
	assert_int_equal(c->remote_uto, 500);
}

/* It ends when the agreed time is over: long before 15 retransmissions, which take 924 s. */
static void gives_up(void **state)
{
	(void)state;
	accept_call(200, &(struct tcp_options){ .mss = 1460 });
	peer_tells(150);
	write_text(10);
	harness_run(&h, PB_MSEC(199900));
	assert_int_equal(c->state, STATE_ESTABLISHED);
	harness_run(&h, PB_MSEC(200));
	assert_int_equal(c->state, STATE_CLOSED);
	assert_int_equal(c->error, ETIMEDOUT);
}

/* §4.2: keepalive does not end it earlier. */
static void outlives_keepalive(void **state)
{
	(void)state;
	accept_call(1000, &(struct tcp_options){ .mss = 1460 });
	peer_tells(1000);
	c->set.keepalive = true;
	c->set.keep_idle = c->set.keep_interval = PB_SEC(10);
	c->set.keep_count = 2;
	pb_tcp_settings_changed(c);
	harness_run(&h, PB_SEC(995));
	assert_int_equal(c->state, STATE_ESTABLISHED);
	harness_run(&h, PB_SEC(20));
	assert_int_equal(c->state, STATE_CLOSED);
}

/* §3: whenever it changes, the next segment has it; switched off, what the peer has told is forgotten. */
static void changes(void **state)
{
	(void)state;
	accept_call(300, &(struct tcp_options){ .mss = 1460 });
	peer_tells(600);
	write_text(10);
	next_sent();
	c->set.adv_uto = pb_tcp_uto_of(400);
	pb_tcp_uto_changed(c);
	theirs += 10;
	struct segment asks = {
		.h = {.flags = TCP_ACK, .seq = 1001, .ack = theirs, .window = 60000},
                  .text_len = 100
	};
	harness_inject(&h, &asks);
	struct segment s = next_sent();
	assert_int_equal(s.text_len, 0);
	assert_tells(&s, 400);
	c->set.adv_uto = 0;
	pb_tcp_uto_changed(c);
	assert_int_equal(tcp_user_timeout(c), 0);
	write_text(10);
	s = next_sent();
	assert_tells(&s, 0);
}

/* The owner of one that may sleep keeps its entry. */
struct owner {
	const char *name;
	struct pair_entry *conn;
};

static void sleeps(void **state)
{
	struct owner owner;

	(void)state;
	h.tcp->owner_entry = offsetof(struct owner, conn);
	accept_call(300, &(struct tcp_options){ .mss = 1460 });
	c->news.owner = &owner;
	owner.conn = &c->entry;
	peer_tells(600);
	harness_run(&h, PB_SEC(20));
	assert_true(tcp_is_asleep(owner.conn));
	c = pb_tcp_awake(h.tcp, owner.conn);
	assert_int_equal(tcp_user_timeout(c), PB_SEC(600));
	write_text(10);
	struct segment s = next_sent();
	assert_tells(&s, 300); /* nothing had left that could tell it */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(units),          TEST(off),
		TEST(caller_tells),   TEST(listener_tells),
		TEST(full_segment),   TEST(no_room),
		TEST(limits),         TEST(reserved_values),
		TEST(not_changeable), TEST(who_is_believed),
		TEST(gives_up),       TEST(outlives_keepalive),
		TEST(changes),        TEST(sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
