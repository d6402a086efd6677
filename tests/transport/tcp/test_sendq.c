/*
 * Text to send, against a model that is an array of bytes: whatever way it came in, and whatever is sent again,
 * each segment has the bytes of its numbers, also long after.
 */
#include "net/internet.h"
#include "random.h"
#include "transport/tcp/sendq.h"
#include "wire/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HEADROOM    (IP_HEADROOM + TCP_HEADER_LEN_MAX)
#define STREAM_MAX  (1 << 20)
#define QUEUE_MAX   200000
#define SEGMENT_MAX 65415
#define KEPT_MAX    16

struct model {
	struct random random;
	struct pb_pool *pool;
	struct sendq q;
	uint8_t *stream;               /* all that was ever written */
	uint32_t una, nxt, end;        /* places in it: acknowledged, sent next, written */
	struct pb_buf *kept[KEPT_MAX]; /* segments that the network still has */
	uint32_t kept_at[KEPT_MAX];
	unsigned released, lent;
};

static uint32_t below(struct model *m, uint32_t bound)
{
	return (uint32_t)random_below(&m->random, bound);
}

/* The next n bytes of the stream; as many as fit. */
static const uint8_t *next_bytes(struct model *m, uint32_t *n)
{
	uint32_t room = QUEUE_MAX - (m->end - m->una);

	if (room > STREAM_MAX - m->end)
		room = STREAM_MAX - m->end;
	if (*n > room)
		*n = room;
	return m->stream + m->end;
}

static void write_some(struct model *m)
{
	uint32_t n = (uint32_t)random_magnitude(&m->random, 17);
	const uint8_t *text = next_bytes(m, &n);
	uint32_t cut = below(m, n + 1);
	struct iovec iov[3] = {
		{.iov_base = (void *)text, .iov_len = cut},
		{ .iov_len = 0           },
		{ .iov_base = (void *)(text + cut),   .iov_len = STREAM_MAX              },
	};

	assert_int_equal(pb_tcp_sendq_write(&m->q, m->pool, iov, 3, 0, n), n);
	m->end += n;
}

static void count_release(void *context)
{
	struct model *m = context;

	m->released++;
}

/* A packet of up to three parts, of the pool's memory or of somebody else's. */
static void give_some(struct model *m)
{
	struct pb_buf *text = NULL;

	for (uint32_t parts = 1 + below(m, 3); parts; parts--) {
		uint32_t n = (uint32_t)random_magnitude(&m->random, 12);
		const uint8_t *bytes = next_bytes(m, &n);
		struct pb_buf *part;
		if (below(m, 2)) {
			part = pb_buf_lend(m->pool, bytes, n, count_release, m);
			m->lent++;
		} else {
			part = pb_buf_new(m->pool, 7, n);
			memcpy(pb_buf_extend(part, n), bytes, n);
		}
		m->end += n;
		if (text)
			pb_buf_append(text, part);
		else
			text = part;
	}
	pb_tcp_sendq_give(&m->q, text);
}

static void check_segment(struct model *m, const struct pb_buf *b, uint32_t at)
{
	static uint8_t bytes[SEGMENT_MAX];

	pb_buf_copy(b, 0, bytes, b->total);
	assert_memory_equal(bytes, m->stream + at, b->total);
}

/* The network has a segment for a while; then it is what it was. */
static void keep(struct model *m, struct pb_buf *b, uint32_t at)
{
	uint32_t i = below(m, KEPT_MAX);

	if (m->kept[i])
		check_segment(m, m->kept[i], m->kept_at[i]);
	pb_buf_free(m->kept[i]);
	m->kept[i] = b;
	m->kept_at[i] = at;
}

static void send_from(struct model *m, uint32_t at, uint32_t len)
{
	struct pb_buf *b = pb_tcp_sendq_segment(&m->q, m->pool, at - m->una, len);

	assert_non_null(b);
	assert_int_equal(b->total, len);
	assert_true(pb_buf_headroom(b) >= HEADROOM);
	check_segment(m, b, at);
	keep(m, b, at);
}

