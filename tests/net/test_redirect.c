/*
 * Redirects: RFC 1122 §3.2.2.2 and §3.3.1.2 for IPv4, RFC 4861 §8 for IPv6. In IPv4 the peer, 192.0.2.2, is our router,
 * and what counts is whom we ask for when we send; who believes that the quote is ours are the transports, here the
 * test.
 */
#include "net/harness6.h"
#include "net/internet_state.h"

#include <stdio.h>

static const char *const far = "198.51.100.9";

static int open_wire(void **state)
{
	struct harness *h = *state = harness_open(1500, true, NULL);
	struct ip all = ip_of("0.0.0.0"), router = ip_of("192.0.2.2");

	assert_int_equal(pb_internet_add_route(h->net, &all, 0, &router, h->iface), 0);
	return 0;
}

static int open_wire6(void **state)
{
	struct harness *h = *state = harness6_open(1500, NULL);
	struct ip all = { 0 }, router = ip_of("fe80::2");

	router = ip_in_zone(&router, h->iface->index);
	assert_int_equal(pb_internet_add_route(h->net, &all, 0, &router, h->iface), 0);
	return 0;
}

static int close_wire(void **state)
{
	harness_forget_sent(*state);
	harness_close(*state);
	return 0;
}

static struct ip_path path_to(struct harness *h, const char *dst)
{
	struct ip any = { 0 }, to = ip_of(dst);
	struct ip_path path;

	if (ip_is4(&to))
		any = ip_of("0.0.0.0");
	assert_int_equal(pb_ip_path(h->net, &path, &any, &to, 0), 0);
	return path;
}

/* Whether packets to dst go by hop. */
static bool goes_by(struct harness *h, const char *dst, const char *hop)
{
	struct ip_path path = path_to(h, dst);
	struct ip want = ip_of(hop);

	want = ip_in_zone(&want, h->iface->index);
	return ip_equal(&path.neighbour->ip, &want);
}

/*
 * IPv4 -----------------------------------------------------------------------------------------------------
 */

/* A router says that a packet of ours to dst would go better by a gateway. Whether transports are asked. */
static bool redirect_from(struct harness *h, const char *router, const char *dst, const char *gateway,
			  uint8_t code)
{
	struct icmp_error e = { .type = ICMP4_REDIRECT, .code = code };
	struct ip4_header quoted = { .len = 20,
				     .packet_len = 100,
				     .ttl = 3,
				     .protocol = UDP,
				     .src = ip_of("192.0.2.1"),
				     .dst = ip_of(dst) };
	uint8_t message[8 + 20 + 8] = { 0 };
	struct writer w = { .p = message, .left = sizeof message };
	struct ip g = ip_of(gateway);

	memcpy(e.gateway, ip_bytes4(&g), sizeof e.gateway);
	assert_true(pb_icmp_error_write(&e, &w));
	assert_true(pb_ip4_write(&quoted, &w));
	pb_icmp_seal(message, sizeof message, 0);
	struct ip4_header ip = { .src = ip_of(router), .protocol = IPPROTO_ICMP };
	enum ip_verdict v = harness_ip4(h, ip, message, sizeof message);
	assert_true(v == IP_DELIVER || (v == IP_COMPLAINT && ip_error_is_redirect(&h->error)));
	return v == IP_COMPLAINT;
}

static bool redirect(struct harness *h, const char *gateway)
{
	return redirect_from(h, "192.0.2.2", far, gateway, 1);
}

static void believe(struct harness *h)
{
	assert_int_equal(h->error.error, 0);
	pb_ip_redirected(h->net, &h->error);
}

/* The path that somebody keeps is looked for again, too. */
static void is_heeded(void **state)
{
	struct harness *h = *state;
	struct ip_path path = path_to(h, far);
	struct ip_send how = { .protocol = UDP };
	struct ip want = ip_of("192.0.2.254");

	assert_true(goes_by(h, far, "192.0.2.2"));
	assert_true(redirect(h, "192.0.2.254"));
	assert_true(goes_by(h, far, "192.0.2.2")); /* nobody has believed it yet */
	believe(h);
	assert_true(goes_by(h, far, "192.0.2.254"));
	assert_true(goes_by(h, "198.51.100.8", "192.0.2.2")); /* §3.3.1.2: that destination alone */
	harness_forget_sent(h);
	assert_int_equal(pb_ip_send(h->net, &path, &how, harness_payload(h, 5)), 0);
	struct arp_packet a = harness_expect_arp(h, ARP_REQUEST);
	assert_true(ip_equal(&a.target, &want));
	assert_int_equal(h->env.counters.icmp.InRedirects, 1);
}

