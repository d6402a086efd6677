/*
 * Finishing: whatever super-segment is cut, its pieces carry the same bytes in order under headers that a
 * plain reference agrees with; whatever checksum is completed, the reference agrees, too; bytes that others
 * refer to stay.
 */
#include "link/finish.h"

#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint8_t payload[65536];

static struct shape any_shape(struct random *r)
{
	struct shape s = { .ethernet = random_next(r) & 1,
			   .ip6 = random_next(r) & 1,
			   .checksum_wanted = true };

	s.protocol = random_below(r, 4) ? IPPROTO_TCP : IPPROTO_UDP;
	s.payload = random_below(r, 4) ? random_magnitude(r, 12) : random_below(r, 65000);
	s.part_max = random_next(r) & 1 ? 0 : 1 + s.payload / 100 + random_magnitude(r, 13);
	s.seq = (uint32_t)random_next(r);
	s.id = (uint16_t)random_next(r);
	if (s.protocol == IPPROTO_TCP) {
		s.segment_size = random_below(r, 4) ? (uint16_t)(1 + random_below(r, 9000)) : 0;
		s.flags = random_next(r) & 0xff & ~TCP_SYN;
		s.options.has_timestamp = random_next(r) & 1;
		s.options.ts_value = s.options.has_timestamp ? 12345 : 0;
	}
	return s;
}

/* The pieces of one frame, in the order in which they came out. */
struct check {
	const struct shape *shape;
	unsigned offload;
	size_t at;      /* payload seen so far */
	unsigned count; /* pieces seen so far */
};

static void check_ip(const struct check *c, const uint8_t *ip, size_t packet_len)
{
	struct ip4_header h;

	if (c->shape->ip6) {
		assert_int_equal(ip[4] << 8 | ip[5], packet_len - IP6_LEN);
		return;
	}
	assert_true(pb_ip4_parse(&h, &(struct reader){ .p = ip, .left = packet_len }, packet_len));
	assert_int_equal(h.packet_len, packet_len);
	assert_int_equal(h.id, (uint16_t)(c->shape->id + c->count));
	assert_int_equal(naive_checksum(ip, IP4_HEADER_LEN, 0), 0);
}

static void check_checksum(const struct check *c, const struct pb_buf *b, uint8_t *ip, uint8_t *l4,
			   size_t len)
{
	uint8_t *field = l4 + b->checksum_offset;
	uint16_t found = (uint16_t)(field[0] << 8 | field[1]);

	if (c->offload & PB_OFFLOAD_CHECKSUM) {
		assert_int_equal(b->checksum, PB_CHECKSUM_WANTED);
		assert_ptr_equal(b->transport - b->data,
				 l4 - ip + (c->shape->ethernet ? ETHERNET_HEADER_LEN : 0));
		assert_int_equal(found, (uint16_t)~naive_checksum(NULL, 0, naive_pseudo(ip, len)));
		return;
	}
	assert_int_equal(b->checksum, PB_CHECKSUM_UNKNOWN);
	field[0] = field[1] = 0;
	uint16_t expected = naive_checksum(l4, len, naive_pseudo(ip, len));
	if (c->shape->protocol == IPPROTO_UDP && !expected)
		expected = 0xffff;
	assert_int_equal(found, expected);
}

static void check_piece(struct check *c, const struct pb_buf *b)
{
	static uint8_t bytes[70000];
	const struct shape *s = c->shape;
	uint8_t *ip = bytes + (s->ethernet ? ETHERNET_HEADER_LEN : 0);
	uint8_t *l4 = ip + (s->ip6 ? IP6_LEN : IP4_HEADER_LEN);
	struct tcp_header tcp;

	pb_buf_copy(b, 0, bytes, b->total);
	size_t headers = frame_headers_len(s), n = b->total - headers;
	bool last = c->at + n == s->payload;
	assert_true(b->more == NULL || c->offload & PB_OFFLOAD_PARTS);
	assert_true(b->segment_size == 0 || c->offload & PB_OFFLOAD_SEGMENT);
	check_ip(c, ip, b->total - (size_t)(ip - bytes));
	if (s->protocol == IPPROTO_TCP) {
		assert_true(pb_tcp_parse(&tcp, &(struct reader){ .p = l4, .left = b->total }));
		assert_int_equal(tcp.seq, s->seq + (uint32_t)c->at);
		assert_int_equal(tcp.flags & (TCP_FIN | TCP_PSH), last ? s->flags & (TCP_FIN | TCP_PSH) : 0);
		assert_int_equal(tcp.flags & TCP_CWR, c->count ? 0 : s->flags & TCP_CWR);
		assert_int_equal(tcp.flags & (TCP_ACK | TCP_ECE | TCP_URG),
				 s->flags & (TCP_ACK | TCP_ECE | TCP_URG));
		assert_int_equal(tcp.options.ts_value, s->options.ts_value);
	}
	if (s->segment_size && !(c->offload & PB_OFFLOAD_SEGMENT))
		assert_true(n == s->segment_size || (last && n <= s->segment_size));
	assert_memory_equal(bytes + headers, payload + c->at, n);
	check_checksum(c, b, ip, l4, b->total - (size_t)(l4 - bytes));
	c->at += n;
	c->count++;
}

