/* Groups: IGMPv3 (RFC 3376 §5), MLDv2 (RFC 3810 §6), and what is sent to who listens here (RFC 1112 §6.1). */
#include "net/harness6.h"

#include "net/group.h"
#include "net/ip6.h"
#include "wire/ethernet.h"
#include "wire/membership.h"

#include <errno.h>

/* Each test is run for both families. */
struct family {
	bool v6;
	const char *group, *other, *routers, *peer;
};

static const struct family families[] = {
	{false, "239.1.2.3",   "239.9.9.9", "224.0.0.22", "192.0.2.2"},
	{ true, "ff15::1:2:3", "ff15::9",   "ff02::16",   "fe80::9"  },
};

static struct harness *open_for(const struct family *f)
{
	struct harness *h = f->v6 ? harness6_open(1500, NULL) : harness_open(1500, true, NULL);

	harness_run(h, env_now(&h->env) + PB_SEC(3));
	harness_forget_sent(h);
	return h;
}

static void pass(struct harness *h, pb_time time)
{
	harness_run(h, env_now(&h->env) + time);
}

/* The next frame is a report, of one record with these sources: its type; 0: nothing was sent. */
static int expect_sources(struct harness *h, const struct family *f, const char *group, unsigned count,
			  const struct ip *sources)
{
	const size_t each = f->v6 ? 16 : 4;
	static uint8_t frame[65600];
	size_t len = harness_sent(h, frame), at = ETHERNET_HEADER_LEN + (f->v6 ? 48 : 24);
	struct ip want = ip_of(group), routers = ip_of(f->routers);
	struct reader r = { .p = frame + ETHERNET_HEADER_LEN, .left = len - ETHERNET_HEADER_LEN };
	struct ip6_header ip6;
	struct ip4_header ip4;

	if (!len)
		return 0;
	if (f->v6) { /* RFC 3810 §5: link-local, hop limit 1, router alert */
		assert_true(pb_ip6_parse(&ip6, &r, r.left));
		assert_true(ip_is_link_local(&ip6.src) && ip_equal(&ip6.dst, &routers));
		assert_int_equal(ip6.hop_limit, 1);
		assert_memory_equal(r.p, "\x3a\x00\x05\x02\x00\x00\x01\x00", 8);
		assert_true(pb_icmp_intact(
			r.p + 8, r.left - 8,
			pb_ip_pseudo(&ip6.src, &ip6.dst, IPPROTO_ICMPV6, (uint32_t)r.left - 8)));
	} else { /* RFC 3376 §4 */
		assert_true(pb_ip4_parse(&ip4, &r, r.left));
		assert_true(ip_equal(&ip4.dst, &routers));
		assert_int_equal(ip4.ttl, 1);
		assert_int_equal(ip4.protocol, IPPROTO_IGMP);
		assert_int_equal(ip4.options[0], IP4_OPTION_ROUTER_ALERT);
		assert_true(pb_icmp_intact(r.p, r.left, 0));
	}
	const uint8_t *m = frame + at;
	assert_int_equal(m[0], f->v6 ? ICMP6_MLD_REPORT : IGMP_REPORT);
	assert_int_equal(m[6] << 8 | m[7], 1);
	assert_int_equal(m[10] << 8 | m[11], count);
	assert_memory_equal(m + 12, f->v6 ? want.bytes : ip_bytes4(&want), each);
	for (unsigned n = 0; n < count; n++)
		assert_memory_equal(m + 12 + (n + 1) * each,
				    f->v6 ? sources[n].bytes : ip_bytes4(&sources[n]), each);
	assert_int_equal(len, at + 12 + (count + 1) * each);
	return m[8];
}

static int expect_report(struct harness *h, const struct family *f, const char *group)
{
	return expect_sources(h, f, group, 0, NULL);
}

/*
 * RFC 3376 §5.1, RFC 3810 §6.1: at once, and once more within a second; likewise on leaving, and then it is
 * over.
 */
