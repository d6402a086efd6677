#include "simulation.h"

#include "middlebox.h"
#include "signing.h"

#include "base/addr.h"
#include "base/list.h"
#include "base/rng.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TALKS_MAX   8
#define TEXT_MAX    (200 * 1024) /* bytes one side says at most */
#define PIECE_MAX   20000        /* bytes of a send or receive */
#define PORT        7
#define ROLL_MAX    PB_SEC(1)    /* between two steps of changes of keys */
#define VIRTUAL_MAX PB_SEC(7200) /* by then everything has ended, or something never will */

const char *const trouble_name[TROUBLES] = { "1 % loss",           "5 % loss",    "20 % loss",
					     "30 % reordering",    "duplication", "corruption",
					     "everything at once", "a black hole" };

struct simulation;

/* One end of a connection: says its text in pieces, hears the other's, closes. */
struct talker {
	struct simulation *sim;
	struct talker *other; /* NULL: not yet known (the server's end, until it has heard who calls) */
	struct pb_watch watch;
	struct pb_timer start; /* a caller's */
	struct pb_timer nap;   /* a slow reader's, or a pause in speaking */
	struct pb_timer worry; /* of one who has not been asking whether the other is still there */
	bool pauses;
	bool calls;
	uint8_t number; /* a caller's: the first byte of his text */
	uint64_t key;   /* of his text */
	uint64_t to_say, said, heard;
	bool shut, ended, done;
	bool closes_late;           /* waits for the other's end first */
	bool lets_other_close_late; /* a caller's; not both, or they would wait forever */
	struct signing_talk keys;   /* a caller's, and his callee's */
	int error;
};

struct simulation {
	struct pb_loop *loop;
	struct pb_stack *stack[2];
	struct rng rng;
	struct pb_watch listener;
	union pb_addr server;
	struct talker client[TALKS_MAX], callee[TALKS_MAX];
	unsigned talks, accepted, over;
	struct signing signing;
	struct rng signing_rng;
	struct pb_timer roll;
	bool is_whole; /* all that arrives */
	bool no_sack;  /* somebody on the way takes it out of the handshakes */
	bool fast;     /* calls are opened fast, some with the SYN's text taken without a cookie: RFC 7413 */
	bool sleepy;   /* connections sleep after a short silence, and their users are silent now and then */
	struct outcome *out;
};

static void fail(struct simulation *s, const char *what, long detail)
{
	if (s->out->ok)
		snprintf(s->out->why, sizeof s->out->why, "%s (%ld) at %.6f s", what, detail,
			 (double)pb_loop_now(s->loop) / 1e9);
	s->out->ok = false;
}

static void note(struct simulation *s, uint64_t what)
{
	s->out->digest = (s->out->digest ^ what ^ (uint64_t)pb_loop_now(s->loop)) * 0x9e3779b97f4a7c15u;
	s->out->digest ^= s->out->digest >> 29;
}

/* Any byte of a talker's text is known from its place. */
static uint8_t text_at(const struct talker *t, uint64_t at)
{
	uint64_t x = (t->key + at / 8) * 0xbf58476d1ce4e5b9u;

	if (t->calls && at == 0)
		return t->number;
	x ^= x >> 31;
	x *= 0x94d049bb133111ebu;
	return (uint8_t)(x >> (at % 8 * 8));
}

static size_t piece(struct simulation *s)
{
	/* Small ones and large ones alike. */
	uint64_t most = pb_rng_chance(&s->rng, 0.3) ? 100 : PIECE_MAX;

	return 1 + pb_rng_below(&s->rng, most);
}

/*
 * Talking
 * ---------------------------------------------------------------------------------------------------------------
 */

static void finish(struct talker *t)
{
	struct simulation *s = t->sim;

	if (t->done)
		return;
	t->done = true;
	pb_timer_stop(s->loop, &t->nap);
	pb_timer_stop(s->loop, &t->worry);
	pb_watch_close(&t->watch);
	s->over++;
	s->out->errors += t->error != 0;
	s->out->bytes += t->heard;
	note(s, t->heard << 8 ^ (uint64_t)t->error);
}

