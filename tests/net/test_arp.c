/* RFC 826 and the neighbour states of RFC 4861 §7.3, frame by frame. */
#include "net/harness.h"
#include "net/internet_state.h"

#include <errno.h>
#include <stdio.h>

static const uint8_t other_mac[6] = { 2, 0, 0, 0, 0, 0x66 };

static int open_wire(void **state)
{
	*state = harness_open(1500, true, NULL);
	return 0;
}

static int close_wire(void **state)
{
	harness_close(*state);
	return 0;
}

static struct neighbour *peer(struct harness *h)
{
	struct ip ip = ip_of("192.0.2.2");

	return pb_neighbours_find(&h->net->neighbours, h->iface, &ip);
}

static void pass(struct harness *h, pb_time time)
{
	harness_run(h, env_now(&h->env) + time);
}

/* To whom the next frame goes, which is an IPv4 packet. */
static void expect_ip4_to(struct harness *h, const uint8_t mac[6])
{
	uint8_t frame[65600];

	assert_true(harness_sent(h, frame) > ETHERNET_HEADER_LEN);
	assert_int_equal(frame[12] << 8 | frame[13], ETHERNET_IP4);
	assert_memory_equal(frame, mac, 6);
}

/*
 * RFC 826, "Packet Generation": who wants to send asks everybody; the packet leaves when the answer is
 * there.
 */
static void asks_and_then_sends(void **state)
{
	struct harness *h = *state;
	struct ip peer_ip = ip_of("192.0.2.2"), ours = ip_of("192.0.2.1");
	size_t len;

	assert_int_equal(harness_send(h, "192.0.2.2", 100, false), 0);
	struct arp_packet a = harness_expect_arp(h, ARP_REQUEST);
	assert_true(ip_equal(&a.target, &peer_ip));
	assert_true(ip_equal(&a.sender, &ours));
	assert_memory_equal(a.sender_mac, our_mac, 6);
	harness_expect_nothing(h);
	harness_arp(h, ARP_REPLY, peer_mac, "192.0.2.2", "192.0.2.1");
	struct ip4_header ip = harness_expect_ip4(h, NULL, &len);
	assert_true(ip_equal(&ip.dst, &peer_ip));
	assert_true(ip_equal(&ip.src, &ours));
	assert_int_equal(len, 100);
	harness_expect_nothing(h);
}

/* RFC 826, "Packet Reception" */
static void answers_for_its_own_address(void **state)
{
	struct harness *h = *state;
	struct ip ours = ip_of("192.0.2.1");

	harness_arp(h, ARP_REQUEST, peer_mac, "192.0.2.2", "192.0.2.1");
	struct arp_packet a = harness_expect_arp(h, ARP_REPLY);
	assert_memory_equal(a.sender_mac, our_mac, 6);
	assert_memory_equal(a.target_mac, peer_mac, 6);
	assert_true(ip_equal(&a.sender, &ours));
	harness_arp(h, ARP_REQUEST, peer_mac, "192.0.2.2", "192.0.2.3");
	harness_arp(h, ARP_REQUEST, peer_mac, "192.0.2.2", "127.0.0.1");
	harness_expect_nothing(h);
}

/* Every prefix of a packet, and senders that nobody can be. */
static void drops_what_is_no_arp(void **state)
{
	struct harness *h = *state;
	uint8_t frame[65600];
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };

	harness_send(h, "192.0.2.9", 1, false);
	assert_int_equal(harness_sent(h, frame), 42);
	memcpy(frame, our_mac, 6);
	memcpy(frame + 22, peer_mac, 6);
	for (size_t n = 0; n < 42; n++)
		assert_int_equal(harness_input(h, frame, n), IP_DONE);
	assert_int_equal(h->env.counters.arp.InErrors, 28);
	harness_arp(h, ARP_REQUEST, all, "192.0.2.2", "192.0.2.1");
	harness_arp(h, ARP_REQUEST, peer_mac, "192.0.2.255", "192.0.2.1");
	harness_arp(h, ARP_REQUEST, peer_mac, "224.0.0.1", "192.0.2.1");
	harness_arp(h, ARP_REQUEST, our_mac, "192.0.2.2", "192.0.2.1"); /* our own, come back */
	harness_expect_nothing(h);
	harness_arp(h, ARP_REPLY, peer_mac, "192.0.2.9", "192.0.2.1");
	harness_forget_sent(h);
}

