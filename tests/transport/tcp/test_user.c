/* The calls: OPEN, SEND, RECEIVE, CLOSE, ABORT, and what is ready when. */
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

static struct harness h;
static struct tcp_listener *l;
static uint32_t theirs;

static int begin(void **state)
{
	(void)state;
	harness_begin(&h, 1, NULL);
	l = harness_listen(&h, 16);
	return 0;
}

static void end(void)
{
	pb_tcp_listener_close(l);
	harness_end(&h);
}

static struct tcp_conn *connect_to(const char *addr, uint16_t port)
{
	struct ip to = harness_ip(addr);
	struct tcp_conn *c;

	assert_int_equal(pb_tcp_connect(h.tcp, &pb_tcp_settings_default, NULL, &to, port, &h, &c), 0);
	return c;
}

static ssize_t receive(struct tcp_conn *c, char *text, size_t len)
{
	return pb_tcp_receive(c, &(struct iovec){ text, len }, 1, false);
}

static ssize_t send_text(struct tcp_conn *c, const char *text)
{
	return pb_tcp_send(c, &(struct iovec){ (void *)(uintptr_t)text, strlen(text) }, 1, 0);
}

static struct segment only_sent(void)
{
	struct segment s, more;

	assert_true(harness_sent(&h, &s, NULL));
	assert_false(harness_sent(&h, &more, NULL));
	return s;
}

/* From the peer that called, in sequence unless said otherwise. */
static void inject(uint16_t flags, uint32_t at, uint32_t ack, const char *text)
{
	struct segment s = {
		.h = {.flags = flags, .seq = at, .ack = ack, .window = 60000},
		.text = text,
		.text_len = text ? (uint32_t)strlen(text) : 0
	};

	harness_inject(&h, &s);
}

/* The peer's answer to our call. */
static void answer_call(const struct segment *syn, uint16_t flags)
{
	struct segment s = {
		.h = {.src_port = syn->h.dst_port,
                      .dst_port = syn->h.src_port,
                      .flags = flags,
                      .seq = 5000,
                      .ack = syn->h.seq + 1,
                      .window = 1000,
                      .options = { .mss = flags & TCP_SYN ? 1000 : 0 }}
	};

	harness_inject(&h, &s);
}

/* A connection of ours is ESTABLISHED when the SYN-ACK has come; before that nothing can be sent. */
static void open_active(void **state)
{
	struct tcp_conn *c = connect_to("198.51.100.1", 7);
	struct segment s = only_sent();

	(void)state;
	assert_int_equal(s.h.flags, TCP_SYN);
	assert_in_range(s.h.src_port, PB_PORT_DYNAMIC_FIRST, PB_PORT_DYNAMIC_LAST);
	assert_int_equal(s.h.dst_port, 7);
	assert_int_equal(s.h.options.mss, 1460);
	assert_true(s.h.options.has_window_scale && s.h.options.has_timestamp);
	assert_int_equal(c->state, STATE_SYN_SENT);
	assert_int_equal(pb_tcp_ready(c), 0);
	assert_int_equal(send_text(c, "early"), -EAGAIN);
	answer_call(&s, TCP_SYN | TCP_ACK);
	assert_int_equal(c->state, STATE_ESTABLISHED);
	assert_int_equal(c->mss, 1000);
	assert_false(c->has_timestamps || c->has_scale);
	assert_true(c->news.events & POLLOUT);
	assert_int_equal(pb_tcp_ready(c), POLLOUT);
	s = only_sent();
	assert_int_equal(s.h.flags, TCP_ACK);
	assert_int_equal(s.h.ack, 5001);
	assert_int_equal(send_text(c, "hello"), 5);
	s = only_sent();
	assert_int_equal(s.text_len, 5);
	assert_int_equal(h.env.counters.tcp.ActiveOpens, 1);
	pb_tcp_close(c, true);
	end();
}

/* What the SYN announced holds, whatever the user says of the buffer until it is answered (RFC 7323 §2.2). */
static void buffer_changed_while_calling(void **state)
{
	struct tcp_conn *c = connect_to("198.51.100.1", 7);
	struct segment s = only_sent();
	struct segment answer = {
		.h = {.src_port = 7, .flags = TCP_SYN | TCP_ACK, .seq = 5000, .window = 1000}
	};
	uint8_t announced = s.h.options.window_scale;

	(void)state;
	assert_true(announced > 0);
	c->set.receive_buffer = 8192;
	c->set.receive_fixed = true;
	answer.h.dst_port = s.h.src_port;
	answer.h.ack = s.h.seq + 1;
	answer.h.options.has_window_scale = true;
	harness_inject(&h, &answer);
	assert_int_equal(c->state, STATE_ESTABLISHED);
	assert_int_equal(c->rcv_scale, announced);
	pb_tcp_close(c, true);
	end();
}