static void finish_one(struct pb_pool *pool, uint64_t seed)
{
	static const unsigned offloads[] = { 0, PB_OFFLOAD_CHECKSUM, PB_OFFLOAD_PARTS,
					     PB_OFFLOAD_CHECKSUM | PB_OFFLOAD_PARTS,
					     PB_OFFLOAD_CHECKSUM | PB_OFFLOAD_PARTS | PB_OFFLOAD_SEGMENT };
	static uint8_t before[70000], after[70000];
	struct random r = { seed };
	struct shape s = any_shape(&r);
	struct check c = { .shape = &s, .offload = offloads[random_below(&r, 5)] };
	struct pb_buf *frame = frame_new(pool, &s, payload, &r), *other = NULL;
	struct pb_buf_queue out = { 0 };

	if (random_next(&r) & 1) {
		other = pb_buf_share(frame);
		pb_buf_copy(other, 0, before, other->total);
	}
	bool needed = pb_finish_needed(frame, c.offload);
	assert_int_equal(pb_finish(pool, frame, s.ethernet, c.offload, &out), 0);
	if (!needed)
		assert_ptr_equal(out.first, frame);
	for (struct pb_buf *b; (b = pb_buf_queue_shift(&out)); pb_buf_free(b)) {
		assert_false(pb_finish_needed(b, c.offload));
		check_piece(&c, b);
	}
	assert_int_equal(c.at, s.payload);
	if (other) {
		pb_buf_copy(other, 0, after, other->total);
		assert_memory_equal(before, after, other->total);
	}
	pb_buf_free(other);
	assert_int_equal(pb_pool_bytes(pool), 0);
}

static void any_frame(void **state)
{
	struct seeds seeds = seeds_to_try(10000);
	struct pb_pool *pool = pb_pool_new(64 << 20);
	struct random r = { 1 };

	(void)state;
	for (size_t i = 0; i < sizeof payload; i++)
		payload[i] = (uint8_t)random_next(&r);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		trial_begins(seed);
		finish_one(pool, seed);
		trial_ends();
	}
	pb_pool_free(pool);
}

/* RFC 768: a UDP checksum that comes out as 0 is sent as 0xffff; TCP's is not. */
static void udp_zero(void **state)
{
	struct pb_pool *pool = pb_pool_new(1 << 20);
	const struct shape s = { .protocol = IPPROTO_UDP, .payload = 2, .checksum_wanted = true };
	struct random r = { 1 };
	uint8_t two[2] = { 0, 0 };
	struct pb_buf_queue out = { 0 };

	(void)state;
	struct pb_buf *b = frame_new(pool, &s, two, &r); /* what its sum lacks to be all ones */
	uint16_t sum = naive_checksum(b->transport, b->total - 20, 0);
	pb_buf_free(b);
	two[0] = (uint8_t)(sum >> 8);
	two[1] = (uint8_t)sum;
	assert_int_equal(pb_finish(pool, frame_new(pool, &s, two, &r), false, 0, &out), 0);
	b = pb_buf_queue_shift(&out);
	assert_int_equal(b->transport[UDP_CHECKSUM_AT], 0xff);
	assert_int_equal(b->transport[UDP_CHECKSUM_AT + 1], 0xff);
	pb_buf_free(b);
	pb_pool_free(pool);
}

/* What claims to be a super-segment and is none is dropped. */
static void not_a_super_segment(void **state)
{
	struct pb_pool *pool = pb_pool_new(1 << 20);
	const struct shape s = {
		.protocol = IPPROTO_TCP, .payload = 100, .segment_size = 10, .checksum_wanted = true
	};
	struct random r = { 1 };
	struct pb_buf_queue out = { 0 };

	(void)state;
	for (int wrong = 0; wrong < 5; wrong++) {
		struct pb_buf *b = frame_new(pool, &s, payload, &r);
		if (wrong == 0)
			b->transport = NULL;
		if (wrong == 1)
			b->transport[TCP_OFFSET_AT] = 0x40; /* shorter than a header may be */
		if (wrong == 2)
			b->transport = b->data + b->len - 10;
		if (wrong == 3)
			b->data[0] = 0x55;
		if (wrong == 4) {
			b->transport[TCP_OFFSET_AT] = 0xf0;
			pb_buf_trim(b, 50); /* shorter than the header says */
		}
		assert_int_equal(pb_finish(pool, b, false, 0, &out), 1);
		assert_int_equal(out.count, 0);
	}
	assert_int_equal(pb_pool_bytes(pool), 0);
	pb_pool_free(pool);
}

/* Without memory pieces are lost and counted, and nothing leaks. */
static void out_of_memory(void **state)
{
	const struct shape s = { .protocol = IPPROTO_TCP,
				 .payload = 60000,
				 .segment_size = 1000,
				 .part_max = 2000,
				 .checksum_wanted = true };
	struct pb_pool *theirs = pb_pool_new(1 << 20);
	struct random r = { 1 };

	(void)state;
	for (size_t max = 0; max < 8192; max += 256) {
		struct pb_pool *pool = pb_pool_new(max);
		struct pb_buf_queue out = { 0 };
		size_t lost =
			pb_finish(pool, frame_new(theirs, &s, payload, &r), false, PB_OFFLOAD_PARTS, &out);
		assert_int_equal(out.count, max / 256);
		assert_int_equal(lost + out.count, 60);
		pb_buf_queue_clear(&out);
		pb_pool_free(pool);
	}
	assert_int_equal(pb_pool_bytes(theirs), 0);
	pb_pool_free(theirs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(any_frame, tell_seed),
		cmocka_unit_test(udp_zero),
		cmocka_unit_test(not_a_super_segment),
		cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
