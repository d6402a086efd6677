/*
 * Text ahead of a gap against a model that knows of every byte of a stream whether it came: whatever is put in, in
 * whatever pieces, comes out once, in order and unchanged.
 */
#include "random.h"
#include "transport/tcp/ooo.h"
#include "transport/tcp/seq.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define STREAM 20000
#define STEPS  300

struct model {
	struct pb_pool *pool;
	struct ooo q;
	struct random random;
	uint64_t seed;
	seq base;         /* of the stream's first byte */
	uint32_t rcv_nxt; /* as an offset into the stream, as all that follow */
	bool here[STREAM];
	int heard[STREAM], step; /* the step in which a byte last came; 0: it has not */
};

static uint8_t content(uint32_t offset)
{
	return (uint8_t)(offset * 7 + (offset >> 8));
}

static void check(const struct model *m, bool holds, const char *what)
{
	if (!holds)
		fail_msg("%s (again with PACKETBOAT_SEED=%" PRIu64 ")", what, m->seed);
}

static struct pb_buf *text(struct model *m, uint32_t offset, uint32_t len)
{
	struct pb_buf *b = pb_buf_new(m->pool, 0, len);
	uint8_t *p;

	assert_non_null(b);
	p = pb_buf_extend(b, len);
	for (uint32_t i = 0; i < len; i++)
		p[i] = content(offset + i);
	return b;
}

/* What SACK tells as received twice: the first of these bytes, in a row, that are here. */
static void check_known(const struct model *m, uint32_t offset, uint32_t len)
{
	struct seq_range known = pb_tcp_ooo_known(&m->q, seq_add(m->base, offset), len);
	uint32_t start = offset, end;

	while (start < offset + len && !m->here[start])
		start++;
	for (end = start; end < offset + len && m->here[end];)
		end++;
	check(m, known.end.v - known.start.v == end - start, "as much is known as is here");
	if (start < end)
		check(m, known.start.v - m->base.v == start, "what is here is known");
}

static int last_heard(const struct model *m, struct seq_range r)
{
	int last = 0;

	for (uint32_t i = r.start.v - m->base.v; i < r.end.v - m->base.v; i++) {
		check(m, m->here[i], "a block tells of a byte that is not here");
		last = m->heard[i] > last ? m->heard[i] : last;
	}
	return last;
}

/* RFC 2018 §4: blocks, the latest first. */
static void check_latest(const struct model *m)
{
	struct seq_range ranges[STREAM / 2];
	unsigned n = pb_tcp_ooo_latest(&m->q, ranges, STREAM / 2);

	check(m, n == m->q.ranges, "every range is heard of");
	for (unsigned i = 1; i < n; i++)
		check(m, last_heard(m, ranges[i - 1]) > last_heard(m, ranges[i]), "the latest comes first");
}

static void insert(struct model *m)
{
	uint32_t first = m->rcv_nxt + 1;
	uint32_t offset = first + (uint32_t)random_below(&m->random, STREAM - first);
	uint32_t len = (uint32_t)random_magnitude(&m->random, 12), new = 0;

	if (len > STREAM - offset)
		len = STREAM - offset;
	check_known(m, offset, len);
	for (uint32_t i = offset; i < offset + len; i++) {
		new += !m->here[i];
		m->here[i] = true;
		m->heard[i] = m->step;
	}
	check(m, pb_tcp_ooo_insert(&m->q, seq_add(m->base, offset), text(m, offset, len)) == (new > 0),
	      "it is kept if anything is new in it");
}

/* The gap is filled up to somewhere, perhaps beyond what had come behind it. */
static void fill(struct model *m)
{
	uint32_t room = STREAM - 1 - m->rcv_nxt, n = (uint32_t)random_magnitude(&m->random, 12);
	struct pb_buf *b;

	m->rcv_nxt += n < room ? n : room;
	while ((b = pb_tcp_ooo_take(&m->q, seq_add(m->base, m->rcv_nxt)))) {
		for (uint32_t i = 0; i < b->total; i++) {
			uint8_t byte;
			pb_buf_copy(b, i, &byte, 1);
			check(m, m->here[m->rcv_nxt + i], "a byte that never came");
			check(m, byte == content(m->rcv_nxt + i), "another byte than came");
		}
		m->rcv_nxt += b->total;
		pb_buf_free(b);
	}
	check(m, m->rcv_nxt == STREAM || !m->here[m->rcv_nxt], "a byte that came is kept back");
}

static void check_sums(const struct model *m)
{
	uint32_t bytes = 0, ranges = 0;

	for (uint32_t i = m->rcv_nxt; i < STREAM; i++) {
		bytes += m->here[i];
		ranges += m->here[i] && (i == m->rcv_nxt || !m->here[i - 1]);
	}
	check(m, m->q.bytes == bytes, "the bytes are miscounted");
	check(m, m->q.ranges == ranges, "ranges touch, or are miscounted");
	check_latest(m);
}

