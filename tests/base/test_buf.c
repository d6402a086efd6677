/*
 * Packets: whatever is done to one, its bytes are those of a model that is a plain array; those who refer to
 * the same bytes never notice; all memory comes home.
 */
#include "random.h"

#include <packetboat/buf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PACKETS   8
#define MODEL_MAX 60000

static struct pb_pool *pool;

/* A packet and what its bytes should be. */
struct modelled {
	struct pb_buf *b; /* NULL: there is none */
	uint8_t bytes[MODEL_MAX];
	size_t len;
};

static struct modelled packet[PACKETS];
static uint64_t seed;
static bool trying;

static void check(const struct modelled *m)
{
	static uint8_t bytes[MODEL_MAX];
	size_t sum = 0;

	for (const struct pb_buf *part = m->b; part; part = part->more) {
		assert_true(part == m->b || part->len > 0); /* only the first part may be empty */
		sum += part->len;
	}
	assert_int_equal(m->b->total, m->len);
	assert_int_equal(sum, m->len);
	pb_buf_copy(m->b, 0, bytes, m->len);
	assert_memory_equal(bytes, m->bytes, m->len);
}

static void fill(uint8_t *at, uint8_t *model, size_t n, struct random *r)
{
	for (size_t i = 0; i < n; i++)
		at[i] = model[i] = (uint8_t)random_next(r);
}

static void begin(struct modelled *m, struct random *r)
{
	size_t headroom = random_magnitude(r, 8), n = 1 + random_magnitude(r, 12);

	m->b = pb_buf_new(pool, headroom, n + random_magnitude(r, 8));
	assert_true(pb_buf_headroom(m->b) == headroom && pb_buf_tailroom(m->b) >= n);
	assert_true(pb_buf_is_own(m->b));
	fill(pb_buf_extend(m->b, n), m->bytes, n, r);
	m->len = n;
}

static void end(struct modelled *m)
{
	pb_buf_free(m->b);
	m->b = NULL;
}

static void push(struct modelled *m, struct random *r)
{
	size_t n = random_below(r, pb_buf_headroom(m->b) + 1);

	if (m->len + n > MODEL_MAX)
		return;
	memmove(m->bytes + n, m->bytes, m->len);
	m->len += n;
	fill(pb_buf_push(m->b, n), m->bytes, n, r);
}

static void extend(struct modelled *m, struct random *r)
{
	size_t n = random_below(r, pb_buf_tailroom(m->b) + 1);

	if (!n || m->len + n > MODEL_MAX)
		return;
	fill(pb_buf_extend(m->b, n), m->bytes + m->len, n, r);
	m->len += n;
}

static void pull(struct modelled *m, struct random *r)
{
	size_t n = random_below(r, m->len + 1);

	pb_buf_pull(m->b, n);
	memmove(m->bytes, m->bytes + n, m->len - n);
	m->len -= n;
}

static void trim(struct modelled *m, struct random *r)
{
	m->len = random_below(r, m->len + 1);
	pb_buf_trim(m->b, m->len);
}

static void gather(struct modelled *m, struct random *r)
{
	size_t n = random_below(r, 300);
	bool own_room = pb_buf_is_own(m->b) && !m->b->more;

	bool gathered = pb_buf_gather(m->b, n);
	assert_true(!gathered || m->b->len >= n);
	assert_true(gathered || n > m->len || !own_room);
}

/* A second packet from the first: a slice of it, all of it by reference, or a copy. */
static void derive(struct modelled *to, const struct modelled *from, struct random *r)
{
	size_t offset = random_below(r, from->len + 1), n = random_below(r, from->len - offset + 1);
	unsigned how = (unsigned)random_below(r, 3);

	if (how == 0)
		to->b = pb_buf_slice(from->b, offset, n);
	else if (how == 1)
		to->b = pb_buf_share(from->b);
	else
		to->b = pb_buf_duplicate(pool, from->b);
	if (how != 0) {
		offset = 0;
		n = from->len;
	}
	assert_true(how != 2 || (pb_buf_is_own(to->b) && !to->b->more));
	assert_true(how == 2 || !pb_buf_is_own(to->b));
	memcpy(to->bytes, from->bytes + offset, n);
	to->len = n;
}

static void append(struct modelled *m, struct modelled *tail)
{
	if (m->len + tail->len > MODEL_MAX || !tail->b->len)
		return;
	pb_buf_append(m->b, tail->b);
	memcpy(m->bytes + m->len, tail->bytes, tail->len);
	m->len += tail->len;
	tail->b = NULL;
}

static void step(struct random *r)
{
	struct modelled *m = &packet[random_below(r, PACKETS)], *other = &packet[random_below(r, PACKETS)];

	if (!m->b) {
		begin(m, r);
		return;
	}
	switch (random_below(r, 9)) {
	case 0:
		end(m);
		break;
	case 1:
		push(m, r);
		break;
	case 2:
		extend(m, r);
		break;
	case 3:
		pull(m, r);
		break;
	case 4:
		trim(m, r);
		break;
	case 5:
		gather(m, r);
		break;
	case 6:
		if (other->b && other != m)
			append(m, other);
		break;
	default:
		if (!other->b)
			derive(other, m, r);
	}
}

static void play(void)
{
	struct random r = { seed };

	for (int i = 0; i < 300; i++) {
		step(&r);
		for (int k = 0; k < PACKETS; k++)
			if (packet[k].b)
				check(&packet[k]);
	}
	for (int k = 0; k < PACKETS; k++)
		end(&packet[k]);
	assert_int_equal(pb_pool_bytes(pool), 0);
}

