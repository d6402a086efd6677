/*
 * A server and its callers in one thread: the server's loop is turned while a caller waits. For tests of services,
 * which see sockets and nothing else of the network.
 */
#ifndef TESTS_SERVICE_SERVING_H
#define TESTS_SERVICE_SERVING_H

#include "service/server.h"

#include <errno.h>
#include <packetboat/packetboat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE PB_SEC(10)

struct serving {
	struct pb_net *net;
	struct pb_loop *loop;
	struct log *log;
	struct server *server;
};

static inline void serving_begin(struct serving *s, const char *const *specs, size_t count)
{
	struct server_error error;

	assert_int_equal(pb_net_host(&s->net), 0);
	assert_int_equal(pb_loop_new(&s->loop), 0);
	s->log = log_new(LOG_NONE, STDERR_FILENO);
	assert_non_null(s->log);
	s->server = server_new(
		&(struct server_config){ .net = s->net, .log = s->log, .workers = 1, .grace = PB_SEC(5) },
		specs, count, &error);
	if (!s->server)
		fail_msg("%s", error.text);
	assert_int_equal(server_start(s->server, s->loop, 0), 0);
}

static inline void serving_end(struct serving *s)
{
	server_stop(s->server);
	server_free(s->server);
	log_free(s->log);
	pb_loop_free(s->loop);
	pb_net_close(s->net);
}

/* Let the server do what there is to do, for a moment. */
static inline void serving_turn(struct serving *s)
{
	assert_true(pb_loop_turn(s->loop, pb_loop_now(s->loop) + PB_MSEC(1)) >= 0);
}

/* The port of the index-th listening socket. */
static inline uint16_t serving_port(const struct serving *s, size_t index)
{
	char text[128];

	assert_true(server_listening(s->server, index, text, sizeof text));
	return (uint16_t)atoi(strrchr(text, ':') + 1);
}

static inline union pb_addr loopback(uint16_t port)
{
	union pb_addr a;

	assert_true(pb_addr_parse(&a, "127.0.0.1"));
	pb_addr_set_port(&a, port);
	return a;
}

/* A socket connected to a port of 127.0.0.1; own: the port to call from, or 0. */
static inline struct pb_socket *serving_call(struct serving *s, int type, uint16_t port, uint16_t own)
{
	union pb_addr to = loopback(port), from = loopback(own);
	struct pb_socket *caller;

	assert_int_equal(pb_socket_open(s->net, AF_INET, type, 0, &caller), 0);
	assert_int_equal(pb_bind(caller, &from.sa, pb_addr_len(&from)), 0);
	int rc = pb_connect(caller, &to.sa, pb_addr_len(&to));
	assert_true(rc == 0 || rc == -EINPROGRESS);
	for (int i = 0; rc && !(pb_ready(caller) & POLLOUT) && i < 5000; i++)
		serving_turn(s);
	return caller;
}

/* As pb_recv(), but waits. -EAGAIN: nothing came for so long. */
static inline ssize_t serving_recv(struct serving *s, struct pb_socket *from, void *buf, size_t len,
				   pb_time patience)
{
	pb_time end = pb_loop_now(s->loop) + patience;
	ssize_t n;

	while ((n = pb_recv(from, buf, len, 0)) == -EAGAIN && pb_loop_now(s->loop) < end)
		serving_turn(s);
	return n;
}

/* All that comes up to the end, at most len bytes; it must end. */
static inline size_t serving_recv_all(struct serving *s, struct pb_socket *from, char *buf, size_t len)
{
	size_t have = 0;
	ssize_t n = 1;

	while (have < len && (n = serving_recv(s, from, buf + have, len - have, PATIENCE)) > 0)
		have += (size_t)n;
	if (n < 0)
		fail_msg("after %zu bytes: %s", have, strerror((int)-n));
	return have;
}

#endif
