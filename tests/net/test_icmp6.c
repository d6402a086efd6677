/* RFC 4443, message by message; RFC 8201 §4. */
#include "net/harness6.h"

#include "base/checksum.h"
#include "wire/icmp.h"

#include <errno.h>

static int open_wire(void **state)
{
	struct harness *h = *state = harness6_open(1500, NULL);

	harness6_resolve(h);
	return 0;
}

static int close_wire(void **state)
{
	harness_close(*state);
	return 0;
}

static size_t echo_request(uint8_t *message, size_t data_len)
{
	static uint8_t data[1400];
	struct pb_icmp_echo e = {
		.type = PB_ICMP6_ECHO_REQUEST, .id = 7, .seq = 9, .data = data, .data_len = data_len
	};

	for (size_t n = 0; n < data_len; n++)
		data[n] = (uint8_t)n;
	return pb_icmp_echo_write(&e, message, 1500);
}

/* RFC 4443 §4.2: from the address that was called, or one of ours where that is a group. */
static void answers_an_echo(void **state)
{
	struct harness *h = *state;
	static const struct {
		const char *dst, *src;
	} table[] = {
		{"2001:db8::1", "2001:db8::1"},
		{ "ff02::1",    "2001:db8::1"},
	};

	for (size_t n = 0; n < sizeof table / sizeof *table; n++) {
		uint8_t message[1500];
		const uint8_t *payload;
		size_t len = echo_request(message, 1000), reply_len;
		struct pb_icmp_echo e;
		struct ip src = ip_of(table[n].src);
		assert_int_equal(
			harness6_icmp(h, (struct ip6_header){ .dst = ip_of(table[n].dst) }, message, len),
			IP_DELIVER);
		struct ip6_header ip = harness6_expect(h, &payload, &reply_len);
		assert_true(ip_equal(&ip.src, &src));
		assert_true(
			pb_icmp_intact(payload, reply_len,
				       pb_ip_pseudo(&ip.src, &ip.dst, IPPROTO_ICMPV6, (uint32_t)reply_len)));
		assert_true(pb_icmp_echo_parse(&e, payload, reply_len));
		assert_int_equal(e.type, PB_ICMP6_ECHO_REPLY);
		assert_int_equal(e.id, 7);
		assert_int_equal(e.seq, 9);
		assert_int_equal(e.data_len, 1000);
		assert_memory_equal(e.data, message + PB_ICMP_ECHO_LEN, 1000);
	}
}

static void refuses_a_wrong_checksum(void **state)
{
	struct harness *h = *state;
	uint8_t message[100];
	size_t len = echo_request(message, 20);
	struct ip6_header ip = { .next = IPPROTO_ICMPV6 };

	message[2] = 1;
	assert_int_equal(harness6_input(h, ip, message, len), IP_DONE);
	assert_int_equal(h->env.counters.icmp.InCsumErrors, 1);
	harness6_expect_nothing(h);
}

static enum ip_verdict udp_from_peer(struct harness *h, const char *dst)
{
	static const uint8_t datagram[1400] = { 1, 2, 3, 4, 0, 30 };

	return harness6_input(h, (struct ip6_header){ .next = UDP, .dst = ip_of(dst) }, datagram,
			      sizeof datagram);
}

/* RFC 4443 §2.4 (c), §3.1: as much of the packet as makes 1280 bytes. */
static void tells_of_a_closed_port(void **state)
{
	struct harness *h = *state;
	const uint8_t *quote;
	size_t len;

	assert_int_equal(udp_from_peer(h, "2001:db8::1"), IP_DELIVER);
	pb_icmp_port_unreachable(h->net, &h->packet);
	harness6_expect_error(h, ICMP6_UNREACHABLE, ICMP6_PORT, &quote, &len);
	assert_int_equal(len, IP6_MTU_MIN - IP6_HEADER_LEN - ICMP6_ERROR_LEN);
	assert_memory_equal(quote, h->packet.header, 46);
}

