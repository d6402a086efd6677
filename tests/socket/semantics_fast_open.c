/*
 * TCP fast open (RFC 7413) as tcp(7) has it: its options, what MSG_FASTOPEN answers, and that text arrives. A host may
 * have it switched off for clients (net.ipv4.tcp_fastopen): then the calls say so, and that is all there is to see.
 */
#include "semantics.h"
#include "skip.h"

#include <netinet/tcp.h>

static int set(struct pb_socket *s, int name, int value)
{
	return pb_setsockopt(s, IPPROTO_TCP, name, &value, sizeof value);
}

static ssize_t open_with(struct pb_socket *s, const char *text, const union pb_addr *to)
{
	return pb_sendto(s, text, strlen(text), MSG_FASTOPEN, to ? &to->sa : NULL, to ? pb_addr_len(to) : 0);
}

static bool clients_may(struct world *w)
{
	struct pb_socket *s = open_socket(w->client_net, AF_INET, SOCK_STREAM);
	int rc = set(s, TCP_FASTOPEN_CONNECT, 1);

	pb_close(s);
	assert_true(rc == 0 || rc == -EOPNOTSUPP);
	return rc == 0;
}

static void options_have_limits(void **state)
{
	struct world *w = *state;
	struct pb_socket *s = open_socket(w->net, AF_INET, SOCK_STREAM);

	assert_int_equal(set(s, TCP_FASTOPEN, -1), -EINVAL);
	assert_int_equal(set(s, TCP_FASTOPEN, 5), 0);
	assert_int_equal(get_option(s, IPPROTO_TCP, TCP_FASTOPEN), 5);
	assert_int_equal(set(s, TCP_FASTOPEN_CONNECT, 2), -EINVAL);
	assert_int_equal(set(s, TCP_FASTOPEN_NO_COOKIE, 2), -EINVAL);
	assert_int_equal(set(s, TCP_FASTOPEN_NO_COOKIE, 1), 0);
	assert_int_equal(get_option(s, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE), 1);
	pb_close(s);
}

/* TCP_FASTOPEN_KEY: one key of 16 bytes, or two. */
static void keys(void **state)
{
	struct world *w = *state;
	struct pb_socket *s = open_socket(w->net, AF_INET, SOCK_STREAM);
	uint8_t given[33], told[64];
	socklen_t len = sizeof told;

	for (uint8_t i = 0; i < sizeof given; i++)
		given[i] = i;
	for (socklen_t n = 0; n <= sizeof given; n++)
		assert_int_equal(pb_setsockopt(s, IPPROTO_TCP, TCP_FASTOPEN_KEY, given, n),
				 n == 16 || n == 32 ? 0 : -EINVAL);
	assert_int_equal(pb_getsockopt(s, IPPROTO_TCP, TCP_FASTOPEN_KEY, told, &len), 0);
	assert_int_equal(len, 32);
	assert_memory_equal(told, given, 32);
	pb_close(s);
}

static void not_on_connections(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	union pb_addr to = peer_of(p.client);

	assert_int_equal(set(p.client, TCP_FASTOPEN, 1), -EINVAL);
	assert_int_equal(set(p.client, TCP_FASTOPEN_NO_COOKIE, 1), -EINVAL);
	if (clients_may(w)) {
		assert_int_equal(set(p.client, TCP_FASTOPEN_CONNECT, 1), -EINVAL);
		assert_int_equal(open_with(p.server, "x", &to), -EISCONN);
		assert_int_equal(connect_to(p.client, &to), 0); /* so that it has been told */
		assert_int_equal(open_with(p.client, "x", &to), -EISCONN);
	}
	close_pair(&p);
}

static void whom_it_is_for(void **state)
{
	struct world *w = *state;
	struct pb_socket *l = listener(w, &w->a, 1), *s = open_socket(w->client_net, AF_INET, SOCK_STREAM);
	union pb_addr nobody = { .sa.sa_family = AF_UNSPEC }, to = name_of(l);

	assert_int_equal(open_with(s, "x", &nobody), -EOPNOTSUPP);
	if (clients_may(w)) {
		assert_int_equal(open_with(s, "x", NULL), -EINVAL);
		assert_int_equal(open_with(l, "x", &to), -EISCONN);
	} else {
		assert_int_equal(open_with(s, "x", &to), -EOPNOTSUPP);
	}
	pb_close(s);
	pb_close(l);
}

