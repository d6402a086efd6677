/*
 * The scoreboard against a model that knows of every sequence number what became of it: whatever is marked, lost and
 * acknowledged, both say the same, and the board tells each part of what it changes, once and in order.
 */
#include "random.h"
#include "transport/tcp/scoreboard.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define STREAM 3000
#define STEPS  400

struct byte {
	enum range_state state;
	pb_time sent;
};

struct model {
	struct scoreboard board;
	struct random random;
	uint64_t seed;
	seq base;     /* of the stream's first byte */
	uint32_t una; /* as an offset, as all that follow */
	pb_time now;
	struct byte bytes[STREAM];
	uint32_t told; /* how far the visitor has got */
};

static void check(const struct model *m, bool holds, const char *what)
{
	if (!holds)
		fail_msg("%s (again with PACKETBOAT_SEED=%" PRIu64 ")", what, m->seed);
}

static bool same(const struct byte *a, const struct byte *b)
{
	if (a->state == RANGE_LOST && b->state == RANGE_LOST)
		return !a->sent == !b->sent;
	return a->state == b->state && (a->state != RANGE_RESENT || a->sent == b->sent);
}

static seq place(const struct model *m, uint32_t offset)
{
	return seq_add(m->base, offset);
}

static void visit(void *context, const struct board_range *was)
{
	struct model *m = context;
	struct byte told = { was->state, was->sent };

	check(m, was->start.v - m->base.v == m->told, "a part is left out, or comes twice");
	check(m, seq_lt(was->start, was->end), "an empty part");
	for (; m->told < was->end.v - m->base.v; m->told++)
		check(m, same(&told, &m->bytes[m->told]), "it was not so");
}

static void some_range(struct model *m, uint32_t *start, uint32_t *end)
{
	uint32_t len = 1 + (uint32_t)random_magnitude(&m->random, 9);

	*start = m->una + (uint32_t)random_below(&m->random, STREAM - m->una);
	*end = *start + len < STREAM ? *start + len : STREAM;
}

static void set(struct model *m, uint32_t start, uint32_t end, enum range_state state)
{
	for (uint32_t i = start; i < end; i++)
		m->bytes[i] = (struct byte){ state, state == RANGE_SACKED ? 0 : m->now };
}

static void mark(struct model *m)
{
	enum range_state state = (enum range_state)random_below(&m->random, RANGE_STATES);
	uint32_t start, end;

	some_range(m, &start, &end);
	m->told = start;
	check(m,
	      pb_board_mark(&m->board,
			    (struct board_range){ place(m, start), place(m, end), state,
						  state == RANGE_SACKED ? 0 : m->now },
			    10000, visit, m),
	      "there is room");
	check(m, m->told == end, "not all was told");
	set(m, start, end, state);
}

static void lose(struct model *m)
{
	uint32_t start, end;

	some_range(m, &start, &end);
	check(m, pb_board_lose(&m->board, place(m, start), place(m, end)), "there is room");
	for (uint32_t i = start; i < end; i++)
		if (m->bytes[i].state == RANGE_QUIET)
			m->bytes[i] = (struct byte){ RANGE_LOST, 0 };
}

static void acknowledge(struct model *m)
{
	uint32_t ack = m->una + (uint32_t)random_magnitude(&m->random, 8);

	if (ack > STREAM - 1)
		ack = STREAM - 1;
	m->told = m->una;
	pb_board_acked(&m->board, place(m, m->una), place(m, ack), visit, m);
	check(m, m->told == ack, "not all was told");
	set(m, m->una, ack, RANGE_QUIET);
	m->una = ack;
}

static void unlose(struct model *m)
{
	pb_board_unlose(&m->board, place(m, m->una));
	for (uint32_t i = 0; i < STREAM; i++)
		if (m->bytes[i].state == RANGE_LOST && !m->bytes[i].sent)
			m->bytes[i].state = RANGE_QUIET;
}

/* Too many ranges: refused, and nothing is changed. */
static void refuse(struct model *m)
{
	uint32_t start, end, most = m->board.count;

	some_range(m, &start, &end);
	check(m,
	      !pb_board_mark(&m->board, (struct board_range){ place(m, start), place(m, end), RANGE_LOST, 0 },
			     most, visit, m),
	      "more than there may be");
}

