/* Connections that sleep: when, what wakes them, and that they then go on as if nothing had been. */
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define SILENCE PB_SEC(5)

/* Who owns a connection keeps its entry. */
struct owner {
	const char *name;
	struct pair_entry *conn;
};

static struct harness h;
static struct tcp_listener *l;
static struct owner us, other;
static uint32_t theirs;    /* our next number, as the peer expects it */
static uint32_t next;      /* the peer's */
static uint32_t peer_time; /* its timestamps' clock */
static bool no_memory;
static int memory_for = -1; /* so many pieces of memory there are, and no more; -1: without end */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	if (no_memory || memory_for == 0)
		return NULL;
	memory_for -= memory_for > 0;
	return __real_malloc(size);
}

static void begin_with(const struct tcp_limits *limits)
{
	harness_begin(&h, 1, limits);
	h.tcp->owner_entry = offsetof(struct owner, conn);
	l = harness_listen(&h, 16);
	no_memory = false;
	next = 1001;
	peer_time = 100;
	us = other = (struct owner){ 0 };
}

static int begin(void **state)
{
	(void)state;
	begin_with(NULL);
	return 0;
}

static bool asleep(void)
{
	return tcp_is_asleep(us.conn);
}

static struct tcp_conn *conn(void)
{
	assert_false(asleep());
	return (struct tcp_conn *)us.conn;
}

/* A call that is accepted, with all options. */
static void accept_call(struct owner *owner, uint16_t from_port)
{
	struct tcp_options o = { .mss = 1460,
				 .has_timestamp = true,
				 .ts_value = peer_time,
				 .sack_permitted = true,
				 .has_window_scale = true,
				 .window_scale = 7 };
	harness_call(&h, from_port, &o, &theirs);
	struct tcp_conn *c = pb_tcp_accept(l, owner);
	assert_non_null(c);
	owner->conn = &c->entry;
}

static void end(void)
{
	no_memory = false;
	if (us.conn)
		pb_tcp_close(pb_tcp_awake(h.tcp, us.conn), true);
	if (other.conn)
		pb_tcp_close(pb_tcp_awake(h.tcp, other.conn), true);
	if (l)
		pb_tcp_listener_close(l);
	assert_int_equal(h.tcp->pairs.count, 0);
	assert_true(list_empty(&h.tcp->idle.traits));
	harness_end(&h);
}

static struct segment segment(uint16_t flags, uint32_t at, const char *text)
{
	struct segment s = {
		.h = {.flags = flags,
                      .seq = at,
                      .ack = flags & TCP_ACK ? theirs : 0,
                      .window = 500,
                      .options = { .has_timestamp = true, .ts_value = peer_time }},
		.text = text,
		.text_len = text ? (uint32_t)strlen(text) : 0
	};

	return s;
}

static void inject(uint16_t flags, uint32_t at, const char *text)
{
	struct segment s = segment(flags, at, text);

	harness_inject(&h, &s);
}

static struct segment only_sent(void)
{
	struct segment s, more;

	assert_true(harness_sent(&h, &s, NULL));
	assert_false(harness_sent(&h, &more, NULL));
	return s;
}

static void assert_nothing_sent(void)
{
	struct segment s;

	assert_false(harness_sent(&h, &s, NULL));
}

static void assert_acknowledges(uint32_t number)
{
	struct segment s = only_sent();

	assert_int_equal(s.h.flags & ~TCP_PSH, TCP_ACK);
	assert_int_equal(s.h.seq, theirs);
	assert_int_equal(s.h.ack, number);
}

static void send_text(const char *text)
{
	struct tcp_conn *c = pb_tcp_awake(h.tcp, us.conn);
	struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };

	assert_int_equal(pb_tcp_send(c, &iov, 1, 0), strlen(text));
}

static void assert_reads(const char *text)
{
	char room[64];
	struct iovec iov = { room, sizeof room };

	assert_int_equal(pb_tcp_receive(conn(), &iov, 1, false), strlen(text));
	assert_memory_equal(room, text, strlen(text));
}

/* A connection that has been used, and sleeps. */
static void put_to_sleep(void)
{
	accept_call(&us, HARNESS_PEER);
	harness_run(&h, PB_MSEC(20));
	send_text("hello");
	theirs += 5;
	harness_run(&h, PB_MSEC(30));
	peer_time += 50;
	inject(TCP_ACK, next, "good morning");
	next += 12;
	assert_reads("good morning");
	harness_run(&h, 2 * SILENCE);
	harness_forget(&h);
	assert_true(asleep());
}