/* Without a cookie it is a connect(2) that begins; with one the text has gone. It arrives in both cases, once. */
static void text_arrives(void **state)
{
	struct world *w = *state;

	if (!clients_may(w))
		SKIP("net.ipv4.tcp_fastopen lets no client of the host's begin");
	struct pb_socket *l = listener(w, &w->a, 4);
	union pb_addr to = name_of(l);
	assert_int_equal(set(l, TCP_FASTOPEN, 4), 0);
	for (int n = 0; n < 3; n++) {
		struct pb_socket *s = open_socket(w->client_net, AF_INET, SOCK_STREAM);
		ssize_t rc = open_with(s, "hello", &to);
		if (rc < 0)
			assert_int_equal(rc, -EINPROGRESS);
		else
			assert_int_equal(rc, 5);
		struct pb_socket *conn = accept_one(w, l);
		assert_true(wait_for(w, s, POLLOUT));
		if (rc < 0)
			assert_int_equal(pb_send(s, "hello", 5, 0), 5);
		expect_bytes(w, conn, "hello", 5);
		assert_int_equal(pb_send(conn, "you", 3, 0), 3);
		expect_bytes(w, s, "you", 3);
		assert_int_equal(get_option(s, SOL_SOCKET, SO_ERROR), 0);
		pb_close(s);
		expect_end(w, conn, 0);
		pb_close(conn);
	}
	pb_close(l);
}

/* TCP_FASTOPEN_CONNECT: connect(2) has answered before the first word, or is on its way; the word arrives. */
static void connect_first(void **state)
{
	struct world *w = *state;

	if (!clients_may(w))
		SKIP("net.ipv4.tcp_fastopen lets no client of the host's begin");
	struct pb_socket *l = listener(w, &w->a, 4);
	union pb_addr to = name_of(l);
	assert_int_equal(set(l, TCP_FASTOPEN, 4), 0);
	for (int n = 0; n < 3; n++) {
		struct pb_socket *s = open_socket(w->client_net, AF_INET, SOCK_STREAM);
		assert_int_equal(set(s, TCP_FASTOPEN_CONNECT, 1), 0);
		int rc = connect_to(s, &to);
		if (rc < 0)
			assert_int_equal(rc, -EINPROGRESS);
		else
			assert_int_equal(connect_to(s, &to), -EISCONN);
		assert_true(wait_for(w, s, POLLOUT));
		assert_int_equal(pb_send(s, "hello", 5, 0), 5);
		struct pb_socket *conn = accept_one(w, l);
		expect_bytes(w, conn, "hello", 5);
		pb_close(s);
		expect_end(w, conn, 0);
		pb_close(conn);
	}
	pb_close(l);
}

/* Nobody listens: the text that has left with the SYN changes nothing about what is told. */
static void refused(void **state)
{
	struct world *w = *state;

	if (!clients_may(w))
		SKIP("net.ipv4.tcp_fastopen lets no client of the host's begin");
	union pb_addr to = unused(w, &w->a);
	struct pb_socket *s = open_socket(w->client_net, AF_INET, SOCK_STREAM);
	ssize_t rc = open_with(s, "hello", &to);
	assert_true(rc == -EINPROGRESS || rc == -ECONNREFUSED || rc == 5);
	if (rc != -ECONNREFUSED) {
		assert_true(wait_for(w, s, POLLERR | POLLHUP));
		assert_int_equal(get_option(s, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
	}
	pb_close(s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(options_have_limits),
	cmocka_unit_test(keys),
	cmocka_unit_test(not_on_connections),
	cmocka_unit_test(whom_it_is_for),
	cmocka_unit_test(text_arrives),
	cmocka_unit_test(connect_first),
	cmocka_unit_test(refused),
};
const struct test_table semantics_fast_open = TEST_TABLE(tests);