/* RFC 1122 §3.3.1.2: of a net, and for a type of service, they mean this destination as well. */
static void of_all_codes(void **state)
{
	struct harness *h = *state;
	char dst[32];

	for (uint8_t code = 0; code < 4; code++) {
		snprintf(dst, sizeof dst, "198.51.100.%d", code);
		assert_true(redirect_from(h, "192.0.2.2", dst, "192.0.2.254", code));
		believe(h);
		assert_true(goes_by(h, dst, "192.0.2.254"));
	}
}

/* RFC 1122 §3.2.2.2: only from the first hop to there, and to a gateway on the subnet that is somebody else's. */
static void is_sound(void **state)
{
	static const char *const gateways[] = { "198.51.100.1", "192.0.2.1", "192.0.2.2", "192.0.2.255",
						"224.0.0.1",    "0.0.0.0",   "127.0.0.1" };
	struct harness *h = *state;

	assert_false(redirect_from(h, "192.0.2.3", far, "192.0.2.254", 1));
	assert_false(redirect_from(h, far, far, "192.0.2.254", 1));
	assert_false(redirect_from(h, "192.0.2.2", "192.0.2.77", "192.0.2.254", 1)); /* that is on the link */
	assert_false(redirect_from(h, "192.0.2.2", "224.1.1.1", "192.0.2.254", 1));
	for (size_t n = 0; n < sizeof gateways / sizeof *gateways; n++)
		assert_false(redirect(h, gateways[n]));
	assert_int_equal(h->net->redirects.count, 0);
}

/* Who is the first hop now may say so, and nobody else: the one before has no longer a say. */
static void is_passed_on(void **state)
{
	struct harness *h = *state;

	assert_true(redirect(h, "192.0.2.254"));
	believe(h);
	assert_false(redirect(h, "192.0.2.253"));
	assert_true(redirect_from(h, "192.0.2.254", far, "192.0.2.253", 1));
	believe(h);
	assert_true(goes_by(h, far, "192.0.2.253"));
	assert_true(redirect_from(h, "192.0.2.253", far, "192.0.2.2", 1));
	believe(h);
	assert_true(goes_by(h, far, "192.0.2.2"));
	assert_int_equal(h->net->redirects.count, 0);
}

/* RFC 1122 §3.3.1.4: whoever does not answer is no gateway. */
static void ends_with_its_gateway(void **state)
{
	struct harness *h = *state;

	assert_true(redirect(h, "192.0.2.254"));
	believe(h);
	assert_int_equal(harness_send(h, far, 1, false), 0);
	assert_true(goes_by(h, far, "192.0.2.254"));
	harness_run(h, env_now(&h->env) + PB_SEC(4));
	assert_true(goes_by(h, far, "192.0.2.2"));
	assert_int_equal(h->net->redirects.count, 0);
}

/* It led away from a router by which the route no longer goes. */
static void ends_with_its_route(void **state)
{
	struct harness *h = *state;
	struct ip all = ip_of("0.0.0.0"), other = ip_of("192.0.2.9");

	assert_true(redirect(h, "192.0.2.254"));
	believe(h);
	assert_int_equal(pb_internet_remove_route(h->net, &all, 0), 0);
	assert_int_equal(pb_internet_add_route(h->net, &all, 0, &other, h->iface), 0);
	assert_true(goes_by(h, far, "192.0.2.9"));
}

static void table_is_bounded(void **state)
{
	struct harness *h = *state;
	char dst[32];

	for (int n = 0; n < 3 * REDIRECTS_MAX; n++) {
		snprintf(dst, sizeof dst, "203.0.%d.%d", n / 200, n % 200);
		assert_true(redirect_from(h, "192.0.2.2", dst, "192.0.2.254", 1));
		believe(h);
		assert_true(goes_by(h, dst, "192.0.2.254"));
	}
	assert_int_equal(h->net->redirects.count, REDIRECTS_MAX);
	assert_true(goes_by(h, "203.0.0.0", "192.0.2.2")); /* the oldest are gone */
}

/*
 * IPv6 -----------------------------------------------------------------------------------------------------
 */