/*
 * -- When
 */

static void sleeps_after_silence(void **state)
{
	(void)state;
	accept_call(&us, HARNESS_PEER);
	harness_run(&h, SILENCE - 1);
	assert_false(asleep());
	harness_run(&h, 1);
	assert_true(asleep());
	assert_int_equal(h.env.counters.tcp.IdleSleeps, 1);
	assert_int_equal(h.env.timers.count, 0);
	assert_int_equal(h.tcp->pairs.count, 1);
	assert_nothing_sent();
	end();
}

static void each_segment_puts_it_off(void **state)
{
	(void)state;
	accept_call(&us, HARNESS_PEER);
	for (int i = 0; i < 5; i++) {
		harness_run(&h, SILENCE - 1);
		inject(TCP_ACK, next, NULL);
		assert_false(asleep());
	}
	harness_run(&h, SILENCE);
	assert_true(asleep());
	end();
}

static void never_if_so_set(void **state)
{
	(void)state;
	begin_with(&(struct tcp_limits){ .idle_after = PB_NEVER });
	accept_call(&us, HARNESS_PEER);
	harness_run(&h, PB_SEC(1000));
	assert_false(asleep());
	assert_int_equal(h.env.timers.count, 0);
	end();
}

static void not_before_it_is_accepted(void **state)
{
	struct tcp_options o = { .mss = 1460 };

	(void)state;
	harness_call(&h, HARNESS_PEER, &o, &theirs);
	harness_run(&h, 10 * SILENCE);
	assert_int_equal(h.env.counters.tcp.IdleSleeps, 0);
	us.conn = &pb_tcp_accept(l, &us)->entry;
	assert_false(asleep());
	harness_run(&h, SILENCE);
	assert_true(asleep());
	end();
}

static void unread_text(void)
{
	inject(TCP_ACK, next, "x");
}

static void text_ahead_of_a_gap(void)
{
	inject(TCP_ACK, next + 1, "x");
}

static void fin_ahead_of_a_gap(void)
{
	inject(TCP_ACK | TCP_FIN, next + 1, NULL);
}

static void text_in_flight(void)
{
	send_text("x");
}

static void text_held_by_a_closed_window(void)
{
	struct segment s = segment(TCP_ACK, next, NULL);

	s.h.window = 0;
	harness_inject(&h, &s);
	send_text("x");
}

static void keepalive(void)
{
	conn()->set.keepalive = true;
	pb_tcp_settings_changed(conn());
}

static void shut_for_reading(void)
{
	pb_tcp_shutdown(conn(), SHUT_RD);
}

static void shut_for_writing(void)
{
	pb_tcp_shutdown(conn(), SHUT_WR);
}

static void closed_by_the_peer(void)
{
	inject(TCP_ACK | TCP_FIN, next, NULL);
}

static void error_to_be_told(void)
{
	conn()->error = EIO;
}

static void not_while_there_is_something(void **state)
{
	static void (*const something[])(void) = {
		unread_text,      text_ahead_of_a_gap, fin_ahead_of_a_gap,
		text_in_flight,   keepalive,           text_held_by_a_closed_window,
		shut_for_reading, shut_for_writing,    closed_by_the_peer,
		error_to_be_told,
	};

	(void)state;
	end();
	for (size_t i = 0; i < sizeof something / sizeof *something; i++) {
		begin_with(NULL);
		accept_call(&us, HARNESS_PEER);
		something[i]();
		harness_run(&h, 4 * SILENCE);
		assert_false(asleep());
		assert_int_equal(h.env.counters.tcp.IdleSleeps, 0);
		end();
	}
}

/* A silence that had something in it, and has no more. */
static void after_the_last_is_read(void **state)
{
	(void)state;
	accept_call(&us, HARNESS_PEER);
	inject(TCP_ACK, next, "late");
	harness_run(&h, 10 * SILENCE);
	assert_false(asleep());
	assert_reads("late");
	harness_run(&h, SILENCE);
	assert_true(asleep());
	end();
}