/* A checksum that was left to a device, and that no device has seen, is quoted as a wire would have had it. */
static void quotes_a_complete_checksum(void **state)
{
	struct harness *h = *state;
	const uint8_t *quote;
	size_t len;

	assert_int_equal(udp_from_peer(h, "2001:db8::1"), IP_DELIVER);
	struct pb_buf *b = h->packet.buf;
	b->transport = b->data;
	b->checksum_offset = 6;
	b->checksum = PB_CHECKSUM_WANTED;
	uint16_t sum = pb_checksum_finish(pb_checksum_add_packet(0, b, 0));
	pb_icmp_port_unreachable(h->net, &h->packet);
	harness6_expect_error(h, ICMP6_UNREACHABLE, ICMP6_PORT, &quote, &len);
	assert_int_equal(quote[IP6_HEADER_LEN + 6] << 8 | quote[IP6_HEADER_LEN + 7], sum);
}

/* RFC 4443 §2.4 (e.3): not about what was for a group; (e.1): not about an error. */
static void tells_not_of_everything(void **state)
{
	struct harness *h = *state;
	uint8_t error[60] = { ICMP6_UNREACHABLE };

	assert_int_equal(udp_from_peer(h, "ff02::1"), IP_DELIVER);
	pb_icmp_port_unreachable(h->net, &h->packet);
	harness6_expect_nothing(h);
	assert_int_equal(harness6_icmp(h, (struct ip6_header){ 0 }, error, sizeof error), IP_DELIVER);
	pb_icmp_protocol_unreachable(h->net, &h->packet);
	harness6_expect_nothing(h);
}

/* RFC 4443 §2.4 (f) */
static void tells_so_many_a_second(void **state)
{
	struct harness *h = *state;
	int told = 0;

	for (int n = 0; n < 20; n++) {
		assert_int_equal(udp_from_peer(h, "2001:db8::1"), IP_DELIVER);
		pb_icmp_port_unreachable(h->net, &h->packet);
	}
	for (uint8_t frame[65600]; harness_sent(h, frame);)
		told++;
	assert_int_equal(told, 6);
	assert_int_equal(h->env.counters.icmp.OutRateLimited, 14);
}

/* An error about a packet of ours: len bytes of it, from src to the peer. */
static enum ip_verdict complain(struct harness *h, struct icmp6_error e, const char *src, size_t len)
{
	static const uint8_t hop_by_hop[8] = { UDP, 0, IP6_OPTION_PADN, 4 };
	uint8_t message[200] = { 0 };
	struct writer w = { .p = message, .left = sizeof message };
	struct ip6_header quoted = { .payload_len = 1400,
				     .next = IP6_HOP_BY_HOP,
				     .hop_limit = 9,
				     .src = ip_of(src),
				     .dst = ip_of("2001:db8:9::9") };

	assert_true(pb_icmp6_error_write(&e, &w));
	assert_true(pb_ip6_write(&quoted, &w));
	wr_bytes(&w, hop_by_hop, 8);
	wr_bytes(&w, "\x12\x34\x56\x78\x00\x1e\x00\x00", 8);
	return harness6_icmp(h, (struct ip6_header){ .src = ip_of("2001:db8::fe") }, message, len);
}

#define QUOTED (ICMP6_ERROR_LEN + IP6_HEADER_LEN + 8 + 8)

/* As Linux maps them (tab_unreach in net/ipv6/icmp.c). */
static void understands_errors(void **state)
{
	static const struct {
		uint8_t type, code;
		bool hard;
		int error;
	} table[] = {
		{ICMP6_UNREACHABLE,        0, false, ENETUNREACH },
		{ ICMP6_UNREACHABLE,       1, true,  EACCES      },
		{ ICMP6_UNREACHABLE,       2, false, EHOSTUNREACH},
		{ ICMP6_UNREACHABLE,       3, false, EHOSTUNREACH},
		{ ICMP6_UNREACHABLE,       4, true,  ECONNREFUSED},
		{ ICMP6_UNREACHABLE,       5, true,  EACCES      },
		{ ICMP6_UNREACHABLE,       6, true,  EACCES      },
		{ ICMP6_TIME_EXCEEDED,     0, false, EHOSTUNREACH},
		{ ICMP6_PARAMETER_PROBLEM, 1, true,  EPROTO      },
	};
	struct harness *h = *state;
	struct ip dst = ip_of("2001:db8:9::9"), offender = ip_of("2001:db8::fe");

	for (size_t n = 0; n < sizeof table / sizeof *table; n++) {
		struct icmp6_error e = { .type = table[n].type, .code = table[n].code };
		assert_int_equal(complain(h, e, "2001:db8::1", QUOTED), IP_COMPLAINT);
		assert_int_equal(h->error.error, table[n].error);
		assert_int_equal(h->error.hard, table[n].hard);
		assert_int_equal(h->error.protocol, UDP); /* behind an extension header */
		assert_int_equal(h->error.quote_len, 8);
		assert_memory_equal(h->error.quote, "\x12\x34\x56\x78", 4);
		assert_true(ip_equal(&h->error.dst, &dst));
		assert_true(ip_equal(&h->error.offender, &offender));
		assert_int_equal(h->error.mtu, 0);
	}
	struct icmp6_error unknown = { .type = ICMP6_UNREACHABLE, .code = 7 };
	assert_int_equal(complain(h, unknown, "2001:db8::1", QUOTED), IP_DELIVER);
}

