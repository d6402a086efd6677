/*
 * Reassembly: RFC 791 §3.2, RFC 1122 §3.3.2, RFC 5722, rule by rule; and against a model: datagrams cut at
 * random, their fragments mixed with those of others, out of order and several times, and some with an
 * overlap.
 */
#include "net/harness.h"
#include "net/reassembly.h"
#include "random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int open_wire(void **state)
{
	*state = harness_open(1500, true, NULL);
	return 0;
}

static int close_wire(void **state)
{
	harness_close(*state);
	return 0;
}

static uint8_t pattern(unsigned id, size_t at)
{
	return (uint8_t)(at * 7 + (at >> 8) * 13 + id);
}

/* A fragment of datagram id, from..end of its payload. */
static enum ip_verdict fragment_from(struct harness *h, const char *src, uint16_t id, size_t from, size_t end,
				     bool more)
{
	static uint8_t payload[65536];

	for (size_t n = from; n < end; n++)
		payload[n - from] = pattern(id, n);
	return harness_ip4(h,
			   (struct ip4_header){ .id = id,
						.src = ip_of(src),
						.fragment_offset = (uint16_t)from,
						.more_fragments = more },
			   payload, end - from);
}

static enum ip_verdict fragment(struct harness *h, uint16_t id, size_t from, size_t end, bool more)
{
	return fragment_from(h, "192.0.2.2", id, from, end, more);
}

static bool is_whole(const struct harness *h, unsigned id, size_t len)
{
	static uint8_t got[65536];

	if (h->packet.buf->total != len)
		return false;
	pb_buf_copy(h->packet.buf, 0, got, len);
	for (size_t n = 0; n < len; n++)
		if (got[n] != pattern(id, n))
			return false;
	return true;
}

static void puts_fragments_together(void **state)
{
	struct harness *h = *state;

	assert_int_equal(fragment(h, 1, 0, 1480, true), IP_DONE);
	assert_int_equal(fragment(h, 1, 1480, 2960, true), IP_DONE);
	assert_int_equal(fragment(h, 1, 2960, 3001, false), IP_DELIVER);
	assert_true(is_whole(h, 1, 3001));
	assert_int_equal(h->env.counters.ip.ReasmReqds, 3);
	assert_int_equal(h->env.counters.ip.ReasmOKs, 1);
}

static void puts_them_together_in_any_order(void **state)
{
	struct harness *h = *state;

	assert_int_equal(fragment(h, 1, 16, 24, false), IP_DONE);
	assert_int_equal(fragment(h, 1, 8, 16, true), IP_DONE);
	assert_int_equal(fragment(h, 1, 0, 8, true), IP_DELIVER);
	assert_true(is_whole(h, 1, 24));
	assert_true(h->packet.buf->len >= 24);
}

/* RFC 791 §3.1: up to the 65535 bytes that a length can say, and not one more. */
static void takes_the_longest_datagram(void **state)
{
	struct harness *h = *state;

	assert_int_equal(fragment(h, 1, 0, 32768, true), IP_DONE);
	assert_int_equal(fragment(h, 1, 32768, 65515, false), IP_DELIVER);
	assert_true(is_whole(h, 1, 65515));
	assert_int_equal(fragment(h, 2, 65512, 65516, false), IP_DONE);
	assert_int_equal(h->env.counters.ip.InHdrErrors, 1);
}

/* RFC 791 §3.2: what differs in source, protocol or identification is of another datagram. */
static void keeps_datagrams_apart(void **state)
{
	struct harness *h = *state;
	const uint8_t payload[8] = { 0 };
	struct ip4_header other = { .id = 1, .fragment_offset = 8, .protocol = 99 };

	assert_int_equal(fragment(h, 1, 0, 8, true), IP_DONE);
	assert_int_equal(fragment(h, 2, 8, 16, false), IP_DONE);
	assert_int_equal(fragment_from(h, "192.0.2.3", 1, 8, 16, false), IP_DONE);
	assert_int_equal(harness_ip4(h, other, payload, sizeof payload), IP_DONE);
	assert_int_equal(fragment(h, 1, 8, 16, false), IP_DELIVER);
	assert_true(is_whole(h, 1, 16));
}

