/* Streams: every byte once and in order, half-close both ways, the ends that a connection can come to, and options. */
#include "base/list.h"
#include "semantics.h"
#include "skip.h"

#include <linux/inet_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/uio.h>

static void bytes_arrive_both_ways(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		struct pair p = connected_pair(w, at);
		char byte;
		assert_int_equal(pb_recv(p.server, &byte, 1, 0), -EAGAIN);
		assert_int_equal(pb_ready(p.server), POLLOUT);
		assert_int_equal(pb_send(p.client, "request", 7, 0), 7);
		expect_bytes(w, p.server, "request", 7);
		assert_int_equal(pb_send(p.server, "answer", 6, 0), 6);
		expect_bytes(w, p.client, "answer", 6);
		close_pair(&p);
	}
}

static void half_close(void **state)
{
	struct world *w = *state;

	for (int by_server = 0; by_server < 2; by_server++) {
		struct pair p = connected_pair(w, &w->a);
		struct pb_socket *first = by_server ? p.server : p.client;
		struct pb_socket *second = by_server ? p.client : p.server;
		assert_int_equal(pb_send(first, "last", 4, 0), 4);
		assert_int_equal(pb_shutdown(first, SHUT_WR), 0);
		assert_int_equal(pb_send(first, "x", 1, 0), -EPIPE);
		expect_bytes(w, second, "last", 4);
		expect_end(w, second, 0);
		expect_end(w, second, 0); /* as often as it is asked */
		assert_int_equal(pb_ready(second), POLLIN | POLLRDHUP | POLLOUT);
		assert_int_equal(pb_send(second, "reply", 5, 0), 5);
		expect_bytes(w, first, "reply", 5);
		assert_int_equal(pb_shutdown(second, SHUT_WR), 0);
		expect_end(w, first, 0);
		assert_true(wait_for(w, first, POLLHUP));
		assert_true(wait_for(w, second, POLLHUP));
		close_pair(&p);
	}
}

static void shutdown_of_reading(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);

	assert_int_equal(pb_shutdown(p.client, 3), -EINVAL);
	assert_int_equal(pb_shutdown(p.client, SHUT_RD), 0);
	expect_end(w, p.client, 0);
	assert_int_equal(pb_send(p.client, "on", 2, 0), 2);
	expect_bytes(w, p.server, "on", 2);
	assert_int_equal(pb_shutdown(p.client, SHUT_RDWR), 0);
	expect_end(w, p.server, 0);
	close_pair(&p);
}

/* As on Linux (tcp_recvmsg()): what comes in spite of it can be read; only where there is nothing, it is the end. */
static void text_after_shutdown_of_reading(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	char text[4];
	ssize_t n = 0;

	assert_int_equal(pb_shutdown(p.client, SHUT_RD), 0);
	expect_end(w, p.client, 0);
	assert_int_equal(pb_send(p.server, "late", 4, 0), 4);
	for (int i = 0; n == 0 && i < 1000; i++) {
		turn_for(w, PB_MSEC(1));
		n = pb_recv(p.client, text, sizeof text, 0);
	}
	assert_int_equal(n, 4);
	assert_memory_equal(text, "late", 4);
	expect_end(w, p.client, 0);
	close_pair(&p);
}

static void what_was_sent_survives_close(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);

	assert_int_equal(pb_send(p.server, "farewell", 8, 0), 8);
	assert_int_equal(pb_close(p.server), 0);
	expect_bytes(w, p.client, "farewell", 8);
	expect_end(w, p.client, 0);
	pb_close(p.client);
}

/* The peer resets the connection: told once as ECONNRESET, then it is over. */
static void expect_reset(struct world *w, struct pb_socket *s)
{
	char byte;

	assert_true(wait_for(w, s, POLLERR));
	assert_int_equal(pb_ready(s) & (POLLIN | POLLOUT | POLLHUP), POLLIN | POLLOUT | POLLHUP);
	assert_int_equal(pb_recv(s, &byte, 1, 0), -ECONNRESET);
	assert_int_equal(pb_recv(s, &byte, 1, 0), 0);
	assert_int_equal(pb_send(s, "x", 1, 0), -EPIPE);
	assert_int_equal(pb_shutdown(s, SHUT_WR), -ENOTCONN);
}

