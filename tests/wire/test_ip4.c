/*
 * IPv4 headers: golden bytes, every prefix and damaged bit, lengths that contradict, options, and any header
 * again.
 */
#include "base/checksum.h"
#include "random.h"
#include "wire/ip4.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* UDP from 192.0.2.1 to 198.51.100.2, 32 bytes in all. */
static const uint8_t golden[] = { 0x45, 0x00, 0x00, 0x20, 0x12, 0x34, 0x40, 0x00, 0x40, 0x11,
				  0x3c, 0x62, 192,  0,    2,    1,    198,  51,   100,  2 };

static bool parse(struct ip4_header *h, const uint8_t *bytes, size_t len, size_t came)
{
	return pb_ip4_parse(h, &(struct reader){ .p = bytes, .left = len }, came);
}

static void seal(uint8_t *bytes, size_t len)
{
	bytes[10] = bytes[11] = 0;
	uint16_t sum = pb_checksum(bytes, len);
	bytes[10] = (uint8_t)(sum >> 8);
	bytes[11] = (uint8_t)sum;
}

static void read_one(void **state)
{
	struct ip4_header h;

	(void)state;
	for (size_t n = 0; n < sizeof golden; n++)
		assert_false(parse(&h, golden, n, 32));
	assert_true(parse(&h, golden, sizeof golden, 32));
	assert_int_equal(h.len, 20);
	assert_int_equal(h.packet_len, 32);
	assert_int_equal(h.id, 0x1234);
	assert_true(h.dont_fragment && !h.more_fragments && !h.evil && !ip4_is_fragment(&h));
	assert_int_equal(h.ttl, 64);
	assert_int_equal(h.protocol, IPPROTO_UDP);
	assert_memory_equal(ip_bytes4(&h.src), golden + 12, 4);
	assert_memory_equal(ip_bytes4(&h.dst), golden + 16, 4);
}

static void each_damaged_bit(void **state)
{
	uint8_t bytes[sizeof golden];
	struct ip4_header h;

	(void)state;
	memcpy(bytes, golden, sizeof bytes);
	for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(parse(&h, bytes, sizeof bytes, 32));
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* Whether a header of which two bytes are others, the checksum being right, is taken. */
static bool with(size_t at, unsigned value, size_t came)
{
	uint8_t bytes[sizeof golden];
	struct ip4_header h;

	memcpy(bytes, golden, sizeof bytes);
	bytes[at] = (uint8_t)(value >> 8);
	bytes[at + 1] = (uint8_t)value;
	seal(bytes, sizeof bytes);
	return parse(&h, bytes, sizeof bytes, came);
}

static void contradictions(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 256; first++) /* version and IHL */
		assert_int_equal(with(0, first << 8, 32), first == 0x45);
	for (unsigned len = 0; len <= 0xffff; len++)
		assert_int_equal(with(IP4_LEN_AT, len, 1500), len >= 20 && len <= 1500);
	assert_true(with(6, 8184, 32));  /* offset 65472 + 32 = 65504 */
	assert_true(with(6, 8187, 32));  /* 65528 in all */
	assert_false(with(6, 8188, 32)); /* 65536 */
	assert_false(with(6, 8191, 32));
	assert_false(with(6, 0x2000, 32)); /* not the last, and 12 bytes */
	assert_true(with(6, 0x8000, 32));
}

/* The fault that a header with these options has. */
static unsigned fault(const uint8_t *options, size_t len)
{
	uint8_t bytes[IP4_HEADER_LEN_MAX] = { 0 };
	struct ip4_header h = { .len = (uint8_t)(20 + (len + 3) / 4 * 4), .packet_len = 60 };
	uint8_t padded[IP4_OPTIONS_LEN_MAX] = { 0 };

	memcpy(padded, options, len);
	h.options = padded;
	assert_true(pb_ip4_write(&h, &(struct writer){ .p = bytes, .left = sizeof bytes }));
	assert_true(parse(&h, bytes, sizeof bytes, 60));
	return pb_ip4_options_fault(&h);
}
#define FAULT(...) fault((const uint8_t[]){ __VA_ARGS__ }, sizeof(const uint8_t[]){ __VA_ARGS__ })