static void tells_of_changes(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		const struct family *f = &families[n];
		struct harness *h = open_for(f);
		struct ip group = ip_of(f->group);
		assert_false(pb_group_joined(h->iface, &group));
		assert_int_equal(pb_internet_join(h->iface, &group), 0);
		assert_true(pb_group_joined(h->iface, &group));
		pass(h, 0);
		assert_int_equal(expect_report(h, f, f->group), MEMBERSHIP_TO_EXCLUDE);
		pass(h, PB_SEC(1));
		assert_int_equal(expect_report(h, f, f->group), MEMBERSHIP_TO_EXCLUDE);
		assert_int_equal(pb_internet_join(h->iface, &group), 0); /* another user: nothing new */
		pass(h, PB_SEC(100));
		assert_int_equal(expect_report(h, f, f->group), 0);
		assert_int_equal(pb_internet_leave(h->iface, &group), 0);
		assert_int_equal(pb_internet_leave(h->iface, &group), 0);
		assert_int_equal(pb_internet_leave(h->iface, &group), -EADDRNOTAVAIL);
		assert_false(pb_group_joined(h->iface, &group));
		pass(h, PB_SEC(2));
		assert_int_equal(expect_report(h, f, f->group), MEMBERSHIP_TO_INCLUDE);
		assert_int_equal(expect_report(h, f, f->group), MEMBERSHIP_TO_INCLUDE);
		pass(h, PB_SEC(100));
		assert_int_equal(expect_report(h, f, f->group), 0);
		harness_close(h);
	}
}

/* Of a group, or (NULL) of all; an answer within ten seconds. */
static void ask(struct harness *h, const struct family *f, const char *group, uint8_t ttl)
{
	uint8_t query[28] = { f->v6 ? ICMP6_MLD_QUERY : IGMP_QUERY };
	struct ip ip = group ? ip_of(group) : (struct ip){ 0 };

	if (f->v6) {
		query[4] = 10000 >> 8, query[5] = 10000 & 255;
		memcpy(query + 8, ip.bytes, 16);
		harness6_icmp(h,
			      (struct ip6_header){ .hop_limit = ttl,
						   .src = ip_of(f->peer),
						   .dst = ip_of(group ? group : "ff02::1") },
			      query, 28);
	} else {
		query[1] = 100;
		memcpy(query + 4, group ? ip_bytes4(&ip) : (const uint8_t[4]){ 0 }, 4);
		pb_icmp_seal(query, 12, 0);
		harness_ip4(h,
			    (struct ip4_header){ .ttl = ttl,
						 .protocol = IPPROTO_IGMP,
						 .dst = ip_of(group ? group : "224.0.0.1") },
			    query, 12);
	}
}

/* RFC 3376 §5.2, RFC 3810 §6.2 */
static void answers_routers(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		const struct family *f = &families[n];
		struct harness *h = open_for(f);
		struct ip group = ip_of(f->group), other = ip_of(f->other);
		assert_int_equal(pb_internet_join(h->iface, &group), 0);
		assert_int_equal(pb_internet_join(h->iface, &other), 0);
		pass(h, PB_SEC(3));
		harness_forget_sent(h);
		ask(h, f, f->group, 1);
		pass(h, PB_SEC(10));
		assert_int_equal(expect_report(h, f, f->group), MEMBERSHIP_IS_EXCLUDE);
		pass(h, PB_SEC(20));
		assert_int_equal(expect_report(h, f, f->group), 0);
		ask(h, f, f->group, 2); /* from elsewhere */
		pass(h, PB_SEC(20));
		assert_int_equal(expect_report(h, f, f->group), 0);
		ask(h, f, NULL, 1);
		harness_expect_nothing(h); /* not all at once */
		pass(h, PB_SEC(10));
		static uint8_t frame[65600];
		assert_true(harness_sent(h, frame) > 0);
		assert_int_equal(frame[ETHERNET_HEADER_LEN + (f->v6 ? 48 : 24) + 7],
				 f->v6 ? 3 : 2); /* the solicited-node group, too */
		harness_expect_nothing(h);
		harness_close(h);
	}
}

