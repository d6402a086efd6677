/*
 * RFC 4861 §6.3 (routers), RFC 4862 §5.5, RFC 8981 (addresses of theirs), RFC 8106 (name servers), RFC 7559
 * (asking).
 */
#include "net/harness6.h"

#include "net/autoconf.h"
#include "net/internet_state.h"
#include "wire/ethernet.h"

#include <errno.h>
#include <stdio.h>

static const char *const router_name = "fe80::fe";

static void pass(struct harness *h, pb_time time)
{
	harness_run(h, env_now(&h->env) + time);
}

static int open_with(void **state, bool temporary)
{
	struct harness *h = *state = harness_open_bare(1500, true, NULL);

	assert_int_equal(pb_internet_autoconf(h->iface, temporary), 0);
	pass(h, PB_SEC(3)); /* the link-local address is ready */
	harness_forget_sent(h);
	return 0;
}

static int open_wire(void **state)
{
	return open_with(state, false);
}

static int open_temporary(void **state)
{
	return open_with(state, true);
}

static int close_wire(void **state)
{
	harness_close(*state);
	return 0;
}

/* An advertisement that is being written. */
struct advertisement {
	uint8_t bytes[512];
	size_t len;
};

static struct advertisement advertisement(uint16_t lifetime)
{
	return (struct advertisement){
		.bytes = {134, 0, 0, 0, 64, 0, (uint8_t)(lifetime >> 8), (uint8_t)lifetime},
                  .len = 16
	};
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int n = 0; n < 4; n++)
		p[n] = (uint8_t)(v >> (24 - 8 * n));
}

#define ON_LINK    0x80
#define AUTONOMOUS 0x40

static void add_prefix(struct advertisement *a, const char *prefix, uint8_t bits, uint8_t flags,
		       uint32_t valid, uint32_t preferred)
{
	uint8_t *o = a->bytes + a->len;
	struct ip ip = ip_of(prefix);

	memset(o, 0, 32);
	o[0] = ND_PREFIX, o[1] = 4, o[2] = bits, o[3] = flags;
	put32(o + 4, valid);
	put32(o + 8, preferred);
	memcpy(o + 16, ip.bytes, 16);
	a->len += 32;
}

static void add_mtu(struct advertisement *a, uint32_t mtu)
{
	uint8_t *o = a->bytes + a->len;

	memset(o, 0, 8);
	o[0] = ND_MTU, o[1] = 1;
	put32(o + 4, mtu);
	a->len += 8;
}

static void add_server(struct advertisement *a, const char *server, uint32_t lifetime)
{
	uint8_t *o = a->bytes + a->len;
	struct ip ip = ip_of(server);

	memset(o, 0, 24);
	o[0] = ND_RDNSS, o[1] = 3;
	put32(o + 4, lifetime);
	memcpy(o + 8, ip.bytes, 16);
	a->len += 24;
}

static void tell(struct harness *h, struct advertisement *a, const char *src)
{
	struct ip6_header ip = { .src = ip_of(src), .dst = ip_of("ff02::1") };

	assert_int_equal(harness6_icmp(h, ip, a->bytes, a->len), IP_DELIVER);
}

static void tell_prefix(struct harness *h, uint8_t flags, uint32_t valid, uint32_t preferred)
{
	struct advertisement a = advertisement(1800);

	add_prefix(&a, "2001:db8:5::", 64, flags, valid, preferred);
	tell(h, &a, router_name);
}

/* Our address of an origin in 2001:db8:5::/64; the n-th. NULL. */
static struct iface_address *made(struct harness *h, enum iface_address_origin origin, unsigned nth)
{
	struct ip prefix = ip_of("2001:db8:5::");

	for (unsigned n = 0; n < h->iface->address_count; n++) {
		struct iface_address *a = h->iface->addresses[n];
		if (a->origin == origin && pb_ip_in_prefix(&a->ip, &prefix, 64) && nth-- == 0)
			return a;
	}
	return NULL;
}

static struct iface_address *stable(struct harness *h)
{
	return made(h, ADDRESS_STABLE, 0);
}

static int find_path(struct harness *h, struct ip_path *path, const char *dst)
{
	struct ip to = ip_of(dst), any = { 0 };

	return pb_ip_path(h->net, path, &any, &to, 0);
}

