/*
 * A TCP that calls itself over a bad wire: what it sends comes back to it late, out of order, twice, or never. Each
 * byte arrives once and in order, both ways at once, and in the end nothing is left.
 */
#include "harness.h"
#include "random.h"

#include "base/checksum.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#define WIRE_MAX 4096
#define CROWD    32

/* A packet under way; cut to single segments, as the edge does. */
struct packet {
	struct pb_buf *b;
	pb_time arrives;
};

/* One end of the connection: it sends bytes of a pattern, and reads the other's. */
struct end {
	struct tcp_conn *c;
	uint32_t pattern;  /* of what it sends */
	size_t sent, read; /* bytes */
	size_t size;       /* to be sent */
	bool shut, at_end;
};

struct world {
	struct harness h;
	struct random random;
	uint64_t seed;
	unsigned loss, duplication, reordering; /* of 1000 */
	pb_time delay;
	struct packet wire[WIRE_MAX];
	size_t under_way;
	struct end caller, called;
	struct tcp_conn *crowd[CROWD]; /* open ones, of both sides; NULL: a place is free */
};

static void check(const struct world *w, bool holds, const char *what)
{
	if (!holds)
		fail_msg("%s (again with PACKETBOAT_SEED=%" PRIu64 ")", what, w->seed);
}

static bool chance(struct world *w, unsigned of_1000)
{
	return random_below(&w->random, 1000) < of_1000;
}

static uint8_t pattern(uint32_t which, size_t at)
{
	return (uint8_t)((at * 2654435761u + which) >> 13);
}

static void put_on_wire(struct world *w, struct pb_buf *b)
{
	pb_time late =
		chance(w, w->reordering) ? (pb_time)random_below(&w->random, (uint64_t)PB_MSEC(40)) : 0;

	if (w->under_way == WIRE_MAX || chance(w, w->loss)) {
		pb_buf_free(b);
		return;
	}
	w->wire[w->under_way++] = (struct packet){ b, env_now(&w->h.env) + w->delay + late };
}

/* A segment in one piece, with its checksum. */
static struct pb_buf *segment(struct world *w, const struct pb_buf *whole, const struct tcp_header *h,
			      uint32_t at, uint32_t len)
{
	struct ip ours = harness_ip("192.0.2.1");
	struct pb_buf *b = pb_buf_new(w->h.env.pool, 0, h->len + len);
	struct tcp_header header = *h;
	struct writer wr;
	uint16_t sum;

	check(w, b != NULL, "no memory");
	header.seq += at;
	header.checksum = 0;
	if (w->seed % 3 == 0) /* somebody on the way takes SACK out */
		header.options.sack_permitted = false;
	if (h->len + at + len < whole->total)
		header.flags &= (uint16_t) ~(TCP_FIN | TCP_PSH);
	wr = (struct writer){ .p = pb_buf_extend(b, h->len), .left = h->len };
	check(w, pb_tcp_write(&header, &wr), "a header cannot be written again");
	pb_buf_copy(whole, h->len + at, pb_buf_extend(b, len), len);
	sum = pb_checksum_finish(
		pb_checksum_add_packet(pb_ip_pseudo(&ours, &ours, IPPROTO_TCP, b->total), b, 0));
	b->data[16] = (uint8_t)(sum >> 8);
	b->data[17] = (uint8_t)sum;
	return b;
}

/* All that TCP has sent is cut, and goes its way. */
static void carry(struct world *w)
{
	struct pb_buf *b;

	while ((b = pb_buf_queue_shift(&w->h.sent))) {
		struct reader r = { .p = b->data, .left = b->len };
		struct tcp_header h;
		check(w, pb_tcp_parse(&h, &r), "a header cannot be read");
		uint32_t text = b->total - h.len, size = b->segment_size ? b->segment_size : text, at = 0;
		check(w, text <= 1460 || b->segment_size, "a long segment says not how to be cut");
		do {
			uint32_t len = text - at < size ? text - at : size;
			put_on_wire(w, segment(w, b, &h, at, len));
			if (chance(w, w->duplication))
				put_on_wire(w, segment(w, b, &h, at, len));
			at += len;
		} while (at < text);
		pb_buf_free(b);
	}
}

static size_t next_arrival(const struct world *w)
{
	size_t first = 0;

	for (size_t i = 1; i < w->under_way; i++)
		if (w->wire[i].arrives < w->wire[first].arrives)
			first = i;
	return first;
}

static void arrive(struct world *w)
{
	size_t i = next_arrival(w);
	struct ip_packet packet = {
		.src = harness_ip("192.0.2.1"),
		.dst = harness_ip("192.0.2.1"),
		.protocol = IPPROTO_TCP,
		.iface = &w->h.iface,
		.buf = w->wire[i].b,
	};

	memmove(&w->wire[i], &w->wire[i + 1], (--w->under_way - i) * sizeof *w->wire);
	pb_tcp_input(w->h.tcp, &packet);
}