/* The next frame is a message of an older version: its type, about what group, and to whom; 0: nothing was sent. */
static int expect_older(struct harness *h, bool v6, const char *group, const char *to)
{
	static uint8_t frame[65600];
	size_t len = harness_sent(h, frame), at = ETHERNET_HEADER_LEN + (v6 ? 48 : 24);
	struct ip about = ip_of(group), dst = ip_of(to), src;
	const uint8_t *m = frame + at;

	if (!len)
		return 0;
	assert_int_equal(len, at + (v6 ? 24 : 8));
	if (v6) {
		src = ip_from6(frame + ETHERNET_HEADER_LEN + 8);
		assert_memory_equal(frame + ETHERNET_HEADER_LEN + 24, dst.bytes, 16);
		assert_memory_equal(m + 8, about.bytes, 16);
	} else {
		assert_memory_equal(frame + ETHERNET_HEADER_LEN + 16, ip_bytes4(&dst), 4);
		assert_memory_equal(m + 4, ip_bytes4(&about), 4);
	}
	assert_int_equal(frame[ETHERNET_HEADER_LEN + (v6 ? 7 : 8)], 1); /* RFC 2236 §2, RFC 2710 §3 */
	assert_true(pb_icmp_intact(m, len - at, v6 ? pb_ip_pseudo(&src, &dst, IPPROTO_ICMPV6, 24) : 0));
	return m[0];
}

/* RFC 3376 §4.1.12, RFC 3810 §5.1.15: a query may come to one of our addresses, too. */
static void answers_who_asks_us_alone(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		const struct family *f = &families[n];
		struct harness *h = open_for(f);
		struct ip group = ip_of(f->group);
		uint8_t query[28] = { f->v6 ? ICMP6_MLD_QUERY : IGMP_QUERY, f->v6 ? 0 : 100 };
		assert_int_equal(pb_internet_join(h->iface, &group), 0);
		pass(h, PB_SEC(3));
		harness_forget_sent(h);
		if (f->v6) {
			memcpy(query + 8, group.bytes, 16);
			harness6_icmp(h,
				      (struct ip6_header){ .hop_limit = 1,
							   .src = ip_of(f->peer),
							   .dst = ip_of("fe80::1") },
				      query, 28);
		} else {
			memcpy(query + 4, ip_bytes4(&group), 4);
			pb_icmp_seal(query, 12, 0);
			harness_ip4(h, (struct ip4_header){ .ttl = 1, .protocol = IPPROTO_IGMP }, query, 12);
		}
		pass(h, PB_SEC(10));
		assert_int_equal(expect_report(h, f, f->group), MEMBERSHIP_IS_EXCLUDE);
		harness_give_back(h);
		harness_close(h);
	}
}

/*
 * RFC 3590 §4: while our link-local address is being detected, groups are reported in nobody's name, which routers
 * do not heed; so once more when it is ours.
 */
static void tells_again_in_its_name(void **state)
{
	struct harness *h = harness_open_bare(1500, true, NULL);
	struct ip group = ip_of("ff15::1:2:3"), src;
	static uint8_t frame[65600];
	unsigned nameless = 0, named = 0;

	(void)state;
	assert_int_equal(pb_ip6_enable(h->iface, false), 0);
	assert_int_equal(pb_internet_join(h->iface, &group), 0);
	for (int n = 0; n < 300; n++) {
		pass(h, PB_MSEC(10));
		while (harness_sent(h, frame)) {
			const uint8_t *ip = frame + ETHERNET_HEADER_LEN;
			if (ip[48] != ICMP6_MLD_REPORT)
				continue;
			src = ip_from6(ip + 8);
			assert_true(ip_is_any(&src) || h->iface->addresses[0]->state == ADDRESS_READY);
			nameless += ip_is_any(&src);
			if (!ip_is_any(&src) &&
			    ip[48 + 7] == 2) /* that group, and the solicited-node group */
				named++;
		}
	}
	assert_true(nameless > 0);
	assert_true(named > 0);
	harness_close(h);
}

