/*
 * The loop on the host's net: what its owner sees is level-triggered, though the kernel only tells the news.
 * Nothing here sleeps: the loop is turned until what is awaited is there or WAIT_MAX is over.
 */
#include "skip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <packetboat/packetboat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MAX PB_SEC(10)

static struct pb_net *net;
static struct pb_loop *loop;

/* A watch that counts its calls and remembers what it was told; then does what the test wants. */
struct seen {
	struct pb_watch watch;
	int calls, told;
	void (*then)(struct seen *);
	struct seen *other;
	size_t bytes;
	bool end;
};

static void note(struct pb_watch *w, int ready)
{
	struct seen *s = (struct seen *)w;

	s->calls++;
	s->told |= ready;
	if (s->then)
		s->then(s);
}

static int open_world(void **state)
{
	(void)state;
	assert_int_equal(pb_net_host(&net), 0);
	return pb_loop_new(&loop);
}

static int close_world(void **state)
{
	(void)state;
	pb_loop_free(loop);
	pb_net_close(net);
	return 0;
}

static struct pb_socket *listener(struct sockaddr_in *at)
{
	socklen_t len = sizeof *at;
	struct pb_socket *l;

	assert_int_equal(pb_listen_on(net, "tcp4", "127.0.0.1:0", &l), 0);
	assert_int_equal(pb_getsockname(l, (struct sockaddr *)at, &len), 0);
	return l;
}

static struct pb_socket *call(const struct sockaddr_in *at)
{
	struct pb_socket *s;

	assert_int_equal(pb_socket_open(net, AF_INET, SOCK_STREAM, 0, &s), 0);
	assert_int_equal(pb_connect(s, (const struct sockaddr *)at, sizeof *at), -EINPROGRESS);
	return s;
}

static void pair(struct pb_socket **client, struct pb_socket **server)
{
	struct sockaddr_in at;
	struct pb_socket *l = listener(&at);

	*client = call(&at);
	assert_true(pb_wait(l, POLLIN, WAIT_MAX) & POLLIN);
	assert_int_equal(pb_accept(l, server), 0);
	assert_int_equal(pb_wait(*client, POLLOUT, WAIT_MAX), POLLOUT);
	assert_int_equal(pb_close(l), 0);
}

static void watch(struct seen *s, struct pb_socket *socket, int wants)
{
	assert_int_equal(pb_watch_socket(loop, &s->watch, socket, wants, note), 0);
}

static void turn(void)
{
	assert_true(pb_loop_turn(loop, pb_loop_now(loop) + PB_MSEC(50)) >= 0);
}

/* Turn until *value has reached what is awaited. */
#define turn_until(condition)                                                                                \
	do {                                                                                                 \
		turn(); /* read the clock */                                                                 \
		pb_time end_ = pb_loop_now(loop) + WAIT_MAX;                                                 \
		while (!(condition) && pb_loop_now(loop) < end_)                                             \
			turn();                                                                              \
		assert_true(condition);                                                                      \
	} while (0)

static void read_some(struct seen *s)
{
	char buf[10];
	ssize_t n = pb_recv(s->watch.socket, buf, sizeof buf, 0);

	if (n > 0)
		s->bytes += (size_t)n;
	if (n == 0) {
		s->end = true;
		pb_watch_want(&s->watch, 0);
	}
}

/* A read a turn, of ten bytes each, comes to the end of what there is; the last one is short. */
static void short_reads(void **state)
{
	struct pb_socket *c, *s;
	struct seen r = { .then = read_some };
	char data[1005] = { 0 };

	(void)state;
	pair(&c, &s);
	watch(&r, s, POLLIN);
	assert_int_equal(pb_send(c, data, sizeof data, 0), sizeof data);
	turn_until(r.bytes == sizeof data);
	assert_int_equal(pb_send(c, data, 3, 0), 3);
	turn_until(r.bytes == sizeof data + 3);
	assert_false(r.end);
	assert_int_equal(pb_close(c), 0);
	turn_until(r.end);
	pb_watch_close(&r.watch);
}

