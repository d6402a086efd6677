/* Local addresses: who may have which address and port beside whom, and which are chosen for those who do not ask. */
#include "semantics.h"

#include "skip.h"

/* Options of the two that meet at one port. */
struct meeting {
	int type;
	int option;         /* SO_REUSEADDR, SO_REUSEPORT; 0: none */
	bool first, second; /* who sets it */
	bool listening;     /* the first listens by then */
	int answer;         /* to the second's bind */
};

/* Bind a first and a second socket to the same port of these addresses; what the second is told. */
static int meet(struct world *w, const struct meeting *m, const union pb_addr *first,
		const union pb_addr *second)
{
	struct pb_socket *s = open_socket(w->net, first->sa.sa_family, m->type);
	struct pb_socket *t = open_socket(w->net, second->sa.sa_family, m->type);

	if (m->first)
		set_option(s, SOL_SOCKET, m->option, 1);
	if (m->second)
		set_option(t, SOL_SOCKET, m->option, 1);
	assert_int_equal(bind_to(s, first), 0);
	if (m->listening)
		assert_int_equal(pb_listen(s, 1), 0);
	union pb_addr name = name_of(s);
	union pb_addr at = with_port(second, pb_addr_port(&name));
	int rc = bind_to(t, &at);
	pb_close(t);
	pb_close(s);
	return rc;
}

/* Whether they may meet. A port that is free at the first's address may be a program's at the second's: try others. */
static bool may_meet(struct world *w, const struct meeting *m, const union pb_addr *first,
		     const union pb_addr *second)
{
	int rc = -EADDRINUSE;

	for (int i = 0; i < 16 && rc == -EADDRINUSE; i++)
		rc = meet(w, m, first, second);
	return rc == 0;
}

static const struct meeting plain[] = { { .type = SOCK_STREAM }, { .type = SOCK_DGRAM } };

static void same_address_conflicts(void **state)
{
	struct world *w = *state;

	each_family (w, at)
		for (int i = 0; i < 2; i++)
			assert_int_equal(meet(w, &plain[i], at, at), -EADDRINUSE);
}

static void different_addresses_share_a_port(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++)
		assert_true(may_meet(w, &plain[i], &w->a, &w->b));
	if (w->has_v6)
		assert_true(may_meet(w, &plain[0], &w->a, &w->v6));
}

static void wildcard_conflicts_with_specific(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		union pb_addr any = pb_addr_any(at->sa.sa_family);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(meet(w, &plain[i], &any, at), -EADDRINUSE);
			assert_int_equal(meet(w, &plain[i], at, &any), -EADDRINUSE);
		}
	}
}

/* socket(7): SO_REUSEADDR lets two bind, unless one of them listens; SO_REUSEPORT even then; both must agree. */
static void reuse(void **state)
{
	static const struct meeting meetings[] = {
		{SOCK_STREAM,  SO_REUSEADDR, true,  true,  false, 0          },
		{ SOCK_STREAM, SO_REUSEADDR, true,  true,  true,  -EADDRINUSE},
		{ SOCK_STREAM, SO_REUSEADDR, true,  false, false, -EADDRINUSE},
		{ SOCK_STREAM, SO_REUSEADDR, false, true,  false, -EADDRINUSE},
		{ SOCK_DGRAM,  SO_REUSEADDR, true,  true,  false, 0          },
		{ SOCK_DGRAM,  SO_REUSEADDR, true,  false, false, -EADDRINUSE},
		{ SOCK_STREAM, SO_REUSEPORT, true,  true,  true,  0          },
		{ SOCK_STREAM, SO_REUSEPORT, true,  false, true,  -EADDRINUSE},
		{ SOCK_STREAM, SO_REUSEPORT, false, true,  true,  -EADDRINUSE},
		{ SOCK_DGRAM,  SO_REUSEPORT, true,  true,  false, 0          },
		{ SOCK_DGRAM,  SO_REUSEPORT, false, true,  false, -EADDRINUSE},
	};
	struct world *w = *state;

	each_family (w, at) {
		union pb_addr any = pb_addr_any(at->sa.sa_family);
		for (size_t i = 0; i < sizeof meetings / sizeof *meetings; i++) {
			assert_int_equal(meet(w, &meetings[i], at, at), meetings[i].answer);
			assert_int_equal(meet(w, &meetings[i], &any, at), meetings[i].answer);
		}
	}
}

static void two_listeners_share_with_reuseport(void **state)
{
	struct world *w = *state;
	struct pb_socket *s = open_socket(w->net, AF_INET, SOCK_STREAM);
	struct pb_socket *t = open_socket(w->net, AF_INET, SOCK_STREAM);

	set_option(s, SOL_SOCKET, SO_REUSEPORT, 1);
	set_option(t, SOL_SOCKET, SO_REUSEPORT, 1);
	assert_int_equal(bind_to(s, &w->a), 0);
	union pb_addr at = name_of(s);
	assert_int_equal(bind_to(t, &at), 0);
	assert_int_equal(pb_listen(s, 1), 0);
	assert_int_equal(pb_listen(t, 1), 0);
	pb_close(s);
	pb_close(t);
}

