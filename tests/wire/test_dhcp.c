/*
 * DHCP messages (RFC 2131 §2, RFC 2132): what a client writes, every prefix of what a server says, odd
 * options.
 */
#include "wire/dhcp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint8_t message[DHCP_LEN_MAX];
static size_t message_len;

/* A server's acknowledgement without its options. */
static void begin(void)
{
	static const uint8_t start[] = { 2, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef, 0, 0,
					 0, 0, 0, 0, 0,    0,    192,  0,    2, 7 };

	memset(message, 0, sizeof message);
	memcpy(message, start, sizeof start);
	memcpy(message + 28, "\x02\0\0\0\0\x01", 6);
	memcpy(message + 236, "\x63\x82\x53\x63", 4);
	message_len = 240;
}

static void add(const void *option, size_t len)
{
	memcpy(message + message_len, option, len);
	message_len += len;
}

static bool parse(struct dhcp_message *m, size_t len)
{
	return pb_dhcp_parse(m, &(struct reader){ .p = message, .left = len });
}

static bool is(const struct ip *a, uint8_t last)
{
	struct ip want = ip_from4((const uint8_t[4]){ 192, 0, 2, last });

	return ip_equal(a, &want);
}

static void reads_an_acknowledgement(void **state)
{
	struct dhcp_message m;

	(void)state;
	begin();
	add("\x35\x01\x05\x36\x04\xc0\0\x02\xfe\x01\x04\xff\xff\xff\xc0", 15);
	add("\x03\x08\xc0\0\x02\x01\xc0\0\x02\x02\x06\x08\xc0\0\x02\x35\xc0\0\x02\x36", 20);
	add("\x33\x04\0\0\x0e\x10\x3a\x04\0\0\x07\x08\x3b\x04\0\0\x0c\x4e\0\xff", 20);
	for (size_t n = 0; n < 243; n++)
		assert_false(parse(&m, n)); /* as long as there is no type */
	assert_true(parse(&m, message_len));
	assert_true(m.reply);
	assert_int_equal(m.type, DHCP_ACK);
	assert_int_equal(m.xid, 0xdeadbeef);
	assert_true(is(&m.yours, 7) && is(&m.server, 254) && is(&m.router, 1));
	assert_int_equal(m.bits, 26);
	assert_int_equal(m.server_count, 2);
	assert_true(is(&m.servers[0], 0x35) && is(&m.servers[1], 0x36));
	assert_int_equal(m.lease, 3600);
	assert_int_equal(m.renew, 1800);
	assert_int_equal(m.rebind, 3150);
	assert_memory_equal(m.mac, "\x02\0\0\0\0\x01", 6);
}

/* RFC 2132 §9.3: options in the fields for names. */
static void reads_overloaded_fields(void **state)
{
	struct dhcp_message m;

	(void)state;
	begin();
	add("\x35\x01\x02\x34\x01\x03\xff", 7);
	memcpy(message + 44, "\x36\x04\xc0\0\x02\xfe\xff", 7);  /* sname */
	memcpy(message + 108, "\x03\x04\xc0\0\x02\x01\xff", 7); /* file */
	assert_true(parse(&m, message_len));
	assert_true(is(&m.server, 254) && is(&m.router, 1));
}

/* RFC 2132 §3.17. What some servers add at its end is not part of it; what is no name is passed over. */
static void reads_the_domain_name(void **state)
{
	struct dhcp_message m;

	(void)state;
	begin();
	add("\x35\x01\x05\x0f\x0d"
	    "example.com.\0\xff",
	    20);
	assert_true(parse(&m, message_len));
	assert_int_equal(m.domain_count, 1);
	assert_string_equal(m.domains[0], "example.com");
	begin();
	add("\x35\x01\x05\x0f\x0b"
	    "two domains\xff",
	    17);
	assert_true(parse(&m, message_len));
	assert_int_equal(m.domain_count, 0);
	begin();
	add("\x35\x01\x05\x0f\x00\xff", 6);
	assert_true(parse(&m, message_len));
	assert_int_equal(m.domain_count, 0);
}

/* RFC 3397 §2: a list, here in two options that are one (RFC 3396); it goes before the domain name. */
static void reads_the_search_list(void **state)
{
	struct dhcp_message m;

	(void)state;
	begin();
	add("\x35\x01\x05\x0f\x04"
	    "corp",
	    9);
	add("\x77\x0e\3eng\7example\3c", 16);
	add("\x77\x0e"
	    "om\0\10research\300\4\xff",
	    17);
	assert_true(parse(&m, message_len));
	assert_int_equal(m.domain_count, 2);
	assert_string_equal(m.domains[0], "eng.example.com");
	assert_string_equal(m.domains[1], "research.example.com");
}

static void refuses_odd_ones(void **state)
{
	static const struct {
		const char *options;
		size_t len;
	} table[] = {
		{"\xff",			  1},
		{ "\x35\x01\x09\xff",             4}, /* no such type */
		{ "\x35\x01\x05\x33\x03\0\0\x01", 8}, /* too short for a time */
		{ "\x35\x01\x05\x36\x05\xc0",     6}, /* beyond the end */
	};
	struct dhcp_message m;

	(void)state;
	for (size_t n = 0; n < sizeof table / sizeof *table; n++) {
		begin();
		add(table[n].options, table[n].len);
		assert_false(parse(&m, message_len));
	}
	begin();
	add("\x35\x01\x05\xff", 4);
	assert_true(parse(&m, message_len));
	message[236]++; /* BOOTP */
	assert_false(parse(&m, message_len));
	message[236]--;
	message[2] = 16; /* another kind of address */
	assert_false(parse(&m, message_len));
}

static void writes_a_request(void **state)
{
	struct dhcp_message m = { .type = DHCP_REQUEST,
				  .xid = 7,
				  .secs = 3,
				  .broadcast = true,
				  .mac = { 2, 0, 0, 0, 0, 1 },
				  .server = ip_from4((const uint8_t[4]){ 192, 0, 2, 254 }),
				  .requested = ip_from4((const uint8_t[4]){ 192, 0, 2, 7 }) },
			    again;
	uint8_t bytes[DHCP_LEN_MIN];

	(void)state;
	assert_false(pb_dhcp_write(&m, &(struct writer){ .p = bytes, .left = sizeof bytes - 1 }));
	assert_true(pb_dhcp_write(&m, &(struct writer){ .p = bytes, .left = sizeof bytes }));
	assert_true(pb_dhcp_parse(&again, &(struct reader){ .p = bytes, .left = sizeof bytes }));
	assert_false(again.reply);
	assert_int_equal(again.type, DHCP_REQUEST);
	assert_int_equal(again.xid, 7);
	assert_int_equal(again.secs, 3);
	assert_true(again.broadcast);
	assert_true(is(&again.server, 254) && is(&again.requested, 7));
	assert_true(ip_is_any(&again.client));
	assert_memory_equal(again.mac, m.mac, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_an_acknowledgement), cmocka_unit_test(reads_overloaded_fields),
		cmocka_unit_test(reads_the_domain_name),    cmocka_unit_test(reads_the_search_list),
		cmocka_unit_test(refuses_odd_ones),         cmocka_unit_test(writes_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