static void refused(void **state)
{
	struct tcp_conn *c = connect_to("198.51.100.1", 7);
	struct segment s = only_sent();
	char byte;

	(void)state;
	answer_call(&s, TCP_RST | TCP_ACK);
	assert_int_equal(pb_tcp_ready(c), POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR);
	assert_int_equal(receive(c, &byte, 1), -ECONNREFUSED);
	assert_int_equal(receive(c, &byte, 1), 0);
	assert_int_equal(send_text(c, "late"), -EPIPE);
	assert_int_equal(h.env.counters.tcp.AttemptFails, 1);
	pb_tcp_close(c, false);
	assert_int_equal(h.tcp->pairs.count, 0);
	end();
}

/* The errors of connect(2); none leaves anything behind. */
static void cannot_open(void **state)
{
	struct binding b = { .addr = harness_ip("0.0.0.0"), .port = 50000 }, again;
	struct ip to = harness_ip("198.51.100.1"), group = harness_ip("224.0.0.1");
	struct tcp_conn *c, *other;

	(void)state;
	assert_int_equal(pb_tcp_connect(h.tcp, &pb_tcp_settings_default, NULL, &group, 7, &h, &c),
			 -ENETUNREACH);
	h.unreachable = -ENETUNREACH;
	assert_int_equal(pb_tcp_connect(h.tcp, &pb_tcp_settings_default, NULL, &to, 7, &h, &c), -ENETUNREACH);
	h.unreachable = 0;
	assert_int_equal(pb_ports_bind(&h.tcp->ports, &h.env, &b), 0);
	again = b;
	assert_int_equal(pb_tcp_connect(h.tcp, &pb_tcp_settings_default, &b, &to, 7, &h, &c), 0);
	assert_int_equal(b.port, 0); /* moved */
	assert_int_equal(c->entry.pair.local_port, 50000);
	again.reuse_addr = c->binding.reuse_addr = true;
	assert_int_equal(pb_ports_bind(&h.tcp->ports, &h.env, &again), 0);
	assert_int_equal(pb_tcp_connect(h.tcp, &pb_tcp_settings_default, &again, &to, 7, &h, &other),
			 -EADDRNOTAVAIL);
	assert_int_equal(again.port, 50000); /* still the caller's */
	assert_int_equal(pb_tcp_connect(h.tcp, &pb_tcp_settings_default, &again, &to, 8, &h, &other), 0);
	pb_tcp_close(other, false);
	pb_tcp_close(c, false);
	assert_int_equal(h.tcp->pairs.count, 0);
	harness_forget(&h);
	end();
}

/* 1 + 2 + 4 + … s, and then nobody is there: RFC 9293 MUST-23, at least 3 minutes. */
static void unanswered(void **state)
{
	struct tcp_conn *c = connect_to("198.51.100.1", 7);
	pb_time from = env_now(&h.env);
	char byte;

	(void)state;
	while (c->state == STATE_SYN_SENT && env_now(&h.env) - from < PB_SEC(1000))
		harness_run(&h, PB_SEC(1));
	assert_in_range((env_now(&h.env) - from) / PB_SEC(1), 180, 260);
	assert_int_equal(receive(c, &byte, 1), -ETIMEDOUT);
	pb_tcp_close(c, false);
	harness_forget(&h);
	end();
}

/* What is read, and what comes at the end; text first, as it came. */
static void receive_text(void **state)
{
	struct tcp_conn *c = harness_accept(&h, l, &theirs);
	char text[16];

	(void)state;
	assert_int_equal(pb_tcp_ready(c), POLLOUT);
	assert_int_equal(receive(c, text, sizeof text), -EAGAIN);
	inject(TCP_ACK, 1001, theirs, "hello, ");
	inject(TCP_ACK | TCP_FIN, 1008, theirs, "world");
	assert_int_equal(pb_tcp_ready(c), POLLIN | POLLOUT | POLLRDHUP);
	assert_int_equal(pb_tcp_receive(c, &(struct iovec){ text, 3 }, 1, true), 3);
	assert_int_equal(receive(c, text, sizeof text), 12);
	assert_memory_equal(text, "hello, world", 12);
	assert_int_equal(receive(c, text, sizeof text), 0);
	assert_int_equal(receive(c, text, sizeof text), 0); /* and stays so */
	assert_int_equal(c->state, STATE_CLOSE_WAIT);
	harness_forget(&h);
	pb_tcp_close(c, false);
	assert_int_equal(only_sent().h.flags & (TCP_FIN | TCP_RST), TCP_FIN);
	assert_int_equal(h.tcp->orphans, 1);
	inject(TCP_ACK, 1014, theirs + 1, NULL); /* of our FIN, in LAST-ACK */
	assert_int_equal(h.tcp->pairs.count, 0);
	assert_int_equal(h.tcp->orphans, 0);
	end();
}