static void wants_the_quote_whole_and_ours(void **state)
{
	struct harness *h = *state;
	struct icmp6_error e = { .type = ICMP6_UNREACHABLE, .code = ICMP6_PORT };

	for (size_t len = 4; len < QUOTED; len++)
		assert_int_equal(complain(h, e, "2001:db8::1", len), IP_DELIVER);
	assert_int_equal(complain(h, e, "2001:db8::77", QUOTED), IP_DELIVER);
	assert_int_equal(complain(h, e, "2001:db8::1", QUOTED), IP_COMPLAINT);
}

/* RFC 8201 §4: 1280 is the least there is, and less is nobody's path (RFC 8021). */
static void learns_of_narrow_paths(void **state)
{
	struct harness *h = *state;
	struct icmp6_error e = { .type = ICMP6_TOO_BIG, .value = 1279 };

	assert_int_equal(complain(h, e, "2001:db8::1", QUOTED), IP_DELIVER);
	e.value = 1280;
	assert_int_equal(complain(h, e, "2001:db8::1", QUOTED), IP_COMPLAINT);
	assert_int_equal(h->error.error, EMSGSIZE);
	assert_int_equal(h->error.mtu, 1280);
	e.value = 0xffffffff;
	assert_int_equal(complain(h, e, "2001:db8::1", QUOTED), IP_COMPLAINT);
	assert_int_equal(h->error.mtu, 65535);

	struct ip dst = ip_of("2001:db8::2"), any = { 0 };
	struct ip_path path;
	pb_ip_learn_mtu(h->net, &dst, 1300);
	assert_int_equal(pb_ip_path(h->net, &path, &any, &dst, 0), 0);
	assert_int_equal(path.mtu, 1300);
	assert_false(path.narrow);
	harness_run(h, env_now(&h->env) + PB_SEC(601));
	assert_int_equal(pb_ip_path(h->net, &path, &any, &dst, 0), 0);
	assert_int_equal(path.mtu, 1500);
	harness_forget_sent(h);
}

/* A neighbour that does not answer: the sender is told, here ourselves (RFC 4861 §7.2.2). */
static void tells_ourselves(void **state)
{
	struct harness *h = *state;
	struct pb_device *lo = pb_internet_iface(h->net, 1)->device;

	assert_int_equal(harness6_send(h, "2001:db8::77", 30, false), 0);
	harness_run(h, env_now(&h->env) + PB_SEC(4));
	struct pb_buf *b = lo->ops->receive(lo, env_now(&h->env), h->env.pool);
	assert_non_null(b);
	harness_give_back(h);
	assert_int_equal(pb_internet_input(h->net, pb_internet_iface(h->net, 1), b, &h->packet, &h->error),
			 IP_COMPLAINT);
	assert_int_equal(h->error.error, EHOSTUNREACH);
	struct ip dst = ip_of("2001:db8::77");
	assert_true(ip_equal(&h->error.dst, &dst));
	harness_forget_sent(h);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_wire, close_wire)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_an_echo),         TEST(refuses_a_wrong_checksum),
		TEST(tells_of_a_closed_port),  TEST(quotes_a_complete_checksum),
		TEST(tells_not_of_everything), TEST(tells_so_many_a_second),
		TEST(understands_errors),      TEST(wants_the_quote_whole_and_ours),
		TEST(learns_of_narrow_paths),  TEST(tells_ourselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