static void after_keepalive_is_off(void **state)
{
	(void)state;
	accept_call(&us, HARNESS_PEER);
	keepalive();
	harness_run(&h, 10 * SILENCE);
	assert_false(asleep());
	conn()->set.keepalive = false;
	pb_tcp_settings_changed(conn());
	harness_run(&h, SILENCE);
	assert_true(asleep());
	end();
}

/*
 * -- What wakes it
 */

static void text_wakes(void **state)
{
	struct segment s;

	(void)state;
	put_to_sleep();
	peer_time += 60000;
	inject(TCP_ACK, next, "awake?");
	assert_reads("awake?");
	s = only_sent(); /* at once: quick ACKs begin anew */
	assert_int_equal(s.h.ack, next + 6);
	assert_int_equal(s.h.seq, theirs);
	assert_int_equal(s.h.options.ts_echo, peer_time);
	assert_int_equal(h.env.counters.tcp.IdleWakes, 1);
	harness_run(&h, SILENCE);
	assert_true(asleep());
	end();
}

/* An ACK that says nothing new is nothing to answer. It sleeps again. */
static void ack_wakes(void **state)
{
	(void)state;
	put_to_sleep();
	inject(TCP_ACK, next, NULL);
	assert_false(asleep());
	assert_nothing_sent();
	harness_run(&h, SILENCE);
	assert_true(asleep());
	end();
}

/* RFC 9293 §3.8.4: whoever asks whether we are there is answered. */
static void peers_keepalive(void **state)
{
	(void)state;
	put_to_sleep();
	for (int i = 0; i < 3; i++) {
		harness_run(&h, PB_SEC(7200));
		assert_true(asleep());
		peer_time += 7200000;
		inject(TCP_ACK, next - 1, NULL);
		assert_acknowledges(next);
	}
	end();
}

/* RFC 5961 §3.2. */
static void reset_wakes(void **state)
{
	(void)state;
	put_to_sleep();
	inject(TCP_RST, next + 1, NULL);
	assert_acknowledges(next);
	assert_int_equal(conn()->state, STATE_ESTABLISHED);
	harness_run(&h, SILENCE);
	assert_true(asleep());
	inject(TCP_RST, next, NULL);
	assert_int_equal(conn()->state, STATE_CLOSED);
	assert_int_equal(conn()->error, ECONNRESET);
	assert_true(conn()->news.events & POLLERR);
	end();
}

static void fin_wakes(void **state)
{
	(void)state;
	put_to_sleep();
	inject(TCP_ACK | TCP_FIN, next, NULL);
	assert_int_equal(conn()->state, STATE_CLOSE_WAIT);
	assert_acknowledges(next + 1);
	assert_true(conn()->news.events & POLLRDHUP);
	end();
}

/* RFC 5961 §4.2. */
static void syn_wakes(void **state)
{
	(void)state;
	put_to_sleep();
	inject(TCP_SYN, next, NULL);
	assert_acknowledges(next);
	assert_int_equal(conn()->state, STATE_ESTABLISHED);
	end();
}

/* Text that came before, once more: its ACK was lost. */
static void old_text_wakes(void **state)
{
	(void)state;
	put_to_sleep();
	inject(TCP_ACK, next - 12, "good morning");
	assert_acknowledges(next);
	assert_int_equal(conn()->recvq.packets.count, 0);
	end();
}

/*
 * RFC 9293 §3.8.6.1: it sleeps in front of a closed window, and asks whether it has opened when there is text to
 * send.
 */
static void closed_window(void **state)
{
	struct segment s = segment(TCP_ACK, next, NULL);

	(void)state;
	accept_call(&us, HARNESS_PEER);
	s.h.ack = theirs;
	s.h.window = 0;
	harness_inject(&h, &s);
	harness_run(&h, 2 * SILENCE);
	assert_true(asleep());
	send_text("xyz");
	assert_nothing_sent();
	harness_run(&h, PB_MSEC(250)); /* RTO: 200 ms */
	s = only_sent();
	assert_int_equal(s.text_len, 1);
	assert_int_equal(s.h.seq, theirs);
	inject(TCP_ACK, next, NULL); /* it has */
	s = only_sent();
	assert_int_equal(s.text_len, 3);
	end();
}

