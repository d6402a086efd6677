/* RFC 826 and RFC 5227, frame by frame. */
#include "net/harness.h"

#include <errno.h>

/* RFC 826, "Packet Generation": who wants to send asks everybody; the packet leaves when the answer is there. */
static void asks_and_then_sends(void **state)
{
	struct harness *h = harness_open(1500, true, NULL);
	size_t len;

	(void)state;
	assert_int_equal(harness_send(h, "192.0.2.2", 100, false), 0);
	struct arp_packet a = harness_expect_arp(h, ARP_REQUEST);
	struct ip peer = ip_of("192.0.2.2"), ours = ip_of("192.0.2.1");
	assert_true(ip_equal(&a.target, &peer));
	assert_true(ip_equal(&a.sender, &ours));
	harness_expect_nothing(h);
	harness_arp(h, ARP_REPLY, peer_mac, "192.0.2.2", "192.0.2.1");
	struct ip4_header ip = harness_expect_ip4(h, NULL, &len);
	assert_true(ip_equal(&ip.dst, &peer));
	assert_true(ip_equal(&ip.src, &ours));
	assert_int_equal(len, 100);
	harness_expect_nothing(h);
	harness_close(h);
}

static void answers_for_its_own_address(void **state)
{
	struct harness *h = harness_open(1500, true, NULL);
	struct ip ours = ip_of("192.0.2.1");

	(void)state;
	harness_arp(h, ARP_REQUEST, peer_mac, "192.0.2.2", "192.0.2.1");
	struct arp_packet a = harness_expect_arp(h, ARP_REPLY);
	assert_memory_equal(a.sender_mac, our_mac, 6);
	assert_memory_equal(a.target_mac, peer_mac, 6);
	assert_true(ip_equal(&a.sender, &ours));
	harness_arp(h, ARP_REQUEST, peer_mac, "192.0.2.2", "192.0.2.3");
	harness_expect_nothing(h);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_and_then_sends),
		cmocka_unit_test(answers_for_its_own_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