static void change(struct model *m)
{
	uint64_t what = random_below(&m->random, 100);

	m->now++;
	if (what < 60)
		mark(m);
	else if (what < 75)
		lose(m);
	else if (what < 90)
		acknowledge(m);
	else if (what < 95)
		refuse(m);
	else if (what < 98)
		unlose(m);
	else {
		pb_board_clear(&m->board);
		set(m, 0, STREAM, RANGE_QUIET);
	}
}

static uint32_t run_end(const struct model *m, uint32_t start)
{
	uint32_t end = start + 1;

	while (end < STREAM && same(&m->bytes[start], &m->bytes[end]))
		end++;
	return end;
}

/* Range by range, the board and the model are the same, and no two ranges could be one. */
static void compare(const struct model *m)
{
	uint32_t ranges = 0, at = m->una, first_lost = STREAM, sums[RANGE_STATES + 1] = { 0 };
	struct board_range r;
	pb_time oldest = PB_NEVER;

	while (at < STREAM) {
		uint32_t end = run_end(m, at);
		const struct byte *b = &m->bytes[at];
		sums[b->state] += end - at;
		if (b->state != RANGE_QUIET) {
			check(m, pb_board_find(&m->board, place(m, at), &r), "a range is missing");
			check(m, r.start.v - m->base.v == at && r.end.v - m->base.v == end,
			      "a range ends elsewhere");
			check(m, same(b, &(struct byte){ r.state, r.sent }), "a range has another state");
			ranges++;
		}
		if (b->state == RANGE_LOST && first_lost == STREAM)
			first_lost = at;
		if (b->state == RANGE_RESENT && b->sent < oldest)
			oldest = b->sent;
		at = end;
	}
	check(m, m->board.count == ranges, "there are other ranges");
	for (int i = 0; i < RANGE_STATES; i++)
		check(m, m->board.bytes[i] == sums[i], "bytes are miscounted");
	check(m, pb_board_first_lost(&m->board, &r) == (first_lost < STREAM), "what is lost is found");
	check(m, first_lost == STREAM || r.start.v - m->base.v == first_lost, "the first of it");
	check(m, pb_board_oldest_resent(&m->board, &r) == (oldest < PB_NEVER),
	      "what was sent again is found");
	check(m, oldest == PB_NEVER || r.sent == oldest, "the oldest of it");
}

static void play(uint64_t seed)
{
	static struct model m;

	m = (struct model){ .seed = seed, .random.state = seed };
	m.base.v = (uint32_t)(random_below(&m.random, 2) ? -random_below(&m.random, STREAM)
							 : random_next(&m.random));
	pb_board_init(&m.board, (uint32_t)random_next(&m.random));
	set(&m, 0, STREAM, RANGE_QUIET);
	for (int step = 0; step < STEPS; step++) {
		change(&m);
		compare(&m);
	}
	pb_board_fini(&m.board);
}

static void against_the_model(void **state)
{
	struct seeds s = seeds_to_try(200);

	(void)state;
	for (uint64_t seed = s.first; seed < s.end; seed++)
		play(seed);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* CPU time of so many blocks of a peer who says every other byte, from the lowest up, and then the same again. */
static double cost(uint32_t ranges)
{
	struct scoreboard b;
	double best = 1e9;

	for (int round = 0; round < 3; round++) {
		pb_board_init(&b, 12345);
		for (uint32_t i = 0; i < ranges; i++)
			assert_true(pb_board_mark(
				&b, (struct board_range){ { 2 * i }, { 2 * i + 1 }, RANGE_SACKED, 0 },
				SCOREBOARD_RANGES_MAX, NULL, NULL));
		double begun = seconds();
		for (uint32_t i = 0; i < 50000; i++) {
			uint32_t at = 2 * (i * 7919 % ranges);
			pb_board_mark(&b, (struct board_range){ { at }, { at + 1 }, RANGE_SACKED, 0 },
				      SCOREBOARD_RANGES_MAX, NULL, NULL);
		}
		best = seconds() - begun < best ? seconds() - begun : best;
		assert_int_equal(b.count, ranges);
		pb_board_fini(&b);
	}
	return best;
}

/* A thousand times as many ranges: some three times as many steps, where a list or a bad tree would take a thousand. */
static void blocks_cost_logarithmically(void **state)
{
	double few = cost(16), many = cost(16000);

	(void)state;
	print_message("# 50,000 blocks among 16 ranges: %.1f ms, among 16,000: %.1f ms\n", few * 1e3,
		      many * 1e3);
	assert_true(many < 40 * few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_the_model),
		cmocka_unit_test(blocks_cost_logarithmically),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