/* Ours is closed while nobody reads, and then the connection does not sleep; opened, it is told of before. */
static void our_window_is_kept(void **state)
{
	struct segment s;

	(void)state;
	put_to_sleep();
	seq edge = ((struct tcp_idle *)us.conn)->rcv_adv;
	inject(TCP_ACK, next, "x");
	assert_true(seq_le(edge, conn()->rcv_adv));
	s = only_sent();
	assert_true(seq_le(edge, (seq){ s.h.ack + ((uint32_t)s.h.window << conn()->rcv_scale) }));
	end();
}

/* RFC 7323 §5.3 and §5.5: what is older than before is refused, until what was before is too old itself. */
static void paws(void **state)
{
	(void)state;
	put_to_sleep();
	peer_time--;
	inject(TCP_ACK, next, "x");
	assert_acknowledges(next);
	assert_int_equal(h.env.counters.tcp.PAWSEstab, 1);
	harness_run(&h, PB_SEC(23 * 24 * 3600));
	assert_true(asleep());
	inject(TCP_ACK, next, "x");
	assert_acknowledges(next);
	assert_int_equal(h.env.counters.tcp.PAWSEstab, 2);
	harness_run(&h, PB_SEC(2 * 24 * 3600));
	assert_true(asleep());
	inject(TCP_ACK, next, "x");
	assert_acknowledges(next + 1);
	end();
}

/* RFC 5927 §4.1: nothing of it is in flight. */
static void icmp_does_not_wake(void **state)
{
	uint8_t quote[8] = { 0, HARNESS_PORT, HARNESS_PEER >> 8, HARNESS_PEER & 255 };
	struct ip_error e = {
		.quote = quote, .quote_len = sizeof quote, .error = EMSGSIZE, .mtu = 600, .protocol = 6
	};

	(void)state;
	put_to_sleep();
	e.src = us.conn->pair.local;
	e.dst = us.conn->pair.remote;
	pb_tcp_complaint(h.tcp, &e);
	assert_true(asleep());
	assert_int_equal(h.env.counters.tcp.IcmpIgnored, 1);
	end();
}

/*
 * -- That it goes on
 */

static void assert_same(const struct tcp_conn *was, const struct tcp_conn *is)
{
	assert_memory_equal(&was->entry.pair, &is->entry.pair, SOCKET_PAIR_LEN);
	assert_memory_equal(&was->set, &is->set, sizeof was->set);
	assert_int_equal(was->state, is->state);
	assert_ptr_equal(was->news.owner, is->news.owner);
	assert_int_equal(was->binding.port, is->binding.port);
	assert_true(ip_equal(&was->binding.addr, &is->binding.addr));
	assert_int_equal(was->binding.connected, is->binding.connected);
	assert_int_equal(was->binding.reuse_addr, is->binding.reuse_addr);
	assert_int_equal(was->path.mtu, is->path.mtu);
	assert_int_equal(was->snd_una.v, is->snd_una.v);
	assert_int_equal(was->snd_nxt.v, is->snd_nxt.v);
	assert_int_equal(was->snd_max.v, is->snd_max.v);
	assert_int_equal(was->snd_wnd, is->snd_wnd);
	assert_int_equal(was->snd_wnd_max, is->snd_wnd_max);
	assert_int_equal(was->snd_scale, is->snd_scale);
	assert_int_equal(was->rcv_scale, is->rcv_scale);
	assert_int_equal(was->rcv_nxt.v, is->rcv_nxt.v);
	assert_int_equal(was->rcv_adv.v, is->rcv_adv.v);
	assert_int_equal(was->last_ack_sent.v, is->last_ack_sent.v);
	assert_int_equal(was->has_timestamps, is->has_timestamps);
	assert_int_equal(was->has_sack, is->has_sack);
	assert_int_equal(was->has_scale, is->has_scale);
	assert_int_equal(was->ts_recent, is->ts_recent);
	assert_int_equal(was->ts_offset, is->ts_offset);
	assert_int_equal(was->mss, is->mss);
	assert_int_equal(was->peer_mss, is->peer_mss);
	assert_in_range(is->rtt.srtt - was->rtt.srtt, 0, 999);
	assert_in_range(is->rtt.rttvar - was->rtt.rttvar, 0, 999);
	assert_in_range(is->rtt.rto - was->rtt.rto, 0, 4999);
	assert_in_range(is->rtt.min - was->rtt.min, 0, 999);
	assert_int_equal(was->congestion.cwnd, is->congestion.cwnd);
	assert_int_equal(was->congestion.ssthresh, is->congestion.ssthresh);
	assert_int_equal(was->congestion.mss, is->congestion.mss);
	assert_ptr_equal(was->congestion.ops, is->congestion.ops);
	assert_int_equal(was->bytes_acked, is->bytes_acked);
	assert_int_equal(was->bytes_received, is->bytes_received);
	assert_int_equal(was->bytes_retransmitted, is->bytes_retransmitted);
	assert_int_equal(was->total_retransmits, is->total_retransmits);
	assert_int_equal(was->segments_in, is->segments_in);
	assert_int_equal(was->segments_out, is->segments_out);
	assert_in_range(was->last_sent - is->last_sent, 0, PB_SEC(1));
	assert_in_range(was->last_received - is->last_received, 0, PB_SEC(1));
}

