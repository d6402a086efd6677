/* RFC 792 and RFC 1122 §3.2.2, message by message. */
#include "net/harness.h"

#include "base/checksum.h"

#include <errno.h>

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

/* RFC 1122 §3.2.2.6: the data comes back whole, from the address that was called, and raw sockets see the request. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_an_echo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