static void send_next(struct model *m)
{
	uint32_t queued = m->end - m->nxt, len = (uint32_t)random_magnitude(&m->random, 16);

	if (len > SEGMENT_MAX)
		len = SEGMENT_MAX;
	if (len > queued)
		len = queued;
	send_from(m, m->nxt, len);
	m->nxt += len;
}

static void send_again(struct model *m)
{
	uint32_t offset = below(m, m->nxt - m->una + 1), most = m->nxt - m->una - offset;

	send_from(m, m->una + offset, below(m, (most < SEGMENT_MAX ? most : SEGMENT_MAX) + 1));
}

static void acknowledge(struct model *m)
{
	uint32_t n = below(m, m->nxt - m->una + 1);

	if (below(m, 4) == 0)
		n = m->nxt - m->una;
	pb_tcp_sendq_acked(&m->q, n);
	m->una += n;
}

static void go_back(struct model *m)
{
	pb_tcp_sendq_rewind(&m->q);
	m->nxt = m->una;
}

static void step(struct model *m)
{
	switch (below(m, 10)) {
	case 0:
	case 1:
		write_some(m);
		break;
	case 2:
		give_some(m);
		break;
	case 3:
	case 4:
	case 5:
		send_next(m);
		break;
	case 6:
		send_again(m);
		break;
	case 7:
	case 8:
		acknowledge(m);
		break;
	default:
		if (below(m, 8) == 0)
			go_back(m);
	}
	assert_int_equal(m->q.bytes, m->end - m->una);
}

static void run(uint64_t seed)
{
	struct model m = { .random = { seed }, .pool = pb_pool_new(SIZE_MAX), .stream = malloc(STREAM_MAX) };

	for (uint32_t i = 0; i < STREAM_MAX; i += sizeof(uint64_t)) {
		uint64_t bytes = random_next(&m.random);
		memcpy(m.stream + i, &bytes, sizeof bytes);
	}
	for (int i = 0; i < 2000; i++)
		step(&m);
	pb_tcp_sendq_clear(&m.q);
	assert_int_equal(m.q.bytes, 0);
	for (int i = 0; i < KEPT_MAX; i++)
		if (m.kept[i]) {
			check_segment(&m, m.kept[i], m.kept_at[i]);
			pb_buf_free(m.kept[i]);
		}
	assert_int_equal(pb_pool_bytes(m.pool), 0);
	assert_int_equal(m.released, m.lent);
	pb_pool_free(m.pool);
	free(m.stream);
}

static void segments_have_the_bytes_of_their_numbers(void **state)
{
	struct seeds seeds = seeds_to_try(60);

	(void)state;
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		print_message("# PACKETBOAT_SEED=%llu\n", (unsigned long long)seed);
		run(seed);
	}
}

/* Tiny text goes behind its header; other text stays where it is. */
static void text_is_referenced(void **state)
{
	static const char text[4096] = "text";
	struct pb_pool *pool = pb_pool_new(SIZE_MAX);
	struct sendq q = { 0 };
	struct model m = { 0 };
	struct pb_buf *b;

	(void)state;
	pb_tcp_sendq_give(&q, pb_buf_lend(pool, text, sizeof text, count_release, &m));
	b = pb_tcp_sendq_segment(&q, pool, 100, 1460);
	assert_int_equal(b->len, 0);
	assert_ptr_equal(b->more->data, text + 100);
	pb_buf_free(b);
	b = pb_tcp_sendq_segment(&q, pool, 0, 64);
	assert_int_equal(b->len, 64);
	assert_null(b->more);
	pb_buf_free(b);
	pb_tcp_sendq_clear(&q);
	assert_int_equal(m.released, 1);
	pb_pool_free(pool);
}

