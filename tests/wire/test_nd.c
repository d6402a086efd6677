/* Neighbour discovery's messages (RFC 4861 §4): golden bytes, every prefix, every rule of their options. */
#include "wire/icmp6.h"
#include "wire/nd.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A solicitation of fe80::2 from 02:00:00:00:00:01, with a nonce. */
static const uint8_t solicitation[] = { 135, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0x80, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0,
					0,   0, 0, 2, 1, 1, 2, 0, 0,    0,    0, 1, 14, 1, 1, 2, 3, 4, 5, 6 };

static void read_solicitation(void **state)
{
	struct nd_neighbour m;

	(void)state;
	for (size_t n = 0; n < sizeof solicitation; n++) /* options end where the message does */
		assert_int_equal(pb_nd_neighbour_parse(&m, &(struct reader){ .p = solicitation, .left = n }),
				 n == 24 || n == 32);
	assert_true(pb_nd_neighbour_parse(
		&m, &(struct reader){ .p = solicitation, .left = sizeof solicitation }));
	assert_false(m.advertisement);
	assert_memory_equal(m.target.bytes, solicitation + 8, 16);
	assert_ptr_equal(m.mac, solicitation + 26);
	assert_ptr_equal(m.nonce, solicitation + 34);
}

static void write_solicitation(void **state)
{
	uint8_t bytes[sizeof solicitation];
	struct nd_neighbour m;

	(void)state;
	assert_true(pb_nd_neighbour_parse(
		&m, &(struct reader){ .p = solicitation, .left = sizeof solicitation }));
	for (size_t n = 0; n < sizeof bytes; n++)
		assert_false(pb_nd_neighbour_write(&m, &(struct writer){ .p = bytes, .left = n }));
	assert_true(pb_nd_neighbour_write(&m, &(struct writer){ .p = bytes, .left = sizeof bytes }));
	assert_memory_equal(bytes, solicitation, sizeof bytes);
}

static void flags_of_advertisements(void **state)
{
	uint8_t bytes[32] = { 136, [8] = 0xfe, 0x80, [23] = 2, 2, 1, 2, [31] = 9 };
	struct nd_neighbour m;

	(void)state;
	for (unsigned flags = 0; flags < 8; flags++) {
		bytes[4] = (uint8_t)(flags << 5);
		assert_true(pb_nd_neighbour_parse(&m, &(struct reader){ .p = bytes, .left = sizeof bytes }));
		assert_true(m.advertisement);
		assert_int_equal(m.router << 2 | m.solicited << 1 | m.override, flags);
		assert_ptr_equal(m.mac, bytes + 26);
	}
	bytes[24] = ND_SOURCE_MAC; /* RFC 4861 §4.4 knows no such option of an advertisement */
	assert_true(pb_nd_neighbour_parse(&m, &(struct reader){ .p = bytes, .left = sizeof bytes }));
	assert_null(m.mac);
}

/* RFC 4861 §7.1.1, §7.1.2 */
static void refuses_what_is_no_neighbour(void **state)
{
	uint8_t bytes[24] = { 135, [8] = 0xfe, 0x80, [23] = 2 };
	struct nd_neighbour m;

	(void)state;
	bytes[1] = 1; /* code */
	assert_false(pb_nd_neighbour_parse(&m, &(struct reader){ .p = bytes, .left = sizeof bytes }));
	bytes[1] = 0;
	bytes[0] = 137; /* a redirect */
	assert_false(pb_nd_neighbour_parse(&m, &(struct reader){ .p = bytes, .left = sizeof bytes }));
	bytes[0] = 135;
	bytes[8] = 0xff; /* a group as target */
	assert_false(pb_nd_neighbour_parse(&m, &(struct reader){ .p = bytes, .left = sizeof bytes }));
}

/* RFC 4861 §4.6: a length of 0, or one beyond the message, makes all of it worthless. */
static void lengths_of_options(void **state)
{
	uint8_t bytes[24 + 16] = { 135, [8] = 0xfe, 0x80, [23] = 2, 99 };
	struct nd_neighbour m;

	(void)state;
	for (unsigned len = 0; len < 256; len++) {
		bytes[25] = (uint8_t)len;
		bytes[33] = 1; /* of the one behind, where the first has eight bytes */
		assert_int_equal(
			pb_nd_neighbour_parse(&m, &(struct reader){ .p = bytes, .left = sizeof bytes }),
			len == 1 || len == 2);
	}
}

static void counts_options(void **state)
{
	uint8_t bytes[24 + (ND_OPTIONS_MAX + 1) * 8] = { 135, [8] = 0xfe, 0x80, [23] = 2 };
	struct nd_neighbour m;

	(void)state;
	for (size_t n = 24; n < sizeof bytes; n += 8)
		bytes[n] = 99, bytes[n + 1] = 1;
	assert_true(pb_nd_neighbour_parse(&m, &(struct reader){ .p = bytes, .left = sizeof bytes - 8 }));
	assert_false(pb_nd_neighbour_parse(&m, &(struct reader){ .p = bytes, .left = sizeof bytes }));
}

/* Hop limit 64, managed, 1800 s, reachable 30 s, retrans 1 s; prefix, MTU, two servers. */
static const uint8_t advertisement[] = {
	134,  0,    0,    0,    64, 0x80, 0x07, 0x08, 0, 0, 0x75, 0x30, 0, 0, 0x03, 0xe8, /* */
	3,    4,    64,   0xc0, 0,  0,    0x0e, 0x10, 0, 0, 0x07, 0x08, 0, 0, 0,    0,    /* */
	0x20, 0x01, 0x0d, 0xb8, 0,  1,    0,    0,    0, 0, 0,    0,    0, 0, 0,    0,    /* */
	5,    1,    0,    0,    0,  0,    0x05, 0xdc,                                     /* */
	25,   5,    0,    0,    0,  0,    0x02, 0x58,                                     /* */
	0x20, 0x01, 0x0d, 0xb8, 0,  1,    0,    0,    0, 0, 0,    0,    0, 0, 0,    1,    /* */
	0x20, 0x01, 0x0d, 0xb8, 0,  1,    0,    0,    0, 0, 0,    0,    0, 0, 0,    2,
};