/*
 * Asking ---------------------------------------------------------------------------------------------------
 */

/* RFC 4861 §6.3.7, RFC 7559: at most a second, then 4, 8, 16, … seconds apart, and never more than an hour. */
static void asks_until_somebody_answers(void **state)
{
	struct harness *h = *state = harness_open_bare(1500, true, NULL);
	struct ip all_routers = ip_of("ff02::2");
	pb_time last = env_now(&h->env), interval = 0;

	assert_int_equal(pb_internet_autoconf(h->iface, false), 0);
	for (int asked = 0; asked < 16;) {
		static uint8_t frame[65600];
		const uint8_t *message = frame + ETHERNET_HEADER_LEN;
		pass(h, PB_MSEC(20));
		if (!harness_sent(h, frame) || message[IP6_HEADER_LEN] != ICMP6_ROUTER_SOLICITATION)
			continue; /* the link-local address is being detected */
		assert_memory_equal(message + IP6_DST_AT, all_routers.bytes, 16);
		assert_int_equal(message[IP6_HOP_LIMIT_AT], 255);
		pb_time since = env_now(&h->env) - last;
		if (asked == 0)
			assert_true(since <= PB_SEC(1) + PB_MSEC(20));
		else
			assert_in_range(since, interval * 9 / 10, interval * 11 / 10 + PB_MSEC(20));
		interval = interval ? interval * 2 : PB_SEC(4);
		interval = interval < PB_SEC(3600) ? interval : PB_SEC(3600);
		last = env_now(&h->env);
		asked++;
	}
	struct advertisement a = advertisement(1800);
	tell(h, &a, router_name);
	pass(h, PB_SEC(1700));
	harness6_expect_nothing(h);
}

static void needs_ethernet(void **state)
{
	struct harness *h = harness_open_bare(1500, false, NULL);

	(void)state;
	assert_int_equal(pb_internet_autoconf(h->iface, false), -EINVAL);
	harness_close(h);
	h = harness_open_bare(1500, true, NULL);
	assert_int_equal(pb_internet_autoconf(h->iface, false), 0);
	assert_int_equal(pb_internet_autoconf(h->iface, false), -EALREADY);
	harness_close(h);
}

/*
 * Routers --------------------------------------------------------------------------------------------------
 */

static void takes_the_router(void **state)
{
	struct harness *h = *state;
	struct advertisement a = advertisement(1800);
	struct ip_path path;

	assert_int_equal(find_path(h, &path, "2001:db8:9::9"), -ENETUNREACH);
	add_prefix(&a, "2001:db8:5::", 64, AUTONOMOUS, 3600, 3600);
	tell(h, &a, router_name);
	pass(h, PB_SEC(2));
	assert_int_equal(find_path(h, &path, "2001:db8:9::9"), 0);
	assert_true(ip_equal(&path.src, &stable(h)->ip));
	assert_int_equal(find_path(h, &path, "2001:db8:5::9"),
			 0); /* by the router: the prefix is not said to be here */
	harness_forget_sent(h);
	struct ip_send how = { .protocol = UDP };
	assert_int_equal(pb_ip_send(h->net, &path, &how, harness_payload(h, 1)), 0);
	struct nd_neighbour m = harness6_expect_neighbour(h, false, NULL);
	struct ip router = ip_of(router_name);
	assert_true(ip_equal(&m.target, &router));
	pass(h, PB_SEC(1799));
	assert_int_equal(find_path(h, &path, "2001:db8:9::9"), -ENETUNREACH); /* its lifetime is over */
	harness_forget_sent(h);
}

/* RFC 4861 §6.3.4: a lifetime of 0 is the end of it. */
static void drops_the_router(void **state)
{
	struct harness *h = *state;
	struct advertisement a = advertisement(1800), end = advertisement(0);
	struct ip_path path;

	tell(h, &a, router_name);
	assert_int_equal(find_path(h, &path, "2001:db8:9::9"),
			 0); /* from the link-local address, if that is all */
	tell(h, &end, router_name);
	assert_int_equal(find_path(h, &path, "2001:db8:9::9"), -ENETUNREACH);
}

