/* RFC 792 and RFC 1122 §3.2.2, message by message. */
#include "net/harness.h"

#include "base/checksum.h"

#include <errno.h>
#include <stdio.h>

static enum ip_verdict send_icmp(struct harness *h, struct ip4_header ip, uint8_t *message, size_t len)
{
	ip.protocol = IPPROTO_ICMP;
	pb_icmp_seal(message, len, 0);
	return harness_ip4(h, ip, message, len);
}

static size_t echo_request(uint8_t *message, size_t data_len)
{
	static uint8_t data[1400];
	struct pb_icmp_echo e = {
		.type = PB_ICMP4_ECHO_REQUEST, .id = 7, .seq = 9, .data = data, .data_len = data_len
	};

	for (size_t n = 0; n < data_len; n++)
		data[n] = (uint8_t)n;
	return pb_icmp_echo_write(&e, message, 1500);
}

/*
 * RFC 1122 §3.2.2.6: the data comes back whole, from the address that was called, and raw sockets see the
 * request.
 */
static void answers_an_echo(void **state)
{
	struct harness *h = harness_open(1500, true, NULL);
	uint8_t message[1500];
	const uint8_t *payload;
	size_t len = echo_request(message, 1000), reply_len;
	struct pb_icmp_echo e;

	(void)state;
	harness_resolve(h);
	assert_int_equal(send_icmp(h, (struct ip4_header){ .tos = 0x10 }, message, len), IP_DELIVER);
	assert_int_equal(h->packet.protocol, IPPROTO_ICMP);
	struct ip4_header ip = harness_expect_ip4(h, &payload, &reply_len);
	struct ip ours = ip_of("192.0.2.1");
	assert_true(ip_equal(&ip.src, &ours));
	assert_int_equal(ip.tos, 0x10);
	assert_true(pb_icmp_intact(payload, reply_len, 0));
	assert_true(pb_icmp_echo_parse(&e, payload, reply_len));
	assert_int_equal(e.type, PB_ICMP4_ECHO_REPLY);
	assert_int_equal(e.id, 7);
	assert_int_equal(e.seq, 9);
	assert_int_equal(e.data_len, 1000);
	assert_memory_equal(e.data, message + PB_ICMP_ECHO_LEN, 1000);
	harness_close(h);
}

static void answers_no_group(void **state)
{
	struct harness *h = harness_open(1500, true, NULL);
	uint8_t message[1500];
	size_t len = echo_request(message, 10);

	(void)state;
	assert_int_equal(send_icmp(h, (struct ip4_header){ .dst = ip_of("192.0.2.255") }, message, len),
			 IP_DELIVER);
	assert_int_equal(send_icmp(h, (struct ip4_header){ .dst = ip_of("224.0.0.1") }, message, len),
			 IP_DELIVER);
	harness_expect_nothing(h);
	harness_close(h);
}

static void drops_damaged_messages(void **state)
{
	struct harness *h = harness_open(1500, true, NULL);
	uint8_t message[1500];
	size_t len = echo_request(message, 11);

	(void)state;
	pb_icmp_seal(message, len, 0);
	message[9] ^= 4;
	assert_int_equal(harness_ip4(h, (struct ip4_header){ .protocol = IPPROTO_ICMP }, message, len),
			 IP_DONE);
	assert_int_equal(h->env.counters.icmp.InCsumErrors, 1);
	for (size_t n = 0; n < 4; n++)
		assert_int_equal(harness_ip4(h, (struct ip4_header){ .protocol = IPPROTO_ICMP }, message, n),
				 IP_DONE);
	harness_expect_nothing(h);
	harness_close(h);
}

/*
 * Errors that we tell
 * ----------------------------------------------------------------------------------------
 */

static const uint8_t datagram[600] = { 0x12, 0x34, 0x00, 0x35, 2, 88 };