static void read_router(void **state)
{
	struct nd_router m;
	struct nd_option o;
	struct nd_prefix p;
	struct ip server;
	uint32_t lifetime;

	(void)state;
	for (size_t n = 0; n < sizeof advertisement; n++)
		assert_int_equal(pb_nd_router_parse(&m, &(struct reader){ .p = advertisement, .left = n }),
				 n == 16 || n == 48 || n == 56);
	assert_true(
		pb_nd_router_parse(&m, &(struct reader){ .p = advertisement, .left = sizeof advertisement }));
	assert_int_equal(m.hop_limit, 64);
	assert_true(m.managed && !m.other);
	assert_int_equal(m.lifetime, 1800);
	assert_int_equal(m.reachable_time, 30000);
	assert_int_equal(m.retrans_timer, 1000);
	assert_true(pb_nd_option(&o, &m.options));
	assert_true(pb_nd_prefix(&p, &o));
	assert_int_equal(p.bits, 64);
	assert_true(p.on_link && p.autonomous);
	assert_int_equal(p.valid, 3600);
	assert_int_equal(p.preferred, 1800);
	assert_memory_equal(p.prefix.bytes, advertisement + 32, 16);
	assert_int_equal(pb_nd_mtu(&o), 0);
	assert_true(pb_nd_option(&o, &m.options));
	assert_int_equal(pb_nd_mtu(&o), 1500);
	assert_false(pb_nd_prefix(&p, &o));
	assert_true(pb_nd_option(&o, &m.options));
	assert_true(pb_nd_rdnss(&o, 0, &server, &lifetime));
	assert_true(pb_nd_rdnss(&o, 1, &server, &lifetime));
	assert_int_equal(server.bytes[15], 2);
	assert_int_equal(lifetime, 600);
	assert_false(pb_nd_rdnss(&o, 2, &server, &lifetime));
	assert_false(pb_nd_option(&o, &m.options));
	assert_false(m.options.bad);
}

/* RFC 4861 §4.5, with the target's address, and every prefix of it. */
static void read_redirect(void **state)
{
	static const uint8_t golden[] = {
		137,  0,    0,   0,    0, 0, 0, 0,                            /* */
		0xfe, 0x80, 0,   0,    0, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0, 3, /* */
		0x20, 1,    0xd, 0xb8, 0, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0, 9, /* */
		2,    1,    2,   0,    0, 0, 0, 0x44,
	};
	uint8_t bytes[sizeof golden];
	struct nd_redirect m;

	(void)state;
	for (size_t n = 0; n < sizeof golden; n++)
		assert_int_equal(pb_nd_redirect_parse(&m, &(struct reader){ .p = golden, .left = n }),
				 n == 40); /* without options */
	assert_true(pb_nd_redirect_parse(&m, &(struct reader){ .p = golden, .left = sizeof golden }));
	assert_int_equal(m.target.bytes[15], 3);
	assert_int_equal(m.dst.bytes[15], 9);
	assert_memory_equal(m.mac, golden + 42, 6);
	for (size_t n = 0; n < 2; n++) { /* another type, another code */
		memcpy(bytes, golden, sizeof golden);
		bytes[n]++;
		assert_false(pb_nd_redirect_parse(&m, &(struct reader){ .p = bytes, .left = sizeof bytes }));
	}
}

static void ask_for_routers(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 },
			     want[] = { 133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 1 };
	uint8_t bytes[16];
	struct writer w = { .p = bytes, .left = sizeof bytes };

	(void)state;
	assert_true(pb_nd_router_solicitation_write(mac, &w));
	assert_memory_equal(bytes, want, sizeof want);
	w = (struct writer){ .p = bytes, .left = sizeof bytes };
	assert_true(pb_nd_router_solicitation_write(NULL, &w));
	assert_int_equal(w.left, 8);
	assert_false(pb_nd_router_solicitation_write(mac, &(struct writer){ .p = bytes, .left = 15 }));
}

static void errors(void **state)
{
	static const uint8_t golden[] = { 2, 0, 0, 0, 0, 0, 0x05, 0x00 };
	uint8_t bytes[8];
	struct icmp6_error e;

	(void)state;
	for (size_t n = 0; n < sizeof golden; n++)
		assert_false(pb_icmp6_error_parse(&e, &(struct reader){ .p = golden, .left = n }));
	assert_true(pb_icmp6_error_parse(&e, &(struct reader){ .p = golden, .left = 8 }));
	assert_int_equal(e.type, ICMP6_TOO_BIG);
	assert_int_equal(e.value, 1280);
	assert_true(pb_icmp6_error_write(&e, &(struct writer){ .p = bytes, .left = 8 }));
	assert_memory_equal(bytes, golden, 8);
	bytes[0] = 128; /* an echo */
	assert_false(pb_icmp6_error_parse(&e, &(struct reader){ .p = bytes, .left = 8 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_solicitation),
		cmocka_unit_test(write_solicitation),
		cmocka_unit_test(flags_of_advertisements),
		cmocka_unit_test(refuses_what_is_no_neighbour),
		cmocka_unit_test(lengths_of_options),
		cmocka_unit_test(counts_options),
		cmocka_unit_test(read_router),
		cmocka_unit_test(read_redirect),
		cmocka_unit_test(ask_for_routers),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
