/*
 * Impairment: each fate happens as often and as late as was asked for, nothing else happens, and a seed
 * replays.
 */
#include "frames.h"
#include "link/finish.h"
#include "wire/ecn.h"

#include <packetboat/device.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FRAMES    20000
#define FRAME_LEN 125 /* 1000 bits */

static const uint8_t seed[16] = "a seed of sixtee";

/* A pair, whose end 1 suffers. */
struct rig {
	struct pb_pool *pool;
	struct pb_device *end[2];
};

static struct rig rig_new(const struct pb_impairment *in, const char *name)
{
	struct rig rig = { .pool = pb_pool_new(256 << 20) };
	struct pb_device *inner[2];

	assert_int_equal(pb_device_pair(1500, false, 100000, inner), 0);
	rig.end[0] = inner[0];
	assert_int_equal(pb_device_impair(inner[1], in, seed, name, &rig.end[1]), 0);
	return rig;
}

static void rig_free(struct rig *rig)
{
	pb_device_close(rig->end[0]);
	pb_device_close(rig->end[1]);
	assert_int_equal(pb_pool_bytes(rig->pool), 0);
	pb_pool_free(rig->pool);
}

static void send_numbered(struct rig *rig, uint32_t number, pb_time now)
{
	struct pb_buf *b = pb_buf_new(rig->pool, 0, FRAME_LEN);

	memset(pb_buf_extend(b, FRAME_LEN), 0, FRAME_LEN);
	memcpy(b->data, &number, sizeof number);
	rig->end[0]->ops->send(rig->end[0], now, b);
}

struct arrival {
	pb_time at;
	uint32_t number;
	bool damaged;
};

/* All that arrives, each at the time at which next() said to look. */
static size_t arrivals(struct rig *rig, pb_time now, struct arrival *a, size_t max)
{
	struct pb_device *d = rig->end[1];
	size_t count = 0;

	for (pb_time next; (next = d->ops->next(d)) != PB_NEVER;) {
		now = next > now ? next : now;
		for (struct pb_buf *b; (b = d->ops->receive(d, now, rig->pool)); pb_buf_free(b)) {
			assert_true(count < max);
			memcpy(&a[count].number, b->data, 4);
			a[count].at = now;
			a[count].damaged = a[count].number >= FRAMES;
			for (size_t i = 4; i < b->len; i++)
				a[count].damaged |= b->data[i] != 0;
			count++;
		}
	}
	return count;
}

static struct arrival arrived[4 * FRAMES];

/* Send all at time 0. Returns how many arrived. */
static size_t run(const struct pb_impairment *in, const char *name)
{
	struct rig rig = rig_new(in, name);

	for (uint32_t i = 0; i < FRAMES; i++)
		send_numbered(&rig, i, 0);
	size_t count = arrivals(&rig, 0, arrived, 4 * FRAMES);
	assert_int_equal(rig.end[1]->received, count);
	rig_free(&rig);
	return count;
}

static void nothing_happens(void **state)
{
	(void)state;
	assert_int_equal(run(&(struct pb_impairment){ 0 }, "w"), FRAMES);
	for (uint32_t i = 0; i < FRAMES; i++)
		assert_true(arrived[i].number == i && arrived[i].at == 0 && !arrived[i].damaged);
}

/* Within 5 standard deviations of what chance p gives. */
static void assert_chance(double p, size_t happened, size_t of)
{
	double expected = p * (double)of, off = (double)happened - expected;

	assert_true(off * off <= 25 * expected * (1 - p) + 1e-9);
}

static void loss(void **state)
{
	(void)state;
	assert_chance(0.05, FRAMES - run(&(struct pb_impairment){ .loss = 0.05 }, "w"), FRAMES);
	assert_int_equal(run(&(struct pb_impairment){ .loss = 1 }, "w"), 0);
	size_t count = run(&(struct pb_impairment){ .loss = 0.5 }, "w");
	for (size_t i = 1; i < count; i++)
		assert_true(arrived[i].number > arrived[i - 1].number && !arrived[i].damaged);
}

static void duplication(void **state)
{
	(void)state;
	size_t count = run(&(struct pb_impairment){ .duplication = 0.1 }, "w"), twice = 0;
	assert_chance(0.1, count - FRAMES, FRAMES);
	for (size_t i = 1; i < count; i++)
		twice += arrived[i].number == arrived[i - 1].number;
	assert_int_equal(twice, count - FRAMES);
}

static void corruption(void **state)
{
	size_t damaged = 0;

	(void)state;
	assert_int_equal(run(&(struct pb_impairment){ .corruption = 0.1 }, "w"), FRAMES);
	for (uint32_t i = 0; i < FRAMES; i++)
		damaged += arrived[i].damaged || arrived[i].number != i;
	assert_chance(0.1, damaged, FRAMES);
}

