/* Calling and being called: connect, its end and its error; listen, the backlog, accept and what it inherits. */
#include "semantics.h"

#include <netinet/tcp.h>

static void names_are_swapped(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		struct pair p = connected_pair(w, at);
		union pb_addr client = name_of(p.client), server = name_of(p.server);
		union pb_addr client_peer = peer_of(p.client), server_peer = peer_of(p.server);
		assert_true(pb_addr_equal(&client, &server_peer));
		assert_true(pb_addr_equal(&server, &client_peer));
		assert_false(pb_addr_is_any(&client));
		assert_true(pb_addr_port(&client) >= 1024);
		close_pair(&p);
	}
}

static void a_name_is_cut_to_its_room(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	union pb_addr name = { 0 };
	socklen_t len = 4; /* family and port */

	assert_int_equal(pb_getpeername(p.server, &name.sa, &len), 0);
	assert_int_equal(len, sizeof name.v4);
	assert_int_not_equal(pb_addr_port(&name), 0);
	assert_int_equal(name.v4.sin_addr.s_addr, 0);
	close_pair(&p);
}

/* connect(2) tells a finished attempt once more, by 0, before it says EISCONN. */
static void connect_again(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	union pb_addr to = peer_of(p.client);

	assert_int_equal(connect_to(p.client, &to), 0);
	assert_int_equal(connect_to(p.client, &to), -EISCONN);
	assert_int_equal(connect_to(p.server, &to), -EISCONN);
	close_pair(&p);
}

/* RFC 9293 3.9.2.3, MUST-46: a call is to one host. */
static void nobody_calls_a_group(void **state)
{
	static const char *const all[] = { "239.255.1.2", "255.255.255.255" };
	struct world *w = *state;
	struct pb_socket *s = open_socket(w->client_net, AF_INET, SOCK_STREAM);
	union pb_addr to;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		assert_true(pb_addr_parse(&to, all[i]));
		pb_addr_set_port(&to, 999);
		assert_int_equal(connect_to(s, &to), -ENETUNREACH);
	}
	pb_close(s);
}