static void as_the_model(void **state)
{
	struct seeds seeds = seeds_to_try(300);

	(void)state;
	pool = pb_pool_new(64 << 20);
	trying = true;
	for (seed = seeds.first; seed < seeds.end; seed++)
		play();
	trying = false;
	pb_pool_free(pool);
}

static int tell_seed(void **state)
{
	(void)state;
	if (trying)
		fprintf(stderr, "to repeat it: PACKETBOAT_SEED=%lu\n", (unsigned long)seed);
	return 0;
}

/* Notes go along with the bytes they are about. */
static void notes(void **state)
{
	struct pb_pool *p = pb_pool_new(1 << 20);
	struct pb_buf *b = pb_buf_new(p, 10, 100), *again[2];

	(void)state;
	memset(pb_buf_extend(b, 100), 1, 100);
	b->transport = b->data + 34;
	b->checksum_offset = 16;
	b->segment_size = 1460;
	b->checksum = PB_CHECKSUM_WANTED;
	again[0] = pb_buf_share(b);
	again[1] = pb_buf_duplicate(p, b);
	for (int i = 0; i < 2; i++) {
		assert_ptr_equal(again[i]->transport, again[i]->data + 34);
		assert_int_equal(again[i]->checksum_offset, 16);
		assert_int_equal(again[i]->segment_size, 1460);
		assert_int_equal(again[i]->checksum, PB_CHECKSUM_WANTED);
		pb_buf_free(again[i]);
	}
	struct pb_buf *slice = pb_buf_slice(b, 0, 100);
	assert_null(slice->transport);
	pb_buf_free(slice);
	pb_buf_free(b);
	pb_pool_free(p);
}

static void a_pools_limit(void **state)
{
	struct pb_pool *p = pb_pool_new(5000);
	struct pb_buf *b[3];

	(void)state;
	assert_int_equal(pb_pool_bytes_max(p), 5000);
	for (int i = 0; i < 2; i++)
		assert_non_null(b[i] = pb_buf_new(p, 0, 2000));
	assert_null(b[2] = pb_buf_new(p, 0, 2000));
	assert_int_equal(pb_pool_refusals(p), 1);
	pb_buf_free(b[0]);
	assert_non_null(b[0] = pb_buf_new(p, 0, 2000));
	struct pb_buf *slice = pb_buf_slice(b[0], 5, 0);
	assert_non_null(slice); /* it is still its block's memory that counts */
	pb_buf_free(b[0]);
	assert_null(pb_buf_new(p, 0, 2000));
	pb_buf_free(slice);
	pb_buf_free(b[1]);
	assert_int_equal(pb_pool_bytes(p), 0);
	pb_pool_free(p);
}

/* A packet may outlive its pool: under the sanitizers this is where a mistake shows. */
static void outlives_its_pool(void **state)
{
	struct pb_pool *p = pb_pool_new(1 << 20);
	struct pb_buf *b = pb_buf_new(p, 0, 100), *slice;

	(void)state;
	memset(pb_buf_extend(b, 100), 7, 100);
	slice = pb_buf_slice(b, 50, 50);
	pb_pool_free(p);
	pb_buf_free(b);
	assert_int_equal(slice->data[49], 7);
	pb_buf_free(slice);
	pb_pool_free(NULL);
	pb_buf_free(NULL);
}

static void count_release(void *context)
{
	++*(int *)context;
}

static void lent_memory(void **state)
{
	static const uint8_t memory[100] = { 1, 2, 3 };
	struct pb_pool *p = pb_pool_new(1 << 20);
	int released = 0;

	(void)state;
	struct pb_buf *b = pb_buf_lend(p, memory, sizeof memory, count_release, &released);
	assert_ptr_equal(b->data, memory);
	assert_false(pb_buf_is_own(b)); /* it is the lender's */
	assert_int_equal(pb_buf_headroom(b) + pb_buf_tailroom(b), 0);
	struct pb_buf *slice = pb_buf_slice(b, 1, 2);
	pb_buf_free(b);
	assert_int_equal(released, 0);
	assert_int_equal(slice->data[1], 3);
	pb_buf_free(slice);
	assert_int_equal(released, 1);
	pb_pool_free(p);
}

static void queue(void **state)
{
	struct pb_pool *p = pb_pool_new(1 << 20);
	struct pb_buf_queue q = { 0 };
	struct pb_buf *b[3];

	(void)state;
	assert_null(pb_buf_queue_shift(&q));
	for (size_t i = 0; i < 3; i++) {
		b[i] = pb_buf_new(p, 0, 100);
		pb_buf_extend(b[i], 10 * i);
		pb_buf_queue_push(&q, b[i]);
	}
	assert_true(q.count == 3 && q.bytes == 30);
	for (size_t i = 0; i < 2; i++) {
		assert_ptr_equal(pb_buf_queue_shift(&q), b[i]);
		pb_buf_free(b[i]);
	}
	assert_true(q.count == 1 && q.bytes == 20);
	pb_buf_queue_clear(&q);
	assert_true(q.count == 0 && q.bytes == 0 && !q.first);
	assert_int_equal(pb_pool_bytes(p), 0);
	pb_pool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(as_the_model, tell_seed),
		cmocka_unit_test(notes),
		cmocka_unit_test(a_pools_limit),
		cmocka_unit_test(outlives_its_pool),
		cmocka_unit_test(lent_memory),
		cmocka_unit_test(queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
