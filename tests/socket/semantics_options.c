/* Options: what they answer before and after they are set, and what comes of those that change what calls do. */
#include "semantics.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <packetboat/tcp_user_timeout.h>
#include <sys/time.h>
#include <sys/uio.h>

/* set is answered by get. Values that Linux changes have an answer of their own. */
struct option {
	int family, type, level, name;
	int set, get;
};

#define STREAM(level, name, set, get)                                                                        \
	{                                                                                                    \
		AF_INET, SOCK_STREAM, level, name, set, get                                                  \
	}
#define STREAM6(level, name, set, get)                                                                       \
	{                                                                                                    \
		AF_INET6, SOCK_STREAM, level, name, set, get                                                 \
	}
#define DGRAM(level, name, set, get)                                                                         \
	{                                                                                                    \
		AF_INET, SOCK_DGRAM, level, name, set, get                                                   \
	}
#define DGRAM6(level, name, set, get)                                                                        \
	{                                                                                                    \
		AF_INET6, SOCK_DGRAM, level, name, set, get                                                  \
	}

/* clang-format off */
static const struct option options[] = {
	STREAM(SOL_SOCKET, SO_RCVLOWAT, 100, 100),
	STREAM(SOL_SOCKET, SO_RCVLOWAT, 0, 1),
	STREAM(SOL_SOCKET, SO_OOBINLINE, 1, 1),
	STREAM(SOL_SOCKET, SO_KEEPALIVE, 1, 1),
	STREAM(IPPROTO_TCP, TCP_WINDOW_CLAMP, 20000, 20000),
	STREAM(IPPROTO_TCP, TCP_WINDOW_CLAMP, 0, 0),
	STREAM(IPPROTO_TCP, TCP_DEFER_ACCEPT, 1, 1),
	STREAM(IPPROTO_TCP, TCP_DEFER_ACCEPT, 2, 3), /* in whole SYN-ACKs */
	STREAM(IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, 0),
	STREAM(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1, 1),
	STREAM(IPPROTO_TCP, TCP_THIN_DUPACK, 1, 0),
	STREAM(IPPROTO_TCP, TCP_SYNCNT, 3, 3),
	STREAM(IPPROTO_TCP, TCP_LINGER2, 7, 7),
	STREAM(IPPROTO_TCP, TCP_USER_TIMEOUT, 1234, 1234),
	STREAM(IPPROTO_IP, IP_FREEBIND, 1, 1),
	STREAM(IPPROTO_IP, IP_RECVERR, 1, 1),
	STREAM(IPPROTO_IP, IP_TTL, 9, 9),
	STREAM6(IPPROTO_IPV6, IPV6_FREEBIND, 1, 1),
	STREAM6(IPPROTO_IPV6, IPV6_RECVERR, 1, 1),
	STREAM6(IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9, 9),
	DGRAM(SOL_SOCKET, SO_TIMESTAMP, 1, 1),
	DGRAM(SOL_SOCKET, SO_TIMESTAMPNS, 1, 1),
	DGRAM(IPPROTO_UDP, UDP_SEGMENT, 1000, 1000),
	DGRAM(IPPROTO_UDP, UDP_GRO, 1, 1),
	DGRAM(IPPROTO_IP, IP_FREEBIND, 1, 1),
	DGRAM(IPPROTO_IP, IP_MULTICAST_ALL, 0, 0),
	DGRAM(IPPROTO_IP, IP_RECVORIGDSTADDR, 1, 1),
	DGRAM(IPPROTO_IP, IP_RECVTTL, 1, 1),
	DGRAM(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_PMTUDISC_DO),
	DGRAM6(IPPROTO_IPV6, IPV6_DONTFRAG, 1, 1),
	DGRAM6(IPPROTO_IPV6, IPV6_FREEBIND, 1, 1),
	DGRAM6(IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0, 0),
	DGRAM6(IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, 1, 1),
	DGRAM6(IPPROTO_IPV6, IPV6_RECVTCLASS, 1, 1),
};