/* RFC 4861 §6.1.2; and nobody is heeded where nobody was asked for. */
static void heeds_nobody_else(void **state)
{
	struct harness *h = *state;
	struct advertisement a = advertisement(1800);
	struct ip_path path;

	tell(h, &a, "2001:db8::fe");
	assert_int_equal(find_path(h, &path, "2001:db8:9::9"), -ENETUNREACH);
	struct ip6_header far = { .src = ip_of(router_name), .dst = ip_of("ff02::1"), .hop_limit = 254 };
	harness6_icmp(h, far, a.bytes, a.len);
	assert_int_equal(find_path(h, &path, "2001:db8:9::9"), -ENETUNREACH);
	harness_close(h);
	h = *state = harness6_open(1500, NULL);
	tell(h, &a, router_name);
	assert_int_equal(find_path(h, &path, "2001:db9:9::9"), -ENETUNREACH);
}

/* What was given by hand is not a router's to end; and it stays, too, where a router had told of it before. */
static void leaves_what_was_given(void **state)
{
	struct harness *h = *state;
	struct ip ours = ip_of("2001:db8:5::2"), all = { 0 }, router = ip_of(router_name);
	struct advertisement a = advertisement(100), late = advertisement(100);
	struct ip_path path;

	router = ip_in_zone(&router, h->iface->index);
	assert_int_equal(pb_internet_add_address(h->net, h->iface, &ours, 64, true), 0);
	assert_int_equal(pb_internet_add_route(h->net, &all, 0, &router, h->iface), 0);
	add_prefix(&a, "2001:db8:5::", 64, ON_LINK, 100, 100);
	add_prefix(&a, "2001:db8:6::", 64, ON_LINK, 100, 100);
	tell(h, &a, router_name);
	ours = ip_of("2001:db8:6::2");
	assert_int_equal(pb_internet_add_address(h->net, h->iface, &ours, 64, true), 0);
	tell(h, &late, "fe80::fd");
	router = ip_of("fe80::fd");
	router = ip_in_zone(&router, h->iface->index);
	assert_int_equal(pb_internet_add_route(h->net, &all, 0, &router, h->iface), 0);
	assert_int_equal(pb_internet_add_route(h->net, &all, 0, &router, h->iface), -EEXIST);
	size_t routes = h->net->routes.count;
	pass(h, PB_SEC(101));
	assert_int_equal(h->net->routes.count, routes);
	assert_int_equal(find_path(h, &path, "2001:db8:5::9"), 0);
	assert_true(ip_equal(&path.neighbour->ip, &path.dst));
	assert_int_equal(find_path(h, &path, "2001:db8:6::9"), 0);
	assert_true(ip_equal(&path.neighbour->ip, &path.dst));
	assert_int_equal(find_path(h, &path, "2001:db8:9::9"), 0);
	harness_forget_sent(h);
}

static bool goes_by(struct harness *h, const char *router)
{
	struct ip hop = ip_of(router);
	struct ip_path path;

	hop = ip_in_zone(&hop, h->iface->index);
	return find_path(h, &path, "2001:db8:9::9") == 0 && ip_equal(&path.neighbour->ip, &hop);
}

/* RFC 4861 §7.2.5: who says that he is no router any more leads nowhere. Others say nothing of him by that. */
static void drops_who_is_no_router(void **state)
{
	struct harness *h = *state;
	struct advertisement a = advertisement(1800);
	struct nd_neighbour still = { .advertisement = true, .router = true, .target = ip_of(router_name) },
			    host = { .advertisement = true, .target = ip_of("fe80::fd") },
			    none = { .advertisement = true, .target = ip_of(router_name), .mac = peer_mac };

	tell(h, &a, router_name);
	still.mac = host.mac = peer_mac;
	assert_int_equal(harness6_send(h, "2001:db8:9::9", 1, false), 0);
	harness6_neighbour(h, still, router_name, "ff02::1");
	harness6_neighbour(h, host, "fe80::fd", "ff02::1");
	assert_true(goes_by(h, router_name));
	harness6_neighbour(h, none, router_name, "ff02::1");
	assert_false(goes_by(h, router_name));
	assert_int_equal(h->iface->autoconf->router_count, 0);
	tell(h, &a, router_name);
	assert_true(goes_by(h, router_name));
	harness_forget_sent(h);
}