/* Nobody gets into the cache, or changes it, who was not asked. */
static void believes_no_unasked_reply(void **state)
{
	struct harness *h = *state;

	harness_arp(h, ARP_REPLY, other_mac, "192.0.2.2", "192.0.2.1");
	harness_arp(h, ARP_REQUEST, other_mac, "192.0.2.2", "192.0.2.77");
	assert_null(peer(h));
	harness_resolve(h);
	harness_arp(h, ARP_REPLY, other_mac, "192.0.2.2", "192.0.2.1");
	assert_int_equal(h->env.counters.arp.InUnasked, 2);
	assert_int_equal(harness_send(h, "192.0.2.2", 1, false), 0);
	expect_ip4_to(h, peer_mac);
}

/* RFC 826: who asks for us wants to talk, and needs not be asked for; whether he is there is seen in using it. */
static void learns_from_who_asks_for_us(void **state)
{
	struct harness *h = *state;

	harness_arp(h, ARP_REQUEST, peer_mac, "192.0.2.2", "192.0.2.1");
	assert_int_equal(peer(h)->state, NEIGHBOUR_STALE);
	harness_forget_sent(h);
	assert_int_equal(harness_send(h, "192.0.2.2", 1, false), 0);
	expect_ip4_to(h, peer_mac);
	harness_arp(h, ARP_REQUEST, other_mac, "192.0.2.2", "192.0.2.1"); /* while it is relied on: no */
	harness_forget_sent(h);
	assert_int_equal(harness_send(h, "192.0.2.2", 1, false), 0);
	expect_ip4_to(h, peer_mac);
	pass(h, NEIGHBOUR_DELAY);
	assert_int_equal(peer(h)->state, NEIGHBOUR_PROBE);
	harness_forget_sent(h);
}

/* A card was changed, and nobody has spoken to it since. */
static void learns_a_new_card(void **state)
{
	struct harness *h = *state;

	harness_resolve(h);
	pass(h, NEIGHBOUR_REACHABLE_TIME + 1);
	harness_arp(h, ARP_REQUEST, other_mac, "192.0.2.2", "192.0.2.1");
	harness_forget_sent(h);
	assert_int_equal(harness_send(h, "192.0.2.2", 1, false), 0);
	expect_ip4_to(h, other_mac);
}

/* Not from elsewhere, not from who has our own address, not from probes (RFC 5227 §1.1). */
static void learns_from_neighbours_only(void **state)
{
	struct harness *h = *state;
	size_t before = h->net->neighbours.count;

	harness_arp(h, ARP_REQUEST, peer_mac, "198.51.100.2", "192.0.2.1");
	harness_arp(h, ARP_REQUEST, peer_mac, "0.0.0.0", "192.0.2.1");
	assert_int_equal(h->net->neighbours.count, before);
	harness_forget_sent(h);
}

/* Who makes up senders fills the cache slowly. */
static void learns_at_a_bounded_rate(void **state)
{
	struct harness *h = *state;
	char sender[32];

	for (int n = 0; n < 200; n++) {
		snprintf(sender, sizeof sender, "192.0.2.%d", 10 + n);
		harness_arp(h, ARP_REQUEST, other_mac, sender, "192.0.2.1");
	}
	assert_int_equal(h->net->neighbours.count, NEIGHBOURS_LEARNT_AT_ONCE);
	pass(h, PB_SEC(1));
	for (int n = 0; n < 200; n++) {
		snprintf(sender, sizeof sender, "192.0.2.%d", 10 + n);
		harness_arp(h, ARP_REQUEST, other_mac, sender, "192.0.2.1");
	}
	assert_int_equal(h->net->neighbours.count, NEIGHBOURS_LEARNT_AT_ONCE + NEIGHBOURS_LEARNT_A_SECOND);
	harness_forget_sent(h);
}