/* What is wrong of them, and the answer. */
static const struct option mistakes[] = {
	STREAM(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 2, -EINVAL),
	STREAM(IPPROTO_TCP, TCP_SYNCNT, 0, -EINVAL),
	STREAM(IPPROTO_UDP, UDP_SEGMENT, 1000, -ENOPROTOOPT),
	DGRAM(IPPROTO_UDP, UDP_SEGMENT, 65536, -EINVAL),
	DGRAM(IPPROTO_IP, IP_MULTICAST_ALL, 2, -EINVAL),
	DGRAM(IPPROTO_IP, IP_TTL, 256, -EINVAL),
	DGRAM(SOL_SOCKET, SO_SNDLOWAT, 2, -ENOPROTOOPT),
	STREAM(SOL_SOCKET, SO_SNDLOWAT, 2, -ENOPROTOOPT),
};
/* clang-format on */

static void options_answer_what_was_set(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		const struct option *o = &options[i];
		struct pb_socket *s = open_socket(w->net, o->family, o->type);
		int got = -1, rc = pb_setsockopt(s, o->level, o->name, &o->set, sizeof o->set);
		socklen_t len = sizeof got;
		if (rc == 0)
			rc = pb_getsockopt(s, o->level, o->name, &got, &len);
		if (rc || got != o->get)
			fail_msg("level %d, option %d: %d, and %d instead of %d", o->level, o->name, rc, got,
				 o->get);
		pb_close(s);
	}
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		const struct option *o = &mistakes[i];
		struct pb_socket *s = open_socket(w->net, o->family, o->type);
		int rc = pb_setsockopt(s, o->level, o->name, &o->set, sizeof o->set);
		if (rc != o->get)
			fail_msg("level %d, option %d: %d instead of %d", o->level, o->name, rc, o->get);
		pb_close(s);
	}
}

/* RFC 5482, which the kernel does not have: what one end tells, the other adopts, if both want that. */
static void user_timeouts_are_told(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	int adv = 40000, beyond = 32767 * 60 + 1;
	int rc = pb_setsockopt(p.client, IPPROTO_TCP, PB_TCP_ADV_UTO, &adv, sizeof adv);

	assert_int_equal(rc, w->virtual_time ? 0 : -ENOPROTOOPT);
	if (rc < 0) {
		close_pair(&p);
		return;
	}
	assert_int_equal(get_option(p.client, IPPROTO_TCP, PB_TCP_ADV_UTO), 40020); /* in whole minutes */
	assert_int_equal(pb_setsockopt(p.client, IPPROTO_TCP, PB_TCP_ADV_UTO, &beyond, sizeof beyond),
			 -EINVAL);
	assert_int_equal(pb_setsockopt(p.client, IPPROTO_TCP, PB_TCP_REMOTE_UTO, &adv, sizeof adv),
			 -ENOPROTOOPT);
	set_option(p.server, IPPROTO_TCP, PB_TCP_ADV_UTO, 500);
	assert_int_equal(get_option(p.server, IPPROTO_TCP, PB_TCP_REMOTE_UTO), 0);
	set_option(p.client, IPPROTO_TCP, PB_TCP_ADV_UTO, 700);
	assert_int_equal(pb_send(p.client, "a", 1, 0), 1);
	expect_bytes(w, p.server, "a", 1);
	assert_int_equal(get_option(p.server, IPPROTO_TCP, PB_TCP_REMOTE_UTO), 700);
	assert_int_equal(get_option(p.server, IPPROTO_TCP, TCP_USER_TIMEOUT), 700000);
	set_option(p.server, IPPROTO_TCP, TCP_USER_TIMEOUT, 1234);
	assert_int_equal(get_option(p.server, IPPROTO_TCP, TCP_USER_TIMEOUT), 1234);
	close_pair(&p);
}