/* The end comes with the data, before anything was read: all of it is told, then the end. */
static void end_behind_unread_data(void **state)
{
	for (int early = 0; early < 2; early++) {
		struct pb_socket *c, *s;
		struct seen r = { .then = read_some };

		(void)state;
		pair(&c, &s);
		if (early)
			watch(&r, s, POLLIN);
		assert_int_equal(pb_send(c, "fifteen bytes..", 15, 0), 15);
		assert_int_equal(pb_shutdown(c, SHUT_WR), 0);
		if (!early)
			watch(&r, s, POLLIN);
		turn_until(r.end);
		assert_int_equal(r.bytes, 15);
		pb_watch_close(&r.watch);
		pb_close(c);
	}
}

/* A read stops short at urgent data (tcp(7)), though there is more behind it. */
static void urgent_data_hides_nothing(void **state)
{
	struct pb_socket *c, *s;
	struct seen r = { .then = read_some };

	(void)state;
	pair(&c, &s);
	watch(&r, s, 0);
	assert_int_equal(pb_send(c, "abc", 3, 0), 3);
	assert_int_equal(pb_send(c, "!", 1, MSG_OOB), 1);
	assert_int_equal(pb_send(c, "defg", 4, 0), 4);
	turn();
	turn();
	pb_watch_want(&r.watch, POLLIN);
	turn_until(r.bytes == 7);
	pb_watch_close(&r.watch);
	pb_close(c);
}

/* A writer whose data never fill the send buffer still hears its peer. */
static void reads_beside_endless_room(void **state)
{
	struct pb_socket *c, *s;
	struct seen r = { .then = read_some };

	(void)state;
	pair(&c, &s);
	watch(&r, s, POLLIN | POLLOUT);
	turn();
	turn();
	assert_int_equal(pb_send(c, "x", 1, 0), 1);
	r.told = 0;
	turn_until(r.told & POLLIN && r.bytes == 1);
	assert_int_equal(pb_shutdown(c, SHUT_WR), 0);
	turn_until(r.end);
	pb_watch_close(&r.watch);
	pb_close(c);
}

/* Unread data are told every turn, and not while unwanted; no turn is idle then. */
static void told_every_turn(void **state)
{
	struct pb_socket *c, *s;
	struct seen r = { 0 };

	(void)state;
	pair(&c, &s);
	watch(&r, s, POLLIN);
	assert_int_equal(pb_send(c, "x", 1, 0), 1);
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(pb_loop_turn(loop, PB_NEVER), 1);
		assert_int_equal(r.calls, i);
	}
	pb_watch_want(&r.watch, 0);
	turn();
	assert_int_equal(r.calls, 5);
	pb_watch_want(&r.watch, POLLIN);
	turn();
	assert_int_equal(r.calls, 6);
	pb_watch_close(&r.watch);
	pb_close(c);
}

static void wake_other(struct seen *s)
{
	pb_watch_want(&s->other->watch, POLLIN);
	pb_watch_want(&s->watch, 0);
}

static void wanted_by_another(void **state)
{
	struct pb_socket *c, *s;
	struct seen r = { .then = read_some }, waker = { .then = wake_other, .other = &r };

	(void)state;
	pair(&c, &s);
	watch(&r, s, 0);
	assert_int_equal(pb_send(c, "x", 1, 0), 1);
	turn();
	turn();
	assert_int_equal(r.calls, 0);
	watch(&waker, c, POLLOUT);
	turn_until(r.bytes == 1);
	assert_int_equal(waker.calls, 1);
	pb_watch_close(&waker.watch);
	pb_watch_close(&r.watch);
}

static void close_both(struct seen *s)
{
	struct seen *other = s->other;

	pb_watch_close(&other->watch);
	pb_watch_close(&s->watch);
	memset(other, 0xee, sizeof *other); /* as if freed */
	s->calls = 1;
}

/* Both are ready in one turn, and whichever is called first ends both: the other must never be called. */
static void close_each_other(void **state)
{
	struct pb_socket *c, *s;
	struct seen one = { .then = close_both }, two = { .then = close_both, .other = &one };

	(void)state;
	one.other = &two;
	pair(&c, &s);
	watch(&one, c, POLLOUT);
	watch(&two, s, POLLOUT);
	assert_int_equal(pb_loop_turn(loop, pb_loop_now(loop)), 1);
	turn();
	assert_true((one.calls == 1) != (two.calls == 1));
}

