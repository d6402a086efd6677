/* What the files of the semantics suite share: opening, connecting and waiting, and running them all. */
#include "semantics.h"

#include <stdlib.h>

const union pb_addr *next_family(const struct world *w, const union pb_addr *at)
{
	return at == &w->a && w->has_v6 ? &w->v6 : NULL;
}

const union pb_addr *client_at(const struct world *w, const union pb_addr *at)
{
	return at->sa.sa_family == AF_INET ? &w->client_a : &w->client_v6;
}

struct pb_socket *open_socket(struct pb_net *net, int family, int type)
{
	struct pb_socket *s;

	assert_int_equal(pb_socket_open(net, family, type, 0, &s), 0);
	return s;
}

int bind_to(struct pb_socket *s, const union pb_addr *at)
{
	return pb_bind(s, &at->sa, pb_addr_len(at));
}

int connect_to(struct pb_socket *s, const union pb_addr *to)
{
	return pb_connect(s, &to->sa, pb_addr_len(to));
}

union pb_addr with_port(const union pb_addr *a, uint16_t port)
{
	union pb_addr with = *a;

	pb_addr_set_port(&with, port);
	return with;
}

struct pb_socket *bound(struct pb_net *net, int type, const union pb_addr *at)
{
	struct pb_socket *s = open_socket(net, at->sa.sa_family, type);

	assert_int_equal(bind_to(s, at), 0);
	return s;
}

struct pb_socket *listener(struct world *w, const union pb_addr *at, int backlog)
{
	struct pb_socket *s = bound(w->net, SOCK_STREAM, at);

	assert_int_equal(pb_listen(s, backlog), 0);
	return s;
}

union pb_addr name_of(struct pb_socket *s)
{
	union pb_addr a = { 0 };
	socklen_t len = sizeof a;

	assert_int_equal(pb_getsockname(s, &a.sa, &len), 0);
	assert_int_equal(len, pb_addr_len(&a));
	return a;
}

union pb_addr peer_of(struct pb_socket *s)
{
	union pb_addr a = { 0 };
	socklen_t len = sizeof a;

	assert_int_equal(pb_getpeername(s, &a.sa, &len), 0);
	assert_int_equal(len, pb_addr_len(&a));
	return a;
}

void set_option(struct pb_socket *s, int level, int name, int value)
{
	assert_int_equal(pb_setsockopt(s, level, name, &value, sizeof value), 0);
}

int get_option(struct pb_socket *s, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof value;

	assert_int_equal(pb_getsockopt(s, level, name, &value, &len), 0);
	assert_int_equal(len, sizeof value);
	return value;
}

union pb_addr unused(struct world *w, const union pb_addr *at)
{
	struct pb_net *net = pb_addr_equal(at, client_at(w, at)) ? w->client_net : w->net;
	struct pb_socket *tcp = bound(net, SOCK_STREAM, at);
	struct pb_socket *udp = open_socket(net, at->sa.sa_family, SOCK_DGRAM);
	union pb_addr a = name_of(tcp);
	bool is_free = bind_to(udp, &a) == 0;

	pb_close(udp);
	pb_close(tcp);
	return is_free ? a : unused(w, at); /* another program's UDP socket has it: choose again */
}

static void nothing(struct pb_watch *watch, int ready)
{
	(void)watch;
	(void)ready;
}

bool wait_for(struct world *w, struct pb_socket *s, int events)
{
	struct pb_watch watch = { 0 };
	int rc = pb_watch_socket(w->loop, &watch, s, events & (POLLIN | POLLOUT), nothing);

	assert_int_equal(rc, 0);
	rc = pb_loop_turn(w->loop, 0); /* the loop's time is now this turn's */
	for (pb_time end = pb_loop_now(w->loop) + WAIT_MAX;
	     rc >= 0 && !(pb_ready(s) & events) && pb_loop_now(w->loop) < end;)
		rc = pb_loop_turn(w->loop, end);
	pb_watch_stop(&watch);
	assert_true(rc >= 0);
	return pb_ready(s) & events;
}

void turn_for(struct world *w, pb_time time)
{
	assert_true(pb_loop_turn(w->loop, 0) >= 0);
	for (pb_time end = pb_loop_now(w->loop) + time; pb_loop_now(w->loop) < end;)
		assert_true(pb_loop_turn(w->loop, end) >= 0);
}

void rest(struct world *w)
{
	if (w->virtual_time)
		turn_for(w, PB_SEC(10));
}

struct pb_socket *accept_one(struct world *w, struct pb_socket *l)
{
	struct pb_socket *conn;

	assert_true(wait_for(w, l, POLLIN));
	assert_int_equal(pb_accept(l, &conn), 0);
	return conn;
}

struct pair connected_pair(struct world *w, const union pb_addr *at)
{
	struct pb_socket *l = listener(w, at, 1);
	struct pair p = { .client = open_socket(w->client_net, at->sa.sa_family, SOCK_STREAM) };
	union pb_addr to = name_of(l);

	assert_int_equal(connect_to(p.client, &to), -EINPROGRESS);
	p.server = accept_one(w, l);
	assert_true(wait_for(w, p.client, POLLOUT));
	assert_int_equal(get_option(p.client, SOL_SOCKET, SO_ERROR), 0);
	pb_close(l);
	return p;
}

void close_pair(struct pair *p)
{
	assert_int_equal(pb_close(p->client), 0);
	assert_int_equal(pb_close(p->server), 0);
}

void expect_bytes(struct world *w, struct pb_socket *s, const void *bytes, size_t len)
{
	char got[4096];
	size_t have = 0;

	assert_true(len <= sizeof got);
	while (have < len) {
		assert_true(wait_for(w, s, POLLIN));
		ssize_t n = pb_recv(s, got + have, len - have, 0);
		assert_true(n > 0);
		have += (size_t)n;
	}
	assert_memory_equal(got, bytes, len);
}

void expect_end(struct world *w, struct pb_socket *s, int answer)
{
	char byte;

	assert_true(wait_for(w, s, POLLIN));
	assert_int_equal(pb_recv(s, &byte, 1, 0), answer);
}

int semantics_run(const char *name, CMFixtureFunction open, CMFixtureFunction close)
{
	const struct test_table *tables[] = {
		&semantics_bind,      &semantics_connect, &semantics_stream, &semantics_datagram,
		&semantics_ancillary, &semantics_options, &semantics_echo,   &semantics_signed,
		&semantics_fast_open, &semantics_told,
	};
	struct CMUnitTest all[256];
	size_t count = 0;

	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		for (size_t j = 0; j < tables[i]->count && count < sizeof all / sizeof *all; j++)
			all[count++] = tables[i]->tests[j];
	return _cmocka_run_group_tests(name, all, count, open, close);
}