/*
 * RFC 1122 §3.2.2.1, §3.2.2: with the header and at least 8 bytes; as much as fits into 576 (RFC 1812
 * §4.3.2.3).
 */
static void tells_of_a_port_where_nobody_is(void **state)
{
	struct harness *h = harness_open(1500, true, NULL);
	const uint8_t *message;
	size_t len;
	struct ip4_header quoted;

	(void)state;
	harness_resolve(h);
	assert_int_equal(harness_ip4(h, (struct ip4_header){ .tos = 7 }, datagram, sizeof datagram),
			 IP_DELIVER);
	pb_icmp_port_unreachable(h->net, &h->packet);
	struct ip4_header ip = harness_expect_ip4(h, &message, &len);
	assert_int_equal(ip.packet_len, 576);
	assert_true(pb_icmp_intact(message, len, 0));
	assert_int_equal(message[0], ICMP4_UNREACHABLE);
	assert_int_equal(message[1], ICMP4_PORT);
	struct reader r = { .p = message + ICMP_ERROR_LEN, .left = len - ICMP_ERROR_LEN };
	assert_true(pb_ip4_parse(&quoted, &r, IP4_LEN_MAX));
	assert_int_equal(quoted.packet_len, 620);
	assert_int_equal(quoted.tos, 7);
	assert_memory_equal(r.p, datagram, r.left);
	assert_int_equal(h->env.counters.icmp.OutDestUnreachs, 1);
	harness_close(h);
}

/* A checksum that was left to a device, and that no device has seen, is as a wire would have had it. */
static void quotes_a_complete_checksum(void **state)
{
	static const uint8_t asked[] = { 0x12, 0x34, 0x00, 0x35, 0, 12, 0x43, 0x21, 1, 2, 3, 4 };
	struct harness *h = harness_open(1500, true, NULL);
	const uint8_t *message;
	size_t len, quote = ICMP_ERROR_LEN + IP4_HEADER_LEN;

	(void)state;
	harness_resolve(h);
	assert_int_equal(harness_ip4(h, (struct ip4_header){ 0 }, asked, sizeof asked), IP_DELIVER);
	h->packet.buf->transport = h->packet.buf->data;
	h->packet.buf->checksum_offset = 6;
	h->packet.buf->checksum = PB_CHECKSUM_WANTED;
	pb_icmp_port_unreachable(h->net, &h->packet);
	harness_expect_ip4(h, &message, &len);
	assert_int_equal(len, quote + sizeof asked);
	assert_true(pb_icmp_intact(message, len, 0));
	uint16_t sum = pb_checksum(asked, sizeof asked);
	assert_int_equal(message[quote + 6] << 8 | message[quote + 7], sum);
	assert_memory_equal(message + quote + 8, asked + 8, 4);
	harness_close(h);
}

static void tells_of_an_unknown_protocol(void **state)
{
	struct harness *h = harness_open(1500, true, NULL);

	(void)state;
	harness_resolve(h);
	assert_int_equal(harness_ip4(h, (struct ip4_header){ .protocol = 99 }, datagram, 5), IP_DELIVER);
	pb_icmp_protocol_unreachable(h->net, &h->packet);
	harness_expect_error(h, ICMP4_UNREACHABLE, ICMP4_PROTOCOL);
	harness_close(h);
}

/* RFC 1122 §3.2.2: not about a group's packets, nor about errors. */
static void tells_nothing_about_groups_and_errors(void **state)
{
	struct harness *h = harness_open(1500, true, NULL);
	static const uint8_t errors[] = { 3, 4, 5, 11, 12 };
	uint8_t message[64] = { 0 };

	(void)state;
	harness_resolve(h);
	assert_int_equal(harness_ip4(h, (struct ip4_header){ .dst = ip_of("192.0.2.255") }, datagram, 99),
			 IP_DELIVER);
	pb_icmp_port_unreachable(h->net, &h->packet);
	for (size_t n = 0; n < sizeof errors; n++) {
		message[0] = errors[n];
		assert_int_equal(send_icmp(h, (struct ip4_header){ 0 }, message, sizeof message), IP_DELIVER);
		pb_icmp_protocol_unreachable(h->net, &h->packet);
	}
	harness_expect_nothing(h);
	harness_close(h);
}