/* RFC 4861 §7.2.5: but it is in doubt then, and asked itself; its own answer counts. */
static void asks_a_neighbour_that_is_in_doubt(void **state)
{
	struct harness *h = *state;
	uint8_t frame[65600];

	harness_resolve(h);
	harness_arp(h, ARP_REPLY, other_mac, "192.0.2.2", "192.0.2.1");
	assert_int_equal(peer(h)->state, NEIGHBOUR_STALE);
	assert_int_equal(harness_send(h, "192.0.2.2", 1, false), 0);
	expect_ip4_to(h, peer_mac);
	pass(h, NEIGHBOUR_DELAY);
	assert_int_equal(peer(h)->state, NEIGHBOUR_PROBE);
	assert_int_equal(harness_sent(h, frame), 42);
	assert_memory_equal(frame, peer_mac, 6); /* not to everybody */
	harness_arp(h, ARP_REPLY, peer_mac, "192.0.2.2", "192.0.2.1");
	assert_int_equal(peer(h)->state, NEIGHBOUR_REACHABLE);
}

/* RFC 1122 §2.3.2.1: at most one request a second; after three, nobody is there. */
static void gives_up_after_three_requests(void **state)
{
	struct harness *h = *state;

	assert_int_equal(harness_send(h, "192.0.2.2", 1, false), 0);
	for (int n = 0; n < 3; n++) {
		harness_expect_arp(h, ARP_REQUEST);
		pass(h, NEIGHBOUR_RETRANS_TIMER - 1);
		harness_expect_nothing(h);
		pass(h, 1);
	}
	harness_expect_nothing(h);
	assert_int_equal(peer(h)->state, NEIGHBOUR_FAILED);
	assert_int_equal(h->env.counters.arp.Timeouts, 1);
	/* Who sends next is told, and the question asked again. */
	assert_int_equal(harness_send(h, "192.0.2.2", 1, false), -EHOSTUNREACH);
	harness_expect_arp(h, ARP_REQUEST);
	assert_int_equal(harness_send(h, "192.0.2.2", 1, false), 0);
	harness_expect_nothing(h);
	harness_arp(h, ARP_REPLY, peer_mac, "192.0.2.2", "192.0.2.1");
	expect_ip4_to(h, peer_mac);
}

/* What waited is told of by an ICMP message to ourselves, over the loopback interface. */
static void tells_who_waited_in_vain(void **state)
{
	struct harness *h = *state;
	struct iface *lo = pb_internet_iface(h->net, 1);

	assert_int_equal(harness_send(h, "192.0.2.2", 33, false), 0);
	pass(h, PB_SEC(3));
	struct pb_buf *b = lo->device->ops->receive(lo->device, env_now(&h->env), h->env.pool);
	assert_non_null(b);
	assert_int_equal(pb_internet_input(h->net, lo, b, &h->packet, &h->error), IP_COMPLAINT);
	assert_int_equal(h->error.error, EHOSTUNREACH);
	assert_false(h->error.hard);
	assert_int_equal(h->error.protocol, UDP);
	assert_int_equal(h->error.quote_len, 33);
	struct ip dst = ip_of("192.0.2.2");
	assert_true(ip_equal(&h->error.dst, &dst));
}

/* RFC 4861 §7.3.3: thirty seconds REACHABLE, five of DELAY, then three questions a second apart. */
static void goes_through_the_states(void **state)
{
	struct harness *h = *state;

	harness_resolve(h);
	pass(h, NEIGHBOUR_REACHABLE_TIME);
	assert_string_equal(pb_neighbour_state_text(peer(h)), "REACHABLE");
	pass(h, 1);
	assert_string_equal(pb_neighbour_state_text(peer(h)), "STALE");
	pass(h, PB_SEC(1000));
	harness_expect_nothing(h); /* who is not spoken to is not asked */
	harness_send(h, "192.0.2.2", 1, false);
	expect_ip4_to(h, peer_mac);
	assert_string_equal(pb_neighbour_state_text(peer(h)), "DELAY");
	pass(h, NEIGHBOUR_DELAY);
	for (int n = 0; n < 3; n++) {
		assert_string_equal(pb_neighbour_state_text(peer(h)), "PROBE");
		harness_expect_arp(h, ARP_REQUEST);
		harness_send(h, "192.0.2.2", 1, false);
		expect_ip4_to(h, peer_mac); /* and is still spoken to */
		pass(h, NEIGHBOUR_RETRANS_TIMER);
	}
	assert_string_equal(pb_neighbour_state_text(peer(h)), "FAILED");
}