/* Half a close: nothing more goes out, all still comes in; the record of TIME-WAIT leaves the owner his text. */
static void half_close(void **state)
{
	struct tcp_conn *c = harness_accept(&h, l, &theirs);
	char text[16];

	(void)state;
	assert_int_equal(send_text(c, "last"), 4);
	assert_int_equal(pb_tcp_shutdown(c, SHUT_WR), 0);
	assert_int_equal(pb_tcp_shutdown(c, SHUT_WR), 0); /* again: no harm */
	assert_int_equal(c->state, STATE_FIN_WAIT_1);
	assert_int_equal(send_text(c, "more"), -EPIPE);
	assert_int_equal(pb_tcp_ready(c), POLLOUT); /* to be told so */
	inject(TCP_ACK, 1001, theirs + 5, NULL);
	assert_int_equal(c->state, STATE_FIN_WAIT_2);
	inject(TCP_ACK | TCP_FIN, 1001, theirs + 5, "reply");
	assert_int_equal(h.tcp->time_wait_count, 1);
	assert_int_equal(pb_tcp_ready(c), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	assert_int_equal(receive(c, text, sizeof text), 5);
	assert_int_equal(receive(c, text, sizeof text), 0);
	assert_int_equal(pb_tcp_shutdown(c, SHUT_WR), -ENOTCONN);
	pb_tcp_close(c, false);
	assert_int_equal(h.tcp->time_wait_count, 1);
	harness_forget(&h);
	end();
}

static void shut_reading(void **state)
{
	struct tcp_conn *c = harness_accept(&h, l, &theirs);
	char text[16];

	(void)state;
	assert_int_equal(pb_tcp_shutdown(c, SHUT_RD), 0);
	assert_int_equal(pb_tcp_ready(c), POLLIN | POLLOUT | POLLRDHUP);
	assert_int_equal(receive(c, text, sizeof text), 0);
	inject(TCP_ACK, 1001, theirs, "who reads this?");
	assert_int_equal(only_sent().h.ack, 1016); /* acknowledged all the same */
	assert_int_equal(receive(c, text, sizeof text), 15);
	assert_int_equal(receive(c, text, sizeof text), 0);
	pb_tcp_close(c, true);
	harness_forget(&h);
	end();
}

/* RFC 2525 §2.17: who closes on unread text says so. */
static void close_on_unread(void **state)
{
	struct tcp_conn *c = harness_accept(&h, l, &theirs);

	(void)state;
	inject(TCP_ACK, 1001, theirs, "unread");
	harness_forget(&h);
	pb_tcp_close(c, false);
	assert_true(only_sent().h.flags & TCP_RST);
	assert_int_equal(h.env.counters.tcp.AbortOnClose, 1);
	assert_int_equal(h.tcp->pairs.count, 0);
	end();
}

/* RFC 9293 §3.10.4 and Linux: text for nobody is answered with RST. */
static void text_for_nobody(void **state)
{
	struct tcp_conn *c = harness_accept(&h, l, &theirs);

	(void)state;
	pb_tcp_close(c, false);
	harness_forget(&h);
	inject(TCP_ACK, 1001, theirs, "too late");
	assert_true(only_sent().h.flags & TCP_RST);
	assert_int_equal(h.env.counters.tcp.AbortOnData, 1);
	assert_int_equal(h.tcp->pairs.count, 0);
	assert_int_equal(h.tcp->orphans, 0);
	end();
}

static void abort_tells_both(void **state)
{
	struct tcp_conn *c = harness_accept(&h, l, &theirs);
	char byte;

	(void)state;
	pb_tcp_abort(c, ECONNABORTED);
	struct segment s = only_sent();
	assert_true(s.h.flags & TCP_RST);
	assert_int_equal(s.h.seq, theirs);
	assert_int_equal(receive(c, &byte, 1), -ECONNABORTED);
	pb_tcp_close(c, false);
	end();
}

/* A reset ends all but the reading of what had come before it; then it is told, once. */
static void text_outlives_reset(void **state)
{
	struct tcp_conn *c = harness_accept(&h, l, &theirs);
	char text[16];

	(void)state;
	inject(TCP_ACK, 1001, theirs, "hello");
	inject(TCP_RST, 1006, 0, NULL);
	assert_int_equal(receive(c, text, sizeof text), 5);
	assert_int_equal(receive(c, text, sizeof text), -ECONNRESET);
	assert_int_equal(receive(c, text, sizeof text), 0);
	pb_tcp_close(c, false);
	harness_forget(&h);
	end();
}

/* The send buffer is a bound, passed by less than a piece, and POLLOUT comes back when a third of it is free. */
static void send_buffer(void **state)
{
	static char much[3 * 65536];
	struct tcp_conn *c = harness_accept(&h, l, &theirs);
	ssize_t n;
	size_t sent = 0;

	(void)state;
	c->set.send_buffer = 100000;
	while ((n = pb_tcp_send(c, &(struct iovec){ much, sizeof much }, 1, 0)) > 0)
		sent += (size_t)n;
	assert_int_equal(n, -EAGAIN);
	assert_in_range(sent, 100000, 100000 + c->snd_wnd_max / 2);
	assert_int_equal(pb_tcp_ready(c), 0);
	c->news.events = 0;
	inject(TCP_ACK, 1001, theirs + 1460, NULL);
	assert_int_equal(pb_tcp_ready(c), 0);
	assert_int_equal(c->news.events, 0);
	for (uint32_t acked = 2920; acked < sent - 63000; acked += 2920) {
		harness_forget(&h);
		inject(TCP_ACK, 1001, theirs + acked, NULL);
	}
	assert_int_equal(pb_tcp_ready(c), POLLOUT);
	assert_int_equal(c->news.events, POLLOUT);
	pb_tcp_close(c, true);
	harness_forget(&h);
	end();
}

/* Beyond their limit orphans are reset. */
static void orphans_bounded(void **state)
{
	const struct tcp_limits one = { .orphans_max = 1 };
	struct tcp_conn *c;

	end();
	harness_begin(&h, 1, &one);
	l = harness_listen(&h, 16);
	(void)state;
	for (uint16_t i = 0; i < 2; i++) {
		harness_call(&h, (uint16_t)(4000 + i), NULL, &theirs);
		c = pb_tcp_accept(l, &h);
		pb_tcp_close(c, false);
		assert_int_equal(!!(only_sent().h.flags & TCP_RST), i);
	}
	assert_int_equal(h.tcp->orphans, 1);
	assert_int_equal(h.env.counters.tcp.AbortOnMemory, 1);
	end();
}

/* MSG_MORE holds a short segment back, and the next SEND without it lets it go. */
static void more_to_come(void **state)
{
	struct tcp_conn *c = harness_accept(&h, l, &theirs);
	struct segment s;

	(void)state;
	assert_int_equal(pb_tcp_send(c, &(struct iovec){ (char[]){ "head" }, 4 }, 1, MSG_MORE), 4);
	assert_false(harness_sent(&h, &s, NULL));
	assert_int_equal(send_text(c, "tail"), 4);
	assert_int_equal(only_sent().text_len, 8);
	assert_int_equal(send_text(c, ""), 0);
	pb_tcp_close(c, true);
	harness_forget(&h);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(open_active, begin),
		cmocka_unit_test_setup(buffer_changed_while_calling, begin),
		cmocka_unit_test_setup(refused, begin),
		cmocka_unit_test_setup(cannot_open, begin),
		cmocka_unit_test_setup(unanswered, begin),
		cmocka_unit_test_setup(receive_text, begin),
		cmocka_unit_test_setup(half_close, begin),
		cmocka_unit_test_setup(shut_reading, begin),
		cmocka_unit_test_setup(close_on_unread, begin),
		cmocka_unit_test_setup(text_for_nobody, begin),
		cmocka_unit_test_setup(abort_tells_both, begin),
		cmocka_unit_test_setup(text_outlives_reset, begin),
		cmocka_unit_test_setup(send_buffer, begin),
		cmocka_unit_test_setup(orphans_bounded, begin),
		cmocka_unit_test_setup(more_to_come, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