static void linger_0_resets(void **state)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };
	struct world *w = *state;

	each_family (w, at) {
		struct pair p = connected_pair(w, at);
		assert_int_equal(pb_setsockopt(p.server, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
		assert_int_equal(pb_close(p.server), 0);
		expect_reset(w, p.client);
		pb_close(p.client);
	}
}

/* Who closes without having read everything says so (RFC 1122 4.2.2.13). */
static void unread_data_resets(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);

	assert_int_equal(pb_send(p.client, "ignored", 7, 0), 7);
	assert_true(wait_for(w, p.server, POLLIN));
	assert_int_equal(pb_close(p.server), 0);
	expect_reset(w, p.client);
	pb_close(p.client);
}

/* Sending to one that has closed brings a reset; after its FIN, that is a broken pipe, told by whatever comes next. */
static void sending_to_the_closed(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);

	pb_close(p.server);
	expect_end(w, p.client, 0);
	assert_int_equal(pb_send(p.client, "x", 1, 0), 1);
	assert_true(wait_for(w, p.client, POLLERR));
	assert_int_equal(pb_send(p.client, "x", 1, 0), -EPIPE);
	assert_int_equal(get_option(p.client, SOL_SOCKET, SO_ERROR), 0);
	pb_close(p.client);
}

/* One side of a large transfer. Byte i of what it sends is pattern(i) ^ key. */
struct side {
	struct pb_watch watch;
	uint8_t key;
	size_t sent, received;
	int partial; /* sends that were not taken whole */
	int error;   /* of a call; 1: a wrong byte */
	bool ended;  /* the peer's FIN was read */
};

#define TRANSFER (2u << 20)

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i ^ i >> 8 ^ i >> 16);
}

/* What has nothing more to do is always ready, to be told of the hang-up: virtual time would stand still. */
static void side_want(struct side *s, int events)
{
	if (events)
		pb_watch_want(&s->watch, events);
	else
		pb_watch_stop(&s->watch);
}

static void side_send(struct side *s)
{
	uint8_t buf[65536]; /* more than the send buffer takes */
	size_t len = TRANSFER - s->sent < sizeof buf ? TRANSFER - s->sent : sizeof buf;

	for (size_t i = 0; i < len; i++)
		buf[i] = pattern(s->sent + i) ^ s->key;
	ssize_t n = pb_send(s->watch.socket, buf, len, 0);
	if (n < 0 && n != -EAGAIN)
		s->error = (int)n;
	if (n < 0)
		return;
	s->sent += (size_t)n;
	s->partial += (size_t)n < len;
	if (s->sent == TRANSFER) {
		pb_shutdown(s->watch.socket, SHUT_WR);
		side_want(s, s->ended ? 0 : POLLIN);
	}
}

static void side_receive(struct side *s)
{
	uint8_t buf[5003]; /* prime: never in step with what was sent */
	ssize_t n = pb_recv(s->watch.socket, buf, sizeof buf, 0);

	if (n < 0 && n != -EAGAIN)
		s->error = (int)n;
	for (ssize_t i = 0; i < n; i++)
		if ((buf[i] ^ s->key ^ 0xff) != pattern(s->received++))
			s->error = 1;
	if (n == 0) {
		s->ended = true;
		side_want(s, s->sent == TRANSFER ? 0 : POLLOUT);
	}
}

static void side_ready(struct pb_watch *watch, int ready)
{
	struct side *s = container_of(watch, struct side, watch);

	if (ready & POLLOUT && s->sent < TRANSFER)
		side_send(s);
	if (ready & POLLIN && !s->ended)
		side_receive(s);
}