/* A destination gets six at once and one a second; all together, 50 at once and errors_per_second. */
static void limits_its_errors(void **state)
{
	struct internet_limits limits = { .errors_per_second = 100 };
	struct harness *h = harness_open(1500, true, &limits);
	uint8_t frame[65600];
	int told = 0;
	char src[32];

	(void)state;
	harness_resolve(h);
	for (int n = 0; n < 20; n++) {
		assert_int_equal(harness_ip4(h, (struct ip4_header){ 0 }, datagram, 99), IP_DELIVER);
		pb_icmp_port_unreachable(h->net, &h->packet);
	}
	while (harness_sent(h, frame))
		told++;
	assert_int_equal(told, 6);
	harness_run(h, env_now(&h->env) + PB_SEC(1));
	assert_int_equal(harness_ip4(h, (struct ip4_header){ 0 }, datagram, 99), IP_DELIVER);
	pb_icmp_port_unreachable(h->net, &h->packet);
	harness_expect_error(h, ICMP4_UNREACHABLE, ICMP4_PORT);
	assert_int_equal(h->env.counters.icmp.OutRateLimited, 14);
	harness_run(h, env_now(&h->env) + PB_SEC(10));
	uint64_t before = h->env.counters.icmp.OutDestUnreachs;
	struct ip any = ip_of("0.0.0.0");
	assert_int_equal(pb_internet_add_route(h->net, &any, 0,
					       &(struct ip){
						       .bytes = {[10] = 255, 255, 192, 0, 2, 2}
        },
					       h->iface),
			 0);
	for (int n = 0; n < 200; n++) {
		snprintf(src, sizeof src, "198.51.%d.7", n);
		assert_int_equal(harness_ip4(h, (struct ip4_header){ .src = ip_of(src) }, datagram, 99),
				 IP_DELIVER);
		pb_icmp_port_unreachable(h->net, &h->packet);
	}
	assert_int_equal(h->env.counters.icmp.OutDestUnreachs - before, 50);
	harness_close(h);
}

/*
 * Errors that we are told
 * ------------------------------------------------------------------------------------
 */

/* An error about a packet of ours to 198.51.100.9, len bytes long, quoting n bytes of its payload. */
static enum ip_verdict told(struct harness *h, struct icmp_error e, struct ip4_header quoted, size_t n)
{
	uint8_t message[200];
	struct writer w = { .p = message, .left = sizeof message };

	quoted.len = 20;
	quoted.packet_len = quoted.packet_len ? quoted.packet_len : 1500;
	quoted.ttl = 3;
	quoted.protocol = quoted.protocol ? quoted.protocol : UDP;
	quoted.src = ip_is4(&quoted.src) ? quoted.src : ip_of("192.0.2.1");
	quoted.dst = ip_of("198.51.100.9");
	assert_true(pb_icmp_error_write(&e, &w));
	assert_true(pb_ip4_write(&quoted, &w));
	wr_bytes(&w, datagram, n);
	return send_icmp(h, (struct ip4_header){ 0 }, message, (size_t)(w.p - message));
}