/* Older queries are as long as what they ask for; a report of somebody else's looks the same. */
static void say_older(struct harness *h, bool v6, uint8_t type, uint8_t code, const char *group)
{
	uint8_t m[24] = { type, v6 ? 0 : code };
	struct ip ip = group ? ip_of(group) : (struct ip){ 0 };

	if (v6) {
		m[4] = 5000 >> 8, m[5] = 5000 & 255;
		memcpy(m + 8, ip.bytes, 16);
		harness6_icmp(h,
			      (struct ip6_header){ .hop_limit = 1,
						   .src = ip_of("fe80::9"),
						   .dst = ip_of(group ? group : "ff02::1") },
			      m, 24);
	} else {
		memcpy(m + 4, group ? ip_bytes4(&ip) : (const uint8_t[4]){ 0 }, 4);
		pb_icmp_seal(m, 8, 0);
		harness_ip4(h,
			    (struct ip4_header){ .ttl = 1,
						 .protocol = IPPROTO_IGMP,
						 .dst = ip_of(group ? group : "224.0.0.1") },
			    m, 8);
	}
}

/*
 * RFC 3376 §7.2.1, RFC 3810 §8.2.1: a router that asks in an older version is answered in it, for some minutes, and is
 * told of changes in it. What others have answered is not answered again (RFC 2236 §3, RFC 2710 §4).
 */
static void speaks_older_versions(void **state)
{
	static const struct {
		const struct family *f;
		uint8_t query, code, report, leave;
		const char *routers;
	} table[] = {
		{&families[0],  IGMP_QUERY,      0,  IGMP_V1_REPORT,      0,                 "224.0.0.2"},
		{ &families[0], IGMP_QUERY,      50, IGMP_V2_REPORT,      IGMP_V2_LEAVE,     "224.0.0.2"},
		{ &families[1], ICMP6_MLD_QUERY, 0,  ICMP6_MLD_V1_REPORT, ICMP6_MLD_V1_DONE, "ff02::2"  },
	};

	(void)state;
	for (size_t n = 0; n < sizeof table / sizeof *table; n++) {
		const struct family *f = table[n].f;
		struct harness *h = open_for(f);
		struct ip group = ip_of(f->group), other = ip_of(f->other);
		assert_int_equal(pb_internet_join(h->iface, &group), 0);
		pass(h, PB_SEC(3));
		harness_forget_sent(h);
		say_older(h, f->v6, table[n].query, table[n].code, f->group);
		pass(h, PB_SEC(10));
		assert_int_equal(expect_older(h, f->v6, f->group, f->group), table[n].report);
		harness_expect_nothing(h);
		say_older(h, f->v6, table[n].query, table[n].code, f->group);
		say_older(h, f->v6, table[n].report, 0, f->group); /* somebody was faster */
		pass(h, PB_SEC(10));
		harness_expect_nothing(h);
		assert_int_equal(pb_internet_join(h->iface, &other), 0); /* twice, within ten seconds */
		pass(h, 0);
		assert_int_equal(expect_older(h, f->v6, f->other, f->other), table[n].report);
		pass(h, PB_SEC(10));
		assert_int_equal(expect_older(h, f->v6, f->other, f->other), table[n].report);
		assert_int_equal(pb_internet_leave(h->iface, &other), 0);
		pass(h, PB_SEC(20));
		assert_int_equal(expect_older(h, f->v6, f->other, table[n].routers), table[n].leave);
		harness_expect_nothing(h);
		pass(h, PB_SEC(260)); /* nobody has asked so for long */
		ask(h, f, f->group, 1);
		pass(h, PB_SEC(10));
		assert_int_equal(expect_report(h, f, f->group), MEMBERSHIP_IS_EXCLUDE);
		harness_expect_nothing(h);
		harness_close(h);
	}
}

