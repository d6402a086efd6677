/* The way to a peer: RFC 1122 §3.3.1 (routes), §3.3.4 (several addresses), RFC 1191 (its MTU). */
#include "net/harness.h"
#include "net/path_mtu.h"

#include <errno.h>
#include <stdio.h>

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

static int find(struct harness *h, struct ip_path *path, const char *src, const char *dst)
{
	struct ip s = ip_of(src), d = ip_of(dst);

	return pb_ip_path(h->net, path, &s, &d, 0);
}

static int add_route(struct harness *h, const char *prefix, unsigned bits, const char *gateway)
{
	struct ip p = ip_of(prefix), g = ip_of(gateway ? gateway : "0.0.0.0");

	return pb_internet_add_route(h->net, &p, bits, gateway ? &g : NULL, h->iface);
}

static bool is_from(const struct ip_path *path, const char *src)
{
	struct ip s = ip_of(src);

	return ip_equal(&path->src, &s);
}

/* Whom we ask for when we send there: the next hop. */
static bool asks_for(struct harness *h, const char *dst, const char *next_hop)
{
	struct ip want = ip_of(next_hop);

	harness_forget_sent(h);
	assert_int_equal(harness_send(h, dst, 1, false), 0);
	struct arp_packet a = harness_expect_arp(h, ARP_REQUEST);
	return ip_equal(&a.target, &want);
}

static void knows_its_own_subnet_only(void **state)
{
	struct harness *h = *state;
	struct ip_path path;

	assert_int_equal(find(h, &path, "0.0.0.0", "192.0.2.9"), 0);
	assert_ptr_equal(path.iface, h->iface);
	assert_true(is_from(&path, "192.0.2.1"));
	assert_int_equal(path.mtu, 1500);
	assert_int_equal(find(h, &path, "0.0.0.0", "198.51.100.1"), -ENETUNREACH);
	assert_int_equal(h->env.counters.ip.OutNoRoutes, 1);
}

/* Longest prefix first, by whatever gateway it says. */
static void takes_the_longest_prefix(void **state)
{
	struct harness *h = *state;

	assert_int_equal(add_route(h, "0.0.0.0", 0, "192.0.2.254"), 0);
	assert_int_equal(add_route(h, "10.1.0.0", 16, "192.0.2.3"), 0);
	assert_int_equal(add_route(h, "10.0.0.0", 8, "192.0.2.2"), 0);
	assert_int_equal(add_route(h, "10.1.2.0", 24, NULL), 0);
	assert_true(asks_for(h, "8.8.8.8", "192.0.2.254"));
	assert_true(asks_for(h, "10.9.9.9", "192.0.2.2"));
	assert_true(asks_for(h, "10.1.9.9", "192.0.2.3"));
	assert_true(asks_for(h, "10.1.2.9", "10.1.2.9"));
	struct ip p = ip_of("10.1.0.0");
	assert_int_equal(pb_internet_remove_route(h->net, &p, 16), 0);
	assert_int_equal(pb_internet_remove_route(h->net, &p, 16), -ESRCH);
	assert_int_equal(harness_send(h, "10.1.9.9", 1, false), 0);
	harness_forget_sent(h);
}

static void refuses_unusable_routes(void **state)
{
	struct harness *h = *state;
	int rc, n = 0;
	char prefix[32];

	assert_int_equal(add_route(h, "0.0.0.0", 0, "198.51.100.1"), -ENETUNREACH);
	assert_int_equal(add_route(h, "0.0.0.0", 0, "192.0.2.1"), -ENETUNREACH);
	assert_int_equal(add_route(h, "10.0.0.0", 33, NULL), -EINVAL);
	assert_int_equal(add_route(h, "10.0.0.0", 8, NULL), 0);
	assert_int_equal(add_route(h, "10.7.7.7", 8, NULL), -EEXIST);
	do {
		snprintf(prefix, sizeof prefix, "172.%d.%d.0", n / 250, n % 250);
		rc = add_route(h, prefix, 24, NULL);
	} while (rc == 0 && ++n < 10000);
	assert_int_equal(rc, -ENOSPC);
}

/* RFC 1122 §3.3.4.3: the address that is of the next hop's subnet. */
static void chooses_its_source(void **state)
{
	struct harness *h = *state;
	struct ip second = ip_of("10.9.0.1");
	struct ip_path path;

	assert_int_equal(pb_internet_add_address(h->net, h->iface, &second, 16, true), 0);
	assert_int_equal(add_route(h, "0.0.0.0", 0, "10.9.3.3"), 0);
	assert_int_equal(find(h, &path, "0.0.0.0", "192.0.2.9"), 0);
	assert_true(is_from(&path, "192.0.2.1"));
	assert_int_equal(find(h, &path, "0.0.0.0", "10.9.1.1"), 0);
	assert_true(is_from(&path, "10.9.0.1"));
	assert_int_equal(find(h, &path, "0.0.0.0", "8.8.8.8"), 0);
	assert_true(is_from(&path, "10.9.0.1"));
	assert_int_equal(find(h, &path, "192.0.2.1", "8.8.8.8"), 0);
	assert_true(is_from(&path, "192.0.2.1")); /* who has one keeps it */
	assert_int_equal(find(h, &path, "127.0.0.1", "8.8.8.8"), -EINVAL);
}