/* No segment goes beyond the end of a record, whoever asks for one, nor does memory that records share. */
static void records_are_apart(void **state)
{
	struct pb_pool *pool = pb_pool_new(SIZE_MAX);
	struct iovec iov = { .iov_base = "abcdef", .iov_len = 6 };
	struct sendq q = { 0 };

	(void)state;
	assert_false(pb_tcp_sendq_is_open(&q));
	pb_tcp_sendq_write(&q, pool, &iov, 1, 0, 2);
	assert_int_equal(pb_tcp_sendq_record(&q, 0, 1000), 1000);
	pb_tcp_sendq_end_record(&q);
	pb_tcp_sendq_end_record(&q);
	assert_int_equal(q.records, 1);
	assert_false(pb_tcp_sendq_is_open(&q));
	pb_tcp_sendq_write(&q, pool, &iov, 1, 2, 3);
	assert_true(pb_tcp_sendq_is_open(&q));
	pb_tcp_sendq_end_record(&q);
	pb_tcp_sendq_write(&q, pool, &iov, 1, 5, 1);
	assert_int_equal(pb_tcp_sendq_record(&q, 0, 1000), 2);
	assert_int_equal(pb_tcp_sendq_record(&q, 0, 1), 1);
	assert_int_equal(pb_tcp_sendq_record(&q, 1, 1000), 1);
	assert_int_equal(pb_tcp_sendq_record(&q, 3, 1000), 2);
	assert_int_equal(pb_tcp_sendq_record(&q, 5, 1), 1);
	pb_tcp_sendq_acked(&q, 2);
	assert_int_equal(q.records, 1);
	assert_int_equal(pb_tcp_sendq_record(&q, 0, 1000), 3);
	pb_tcp_sendq_acked(&q, 3);
	assert_int_equal(q.records, 0);
	pb_tcp_sendq_clear(&q);
	pb_pool_free(pool);
}

/* Many small writes become few parts. */
static void small_writes_share_parts(void **state)
{
	struct pb_pool *pool = pb_pool_new(SIZE_MAX);
	struct sendq q = { 0 };
	unsigned parts = 0;

	(void)state;
	for (int i = 0; i < 60000; i++)
		assert_int_equal(pb_tcp_sendq_write(
					 &q, pool, &(struct iovec){ .iov_base = "x", .iov_len = 1 }, 1, 0, 1),
				 1);
	for (struct pb_buf *part = q.first; part; part = part->more)
		parts++;
	assert_in_range(parts, 1, 16);
	pb_tcp_sendq_clear(&q);
	pb_pool_free(pool);
}

/* Seven eighths of a pool take what they can; an empty one gives no segment; what is queued stays whole. */
static void an_empty_pool_is_no_harm(void **state)
{
	static char text[100000];
	struct pb_pool *pool = pb_pool_new(80000);
	struct sendq q = { 0 };
	struct iovec iov = { .iov_base = text, .iov_len = sizeof text };
	size_t taken = pb_tcp_sendq_write(&q, pool, &iov, 1, 0, sizeof text);
	struct pb_buf *taken_by_others;

	(void)state;
	assert_in_range(taken, 65536, 70000);
	assert_in_range(pb_pool_bytes(pool), 65536, 70000);
	assert_int_equal(q.bytes, taken);
	taken_by_others = pb_buf_new(pool, 0, 2048);
	while (pb_pool_bytes(pool) + 256 <= pb_pool_bytes_max(pool)) {
		struct pb_buf *more = pb_buf_new(pool, 0, 256);
		pb_buf_append(taken_by_others, more);
	}
	assert_null(pb_tcp_sendq_segment(&q, pool, 0, 1460));
	assert_int_equal(q.bytes, taken);
	pb_buf_free(taken_by_others);
	pb_tcp_sendq_clear(&q);
	assert_int_equal(pb_pool_bytes(pool), 0);
	pb_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_have_the_bytes_of_their_numbers),
		cmocka_unit_test(text_is_referenced),
		cmocka_unit_test(records_are_apart),
		cmocka_unit_test(small_writes_share_parts),
		cmocka_unit_test(an_empty_pool_is_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