/* Who hears some sources is, to an older router, who listens. */
static void tells_older_routers_nothing_of_sources(void **state)
{
	const struct family *f = &families[0];
	struct harness *h = open_for(f);
	struct ip group = ip_of(f->group), source = ip_of("192.0.2.7");
	struct source_filter one = { true, 1, &source };

	(void)state;
	say_older(h, false, IGMP_QUERY, 50, NULL);
	assert_int_equal(pb_internet_listen(h->iface, &group, NULL, &one), 0);
	pass(h, PB_SEC(20));
	for (int n = 0; n < 2; n++)
		assert_int_equal(expect_older(h, false, f->group, f->group), IGMP_V2_REPORT);
	assert_int_equal(pb_internet_listen(h->iface, &group, &one, NULL), 0);
	pass(h, PB_SEC(20));
	assert_int_equal(expect_older(h, false, f->group, "224.0.0.2"), IGMP_V2_LEAVE);
	harness_expect_nothing(h);
	assert_int_equal(h->iface->groups.count, 0);
	harness_close(h);
}

/* RFC 3376 §5, RFC 3810 §6: all nodes hear these without being asked. A damaged query asks nothing (§4.1.2). */
static void tells_nothing_of_all_nodes(void **state)
{
	static const char *const all[] = { "224.0.0.1", "ff02::1" };

	(void)state;
	for (size_t n = 0; n < 2; n++) {
		struct harness *h = open_for(&families[n]);
		struct ip group = ip_of(all[n]);
		assert_int_equal(pb_internet_join(h->iface, &group), 0);
		pass(h, PB_SEC(3));
		harness_expect_nothing(h);
		ask(h, &families[n], all[n], 1);
		pass(h, PB_SEC(10));
		harness_expect_nothing(h);
		harness_close(h);
	}
	struct harness *h = open_for(&families[0]);
	struct ip group = ip_of(families[0].group);
	uint8_t query[12] = { IGMP_QUERY, 100, 1, 2 };
	assert_int_equal(pb_internet_join(h->iface, &group), 0);
	pass(h, PB_SEC(3));
	harness_forget_sent(h);
	harness_ip4(h, (struct ip4_header){ .ttl = 1, .protocol = IPPROTO_IGMP, .dst = ip_of(all[0]) }, query,
		    12);
	pass(h, PB_SEC(10));
	harness_expect_nothing(h);
	harness_close(h);
}

/* Twice within a second and a bit, and then no more. */
static void expect_change(struct harness *h, const struct family *f, enum membership_record type,
			  unsigned count, const struct ip *sources)
{
	pass(h, PB_SEC(2));
	for (int n = 0; n < 2; n++)
		assert_int_equal(expect_sources(h, f, f->group, count, sources), type);
	harness_expect_nothing(h);
}

/* RFC 3376 §5.1, RFC 3810 §6.1: which sources are heard, by what users want together (§3.2). */
static void tells_of_sources(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		const struct family *f = &families[n];
		struct harness *h = open_for(f);
		struct ip group = ip_of(f->group),
			  sources[2] = { ip_of(f->peer), ip_of(f->v6 ? "2001:db8::7" : "192.0.2.7") };
		sources[0] = ip_in_zone(&sources[0], h->iface->index);
		struct ip bare[2] = { ip_of(f->peer), sources[1] };
		struct source_filter one = { true, 1, sources }, both = { true, 2, sources },
				     but_one = { false, 1, sources }, all = { .include = false };
		assert_int_equal(pb_internet_listen(h->iface, &group, NULL, &one), 0);
		expect_change(h, f, MEMBERSHIP_ALLOW, 1, bare);
		assert_int_equal(pb_internet_listen(h->iface, &group, &one, &both), 0);
		expect_change(h, f, MEMBERSHIP_ALLOW, 1, bare + 1);
		ask(h, f, f->group, 1);
		pass(h, PB_SEC(10));
		assert_int_equal(expect_sources(h, f, f->group, 2, bare), MEMBERSHIP_IS_INCLUDE);
		/* Another user hears all but the first, which the other user hears. */
		assert_int_equal(pb_internet_listen(h->iface, &group, NULL, &but_one), 0);
		expect_change(h, f, MEMBERSHIP_TO_EXCLUDE, 0, NULL);
		assert_int_equal(pb_internet_listen(h->iface, &group, &both, NULL), 0);
		expect_change(h, f, MEMBERSHIP_BLOCK, 1, bare);
		ask(h, f, NULL, 1);
		pass(h, PB_SEC(10));
		harness_forget_sent(h);
		/* Whom one does not hear, another does. */
		assert_int_equal(pb_internet_join(h->iface, &group), 0);
		expect_change(h, f, MEMBERSHIP_ALLOW, 1, bare);
		assert_int_equal(pb_internet_leave(h->iface, &group), 0);
		expect_change(h, f, MEMBERSHIP_BLOCK, 1, bare);
		assert_int_equal(pb_internet_listen(h->iface, &group, &but_one, &all), 0);
		expect_change(h, f, MEMBERSHIP_ALLOW, 1, bare);
		assert_int_equal(pb_internet_listen(h->iface, &group, &all, &one), 0);
		expect_change(h, f, MEMBERSHIP_TO_INCLUDE, 1, bare);
		assert_int_equal(pb_internet_listen(h->iface, &group, &one, NULL), 0);
		expect_change(h, f, MEMBERSHIP_BLOCK, 1, bare);
		assert_false(pb_group_joined(h->iface, &group));
		harness_close(h);
	}
}