/* What is for ourselves never reaches a wire. */
static void loops_back_what_is_for_us(void **state)
{
	struct harness *h = *state;
	struct ip_path path;

	assert_int_equal(find(h, &path, "0.0.0.0", "127.0.0.1"), 0);
	assert_true(path.iface->loopback && is_from(&path, "127.0.0.1"));
	assert_int_equal(find(h, &path, "0.0.0.0", "127.9.9.9"), 0);
	assert_true(path.iface->loopback && is_from(&path, "127.0.0.1")); /* as Linux does */
	assert_int_equal(find(h, &path, "0.0.0.0", "192.0.2.1"), 0);
	assert_true(path.iface->loopback && is_from(&path, "192.0.2.1"));
	assert_int_equal(find(h, &path, "0.0.0.0", "0.0.0.0"), 0);
	assert_true(path.iface->loopback && is_from(&path, "127.0.0.1"));
	assert_int_equal(harness_send(h, "192.0.2.1", 60000, false), 0);
	harness_expect_nothing(h);
	struct iface *lo = pb_internet_iface(h->net, 1);
	assert_int_equal(lo->device->ops->next(lo->device), 0);
	struct pb_buf *b = lo->device->ops->receive(lo->device, 0, h->env.pool);
	assert_int_equal(pb_internet_input(h->net, lo, b, &h->packet, &h->error), IP_DELIVER);
	assert_int_equal(h->packet.buf->total, 60000);
}

/* A path is found anew when an address, a route or an MTU has changed. */
static void follows_changes(void **state)
{
	struct harness *h = *state;
	struct ip_send how = { .protocol = UDP, .dont_fragment = true };
	struct ip ours = ip_of("192.0.2.1"), peer = ip_of("192.0.2.2");
	struct ip_path path;

	harness_resolve(h);
	assert_int_equal(find(h, &path, "0.0.0.0", "192.0.2.2"), 0);
	assert_int_equal(pb_ip_send(h->net, &path, &how, harness_payload(h, 1480)), 0);
	pb_ip_learn_mtu(h->net, &peer, 1000);
	assert_int_equal(pb_ip_send(h->net, &path, &how, harness_payload(h, 1480)), -EMSGSIZE);
	assert_int_equal(path.mtu, 1000);
	assert_int_equal(pb_internet_remove_address(h->net, h->iface, &ours), 0);
	assert_int_equal(pb_ip_send(h->net, &path, &how, harness_payload(h, 8)), -ENETUNREACH);
	assert_int_equal(pb_internet_remove_address(h->net, h->iface, &ours), -EADDRNOTAVAIL);
	harness_forget_sent(h);
}

/*
 * Path MTU
 * ---------------------------------------------------------------------------------------------------
 */

static uint32_t mtu_of(struct harness *h, const char *dst)
{
	struct ip_path path;

	assert_int_equal(find(h, &path, "0.0.0.0", dst), 0);
	return path.mtu;
}

/* RFC 1191 §6.3: for ten minutes; §3: what is larger than what is known is not believed. */
static void keeps_what_it_learnt(void **state)
{
	struct harness *h = *state;
	struct ip peer = ip_of("192.0.2.2");

	pb_ip_learn_mtu(h->net, &peer, 1200);
	pb_ip_learn_mtu(h->net, &peer, 1400);
	assert_int_equal(mtu_of(h, "192.0.2.2"), 1200);
	assert_int_equal(mtu_of(h, "192.0.2.3"), 1500);
	harness_run(h, env_now(&h->env) + PATH_MTU_AGE - 1);
	assert_int_equal(mtu_of(h, "192.0.2.2"), 1200);
	harness_run(h, env_now(&h->env) + 1);
	assert_int_equal(mtu_of(h, "192.0.2.2"), 1500);
	pb_ip_learn_mtu(h->net, &peer, 9000);
	assert_int_equal(mtu_of(h, "192.0.2.2"), 1500);
}

/* Who says less than 552 makes us leave DF off, not send crumbs. */
static void sends_no_crumbs(void **state)
{
	struct harness *h = *state;
	struct ip peer = ip_of("192.0.2.2");

	harness_resolve(h);
	pb_ip_learn_mtu(h->net, &peer, 68);
	assert_int_equal(mtu_of(h, "192.0.2.2"), PATH_MTU_MIN);
	assert_int_equal(harness_send(h, "192.0.2.2", PATH_MTU_MIN - 20, true), 0);
	assert_false(harness_expect_ip4(h, NULL, NULL).dont_fragment);
}

static void bounds_what_it_learns(void **state)
{
	struct harness *h = *state;
	char dst[32];

	for (int n = 0; n < 1000; n++) {
		struct ip ip = ip_of("192.0.2.9");
		snprintf(dst, sizeof dst, "10.0.%d.%d", n / 250, n % 250);
		ip = ip_of(dst);
		harness_run(h, env_now(&h->env) + 1);
		pb_ip_learn_mtu(h->net, &ip, 1000);
	}
	assert_int_equal(add_route(h, "10.0.0.0", 8, NULL), 0);
	assert_int_equal(mtu_of(h, "10.0.3.249"), 1000); /* the latest are known, */
	assert_int_equal(mtu_of(h, "10.0.0.0"), 1500);   /* the oldest made room */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_wire, close_wire)
	const struct CMUnitTest tests[] = {
		TEST(knows_its_own_subnet_only), TEST(takes_the_longest_prefix),
		TEST(refuses_unusable_routes),   TEST(chooses_its_source),
		TEST(loops_back_what_is_for_us), TEST(follows_changes),
		TEST(keeps_what_it_learnt),      TEST(sends_no_crumbs),
		TEST(bounds_what_it_learns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