/* SO_RCVLOWAT: less is not worth telling, but there for who reads. */
static void few_bytes_are_not_told(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	char got[16];

	set_option(p.server, SOL_SOCKET, SO_RCVLOWAT, 6);
	assert_int_equal(pb_send(p.client, "abc", 3, 0), 3);
	turn_for(w, PB_MSEC(100));
	assert_false(pb_ready(p.server) & POLLIN);
	assert_int_equal(pb_send(p.client, "def", 3, 0), 3);
	assert_true(wait_for(w, p.server, POLLIN));
	assert_int_equal(pb_recv(p.server, got, sizeof got, 0), 6);
	assert_int_equal(pb_send(p.client, "g", 1, 0), 1);
	turn_for(w, PB_MSEC(100));
	assert_int_equal(pb_recv(p.server, got, sizeof got, 0), 1);
	assert_int_equal(pb_shutdown(p.client, SHUT_WR), 0);
	expect_end(w, p.server, 0);
	close_pair(&p);
}

/* TCP_DEFER_ACCEPT: who has called is accepted when he says something. */
static void calls_wait_for_text(void **state)
{
	struct world *w = *state;
	struct pb_socket *l = bound(w->net, SOCK_STREAM, &w->a), *conn;
	struct pb_socket *c = open_socket(w->client_net, AF_INET, SOCK_STREAM);

	set_option(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 10);
	assert_int_equal(pb_listen(l, 8), 0);
	union pb_addr to = name_of(l);
	assert_int_equal(connect_to(c, &to), -EINPROGRESS);
	assert_true(wait_for(w, c, POLLOUT));
	turn_for(w, PB_MSEC(100));
	assert_int_equal(pb_accept(l, &conn), -EAGAIN);
	assert_int_equal(pb_send(c, "x", 1, 0), 1);
	conn = accept_one(w, l);
	expect_bytes(w, conn, "x", 1);
	pb_close(conn);
	pb_close(c);
	pb_close(l);
}

static void an_address_of_nobody_is_bound(void **state)
{
	struct world *w = *state;

	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		struct pb_socket *s = open_socket(w->net, AF_INET, type);
		assert_int_equal(bind_to(s, &w->foreign), -EADDRNOTAVAIL);
		set_option(s, IPPROTO_IP, IP_FREEBIND, 1);
		assert_int_equal(bind_to(s, &w->foreign), 0);
		pb_close(s);
	}
}

/* One recvmsg(2). */
struct message {
	char text[2048], control[256];
	struct iovec iov;
	struct msghdr h;
};

static ssize_t receive(struct pb_socket *s, struct message *m)
{
	memset(m, 0, sizeof *m);
	m->iov = (struct iovec){ m->text, sizeof m->text };
	m->h = (struct msghdr){ .msg_iov = &m->iov,
				.msg_iovlen = 1,
				.msg_control = m->control,
				.msg_controllen = sizeof m->control };
	return pb_recvmsg(s, &m->h, 0);
}

/* What the message has of this kind, copied to body. */
static void control(struct message *m, int level, int type, void *body, size_t len)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m->h); c; c = CMSG_NXTHDR(&m->h, c))
		if (c->cmsg_level == level && c->cmsg_type == type && c->cmsg_len >= CMSG_LEN(len)) {
			memcpy(body, CMSG_DATA(c), len);
			return;
		}
	fail_msg("no control message %d", type);
}

static ssize_t send_with(struct pb_socket *s, const char *text, size_t len, int level, int type,
			 const void *body, size_t body_len)
{
	char room[CMSG_SPACE(16)] = { 0 };
	struct iovec iov = { (void *)text, len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room };
	struct cmsghdr *c = (struct cmsghdr *)room;

	h.msg_controllen = CMSG_SPACE(body_len);
	*c = (struct cmsghdr){ .cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(body_len) };
	memcpy(CMSG_DATA(c), body, body_len);
	return pb_sendmsg(s, &h, 0);
}

/* A client of a server at at; both are to be closed. */
static struct pair datagram_pair(struct world *w, const union pb_addr *at)
{
	struct pair p = { .server = bound(w->net, SOCK_DGRAM, at),
			  .client = open_socket(w->client_net, at->sa.sa_family, SOCK_DGRAM) };
	union pb_addr to = name_of(p.server);