/* RFC 5722 §4: the datagram and whatever comes of it later are gone. */
static void refuses_overlaps(void **state)
{
	struct harness *h = *state;
	static const struct {
		size_t from, end;
		bool more;
	} overlaps[] = {
		{0,   16, true }, /* larger */
		{ 8,  24, true }, /* into the next */
		{ 24, 40, true }, /* from the middle of one */
		{ 16, 24, true }, /* inside one */
		{ 0,  40, true }, /* over all */
		{ 8,  20, false}, /* an end before what is known */
	};

	for (size_t n = 0; n < sizeof overlaps / sizeof *overlaps; n++) {
		uint16_t id = (uint16_t)(10 + n);
		assert_int_equal(fragment(h, id, 0, 8, true), IP_DONE);
		assert_int_equal(fragment(h, id, 8 + 4 * 2, 32, true), IP_DONE);
		assert_int_equal(fragment(h, id, overlaps[n].from, overlaps[n].end, overlaps[n].more),
				 IP_DONE);
		assert_int_equal(h->env.counters.ip.ReasmOverlaps, n + 1);
		for (size_t at = 0; at < 40; at += 8)
			assert_int_equal(fragment(h, id, at, at + 8, at < 32), IP_DONE);
	}
	/* The same name may be used again when time is up. */
	harness_run(h, env_now(&h->env) + REASSEMBLY_TIMEOUT);
	assert_int_equal(fragment(h, 10, 0, 8, true), IP_DONE);
	assert_int_equal(fragment(h, 10, 8, 16, false), IP_DELIVER);
}

/* A fragment where there is one of that place and length, but of other bytes, is an overlap, too. */
static void refuses_another_text_in_the_same_place(void **state)
{
	struct harness *h = *state;
	const uint8_t other[8] = "another";

	assert_int_equal(fragment(h, 1, 0, 8, true), IP_DONE);
	assert_int_equal(harness_ip4(h, (struct ip4_header){ .id = 1, .more_fragments = true }, other, 8),
			 IP_DONE);
	assert_int_equal(fragment(h, 1, 8, 16, false), IP_DONE);
	assert_int_equal(h->env.counters.ip.ReasmOverlaps, 1);
}

static void passes_over_duplicates(void **state)
{
	struct harness *h = *state;

	for (int n = 0; n < 3; n++)
		assert_int_equal(fragment(h, 1, 8, 16, false), IP_DONE);
	assert_int_equal(fragment(h, 1, 0, 8, true), IP_DELIVER);
	assert_true(is_whole(h, 1, 16));
}

static void refuses_text_beyond_the_end(void **state)
{
	struct harness *h = *state;

	assert_int_equal(fragment(h, 1, 8, 16, false), IP_DONE);
	assert_int_equal(fragment(h, 1, 16, 24, true), IP_DONE);
	assert_int_equal(fragment(h, 1, 0, 8, true), IP_DONE);
	assert_int_equal(h->env.counters.ip.ReasmOverlaps, 1);
}

/* RFC 1122 §3.3.2: after 60 seconds the sender is told, if the first fragment came. */
static void tells_when_time_is_up(void **state)
{
	struct harness *h = *state;
	pb_time start;

	harness_resolve(h);
	start = env_now(&h->env);
	assert_int_equal(fragment(h, 1, 0, 800, true), IP_DONE);
	harness_run(h, start + REASSEMBLY_TIMEOUT - 1);
	harness_expect_nothing(h);
	harness_run(h, start + REASSEMBLY_TIMEOUT);
	harness_expect_error(h, ICMP4_TIME_EXCEEDED, ICMP4_REASSEMBLY_EXCEEDED);
	assert_int_equal(h->env.counters.ip.ReasmTimeout, 1);
}

static void tells_nothing_without_the_first_fragment(void **state)
{
	struct harness *h = *state;

	harness_resolve(h);
	assert_int_equal(fragment(h, 1, 800, 1600, true), IP_DONE);
	harness_run(h, env_now(&h->env) + 2 * REASSEMBLY_TIMEOUT);
	harness_expect_nothing(h);
	assert_int_equal(h->env.counters.ip.ReasmTimeout, 1);
}

/* RFC 3168 §5.3: congestion that one fragment met, the datagram met. */
static void keeps_the_mark_of_congestion(void **state)
{
	struct harness *h = *state;
	const uint8_t text[8] = { 0 };
	struct ip4_header first = { .id = 5, .tos = 2, .more_fragments = true };
	struct ip4_header last = { .id = 5, .tos = 3, .fragment_offset = 8 };

	assert_int_equal(harness_ip4(h, last, text, 8), IP_DONE);
	assert_int_equal(harness_ip4(h, first, text, 8), IP_DELIVER);
	assert_int_equal(h->packet.tos, 3);
}

/* RFC 3168 §5.3: but with a fragment that is not ECT it would be told to who cannot hear; whichever comes first. */
static void drops_a_mark_beside_what_is_not_ect(void **state)
{
	struct harness *h = *state;
	const uint8_t text[8] = { 0 }, tos[2][3] = {
		{3, 0, 2},
                { 2, 0, 3}
        };

	for (uint16_t n = 0; n < 2; n++) {
		struct ip4_header part = { .id = (uint16_t)(n + 1), .more_fragments = true };
		for (uint16_t i = 0; i < 3; i++) {
			part.tos = tos[n][i];
			part.fragment_offset = (uint16_t)(8 * i);
			part.more_fragments = i < 2;
			assert_int_equal(harness_ip4(h, part, text, 8), IP_DONE);
		}
		assert_int_equal(h->env.counters.ip.ReasmFails, n + 1);
	}
	assert_int_equal(h->env.counters.ip.ReasmOverlaps, 0);
	assert_int_equal(h->env.counters.ip.ReasmOKs, 0);
}