static void delay_and_jitter(void **state)
{
	pb_time first = PB_NEVER, last = 0;

	(void)state;
	run(&(struct pb_impairment){ .delay = PB_MSEC(5) }, "w");
	for (uint32_t i = 0; i < FRAMES; i++)
		assert_true(arrived[i].number == i && arrived[i].at == PB_MSEC(5));
	struct rig rig = rig_new(&(struct pb_impairment){ .delay = PB_MSEC(5), .jitter = PB_MSEC(2) }, "w");
	for (uint32_t i = 0; i < 1000; i++) { /* far apart, so that each has a jitter of its own */
		pb_time now = PB_SEC(i);
		send_numbered(&rig, i, now);
		assert_int_equal(arrivals(&rig, now, arrived, 1), 1);
		pb_time took = arrived[0].at - now;
		first = took < first ? took : first;
		last = took > last ? took : last;
	}
	rig_free(&rig);
	assert_true(first >= PB_MSEC(5) && first < PB_MSEC(5) + PB_MSEC(2) / 50);
	assert_true(last <= PB_MSEC(7) && last > PB_MSEC(7) - PB_MSEC(2) / 50);
	run(&(struct pb_impairment){ .jitter = PB_MSEC(2) }, "w");
	for (uint32_t i = 0; i < FRAMES; i++) /* all at once: order is kept */
		assert_int_equal(arrived[i].number, i);
}

static void reordering(void **state)
{
	size_t late = 0;

	(void)state;
	struct rig rig =
		rig_new(&(struct pb_impairment){ .reordering = 0.3, .reorder_delay = PB_MSEC(3) }, "w");
	for (uint32_t i = 0; i < FRAMES; i++)
		send_numbered(&rig, i, 0);
	assert_int_equal(arrivals(&rig, 0, arrived, FRAMES), FRAMES);
	for (uint32_t i = 0; i < FRAMES; i++) {
		late += arrived[i].at == PB_MSEC(3);
		assert_true(arrived[i].at == 0 || arrived[i].at == PB_MSEC(3));
	}
	rig_free(&rig);
	assert_chance(0.3, late, FRAMES);
}

/* 1 Mbit/s and frames of 1000 bits: one a millisecond; the queue holds 10 besides the one being sent. */
static void rate_and_queue(void **state)
{
	const struct pb_impairment in = { .rate = 1000000, .queue = 11 * FRAME_LEN };

	(void)state;
	size_t count = run(&in, "w");
	assert_int_equal(count, 11);
	for (uint32_t i = 0; i < count; i++)
		assert_true(arrived[i].number == i && arrived[i].at == PB_MSEC(i + 1));
	struct rig rig = rig_new(&in, "w");
	for (uint32_t i = 0; i < 3; i++) { /* the queue drains in between */
		for (uint32_t k = 0; k < 11; k++)
			send_numbered(&rig, k, PB_SEC(i));
		assert_int_equal(arrivals(&rig, PB_SEC(i), arrived, 11), 11);
		assert_true(arrived[10].at == PB_SEC(i) + PB_MSEC(11));
	}
	rig_free(&rig);
}

static void black_hole(void **state)
{
	(void)state;
	assert_int_equal(run(&(struct pb_impairment){ .mtu = FRAME_LEN }, "w"), FRAMES);
	assert_int_equal(run(&(struct pb_impairment){ .mtu = FRAME_LEN - 1 }, "w"), 0);
}

/* The same seed and name: the same fates. Another name: others. */
static void replays(void **state)
{
	static struct arrival before[4 * FRAMES];
	const struct pb_impairment in = {
		.loss = 0.1, .duplication = 0.1, .corruption = 0.1, .reordering = 0.1, .jitter = PB_MSEC(1)
	};

	(void)state;
	size_t count = run(&in, "east");
	memcpy(before, arrived, sizeof before);
	assert_int_equal(run(&in, "east"), count);
	for (size_t i = 0; i < count; i++)
		assert_true(before[i].number == arrived[i].number && before[i].at == arrived[i].at);
	size_t others = run(&in, "west"), differ = 0;
	for (size_t i = 0; i < count && i < others; i++)
		differ += before[i].number != arrived[i].number;
	assert_true(differ > count / 2);
}