static void free_self(struct seen *s)
{
	int *freed = (int *)s->other;

	++*freed;
	pb_watch_close(&s->watch);
	free(s);
}

static void free_own_record(void **state)
{
	struct pb_socket *c, *s;
	struct seen *r = calloc(1, sizeof *r);
	int freed = 0;

	(void)state;
	pair(&c, &s);
	*r = (struct seen){ .then = free_self, .other = (struct seen *)&freed };
	watch(r, s, POLLOUT);
	turn();
	turn();
	assert_int_equal(freed, 1);
	pb_close(c);
}

static void restart(struct seen *s)
{
	struct pb_socket *socket = s->watch.socket;

	pb_watch_stop(&s->watch);
	if (s->calls < 3)
		watch(s, socket, POLLOUT);
}

static void restarted_in_its_callback(void **state)
{
	struct pb_socket *c, *s;
	struct seen r = { .then = restart };

	(void)state;
	pair(&c, &s);
	watch(&r, c, POLLOUT);
	turn_until(r.calls == 3);
	turn();
	assert_int_equal(r.calls, 3);
	pb_watch_stop(&r.watch); /* stopped already: nothing happens */
	pb_close(c);
	pb_close(s);
}

static void reset_is_told_once(void **state)
{
	struct linger reset = { .l_onoff = 1 };
	struct pb_socket *c, *s;
	struct seen r = { 0 };
	char byte;

	(void)state;
	pair(&c, &s);
	watch(&r, s, 0);
	turn();
	assert_int_equal(r.calls, 0);
	assert_int_equal(pb_setsockopt(c, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
	pb_close(c);
	turn_until(r.calls == 1);
	assert_true(r.told & (POLLHUP | POLLERR));
	turn();
	turn();
	assert_int_equal(r.calls, 1);
	assert_int_equal(pb_recv(s, &byte, 1, 0), -ECONNRESET);
	pb_watch_close(&r.watch);
}

static void regular_file(void **state)
{
	struct seen r = { 0 };
	int fd = open("/proc/self/exe", O_RDONLY);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pb_watch_fd(loop, &r.watch, fd, POLLIN, note), 0);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(pb_loop_turn(loop, PB_NEVER), 1);
	assert_int_equal(r.told, POLLIN);
	pb_watch_want(&r.watch, 0);
	turn();
	assert_int_equal(r.calls, 3);
	pb_watch_stop(&r.watch);
	close(fd);
}

static void unwant_other(struct seen *s)
{
	pb_watch_want(&s->other->watch, 0);
	pb_watch_want(&s->watch, 0);
}

/* A hang-up of a plain descriptor is not told once nothing is wanted any more, even in the turn that brings it. */
static void pipe_hang_up(void **state)
{
	int one[2], two[2];
	struct seen r = { .then = unwant_other }, other = { .then = unwant_other, .other = &r };

	(void)state;
	r.other = &other;
	assert_int_equal(pipe(one) | pipe(two), 0);
	assert_int_equal(pb_watch_fd(loop, &r.watch, one[0], POLLIN, note), 0);
	assert_int_equal(pb_watch_fd(loop, &other.watch, two[0], POLLIN, note), 0);
	turn();
	assert_int_equal(r.calls + other.calls, 0);
	close(one[1]);
	close(two[1]);
	turn();
	turn();
	assert_int_equal(r.calls + other.calls, 1);
	pb_watch_want(&r.watch, POLLIN);
	turn_until(r.calls + other.calls == 2);
	pb_watch_stop(&r.watch);
	pb_watch_stop(&other.watch);
	close(one[0]);
	close(two[0]);
}

struct tick {
	struct pb_timer timer;
	int *order, number;
};

static void tick(struct pb_timer *t)
{
	struct tick *k = (struct tick *)t;

	*k->order = *k->order * 10 + k->number;
}

static void timers_in_order(void **state)
{
	struct tick t[4];
	int order = 0;

	(void)state;
	assert_true(pb_loop_turn(loop, 0) >= 0);
	pb_time now = pb_loop_now(loop);
	const pb_time due[] = { PB_MSEC(3), PB_MSEC(1), PB_MSEC(3), -PB_SEC(1) };
	for (int i = 0; i < 4; i++) {
		t[i] = (struct tick){ .timer.fn = tick, .order = &order, .number = i + 1 };
		pb_timer_set(loop, &t[i].timer, now + due[i]);
	}
	turn_until(order >= 4213);
	assert_int_equal(order, 4213);
	assert_true(pb_loop_now(loop) >= now + PB_MSEC(3));
	pb_timer_set(loop, &t[0].timer, now);
	pb_timer_stop(loop, &t[0].timer);
	pb_timer_stop(loop, &t[0].timer);
	turn();
	assert_int_equal(order, 4213);
}

static void turn_without_waiting(void **state)
{
	(void)state;
	assert_int_equal(pb_loop_turn(loop, 0), 0);
	pb_time before = pb_loop_now(loop);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(pb_loop_turn(loop, 0), 0);
	assert_int_equal(pb_loop_turn(loop, before - PB_SEC(1)), 0);
	assert_true(pb_loop_now(loop) - before < PB_SEC(5)); /* generous: the machine may be busy */
	before = pb_loop_now(loop);
	assert_int_equal(pb_loop_turn(loop, before + PB_MSEC(20)), 0);
	assert_true(pb_loop_now(loop) >= before + PB_MSEC(20));
}

static void stop_loop(struct pb_timer *t)
{
	(void)t;
	pb_loop_stop(loop);
}

static void run_until_stopped(void **state)
{
	struct pb_timer t = { .fn = stop_loop };

	(void)state;
	pb_timer_set(loop, &t, pb_loop_now(loop) + PB_MSEC(1));
	assert_int_equal(pb_loop_run(loop), 0);
}

#define MANY 1000

struct crowd {
	struct seen listener;
	struct seen servers[MANY], clients[MANY];
	int accepted;
};

/* One caller a turn, so that all others are only told because they still wait. */
static void take_one(struct seen *l)
{
	struct crowd *crowd = (struct crowd *)l;
	struct seen *s = &crowd->servers[crowd->accepted];
	struct pb_socket *conn;

	if (pb_accept(l->watch.socket, &conn) < 0)
		return;
	crowd->accepted++;
	s->then = read_some;
	watch(s, conn, POLLIN);
}

static int ended(const struct crowd *crowd)
{
	int n = 0;

	for (int i = 0; i < MANY; i++)
		n += crowd->servers[i].end && crowd->servers[i].bytes == 1;
	return n;
}

static void two_thousand_sockets(void **state)
{
	struct crowd *crowd = calloc(1, sizeof *crowd);
	struct rlimit files;
	struct sockaddr_in at;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	if (files.rlim_cur < 2 * MANY + 50) {
		free(crowd);
		SKIP("too few file descriptors are allowed: %lu", (unsigned long)files.rlim_cur);
	}
	crowd->listener.then = take_one;
	watch(&crowd->listener, listener(&at), POLLIN);
	for (int i = 0; i < MANY; i++) {
		watch(&crowd->clients[i], call(&at), 0);
		if (i % 100 == 99)
			turn_until(crowd->accepted == i + 1);
	}
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(pb_send(crowd->clients[i].watch.socket, "x", 1, 0), 1);
		assert_int_equal(pb_shutdown(crowd->clients[i].watch.socket, SHUT_WR), 0);
	}
	turn_until(ended(crowd) == MANY);
	for (int i = 0; i < MANY; i++) {
		pb_watch_close(&crowd->clients[i].watch);
		pb_watch_close(&crowd->servers[i].watch);
	}
	pb_watch_close(&crowd->listener.watch);
	free(crowd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(short_reads),
		TEST(end_behind_unread_data),
		TEST(urgent_data_hides_nothing),
		TEST(reads_beside_endless_room),
		TEST(told_every_turn),
		TEST(wanted_by_another),
		TEST(close_each_other),
		TEST(free_own_record),
		TEST(restarted_in_its_callback),
		TEST(reset_is_told_once),
		TEST(regular_file),
		TEST(pipe_hang_up),
		TEST(timers_in_order),
		TEST(turn_without_waiting),
		TEST(run_until_stopped),
		TEST(two_thousand_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