static void broken(struct talker *t, int error)
{
	t->error = error;
	if (!t->sim->out->error)
		t->sim->out->error = error;
	finish(t);
}

static void on_nap_over(struct pb_timer *timer)
{
	struct talker *t = container_of(timer, struct talker, nap);

	t->pauses = false;
	pb_watch_want(&t->watch, POLLIN | (t->said < t->to_say ? POLLOUT : 0));
}

/* What comes first from a caller is the number of his talk. */
static void learn_caller(struct talker *t, uint8_t number)
{
	struct simulation *s = t->sim;

	if (number >= s->talks || s->client[number].other) {
		fail(s, "a caller's number is wrong", number);
		return;
	}
	t->other = &s->client[number];
	t->other->other = t;
	t->to_say = pb_rng_below(&s->rng, TEXT_MAX);
	t->key = t->other->key ^ 0x5555;
	t->closes_late = t->other->lets_other_close_late;
}

static void check_text(struct talker *t, const uint8_t *text, size_t len)
{
	if (!t->other)
		learn_caller(t, text[0]);
	for (size_t i = 0; i < len && t->sim->out->ok; i++)
		if (text[i] != text_at(t->other, t->heard + i))
			fail(t->sim, "a byte is wrong", (long)(t->heard + i));
	t->heard += len;
	if (t->sim->out->ok && t->heard > t->other->said)
		fail(t->sim, "more came than was sent", (long)t->heard);
}

static bool hear(struct talker *t)
{
	static uint8_t room[PIECE_MAX];
	ssize_t n = pb_recv(t->watch.socket, room, piece(t->sim), 0);

	if (n == -EAGAIN)
		return false;
	if (n < 0) {
		broken(t, (int)-n);
		return false;
	}
	if (n == 0) {
		t->ended = true;
		if (t->other && !t->other->error && t->heard != t->other->said)
			fail(t->sim, "the end came too early", (long)t->heard);
		return false;
	}
	check_text(t, room, (size_t)n);
	return true;
}

/* Any of them; some think better of it halfway. */
static void choose_algorithm(struct talker *t, struct pb_socket *socket)
{
	static const char *const names[] = { "cubic", "reno", "bbr" };
	const char *name = names[pb_rng_below(&t->sim->rng, sizeof names / sizeof *names)];

	if (pb_setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) < 0)
		fail(t->sim, "an algorithm", 0);
}

static bool say(struct talker *t)
{
	static uint8_t room[PIECE_MAX];
	size_t want = piece(t->sim);

	if (want > t->to_say - t->said)
		want = (size_t)(t->to_say - t->said);
	for (size_t i = 0; i < want; i++)
		room[i] = text_at(t, t->said + i);
	ssize_t n = pb_send(t->watch.socket, room, want, 0);
	if (n < 0 && n != -EAGAIN && n != -EINPROGRESS)
		broken(t, (int)-n);
	if (n > 0)
		t->said += (uint64_t)n;
	if (n > 0 && pb_rng_chance(&t->sim->rng, 0.02))
		choose_algorithm(t, t->watch.socket);
	return n > 0;
}

static void close_when_done(struct talker *t)
{
	/* A server must know the caller before it knows what to say. */
	bool said_all = t->said == t->to_say && t->other && (!t->closes_late || t->ended);

	if (said_all && !t->shut) {
		int rc = pb_shutdown(t->watch.socket, SHUT_WR);
		t->shut = true;
		if (rc < 0 && rc != -ENOTCONN)
			fail(t->sim, "shutdown", rc);
	}
	if (t->ended && t->shut)
		finish(t);
}

static void nap(struct talker *t)
{
	struct simulation *s = t->sim;

	pb_timer_set(s->loop, &t->nap, pb_loop_now(s->loop) + (pb_time)pb_rng_below(&s->rng, PB_SEC(2)));
}