/* RFC 4861 §6.3.6: a router that does not answer is passed over while there is another, and comes last from then on. */
static void passes_over_a_dead_router(void **state)
{
	struct harness *h = *state;
	struct advertisement a = advertisement(1800);
	struct ip_path path;
	struct ip_send how = { .protocol = UDP };

	add_prefix(&a, "2001:db8:5::", 64, AUTONOMOUS, 3600, 3600);
	tell(h, &a, "fe80::fd");
	tell(h, &a, router_name);
	pass(h, PB_SEC(2));
	assert_true(goes_by(h, "fe80::fd"));
	assert_int_equal(find_path(h, &path, "2001:db8:9::9"), 0);
	assert_int_equal(pb_ip_send(h->net, &path, &how, harness_payload(h, 1)), 0);
	pass(h, PB_SEC(4));
	assert_true(goes_by(h, router_name));
	harness_forget_sent(h);
	assert_int_equal(pb_ip_send(h->net, &path, &how, harness_payload(h, 1)),
			 0); /* the path that was kept, too */
	struct nd_neighbour m = harness6_expect_neighbour(h, false, NULL);
	struct ip next = ip_of(router_name);
	assert_true(ip_equal(&m.target, &next));
	pass(h, PB_SEC(4)); /* nor does that one answer: they take turns */
	assert_true(goes_by(h, "fe80::fd"));
	harness_forget_sent(h);
}

static void routers_are_bounded(void **state)
{
	struct harness *h = *state;
	struct advertisement a = advertisement(1800);

	for (unsigned n = 0; n < AUTOCONF_PREFIXES_MAX + 4; n++) {
		char prefix[32], router[32];
		snprintf(prefix, sizeof prefix, "2001:db8:%x::", n);
		snprintf(router, sizeof router, "fe80::%x", n + 1);
		struct advertisement own = a;
		add_prefix(&own, prefix, 64, ON_LINK | AUTONOMOUS, 3600, 3600);
		add_server(&own, router, 600);
		tell(h, &own, router);
	}
	assert_int_equal(h->iface->autoconf->router_count, AUTOCONF_ROUTERS_MAX);
	assert_int_equal(h->iface->autoconf->prefix_count, AUTOCONF_PREFIXES_MAX);
	assert_int_equal(h->iface->autoconf->server_count, AUTOCONF_SERVERS_MAX);
	assert_int_equal(h->iface->address_count, 1 + AUTOCONF_ADDRESSES_MAX);
	size_t routes = h->net->routes.count;
	pass(h, PB_SEC(3601));
	assert_int_equal(h->iface->address_count, 1);
	assert_int_equal(h->net->routes.count, routes - AUTOCONF_ROUTERS_MAX - AUTOCONF_PREFIXES_MAX);
	harness_forget_sent(h);
}

/* RFC 4861 §6.3.4: the link's parameters. */
static void takes_parameters(void **state)
{
	struct harness *h = *state;
	struct advertisement a = advertisement(1800);
	struct ip_path path;

	add_mtu(&a, 1400);
	a.bytes[4] = 99;
	put32(a.bytes + 8, 12000);
	put32(a.bytes + 12, 2000);
	tell(h, &a, router_name);
	assert_int_equal(find_path(h, &path, "2001:db8:9::9"), 0);
	assert_int_equal(path.mtu, 1400);
	assert_int_equal(h->iface->mtu, 1500); /* IPv4's */
	assert_int_equal(h->iface->hop_limit, 99);
	assert_int_equal(h->iface->reachable_time, PB_SEC(12));
	assert_int_equal(h->iface->retrans_timer, PB_SEC(2));
	for (unsigned n = 0; n < 2;
	     n++) { /* neither too small nor too large, and none that keeps us from far peers */
		struct advertisement wrong = advertisement(1800);
		add_mtu(&wrong, n ? 1501 : 1279);
		wrong.bytes[4] = 3;
		put32(wrong.bytes + 8, 3600001);
		put32(wrong.bytes + 12, n ? 1 : 60001);
		tell(h, &wrong, router_name);
		assert_int_equal(h->iface->mtu6, 1400);
		assert_int_equal(h->iface->hop_limit, 99);
		assert_int_equal(h->iface->reachable_time, PB_SEC(12));
		assert_int_equal(h->iface->retrans_timer, PB_SEC(2));
	}
}

