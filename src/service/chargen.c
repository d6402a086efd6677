/*
 * chargen (RFC 864): lines of 72 characters, each beginning one character later than the one before, for as long as
 * the caller reads. Over UDP one datagram of 0 to 512 bytes for each that comes.
 *
 * After 95 lines the pattern is where it began, so all there is to send is one block of memory, sent round and round.
 */
#include "service/small.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST     ' ' /* of the 95 printing characters of ASCII */
#define CHARS     95
#define LINE      74 /* 72 characters, carriage return, line feed */
#define PERIOD    (CHARS * LINE)
#define PERIODS   16 /* in one call, so that system calls are few */
#define UDP_BYTES 512

struct chargen {
	struct conn conn;
	size_t at; /* in the period: where the next byte is from */
};

struct pattern {
	uint32_t next; /* datagram's size */
	char bytes[(PERIODS + 1) * PERIOD];
};

static bool chargen_configure(struct service *s, struct spec_error *error)
{
	struct pattern *p = malloc(sizeof *p);

	if (!p)
		return spec_fail(error, "out of memory");
	p->next = 1;
	for (size_t i = 0; i < sizeof p->bytes; i++) {
		size_t line = i / LINE, column = i % LINE;
		p->bytes[i] = column == 72   ? '\r'
			      : column == 73 ? '\n'
					     : (char)(FIRST + (line + column) % CHARS);
	}
	s->config = p;
	return true;
}

static void chargen_release(struct service *s)
{
	free(s->config);
}

static void chargen_accepted(struct conn *c)
{
	conn_want(c, POLLIN | POLLOUT);
}

/* What the caller sends is thrown away, as the RFC says. False: the connection is gone. */
static bool drop_input(struct conn *c)
{
	ssize_t n = conn_recv(c, service_scratch(c->service), SCRATCH_SIZE);

	if (n > 0 || n == -EAGAIN)
		return true;
	if (n == 0)
		conn_close(c, "done");
	else
		conn_fail(c, (int)n);
	return false;
}

static void chargen_ready(struct conn *c, int ready)
{
	struct chargen *g = (struct chargen *)c;
	const struct pattern *p = c->service->config;

	if (ready & POLLIN && !drop_input(c))
		return;
	if (!(ready & POLLOUT))
		return;
	ssize_t n = conn_send(c, p->bytes + g->at, PERIODS * PERIOD);
	if (n > 0)
		g->at = (g->at + (size_t)n) % PERIOD;
	else if (n < 0 && n != -EAGAIN)
		conn_fail(c, (int)n);
}

static void chargen_received(struct service *s, const struct datagram *d)
{
	struct pattern *p = s->config;

	p->next = p->next * 1664525 + 1013904223; /* any size will do: "a random number between 0 and 512" */
	if (small_may_answer(d))
		datagram_reply(s, d, p->bytes, (p->next >> 16) % (UDP_BYTES + 1));
}

extern const struct service_kind service_chargen;
const struct service_kind service_chargen = {
	.name = "chargen",
	.summary = "sends a pattern of characters for ever",
	.example = "chargen://127.0.0.1:1919",
	.rfc = "RFC 864",
	.stream = true,
	.datagram = true,
	.configure = chargen_configure,
	.release = chargen_release,
	.conn_size = sizeof(struct chargen),
	.accepted = chargen_accepted,
	.ready = chargen_ready,
	.received = chargen_received,
};