/* RFC 3168 §5.3: what all fragments say, the whole says; of others, the first. */
static void keeps_the_codepoint(void **state)
{
	static const uint8_t tos[][3] = {
		{0x28,  0x28, 0x28},
                { 0x29, 0x29, 0x29},
                { 0x2a, 0x2a, 0x2a},
                { 0x2b, 0x2b, 0x2b},
		{ 0x2a, 0x28, 0x2a},
                { 0x28, 0x2a, 0x28},
                { 0x29, 0x2b, 0x2b}
	};
	struct harness *h = *state;
	const uint8_t text[8] = { 0 };

	for (uint16_t n = 0; n < sizeof tos / sizeof *tos; n++) {
		struct ip4_header part = { .id = (uint16_t)(n + 1),
					   .tos = tos[n][0],
					   .more_fragments = true };
		assert_int_equal(harness_ip4(h, part, text, 8), IP_DONE);
		part.tos = tos[n][1];
		part.fragment_offset = 8;
		part.more_fragments = false;
		assert_int_equal(harness_ip4(h, part, text, 8), IP_DELIVER);
		assert_int_equal(h->packet.tos, tos[n][2]);
	}
}

/*
 * Bounds ---------------------------------------------------------------------------------------------------
 */

/* One source may not take more than its share, however much it sends; another is still served. */
static void bounds_what_one_source_takes(void **state)
{
	struct internet_limits limits = { .reassembly_bytes = 400000 };
	struct harness *h = harness_open(1500, true, &limits);

	(void)state;
	for (uint16_t id = 0; id < 1000; id++)
		assert_int_equal(fragment(h, id, 8, 1008, false), IP_DONE);
	assert_true(pb_pool_bytes(h->env.pool) < 110000);
	assert_int_equal(fragment_from(h, "192.0.2.7", 1, 8, 16, false), IP_DONE);
	assert_int_equal(fragment_from(h, "192.0.2.7", 1, 0, 8, true), IP_DELIVER);
	harness_close(h);
}

/* Many sources: the oldest datagrams make room. */
static void bounds_what_all_take(void **state)
{
	struct internet_limits limits = { .reassembly_bytes = 400000, .reassembly_datagrams = 64 };
	struct harness *h = harness_open(1500, true, &limits);
	char src[32];

	(void)state;
	for (unsigned n = 0; n < 2000; n++) {
		snprintf(src, sizeof src, "10.1.%u.%u", n / 250, n % 250 + 1);
		assert_int_equal(fragment_from(h, src, (uint16_t)n, 8, 1008, false), IP_DONE);
		assert_true(pb_pool_bytes(h->env.pool) < 400000);
	}
	assert_int_equal(fragment_from(h, src, 1999, 0, 8, true), IP_DELIVER);
	harness_close(h);
}

static void bounds_the_fragments_of_a_datagram(void **state)
{
	struct internet_limits limits = { .reassembly_bytes = 1 << 30 };
	struct harness *h = harness_open(1500, true, &limits);

	(void)state;
	for (size_t at = 0; at < 8 * 2000; at += 8)
		assert_int_equal(fragment(h, 1, at, at + 8, true), IP_DONE);
	assert_int_equal(h->env.counters.ip.ReasmFails, 2000 - REASSEMBLY_FRAGMENTS_MAX);
	harness_close(h);
}

/*
 * The model ------------------------------------------------------------------------------------------------
 */

#define DATAGRAMS 6
#define PIECES    200

struct piece {
	uint16_t id;
	size_t from, end;
	bool more;
};

struct model {
	struct harness *h;
	struct random random;
	uint64_t seed;
	struct piece pieces[PIECES];
	size_t count;
	size_t len[DATAGRAMS];
	size_t missing[DATAGRAMS]; /* bytes that did not come yet */
	bool come[PIECES];
	bool ended[DATAGRAMS], refused[DATAGRAMS], delivered[DATAGRAMS];
};

static void check(const struct model *m, bool holds, const char *what)
{
	if (!holds)
		fail_msg("%s (again with PACKETBOAT_SEED=%" PRIu64 ")", what, m->seed);
}