/* As many sources as fit into a record, and a report for each that is full. */
static void sources_are_bounded(void **state)
{
	struct ip sources[GROUP_SOURCES_MAX + 1] = { 0 };
	struct source_filter most = { true, GROUP_SOURCES_MAX, sources },
			     more = { true, GROUP_SOURCES_MAX + 1, sources };
	const struct family *f = &families[1];
	struct harness *h = open_for(f);
	static uint8_t frame[65600];

	(void)state;
	for (size_t n = 0; n <= GROUP_SOURCES_MAX; n++) {
		sources[n] = ip_of("2001:db8::");
		sources[n].bytes[15] = (uint8_t)(n + 1);
	}
	for (int n = 0; n < 2; n++) {
		struct ip group = ip_of(n ? f->other : f->group);
		assert_int_equal(pb_internet_listen(h->iface, &group, NULL, &more), -ENOBUFS);
		assert_false(pb_group_joined(h->iface, &group));
		assert_int_equal(pb_internet_listen(h->iface, &group, NULL, &most), 0);
	}
	pass(h, PB_SEC(2));
	for (int n = 0; n < 4; n++) {
		size_t len = harness_sent(h, frame);
		assert_in_range(len, ETHERNET_HEADER_LEN + 64 * 16, ETHERNET_HEADER_LEN + 1280);
	}
	harness_expect_nothing(h);
	harness_close(h);
}

static void takes_what_is_joined(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		const struct family *f = &families[n];
		struct harness *h = open_for(f);
		struct ip group = ip_of(f->group);
		for (int joined = 0; joined < 2; joined++) {
			enum ip_verdict v =
				f->v6 ? harness6_input(h, (struct ip6_header){ .next = UDP, .dst = group },
						       "text", 4)
				      : harness_ip4(h, (struct ip4_header){ .dst = group }, "text", 4);
			assert_int_equal(v, joined ? IP_DELIVER : IP_DONE);
			if (joined)
				assert_true(h->packet.group);
			else
				assert_int_equal(pb_internet_join(h->iface, &group), 0);
		}
		harness_forget_sent(h);
		harness_close(h);
	}
}