static void changes_while_it_runs(void **state)
{
	struct rig rig = rig_new(&(struct pb_impairment){ .delay = PB_MSEC(10) }, "w");

	(void)state;
	send_numbered(&rig, 0, 0);
	assert_null(rig.end[1]->ops->receive(rig.end[1], 0, rig.pool));
	pb_device_set_impairment(rig.end[1], &(struct pb_impairment){ 0 });
	send_numbered(&rig, 1, PB_MSEC(1));
	assert_int_equal(arrivals(&rig, PB_MSEC(1), arrived, 2), 2);
	assert_true(arrived[0].number == 0 && arrived[0].at == PB_MSEC(10)); /* still the first */
	send_numbered(&rig, 2, PB_MSEC(20));
	pb_device_set_impairment(rig.end[1], &(struct pb_impairment){ .loss = 1 });
	assert_int_equal(arrivals(&rig, PB_MSEC(20), arrived, 2), 0);
	send_numbered(&rig, 3, PB_MSEC(30)); /* waits inside when all is closed */
	rig_free(&rig);
}

/* An Ethernet pair, whose end 1 suffers. */
static struct rig ethernet_rig_new(const struct pb_impairment *in)
{
	struct rig rig = { .pool = pb_pool_new(256 << 20) };
	struct pb_device *inner[2];

	assert_int_equal(pb_device_pair(1500, true, 100000, inner), 0);
	rig.end[0] = inner[0];
	assert_int_equal(pb_device_impair(inner[1], in, seed, "w", &rig.end[1]), 0);
	return rig;
}

/* A frame of 125 bytes with a codepoint of ECN. */
static struct pb_buf *frame_with(struct rig *rig, bool ip6, enum ecn_codepoint codepoint)
{
	static uint8_t payload[100];
	const size_t headers = (ip6 ? 40 : 20) + 8, l2 = rig->end[1]->ethernet ? ETHERNET_HEADER_LEN : 0;
	const struct shape s = {
		.ethernet = l2, .ip6 = ip6, .protocol = IPPROTO_UDP, .payload = FRAME_LEN - headers - l2
	};
	struct random r = { 1 };
	struct pb_buf *b = frame_new(rig->pool, &s, payload, &r);
	uint8_t *ip = b->data + l2;

	if (ip6) {
		ip[1] = (uint8_t)(codepoint << 4);
		return b;
	}
	uint16_t sum =
		pb_checksum_update((uint16_t)(ip[10] << 8 | ip[11]), 0x4500, (uint16_t)(0x4500 | codepoint));
	ip[1] = (uint8_t)codepoint;
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
	assert_int_equal(naive_checksum(ip, 20, 0), 0);
	return b;
}

/* The codepoint of the next frame, which is as it should be otherwise. */
static enum ecn_codepoint receive_codepoint(struct rig *rig, pb_time now)
{
	struct pb_buf *b = rig->end[1]->ops->receive(rig->end[1], now, rig->pool);
	const size_t l2 = rig->end[1]->ethernet ? ETHERNET_HEADER_LEN : 0;

	assert_non_null(b);
	const uint8_t *ip = b->data + l2;
	if (ip[0] >> 4 == 4)
		assert_int_equal(naive_checksum(ip, 20, 0), 0);
	enum ecn_codepoint codepoint = pb_ecn_read(ip, b->len - l2);
	pb_buf_free(b);
	return codepoint;
}

/* RFC 3168 §5: who waits behind more than the threshold is marked if he can be, and waits like the others else. */
static void marks_above_a_threshold(void **state)
{
	const struct pb_impairment in = { .rate = 1000000,
					  .queue = 11 * FRAME_LEN,
					  .mark_above = 4 * FRAME_LEN };

	(void)state;
	for (int k = 0; k < 4; k++) {
		struct rig rig = k & 1 ? rig_new(&in, "w") : ethernet_rig_new(&in);
		for (uint32_t i = 0; i < 12; i++) { /* the last does not fit */
			struct pb_buf *b = frame_with(&rig, k & 2, i % 3);
			rig.end[0]->ops->send(rig.end[0], 0, b);
		}
		assert_null(rig.end[1]->ops->receive(rig.end[1], 0, rig.pool));
		assert_int_equal(rig.end[1]->receive_drops, 1);
		for (uint32_t i = 0; i < 11; i++) {
			enum ecn_codepoint sent = i % 3, now = receive_codepoint(&rig, PB_MSEC(i + 1));
			assert_int_equal(now, i > 4 && sent != ECN_NOT_ECT ? ECN_CE : sent);
		}
		rig_free(&rig);
	}
}

static void marks_at_random(void **state)
{
	size_t marked = 0;

	(void)state;
	struct rig rig = rig_new(&(struct pb_impairment){ .marking = 0.1 }, "w");
	for (uint32_t i = 0; i < FRAMES; i++)
		rig.end[0]->ops->send(rig.end[0], 0, frame_with(&rig, false, i & 1 ? ECN_ECT0 : ECN_NOT_ECT));
	for (uint32_t i = 0; i < FRAMES; i++) {
		enum ecn_codepoint codepoint = receive_codepoint(&rig, 0);
		assert_true(i & 1 || codepoint == ECN_NOT_ECT);
		marked += codepoint == ECN_CE;
	}
	rig_free(&rig);
	assert_chance(0.1, marked, FRAMES / 2);
}

