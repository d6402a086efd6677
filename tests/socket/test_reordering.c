/*
 * A bulk transfer over a path of 50 ms and 100 Mbit/s that holds three of ten packets back by 10 ms, in virtual time:
 * what is late is not lost, neither for who sends nor for who receives. Whatever is sent again fills a gap that the
 * path has made.
 */
#include "base/addr.h"
#include "base/list.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <packetboat/packetboat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define PORT   9
#define MTU    1500
#define RATE   100000000 /* bits a second */
#define BDP    (RATE / 8 / 20)
#define CABLE  65536 /* packets */
#define MEMORY (256 << 20)

struct transfer {
	struct pb_loop *loop;
	struct pb_stack *sender, *receiver;
	struct pb_device *path; /* the receiver's end, which the path leads to */
	struct pb_watch listener, from, to;
	uint64_t arrived;
};

static void on_room(struct pb_watch *w, int ready)
{
	static const uint8_t text[65536];

	(void)ready;
	while (pb_send(w->socket, text, sizeof text, 0) > 0)
		;
}

static void on_text(struct pb_watch *w, int ready)
{
	struct transfer *t = container_of(w, struct transfer, to);
	static uint8_t room[65536];
	ssize_t n;

	(void)ready;
	while ((n = pb_recv(w->socket, room, sizeof room, 0)) > 0)
		t->arrived += (uint64_t)n;
}

static void on_caller(struct pb_watch *w, int ready)
{
	struct transfer *t = container_of(w, struct transfer, listener);
	struct pb_socket *conn;

	(void)ready;
	assert_int_equal(pb_accept(w->socket, &conn), 0);
	assert_int_equal(pb_watch_socket(t->loop, &t->to, conn, POLLIN, on_text), 0);
}

static union pb_addr address(const char *text)
{
	union pb_addr a;

	assert_true(pb_addr_parse(&a, text));
	pb_addr_set_port(&a, PORT);
	return a;
}

static struct pb_stack *host(struct transfer *t, const char *text, struct pb_device *device)
{
	struct pb_stack_options options = { .memory_max = MEMORY, .seed = { (uint8_t)text[7] } };
	union pb_addr addr = address(text);
	struct pb_stack *stack;

	assert_int_equal(pb_stack_new(&options, &stack), 0);
	assert_int_equal(pb_stack_attach(stack, device, "wire"), 2);
	assert_int_equal(pb_stack_add_address(stack, 2, &addr.sa, 24, PB_USE_AT_ONCE), 0);
	assert_int_equal(pb_loop_add_net(t->loop, pb_stack_net(stack)), 0);
	return stack;
}

static void call(struct transfer *t, const char *algorithm)
{
	union pb_addr server = address("10.0.0.2");
	struct pb_socket *s;

	assert_int_equal(pb_socket_open(pb_stack_net(t->receiver), AF_INET, SOCK_STREAM, 0, &s), 0);
	assert_int_equal(pb_bind(s, &server.sa, pb_addr_len(&server)), 0);
	assert_int_equal(pb_listen(s, 1), 0);
	assert_int_equal(pb_watch_socket(t->loop, &t->listener, s, POLLIN, on_caller), 0);
	assert_int_equal(pb_socket_open(pb_stack_net(t->sender), AF_INET, SOCK_STREAM, 0, &s), 0);
	assert_int_equal(pb_setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, algorithm, strlen(algorithm)), 0);
	assert_int_equal(pb_connect(s, &server.sa, pb_addr_len(&server)), -EINPROGRESS);
	assert_int_equal(pb_watch_socket(t->loop, &t->from, s, POLLOUT, on_room), 0);
}

static void begin(struct transfer *t, size_t queue, const char *algorithm)
{
	const struct pb_impairment back = { .delay = PB_MSEC(25) };
	const struct pb_impairment there = {
		.delay = PB_MSEC(25),
		.rate = RATE,
		.queue = queue,
		.reordering = 0.3,
		.reorder_delay = PB_MSEC(10),
	};
	const uint8_t seed[16] = { 1 };
	struct pb_device *end[2], *home;

	*t = (struct transfer){ 0 };
	assert_int_equal(pb_loop_new_virtual(0, &t->loop), 0);
	assert_int_equal(pb_device_pair(MTU, true, CABLE, end), 0);
	assert_int_equal(pb_device_impair(end[0], &back, seed, "back", &home), 0);
	assert_int_equal(pb_device_impair(end[1], &there, seed, "there", &t->path), 0);
	t->sender = host(t, "10.0.0.1", home);
	t->receiver = host(t, "10.0.0.2", t->path);
	call(t, algorithm);
}

static void run_until(struct transfer *t, pb_time then)
{
	while (pb_loop_now(t->loop) < then)
		assert_int_equal(pb_loop_turn(t->loop, then) < 0, 0);
}

static void end(struct transfer *t)
{
	pb_watch_close(&t->listener);
	pb_watch_close(&t->from);
	pb_watch_close(&t->to);
	pb_loop_free(t->loop);
	pb_net_close(pb_stack_net(t->sender));
	pb_net_close(pb_stack_net(t->receiver));
}

static uint64_t sent_again(const struct transfer *t)
{
	return pb_stack_counters(t->sender)->tcp.RetransSegs;
}

static const char *const algorithms[] = { "cubic", "reno", "bbr" };

/* A queue that holds all: RACK knows after a few round trips how late packets may be. */
static void nothing_is_lost(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
		struct transfer t;
		begin(&t, MEMORY, algorithms[i]);
		run_until(&t, PB_SEC(1));
		uint64_t before = sent_again(&t), arrived = t.arrived;
		run_until(&t, PB_SEC(11));
		assert_int_equal(t.path->receive_drops, 0);
		assert_int_equal(sent_again(&t) - before, 0);
		assert_in_range((t.arrived - arrived) * 100 / (10 * RATE / 8), 90, 100);
		end(&t);
	}
}

/* A queue that overflows. Each gap is filled, once, and nothing is dropped by who receives. */
static void only_what_the_queue_drops(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
		struct transfer t;
		begin(&t, BDP, algorithms[i]);
		run_until(&t, PB_SEC(1));
		uint64_t before = sent_again(&t), dropped = t.path->receive_drops, arrived = t.arrived;
		run_until(&t, PB_SEC(31));
		uint64_t lost = t.path->receive_drops - dropped;
		assert_int_equal(pb_stack_counters(t.receiver)->tcp.PAWSEstab, 0);
		assert_in_range(sent_again(&t) - before, 0, lost + lost / 10 + 10);
		assert_in_range((t.arrived - arrived) * 100 / (30 * (RATE / 8)), 90, 100);
		end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost),
		cmocka_unit_test(only_what_the_queue_drops),
	};

	return cmocka_run_group_tests_name("reordering", tests, NULL, NULL);
}
