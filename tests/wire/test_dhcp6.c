/* DHCPv6 messages (RFC 8415 §8): what a client writes, every prefix of what a server says, odd options. */
#include "wire/dhcp6.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A reply: server identifier, two name servers, a domain, refresh and INF_MAX_RT. */
static const uint8_t reply[] = {
	7,    0xab, 0xcd, 0xef,                                                                          /* */
	0,    2,    0,    10,   0,    3,   0,    1,    2,   0,   0,   0,   0, 1,                         /* */
	0,    23,   0,    32,   0x20, 1,   0xd,  0xb8, 0,   0,   0,   0,   0, 0, 0, 0,    0, 0, 0, 0x53, /* */
	0xfe, 0x80, 0,    0,    0,    0,   0,    0,    0,   0,   0,   0,   0, 0, 0, 0x53,                /* */
	0,    24,   0,    9,    7,    'e', 'x',  'a',  'm', 'p', 'l', 'e', 0,                            /* */
	0,    32,   0,    4,    0,    0,   0x0e, 0x10,                                                   /* */
	0,    83,   0,    4,    0,    0,   0,    0x78,
};

static bool parse(struct dhcp6_message *m, const uint8_t *bytes, size_t len)
{
	return pb_dhcp6_parse(m, &(struct reader){ .p = bytes, .left = len });
}

static void reads_a_reply(void **state)
{
	static const size_t ends[] = { 4, 18, 54, 67, 75, sizeof reply }; /* of options */
	struct dhcp6_message m;
	size_t end = 0;

	(void)state;
	for (size_t n = 0; n <= sizeof reply; n++) {
		bool whole = n == ends[end];
		end += whole;
		assert_int_equal(parse(&m, reply, n), whole);
	}
	assert_int_equal(m.type, DHCP6_REPLY);
	assert_int_equal(m.xid, 0xabcdef);
	assert_true(m.has_server && !m.has_client && m.status == 0);
	assert_int_equal(m.server_count, 2);
	assert_int_equal(m.servers[0].bytes[15], 0x53);
	assert_true(ip_is_link_local(&m.servers[1]));
	assert_int_equal(m.domain_count, 1);
	assert_string_equal(m.domains[0], "example");
	assert_int_equal(m.refresh, 3600);
	assert_int_equal(m.timeout_max, 120);
}

static void other_types(void **state)
{
	uint8_t bytes[sizeof reply];
	struct dhcp6_message m;

	(void)state;
	memcpy(bytes, reply, sizeof reply);
	for (int type = 0; type < 256; type++) {
		bytes[0] = (uint8_t)type;
		assert_int_equal(parse(&m, bytes, sizeof bytes), type == 7 || type == 11);
	}
}

static void odd_options(void **state)
{
	static const uint8_t status[] = { 7, 0, 0, 1, 0, 13, 0, 3, 0, 1, '?' };
	static const uint8_t cut_server[] = { 7, 0, 0, 1, 0, 23, 0, 15, [22] = 0 };
	static const uint8_t bare_id[] = { 7, 0, 0, 1, 0, 2, 0, 2, 0, 3, 0, 1, 0, 0 };
	static const uint8_t unknown[] = { 7, 0, 0, 1, 0xff, 0xff, 0, 1, 9 };
	static const uint8_t groups[] = { 7, 0, 0, 1, 0, 23, 0, 32, 0xff, 2, [23] = 1, [39] = 0 };
	struct dhcp6_message m;

	(void)state;
	assert_true(parse(&m, status, sizeof status));
	assert_int_equal(m.status, 1);
	assert_false(parse(&m, cut_server, sizeof cut_server));
	assert_true(parse(&m, bare_id, sizeof bare_id));
	assert_true(!m.has_server && m.has_client);
	assert_true(parse(&m, unknown, sizeof unknown));
	assert_true(parse(&m, groups, sizeof groups)); /* a group and :: cannot be asked */
	assert_int_equal(m.server_count, 0);
}

/* What there is no room for is left out. */
static void too_many(void **state)
{
	uint8_t bytes[4 + 4 + 16 * 9 + 4 + 3 * 9] = { 7, 0, 0, 1, 0, 23, 0, 16 * 9 };
	uint8_t *domains = bytes + 8 + 16 * 9;
	struct dhcp6_message m;

	(void)state;
	for (uint8_t n = 0; n < 9; n++) {
		bytes[8 + 16 * n] = 0xfd;
		bytes[8 + 16 * n + 15] = n;
		memcpy(domains + 4 + 3 * n, (const uint8_t[]){ 1, (uint8_t)('a' + n), 0 }, 3);
	}
	memcpy(domains, (const uint8_t[]){ 0, 24, 0, 27 }, 4);
	assert_true(parse(&m, bytes, sizeof bytes));
	assert_int_equal(m.server_count, DHCP6_SERVERS_MAX);
	assert_int_equal(m.servers[3].bytes[15], 3);
	assert_int_equal(m.domain_count, DHCP6_DOMAINS_MAX);
	assert_string_equal(m.domains[3], "d");
}

static void writes_a_request(void **state)
{
	static const uint8_t want[] = { 11, 0x12, 0x34, 0x56, 0,  8, 0,  2, 0,  7, 0,
					6,  0,    8,    0,    23, 0, 24, 0, 32, 0, 83 };
	struct dhcp6_message m = { .type = DHCP6_INFORMATION_REQUEST, .xid = 0x123456, .elapsed = 7 };
	uint8_t bytes[DHCP6_LEN_MAX];
	struct writer w = { .p = bytes, .left = sizeof bytes };

	(void)state;
	assert_true(pb_dhcp6_write(&m, &w));
	assert_int_equal(sizeof bytes - w.left, sizeof want);
	assert_memory_equal(bytes, want, sizeof want);
	for (size_t n = 0; n < sizeof want; n++)
		assert_false(pb_dhcp6_write(&m, &(struct writer){ .p = bytes, .left = n }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_reply),    cmocka_unit_test(other_types),
		cmocka_unit_test(odd_options),      cmocka_unit_test(too_many),
		cmocka_unit_test(writes_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