/* Whatever matters is there again, also after a loss; looked at, it sleeps on. */
static void all_is_kept(void **state)
{
	struct tcp_conn was, look;

	(void)state;
	accept_call(&us, HARNESS_PEER);
	conn()->set.nodelay = true;
	send_text("lost once");
	harness_run(&h, PB_SEC(2));
	theirs += 9;
	peer_time += 3;
	inject(TCP_ACK, next, NULL);
	assert_true(conn()->total_retransmits > 0);
	send_text("not lost");
	harness_run(&h, 70123000);
	theirs += 8;
	inject(TCP_ACK, next, "x");
	next++;
	assert_reads("x");
	harness_run(&h, SILENCE / 2);
	was = *conn();
	harness_run(&h, SILENCE);
	assert_true(asleep());
	pb_tcp_idle_look(h.tcp, (struct tcp_idle *)us.conn, &look);
	look.binding = was.binding; /* which is the port's */
	assert_same(&was, &look);
	assert_true(asleep());
	pb_tcp_awake(h.tcp, us.conn);
	assert_same(&was, conn());
	end();
}

/* RFC 6298 §5.7: an RTO that no round trip has told yet, and one that was doubled, are not forgotten. */
static void rto_is_kept(void **state)
{
	(void)state;
	accept_call(&us, HARNESS_PEER);
	conn()->rtt = (struct rtt){ .rto = PB_SEC(3) };
	harness_run(&h, SILENCE);
	pb_tcp_awake(h.tcp, us.conn);
	assert_int_equal(conn()->rtt.rto, PB_SEC(3));
	conn()->rtt = (struct rtt){
		.srtt = PB_MSEC(10), .rttvar = PB_MSEC(5), .rto = PB_SEC(8), .backoff = 4, .min = PB_MSEC(1)
	};
	harness_run(&h, SILENCE);
	assert_true(asleep());
	pb_tcp_awake(h.tcp, us.conn);
	assert_int_equal(conn()->rtt.rto, PB_SEC(8));
	assert_int_equal(conn()->rtt.backoff, 4);
	assert_int_equal(conn()->rtt.srtt, PB_MSEC(10));
	end();
}

/* RFC 5681 §4.1: not a window's worth of segments at once after the pause, but the restart window. */
static void window_restarts(void **state)
{
	static char text[200000];
	struct tcp_conn *c;
	struct segment s;
	uint32_t sent = 0;

	(void)state;
	put_to_sleep();
	((struct tcp_idle *)us.conn)->cwnd = 1000000;
	((struct tcp_idle *)us.conn)->snd_wnd = 1000000;
	c = pb_tcp_awake(h.tcp, us.conn);
	assert_int_equal(c->congestion.cwnd, 1000000);
	memset(text, 'x', sizeof text);
	assert_true(pb_tcp_send(c, &(struct iovec){ text, sizeof text }, 1, 0) > 0);
	while (harness_sent(&h, &s, NULL))
		sent += s.text_len;
	assert_in_range(sent, 1, 14600);
	end();
}

/* What was sent is acknowledged, and what is lost sent again, as before. */
static void losses_are_repaired(void **state)
{
	struct segment s;

	(void)state;
	put_to_sleep();
	send_text("once more");
	s = only_sent();
	assert_int_equal(s.h.seq, theirs);
	assert_int_equal(s.h.ack, next);
	harness_run(&h, PB_SEC(1));
	assert_true(harness_sent(&h, &s, NULL));
	assert_int_equal(s.h.seq, theirs);
	assert_int_equal(s.text_len, 9);
	harness_forget(&h);
	theirs += 9;
	inject(TCP_ACK, next, NULL);
	assert_int_equal(conn()->sendq.bytes, 0);
	harness_run(&h, SILENCE);
	assert_true(asleep());
	end();
}