/* The next thing that happens: a packet arrives, or a timer goes off. False: nothing will. */
static bool step(struct world *w)
{
	pb_time timer = pb_timers_next(&w->h.env.timers);
	pb_time packet = w->under_way ? w->wire[next_arrival(w)].arrives : PB_NEVER;
	pb_time next = timer < packet ? timer : packet;

	if (next == PB_NEVER)
		return false;
	pb_timers_run(&w->h.env.timers, next);
	while (w->under_way && w->wire[next_arrival(w)].arrives <= next)
		arrive(w);
	pb_tcp_flush(w->h.tcp);
	carry(w);
	return true;
}

static void read_some(struct world *w, struct end *e, const struct end *peer)
{
	uint8_t bytes[8192];
	size_t most = 1 + random_below(&w->random, sizeof bytes);
	ssize_t n = pb_tcp_receive(e->c, &(struct iovec){ bytes, most }, 1, false);

	if (n == 0)
		e->at_end = true;
	if (n < 0 && n != -EAGAIN)
		fail_msg("reading failed with %zd (again with PACKETBOAT_SEED=%" PRIu64 ")", n, w->seed);
	for (ssize_t i = 0; i < n; i++)
		check(w, bytes[i] == pattern(peer->pattern, e->read + (size_t)i), "a wrong byte");
	e->read += n > 0 ? (size_t)n : 0;
}

static void send_some(struct world *w, struct end *e)
{
	uint8_t bytes[8192];
	size_t left = e->size - e->sent, most = 1 + random_below(&w->random, sizeof bytes);
	size_t len = left < most ? left : most;
	ssize_t n;

	if (left == 0) {
		if (!e->shut && pb_tcp_ready(e->c) & POLLOUT &&
		    chance(w, 500)) /* before, it would call off the call */
			e->shut = pb_tcp_shutdown(e->c, SHUT_WR) == 0;
		return;
	}
	for (size_t i = 0; i < len; i++)
		bytes[i] = pattern(e->pattern, e->sent + i);
	n = pb_tcp_send(e->c, &(struct iovec){ bytes, len }, 1, chance(w, 100) ? MSG_MORE : 0);
	if (n < 0)
		check(w, n == -EAGAIN, "sending failed");
	e->sent += n > 0 ? (size_t)n : 0;
}

static void live(struct world *w, struct end *e, const struct end *peer)
{
	if (!e->c)
		return;
	if (!e->at_end && chance(w, 700))
		read_some(w, e, peer);
	if (chance(w, 700))
		send_some(w, e);
	carry(w);
}

static void begin(struct world *w, uint64_t seed, const struct tcp_limits *limits)
{
	*w = (struct world){ .seed = seed, .random.state = seed };
	harness_begin(&w->h, seed, limits);
	w->loss = seed % 4 ? (unsigned)random_below(&w->random, 150) : 0;
	w->duplication = (unsigned)random_below(&w->random, 100);
	w->reordering = (unsigned)random_below(&w->random, 300);
	w->delay = (pb_time)random_magnitude(&w->random, 27); /* up to 0.13 s */
	w->caller = (struct end){ .pattern = 1, .size = random_magnitude(&w->random, 21) };
	w->called = (struct end){ .pattern = 77, .size = random_magnitude(&w->random, 21) };
}

/* Both ends until both have read all; a call that is given up for loss would be an error here. */
static void talk(struct world *w, struct tcp_listener *l)
{
	struct ip to = harness_ip("192.0.2.1");
	struct tcp_settings set = pb_tcp_settings_default;

	set.receive_buffer = 4608 + (uint32_t)random_magnitude(&w->random, 18);
	set.send_buffer = 4608 + (uint32_t)random_magnitude(&w->random, 18);
	l->set.receive_buffer = 4608 + (uint32_t)random_magnitude(&w->random, 18);
	l->set.nodelay = chance(w, 500);
	assert_int_equal(pb_tcp_connect(w->h.tcp, &set, NULL, &to, HARNESS_PORT, w, &w->caller.c), 0);
	carry(w);
	for (int i = 0; i < 200000 && !(w->caller.at_end && w->called.at_end); i++) {
		if (!w->called.c)
			w->called.c = pb_tcp_accept(l, w);
		live(w, &w->caller, &w->called);
		live(w, &w->called, &w->caller);
		pb_tcp_flush(w->h.tcp);
		carry(w);
		step(w);
	}
	check(w, w->caller.at_end && w->called.at_end, "it does not come to its end");
	check(w, w->caller.read == w->called.size && w->called.read == w->caller.size, "bytes are missing");
}

/* All have closed: after all FINs, ACKs and TIME-WAIT nothing is left. */
static void finish(struct world *w, struct tcp_listener *l)
{
	if (l)
		pb_tcp_listener_close(l);
	carry(w);
	for (int i = 0; i < 100000 && step(w); i++)
		;
	check(w, w->h.tcp->pairs.count == 0, "a pair is left");
	check(w, w->h.tcp->orphans == 0, "an orphan is left");
	harness_end(&w->h);
}

