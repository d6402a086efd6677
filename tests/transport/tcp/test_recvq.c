/* Text in order against the plainest model, two counters: what was pushed is read, once, in order, in any pieces. */
#include "random.h"
#include "transport/tcp/recvq.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define STEPS  400
#define PIECES 4

struct model {
	struct pb_pool *pool;
	struct recvq q;
	struct random random;
	uint64_t seed;
	uint32_t pushed, read; /* bytes */
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

static struct pb_buf *part(struct model *m, uint32_t len)
{
	struct pb_buf *b = pb_buf_new(m->pool, 0, len + random_below(&m->random, 3) * 500);
	uint8_t *p;

	assert_non_null(b);
	p = pb_buf_extend(b, len);
	for (uint32_t i = 0; i < len; i++)
		p[i] = content(m->pushed++);
	return b;
}

/* A packet of one part or several. */
static void push(struct model *m)
{
	struct pb_buf *b = part(m, 1 + (uint32_t)random_magnitude(&m->random, 11));

	while (random_below(&m->random, 4) == 0)
		pb_buf_append(b, part(m, 1 + (uint32_t)random_magnitude(&m->random, 9)));
	pb_tcp_recvq_push(&m->q, b);
}

static void read_some(struct model *m)
{
	static uint8_t room[PIECES][4096];
	struct iovec iov[PIECES];
	size_t count = random_below(&m->random, PIECES + 1), all = 0, n, at = 0;
	bool peek = random_below(&m->random, 3) == 0;
	size_t left = m->pushed - m->read;

	for (size_t i = 0; i < count; i++) {
		iov[i] = (struct iovec){ room[i], random_magnitude(&m->random, 12) };
		all += iov[i].iov_len;
	}
	n = pb_tcp_recvq_read(&m->q, iov, count, peek);
	check(m, n == (all < left ? all : left), "as much as there is, or as fits");
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < iov[i].iov_len && at < n; j++, at++)
			check(m, room[i][j] == content(m->read + (uint32_t)at), "another byte than came");
	if (!peek)
		m->read += (uint32_t)n;
}

static void play(uint64_t seed)
{
	static struct model m;

	m = (struct model){ .seed = seed, .random.state = seed, .pool = pb_pool_new(64 << 20) };
	for (int step = 0; step < STEPS; step++) {
		if (random_below(&m.random, 2))
			push(&m);
		else
			read_some(&m);
		check(&m, m.q.packets.bytes == m.pushed - m.read, "the bytes are miscounted");
	}
	pb_tcp_recvq_clear(&m.q);
	check(&m, m.q.packets.bytes == 0 && pb_pool_bytes(m.pool) == 0, "memory is kept");
	pb_pool_free(m.pool);
}

static void against_the_model(void **state)
{
	struct seeds s = seeds_to_try(300);

	(void)state;
	for (uint64_t seed = s.first; seed < s.end; seed++)
		play(seed);
}

/* A peer that sends single bytes in frames' memory does not make us keep a block for each. */
static void small_ones_share_memory(void **state)
{
	struct pb_pool *pool = pb_pool_new(64 << 20);
	struct recvq q = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 10000; i++) {
		struct pb_buf *b = pb_buf_new(pool, 54, 1500);
		*pb_buf_extend(b, 1) = 'x';
		pb_tcp_recvq_push(&q, b);
	}
	assert_int_equal(q.packets.bytes, 10000);
	assert_true(pb_pool_bytes(pool) < 20000);
	pb_tcp_recvq_clear(&q);
	assert_int_equal(pb_pool_bytes(pool), 0);
	pb_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_the_model),
		cmocka_unit_test(small_ones_share_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