static void a_large_transfer_both_ways(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		struct pair p = connected_pair(w, at);
		struct side c = { .key = 0 }, s = { .key = 0xff };
		int rc = pb_loop_turn(w->loop, 0);
		pb_time end = pb_loop_now(w->loop) + 4 * WAIT_MAX;
		set_option(p.client, SOL_SOCKET, SO_SNDBUF, 8192);
		pb_watch_socket(w->loop, &c.watch, p.client, POLLIN | POLLOUT, side_ready);
		pb_watch_socket(w->loop, &s.watch, p.server, POLLIN | POLLOUT, side_ready);
		while (rc >= 0 && !c.error && !s.error && !(c.ended && s.ended) && pb_loop_now(w->loop) < end)
			rc = pb_loop_turn(w->loop, end);
		pb_watch_stop(&c.watch);
		pb_watch_stop(&s.watch);
		assert_int_equal(c.error, 0);
		assert_int_equal(s.error, 0);
		assert_int_equal(c.received, TRANSFER);
		assert_int_equal(s.received, TRANSFER);
		assert_true(c.partial > 0);
		close_pair(&p);
	}
}

/* From offset on to the end of the file, which says 0; the file's own offset stays. */
static void a_file_is_sent(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	FILE *file = tmpfile();
	char text[3000];
	off_t offset = 1000;
	ssize_t n = 1;

	assert_non_null(file);
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)pattern(i);
	assert_int_equal(fwrite(text, 1, sizeof text, file), sizeof text);
	fflush(file);
	while (n > 0)
		n = pb_sendfile(p.client, fileno(file), &offset, 700);
	assert_int_equal(n, 0);
	assert_int_equal(offset, sizeof text);
	expect_bytes(w, p.server, text + 1000, sizeof text - 1000);
	assert_int_equal(ftell(file), sizeof text);
	assert_int_equal(pb_shutdown(p.client, SHUT_WR), 0);
	offset = 0;
	assert_int_equal(pb_sendfile(p.client, fileno(file), &offset, 1), -EPIPE);
	assert_int_equal(offset, 0);
	assert_int_equal(pb_sendfile(p.server, -1, &offset, 1), -EBADF);
	fclose(file);
	close_pair(&p);
}

/* With time to linger, close waits for nothing here, and everything is sent all the same. */
static void linger_sends_all(void **state)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = 5 };
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);

	assert_int_equal(pb_setsockopt(p.server, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
	assert_int_equal(pb_setsockopt(p.server, SOL_SOCKET, SO_LINGER, &linger, 4), -EINVAL);
	assert_int_equal(pb_send(p.server, "farewell", 8, 0), 8);
	assert_int_equal(pb_close(p.server), 0);
	expect_bytes(w, p.client, "farewell", 8);
	expect_end(w, p.client, 0);
	pb_close(p.client);
}

static void a_full_buffer_says_so(void **state)
{
	static const char block[65536];
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	ssize_t n = 0;

	set_option(p.client, SOL_SOCKET, SO_SNDBUF, 8192);
	set_option(p.server, SOL_SOCKET, SO_RCVBUF, 8192);
	for (int i = 0; i < 1000 && n >= 0; i++) {
		n = pb_send(p.client, block, sizeof block, 0);
		turn_for(w, n < 0 ? PB_MSEC(5) : 0); /* the peer may have taken some of it */
	}
	assert_int_equal(n, -EAGAIN);
	assert_int_equal(pb_ready(p.client) & POLLIN, 0);
	close_pair(&p);
}

static void peek_leaves_the_data(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	char buf[8];

	assert_int_equal(pb_send(p.client, "abcdef", 6, 0), 6);
	assert_true(wait_for(w, p.server, POLLIN));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pb_recv(p.server, buf, 3, MSG_PEEK), 3);
		assert_memory_equal(buf, "abc", 3);
	}
	assert_int_equal(pb_recv(p.server, NULL, 0, 0), 0);
	expect_bytes(w, p.server, "abcdef", 6);
	close_pair(&p);
}

