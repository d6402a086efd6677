/* IPv6 headers and chains of extension headers (RFC 8200 §3, §4): golden bytes, every prefix, every bound. */
#include "wire/icmp6.h"
#include "wire/ip6.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* 2001:db8::1 to 2001:db8::2, traffic class 0xb8, flow label 0x12345, 8 bytes of UDP. */
static const uint8_t golden[IP6_HEADER_LEN] = {
	0x6b, 0x81, 0x23, 0x45,     0,    8,    17,   64,   0x20,
	0x01, 0x0d, 0xb8, [23] = 1, 0x20, 0x01, 0x0d, 0xb8, [39] = 2
};

static void read_one(void **state)
{
	struct ip6_header h;

	(void)state;
	for (size_t n = 0; n < sizeof golden; n++)
		assert_false(pb_ip6_parse(&h, &(struct reader){ .p = golden, .left = n }, 48));
	assert_false(pb_ip6_parse(&h, &(struct reader){ .p = golden, .left = sizeof golden }, 47));
	assert_true(pb_ip6_parse(&h, &(struct reader){ .p = golden, .left = sizeof golden }, 48));
	assert_int_equal(h.traffic_class, 0xb8);
	assert_int_equal(h.flow_label, 0x12345);
	assert_int_equal(h.payload_len, 8);
	assert_int_equal(h.next, 17);
	assert_int_equal(h.hop_limit, 64);
	assert_memory_equal(h.src.bytes, golden + IP6_SRC_AT, 16);
	assert_memory_equal(h.dst.bytes, golden + IP6_DST_AT, 16);
}

static void write_one(void **state)
{
	uint8_t bytes[IP6_HEADER_LEN];
	struct ip6_header h;

	(void)state;
	assert_true(pb_ip6_parse(&h, &(struct reader){ .p = golden, .left = sizeof golden }, 48));
	for (size_t n = 0; n < sizeof bytes; n++)
		assert_false(pb_ip6_write(&h, &(struct writer){ .p = bytes, .left = n }));
	assert_true(pb_ip6_write(&h, &(struct writer){ .p = bytes, .left = sizeof bytes }));
	assert_memory_equal(bytes, golden, sizeof golden);
}

/* Another version is another protocol; an IPv4-mapped address would pass for IPv4's. */
static void refuses_strangers(void **state)
{
	static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 10, 0, 0, 1 };
	uint8_t bytes[IP6_HEADER_LEN];
	struct ip6_header h;

	(void)state;
	for (unsigned version = 0; version < 16; version++) {
		memcpy(bytes, golden, sizeof bytes);
		bytes[0] = (uint8_t)(version << 4 | 11);
		assert_int_equal(pb_ip6_parse(&h, &(struct reader){ .p = bytes, .left = 40 }, 48),
				 version == 6);
	}
	for (int at = IP6_SRC_AT; at <= IP6_DST_AT; at += 16) {
		memcpy(bytes, golden, sizeof bytes);
		memcpy(bytes + at, mapped, sizeof mapped);
		assert_false(pb_ip6_parse(&h, &(struct reader){ .p = bytes, .left = 40 }, 48));
	}
}

/*
 * Chains ---------------------------------------------------------------------------------------------------
 */

static uint8_t packet[2048];
static size_t packet_len;
static size_t next_at; /* where the next header's kind goes */

static void begin(void)
{
	memcpy(packet, golden, sizeof golden);
	packet_len = IP6_HEADER_LEN;
	next_at = IP6_NEXT_AT;
}

/* An extension header with a body of len bytes, 8 n - 2 of them. */
static void add(uint8_t kind, const void *body, size_t len)
{
	packet[next_at] = kind;
	next_at = packet_len;
	packet[packet_len + 1] = (uint8_t)((len + 2) / 8 - 1);
	memcpy(packet + packet_len + 2, body, len);
	packet_len += len + 2;
}