static void on_ready(struct pb_watch *w, int ready)
{
	struct talker *t = container_of(w, struct talker, watch);
	struct simulation *s = t->sim;

	if (ready & (POLLIN | POLLERR | POLLHUP))
		for (int i = 0; i < 4 && !t->done && !t->ended && hear(t); i++)
			;
	if (!t->done && t->said < t->to_say && !t->pauses)
		for (int i = 0; i < 4 && !t->done && t->said < t->to_say && say(t); i++)
			;
	if (t->done)
		return;
	close_when_done(t);
	if (t->done)
		return;
	if (s->sleepy && t->said < t->to_say && !t->pauses && pb_rng_chance(&s->rng, 0.5)) {
		t->pauses = true;
		nap(t);
	}
	int wants = (t->ended ? 0 : POLLIN) | (t->said < t->to_say && !t->pauses ? POLLOUT : 0);
	if (!t->ended && pb_rng_chance(&s->rng, 0.02)) {
		wants = 0;
		nap(t);
	}
	pb_watch_want(w, wants);
}

/* A peer that gave up, and whose reset was lost, would never be missed by who only listens. */
static void keep_alive(struct pb_socket *s)
{
	static const int on = 1, idle = 60, interval = 10;

	pb_setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	pb_setsockopt(s, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	pb_setsockopt(s, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
}

static void on_worry(struct pb_timer *timer)
{
	keep_alive(container_of(timer, struct talker, worry)->watch.socket);
}

/* Whoever asks from time to time whether the other is still there has a connection that does not sleep. */
static void ask_at_times(struct talker *t, struct pb_socket *socket)
{
	struct pb_loop *loop = t->sim->loop;

	if (t->sim->sleepy)
		pb_timer_set(loop, &t->worry, pb_loop_now(loop) + PB_SEC(120));
	else
		keep_alive(socket);
}

static void talker_init(struct talker *t, struct simulation *s)
{
	t->sim = s;
	t->nap.fn = on_nap_over;
	t->worry.fn = on_worry;
}

static void on_caller(struct pb_watch *w, int ready)
{
	struct simulation *s = container_of(w, struct simulation, listener);
	struct pb_socket *conn;

	(void)ready;
	while (pb_accept(w->socket, &conn) == 0) {
		if (s->accepted == s->talks) {
			fail(s, "more calls came than were made", s->accepted);
			pb_close(conn);
			return;
		}
		struct talker *t = &s->callee[s->accepted++];
		talker_init(t, s);
		ask_at_times(t, conn);
		choose_algorithm(t, conn);
		if (pb_watch_socket(s->loop, &t->watch, conn, POLLIN, on_ready) < 0)
			fail(s, "watch", 0);
	}
}

/* As connect(2), or with the first words: then their number is what is answered, if they have left. */
static int call_server(struct talker *t, struct pb_socket *socket)
{
	struct simulation *s = t->sim;
	int how = s->fast ? (int)pb_rng_below(&s->rng, 3) : 0, on = 1;
	uint8_t words[100];
	size_t len = t->to_say < sizeof words ? (size_t)t->to_say : sizeof words;

	if (how == 1)
		pb_setsockopt(socket, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on);
	if (how < 2)
		return pb_connect(socket, &s->server.sa, pb_addr_len(&s->server));
	for (size_t i = 0; i < len; i++)
		words[i] = text_at(t, i);
	ssize_t n = pb_sendto(socket, words, len, MSG_FASTOPEN, &s->server.sa, pb_addr_len(&s->server));
	if (n > 0)
		t->said += (uint64_t)n;
	return n < 0 ? (int)n : 0;
}

static void on_start(struct pb_timer *timer)
{
	struct talker *t = container_of(timer, struct talker, start);
	struct simulation *s = t->sim;
	struct pb_socket *socket;
	int rc = pb_socket_open(pb_stack_net(s->stack[0]), AF_INET, SOCK_STREAM, 0, &socket);

	if (rc == 0) {
		ask_at_times(t, socket);
		choose_algorithm(t, socket);
		rc = signing_begin(&s->signing, socket, &s->server);
		if (rc == 0)
			rc = call_server(t, socket);
	}
	if (rc != -EINPROGRESS && !(rc == 0 && s->fast))
		fail(s, "connect", rc);
	else if (pb_watch_socket(s->loop, &t->watch, socket, POLLIN | POLLOUT, on_ready) < 0)
		fail(s, "watch", 0);
}

/* A talk whose two ends are both there: the next step. What one who hangs up meanwhile answers does not matter. */
static void roll_keys(struct simulation *s, struct talker *t)
{
	struct pb_socket *const end[2] = { t->watch.socket, t->other ? t->other->watch.socket : NULL };
	union pb_addr at[2] = { s->server, s->server };

	if (t->done || !t->other || t->other->done)
		return;
	pb_addr_parse(&at[0], "10.0.0.1");
	pb_addr_set_port(&at[1], 0);
	for (int i = 0; i < 2; i++)
		if (s->is_whole && signing_bad(end[i]))
			fail(s, "signatures are wrong", (long)signing_bad(end[i]));
	if (signing_roll(&s->signing, &t->keys, end, at, &s->signing_rng) == 0)
		s->out->key_steps++;
}

static void on_roll(struct pb_timer *timer)
{
	struct simulation *s = container_of(timer, struct simulation, roll);

	for (unsigned i = 0; i < s->talks; i++)
		roll_keys(s, &s->client[i]);
	if (s->over < 2 * s->talks)
		pb_timer_set(s->loop, timer,
			     pb_loop_now(s->loop) + (pb_time)pb_rng_below(&s->signing_rng, ROLL_MAX));
}

static void plan_signing(struct simulation *s, const uint8_t seed[16])
{
	s->signing_rng = pb_rng_derive(seed, "signing");
	s->signing = signing_choose(&s->signing_rng, s->no_sack);
	s->roll.fn = on_roll;
	if (s->signing.kind == SIGNING_AO)
		pb_timer_set(s->loop, &s->roll, 0);
}

/*
 * The world
 * -------------------------------------------------------------------------------------------------------------
 */

static struct pb_impairment impairment(struct simulation *s, enum trouble trouble)
{
	bool all = trouble == EVERYTHING;
	struct pb_impairment i = { .delay = (pb_time)pb_rng_below(&s->rng, PB_MSEC(60)) };

	if (pb_rng_chance(&s->rng, 0.5))
		i.jitter = (pb_time)pb_rng_below(&s->rng, PB_MSEC(5));
	if (pb_rng_chance(&s->rng, 0.5))
		i.rate = 1000000 + pb_rng_below(&s->rng, 1000000000);
	i.loss = trouble == LOSS_1 ? 0.01 : trouble == LOSS_5 || all ? 0.05 : trouble == LOSS_20 ? 0.2 : 0;
	i.reordering = trouble == REORDERING || all ? 0.3 : 0;
	i.reorder_delay = (pb_time)pb_rng_below(&s->rng, PB_MSEC(20));
	i.duplication = trouble == DUPLICATION || all ? 0.1 : 0;
	i.mtu = trouble == BLACK_HOLE ? 552 + (uint32_t)pb_rng_below(&s->rng, 1500) : 0;
	i.corruption = trouble == CORRUPTION || all ? 0.05 : 0;
	if (pb_rng_chance(&s->rng, 0.5))
		i.mark_above = 1 + (size_t)pb_rng_below(&s->rng, 100000);
	if (pb_rng_chance(&s->rng, 0.25))
		i.marking = (double)pb_rng_below(&s->rng, 100) / 100;
	return i;
}

/* What each stack thinks of ECN. */
static enum pb_ecn random_ecn(struct simulation *s)
{
	static const enum pb_ecn all[] = { PB_ECN_WHEN_ASKED, PB_ECN_OFF, PB_ECN_ASK, PB_ECN_ACCURATE,
					   PB_ECN_ACCURATE };

	return all[pb_rng_below(&s->rng, sizeof all / sizeof *all)];
}

static uint32_t random_mtu(struct simulation *s)
{
	static const uint32_t mtus[] = { 576, 1280, 1500, 1500, 1500, 9000, 65535 };

	return mtus[pb_rng_below(&s->rng, sizeof mtus / sizeof *mtus)];
}

/* A stack at one end of the wire: what it receives has suffered, and is written down. */
static int make_stack(struct simulation *s, int which, struct pb_device *end, const struct pb_impairment *bad,
		      const uint8_t seed[16], struct pb_capture *capture)
{
	struct pb_stack_options options = { .memory_max = 64 << 20,
					    .idle_after = s->sleepy ? PB_MSEC(50) : 0,
					    .ecn = random_ecn(s) };
	const char *name = which ? "server" : "client";
	union pb_addr addr;
	struct pb_device *device;

	memcpy(options.seed, seed, 16);
	options.seed[15] ^= (uint8_t)(1 + which);
	pb_addr_parse(&addr, which ? "10.0.0.2" : "10.0.0.1");
	int rc = pb_device_impair(end, bad, seed, name, &device);
	if (rc == 0 && s->no_sack)
		rc = middlebox_new(device, &device);
	if (rc == 0 && capture)
		rc = pb_device_capture(device, capture, name, &device);
	if (rc == 0)
		rc = pb_stack_new(&options, &s->stack[which]);
	int index = rc < 0 ? rc : pb_stack_attach(s->stack[which], device, "wire");
	if (index >= 0)
		rc = pb_stack_add_address(s->stack[which], (unsigned)index, &addr.sa, 24, PB_USE_AT_ONCE);
	return index < 0 ? index : rc < 0 ? rc : pb_loop_add_net(s->loop, pb_stack_net(s->stack[which]));
}

static int make_world(struct simulation *s, enum trouble trouble, const uint8_t seed[16],
		      struct pb_capture *capture)
{
	struct pb_device *end[2];
	int rc = pb_loop_new_virtual(0, &s->loop);

	s->no_sack = pb_rng_chance(&s->rng, 0.25);
	s->fast = pb_rng_chance(&s->rng, 0.5);
	if (rc == 0)
		rc = pb_device_pair(random_mtu(s), true, 4096, end);
	for (int i = 0; i < 2 && rc == 0; i++) {
		struct pb_impairment bad = impairment(s, trouble);
		rc = make_stack(s, i, end[i], &bad, seed, capture);
	}
	return rc;
}

static int take_fast_calls(struct simulation *s, struct pb_socket *l)
{
	int most = 1 + (int)pb_rng_below(&s->rng, TALKS_MAX), without_cookie = pb_rng_chance(&s->rng, 0.25);
	int rc = pb_setsockopt(l, IPPROTO_TCP, TCP_FASTOPEN, &most, sizeof most);

	return rc < 0 ? rc
		      : pb_setsockopt(l, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &without_cookie,
				      sizeof without_cookie);
}

static int open_server(struct simulation *s)
{
	struct pb_socket *l;

	pb_addr_parse(&s->server, "10.0.0.2");
	pb_addr_set_port(&s->server, PORT);
	int rc = pb_socket_open(pb_stack_net(s->stack[1]), AF_INET, SOCK_STREAM, 0, &l);
	union pb_addr caller;
	pb_addr_parse(&caller, "10.0.0.1");
	if (rc == 0)
		rc = signing_begin(&s->signing, l, &caller);
	if (rc == 0)
		rc = pb_bind(l, &s->server.sa, pb_addr_len(&s->server));
	if (rc == 0)
		rc = pb_listen(l, TALKS_MAX);
	if (rc == 0 && s->fast)
		rc = take_fast_calls(s, l);
	return rc < 0 ? rc : pb_watch_socket(s->loop, &s->listener, l, POLLIN, on_caller);
}

static void plan_callers(struct simulation *s)
{
	for (unsigned i = 0; i < s->talks; i++) {
		struct talker *t = &s->client[i];
		t->calls = true;
		t->number = (uint8_t)i;
		talker_init(t, s);
		t->key = pb_rng_next(&s->rng);
		t->to_say = 1 + pb_rng_below(&s->rng, TEXT_MAX);
		t->closes_late = pb_rng_chance(&s->rng, 0.4);
		t->lets_other_close_late = !t->closes_late && pb_rng_chance(&s->rng, 0.5);
		t->start.fn = on_start;
		pb_timer_set(s->loop, &t->start, (pb_time)pb_rng_below(&s->rng, PB_SEC(3)));
	}
}

/* Both ends of every talk are over; a caller who failed before he was heard has no other end. */
static bool all_over(const struct simulation *s)
{
	for (unsigned i = 0; i < s->talks; i++)
		if (!s->client[i].done)
			return false;
	return s->over == s->talks + s->accepted;
}

static void count_entry(const struct pb_stack_entry *e, void *context)
{
	(void)e;
	++*(size_t *)context;
}

static size_t memory(const struct simulation *s)
{
	return pb_pool_bytes(pb_stack_pool(s->stack[0])) + pb_pool_bytes(pb_stack_pool(s->stack[1]));
}

/*
 * Until nothing is left: neither connections nor TIME-WAIT behind them, nor memory, of which the wire may
 * hold some.
 */
static void wait_for_silence(struct simulation *s)
{
	size_t entries = 1;

	while ((entries || memory(s)) && s->out->ok && pb_loop_now(s->loop) < VIRTUAL_MAX) {
		int rc = pb_loop_turn(s->loop, pb_loop_now(s->loop) + PB_SEC(10));
		if (rc < 0)
			fail(s, "the loop", rc);
		entries = 0;
		for (int i = 0; i < 2; i++)
			pb_stack_each(s->stack[i], count_entry, &entries);
	}
	if (entries)
		fail(s, "connections do not end", (long)entries);
	if (memory(s))
		fail(s, "memory is kept", (long)memory(s));
}

static void play(struct simulation *s)
{
	while (s->out->ok && !all_over(s) && pb_loop_now(s->loop) < VIRTUAL_MAX) {
		int rc = pb_loop_turn(s->loop, VIRTUAL_MAX);
		if (rc < 0)
			fail(s, "the loop", rc);
	}
	if (!all_over(s))
		fail(s, "talks do not end", s->over);
	s->out->took = pb_loop_now(s->loop);
	pb_watch_close(&s->listener);
	wait_for_silence(s);
}

static void add_counters(struct pb_counters *sum, const struct pb_counters *more)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)more;

	for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
		to[i] += from[i];
}