static void option_faults(void **state)
{
	(void)state;
	assert_int_equal(FAULT(0), 0);
	assert_int_equal(FAULT(1, 1, 1, 0), 0);
	assert_int_equal(FAULT(0, 7, 0, 0), 0);   /* behind the end is padding */
	assert_int_equal(FAULT(148, 4, 0, 0), 0); /* router alert */
	assert_int_equal(FAULT(30, 4, 9, 9), 0);  /* unknown */
	assert_int_equal(FAULT(1, 30, 1, 0), 22); /* too short: the length byte */
	assert_int_equal(FAULT(30, 5, 0, 0), 21); /* too long */
	assert_int_equal(FAULT(1, 1, 1, 30), 23); /* no length at all: the type */
	assert_int_equal(FAULT(7, 7, 4, 0, 0, 0, 0), 0);
	assert_int_equal(FAULT(7, 7, 8, 0, 0, 0, 0), 0); /* full */
	assert_int_equal(FAULT(7, 7, 3, 0, 0, 0, 0), 22);
	assert_int_equal(FAULT(7, 7, 5, 0, 0, 0, 0), 22);
	assert_int_equal(FAULT(1, 131, 2), 22);
	assert_int_equal(FAULT(137, 7, 4, 10, 0, 0, 1), 0);
	assert_int_equal(FAULT(68, 8, 5, 0, 0, 0, 0, 0), 0);
	assert_int_equal(FAULT(68, 8, 5, 1, 0, 0, 0, 0), 22); /* no room for address and time */
	assert_int_equal(FAULT(68, 8, 5, 2, 0, 0, 0, 0), 23);
	assert_int_equal(FAULT(68, 8, 4, 0, 0, 0, 0, 0), 22);
	assert_int_equal(FAULT(68, 3, 5), 21);
}

static void options_of_fragments(void **state)
{
	const uint8_t options[] = { 7, 3, 4, 1, 137, 7, 4, 10, 0, 0, 1, 1, 148, 4, 0, 0 };
	const uint8_t copied[] = { 137, 7, 4, 10, 0, 0, 1, 148, 4, 0, 0, 0 };
	const struct ip4_header h = { .len = 20 + sizeof options, .options = options };
	uint8_t to[IP4_OPTIONS_LEN_MAX];

	(void)state;
	assert_int_equal(pb_ip4_copied_options(&h, to), sizeof copied);
	assert_memory_equal(to, copied, sizeof copied);
}

static void write_and_read(uint64_t seed)
{
	struct random r = { seed };
	uint8_t bytes[IP4_HEADER_LEN_MAX], options[IP4_OPTIONS_LEN_MAX];
	struct ip4_header h = { .tos = (uint8_t)random_next(&r), .id = (uint16_t)random_next(&r) }, again;

	for (size_t i = 0; i < sizeof options; i++)
		options[i] = (uint8_t)random_next(&r);
	h.options = options;
	h.len = (uint8_t)(20 + 4 * random_below(&r, 11));
	h.packet_len = (uint16_t)(h.len + 8 * random_below(&r, 100));
	h.fragment_offset = (uint16_t)(8 * random_below(&r, 8000));
	h.ttl = (uint8_t)random_next(&r);
	h.protocol = (uint8_t)random_next(&r);
	h.dont_fragment = random_next(&r) & 1;
	h.more_fragments = random_next(&r) & 1;
	h.evil = random_next(&r) & 1;
	h.src = ip_from4(options);
	h.dst = ip_from4(options + 4);
	assert_true(pb_ip4_write(&h, &(struct writer){ .p = bytes, .left = h.len }));
	assert_false(pb_ip4_write(&h, &(struct writer){ .p = bytes, .left = h.len - 1u }));
	if (!parse(&again, bytes, h.len, h.packet_len))
		fail_msg("PACKETBOAT_SEED=%lu: not read again", (unsigned long)seed);
	assert_memory_equal(again.options, options, h.len - 20u);
	h.checksum = again.checksum;
	h.options = again.options;
	assert_true(ip_equal(&h.src, &again.src) && ip_equal(&h.dst, &again.dst));
	assert_true(h.len == again.len && h.tos == again.tos && h.packet_len == again.packet_len);
	assert_true(h.id == again.id && h.fragment_offset == again.fragment_offset);
	assert_true(h.dont_fragment == again.dont_fragment && h.more_fragments == again.more_fragments);
	assert_true(h.evil == again.evil && h.ttl == again.ttl && h.protocol == again.protocol);
}

static void any_header_again(void **state)
{
	struct seeds s = seeds_to_try(20000);

	(void)state;
	for (uint64_t seed = s.first; seed < s.end; seed++)
		write_and_read(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_one),
		cmocka_unit_test(each_damaged_bit),
		cmocka_unit_test(contradictions),
		cmocka_unit_test(option_faults),
		cmocka_unit_test(options_of_fragments),
		cmocka_unit_test(any_header_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