static const char *const far6 = "2001:db8:9::9";
static const uint8_t target_mac[6] = { 2, 0, 0, 0, 0, 0x44 };

struct redirect6 {
	const char *from, *target, *dst;
	const uint8_t *mac;
	uint8_t hop_limit, code;
};

static void redirect6(struct harness *h, struct redirect6 r)
{
	uint8_t message[8 + 32 + 8] = { ICMP6_REDIRECT, r.code };
	struct writer w = { .p = message + 8, .left = sizeof message - 8 };
	struct ip target = ip_of(r.target), dst = ip_of(r.dst ? r.dst : far6);

	wr_bytes(&w, target.bytes, 16);
	wr_bytes(&w, dst.bytes, 16);
	if (r.mac) {
		wr_u8(&w, ND_TARGET_MAC);
		wr_u8(&w, 1);
		wr_bytes(&w, r.mac, 6);
	}
	struct ip6_header ip = { .src = ip_of(r.from ? r.from : "fe80::2"), .hop_limit = r.hop_limit };
	assert_int_equal(harness6_icmp(h, ip, message, sizeof message - w.left), IP_DELIVER);
}

static void to_another_router(void **state)
{
	struct harness *h = *state;

	assert_true(goes_by(h, far6, "fe80::2"));
	redirect6(h, (struct redirect6){ .target = "fe80::3", .mac = target_mac });
	assert_true(goes_by(h, far6, "fe80::3"));
	assert_true(goes_by(h, "2001:db8:9::8", "fe80::2"));
	harness_forget_sent(h);
	assert_int_equal(harness6_send(h, far6, 1, false), 0); /* §8.3: where it is was told, too */
	harness6_expect(h, NULL, NULL);
	assert_memory_equal(harness6_mac, target_mac, 6);
}

/* RFC 4861 §8: the target is the destination itself where that is on the link. */
static void to_the_destination_itself(void **state)
{
	struct harness *h = *state;
	struct ip6_header ip;

	redirect6(h, (struct redirect6){ .target = far6 });
	assert_true(goes_by(h, far6, far6));
	harness_forget_sent(h);
	assert_int_equal(harness6_send(h, far6, 1, false), 0);
	struct nd_neighbour m = harness6_expect_neighbour(h, false, &ip);
	struct ip want = ip_of(far6);
	assert_true(ip_equal(&m.target, &want));
}

/* RFC 4861 §8.1 */
static void is_sound6(void **state)
{
	static const struct redirect6 wrong[] = {
		{.target = "fe80::3",      .hop_limit = 254 },
		{ .target = "fe80::3",                       .code = 1 },
		{ .target = "fe80::3",.from = "2001:db8::2" },
		{ .target = "fe80::3",     .from = "fe80::9" },
		{ .target = "fe80::3",                       .dst = "ff0e::1" },
		{ .target = "fe80::3",   .dst = "2001:db8::7" },
		{ .target = "2001:db8::3"    },
		{ .target = "fe80::1"                      },
		{ .target = "fe80::2" },
		{ .target = "ff02::3"},
		{ .target = "::"    },
	};
	struct harness *h = *state;

	for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++)
		redirect6(h, wrong[n]);
	assert_int_equal(h->net->redirects.count, 0);
	redirect6(h, (struct redirect6){ .target = "fe80::3" });
	assert_int_equal(h->net->redirects.count, 1);
}

/* RFC 4861 §7.3.3: the next hop is determined anew when it does not answer. */
static void ends_with_its_router(void **state)
{
	struct harness *h = *state;

	redirect6(h, (struct redirect6){ .target = "fe80::3" });
	assert_int_equal(harness6_send(h, far6, 1, false), 0);
	harness_run(h, env_now(&h->env) + PB_SEC(4));
	assert_true(goes_by(h, far6, "fe80::2"));
}

int main(void)
{
#define TEST(f)  cmocka_unit_test_setup_teardown(f, open_wire, close_wire)
#define TEST6(f) cmocka_unit_test_setup_teardown(f, open_wire6, close_wire)
	const struct CMUnitTest tests[] = {
		TEST(is_heeded),        TEST(of_all_codes),          TEST(is_sound),
		TEST(is_passed_on),     TEST(ends_with_its_gateway), TEST(ends_with_its_route),
		TEST(table_is_bounded), TEST6(to_another_router),    TEST6(to_the_destination_itself),
		TEST6(is_sound6),       TEST6(ends_with_its_router),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
