/* RFC 903, client and server. */
#include "net/harness.h"
#include "net/rarp.h"

#include <errno.h>

static void pass(struct harness *h, pb_time time)
{
	harness_run(h, env_now(&h->env) + time);
}

static void gets_an_address(void **state)
{
	struct harness *h = harness_open_bare(1500, true, NULL);
	struct ip ours = ip_of("192.0.2.1");

	(void)state;
	assert_int_equal(pb_rarp_ask(h->net, h->iface, 24), 0);
	assert_int_equal(pb_rarp_ask(h->net, h->iface, 24), -EALREADY);
	struct arp_packet a = harness_expect_arp(h, RARP_REQUEST);
	assert_memory_equal(a.target_mac, our_mac, 6);
	pass(h, PB_SEC(1));
	harness_expect_arp(h, RARP_REQUEST);
	harness_arp(h, RARP_REPLY, peer_mac, "192.0.2.2", "127.0.0.1"); /* nobody's address */
	assert_int_equal(h->iface->address_count, 0);
	harness_arp(h, RARP_REPLY, peer_mac, "192.0.2.2", "192.0.2.1");
	assert_true(pb_internet_is_local(h->net, &ours));
	harness_arp(h, RARP_REPLY, peer_mac, "192.0.2.2", "192.0.2.66"); /* nobody asked any more */
	assert_int_equal(h->iface->address_count, 1);
	pass(h, PB_SEC(1000));
	harness_expect_nothing(h);
	harness_close(h);
}

static void gives_up_asking(void **state)
{
	struct harness *h = harness_open_bare(1500, true, NULL);
	uint8_t frame[65600];
	int asked = 0;

	(void)state;
	assert_int_equal(pb_rarp_ask(h->net, h->iface, 24), 0);
	pass(h, PB_SEC(1000));
	while (harness_sent(h, frame))
		asked++;
	assert_int_equal(asked, RARP_TRIES);
	harness_close(h);
}

static void answers_for_those_it_knows(void **state)
{
	struct harness *h = harness_open(1500, true, NULL);
	struct ip theirs = ip_of("192.0.2.2"), group = ip_of("224.0.0.1");

	(void)state;
	harness_arp(h, RARP_REQUEST, peer_mac, "0.0.0.0", "0.0.0.0");
	harness_expect_nothing(h);
	assert_int_equal(pb_rarp_add_host(h->net, peer_mac, &group), -EINVAL);
	assert_int_equal(pb_rarp_add_host(h->net, peer_mac, &theirs), 0);
	harness_arp(h, RARP_REQUEST, peer_mac, "0.0.0.0", "0.0.0.0");
	struct arp_packet a = harness_expect_arp(h, RARP_REPLY);
	assert_memory_equal(a.target_mac, peer_mac, 6);
	assert_true(ip_equal(&a.target, &theirs));
	struct ip ours = ip_of("192.0.2.1");
	assert_true(ip_equal(&a.sender, &ours));
	harness_close(h);
}

static void bounds_its_table(void **state)
{
	struct harness *h = harness_open(1500, true, NULL);
	struct ip ip = ip_of("192.0.2.2");

	(void)state;
	for (unsigned n = 0; n < RARP_HOSTS_MAX + 5; n++) {
		const uint8_t mac[6] = { 2, 0, 0, 1, 0, (uint8_t)n };
		assert_int_equal(pb_rarp_add_host(h->net, mac, &ip), n < RARP_HOSTS_MAX ? 0 : -ENOSPC);
	}
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gets_an_address),
		cmocka_unit_test(gives_up_asking),
		cmocka_unit_test(answers_for_those_it_knows),
		cmocka_unit_test(bounds_its_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