/* RFC 8106 §5.3.1 */
static void takes_name_servers(void **state)
{
	struct harness *h = *state;
	struct advertisement a = advertisement(1800);
	struct ip servers[4], want = ip_of("2001:db8::53");

	add_server(&a, "2001:db8::53", 600);
	add_server(&a, "fe80::53", 1200);
	add_server(&a, "ff02::53", 1200);
	tell(h, &a, router_name);
	assert_int_equal(pb_internet_name_servers(h->net, servers, 4), 2);
	assert_true(ip_equal(&servers[0], &want));
	assert_int_equal(ip_zone(&servers[1]), h->iface->index);
	assert_int_equal(pb_internet_name_servers(h->net, servers, 1), 1);
	pass(h, PB_SEC(601));
	assert_int_equal(pb_internet_name_servers(h->net, servers, 4), 1);
	harness_forget_sent(h);
}

static void add_domains(struct advertisement *a, const char *names, uint8_t units, uint32_t lifetime)
{
	uint8_t *o = a->bytes + a->len;

	memset(o, 0, units * 8u);
	o[0] = ND_DNSSL, o[1] = units;
	put32(o + 4, lifetime);
	memcpy(o + 8, names, units * 8u - 8);
	a->len += units * 8u;
}

/* RFC 8106 §5.2: names, then zeroes. */
static void takes_search_domains(void **state)
{
	struct harness *h = *state;
	struct advertisement a = advertisement(1800), b = advertisement(1800), many = advertisement(1800);

	add_domains(&a, "\7example\0\4corp\0\0", 3, 600);
	tell(h, &a, router_name);
	assert_string_equal(pb_internet_search_domain(h->net, 0), "example");
	assert_string_equal(pb_internet_search_domain(h->net, 1), "corp");
	assert_null(pb_internet_search_domain(h->net, 2));
	add_domains(&b, "\4Corp\0\0\0", 2, 1200); /* that one for longer */
	tell(h, &b, router_name);
	pass(h, PB_SEC(601));
	assert_string_equal(pb_internet_search_domain(h->net, 0), "Corp");
	assert_null(pb_internet_search_domain(h->net, 1));
	add_domains(&many, "\1a\0\1b\0\1c\0\1d\0\1e\0\0", 3, 600); /* there is room for three of them */
	tell(h, &many, router_name);
	assert_string_equal(pb_internet_search_domain(h->net, 3), "c");
	assert_null(pb_internet_search_domain(h->net, 4));
	harness_forget_sent(h);
}

/* RFC 4861 §4.2: M and O, as the last advertisement has them. */
static void tells_that_dhcp_knows_more(void **state)
{
	static const uint8_t flags[] = { 0, 0x40, 0x80, 0xc0, 0x20 };
	struct harness *h = *state;

	for (size_t n = 0; n < sizeof flags; n++) {
		struct advertisement a = advertisement(1800);
		a.bytes[5] = flags[n];
		tell(h, &a, router_name);
		assert_int_equal(pb_internet_advises_dhcp6(h->iface), n >= 1 && n <= 3);
	}
	harness_forget_sent(h);
}

/*
 * Addresses ------------------------------------------------------------------------------------------------
 */

/* RFC 4862 §5.5.3, §5.4; RFC 7217 */
static void makes_an_address(void **state)
{
	struct harness *h = *state;

	tell_prefix(h, ON_LINK | AUTONOMOUS, 3600, 1800);
	assert_int_equal(stable(h)->state, ADDRESS_TENTATIVE);
	assert_null(made(h, ADDRESS_STABLE, 1));
	assert_null(made(h, ADDRESS_TEMPORARY, 0));
	pass(h, PB_SEC(2));
	assert_int_equal(stable(h)->state, ADDRESS_READY);
	struct ip first = stable(h)->ip;
	struct ip_path path;
	assert_int_equal(find_path(h, &path, "2001:db8:5::9"), 0);
	assert_true(ip_equal(&path.src, &first));
	pass(h, PB_SEC(1800));
	assert_int_equal(stable(h)->state, ADDRESS_READY); /* deprecated, and still ours (§5.5.4) */
	assert_true(stable(h)->preferred_until <= env_now(&h->env));
	pass(h, PB_SEC(1800));
	assert_null(stable(h));
	tell_prefix(h, AUTONOMOUS, 3600, 1800);
	assert_true(ip_equal(&stable(h)->ip, &first)); /* the same one again */
	harness_forget_sent(h);
}

