/* RFC 4861 §7 (neighbours), RFC 4862 §5.3 and §5.4 and RFC 7527 (our own addresses). */
#include "net/harness6.h"

#include "net/interface_id.h"

static const uint8_t other_mac[6] = { 2, 0, 0, 0, 0, 0x77 };

static int open_wire(void **state)
{
	*state = harness6_open(1500, NULL);
	return 0;
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

static void advertise(struct harness *h, const uint8_t *mac, bool solicited, bool override)
{
	harness6_neighbour(h,
			   (struct nd_neighbour){ .advertisement = true,
						  .solicited = solicited,
						  .override = override,
						  .target = ip_of("2001:db8::2"),
						  .mac = mac },
			   "2001:db8::2", solicited ? "2001:db8::1" : "ff02::1");
}

/* Where a packet to the peer goes now, and in what state its entry then is. */
static const char *sends_to(struct harness *h, const uint8_t mac[6]);

static void note_state(const struct neighbour_info *n, void *context)
{
	struct ip peer = ip_of("2001:db8::2");

	if (ip_equal(&n->ip, &peer))
		*(const char **)context = n->state;
}

static const char *state_of_peer(struct harness *h)
{
	const char *text = "none";

	pb_internet_neighbours(h->net, note_state, &text);
	return text;
}

static const char *sends_to(struct harness *h, const uint8_t mac[6])
{
	const char *state = state_of_peer(h);

	harness_forget_sent(h);
	assert_int_equal(harness6_send(h, "2001:db8::2", 1, false), 0);
	harness6_expect(h, NULL, NULL);
	assert_memory_equal(harness6_mac, mac, 6);
	return state;
}

/* RFC 4861 §7.2.2: in the name of the packet's source, to the solicited-node group; three times in three seconds. */
static void asks_for_a_neighbour(void **state)
{
	static const uint8_t group_mac[6] = { 0x33, 0x33, 0xff, 0, 0, 2 };
	struct harness *h = *state;
	struct ip group = ip_of("ff02::1:ff00:2"), ours = ip_of("2001:db8::1"), peer = ip_of("2001:db8::2");

	assert_int_equal(harness6_send(h, "2001:db8::2", 1, false), 0);
	for (int n = 0; n < 3; n++) {
		struct ip6_header ip;
		struct nd_neighbour m = harness6_expect_neighbour(h, false, &ip);
		assert_memory_equal(harness6_mac, group_mac, 6);
		assert_true(ip_equal(&ip.src, &ours) && ip_equal(&ip.dst, &group));
		assert_true(ip_equal(&m.target, &peer));
		assert_memory_equal(m.mac, our_mac, 6);
		assert_null(m.nonce);
		harness6_expect_nothing(h);
		pass(h, PB_SEC(1));
	}
	assert_string_equal(state_of_peer(h), "FAILED");
}

/* RFC 4861 §7.2.5, first paragraphs. */
static void takes_the_answer(void **state)
{
	struct harness *h = *state;

	for (int solicited = 0; solicited < 2; solicited++) {
		harness_close(h);
		h = *state = harness6_open(1500, NULL);
		assert_int_equal(harness6_send(h, "2001:db8::2", 1, false), 0);
		harness6_expect_neighbour(h, false, NULL);
		advertise(h, peer_mac, solicited, false);
		assert_int_equal(harness6_expect(h, NULL, NULL).next, UDP); /* what had waited */
		assert_memory_equal(harness6_mac, peer_mac, 6);
		assert_string_equal(state_of_peer(h), solicited ? "REACHABLE" : "STALE");
	}
}

/* RFC 4861 §7.2.5, I and II. */
static void heeds_the_flags(void **state)
{
	struct harness *h = *state;

	harness6_resolve(h);
	advertise(h, other_mac, true, false); /* another address, and not to override: only doubt */
	assert_string_equal(sends_to(h, peer_mac), "STALE");
	advertise(h, peer_mac, true, false);
	assert_string_equal(sends_to(h, peer_mac), "REACHABLE");
	advertise(h, other_mac, false, true); /* moved, but whether it hears us is not known */
	assert_string_equal(sends_to(h, other_mac), "STALE");
	advertise(h, other_mac, true, true);
	assert_string_equal(sends_to(h, other_mac), "REACHABLE");
	advertise(h, other_mac, false, true); /* nothing new */
	assert_string_equal(sends_to(h, other_mac), "REACHABLE");
}

/* RFC 4861 §7.2.5: what nobody asked for makes no entry. */
static void learns_nothing_unasked(void **state)
{
	struct harness *h = *state;

	advertise(h, peer_mac, false, true);
	assert_string_equal(state_of_peer(h), "none");
	assert_int_equal(h->env.counters.arp.InUnasked, 1);
}

/* RFC 4861 §7.3.3: in doubt it is used for five seconds, and then asked itself. */
static void probes_a_doubtful_one(void **state)
{
	struct harness *h = *state;
	struct ip peer = ip_of("2001:db8::2");
	struct ip6_header ip;

	harness6_resolve(h);
	pass(h, PB_SEC(31));
	assert_string_equal(sends_to(h, peer_mac), "STALE");
	pass(h, PB_SEC(5));
	harness6_expect_neighbour(h, false, &ip);
	assert_memory_equal(harness6_mac, peer_mac, 6);
	assert_true(ip_equal(&ip.dst, &peer));
	advertise(h, peer_mac, true, false);
	assert_string_equal(state_of_peer(h), "REACHABLE");
}

/* RFC 4861 §7.2.4: who asks is answered; who gave no name, all are. */
static void answers(void **state)
{
	struct harness *h = *state;
	struct nd_neighbour question = { .target = ip_of("2001:db8::1"), .mac = peer_mac };
	struct ip peer = ip_of("2001:db8::2"), all = ip_of("ff02::1");
	struct ip6_header ip;

	harness6_neighbour(h, question, "2001:db8::2", "ff02::1:ff00:1");
	struct nd_neighbour m = harness6_expect_neighbour(h, true, &ip);
	assert_true(m.solicited && m.override && !m.router);
	assert_true(ip_equal(&m.target, &question.target) && ip_equal(&ip.dst, &peer));
	assert_memory_equal(m.mac, our_mac, 6);
	assert_memory_equal(harness6_mac, peer_mac, 6);
	assert_string_equal(state_of_peer(h), "STALE"); /* §7.2.3: it wants to talk */

	question.mac = NULL;
	harness6_neighbour(h, question, "::", "ff02::1:ff00:1");
	m = harness6_expect_neighbour(h, true, &ip);
	assert_true(!m.solicited && m.override);
	assert_true(ip_equal(&ip.dst, &all));
	harness6_expect_nothing(h);
}

/* RFC 4861 §7.1.1, §7.1.2 */
static void refuses_what_is_not_of_the_link(void **state)
{
	struct harness *h = *state;
	struct nd_neighbour question = { .target = ip_of("2001:db8::1"), .mac = peer_mac };
	uint8_t message[ND_MESSAGE_MAX];
	struct writer w = { .p = message, .left = sizeof message };

	assert_true(pb_nd_neighbour_write(&question, &w));
	harness6_icmp(h, (struct ip6_header){ .hop_limit = 254 }, message, sizeof message - w.left);
	harness6_expect_nothing(h);
	harness6_neighbour(h, question, "::", "ff02::1:ff00:1"); /* nobody, with an address */
	harness6_expect_nothing(h);
	question.mac = NULL;
	harness6_neighbour(h, question, "::", "ff02::1"); /* nobody, to another group */
	harness6_expect_nothing(h);
	harness6_resolve(h);
	harness6_neighbour(h,
			   (struct nd_neighbour){ .advertisement = true,
						  .solicited = true,
						  .override = true,
						  .target = ip_of("2001:db8::2"),
						  .mac = other_mac },
			   "2001:db8::2", "ff02::1"); /* an answer to a question of everybody's */
	assert_string_equal(sends_to(h, peer_mac), "REACHABLE");
}

/*
 * Our own addresses ----------------------------------------------------------------------------------------
 */

static int open_bare(void **state)
{
	*state = harness_open_bare(1500, true, NULL);
	return 0;
}

static struct iface_address *add_tentative(struct harness *h)
{
	struct ip wanted = ip_of("2001:db8::1");

	assert_int_equal(pb_internet_add_address(h->net, h->iface, &wanted, 64, false), 0);
	return pb_iface_address(h->iface, &wanted);
}

/* The next probe for an address; its nonce is copied. */
static void expect_probe(struct harness *h, const struct ip *wanted, uint8_t nonce[6])
{
	for (;;) {
		struct ip6_header ip;
		struct nd_neighbour m = harness6_expect_neighbour(h, false, &ip);
		assert_true(ip_is_any(&ip.src));
		assert_null(m.mac);
		assert_non_null(m.nonce);
		if (!ip_equal(&m.target, wanted))
			continue; /* the link-local one's */
		struct ip group = pb_ip_solicited_node(wanted, 0);
		assert_true(ip_equal(&ip.dst, &group));
		memcpy(nonce, m.nonce, 6);
		return;
	}
}

/* RFC 4862 §5.3: with IPv6 comes a link-local address; §5.4.2: up to a second, one probe, and a second of silence. */
static void detects_before_use(void **state)
{
	struct harness *h = *state;
	struct iface_address *a = add_tentative(h);
	struct ip wanted = a->ip;
	uint8_t nonce[6];

	assert_int_equal(h->iface->address_count, 2);
	assert_true(ip_is_link_local(&h->iface->addresses[1]->ip));
	assert_int_equal(a->state, ADDRESS_TENTATIVE);
	assert_false(pb_internet_is_local(h->net, &wanted));
	harness6_expect_nothing(h);
	pass(h, PB_SEC(1));
	expect_probe(h, &wanted, nonce);
	assert_int_equal(a->state, ADDRESS_TENTATIVE);
	pass(h, PB_SEC(1));
	assert_int_equal(a->state, ADDRESS_READY);
	assert_int_equal(h->iface->addresses[1]->state, ADDRESS_READY);
	assert_true(pb_internet_is_local(h->net, &wanted));
	harness_forget_sent(h);
}

/* RFC 4862 §5.4.4 */
static void leaves_it_to_its_owner(void **state)
{
	struct harness *h = *state;
	struct iface_address *a = add_tentative(h);

	pass(h, PB_SEC(1));
	harness6_neighbour(
		h,
		(struct nd_neighbour){
			.advertisement = true, .override = true, .target = a->ip, .mac = other_mac },
		"2001:db8::1", "ff02::1");
	assert_int_equal(a->state, ADDRESS_DUPLICATE);
	pass(h, PB_SEC(10));
	assert_int_equal(a->state, ADDRESS_DUPLICATE);
	assert_false(pb_internet_is_local(h->net, &a->ip));
	harness_forget_sent(h);
}

/* RFC 4862 §5.4.3: somebody else asks for the same one; RFC 7527 §4.3: unless that is our own echo. */
static void leaves_it_to_a_rival(void **state)
{
	struct harness *h = *state;
	struct iface_address *a = add_tentative(h);
	struct ip wanted = a->ip;
	uint8_t nonce[6];

	pass(h, PB_SEC(1));
	expect_probe(h, &wanted, nonce);
	harness6_neighbour(h, (struct nd_neighbour){ .target = wanted, .nonce = nonce },
			   "::", "ff02::1:ff00:1");
	assert_int_equal(a->state, ADDRESS_TENTATIVE);
	harness6_neighbour(h, (struct nd_neighbour){ .target = wanted, .mac = other_mac }, "2001:db8::9",
			   "ff02::1:ff00:1"); /* it just wants to know (§5.4.3) */
	assert_int_equal(a->state, ADDRESS_TENTATIVE);
	nonce[0] ^= 1;
	harness6_neighbour(h, (struct nd_neighbour){ .target = wanted, .nonce = nonce },
			   "::", "ff02::1:ff00:1");
	assert_int_equal(a->state, ADDRESS_DUPLICATE);
	harness_forget_sent(h);
}

/* One that is in use is kept, whoever claims it: we cannot know who is right (RFC 4862 §5.4.4 leaves it open). */
static void keeps_what_is_in_use(void **state)
{
	struct harness *h = *state;
	struct iface_address *a = add_tentative(h);

	pass(h, PB_SEC(2));
	harness6_neighbour(
		h,
		(struct nd_neighbour){
			.advertisement = true, .override = true, .target = a->ip, .mac = other_mac },
		"fe80::9", "ff02::1");
	assert_int_equal(a->state, ADDRESS_READY);
	assert_int_equal(h->env.counters.arp.Conflicts, 1);
	harness_forget_sent(h);
}

/* RFC 7217 §5: the same for the same prefix and secret, another for another prefix or a next attempt. */
static void makes_stable_identifiers(void **state)
{
	struct harness *h = *state;
	struct ip one = ip_of("2001:db8:1::"), two = ip_of("2001:db8:2::");
	struct ip a = pb_interface_id_stable(h->iface, &one, 0),
		  same = pb_interface_id_stable(h->iface, &one, 0),
		  next = pb_interface_id_stable(h->iface, &one, 1),
		  other = pb_interface_id_stable(h->iface, &two, 0);

	assert_true(ip_equal(&a, &same));
	assert_memory_equal(a.bytes, one.bytes, 8);
	assert_memory_not_equal(a.bytes + 8, next.bytes + 8, 8);
	assert_memory_not_equal(a.bytes + 8, other.bytes + 8, 8);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_wire, close_wire)
#define BARE(f) cmocka_unit_test_setup_teardown(f, open_bare, close_wire)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(asks_for_a_neighbour),
		TEST(takes_the_answer),
		TEST(heeds_the_flags),
		TEST(learns_nothing_unasked),
		TEST(probes_a_doubtful_one),
		TEST(answers),
		TEST(refuses_what_is_not_of_the_link),
		BARE(detects_before_use),
		BARE(leaves_it_to_its_owner),
		BARE(leaves_it_to_a_rival),
		BARE(keeps_what_is_in_use),
		BARE(makes_stable_identifiers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