/* Two with SO_REUSEADDR may bind, but only one of them may listen. */
static void listen_conflicts(void **state)
{
	struct world *w = *state;
	struct pb_socket *s = open_socket(w->net, AF_INET, SOCK_STREAM);
	struct pb_socket *t = open_socket(w->net, AF_INET, SOCK_STREAM);

	set_option(s, SOL_SOCKET, SO_REUSEADDR, 1);
	set_option(t, SOL_SOCKET, SO_REUSEADDR, 1);
	assert_int_equal(bind_to(s, &w->a), 0);
	union pb_addr at = name_of(s);
	assert_int_equal(bind_to(t, &at), 0);
	assert_int_equal(pb_listen(s, 1), 0);
	assert_int_equal(pb_listen(t, 1), -EADDRINUSE);
	pb_close(s);
	pb_close(t);
}

/* Bind an IPv6 socket to a free port of its wildcard, then an IPv4 one to the same port: what the second bind says. */
static int bind_both_wildcards(struct world *w, bool v6only)
{
	union pb_addr any4 = pb_addr_any(AF_INET), any6 = pb_addr_any(AF_INET6);
	struct pb_socket *s = open_socket(w->net, AF_INET6, SOCK_STREAM);
	struct pb_socket *t = open_socket(w->net, AF_INET, SOCK_STREAM);

	set_option(s, IPPROTO_IPV6, IPV6_V6ONLY, v6only);
	assert_int_equal(bind_to(s, &any6), 0);
	union pb_addr name = name_of(s);
	union pb_addr at = with_port(&any4, pb_addr_port(&name));
	int result = bind_to(t, &at);
	pb_close(s);
	pb_close(t);
	return result;
}

/*
 * ipv6(7): the IPv6 wildcard takes IPv4's port, too, unless IPV6_V6ONLY keeps it to itself (RFC 3493 5.3). A port
 * that is free for IPv6 alone may be another program's in IPv4, so the second half tries more than one.
 */
static void v6only(void **state)
{
	struct world *w = *state;
	int result = -EADDRINUSE;

	if (!w->has_v6)
		SKIP("this net has no IPv6");
	assert_int_equal(bind_both_wildcards(w, false), -EADDRINUSE);
	for (int i = 0; i < 16 && result == -EADDRINUSE; i++)
		result = bind_both_wildcards(w, true);
	assert_int_equal(result, 0);
}

static void tcp_and_udp_are_independent(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		struct pb_socket *tcp = bound(w->net, SOCK_STREAM, at);
		union pb_addr name = name_of(tcp);
		struct pb_socket *udp = bound(w->net, SOCK_DGRAM, &name);
		pb_close(tcp);
		pb_close(udp);
	}
}

static void a_closed_port_is_free_again(void **state)
{
	struct world *w = *state;
	struct pb_socket *s = listener(w, &w->a, 1);
	union pb_addr name = name_of(s);

	pb_close(s);
	s = bound(w->net, SOCK_STREAM, &name);
	pb_close(s);
}

static void wrong_addresses(void **state)
{
	struct world *w = *state;
	struct pb_socket *s = open_socket(w->net, AF_INET, SOCK_STREAM);
	union pb_addr six = pb_addr_any(AF_INET6);

	assert_int_equal(bind_to(s, &w->foreign), -EADDRNOTAVAIL);
	assert_int_equal(bind_to(s, &six), -EAFNOSUPPORT);
	assert_int_equal(pb_bind(s, &w->a.sa, sizeof w->a.v4 - 1), -EINVAL);
	assert_int_equal(bind_to(s, &w->a), 0);
	assert_int_equal(bind_to(s, &w->a), -EINVAL);
	assert_int_equal(bind_to(s, &w->foreign), -EADDRNOTAVAIL);
	pb_close(s);
	if (!w->has_v6)
		return;
	s = open_socket(w->net, AF_INET6, SOCK_STREAM);
	assert_int_equal(pb_bind(s, &w->a.sa, sizeof w->v6.v6), -EAFNOSUPPORT);
	assert_int_equal(bind_to(s, &w->a), -EINVAL); /* too short for this family */
	pb_close(s);
}

/* What is an IPv4 address to a socket of IPv6: ::ffff:a.b.c.d (RFC 4291 2.5.5.2). */
static union pb_addr mapped(const union pb_addr *four)
{
	union pb_addr six = pb_addr_any(AF_INET6);

	memset(six.v6.sin6_addr.s6_addr + 10, 0xff, 2);
	memcpy(six.v6.sin6_addr.s6_addr + 12, &four->v4.sin_addr, 4);
	return with_port(&six, pb_addr_port(four));
}

/* A socket that is bound to one family's address cannot speak to the other's. */
static void families_do_not_mix(void **state)
{
	struct world *w = *state;

	if (!w->has_v6)
		SKIP("this net has no IPv6");
	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		union pb_addr a4 = mapped(&w->a), to4 = with_port(&a4, 999), to6 = with_port(&w->v6, 999);
		union pb_addr any4 = pb_addr_any(AF_INET), any = mapped(&any4);
		struct pb_socket *four = bound(w->net, type, &a4), *six = bound(w->net, type, &w->v6);
		assert_int_equal(connect_to(four, &to6), -EAFNOSUPPORT);
		assert_int_equal(connect_to(six, &to4), -ENETUNREACH);
		pb_close(four);
		four = bound(w->net, type, &any);
		assert_int_equal(connect_to(four, &to6), -EAFNOSUPPORT);
		pb_close(four);
		pb_close(six);
	}
}

