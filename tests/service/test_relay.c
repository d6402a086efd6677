/* The relay between a caller and the other side, both of them this test. */
#include "serving.h"

enum { RELAY_TCP, RELAY_UDP, NOWHERE }; /* the server's sockets */

static struct serving s;
static struct pb_socket *upstream, *upstream_udp;

#define IDLE 2u /* seconds; long enough for a busy machine to be in time within a third of it */

/* The other side: a listening socket and a UDP socket on one port; 127.0.0.2 has nobody on it. */
static int begin(void **state)
{
	static char spec[100], nowhere[100];
	union pb_addr at = loopback(0);
	socklen_t len = sizeof at;

	(void)state;
	static struct pb_net *net;
	assert_int_equal(pb_net_host(&net), 0);
	*state = net;
	assert_int_equal(pb_listen_on(net, "tcp", "127.0.0.1:0", &upstream), 0);
	assert_int_equal(pb_getsockname(upstream, &at.sa, &len), 0);
	assert_int_equal(pb_socket_open(net, AF_INET, SOCK_DGRAM, 0, &upstream_udp), 0);
	assert_int_equal(pb_bind(upstream_udp, &at.sa, pb_addr_len(&at)), 0);
	snprintf(spec, sizeof spec, "relay://127.0.0.1:0,to=127.0.0.1:%u,sessions=2,idle=%us",
		 pb_addr_port(&at), IDLE);
	snprintf(nowhere, sizeof nowhere, "relay://127.0.0.1:0,to=127.0.0.2:%u,only=tcp", pb_addr_port(&at));
	serving_begin(&s, (const char *const[]){ spec, nowhere }, 2);
	return 0;
}

static int finish(void **state)
{
	serving_end(&s);
	pb_close(upstream);
	pb_close(upstream_udp);
	pb_net_close(*state);
	return 0;
}

struct pair {
	struct pb_socket *caller, *callee;
};

/* A caller of the relay, and what the other side has accepted for him. */
static struct pair call(void)
{
	struct pair p = { serving_call(&s, SOCK_STREAM, serving_port(&s, RELAY_TCP), 0), NULL };

	for (int i = 0; i < 5000 && pb_accept(upstream, &p.callee) < 0; i++)
		serving_turn(&s);
	assert_non_null(p.callee);
	return p;
}

static void hang_up(struct pair p)
{
	pb_close(p.caller);
	pb_close(p.callee);
	for (int i = 0; i < 5; i++)
		serving_turn(&s);
}

static void reset(struct pb_socket *x)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	assert_int_equal(pb_setsockopt(x, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
	pb_close(x);
}

/* Send until nothing more is taken for a while: everything between is full. */
static size_t stuff(struct pb_socket *x, const char *data, size_t len)
{
	size_t done = 0;

	for (int stuck = 0; done < len && stuck < 50;) {
		ssize_t n = pb_send(x, data + done, len - done, 0);
		stuck = n > 0 ? 0 : stuck + 1;
		done += n > 0 ? (size_t)n : 0;
		serving_turn(&s);
	}
	return done;
}

/* One side sends more than fits and closes; the other reads late, has it all, and can still answer. */
static void carry(struct pb_socket *from, struct pb_socket *to)
{
	static char data[32 << 20], got[sizeof data + 1];
	size_t have = 0;

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 2654435761u >> 13);
	size_t done = stuff(from, data, sizeof data);
	assert_true(done < sizeof data); /* the sender was stopped */
	while (done < sizeof data) {
		ssize_t n = pb_send(from, data + done, sizeof data - done, 0);
		done += n > 0 ? (size_t)n : 0;
		n = serving_recv(&s, to, got + have, sizeof got - have, 0);
		assert_true(n > 0 || n == -EAGAIN);
		have += n > 0 ? (size_t)n : 0;
		serving_turn(&s);
	}
	assert_int_equal(pb_shutdown(from, SHUT_WR), 0);
	have += serving_recv_all(&s, to, got + have, sizeof got - have);
	assert_int_equal(have, sizeof data);
	assert_memory_equal(got, data, sizeof data);
	assert_int_equal(pb_send(to, "thanks", 6, 0), 6);
	assert_int_equal(pb_shutdown(to, SHUT_WR), 0);
	assert_int_equal(serving_recv_all(&s, from, got, sizeof got), 6);
	assert_memory_equal(got, "thanks", 6);
}