/* MSG_TRUNC, tcp(7): what is taken goes nowhere, and with MSG_PEEK is only counted. */
static void truncated_reading_drops(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	char buf[8] = "unread";

	assert_int_equal(pb_send(p.client, "abcdef", 6, 0), 6);
	assert_true(wait_for(w, p.server, POLLIN));
	assert_int_equal(pb_recv(p.server, buf, sizeof buf, MSG_TRUNC | MSG_PEEK), 6);
	assert_int_equal(pb_recv(p.server, buf, 3, MSG_TRUNC), 3);
	assert_string_equal(buf, "unread");
	expect_bytes(w, p.server, "def", 3);
	assert_int_equal(pb_recv(p.server, buf, 3, MSG_TRUNC), -EAGAIN);
	close_pair(&p);
}

/* SO_PEEK_OFF: peeking goes on where it stopped, and reading takes the beginning away from under it. */
static void peeking_goes_on(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	int from = 0;
	char buf[8];

	assert_int_equal(get_option(p.server, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	if (pb_setsockopt(p.server, SOL_SOCKET, SO_PEEK_OFF, &from, sizeof from) == -EOPNOTSUPP) {
		close_pair(&p);
		SKIP("Linux has this for TCP since 6.9 only");
	}
	assert_int_equal(pb_send(p.client, "abcdef", 6, 0), 6);
	assert_true(wait_for(w, p.server, POLLIN));
	assert_int_equal(pb_recv(p.server, buf, 2, MSG_PEEK), 2);
	assert_int_equal(pb_recv(p.server, buf + 2, 2, MSG_PEEK), 2);
	assert_memory_equal(buf, "abcd", 4);
	assert_int_equal(get_option(p.server, SOL_SOCKET, SO_PEEK_OFF), 4);
	assert_int_equal(pb_recv(p.server, buf, 3, 0), 3);
	assert_int_equal(get_option(p.server, SOL_SOCKET, SO_PEEK_OFF), 1);
	assert_int_equal(pb_recv(p.server, buf, sizeof buf, MSG_PEEK), 2);
	assert_memory_equal(buf, "ef", 2);
	assert_int_equal(pb_recv(p.server, buf, sizeof buf, MSG_PEEK), -EAGAIN);
	set_option(p.server, SOL_SOCKET, SO_PEEK_OFF, -1);
	assert_int_equal(get_option(p.server, SOL_SOCKET, SO_PEEK_OFF), -1);
	assert_int_equal(pb_recv(p.server, buf, sizeof buf, MSG_PEEK), 3);
	expect_bytes(w, p.server, "def", 3);
	close_pair(&p);
}

static void pieces(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	struct iovec out[] = {
		{"GET", 3},
                { "",   0},
                { " /", 2}
	};
	char first[2], second[8];
	struct iovec in[] = {
		{first,   sizeof first },
                { second, sizeof second}
	};
	struct msghdr sent = { .msg_iov = out, .msg_iovlen = 3 }, got = { .msg_iov = in, .msg_iovlen = 2 };

	assert_int_equal(pb_sendmsg(p.client, &sent, 0), 5);
	assert_true(wait_for(w, p.server, POLLIN));
	assert_int_equal(pb_recvmsg(p.server, &got, 0), 5);
	assert_memory_equal(first, "GE", 2);
	assert_memory_equal(second, "T /", 3);
	assert_int_equal(got.msg_flags & MSG_TRUNC, 0);
	close_pair(&p);
}

/* tcp_sendmsg() of Linux knows whom it is for, and an int of IP's may be one byte (ip(7)). */
static void names_and_bytes(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	struct sockaddr_in other = { .sin_family = AF_INET, .sin_port = 0x0900 };
	struct iovec part = { .iov_base = (void *)"text", .iov_len = 4 };
	struct msghdr msg = {
		.msg_name = &other, .msg_namelen = sizeof other, .msg_iov = &part, .msg_iovlen = 1
	};
	uint8_t tos = 0x10;

	assert_int_equal(pb_sendmsg(p.client, &msg, 0), 4);
	expect_bytes(w, p.server, "text", 4);
	assert_int_equal(pb_setsockopt(p.client, IPPROTO_IP, IP_TOS, &tos, sizeof tos), 0);
	assert_int_equal(get_option(p.client, IPPROTO_IP, IP_TOS), 0x10);
	assert_int_equal(pb_setsockopt(p.client, SOL_SOCKET, SO_KEEPALIVE, &tos, sizeof tos), -EINVAL);
	close_pair(&p);
}

/* The last two bits of the type of service are ECN's: of a stream they are not the user's. */
static void ecn_bits_are_not_the_users(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);

	for (int tos = 0; tos < 256; tos += 17) {
		assert_int_equal(pb_setsockopt(p.client, IPPROTO_IP, IP_TOS, &tos, sizeof tos), 0);
		assert_int_equal(get_option(p.client, IPPROTO_IP, IP_TOS), tos & 0xfc);
	}
	close_pair(&p);
}

static void options(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	struct linger linger = { .l_onoff = 1, .l_linger = 7 };
	socklen_t len = sizeof linger;
	struct tcp_info info;

	assert_int_equal(get_option(p.client, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	assert_int_equal(get_option(p.client, SOL_SOCKET, SO_DOMAIN), AF_INET);
	assert_int_equal(get_option(p.client, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	assert_int_equal(get_option(p.client, IPPROTO_TCP, TCP_NODELAY), 0);
	set_option(p.client, IPPROTO_TCP, TCP_NODELAY, 1);
	assert_int_equal(get_option(p.client, IPPROTO_TCP, TCP_NODELAY), 1);
	set_option(p.client, IPPROTO_TCP, TCP_USER_TIMEOUT, 1234);
	assert_int_equal(get_option(p.client, IPPROTO_TCP, TCP_USER_TIMEOUT), 1234);
	set_option(p.client, SOL_SOCKET, SO_SNDBUF, 20000);
	assert_int_equal(get_option(p.client, SOL_SOCKET, SO_SNDBUF), 40000); /* socket(7): doubled */
	assert_true(get_option(p.client, IPPROTO_TCP, TCP_MAXSEG) >= 536);
	assert_int_equal(pb_setsockopt(p.client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
	linger = (struct linger){ 0 };
	assert_int_equal(pb_getsockopt(p.client, SOL_SOCKET, SO_LINGER, &linger, &len), 0);
	assert_true(linger.l_onoff && linger.l_linger == 7);
	len = sizeof info;
	assert_int_equal(pb_getsockopt(p.client, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	assert_int_equal(info.tcpi_state, TCP_ESTABLISHED);
	close_pair(&p);
}

static void expect_algorithm(struct pb_socket *s, const char *name)
{
	char is[64];
	socklen_t len = sizeof is;

	memset(is, '?', sizeof is);
	assert_int_equal(pb_getsockopt(s, IPPROTO_TCP, TCP_CONGESTION, is, &len), 0);
	assert_int_equal(len, 16); /* TCP_CA_NAME_MAX */
	assert_string_equal(is, name);
}

/* By name, before a connection and on it; who is accepted has the listener's; an unknown one changes nothing. */
/* TCP_CC_INFO: of algorithms without a model there is nothing to tell. */
static void expect_no_model(struct pb_socket *s)
{
	union tcp_cc_info info;
	socklen_t len = sizeof info;

	assert_int_equal(pb_getsockopt(s, IPPROTO_TCP, TCP_CC_INFO, &info, &len), 0);
	assert_int_equal(len, 0);
}

static void expect_model(struct pb_socket *s)
{
	union tcp_cc_info info;
	socklen_t len = sizeof info;

	assert_int_equal(pb_getsockopt(s, IPPROTO_TCP, TCP_CC_INFO, &info, &len), 0);
	assert_int_equal(len, sizeof info.bbr);
	assert_in_range(info.bbr.bbr_pacing_gain, 64, 1024); /* a quarter to four */
	assert_in_range(info.bbr.bbr_cwnd_gain, 64, 1024);
	len = 4;
	assert_int_equal(pb_getsockopt(s, IPPROTO_TCP, TCP_CC_INFO, &info, &len), 0);
	assert_int_equal(len, 4);
}

static void congestion_control(void **state)
{
	struct world *w = *state;
	struct pb_socket *l = listener(w, &w->a, 1);
	struct pb_socket *client = open_socket(w->client_net, AF_INET, SOCK_STREAM);
	union pb_addr to = name_of(l);
	char two[2];
	socklen_t len = sizeof two;

	assert_int_equal(pb_setsockopt(l, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
	assert_int_equal(pb_setsockopt(client, IPPROTO_TCP, TCP_CONGESTION, "cubic", 6), 0);
	assert_int_equal(pb_setsockopt(client, IPPROTO_TCP, TCP_CONGESTION, "unheard-of", 10), -ENOENT);
	assert_int_equal(pb_setsockopt(client, IPPROTO_TCP, TCP_CONGESTION, "", 0), -EINVAL);
	assert_int_equal(connect_to(client, &to), -EINPROGRESS);
	struct pb_socket *server = accept_one(w, l);
	struct pair p = { client, server };
	expect_algorithm(client, "cubic");
	expect_algorithm(server, "reno");
	expect_no_model(server);
	assert_int_equal(pb_send(client, "before", 6, 0), 6);
	expect_bytes(w, server, "before", 6);
	bool has_bbr = pb_setsockopt(client, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3) == 0; /* some kernels */
	expect_algorithm(client, has_bbr ? "bbr" : "cubic");
	assert_int_equal(pb_send(client, "after", 5, 0), 5);
	expect_bytes(w, server, "after", 5);
	turn_for(w, PB_MSEC(100));
	if (has_bbr)
		expect_model(client);
	assert_int_equal(pb_getsockopt(server, IPPROTO_TCP, TCP_CONGESTION, two, &len), 0);
	assert_int_equal(len, 2);
	pb_close(l);
	close_pair(&p);
}

static void wrong_options(void **state)
{
	struct world *w = *state;
	struct pb_socket *s = open_socket(w->net, AF_INET, SOCK_STREAM);
	int value = 0;
	socklen_t len = sizeof value;

	assert_int_equal(pb_setsockopt(s, SOL_SOCKET, 9999, &value, len), -ENOPROTOOPT);
	assert_int_equal(pb_getsockopt(s, SOL_SOCKET, 9999, &value, &len), -ENOPROTOOPT);
	assert_int_equal(pb_setsockopt(s, IPPROTO_TCP, 9999, &value, len), -ENOPROTOOPT);
	assert_int_equal(pb_getsockopt(s, IPPROTO_TCP, 9999, &value, &len), -ENOPROTOOPT);
	assert_int_equal(pb_setsockopt(s, SOL_SOCKET, SO_TYPE, &value, len), -ENOPROTOOPT); /* only read */
	assert_int_equal(pb_setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &value, 1), -EINVAL);
	assert_int_equal(pb_setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &value, 1), -EINVAL);
	assert_int_equal(pb_setsockopt(s, IPPROTO_TCP, TCP_KEEPIDLE, &value, len), -EINVAL); /* 0 seconds */
	pb_close(s);
}

/* Urgent data out of the row: tcp(7), RFC 6093 §3. */
static void urgent_data(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		struct pair p = connected_pair(w, at);
		char got[8];
		assert_int_equal(pb_recv(p.server, got, 1, MSG_OOB), -EINVAL);
		assert_int_equal(pb_at_mark(p.server), 0);
		assert_int_equal(pb_send(p.client, "abc", 3, MSG_OOB), 3);
		assert_int_equal(pb_send(p.client, "de", 2, 0), 2);
		assert_true(wait_for(w, p.server, POLLPRI));
		turn_for(w, PB_MSEC(100));                                  /* all has come */
		assert_int_equal(pb_recv(p.server, got, sizeof got, 0), 2); /* up to the mark */
		assert_memory_equal(got, "ab", 2);
		assert_int_equal(pb_at_mark(p.server), 1);
		assert_int_equal(pb_recv(p.server, got, sizeof got, MSG_OOB | MSG_PEEK), 1);
		assert_int_equal(got[0], 'c');
		assert_true(pb_ready(p.server) & POLLPRI);
		assert_int_equal(pb_recv(p.server, got, sizeof got, MSG_OOB), 1);
		assert_int_equal(pb_recv(p.server, got, sizeof got, MSG_OOB), -EINVAL);
		assert_false(pb_ready(p.server) & POLLPRI);
		assert_int_equal(pb_recv(p.server, got, sizeof got, 0), 2);
		assert_memory_equal(got, "de", 2);
		assert_int_equal(pb_at_mark(p.server), 0);
		close_pair(&p);
	}
}

/* With SO_OOBINLINE it stays in its row. Not fetched otherwise, it is lost. */
static void urgent_data_in_line_and_lost(void **state)
{
	struct world *w = *state;

	for (int in_line = 0; in_line < 2; in_line++) {
		struct pair p = connected_pair(w, &w->a);
		char got[8];
		set_option(p.server, SOL_SOCKET, SO_OOBINLINE, in_line);
		assert_int_equal(get_option(p.server, SOL_SOCKET, SO_OOBINLINE), in_line);
		assert_int_equal(pb_send(p.client, "abc", 3, MSG_OOB), 3);
		assert_true(wait_for(w, p.server, POLLPRI));
		assert_int_equal(pb_recv(p.server, got, sizeof got, 0), 2);
		assert_int_equal(!!(pb_ready(p.server) & POLLIN), in_line);
		assert_int_equal(pb_recv(p.server, got, sizeof got, 0), in_line ? 1 : -EAGAIN);
		assert_false(pb_ready(p.server) & POLLPRI);
		assert_int_equal(pb_recv(p.server, got, 1, MSG_OOB), -EINVAL);
		assert_int_equal(pb_send(p.client, "d", 1, 0), 1);
		expect_bytes(w, p.server, "d", 1);
		close_pair(&p);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(urgent_data),
	cmocka_unit_test(urgent_data_in_line_and_lost),
	cmocka_unit_test(bytes_arrive_both_ways),
	cmocka_unit_test(half_close),
	cmocka_unit_test(shutdown_of_reading),
	cmocka_unit_test(text_after_shutdown_of_reading),
	cmocka_unit_test(what_was_sent_survives_close),
	cmocka_unit_test(linger_0_resets),
	cmocka_unit_test(unread_data_resets),
	cmocka_unit_test(sending_to_the_closed),
	cmocka_unit_test(a_large_transfer_both_ways),
	cmocka_unit_test(a_file_is_sent),
	cmocka_unit_test(linger_sends_all),
	cmocka_unit_test(a_full_buffer_says_so),
	cmocka_unit_test(peek_leaves_the_data),
	cmocka_unit_test(truncated_reading_drops),
	cmocka_unit_test(peeking_goes_on),
	cmocka_unit_test(pieces),
	cmocka_unit_test(names_and_bytes),
	cmocka_unit_test(ecn_bits_are_not_the_users),
	cmocka_unit_test(options),
	cmocka_unit_test(congestion_control),
	cmocka_unit_test(wrong_options),
};

const struct test_table semantics_stream = TEST_TABLE(tests);