static void every_byte_once_and_in_order(void **state)
{
	struct seeds s = seeds_to_try(1000);
	struct world *w = malloc(sizeof *w);
	uint64_t again = 0, ahead = 0, fast = 0, late = 0;

	(void)state;
	for (uint64_t seed = s.first; seed < s.end; seed++) {
		begin(w, seed, NULL);
		struct tcp_listener *l = harness_listen(&w->h, 4);
		talk(w, l);
		pb_tcp_close(w->caller.c, false);
		pb_tcp_close(w->called.c, false);
		finish(w, l);
		again += w->h.env.counters.tcp.RetransSegs;
		ahead += w->h.env.counters.tcp.OfoQueued;
		fast += w->h.env.counters.tcp.FastRetrans;
		late += w->h.env.counters.tcp.Timeouts;
	}
	free(w);
	if (s.end - s.first > 1) /* or the wire was too good */
		assert_true(again > 1000 && ahead > 1000 && fast > 100 && late > 100);
	print_message("# sent again %" PRIu64 ", out of order %" PRIu64 ", fast retransmits %" PRIu64
		      ", time-outs %" PRIu64 "\n",
		      again, ahead, fast, late);
}

/* Somebody who does whatever the calls allow. */
static void misbehave(struct world *w, struct tcp_conn **c)
{
	static uint8_t bytes[20000];
	struct iovec some = { bytes, random_below(&w->random, sizeof bytes) };

	switch (random_below(&w->random, 8)) {
	case 0:
		pb_tcp_shutdown(*c, (int)random_below(&w->random, 3));
		break;
	case 1:
		pb_tcp_close(*c, chance(w, 300));
		*c = NULL;
		break;
	case 2:
		if (chance(w, 300))
			pb_tcp_abort(*c, ECONNABORTED);
		break;
	case 3:
	case 4:
		pb_tcp_receive(*c, &some, 1, chance(w, 100));
		break;
	default:
		pb_tcp_send(*c, &some, 1, chance(w, 100) ? MSG_MORE : 0);
	}
}

/* A free place in the crowd is taken by somebody who calls, or who is called. */
static void join(struct world *w, struct tcp_listener *l, struct tcp_conn **c)
{
	struct ip to = harness_ip("192.0.2.1");
	uint16_t port = chance(w, 50) ? HARNESS_PORT + 1 : HARNESS_PORT; /* nobody listens there */

	if (chance(w, 500))
		*c = l ? pb_tcp_accept(l, w) : NULL;
	else if (pb_tcp_connect(w->h.tcp, &pb_tcp_settings_default, NULL, &to, port, w, c) < 0)
		*c = NULL;
}

static void live_in_crowd(struct world *w, struct tcp_listener **l)
{
	struct tcp_conn **c = &w->crowd[random_below(&w->random, CROWD)];

	if (*c)
		misbehave(w, c);
	else
		join(w, *l, c);
	if (chance(w, 5) && *l) {
		pb_tcp_listener_close(*l);
		*l = NULL;
	} else if (!*l) {
		*l = harness_listen(&w->h, (unsigned)random_below(&w->random, 4));
	}
	carry(w);
}

/*
 * A crowd that connects, talks, hangs up and aborts as it likes, with every limit within its reach: whatever happens,
 * once all have closed and time has passed, nothing is left. (The sanitizers look at the rest.)
 */
static void nothing_is_left(void **state)
{
	const struct tcp_limits tight = {
		.connections_max = 40, .time_waits_max = 4, .syns_max = 2, .orphans_max = 4
	};
	struct seeds s = seeds_to_try(200);
	struct world *w = malloc(sizeof *w);
	struct pb_counters *n = &w->h.env.counters;
	uint64_t cookies = 0, overflows = 0, aborts = 0, reused = 0;

	(void)state;
	for (uint64_t seed = s.first; seed < s.end; seed++) {
		begin(w, seed, &tight);
		struct tcp_listener *l = harness_listen(&w->h, 2);
		for (int i = 0; i < 3000; i++) {
			live_in_crowd(w, &l);
			if (chance(w, 600))
				step(w);
		}
		for (int i = 0; i < CROWD; i++)
			if (w->crowd[i])
				pb_tcp_close(w->crowd[i], false);
		cookies += n->tcp.SyncookiesRecv;
		overflows += n->tcp.ListenOverflows + n->tcp.TimeWaitOverflow;
		aborts += n->tcp.AbortOnMemory + n->tcp.AbortOnClose + n->tcp.AbortOnData;
		reused += n->tcp.TimeWaits;
		finish(w, l);
	}
	free(w);
	if (s.end - s.first > 1) /* or it was a quiet crowd */
		assert_true(cookies > 10 && overflows > 100 && aborts > 100 && reused > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_once_and_in_order),
		cmocka_unit_test(nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