static void add_fragment(uint16_t offset, bool more)
{
	struct ip6_fragment f = { .offset = offset, .more = more, .id = 0xdeadbeef };

	packet[next_at] = IP6_FRAGMENT;
	next_at = packet_len;
	assert_true(pb_ip6_fragment_write(&f, &(struct writer){ .p = packet + packet_len, .left = 8 }));
	packet_len += IP6_FRAGMENT_LEN;
}

static enum ip6_walk walk(struct ip6_chain *c)
{
	packet[next_at] = 17;
	return pb_ip6_walk(c, packet, packet_len);
}

static const uint8_t padding[6] = { IP6_OPTION_PADN, 4 };

static void walks_a_chain(void **state)
{
	struct ip6_chain c;

	(void)state;
	begin();
	assert_int_equal(walk(&c), IP6_IS_WELL);
	assert_int_equal(c.len, 40);
	assert_int_equal(c.protocol, 17);
	assert_int_equal(c.protocol_at, IP6_NEXT_AT);
	add(IP6_HOP_BY_HOP, padding, 6);
	add(IP6_DESTINATION, padding, 6);
	add(IP6_ROUTING, (uint8_t[6]){ 2, 0 }, 6);
	assert_int_equal(walk(&c), IP6_IS_WELL);
	assert_int_equal(c.len, 64);
	assert_int_equal(c.protocol, 17);
	assert_int_equal(c.protocol_at, 56);
	assert_false(c.is_fragment);
	for (size_t n = 0; n < packet_len; n++)
		assert_int_equal(pb_ip6_walk(&c, packet, n), IP6_IS_CUT);
}

/* RFC 8200 §4.1: hop-by-hop options come first or not at all. */
static void hop_by_hop_is_first(void **state)
{
	struct ip6_chain c;

	(void)state;
	begin();
	add(IP6_DESTINATION, padding, 6);
	add(IP6_HOP_BY_HOP, padding, 6);
	assert_int_equal(walk(&c), IP6_IS_PROBLEM);
	assert_int_equal(c.problem, ICMP6_UNKNOWN_HEADER);
	assert_int_equal(c.pointer, 40);
}

/* RFC 8200 §4.4, RFC 5095 §3: what has yet to go elsewhere does not go by us. */
static void no_routing(void **state)
{
	struct ip6_chain c;

	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		begin();
		add(IP6_ROUTING, (uint8_t[6]){ (uint8_t)type, 1 }, 6);
		assert_int_equal(walk(&c), IP6_IS_PROBLEM);
		assert_int_equal(c.problem, ICMP6_WRONG_FIELD);
		assert_int_equal(c.pointer, 42);
	}
}

/* RFC 8200 §4.2: the two highest bits of an unknown option's type. */
static void unknown_options(void **state)
{
	static const struct {
		uint8_t type;
		enum ip6_walk verdict;
	} table[] = {
		{0x1e,  IP6_IS_WELL          },
		{ 0x5e, IP6_IS_REFUSED       },
		{ 0x9e, IP6_IS_UNKNOWN_OPTION},
		{ 0xde, IP6_IS_PROBLEM       },
	};
	struct ip6_chain c;

	(void)state;
	for (size_t n = 0; n < sizeof table / sizeof *table; n++) {
		begin();
		add(IP6_DESTINATION, (uint8_t[6]){ IP6_OPTION_PAD1, table[n].type, 3 }, 6);
		assert_int_equal(walk(&c), table[n].verdict);
		if (table[n].verdict < IP6_IS_PROBLEM)
			continue;
		assert_int_equal(c.problem, ICMP6_UNKNOWN_OPTION);
		assert_int_equal(c.pointer, 43);
	}
}