/* RFC 4861 §7.3.1: a transport that makes progress spares the question. */
static void is_confirmed_by_a_transport(void **state)
{
	struct harness *h = *state;
	struct ip dst = ip_of("192.0.2.2"), any = ip_of("0.0.0.0");
	struct ip_path path;

	harness_resolve(h);
	assert_int_equal(pb_ip_path(h->net, &path, &any, &dst, 0), 0);
	pass(h, NEIGHBOUR_REACHABLE_TIME + 1);
	harness_send(h, "192.0.2.2", 1, false);
	harness_forget_sent(h);
	pass(h, NEIGHBOUR_DELAY / 2);
	pb_ip_confirm(h->net, &path);
	pass(h, NEIGHBOUR_DELAY);
	harness_expect_nothing(h);
	assert_int_equal(peer(h)->state, NEIGHBOUR_REACHABLE);
}

/* Bounds: what waits, and for how many. */
static void bounds_what_waits(void **state)
{
	struct harness *h = *state;
	size_t len;

	for (size_t n = 1; n <= 100; n++)
		assert_int_equal(harness_send(h, "192.0.2.2", n, false), 0);
	harness_expect_arp(h, ARP_REQUEST);
	assert_int_equal(h->env.counters.arp.QueueDrops, 100 - NEIGHBOUR_QUEUE_PACKETS);
	harness_arp(h, ARP_REPLY, peer_mac, "192.0.2.2", "192.0.2.1");
	for (size_t n = 0; n < NEIGHBOUR_QUEUE_PACKETS; n++) { /* the latest, in order */
		harness_expect_ip4(h, NULL, &len);
		assert_int_equal(len, 101 - NEIGHBOUR_QUEUE_PACKETS + n);
	}
	harness_expect_nothing(h);
}

/* Who scans a subnet does not push out who is spoken to. */
static void bounds_the_cache(void **state)
{
	struct internet_limits limits = { .neighbours_max = 8 };
	struct harness *h = harness_open(1500, true, &limits);
	char dst[32];

	(void)state;
	harness_resolve(h);
	for (int n = 0; n < 200; n++) {
		snprintf(dst, sizeof dst, "192.0.2.%d", 10 + n);
		assert_int_equal(harness_send(h, dst, 1, false), 0);
		assert_int_equal(harness_send(h, "192.0.2.2", 1, false), 0);
		assert_true(h->net->neighbours.count <= 8);
	}
	assert_non_null(peer(h));
	assert_memory_equal(peer(h)->mac, peer_mac, 6);
	assert_int_equal(h->env.counters.arp.CacheFull, 200 - 7);
	harness_forget_sent(h);
	harness_close(h);
}

/* A path whose neighbour had to go finds it again, and touches nothing that is freed. */
static void paths_outlive_neighbours(void **state)
{
	struct internet_limits limits = { .neighbours_max = 2 };
	struct harness *h = harness_open(1500, true, &limits);
	struct ip dst = ip_of("192.0.2.2"), any = ip_of("0.0.0.0");
	struct ip_send how = { .protocol = UDP };
	struct ip_path path;

	(void)state;
	assert_int_equal(pb_ip_path(h->net, &path, &any, &dst, 0), 0);
	for (int n = 0; n < 3; n++) {
		assert_int_equal(harness_send(h, "192.0.2.3", 1, false), 0);
		assert_int_equal(harness_send(h, "192.0.2.4", 1, false), 0);
		assert_int_equal(harness_send(h, "192.0.2.5", 1, false), 0);
		pb_ip_confirm(h->net, &path);
		assert_int_equal(pb_ip_send(h->net, &path, &how, harness_payload(h, 5)), 0);
	}
	assert_non_null(peer(h));
	harness_forget_sent(h);
	harness_close(h);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_wire, close_wire)
	const struct CMUnitTest tests[] = {
		TEST(asks_and_then_sends),
		TEST(answers_for_its_own_address),
		TEST(drops_what_is_no_arp),
		TEST(believes_no_unasked_reply),
		TEST(learns_from_who_asks_for_us),
		TEST(learns_a_new_card),
		TEST(learns_from_neighbours_only),
		TEST(learns_at_a_bounded_rate),
		TEST(asks_a_neighbour_that_is_in_doubt),
		TEST(gives_up_after_three_requests),
		TEST(tells_who_waited_in_vain),
		TEST(goes_through_the_states),
		TEST(is_confirmed_by_a_transport),
		TEST(bounds_what_waits),
		cmocka_unit_test(bounds_the_cache),
		cmocka_unit_test(paths_outlive_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