/* RFC 1191: the path is another than it was. */
static void path_is_looked_for_again(void **state)
{
	(void)state;
	put_to_sleep();
	h.mtu = 1000;
	send_text("x");
	assert_int_equal(conn()->path.mtu, 1000);
	assert_int_equal(conn()->mss, 1000 - 40 - 12);
	end();
}

/* Without a way it wakes all the same, and has the old one, until sending says so. */
static void no_path(void **state)
{
	(void)state;
	put_to_sleep();
	h.unreachable = -ENETUNREACH;
	assert_non_null(pb_tcp_awake(h.tcp, us.conn));
	assert_int_equal(conn()->path.generation, 0);
	assert_int_equal(conn()->path.mtu, 1500);
	assert_ptr_equal(conn()->path.iface, &h.iface);
	h.unreachable = 0;
	end();
}

static void count_sleepers(const struct tcp_entry_info *i, void *context)
{
	if (i->owner == &us && i->state == STATE_ESTABLISHED && i->send_queue + i->receive_queue == 0)
		++*(int *)context;
}

static void is_shown_asleep(void **state)
{
	int count = 0;

	(void)state;
	put_to_sleep();
	pb_tcp_each(h.tcp, count_sleepers, &count);
	assert_int_equal(count, 1);
	assert_true(asleep());
	end();
}

/*
 * -- Calls
 */

static void shutdown_wakes(void **state)
{
	struct segment s;

	(void)state;
	put_to_sleep();
	assert_int_equal(pb_tcp_shutdown(pb_tcp_awake(h.tcp, us.conn), SHUT_WR), 0);
	s = only_sent();
	assert_int_equal(s.h.flags, TCP_FIN | TCP_ACK);
	assert_int_equal(s.h.seq, theirs);
	assert_int_equal(conn()->state, STATE_FIN_WAIT_1);
	end();
}

static void close_wakes(void **state)
{
	struct segment s;

	(void)state;
	put_to_sleep();
	pb_tcp_close(pb_tcp_awake(h.tcp, us.conn), false);
	us.conn = NULL;
	s = only_sent();
	assert_int_equal(s.h.flags, TCP_FIN | TCP_ACK);
	theirs++;
	inject(TCP_FIN | TCP_ACK, next, NULL);
	assert_int_equal(h.tcp->time_wait_count, 1);
	harness_run(&h, 2 * TCP_MSL);
	end();
}

/*
 * -- What is shared
 */

/*
 * As many sleep as there are, and keep one binding and one set of traits. Their port stays in use until the last
 * ends.
 */
static void shared(void **state)
{
	struct binding b = { .addr = harness_ip("0.0.0.0"), .port = HARNESS_PORT };

	(void)state;
	accept_call(&other, 4000);
	put_to_sleep();
	assert_true(tcp_is_asleep(other.conn));
	assert_ptr_equal(((struct tcp_idle *)us.conn)->traits, ((struct tcp_idle *)other.conn)->traits);
	assert_ptr_equal(((struct tcp_idle *)us.conn)->port, ((struct tcp_idle *)other.conn)->port);
	pb_tcp_listener_close(l);
	l = NULL;
	assert_int_equal(pb_ports_bind(&h.tcp->ports, &h.env, &b), -EADDRINUSE);
	pb_tcp_close(pb_tcp_awake(h.tcp, us.conn), true);
	us.conn = NULL;
	assert_int_equal(pb_ports_bind(&h.tcp->ports, &h.env, &b), -EADDRINUSE);
	pb_tcp_close(pb_tcp_awake(h.tcp, other.conn), true);
	other.conn = NULL;
	assert_int_equal(pb_ports_bind(&h.tcp->ports, &h.env, &b), 0);
	pb_ports_release(&h.tcp->ports, &b);
	end();
}