/* RFC 1112 §6.1: what is sent to a group is heard here, too, on that interface; unless it is not to be. */
static void hears_itself(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		const struct family *f = &families[n];
		struct harness *h = open_for(f);
		struct iface *lo = pb_internet_iface(h->net, 1);
		struct ip group = ip_of(f->v6 ? "ff02::1:2:3" : f->group),
			  any = ip_of(f->v6 ? "::" : "0.0.0.0");
		struct ip_send how = { .protocol = UDP };
		struct ip_path path;
		group = ip_in_zone(&group, h->iface->index);
		assert_int_equal(pb_internet_join(h->iface, &group), 0);
		assert_int_equal(pb_ip_path(h->net, &path, &any, &group, 0), 0);
		assert_int_equal(pb_ip_send(h->net, &path, &how, harness_payload(h, 9)), 0);
		struct pb_buf *b = lo->device->ops->receive(lo->device, env_now(&h->env), h->env.pool);
		assert_non_null(b);
		harness_give_back(h);
		assert_int_equal(pb_internet_input(h->net, lo, b, &h->packet, &h->error), IP_DELIVER);
		assert_ptr_equal(h->packet.iface, h->iface);
		assert_true(h->packet.group && ip_equal(&h->packet.dst, &group));
		path.no_loop = true;
		assert_int_equal(pb_ip_send(h->net, &path, &how, harness_payload(h, 9)), 0);
		assert_null(lo->device->ops->receive(lo->device, env_now(&h->env), h->env.pool));
		harness_forget_sent(h);
		harness_close(h);
	}
}

static void is_bounded(void **state)
{
	struct harness *h = harness_open(1500, true, NULL);
	struct ip group = ip_of("239.0.0.0"), one = ip_of("192.0.2.9");

	(void)state;
	assert_int_equal(pb_internet_join(h->iface, &one), -EINVAL);
	for (int n = 0; n < GROUPS_MAX; n++) {
		group.bytes[15] = (uint8_t)n;
		assert_int_equal(pb_internet_join(h->iface, &group), 0);
	}
	group.bytes[14] = 1;
	assert_int_equal(pb_internet_join(h->iface, &group), -ENOBUFS);
	pass(h, PB_SEC(5));
	harness_forget_sent(h);
	harness_close(h);
}

/* RFC 3376 §4.1.1, RFC 3810 §5.1.3: large times are floating point; not in older versions, which are shorter. */
static void reads_times(void **state)
{
	static const struct {
		size_t len;
		uint32_t ms;
		unsigned version;
		uint16_t code;
		bool v6;
	} table[] = {
		{8,   10000,   1, 0,      false},
                { 8,  25500,   2, 255,    false},
		{ 12, 0,       3, 0,      false},
                { 12, 12700,   3, 127,    false},
		{ 12, 12800,   3, 128,    false},
                { 12, 3174400, 3, 255,    false},
		{ 24, 65535,   1, 0xffff, true },
                { 28, 32767,   2, 32767,  true },
		{ 28, 32768,   2, 0x8000, true },
                { 28, 8387584, 2, 0xffff, true },
	};

	(void)state;
	for (size_t n = 0; n < sizeof table / sizeof *table; n++) {
		uint8_t bytes[28] = { table[n].v6 ? ICMP6_MLD_QUERY : IGMP_QUERY };
		struct membership_query q;
		bytes[1] = table[n].v6 ? 0 : (uint8_t)table[n].code;
		bytes[4] = table[n].v6 ? (uint8_t)(table[n].code >> 8) : 0;
		bytes[5] = table[n].v6 ? (uint8_t)table[n].code : 0;
		size_t least = table[n].v6 ? 24 : 8;
		for (size_t len = 0; len <= table[n].len; len++)
			assert_int_equal(
				pb_membership_query_parse(table[n].v6, &q,
							  &(struct reader){ .p = bytes, .left = len }),
				len == least || len >= least + 4);
		assert_int_equal(q.response_ms, table[n].ms);
		assert_int_equal(q.version, table[n].version);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_of_changes),
		cmocka_unit_test(answers_routers),
		cmocka_unit_test(takes_what_is_joined),
		cmocka_unit_test(hears_itself),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(reads_times),
		cmocka_unit_test(tells_of_sources),
		cmocka_unit_test(sources_are_bounded),
		cmocka_unit_test(speaks_older_versions),
		cmocka_unit_test(answers_who_asks_us_alone),
		cmocka_unit_test(tells_again_in_its_name),
		cmocka_unit_test(tells_older_routers_nothing_of_sources),
		cmocka_unit_test(tells_nothing_of_all_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