/* RFC 4862 §5.5.3 (b), (c), (d) */
static void refuses_odd_prefixes(void **state)
{
	static const struct {
		const char *prefix;
		uint8_t bits, flags;
		uint32_t valid, preferred;
	} table[] = {
		{"2001:db8:5::",  64, ON_LINK,    3600, 1800},
		{ "2001:db8:5::", 64, AUTONOMOUS, 1800, 3600},
		{ "2001:db8:5::", 64, AUTONOMOUS, 0,    0   },
		{ "2001:db8:5::", 63, AUTONOMOUS, 3600, 1800},
		{ "2001:db8:5::", 65, AUTONOMOUS, 3600, 1800},
		{ "fe80::",       64, AUTONOMOUS, 3600, 1800},
		{ "ff05::",       64, AUTONOMOUS, 3600, 1800},
	};
	struct harness *h = *state;

	for (size_t n = 0; n < sizeof table / sizeof *table; n++) {
		struct advertisement a = advertisement(1800);
		add_prefix(&a, table[n].prefix, table[n].bits, table[n].flags, table[n].valid,
			   table[n].preferred);
		tell(h, &a, router_name);
		assert_int_equal(h->iface->address_count, 1);
	}
}

/* RFC 4862 §5.5.3 (e): longer is believed at once; shorter only down to two hours. */
static void prolongs_and_shortens(void **state)
{
	struct harness *h = *state;
	pb_time start = env_now(&h->env);

	tell_prefix(h, AUTONOMOUS, 36000, 18000);
	assert_int_equal(stable(h)->valid_until, start + PB_SEC(36000));
	tell_prefix(h, AUTONOMOUS, 60, 30);
	assert_int_equal(stable(h)->valid_until, start + PB_SEC(7200));
	assert_int_equal(stable(h)->preferred_until, start + PB_SEC(30));
	tell_prefix(h, AUTONOMOUS, 0, 0);
	assert_int_equal(stable(h)->valid_until, start + PB_SEC(7200));
	tell_prefix(h, AUTONOMOUS, 7100, 30);
	assert_int_equal(stable(h)->valid_until, start + PB_SEC(7200));
	tell_prefix(h, AUTONOMOUS, 7300, 30);
	assert_int_equal(stable(h)->valid_until, start + PB_SEC(7300));
	tell_prefix(h, AUTONOMOUS, ND_FOREVER, ND_FOREVER);
	assert_int_equal(stable(h)->valid_until, PB_NEVER);
	harness_forget_sent(h);
}

/* RFC 7217 §6: three more attempts where it is somebody else's. */
static void tries_another_identifier(void **state)
{
	struct harness *h = *state;
	struct ip seen[4];

	tell_prefix(h, AUTONOMOUS, 3600, 1800);
	for (int attempt = 0; attempt < 4; attempt++) {
		assert_non_null(stable(h));
		assert_int_equal(stable(h)->state, ADDRESS_TENTATIVE);
		seen[attempt] = stable(h)->ip;
		for (int n = 0; n < attempt; n++)
			assert_false(ip_equal(&seen[n], &seen[attempt]));
		harness6_neighbour(h,
				   (struct nd_neighbour){
					   .advertisement = true, .target = seen[attempt], .mac = peer_mac },
				   "fe80::9", "ff02::1");
	}
	assert_int_equal(stable(h)->state, ADDRESS_DUPLICATE);
	assert_true(ip_equal(&stable(h)->ip, &seen[3]));
	harness_forget_sent(h);
}

/*
 * RFC 8981 §3.3 to §3.5: beside the stable one, preferred to it, for a day at most; the next is there
 * before that.
 */
