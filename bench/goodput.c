/*
 * Goodput of our TCP over a path of 50 ms and 100 Mbit/s that loses or reorders, in virtual time: what arrives in 60 s
 * of one bulk transfer, over what the path could carry. The way back is only long. Everything follows from a seed.
 *
 *     goodput [SEED]
 */
#include "base/addr.h"
#include "base/list.h"

#include <packetboat/packetboat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT     9
#define RATE     100000000 /* bits a second */
#define ONE_WAY  PB_MSEC(25)
#define DURATION PB_SEC(60)
#define QUEUE    (RATE / 8 / 20) /* one round trip's worth */
#define MTU      1500

static const struct {
	const char *name;
	double loss, reordering;
} paths[] = {
	{"clean",            0,    0  },
        { "1 % loss",        0.01, 0  },
        { "5 % loss",        0.05, 0  },
	{ "20 % loss",       0.2,  0  },
        { "30 % reordering", 0,    0.3},
};

struct run {
	struct pb_loop *loop;
	struct pb_stack *stack[2];
	struct pb_watch listener, from, to;
	uint64_t arrived;
};

static void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "goodput: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static void on_room(struct pb_watch *w, int ready)
{
	static const uint8_t text[65536];

	(void)ready;
	while (pb_send(w->socket, text, sizeof text, 0) > 0)
		;
}

static void on_text(struct pb_watch *w, int ready)
{
	struct run *r = container_of(w, struct run, to);
	static uint8_t room[65536];
	ssize_t n;

	(void)ready;
	while ((n = pb_recv(w->socket, room, sizeof room, 0)) > 0)
		r->arrived += (uint64_t)n;
}

static void on_caller(struct pb_watch *w, int ready)
{
	struct run *r = container_of(w, struct run, listener);
	struct pb_socket *conn;

	(void)ready;
	if (pb_accept(w->socket, &conn) == 0)
		must(pb_watch_socket(r->loop, &r->to, conn, POLLIN, on_text), "watch");
}

/* What a stack receives has come over the wire, which is as bad as in says. */
static void add_stack(struct run *r, int which, struct pb_device *end, const struct pb_impairment *in,
		      const uint8_t seed[16])
{
	struct pb_stack_options options = { .memory_max = 64 << 20 };
	union pb_addr addr;
	struct pb_device *device;
	int index;

	memcpy(options.seed, seed, 16);
	options.seed[15] ^= (uint8_t)(1 + which);
	pb_addr_parse(&addr, which ? "10.0.0.2" : "10.0.0.1");
	must(pb_device_impair(end, in, seed, which ? "there" : "back", &device), "impair");
	must(pb_stack_new(&options, &r->stack[which]), "stack");
	must(index = pb_stack_attach(r->stack[which], device, "wire"), "attach");
	must(pb_stack_add_address(r->stack[which], (unsigned)index, &addr.sa, 24, PB_USE_AT_ONCE), "address");
	must(pb_loop_add_net(r->loop, pb_stack_net(r->stack[which])), "net");
}

static void call(struct run *r)
{
	struct pb_socket *s;
	union pb_addr server;

	pb_addr_parse(&server, "10.0.0.2");
	pb_addr_set_port(&server, PORT);
	must(pb_socket_open(pb_stack_net(r->stack[1]), AF_INET, SOCK_STREAM, 0, &s), "socket");
	must(pb_bind(s, &server.sa, pb_addr_len(&server)), "bind");
	must(pb_listen(s, 1), "listen");
	must(pb_watch_socket(r->loop, &r->listener, s, POLLIN, on_caller), "watch");
	must(pb_socket_open(pb_stack_net(r->stack[0]), AF_INET, SOCK_STREAM, 0, &s), "socket");
	int rc = pb_connect(s, &server.sa, pb_addr_len(&server));
	must(rc == -EINPROGRESS ? 0 : rc, "connect");
	must(pb_watch_socket(r->loop, &r->from, s, POLLOUT, on_room), "watch");
}

static void transfer(size_t path, const uint8_t seed[16])
{
	struct pb_impairment back = { .delay = ONE_WAY };
	struct pb_impairment there = {
		.delay = ONE_WAY,
		.rate = RATE,
		.queue = QUEUE,
		.loss = paths[path].loss,
		.reordering = paths[path].reordering,
		.reorder_delay = PB_MSEC(10),
	};
	struct run r = { 0 };
	struct pb_device *end[2];

	must(pb_loop_new_virtual(0, &r.loop), "loop");
	must(pb_device_pair(MTU, true, 65536, end), "pair");
	add_stack(&r, 0, end[0], &back, seed);
	add_stack(&r, 1, end[1], &there, seed);
	call(&r);
	while (pb_loop_now(r.loop) < DURATION)
		must(pb_loop_turn(r.loop, DURATION), "turn");
	const struct pb_counters *n = pb_stack_counters(r.stack[0]);
	printf("%-16s %8.2f Mbit/s %6.1f %% of the path %6.2f %% sent again %6llu recoveries %5llu "
	       "time-outs\n",
	       paths[path].name, (double)r.arrived * 8 / 1e6 / ((double)DURATION / 1e9),
	       (double)r.arrived * 800 / RATE / ((double)DURATION / 1e9),
	       100.0 * (double)n->tcp.RetransSegs / (double)n->tcp.OutSegs,
	       (unsigned long long)n->tcp.FastRetrans, (unsigned long long)n->tcp.Timeouts);
	pb_watch_close(&r.listener);
	pb_watch_close(&r.from);
	pb_watch_close(&r.to);
	pb_loop_free(r.loop);
	for (int i = 0; i < 2; i++)
		pb_net_close(pb_stack_net(r.stack[i]));
}

int main(int argc, char **argv)
{
	uint64_t number = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	uint8_t seed[16] = { 0 };

	memcpy(seed, &number, sizeof number);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		transfer(i, seed);
	return 0;
}