	assert_int_equal(connect_to(p.client, &to), 0);
	return p;
}

/* A datagram's own TTL and TOS: the next has the socket's again. */
static void a_message_has_its_own(void **state)
{
	struct world *w = *state;
	struct pair p = datagram_pair(w, &w->a);
	struct message m;
	uint8_t tos;
	int ttl = 7, high = 0x28, none = 0;

	set_option(p.server, IPPROTO_IP, IP_RECVTTL, 1);
	set_option(p.server, IPPROTO_IP, IP_RECVTOS, 1);
	assert_int_equal(send_with(p.client, "a", 1, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl), 1);
	assert_true(wait_for(w, p.server, POLLIN));
	assert_int_equal(receive(p.server, &m), 1);
	control(&m, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
	assert_int_equal(ttl, 7);
	assert_int_equal(send_with(p.client, "b", 1, IPPROTO_IP, IP_TOS, &high, sizeof high), 1);
	assert_true(wait_for(w, p.server, POLLIN));
	assert_int_equal(receive(p.server, &m), 1);
	control(&m, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
	control(&m, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
	assert_int_equal(ttl, 64);
	assert_int_equal(tos, 0x28);
	assert_int_equal(send_with(p.client, "c", 1, IPPROTO_IP, IP_TTL, &none, sizeof none), -EINVAL);
	close_pair(&p);
}

/* UDP_SEGMENT, of the socket and of a message. */
static void one_call_sends_several(void **state)
{
	struct world *w = *state;
	static char text[2500];
	uint16_t piece = 600;
	struct message m;

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)i;
	for (int by_message = 0; by_message < 2; by_message++) {
		struct pair p = datagram_pair(w, &w->a);
		if (by_message) {
			assert_int_equal(send_with(p.client, text, sizeof text, IPPROTO_UDP, UDP_SEGMENT,
						   &piece, sizeof piece),
					 sizeof text);
		} else {
			set_option(p.client, IPPROTO_UDP, UDP_SEGMENT, piece);
			assert_int_equal(pb_send(p.client, text, sizeof text, 0), sizeof text);
		}
		for (size_t at = 0; at < sizeof text; at += piece) {
			size_t left = sizeof text - at, len = left < piece ? left : piece;
			assert_true(wait_for(w, p.server, POLLIN));
			assert_int_equal(receive(p.server, &m), len);
			assert_memory_equal(m.text, text + at, len);
		}
		assert_int_equal(receive(p.server, &m), -EAGAIN);
		close_pair(&p);
	}
}

static void time_and_destination_are_told(void **state)
{
	struct world *w = *state;
	struct pair p = datagram_pair(w, &w->a);
	union pb_addr at = name_of(p.server), told = { 0 };
	struct message m;
	struct timeval first, second;

	set_option(p.server, SOL_SOCKET, SO_TIMESTAMP, 1);
	set_option(p.server, IPPROTO_IP, IP_RECVORIGDSTADDR, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pb_send(p.client, "x", 1, 0), 1);
		assert_true(wait_for(w, p.server, POLLIN));
		assert_int_equal(receive(p.server, &m), 1);
		control(&m, SOL_SOCKET, SCM_TIMESTAMP, i ? &second : &first, sizeof first);
		control(&m, IPPROTO_IP, IP_ORIGDSTADDR, &told.v4, sizeof told.v4);
		assert_true(pb_addr_equal(&told, &at));
		turn_for(w, PB_MSEC(20));
	}
	assert_true(timercmp(&first, &second, <));
	close_pair(&p);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(options_answer_what_was_set),   cmocka_unit_test(user_timeouts_are_told),
	cmocka_unit_test(few_bytes_are_not_told),        cmocka_unit_test(calls_wait_for_text),
	cmocka_unit_test(an_address_of_nobody_is_bound), cmocka_unit_test(a_message_has_its_own),
	cmocka_unit_test(one_call_sends_several),        cmocka_unit_test(time_and_destination_are_told),
};

const struct test_table semantics_options = TEST_TABLE(tests);