/* Who keeps a reference to what he sent has it as it was. */
static void marks_a_copy_of_what_is_shared(void **state)
{
	struct rig rig = rig_new(&(struct pb_impairment){ .marking = 1 }, "w");
	struct pb_buf *sent = frame_with(&rig, false, ECN_ECT0), *kept = pb_buf_share(sent);

	(void)state;
	rig.end[0]->ops->send(rig.end[0], 0, sent);
	assert_int_equal(receive_codepoint(&rig, 0), ECN_CE);
	assert_int_equal(pb_ecn_read(kept->data, kept->len), ECN_ECT0);
	pb_buf_free(kept);
	rig_free(&rig);
}

/* Each segment of a super-segment meets the queue by itself: what it says of CWR, the first says (RFC 3168 §6.1.2). */
static void marks_segments_by_themselves(void **state)
{
	static uint8_t payload[10000];
	const struct shape s = { .protocol = IPPROTO_TCP,
				 .payload = sizeof payload,
				 .segment_size = 1000,
				 .checksum_wanted = true,
				 .flags = TCP_ACK | TCP_CWR | TCP_ECE };
	struct rig rig = rig_new(&(struct pb_impairment){ .rate = 1000000, .mark_above = 5 * 1040 }, "w");
	struct random r = { 1 };
	struct pb_buf *frame = frame_new(rig.pool, &s, payload, &r);

	(void)state;
	frame->data[1] = ECN_ECT0;
	rig.end[0]->ops->send(rig.end[0], 0, frame);
	assert_null(rig.end[1]->ops->receive(rig.end[1], 0, rig.pool));
	for (int i = 0; i < 10; i++) {
		struct pb_buf *b = rig.end[1]->ops->receive(rig.end[1], PB_SEC(1), rig.pool);
		assert_int_equal(pb_ecn_read(b->data, b->len), i > 5 ? ECN_CE : ECN_ECT0);
		assert_int_equal(b->data[20 + TCP_FLAGS_AT], TCP_ACK | TCP_ECE | (i == 0 ? TCP_CWR : 0));
		assert_int_equal(naive_checksum(b->data, 20, 0), 0);
		pb_buf_free(b);
	}
	rig_free(&rig);
}

/*
 * A super-segment is cut; what was open about its checksum is closed before a bit is turned, so that it
 * shows.
 */
static void corruption_shows(void **state)
{
	static uint8_t payload[10000], bytes[2000];
	const struct shape s = { .protocol = IPPROTO_TCP,
				 .payload = sizeof payload,
				 .segment_size = 1000,
				 .checksum_wanted = true,
				 .part_max = 3000,
				 .flags = TCP_ACK };
	struct rig rig = rig_new(&(struct pb_impairment){ .corruption = 1 }, "w");
	struct random r = { 1 };

	(void)state;
	struct pb_buf *frame = frame_new(rig.pool, &s, payload, &r), *kept = pb_buf_share(frame);
	uint8_t before[40];
	memcpy(before, frame->data, sizeof before);
	rig.end[0]->ops->send(rig.end[0], 0, frame);
	for (int i = 0; i < 10; i++) {
		struct pb_buf *b = rig.end[1]->ops->receive(rig.end[1], 0, rig.pool);
		assert_non_null(b);
		assert_int_equal(b->total, 1040);
		assert_int_equal(b->checksum, PB_CHECKSUM_UNKNOWN);
		pb_buf_copy(b, 0, bytes, b->total);
		bool ip_bad = naive_checksum(bytes, 20, 0) != 0;
		bool tcp_bad = naive_checksum(bytes + 20, 1020, naive_pseudo(bytes, 1020)) != 0;
		assert_true(ip_bad || tcp_bad);
		pb_buf_free(b);
	}
	assert_null(rig.end[1]->ops->receive(rig.end[1], 0, rig.pool));
	assert_memory_equal(kept->data, before, sizeof before);
	pb_buf_free(kept);
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_happens),
		cmocka_unit_test(loss),
		cmocka_unit_test(duplication),
		cmocka_unit_test(corruption),
		cmocka_unit_test(delay_and_jitter),
		cmocka_unit_test(reordering),
		cmocka_unit_test(rate_and_queue),
		cmocka_unit_test(black_hole),
		cmocka_unit_test(replays),
		cmocka_unit_test(changes_while_it_runs),
		cmocka_unit_test(corruption_shows),
		cmocka_unit_test(marks_above_a_threshold),
		cmocka_unit_test(marks_at_random),
		cmocka_unit_test(marks_a_copy_of_what_is_shared),
		cmocka_unit_test(marks_segments_by_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
