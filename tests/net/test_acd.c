/* RFC 5227: an address is probed for, announced and defended. */
#include "net/harness.h"

static const uint8_t rival_mac[6] = { 2, 0, 0, 0, 0, 0x66 };
static struct ip wanted, nobody;

static int open_bare(void **state)
{
	struct harness *h = *state = harness_open_bare(1500, true, NULL);

	wanted = ip_of("192.0.2.1");
	nobody = ip_of("0.0.0.0");
	return pb_internet_add_address(h->net, h->iface, &wanted, 24, false);
}

static int close_wire(void **state)
{
	harness_close(*state);
	return 0;
}

static void pass(struct harness *h, pb_time time)
{
	harness_run(h, env_now(&h->env) + time);
}

static enum iface_address_state state_of(struct harness *h)
{
	return pb_iface_address(h->iface, &wanted)->state;
}

/* How many requests have left, all of them from sender, for the address that is wanted. */
static int requests_from(struct harness *h, const struct ip *sender)
{
	uint8_t frame[65600];
	int count = 0;

	for (size_t len; (len = harness_sent(h, frame)); count++) {
		struct reader r = { .p = frame + ETHERNET_HEADER_LEN, .left = len - ETHERNET_HEADER_LEN };
		struct arp_packet a;
		assert_true(pb_arp_parse(&a, &r));
		assert_int_equal(a.operation, ARP_REQUEST);
		assert_memory_equal(frame, pb_ethernet_broadcast, 6);
		assert_true(ip_equal(&a.sender, sender));
		assert_true(ip_equal(&a.target, &wanted));
	}
	return count;
}

/*
 * RFC 5227 §2.1.1, §2.3: three probes, two seconds of silence, two announcements; 3 to 7 s until it is used.
 */
static void probes_and_announces(void **state)
{
	struct harness *h = *state;
	pb_time start = env_now(&h->env);
	int probes = 0;

	while (state_of(h) == ADDRESS_TENTATIVE) {
		assert_false(pb_internet_is_local(h->net, &wanted));
		probes += requests_from(h, &nobody);
		pass(h, PB_MSEC(1));
	}
	pb_time took = env_now(&h->env) - start;
	assert_int_equal(probes, 3);
	assert_true(took >= PB_SEC(4) && took <= PB_SEC(7) + PB_MSEC(1));
	assert_true(pb_internet_is_local(h->net, &wanted));
	assert_int_equal(requests_from(h, &wanted), 1);
	pass(h, PB_SEC(2));
	assert_int_equal(requests_from(h, &wanted), 1);
	pass(h, PB_SEC(100));
	harness_expect_nothing(h);
}

/* RFC 5227 §2.1: it is not used before. */
static void uses_no_tentative_address(void **state)
{
	struct harness *h = *state;

	assert_true(harness_send(h, "192.0.2.2", 1, false) < 0);
	harness_arp(h, ARP_REQUEST, rival_mac, "192.0.2.2", "192.0.2.1");
	harness_expect_nothing(h);
}

/* RFC 5227 §2.1.1: any packet of another in that name, */
static void gives_way_to_who_has_it(void **state)
{
	struct harness *h = *state;

	pass(h, PB_SEC(2));
	harness_forget_sent(h);
	harness_arp(h, ARP_REPLY, rival_mac, "192.0.2.1", "0.0.0.0");
	assert_int_equal(state_of(h), ADDRESS_DUPLICATE);
	assert_int_equal(h->env.counters.arp.Conflicts, 1);
	pass(h, PB_SEC(100));
	harness_expect_nothing(h);
	assert_false(pb_internet_is_local(h->net, &wanted));
}

/* or a probe of another for it. */
static void gives_way_to_who_wants_it(void **state)
{
	struct harness *h = *state;

	harness_arp(h, ARP_REQUEST, rival_mac, "0.0.0.0", "192.0.2.1");
	assert_int_equal(state_of(h), ADDRESS_DUPLICATE);
}

static void is_not_its_own_rival(void **state)
{
	struct harness *h = *state;

	harness_arp(h, ARP_REQUEST, our_mac, "0.0.0.0", "192.0.2.1");
	assert_int_equal(state_of(h), ADDRESS_TENTATIVE);
}

/* RFC 5227 §2.4 (c): one announcement in ten seconds, and the address is kept. */
static void defends_what_it_has(void **state)
{
	struct harness *h = *state;

	pass(h, PB_SEC(20));
	harness_forget_sent(h);
	for (int n = 0; n < 50; n++)
		harness_arp(h, ARP_REQUEST, rival_mac, "192.0.2.1", "192.0.2.1");
	assert_int_equal(requests_from(h, &wanted), 1);
	pass(h, PB_SEC(10));
	harness_arp(h, ARP_REPLY, rival_mac, "192.0.2.1", "192.0.2.9");
	assert_int_equal(requests_from(h, &wanted), 1);
	assert_int_equal(state_of(h), ADDRESS_READY);
}

/* RFC 5227 §2.6 note: who probes for it is answered, as anybody who asks. */
static void answers_a_probe(void **state)
{
	struct harness *h = *state;

	pass(h, PB_SEC(20));
	harness_forget_sent(h);
	harness_arp(h, ARP_REQUEST, rival_mac, "0.0.0.0", "192.0.2.1");
	struct arp_packet a = harness_expect_arp(h, ARP_REPLY);
	assert_true(ip_equal(&a.sender, &wanted));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_bare, close_wire)
	const struct CMUnitTest tests[] = {
		TEST(probes_and_announces),    TEST(uses_no_tentative_address),
		TEST(gives_way_to_who_has_it), TEST(gives_way_to_who_wants_it),
		TEST(is_not_its_own_rival),    TEST(defends_what_it_has),
		TEST(answers_a_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