/* The errors that sockets see, and which end a connection: as icmp_err_convert[] in Linux has them. */
static void tells_transports_what_it_is_told(void **state)
{
	struct harness *h = harness_open(1500, true, NULL);
	static const struct {
		int error;
		uint8_t type, code;
		bool hard;
	} cases[] = {
		{ENETUNREACH,   3,  0,  false},
                { EHOSTUNREACH, 3,  1,  false},
                { ENOPROTOOPT,  3,  2,  true },
		{ ECONNREFUSED, 3,  3,  true },
                { EOPNOTSUPP,   3,  5,  false},
                { ENETUNREACH,  3,  6,  true },
		{ EHOSTDOWN,    3,  7,  true },
                { EHOSTUNREACH, 3,  13, true },
                { EHOSTUNREACH, 11, 0,  false},
		{ EHOSTUNREACH, 11, 1,  false},
                { EPROTO,       12, 0,  true },
	};
	struct ip dst = ip_of("198.51.100.9"), ours = ip_of("192.0.2.1"), peer = ip_of("192.0.2.2");

	(void)state;
	for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
		struct icmp_error e = { .type = cases[n].type, .code = cases[n].code };
		assert_int_equal(told(h, e, (struct ip4_header){ 0 }, 8), IP_COMPLAINT);
		assert_int_equal(h->error.error, cases[n].error);
		assert_int_equal(h->error.hard, cases[n].hard);
		assert_true(ip_equal(&h->error.src, &ours) && ip_equal(&h->error.dst, &dst));
		assert_true(ip_equal(&h->error.offender, &peer));
		assert_int_equal(h->error.protocol, UDP);
		assert_int_equal(h->error.quote_len, 8);
		assert_memory_equal(h->error.quote, datagram, 8);
		assert_int_equal(h->packet.protocol, IPPROTO_ICMP);
	}
	harness_close(h);
}

/* RFC 1191 §4, §7.1: what the router says, or the plateau below what was sent. */
static void tells_the_mtu(void **state)
{
	struct harness *h = harness_open(1500, true, NULL);
	static const struct {
		uint16_t said, sent, mtu;
	} cases[] = {
		{1400, 1500, 1400},
                { 0,   1500, 1492},
                { 0,   1492, 1006},
                { 0,   60,   68  },
                { 20,  1500, 68  }
	};

	(void)state;
	for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
		struct icmp_error e = { .type = 3, .code = ICMP4_TOO_BIG, .mtu = cases[n].said };
		assert_int_equal(told(h, e, (struct ip4_header){ .packet_len = cases[n].sent }, 8),
				 IP_COMPLAINT);
		assert_int_equal(h->error.error, EMSGSIZE);
		assert_int_equal(h->error.mtu, cases[n].mtu);
	}
	harness_close(h);
}

/* What is not about us, quotes too little, or should not be heeded any more (RFC 6633). */
static void heeds_no_other_errors(void **state)
{
	struct harness *h = harness_open(1500, true, NULL);
	struct icmp_error port = { .type = 3, .code = 3 };

	(void)state;
	assert_int_equal(told(h, port, (struct ip4_header){ .src = ip_of("192.0.2.9") }, 8), IP_DELIVER);
	assert_int_equal(told(h, port, (struct ip4_header){ .fragment_offset = 8 }, 8), IP_DELIVER);
	for (size_t n = 0; n < 8; n++)
		assert_int_equal(told(h, port, (struct ip4_header){ 0 }, n), IP_DELIVER);
	assert_int_equal(told(h, (struct icmp_error){ .type = 3, .code = 16 }, (struct ip4_header){ 0 }, 8),
			 IP_DELIVER);
	assert_int_equal(told(h, (struct icmp_error){ .type = 4 }, (struct ip4_header){ 0 }, 8), IP_DELIVER);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_an_echo),
		cmocka_unit_test(answers_no_group),
		cmocka_unit_test(drops_damaged_messages),
		cmocka_unit_test(tells_of_a_port_where_nobody_is),
		cmocka_unit_test(quotes_a_complete_checksum),
		cmocka_unit_test(tells_of_an_unknown_protocol),
		cmocka_unit_test(tells_nothing_about_groups_and_errors),
		cmocka_unit_test(limits_its_errors),
		cmocka_unit_test(tells_transports_what_it_is_told),
		cmocka_unit_test(tells_the_mtu),
		cmocka_unit_test(heeds_no_other_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