static void changes_temporary_addresses(void **state)
{
	struct harness *h = *state;
	struct ip_path path;

	tell_prefix(h, AUTONOMOUS, 30 * 86400, 30 * 86400);
	assert_int_equal(h->iface->address_count, 3);
	struct iface_address *first = made(h, ADDRESS_TEMPORARY, 0);
	pb_time start = env_now(&h->env), used = first->preferred_until - start;
	assert_in_range(used, PB_SEC(86400) * 6 / 10, PB_SEC(86400));
	assert_int_equal(first->valid_until, start + PB_SEC(172800));
	assert_memory_not_equal(first->ip.bytes + 8, stable(h)->ip.bytes + 8, 8);
	pass(h, PB_SEC(2));
	tell_prefix(h, AUTONOMOUS, 30 * 86400, 30 * 86400); /* makes no other */
	assert_int_equal(h->iface->address_count, 3);
	assert_int_equal(find_path(h, &path, "2001:db8:9::9"), 0);
	assert_true(ip_equal(&path.src, &first->ip)); /* RFC 6724 §5, rule 7 */

	harness_run(h, start + used - PB_SEC(4));
	struct advertisement again = advertisement(1800);
	tell(h, &again, router_name);
	assert_int_equal(h->iface->address_count, 4);
	struct iface_address *second = made(h, ADDRESS_TEMPORARY, 1);
	harness_run(h, start + used + PB_SEC(1));
	assert_int_equal(find_path(h, &path, "2001:db8:9::9"), 0);
	assert_true(ip_equal(&path.src, &second->ip));
	harness_run(h, start + PB_SEC(172801));
	assert_true(h->iface->address_count <= 5); /* the first one is gone */
	assert_ptr_not_equal(made(h, ADDRESS_TEMPORARY, 0), first);
	harness_forget_sent(h);
}

/*
 * RFC 8981 §3.4: each advertisement prolongs a temporary address with its prefix, or everything that uses it would
 * break off when the first lifetime is over; but to no more than its own two days, of which it is preferred for
 * one.
 */
static void prolongs_temporary_addresses(void **state)
{
	struct harness *h = *state;
	pb_time start = env_now(&h->env), told = start;

	tell_prefix(h, AUTONOMOUS, 3600, 1800);
	struct ip first = made(h, ADDRESS_TEMPORARY, 0)->ip;
	for (; told < start + PB_SEC(40000); told += PB_SEC(600)) {
		harness_run(h, told);
		tell_prefix(h, AUTONOMOUS, 3600, 1800);
		assert_null(made(h, ADDRESS_TEMPORARY, 1));
		struct iface_address *t = made(h, ADDRESS_TEMPORARY, 0);
		assert_non_null(t);
		assert_true(ip_equal(&t->ip, &first));
		assert_int_equal(t->valid_until, told + PB_SEC(3600));
		assert_int_equal(t->preferred_until, told + PB_SEC(1800));
	}
	for (; told < start + PB_SEC(172800); told += PB_SEC(600)) {
		harness_run(h, told);
		tell_prefix(h, AUTONOMOUS, 3600, 1800);
	}
	struct iface_address *old = pb_iface_address(h->iface, &first);
	assert_non_null(old);
	assert_true(old->preferred_until <= start + PB_SEC(86400));
	assert_int_equal(old->valid_until, start + PB_SEC(172800));
	harness_run(h, start + PB_SEC(172800));
	assert_null(pb_iface_address(h->iface, &first));
	harness_forget_sent(h);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_wire, close_wire)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(asks_until_somebody_answers, close_wire),
		cmocka_unit_test(needs_ethernet),
		TEST(takes_the_router),
		TEST(drops_the_router),
		TEST(heeds_nobody_else),
		TEST(leaves_what_was_given),
		TEST(drops_who_is_no_router),
		TEST(passes_over_a_dead_router),
		TEST(routers_are_bounded),
		TEST(takes_parameters),
		TEST(takes_name_servers),
		TEST(takes_search_domains),
		TEST(tells_that_dhcp_knows_more),
		TEST(makes_an_address),
		TEST(refuses_odd_prefixes),
		TEST(prolongs_and_shortens),
		TEST(tries_another_identifier),
		cmocka_unit_test_setup_teardown(changes_temporary_addresses, open_temporary, close_wire),
		cmocka_unit_test_setup_teardown(prolongs_temporary_addresses, open_temporary, close_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
