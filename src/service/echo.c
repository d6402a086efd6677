/*
 * echo (RFC 862): what comes is sent back, until the caller closes.
 *
 * Bytes go from the scratch buffer straight back into the socket. What it does not take is kept, and nothing more is
 * read until that is gone: a caller that sends without reading stops himself.
 */
#include "service/small.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* So much is read at a time: what a full socket makes us keep is no more than this. */
#define READ_SIZE (64 * 1024)

struct echo {
	struct conn conn;
	uint8_t *kept; /* NULL: nothing waits to be sent */
	size_t len, sent;
	bool draining; /* what is here is still sent back */
};

/* Keep what the socket did not take. */
static void keep(struct echo *e, const uint8_t *bytes, size_t len)
{
	e->kept = malloc(len);
	if (!e->kept) {
		conn_reset(&e->conn, "out of memory");
		return;
	}
	memcpy(e->kept, bytes, len);
	e->len = len;
	e->sent = 0;
	conn_want(&e->conn, POLLOUT);
}

/* Whether all of it is gone, and the connection is still there. */
static bool send_kept(struct echo *e)
{
	ssize_t n = conn_send(&e->conn, e->kept + e->sent, e->len - e->sent);

	if (n == -EAGAIN)
		return false;
	if (n < 0) {
		conn_fail(&e->conn, (int)n);
		return false;
	}
	e->sent += (size_t)n;
	if (e->sent < e->len)
		return false;
	free(e->kept);
	e->kept = NULL;
	conn_want(&e->conn, POLLIN);
	return true;
}

static void echo_ready(struct conn *c, int ready)
{
	struct echo *e = (struct echo *)c;
	uint8_t *buffer = service_scratch(c->service);

	(void)ready;
	if (e->kept && !send_kept(e))
		return;
	ssize_t n = conn_recv(c, buffer, READ_SIZE);
	if (n == -EAGAIN) {
		if (e->draining)
			conn_linger(c, "server stopped");
		return;
	}
	if (n == 0) {
		conn_close(c, "done");
		return;
	}
	ssize_t sent = n < 0 ? n : conn_send(c, buffer, (size_t)n);
	if (sent == -EAGAIN)
		sent = 0;
	if (sent < 0)
		conn_fail(c, (int)sent);
	else if (sent < n)
		keep(e, buffer + sent, (size_t)(n - sent));
	else if (e->draining && n < READ_SIZE)
		conn_linger(c, "server stopped"); /* that was all that had arrived */
}

static void echo_drain(struct conn *c)
{
	((struct echo *)c)->draining = true;
	echo_ready(c, POLLIN);
}

static void echo_closed(struct conn *c)
{
	free(((struct echo *)c)->kept);
}

static void echo_received(struct service *s, const struct datagram *d)
{
	if (small_may_answer(d))
		datagram_reply(s, d, d->data, d->len);
}

extern const struct service_kind service_echo;
const struct service_kind service_echo = {
	.name = "echo",
	.summary = "sends back what it receives",
	.example = "echo://:7007",
	.rfc = "RFC 862",
	.stream = true,
	.datagram = true,
	.conn_size = sizeof(struct echo),
	.ready = echo_ready,
	.drain = echo_drain,
	.closed = echo_closed,
	.received = echo_received,
};