static void play(uint64_t seed)
{
	static struct model m;

	m = (struct model){ .seed = seed, .random.state = seed, .pool = pb_pool_new(64 << 20) };
	m.base.v = (uint32_t)(random_next(&m.random) % 2 ? -random_below(&m.random, STREAM)
							 : random_next(&m.random));
	for (m.step = 1; m.step <= STEPS && m.rcv_nxt < STREAM - 1; m.step++) {
		if (random_below(&m.random, 8))
			insert(&m);
		else
			fill(&m);
		check_sums(&m);
	}
	pb_tcp_ooo_clear(&m.q);
	check(&m, m.q.packets == 0 && pb_pool_bytes(m.pool) == 0, "memory is kept");
	pb_pool_free(m.pool);
}

static void against_the_model(void **state)
{
	struct seeds s = seeds_to_try(200);

	(void)state;
	for (uint64_t seed = s.first; seed < s.end; seed++)
		play(seed);
}

/* A peer that leaves a gap before every byte: each costs a range. */
static void ranges_are_bounded(void **state)
{
	struct pb_pool *pool = pb_pool_new(64 << 20);
	struct ooo q = { 0 };
	uint32_t kept = 0;

	(void)state;
	for (uint32_t i = 0; i < 10000; i++) {
		struct pb_buf *b = pb_buf_new(pool, 0, 1);
		*pb_buf_extend(b, 1) = 'x';
		kept += pb_tcp_ooo_insert(&q, (seq){ 2 * i }, b);
	}
	assert_int_equal(kept, q.ranges);
	assert_in_range(kept, 64, 1024);
	assert_true(pb_pool_bytes(pool) <= kept * 256);
	pb_tcp_ooo_clear(&q);
	assert_int_equal(pb_pool_bytes(pool), 0);
	pb_pool_free(pool);
}

/* A fast and long path that loses every second segment; and what is left comes in any order. */
static void gaps_between_full_segments(void **state)
{
	const uint32_t n = 50021, stride = 31337; /* primes */
	struct pb_pool *pool = pb_pool_new(512 << 20);
	struct ooo q = { 0 };

	(void)state;
	for (uint32_t i = 1; i < n; i++) {
		struct pb_buf *b = pb_buf_new(pool, 0, 1448);
		pb_buf_extend(b, 1448);
		assert_true(pb_tcp_ooo_insert(&q, (seq){ (uint64_t)i * stride % n * 2 * 1448 }, b));
	}
	assert_int_equal(q.ranges, n - 1);
	for (uint32_t i = 1; i < n; i++) {
		pb_buf_free(pb_tcp_ooo_take(&q, (seq){ i * 2 * 1448 }));
		assert_int_equal(q.ranges, n - 1 - i);
	}
	assert_int_equal(pb_pool_bytes(pool), 0);
	pb_pool_free(pool);
}

/* A peer that sends byte by byte, in memory without room behind it: each costs a packet, also of one range. */
static void packets_are_bounded(bool backwards)
{
	struct pb_pool *pool = pb_pool_new(64 << 20);
	struct ooo q = { 0 };

	for (uint32_t i = 1; i < 100000; i++) {
		struct pb_buf *b = pb_buf_new(pool, 255, 1);
		*pb_buf_extend(b, 1) = 'x';
		pb_tcp_ooo_insert(&q, (seq){ backwards ? -i : i }, b);
	}
	assert_int_equal(q.ranges, 1);
	assert_in_range(q.packets, 1000, 10000);
	pb_tcp_ooo_clear(&q);
	assert_int_equal(pb_pool_bytes(pool), 0);
	pb_pool_free(pool);
}

/* A window of a fast and long path, of which the first segment was lost. */
static void full_segments_are_all_kept(void **state)
{
	struct pb_pool *pool = pb_pool_new(512 << 20);
	struct ooo q = { 0 };

	(void)state;
	for (uint32_t i = 1; i <= 100000; i++) {
		struct pb_buf *b = pb_buf_new(pool, 0, 1448);
		pb_buf_extend(b, 1448);
		assert_true(pb_tcp_ooo_insert(&q, (seq){ i * 1448 }, b));
	}
	assert_int_equal(q.bytes, 144800000);
	pb_tcp_ooo_clear(&q);
	pb_pool_free(pool);
}

static void packets_are_bounded_forwards(void **state)
{
	(void)state;
	packets_are_bounded(false);
}

static void packets_are_bounded_backwards(void **state)
{
	(void)state;
	packets_are_bounded(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_the_model),
		cmocka_unit_test(ranges_are_bounded),
		cmocka_unit_test(full_segments_are_all_kept),
		cmocka_unit_test(gaps_between_full_segments),
		cmocka_unit_test(packets_are_bounded_forwards),
		cmocka_unit_test(packets_are_bounded_backwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