/* Who has settings of his own has traits of his own, and they are found again. */
static void not_shared(void **state)
{
	(void)state;
	accept_call(&other, 4000);
	((struct tcp_conn *)other.conn)->set.tos = 8;
	put_to_sleep();
	assert_ptr_not_equal(((struct tcp_idle *)us.conn)->traits, ((struct tcp_idle *)other.conn)->traits);
	assert_int_equal(pb_tcp_awake(h.tcp, other.conn)->set.tos, 8);
	assert_int_equal(pb_tcp_awake(h.tcp, us.conn)->set.tos, 0);
	end();
}

/*
 * -- Without memory
 */

static void stays_awake_without_memory(void **state)
{
	(void)state;
	accept_call(&us, HARNESS_PEER);
	no_memory = true;
	harness_run(&h, 2 * SILENCE);
	no_memory = false;
	assert_false(asleep());
	inject(TCP_ACK, next, NULL);
	harness_run(&h, SILENCE);
	assert_true(asleep());
	end();
}

/* The segment is lost, as if on its way, and comes again. */
static void sleeps_on_without_memory(void **state)
{
	(void)state;
	put_to_sleep();
	struct segment s = segment(TCP_ACK, next, NULL);
	no_memory = true;
	assert_null(pb_tcp_awake(h.tcp, us.conn));
	assert_true(asleep());
	assert_int_equal(h.env.counters.tcp.IdleWakeFails, 1);
	no_memory = false;
	harness_inject(&h, &s);
	assert_false(asleep());
	end();
}

/* It can't be closed as it should be; the peer hears of it. */
static void abort_asleep(void **state)
{
	struct segment s;

	(void)state;
	put_to_sleep();
	pb_tcp_idle_abort(h.tcp, (struct tcp_idle *)us.conn);
	us.conn = NULL;
	s = only_sent();
	assert_int_equal(s.h.flags, TCP_RST | TCP_ACK);
	assert_int_equal(s.h.seq, theirs);
	assert_int_equal(s.h.ack, next);
	end();
}