static void both_ways(void **state)
{
	(void)state;
	struct pair p = call();
	carry(p.caller, p.callee);
	hang_up(p);
	p = call();
	carry(p.callee, p.caller);
	hang_up(p);
}

static void resets(void **state)
{
	char got[10];

	(void)state;
	struct pair p = call();
	reset(p.caller);
	assert_int_equal(serving_recv(&s, p.callee, got, sizeof got, PATIENCE), -ECONNRESET);
	pb_close(p.callee);
	p = call();
	reset(p.callee);
	assert_int_equal(serving_recv(&s, p.caller, got, sizeof got, PATIENCE), -ECONNRESET);
	pb_close(p.caller);
}

/* Also when nothing is read from him, as his bytes have nowhere to go; and behind his FIN. */
static void resets_while_stopped(void **state)
{
	static char data[32 << 20];
	struct pb_socket *x;
	ssize_t n;

	(void)state;
	struct pair p = call();
	assert_true(stuff(p.caller, data, sizeof data) < sizeof data);
	reset(p.caller);
	x = p.callee;
	while ((n = serving_recv(&s, x, data, sizeof data, PATIENCE)) > 0)
		;
	assert_int_equal(n, -ECONNRESET);
	pb_close(x);

	p = call();
	assert_int_equal(pb_shutdown(p.caller, SHUT_WR), 0);
	assert_int_equal(serving_recv(&s, p.callee, data, 1, PATIENCE), 0);
	reset(p.caller);
	for (int i = 0; i < 100 && !(pb_ready(p.callee) & POLLHUP); i++)
		serving_turn(&s);
	assert_int_equal(pb_send(p.callee, "x", 1, 0), -EPIPE);
	pb_close(p.callee);
}

static void refused(void **state)
{
	struct pb_socket *c = serving_call(&s, SOCK_STREAM, serving_port(&s, NOWHERE), 0);
	char got[10];

	(void)state;
	assert_int_equal(serving_recv(&s, c, got, sizeof got, PATIENCE), -ECONNRESET);
	pb_close(c);
}

/* Bytes in one direction keep the other alive; silence in both ends it. */
static void idle(void **state)
{
	char got[10];
	ssize_t n;

	(void)state;
	struct pair p = call();
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pb_send(p.callee, "tick", 4, 0), 4);
		assert_int_equal(serving_recv(&s, p.caller, got, sizeof got, PATIENCE), 4);
		n = serving_recv(&s, p.caller, got, sizeof got, PB_SEC(IDLE) / 3);
		assert_int_equal(n, -EAGAIN);
	}
	assert_int_equal(serving_recv(&s, p.caller, got, sizeof got, PATIENCE), -ECONNRESET);
	assert_int_equal(serving_recv(&s, p.callee, got, sizeof got, PATIENCE), -ECONNRESET);
	hang_up(p);
}