/* What is left of a call that failed may have another address. */
static void who_was_refused_may_bind(void **state)
{
	struct world *w = *state;
	union pb_addr to = unused(w, &w->a);
	struct pb_socket *s = open_socket(w->client_net, AF_INET, SOCK_STREAM);

	assert_int_equal(connect_to(s, &to), -EINPROGRESS);
	assert_true(wait_for(w, s, POLLOUT));
	assert_int_equal(get_option(s, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
	assert_int_equal(bind_to(s, &w->client_a), 0);
	assert_int_equal(bind_to(s, &w->client_a), -EINVAL);
	pb_close(s);
}

static void refused_by_so_error(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		union pb_addr to = unused(w, at);
		struct pb_socket *s = open_socket(w->client_net, at->sa.sa_family, SOCK_STREAM);
		assert_int_equal(connect_to(s, &to), -EINPROGRESS);
		assert_true(wait_for(w, s, POLLOUT));
		assert_int_equal(pb_ready(s) & (POLLERR | POLLHUP), POLLERR | POLLHUP);
		assert_int_equal(get_option(s, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
		assert_int_equal(get_option(s, SOL_SOCKET, SO_ERROR), 0); /* told once */
		pb_close(s);
	}
}

static void refused_by_connect_and_by_recv(void **state)
{
	struct world *w = *state;
	union pb_addr to = unused(w, &w->a);
	char byte;

	for (int by_recv = 0; by_recv < 2; by_recv++) {
		struct pb_socket *s = open_socket(w->client_net, AF_INET, SOCK_STREAM);
		assert_int_equal(connect_to(s, &to), -EINPROGRESS);
		assert_true(wait_for(w, s, POLLOUT));
		assert_int_equal(by_recv ? (int)pb_recv(s, &byte, 1, 0) : connect_to(s, &to), -ECONNREFUSED);
		assert_int_equal(get_option(s, SOL_SOCKET, SO_ERROR), 0);
		pb_close(s);
	}
}

/* One that was refused may try elsewhere, once it has been told. */
static void connect_after_refusal(void **state)
{
	struct world *w = *state;
	struct pb_socket *l = listener(w, &w->a, 1), *s = open_socket(w->client_net, AF_INET, SOCK_STREAM);
	union pb_addr nobody = unused(w, &w->a), to = name_of(l);

	assert_int_equal(connect_to(s, &nobody), -EINPROGRESS);
	assert_true(wait_for(w, s, POLLOUT));
	assert_int_equal(connect_to(s, &nobody), -ECONNREFUSED);
	assert_int_equal(connect_to(s, &to), -EINPROGRESS);
	assert_true(wait_for(w, s, POLLOUT));
	assert_int_equal(get_option(s, SOL_SOCKET, SO_ERROR), 0);
	pb_close(s);
	pb_close(l);
}

/* The port that it was given is its own through all attempts; not so one that was chosen for it. */
static void a_refusal_leaves_the_bound_port(void **state)
{
	struct world *w = *state;
	struct pb_socket *l = listener(w, &w->a, 1), *s;
	union pb_addr nobody = unused(w, &w->a), to = name_of(l), mine = unused(w, &w->client_a), name;

	s = bound(w->client_net, SOCK_STREAM, &mine);

	for (int i = 0; i < 2; i++) {
		assert_int_equal(connect_to(s, &nobody), -EINPROGRESS);
		assert_true(wait_for(w, s, POLLOUT));
		assert_int_equal(connect_to(s, &nobody), -ECONNREFUSED);
		name = name_of(s);
		assert_int_equal(pb_addr_port(&name), pb_addr_port(&mine));
	}
	assert_int_equal(connect_to(s, &to), -EINPROGRESS);
	struct pb_socket *conn = accept_one(w, l);
	union pb_addr peer = peer_of(conn);
	assert_true(pb_addr_equal(&peer, &mine));
	pb_close(conn);
	pb_close(s);
	pb_close(l);
}

static void count_call(struct pb_watch *watch, int ready)
{
	(void)ready;
	watch->ready++; /* unused, for a socket */
}

/* One that goes nowhere yet is over, and a watch is told so: it would wait for ever otherwise. */
static void the_fresh_are_told(void **state)
{
	struct world *w = *state;
	struct pb_socket *s = open_socket(w->client_net, AF_INET, SOCK_STREAM);
	struct pb_watch watch = { 0 };

	assert_int_equal(pb_ready(s), POLLOUT | POLLHUP);
	assert_int_equal(pb_watch_socket(w->loop, &watch, s, POLLOUT, count_call), 0);
	for (int i = 0; i < 3; i++)
		assert_true(pb_loop_turn(w->loop, 0) >= 0);
	pb_watch_stop(&watch);
	assert_true(watch.ready > 0);
	pb_close(s);
}

static void each_call_has_its_own_port(void **state)
{
	struct world *w = *state;
	struct pb_socket *l = listener(w, &w->a, 8), *s[4];
	union pb_addr to = name_of(l), name[4];

	for (int i = 0; i < 4; i++) {
		s[i] = open_socket(w->client_net, AF_INET, SOCK_STREAM);
		assert_int_equal(connect_to(s[i], &to), -EINPROGRESS);
		name[i] = name_of(s[i]); /* chosen by now, though not connected */
		for (int j = 0; j < i; j++)
			assert_int_not_equal(pb_addr_port(&name[i]), pb_addr_port(&name[j]));
	}
	for (int i = 0; i < 4; i++) {
		struct pb_socket *conn = accept_one(w, l); /* in the order of the calls */
		union pb_addr peer = peer_of(conn);
		assert_true(pb_addr_equal(&peer, &name[i]));
		pb_close(conn);
		pb_close(s[i]);
	}
	pb_close(l);
}

/* One client port may hold calls to two servers, but not two to the same: pairs are what must differ. */
static void socket_pairs_are_unique(void **state)
{
	struct world *w = *state;
	struct pb_socket *l[2] = { listener(w, &w->a, 4), listener(w, &w->a, 4) }, *s[3];
	union pb_addr to[2] = { name_of(l[0]), name_of(l[1]) }, from = pb_addr_any(AF_INET);

	for (int i = 0; i < 3; i++) {
		s[i] = open_socket(w->client_net, AF_INET, SOCK_STREAM);
		set_option(s[i], SOL_SOCKET, SO_REUSEADDR, 1);
		assert_int_equal(bind_to(s[i], &from), 0);
		from = name_of(s[i]);
	}
	assert_int_equal(connect_to(s[0], &to[0]), -EINPROGRESS);
	assert_int_equal(connect_to(s[1], &to[1]), -EINPROGRESS);
	assert_int_equal(connect_to(s[2], &to[0]), -EADDRNOTAVAIL);
	assert_true(wait_for(w, s[0], POLLOUT));
	assert_true(wait_for(w, s[1], POLLOUT));
	for (int i = 0; i < 3; i++)
		pb_close(s[i]);
	pb_close(l[0]);
	pb_close(l[1]);
}

/* listen(2) on Linux: one more than backlog may wait. The rest go on calling until there is room. */
static void backlog(void **state)
{
	struct world *w = *state;
	struct pb_socket *l = listener(w, &w->a, 1), *s[3], *conn[3];
	union pb_addr to = name_of(l);

	for (int i = 0; i < 3; i++) {
		s[i] = open_socket(w->client_net, AF_INET, SOCK_STREAM);
		assert_int_equal(connect_to(s[i], &to), -EINPROGRESS);
		if (i < 2) {
			assert_true(wait_for(w, s[i], POLLOUT));
			turn_for(w, PB_MSEC(1)); /* and its acknowledgement is there, too */
		}
	}
	turn_for(w, PB_MSEC(50));
	assert_int_equal(pb_ready(s[2]), 0);
	assert_int_equal(connect_to(s[2], &to), -EALREADY);
	assert_int_equal(pb_send(s[2], "x", 1, 0), -EAGAIN);
	assert_int_equal(pb_recv(s[2], &to, 1, 0), -EAGAIN);
	for (int i = 0; i < 3; i++)
		conn[i] = accept_one(w, l);
	assert_true(wait_for(w, s[2], POLLOUT));
	for (int i = 0; i < 3; i++) {
		pb_close(s[i]);
		pb_close(conn[i]);
	}
	pb_close(l);
}

static void accept_finds_nobody(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		struct pb_socket *l = listener(w, at, 1), *conn;
		assert_int_equal(pb_accept(l, &conn), -EAGAIN);
		assert_null(conn);
		assert_int_equal(pb_ready(l), 0);
		pb_close(l);
	}
}

static void options_are_inherited(void **state)
{
	struct world *w = *state;
	struct pb_socket *l = listener(w, &w->a, 1), *s = open_socket(w->client_net, AF_INET, SOCK_STREAM);
	union pb_addr to = name_of(l);
	struct linger linger = { .l_onoff = 1, .l_linger = 3 };
	socklen_t len = sizeof linger;

	set_option(l, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(l, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(l, IPPROTO_TCP, TCP_KEEPIDLE, 77);
	assert_int_equal(pb_setsockopt(l, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
	assert_int_equal(connect_to(s, &to), -EINPROGRESS);
	struct pb_socket *conn = accept_one(w, l);
	linger = (struct linger){ 0 };
	assert_int_equal(get_option(conn, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_not_equal(get_option(conn, IPPROTO_TCP, TCP_NODELAY), 0);
	assert_int_equal(get_option(conn, IPPROTO_TCP, TCP_KEEPIDLE), 77);
	assert_int_equal(pb_getsockopt(conn, SOL_SOCKET, SO_LINGER, &linger, &len), 0);
	assert_true(linger.l_onoff && linger.l_linger == 3);
	assert_int_equal(get_option(conn, SOL_SOCKET, SO_ACCEPTCONN), 0);
	assert_int_equal(get_option(l, SOL_SOCKET, SO_ACCEPTCONN), 1);
	pb_close(conn);
	pb_close(s);
	pb_close(l);
}

/* A call that nobody took is reset when the listener goes. */
static void closing_the_listener_resets_who_waits(void **state)
{
	struct world *w = *state;
	struct pb_socket *l = listener(w, &w->a, 1), *s = open_socket(w->client_net, AF_INET, SOCK_STREAM);
	union pb_addr to = name_of(l);

	assert_int_equal(connect_to(s, &to), -EINPROGRESS);
	assert_true(wait_for(w, s, POLLOUT));
	assert_true(wait_for(w, l, POLLIN));
	pb_close(l);
	expect_end(w, s, -ECONNRESET);
	pb_close(s);
}

/* A listener shut for reading is none any more, but keeps its port, if it was given it, and may listen again. */
static void shutdown_of_a_listener(void **state)
{
	struct world *w = *state;
	union pb_addr to = unused(w, &w->a), name;
	struct pb_socket *l = listener(w, &to, 1), *s = open_socket(w->client_net, AF_INET, SOCK_STREAM),
			 *conn;

	assert_int_equal(connect_to(s, &to), -EINPROGRESS);
	assert_true(wait_for(w, s, POLLOUT));
	assert_true(wait_for(w, l, POLLIN));
	assert_int_equal(pb_shutdown(l, SHUT_WR), 0);
	assert_int_equal(get_option(l, SOL_SOCKET, SO_ACCEPTCONN), 1);
	assert_int_equal(pb_shutdown(l, SHUT_RD), 0);
	assert_int_equal(get_option(l, SOL_SOCKET, SO_ACCEPTCONN), 0);
	assert_int_equal(pb_accept(l, &conn), -EINVAL);
	name = name_of(l);
	assert_true(pb_addr_equal(&name, &to));
	expect_end(w, s, -ECONNRESET);
	pb_close(s);
	s = open_socket(w->client_net, AF_INET, SOCK_STREAM);
	assert_int_equal(connect_to(s, &to), -EINPROGRESS);
	assert_true(wait_for(w, s, POLLOUT));
	assert_int_equal(connect_to(s, &to), -ECONNREFUSED);
	assert_int_equal(pb_listen(l, 1), 0);
	assert_int_equal(connect_to(s, &to), -EINPROGRESS);
	conn = accept_one(w, l);
	pb_close(conn);
	pb_close(s);
	pb_close(l);
}

static void wrong_use(void **state)
{
	struct world *w = *state;
	struct pb_socket *s = open_socket(w->net, AF_INET, SOCK_STREAM), *conn;
	struct pb_socket *l = listener(w, &w->a, 1), *udp = open_socket(w->net, AF_INET, SOCK_DGRAM);
	union pb_addr to = name_of(l), six = pb_addr_any(AF_INET6), peer;
	socklen_t len = sizeof peer;
	char byte;

	assert_int_equal(pb_accept(s, &conn), -EINVAL);
	assert_int_equal(pb_accept(udp, &conn), -EOPNOTSUPP);
	assert_int_equal(pb_listen(udp, 1), -EOPNOTSUPP);
	assert_int_equal(connect_to(l, &to), -EISCONN);
	assert_int_equal(connect_to(s, &six), -EAFNOSUPPORT);
	assert_int_equal(pb_connect(s, &to.sa, sizeof to.v4 - 1), -EINVAL);
	assert_int_equal(pb_getpeername(s, &peer.sa, &len), -ENOTCONN);
	assert_int_equal(pb_recv(s, &byte, 1, 0), -ENOTCONN);
	assert_int_equal(pb_send(s, "x", 1, 0), -EPIPE);
	assert_int_equal(pb_shutdown(s, SHUT_WR), -ENOTCONN);
	assert_int_equal(pb_recv(l, &byte, 1, 0), -ENOTCONN);
	assert_int_equal(pb_listen(l, 2), 0); /* a new backlog */
	pb_close(s);
	pb_close(l);
	pb_close(udp);
}

static void wrong_kinds(void **state)
{
	struct world *w = *state;
	struct pb_socket *s;

	assert_int_equal(pb_socket_open(w->net, 9999, SOCK_STREAM, 0, &s), -EAFNOSUPPORT);
	assert_null(s);
	assert_int_equal(pb_socket_open(w->net, AF_INET, SOCK_STREAM, IPPROTO_UDP, &s), -EPROTONOSUPPORT);
	assert_int_equal(pb_socket_open(w->net, AF_INET, SOCK_RDM, 0, &s), -ESOCKTNOSUPPORT);
	s = open_socket(w->net, AF_INET, SOCK_STREAM);
	assert_ptr_equal(pb_socket_net(s), w->net);
	assert_int_equal(pb_close(s), 0);
	assert_int_equal(pb_close(NULL), 0);
}

static void a_connection_does_not_listen(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	struct pb_socket *conn;

	assert_int_equal(pb_listen(p.client, 1), -EINVAL);
	assert_int_equal(pb_accept(p.server, &conn), -EINVAL);
	assert_int_equal(bind_to(p.client, &w->client_a), -EINVAL);
	close_pair(&p);
}

/* One that was closed first, and waits: timestamps tell its segments from the next one's, so it may begin. */
static void a_waiting_pair_is_taken_again(void **state)
{
	struct world *w = *state;
	struct pb_socket *l = listener(w, &w->a, 1);
	union pb_addr to = name_of(l), mine = unused(w, &w->client_a);

	for (int i = 0; i < 3; i++) {
		struct pb_socket *s = open_socket(w->client_net, AF_INET, SOCK_STREAM);
		set_option(s, SOL_SOCKET, SO_REUSEADDR, 1);
		assert_int_equal(bind_to(s, &mine), 0);
		assert_int_equal(connect_to(s, &to), -EINPROGRESS);
		struct pb_socket *conn = accept_one(w, l);
		assert_true(wait_for(w, s, POLLOUT));
		assert_int_equal(pb_shutdown(s, SHUT_WR), 0);
		expect_end(w, conn, 0);
		pb_close(conn);
		expect_end(w, s, 0);
		pb_close(s);
		turn_for(w, PB_MSEC(5));
	}
	pb_close(l);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(names_are_swapped),
	cmocka_unit_test(a_name_is_cut_to_its_room),
	cmocka_unit_test(connect_again),
	cmocka_unit_test(nobody_calls_a_group),
	cmocka_unit_test(who_was_refused_may_bind),
	cmocka_unit_test(refused_by_so_error),
	cmocka_unit_test(refused_by_connect_and_by_recv),
	cmocka_unit_test(connect_after_refusal),
	cmocka_unit_test(a_waiting_pair_is_taken_again),
	cmocka_unit_test(a_refusal_leaves_the_bound_port),
	cmocka_unit_test(the_fresh_are_told),
	cmocka_unit_test(each_call_has_its_own_port),
	cmocka_unit_test(socket_pairs_are_unique),
	cmocka_unit_test(backlog),
	cmocka_unit_test(accept_finds_nobody),
	cmocka_unit_test(options_are_inherited),
	cmocka_unit_test(closing_the_listener_resets_who_waits),
	cmocka_unit_test(shutdown_of_a_listener),
	cmocka_unit_test(wrong_use),
	cmocka_unit_test(wrong_kinds),
	cmocka_unit_test(a_connection_does_not_listen),
};

const struct test_table semantics_connect = TEST_TABLE(tests);