static void v6only_means_it(void **state)
{
	struct world *w = *state;

	if (!w->has_v6)
		SKIP("this net has no IPv6");
	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		struct pb_socket *s = open_socket(w->net, AF_INET6, type);
		union pb_addr four = mapped(&w->a), to = with_port(&four, 999);
		set_option(s, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		assert_int_equal(bind_to(s, &four), -EINVAL);
		assert_int_equal(connect_to(s, &to), -ENETUNREACH);
		pb_close(s);
	}
}

static void a_port_may_be_shared_later(void **state)
{
	struct world *w = *state;

	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		struct pb_socket *s = bound(w->net, type, &w->a), *t = open_socket(w->net, AF_INET, type);
		union pb_addr name = name_of(s);
		set_option(t, SOL_SOCKET, SO_REUSEPORT, 1);
		assert_int_equal(bind_to(t, &name), -EADDRINUSE);
		set_option(s, SOL_SOCKET, SO_REUSEPORT, 1);
		assert_int_equal(bind_to(t, &name), 0);
		pb_close(s);
		pb_close(t);
	}
}

static void before_bind_there_is_no_name(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		struct pb_socket *s = open_socket(w->net, at->sa.sa_family, SOCK_STREAM);
		union pb_addr name = name_of(s), any = pb_addr_any(at->sa.sa_family);
		assert_true(pb_addr_equal(&name, &any));
		pb_close(s);
	}
}

static void port_0_chooses(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		struct pb_socket *s = bound(w->net, SOCK_STREAM, at), *t = bound(w->net, SOCK_STREAM, at);
		union pb_addr first = name_of(s), second = name_of(t);
		assert_true(pb_addr_port(&first) >= 1024 && pb_addr_port(&second) >= 1024);
		assert_int_not_equal(pb_addr_port(&first), pb_addr_port(&second));
		first = with_port(&first, 0);
		assert_true(pb_addr_equal(&first, at));
		pb_close(s);
		pb_close(t);
	}
}

static void listen_without_bind_chooses(void **state)
{
	struct world *w = *state;
	struct pb_socket *s = open_socket(w->net, AF_INET, SOCK_STREAM);

	assert_int_equal(pb_listen(s, 1), 0);
	union pb_addr name = name_of(s);
	assert_true(pb_addr_is_any(&name));
	assert_int_not_equal(pb_addr_port(&name), 0);
	pb_close(s);
}

/* The side that closes first keeps the pair for a while (RFC 9293 3.6.1); a server starts again by SO_REUSEADDR. */
static void time_wait_holds_the_port(void **state)
{
	struct world *w = *state;
	struct pb_socket *l = open_socket(w->net, AF_INET, SOCK_STREAM);

	set_option(l, SOL_SOCKET, SO_REUSEADDR, 1);
	assert_int_equal(bind_to(l, &w->a), 0);
	assert_int_equal(pb_listen(l, 1), 0);
	union pb_addr at = name_of(l);
	struct pb_socket *client = open_socket(w->client_net, AF_INET, SOCK_STREAM);
	assert_int_equal(connect_to(client, &at), -EINPROGRESS);
	struct pb_socket *server = accept_one(w, l);
	pb_close(server);
	expect_end(w, client, 0);
	pb_close(client);
	pb_close(l);
	turn_for(w, PB_MSEC(20)); /* the client's FIN travels */
	struct pb_socket *again = open_socket(w->net, AF_INET, SOCK_STREAM);
	assert_int_equal(bind_to(again, &at), -EADDRINUSE);
	set_option(again, SOL_SOCKET, SO_REUSEADDR, 1);
	assert_int_equal(bind_to(again, &at), 0);
	assert_int_equal(pb_listen(again, 1), 0);
	pb_close(again);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(same_address_conflicts),
	cmocka_unit_test(different_addresses_share_a_port),
	cmocka_unit_test(wildcard_conflicts_with_specific),
	cmocka_unit_test(reuse),
	cmocka_unit_test(two_listeners_share_with_reuseport),
	cmocka_unit_test(listen_conflicts),
	cmocka_unit_test(v6only),
	cmocka_unit_test(tcp_and_udp_are_independent),
	cmocka_unit_test(a_closed_port_is_free_again),
	cmocka_unit_test(wrong_addresses),
	cmocka_unit_test(families_do_not_mix),
	cmocka_unit_test(v6only_means_it),
	cmocka_unit_test(a_port_may_be_shared_later),
	cmocka_unit_test(before_bind_there_is_no_name),
	cmocka_unit_test(port_0_chooses),
	cmocka_unit_test(listen_without_bind_chooses),
	cmocka_unit_test(time_wait_holds_the_port),
};

const struct test_table semantics_bind = TEST_TABLE(tests);