static void take_down(struct simulation *s)
{
	for (unsigned i = 0; i < TALKS_MAX; i++) {
		pb_timer_stop(s->loop, &s->client[i].start);
		finish(&s->client[i]);
		finish(&s->callee[i]);
	}
	pb_timer_stop(s->loop, &s->roll);
	pb_watch_close(&s->listener);
	pb_loop_free(s->loop);
	for (int i = 0; i < 2; i++)
		if (s->stack[i]) {
			add_counters(&s->out->counters, pb_stack_counters(s->stack[i]));
			pb_net_close(pb_stack_net(s->stack[i]));
		}
}

/* Nobody tells of marks that were not made. */
static void check_marks(struct outcome *out)
{
	if (!out->ok || out->counters.ip.InCEPkts || !out->counters.tcp.DeliveredCE)
		return;
	snprintf(out->why, sizeof out->why, "marks were told of, and none made");
	out->ok = false;
}

struct outcome simulate(uint64_t seed, enum trouble trouble, const char *path)
{
	struct outcome out = { .ok = true };
	struct simulation *s = calloc(1, sizeof *s);
	struct pb_capture *capture = NULL;
	uint8_t bytes[16] = { 0 };

	if (!s || (path && pb_capture_open(path, 0, &capture) < 0))
		abort();
	memcpy(bytes, &seed, sizeof seed);
	bytes[8] = (uint8_t)trouble;
	s->out = &out;
	s->rng = pb_rng_derive(bytes, "simulation");
	s->sleepy = seed % 2;
	s->is_whole = trouble != CORRUPTION && trouble != EVERYTHING;
	s->talks = out.talks = 1 + (unsigned)pb_rng_below(&s->rng, TALKS_MAX);
	for (unsigned i = 0; i < TALKS_MAX; i++)
		s->client[i].sim = s->callee[i].sim = s;
	int rc = make_world(s, trouble, bytes, capture);
	if (rc == 0) {
		plan_signing(s, bytes);
		rc = open_server(s);
	}
	if (rc < 0) {
		fail(s, "cannot begin", rc);
	} else {
		plan_callers(s);
		play(s);
	}
	take_down(s);
	s->out->signs = s->signing.kind != SIGNING_NONE;
	check_marks(&out);
	if (capture)
		pb_capture_close(capture);
	free(s);
	return out;
}