/* Cut a datagram at random multiples of eight. */
static void cut(struct model *m, uint16_t id)
{
	size_t len = 809 + random_below(&m->random, 4000), from = 0; /* at least two pieces */

	m->len[id] = m->missing[id] = len;
	while (from < len) {
		size_t end = from + 8 * (1 + random_below(&m->random, 100));
		bool more = end < len;
		m->pieces[m->count++] =
			(struct piece){ .id = id, .from = from, .end = more ? end : len, .more = more };
		from = end;
		if (m->count % (PIECES / DATAGRAMS) == PIECES / DATAGRAMS - 3 && more) {
			m->pieces[m->count++] = (struct piece){ .id = id, .from = from, .end = len };
			return;
		}
	}
}

/* A piece that overlaps one that is there, by eight bytes at the least, and is not the same. */
static void add_overlap(struct model *m, uint16_t id)
{
	size_t from = 8 * random_below(&m->random, (m->len[id] + 7) / 8);
	struct piece p = {
		.id = id, .from = from, .end = from + 8 * (1 + random_below(&m->random, 20)), .more = true
	};

	for (size_t n = 0; n < m->count; n++)
		if (m->pieces[n].id == id && m->pieces[n].from == p.from && m->pieces[n].end == p.end)
			return;
	m->pieces[m->count++] = p;
}

static void shuffle(struct model *m)
{
	for (size_t n = m->count; n > 1; n--) {
		size_t k = random_below(&m->random, n);
		struct piece p = m->pieces[k];
		m->pieces[k] = m->pieces[n - 1];
		m->pieces[n - 1] = p;
	}
}

/* Whether it clashes with a piece that has come before. */
static bool clashes(const struct model *m, size_t n)
{
	const struct piece *p = &m->pieces[n];

	for (size_t k = 0; k < m->count; k++) {
		const struct piece *q = &m->pieces[k];
		if (k == n || !m->come[k] || q->id != p->id)
			continue;
		if (p->from < q->end && q->from < p->end)
			return true;
		if ((!q->more && p->end > q->end) || (!p->more && q->end > p->end))
			return true;
	}
	return false;
}

static void deliver(struct model *m, size_t n)
{
	const struct piece *p = &m->pieces[n];
	bool again = m->come[n];
	enum ip_verdict v = fragment(m->h, p->id, p->from, p->end, p->more);

	if (m->refused[p->id] || again) {
		check(m, v == IP_DONE, "a refused datagram or a duplicate was delivered");
		return;
	}
	if (clashes(m, n)) {
		m->refused[p->id] = true;
		check(m, v == IP_DONE, "an overlap was delivered");
		return;
	}
	m->come[n] = true;
	m->missing[p->id] -= p->end - p->from;
	m->ended[p->id] |= !p->more;
	if (m->missing[p->id] > 0 || !m->ended[p->id]) {
		check(m, v == IP_DONE, "a datagram was delivered with a hole");
		return;
	}
	check(m, v == IP_DELIVER, "a datagram was not delivered though it is whole");
	check(m, is_whole(m->h, p->id, m->len[p->id]), "a datagram was delivered with other bytes");
	m->delivered[p->id] = true;
}

static void play(uint64_t seed)
{
	struct model *m = calloc(1, sizeof *m);

	assert_non_null(m);
	m->h = harness_open(1500, true, NULL);
	m->seed = seed;
	m->random.state = seed;
	for (uint16_t id = 0; id < DATAGRAMS; id++) {
		cut(m, id);
		if (id % 2)
			add_overlap(m, id);
	}
	shuffle(m);
	for (size_t n = 0; n < m->count; n++) {
		if (!m->delivered[m->pieces[n].id])
			deliver(m, n);
		size_t again = random_below(&m->random, n + 1);
		if (random_below(&m->random, 3) == 0 && m->come[again] && !m->delivered[m->pieces[again].id])
			deliver(m, again);
	}
	for (uint16_t id = 0; id < DATAGRAMS; id += 2)
		check(m, m->delivered[id], "a datagram without overlap was not delivered");
	harness_close(m->h);
	free(m);
}

static void agrees_with_the_model(void **state)
{
	struct seeds seeds = seeds_to_try(2000);

	(void)state;
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++)
		play(seed);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_wire, close_wire)
	const struct CMUnitTest tests[] = {
		TEST(puts_fragments_together),
		TEST(puts_them_together_in_any_order),
		TEST(takes_the_longest_datagram),
		TEST(keeps_datagrams_apart),
		TEST(refuses_overlaps),
		TEST(refuses_another_text_in_the_same_place),
		TEST(passes_over_duplicates),
		TEST(refuses_text_beyond_the_end),
		TEST(tells_when_time_is_up),
		TEST(tells_nothing_without_the_first_fragment),
		TEST(keeps_the_mark_of_congestion),
		TEST(drops_a_mark_beside_what_is_not_ect),
		TEST(keeps_the_codepoint),
		cmocka_unit_test(bounds_what_one_source_takes),
		cmocka_unit_test(bounds_what_all_take),
		cmocka_unit_test(bounds_the_fragments_of_a_datagram),
		cmocka_unit_test(agrees_with_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