static void options_stay_inside(void **state)
{
	struct ip6_chain c;

	(void)state;
	for (unsigned len = 0; len < 256; len++) {
		begin();
		add(IP6_DESTINATION, (uint8_t[6]){ 0x1e, (uint8_t)len }, 6);
		packet_len += 300;
		enum ip6_walk verdict = walk(&c);
		if (len <= 4)
			assert_int_equal(verdict, IP6_IS_WELL); /* zeroes behind it are PAD1 */
		else
			assert_int_equal(verdict, IP6_IS_PROBLEM);
	}
}

/* RFC 8504 §5.3: a host may have its limits. */
static void bounds(void **state)
{
	uint8_t body[254] = { 0 };
	struct ip6_chain c;

	(void)state;
	begin();
	for (int n = 0; n < IP6_EXTENSIONS_MAX; n++)
		add(IP6_DESTINATION, padding, 6);
	assert_int_equal(walk(&c), IP6_IS_WELL);
	add(IP6_DESTINATION, padding, 6);
	assert_int_equal(walk(&c), IP6_IS_REFUSED);

	for (unsigned options = IP6_OPTIONS_MAX; options <= IP6_OPTIONS_MAX + 1; options++) {
		memset(body, 0, sizeof body);
		for (unsigned n = 0; n < options; n++)
			body[n * 2] = 0x1e;
		begin();
		add(IP6_DESTINATION, body, 22);
		assert_int_equal(walk(&c), options > IP6_OPTIONS_MAX ? IP6_IS_REFUSED : IP6_IS_WELL);
	}

	memset(body, 0, sizeof body);
	begin();
	add(IP6_DESTINATION, body, 14); /* fourteen bytes of padding in a row */
	assert_int_equal(walk(&c), IP6_IS_REFUSED);

	body[0] = 0x1e, body[1] = 252;
	begin();
	add(IP6_DESTINATION, body, 254);
	add(IP6_DESTINATION, body, 254);
	assert_int_equal(walk(&c), IP6_IS_WELL);
	assert_int_equal(c.len, IP6_HEADER_LEN + IP6_CHAIN_LEN_MAX);
	add(IP6_DESTINATION, padding, 6);
	assert_int_equal(walk(&c), IP6_IS_REFUSED);
}

/* RFC 8200 §4.5; RFC 6946 §4: one that fragments nothing is like any other header; RFC 7112: a first one goes on. */
static void fragments(void **state)
{
	struct ip6_chain c;

	(void)state;
	begin();
	add_fragment(0, false);
	assert_int_equal(walk(&c), IP6_IS_WELL);
	assert_false(c.is_fragment);
	assert_int_equal(c.len, 48);

	begin();
	add(IP6_DESTINATION, padding, 6);
	add_fragment(1448, true);
	packet[next_at] = IP6_DESTINATION; /* which is not there: that is in the first one */
	assert_int_equal(pb_ip6_walk(&c, packet, packet_len), IP6_IS_WELL);
	assert_true(c.is_fragment);
	assert_int_equal(c.fragment_at, 48);
	assert_int_equal(c.fragment_next_at, 40);
	assert_int_equal(c.fragment.offset, 1448);
	assert_true(c.fragment.more);
	assert_int_equal(c.fragment.id, 0xdeadbeef);
	assert_int_equal(c.fragment.next, IP6_DESTINATION);

	begin();
	add_fragment(0, true);
	add(IP6_DESTINATION, padding, 6);
	assert_int_equal(walk(&c), IP6_IS_WELL);
	assert_true(c.is_fragment);
	assert_int_equal(c.len, 56);
	assert_int_equal(c.protocol, 17);
	add_fragment(8, true);
	assert_int_equal(walk(&c), IP6_IS_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_one),
		cmocka_unit_test(write_one),
		cmocka_unit_test(refuses_strangers),
		cmocka_unit_test(walks_a_chain),
		cmocka_unit_test(hop_by_hop_is_first),
		cmocka_unit_test(no_routing),
		cmocka_unit_test(unknown_options),
		cmocka_unit_test(options_stay_inside),
		cmocka_unit_test(bounds),
		cmocka_unit_test(fragments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