/* A stack that is closed takes its sleepers with it. */
static void dropped(void **state)
{
	(void)state;
	accept_call(&other, 4000);
	put_to_sleep();
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/*
 * -- ECN, RFC 3168
 */

static void put_to_sleep_with_ecn(void)
{
	h.tcp->limits.ecn_accepted = ECN_CLASSIC;
	h.call_flags = TCP_ECE | TCP_CWR;
	put_to_sleep();
}

/* Marked text comes, and no CWR; then silence. */
static void sleep_owing_an_echo(void)
{
	struct segment text;

	peer_time += 50;
	text = segment(TCP_ACK, next, "marked");
	text.tos = ECN_CE;
	harness_inject(&h, &text);
	next += 6;
	assert_int_equal(only_sent().h.flags, TCP_ACK | TCP_ECE);
	assert_reads("marked");
	harness_run(&h, 2 * SILENCE);
	assert_true(asleep());
}

/* What was agreed on stays, what is owed is not forgotten, and TCP_INFO tells of both meanwhile. */
static void keeps_ecn(void **state)
{
	struct tcp_conn room;

	(void)state;
	put_to_sleep_with_ecn();
	sleep_owing_an_echo();
	pb_tcp_idle_look(h.tcp, (struct tcp_idle *)us.conn, &room);
	assert_true(room.ecn->agreed && room.ecn->echo && room.ecn->seen);
	send_text("new text");
	struct segment s = only_sent();
	assert_int_equal(s.h.flags, TCP_ACK | TCP_PSH | TCP_ECE);
	assert_int_equal(s.tos, ECN_ECT0);
	theirs += 8;
	peer_time += 50;
	inject(TCP_ACK | TCP_CWR, next, "answered");
	next += 8;
	assert_acknowledges(next);
	assert_reads("answered");
	harness_run(&h, 2 * SILENCE);
	assert_true(asleep());
	inject(TCP_ACK | TCP_ECE, next, NULL); /* of nothing in flight */
	assert_int_equal(h.env.counters.tcp.EcnReductions, 0);
	send_text("more");
	theirs += 4;
	inject(TCP_ACK | TCP_ECE, next, NULL);
	assert_int_equal(h.env.counters.tcp.EcnReductions, 1);
	harness_forget(&h);
	end();
}

/* Two who differ in that alone share nothing else. */
static void ecn_is_not_shared(void **state)
{
	(void)state;
	put_to_sleep_with_ecn();
	sleep_owing_an_echo();
	h.call_flags = 0;
	next = 1001;
	accept_call(&other, HARNESS_PEER + 1);
	harness_run(&h, 2 * SILENCE);
	assert_true(tcp_is_asleep(other.conn));
	struct tcp_conn *c = pb_tcp_awake(h.tcp, other.conn);
	assert_non_null(c);
	assert_null(c->ecn);
	assert_non_null(pb_tcp_awake(h.tcp, us.conn)->ecn);
	harness_forget(&h);
	end();
}

/* RFC 9768: what has been counted is counted on. */
static void keeps_counters_of_marks(void **state)
{
	(void)state;
	h.tcp->limits.ecn_accepted = ECN_ACCURATE;
	h.call_flags = TCP_ECE | TCP_CWR | TCP_AE;
	put_to_sleep();
	for (uint16_t marks = 6; marks <= 8; marks++) {
		peer_time += 50;
		struct segment text = segment(TCP_ACK, next, "marked");
		text.tos = ECN_CE;
		harness_inject(&h, &text);
		next += 6;
		struct segment s = only_sent();
		assert_int_equal(s.h.flags, TCP_ACK | (marks & 7) * TCP_ECE);
		assert_int_equal(s.h.options.accecn[1], (marks - 5) * 6);
		assert_reads("marked");
		harness_run(&h, 2 * SILENCE);
		assert_true(asleep());
	}
	end();
}

/* There is memory for a connection, but not for its ECN: it sleeps on. */
static void sleeps_on_without_memory_for_ecn(void **state)
{
	(void)state;
	put_to_sleep_with_ecn();
	memory_for = 1;
	peer_time += 50;
	inject(TCP_ACK, next, "lost");
	memory_for = -1;
	assert_true(asleep());
	assert_int_equal(h.env.counters.tcp.IdleWakeFails, 1);
	inject(TCP_ACK, next, "lost");
	next += 4;
	assert_acknowledges(next);
	assert_reads("lost");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sleeps_after_silence, begin),
		cmocka_unit_test_setup(each_segment_puts_it_off, begin),
		cmocka_unit_test(never_if_so_set),
		cmocka_unit_test_setup(not_before_it_is_accepted, begin),
		cmocka_unit_test_setup(not_while_there_is_something, begin),
		cmocka_unit_test_setup(after_the_last_is_read, begin),
		cmocka_unit_test_setup(after_keepalive_is_off, begin),
		cmocka_unit_test_setup(text_wakes, begin),
		cmocka_unit_test_setup(ack_wakes, begin),
		cmocka_unit_test_setup(peers_keepalive, begin),
		cmocka_unit_test_setup(reset_wakes, begin),
		cmocka_unit_test_setup(fin_wakes, begin),
		cmocka_unit_test_setup(syn_wakes, begin),
		cmocka_unit_test_setup(old_text_wakes, begin),
		cmocka_unit_test_setup(closed_window, begin),
		cmocka_unit_test_setup(our_window_is_kept, begin),
		cmocka_unit_test_setup(paws, begin),
		cmocka_unit_test_setup(icmp_does_not_wake, begin),
		cmocka_unit_test_setup(all_is_kept, begin),
		cmocka_unit_test_setup(rto_is_kept, begin),
		cmocka_unit_test_setup(window_restarts, begin),
		cmocka_unit_test_setup(losses_are_repaired, begin),
		cmocka_unit_test_setup(path_is_looked_for_again, begin),
		cmocka_unit_test_setup(no_path, begin),
		cmocka_unit_test_setup(is_shown_asleep, begin),
		cmocka_unit_test_setup(shutdown_wakes, begin),
		cmocka_unit_test_setup(close_wakes, begin),
		cmocka_unit_test_setup(shared, begin),
		cmocka_unit_test_setup(not_shared, begin),
		cmocka_unit_test_setup(stays_awake_without_memory, begin),
		cmocka_unit_test_setup(sleeps_on_without_memory, begin),
		cmocka_unit_test_setup(abort_asleep, begin),
		cmocka_unit_test_setup(dropped, begin),
		cmocka_unit_test_setup(keeps_ecn, begin),
		cmocka_unit_test_setup(keeps_counters_of_marks, begin),
		cmocka_unit_test_setup(ecn_is_not_shared, begin),
		cmocka_unit_test_setup(sleeps_on_without_memory_for_ecn, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