/* What a client sends arrives, and who sent it is noted in from. */
static void expect(const char *text, union pb_addr *from)
{
	char got[100];
	socklen_t len = sizeof *from;
	ssize_t n = -EAGAIN;

	memset(from, 0, sizeof *from);
	for (int i = 0; i < 1000 && n == -EAGAIN; i++) {
		serving_turn(&s);
		n = pb_recvfrom(upstream_udp, got, sizeof got, 0, &from->sa, &len);
	}
	assert_int_equal(n, strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

static void answer(const union pb_addr *to, const char *text)
{
	assert_int_equal(pb_sendto(upstream_udp, text, strlen(text), 0, &to->sa, pb_addr_len(to)),
			 strlen(text));
}

/* Each client gets his own answers; a third one makes the one idle longest give way; silence ends a session. */
static void datagrams(void **state)
{
	struct pb_socket *c[3];
	union pb_addr from[3], again;
	char got[10];

	(void)state;
	for (int i = 0; i < 2; i++) {
		c[i] = serving_call(&s, SOCK_DGRAM, serving_port(&s, RELAY_UDP), 0);
		assert_int_equal(pb_send(c[i], "one", 3, 0), 3);
		assert_int_equal(pb_send(c[i], "two", 3, 0), 3); /* waits with the first */
		expect("one", &from[i]);
		expect("two", &again);
		assert_true(pb_addr_equal(&from[i], &again));
	}
	assert_false(pb_addr_equal(&from[0], &from[1]));
	answer(&from[1], "b");
	answer(&from[0], "a");
	assert_int_equal(serving_recv(&s, c[0], got, sizeof got, PATIENCE), 1);
	assert_int_equal(got[0], 'a');
	assert_int_equal(serving_recv(&s, c[1], got, sizeof got, PATIENCE), 1);
	assert_int_equal(got[0], 'b');

	assert_int_equal(pb_send(c[0], "again", 5, 0), 5); /* now the second is idle longest */
	expect("again", &again);
	assert_true(pb_addr_equal(&from[0], &again));
	c[2] = serving_call(&s, SOCK_DGRAM, serving_port(&s, RELAY_UDP), 0);
	assert_int_equal(pb_send(c[2], "three", 5, 0), 5);
	expect("three", &from[2]);
	answer(&from[1], "lost");
	answer(&from[2], "c");
	assert_int_equal(serving_recv(&s, c[2], got, sizeof got, PATIENCE), 1);
	assert_int_equal(serving_recv(&s, c[1], got, sizeof got, PB_SEC(IDLE) + PB_MSEC(300)), -EAGAIN);

	answer(&from[0], "late"); /* by now the idle time is over, too */
	assert_int_equal(serving_recv(&s, c[0], got, sizeof got, PB_MSEC(100)), -EAGAIN);
	for (int i = 0; i < 3; i++)
		pb_close(c[i]);
}

/* Draining lets go of datagrams at once, and of connections when they are done. */
static void drain(void **state)
{
	struct pb_socket *c = serving_call(&s, SOCK_DGRAM, serving_port(&s, RELAY_UDP), 0);
	union pb_addr from;
	char got[10];

	(void)state;
	struct pair p = call();
	assert_int_equal(pb_send(c, "x", 1, 0), 1);
	expect("x", &from);
	server_drain(s.server);
	serving_turn(&s);
	assert_false(server_drained(s.server));
	assert_int_equal(pb_send(p.callee, "last", 4, 0), 4);
	assert_int_equal(pb_shutdown(p.callee, SHUT_WR), 0);
	assert_int_equal(serving_recv_all(&s, p.caller, got, sizeof got), 4);
	assert_int_equal(pb_shutdown(p.caller, SHUT_WR), 0);
	assert_int_equal(serving_recv(&s, p.callee, got, sizeof got, PATIENCE), 0);
	serving_turn(&s);
	assert_true(server_drained(s.server));
	hang_up(p);
	pb_close(c);
}

static void wrong_specs(void **state)
{
	static const struct {
		const char *spec, *says;
	} wrong[] = {
		{"relay://:0",				 "to=HOST:PORT is missing"   },
		{ "relay://:0,to=localhost",                   "not HOST:PORT"             },
		{ "relay://:0,to=:80",                         "not HOST:PORT"             },
		{ "relay://:0,to=[::1]",                       "not [ADDRESS]:PORT"        },
		{ "relay://:0,to=[]:80",                       "a host's name has"         },
		{ "relay://:0,to=::1:80",                      "stands in brackets"        },
		{ "relay://:0,to=localhost:0",                 "'0' is not a port"         },
		{ "relay://:0,to=localhost:nosuchport",        "'nosuchport' is not a port"},
		{ "relay://:0,to=localhost:80,sessions=0",     "sessions=0"                },
		{ "relay://:0,to=localhost:80,connect-time=1", NULL                        },
	};
	struct server_error error;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct server *server =
			server_new(&(struct server_config){ .net = s.net, .log = s.log, .workers = 1 },
				   &wrong[i].spec, 1, &error);
		assert_int_equal(!server, wrong[i].says != NULL);
		if (server)
			server_free(server);
		else if (!strstr(error.text, wrong[i].says))
			fail_msg("'%s' does not say '%s'", error.text, wrong[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(resets),
		cmocka_unit_test(resets_while_stopped),
		cmocka_unit_test(refused),
		cmocka_unit_test(idle),
		cmocka_unit_test(datagrams),
		cmocka_unit_test(wrong_specs),
		cmocka_unit_test(drain), /* the last: nobody listens afterwards */
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
