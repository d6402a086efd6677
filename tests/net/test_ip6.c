/* RFC 8200, 5722, 6946, 7112, 8021: what comes and what leaves, rule by rule. */
#include "net/harness6.h"

#include "wire/ethernet.h"

#include <errno.h>

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

static const uint8_t text[64] = "what is carried";

static void delivers_what_is_for_us(void **state)
{
	struct harness *h = *state;
	struct ip src = ip_of("2001:db8::2"), dst = ip_of("2001:db8::1");

	assert_int_equal(
		harness6_input(h, (struct ip6_header){ .next = UDP, .traffic_class = 0xb9, .hop_limit = 3 },
			       text, 20),
		IP_DELIVER);
	assert_true(ip_equal(&h->packet.src, &src));
	assert_true(ip_equal(&h->packet.dst, &dst));
	assert_int_equal(h->packet.protocol, UDP);
	assert_int_equal(h->packet.ttl, 3);
	assert_int_equal(h->packet.tos, 0xb9);
	assert_int_equal(h->packet.buf->total, 20);
	assert_memory_equal(h->packet.buf->data, text, 20);
	assert_int_equal(h->packet.header_len, IP6_HEADER_LEN);
	assert_ptr_equal(h->packet.header + IP6_HEADER_LEN, h->packet.buf->data);
}

static void counts_codepoints_of_ecn(void **state)
{
	struct harness *h = *state;

	for (uint8_t class = 0; class < 10; class ++)
		harness6_input(h, (struct ip6_header){ .next = UDP, .traffic_class = class }, text, 20);
	assert_int_equal(h->env.counters.ip.InNoECTPkts, 3);
	assert_int_equal(h->env.counters.ip.InECT1Pkts, 3);
	assert_int_equal(h->env.counters.ip.InECT0Pkts, 2);
	assert_int_equal(h->env.counters.ip.InCEPkts, 2);
}

static void cuts_link_padding(void **state)
{
	assert_int_equal(
		harness6_input(*state, (struct ip6_header){ .next = UDP, .payload_len = 9 }, text, 30),
		IP_DELIVER);
	assert_int_equal(((struct harness *)*state)->packet.buf->total, 9);
}

/* RFC 4291 §2.5.2, §2.5.3, §2.7: who cannot have sent a packet. */
static void judges_sources(void **state)
{
	static const struct {
		const char *src;
		enum ip_verdict verdict;
	} table[] = {
		{"2001:db8::9",  IP_DELIVER},
                { "fe80::9",     IP_DELIVER},
                { "::1",         IP_DONE   },
		{ "ff02::9",     IP_DONE   },
                { "2001:db8::1", IP_DONE   }, /* ourselves */
	};

	for (size_t n = 0; n < sizeof table / sizeof *table; n++) {
		struct ip6_header ip = { .next = UDP, .src = ip_of(table[n].src), .dst = ip_of("fe80::1") };
		assert_int_equal(harness6_input(*state, ip, text, 20), table[n].verdict);
	}
	/* From nobody: only neighbour discovery and MLD can be. */
	struct ip6_header nobody = { .next = UDP, .src = ip_of("ff02::1"), .dst = ip_of("ff02::1") };
	assert_int_equal(harness6_input(*state, nobody, text, 20), IP_DONE);
	/* RFC 4291 §2.5.6: 54 bits of zero, which are a zone's place here. */
	struct ip6_header odd = { .next = UDP, .src = ip_of("fe80::9") };
	odd.src.bytes[3] = 2;
	assert_int_equal(harness6_input(*state, odd, text, 20), IP_DONE);
}

static void judges_destinations(void **state)
{
	static const struct {
		const char *dst;
		enum ip_verdict verdict;
		bool group;
	} table[] = {
		{"2001:db8::1",     IP_DELIVER, false},
                { "fe80::1",        IP_DELIVER, false},
		{ "2001:db8::3",    IP_DONE,    false}, /* somebody else; we are no router */
		{ "fe80::3",        IP_DONE,    false},
                { "::1",            IP_DONE,    false}, /* RFC 4291 §2.5.3 */
		{ "ff02::1",        IP_DELIVER, true },
                { "ff01::1",        IP_DELIVER, true },
		{ "ff02::1:ff00:1", IP_DELIVER, true }, /* solicited-node */
		{ "ff02::1:ff00:2", IP_DONE,    true },
                { "ff02::2",        IP_DONE,    true }, /* all routers */
		{ "ff0e::1",        IP_DONE,    true },
	};
	struct harness *h = *state;

	for (size_t n = 0; n < sizeof table / sizeof *table; n++) {
		struct ip6_header ip = { .next = UDP, .dst = ip_of(table[n].dst) };
		assert_int_equal(harness6_input(h, ip, text, 20), table[n].verdict);
		if (table[n].verdict == IP_DELIVER)
			assert_int_equal(h->packet.group, table[n].group);
	}
}

/* A frame to all that holds a packet for one (RFC 1122 §3.3.6, of IPv4). */
static void believes_no_shout(void **state)
{
	uint8_t frame[200];
	size_t len = harness6_frame(frame, (struct ip6_header){ .next = UDP }, text, 20);

	memset(frame, 0x33, 6);
	assert_int_equal(harness_input(*state, frame, len), IP_DONE);
}

/* Addresses of one link are not those of another: they keep their zone. */
static void keeps_zones(void **state)
{
	struct harness *h = *state;
	struct ip6_header ip = { .next = UDP, .src = ip_of("fe80::9"), .dst = ip_of("fe80::1") };

	assert_int_equal(harness6_input(h, ip, text, 20), IP_DELIVER);
	assert_int_equal(ip_zone(&h->packet.src), h->iface->index);
	assert_int_equal(ip_zone(&h->packet.dst), h->iface->index);
}

/*
 * Extension headers ----------------------------------------------------------------------------------------
 */

static void passes_over_extensions(void **state)
{
	struct harness *h = *state;
	uint8_t payload[24 + 20] = { IP6_DESTINATION,
				     0,
				     IP6_OPTION_PADN,
				     4,
				     [8] = IP6_ROUTING,
				     0,
				     IP6_OPTION_PADN,
				     4,
				     [16] = UDP,
				     0,
				     2,
				     0 };

	memcpy(payload + 24, text, 20);
	assert_int_equal(
		harness6_input(h, (struct ip6_header){ .next = IP6_HOP_BY_HOP }, payload, sizeof payload),
		IP_DELIVER);
	assert_int_equal(h->packet.protocol, UDP);
	assert_int_equal(h->packet.header_len, 64);
	assert_int_equal(h->packet.buf->total, 20);
	assert_memory_equal(h->packet.buf->data, text, 20);
}

/* RFC 8200 §4.2, RFC 4443 §2.4 (e.3): about packets to groups, too, where the option asks for it. */
static void tells_of_unknown_options(void **state)
{
	struct harness *h = *state;
	static const struct {
		uint8_t type;
		bool to_one, to_group;
	} table[] = {
		{0x5e,  false, false},
		{ 0x9e, true,  true },
		{ 0xde, true,  false},
	};

	harness6_resolve(h);
	for (size_t n = 0; n < sizeof table / sizeof *table; n++)
		for (int group = 0; group < 2; group++) {
			uint8_t payload[28] = { UDP, 0, table[n].type, 4 };
			struct ip6_header ip = { .next = IP6_DESTINATION,
						 .dst = ip_of(group ? "ff02::1" : "2001:db8::1") };
			assert_int_equal(harness6_input(h, ip, payload, sizeof payload), IP_DONE);
			if (group ? table[n].to_group : table[n].to_one) {
				struct icmp6_error e = harness6_expect_error(
					h, ICMP6_PARAMETER_PROBLEM, ICMP6_UNKNOWN_OPTION, NULL, NULL);
				assert_int_equal(e.value, 42);
			}
			harness6_expect_nothing(h);
		}
}

/* RFC 8200 §4: a next header that nobody knows. */
static void tells_of_unknown_protocols(void **state)
{
	struct harness *h = *state;
	const uint8_t *quote;
	size_t len;

	harness6_resolve(h);
	uint8_t payload[28] = { 200, 0, IP6_OPTION_PADN, 4 };
	assert_int_equal(
		harness6_input(h, (struct ip6_header){ .next = IP6_DESTINATION }, payload, sizeof payload),
		IP_DELIVER);
	assert_int_equal(h->packet.protocol, 200);
	pb_icmp_protocol_unreachable(h->net, &h->packet);
	struct icmp6_error e =
		harness6_expect_error(h, ICMP6_PARAMETER_PROBLEM, ICMP6_UNKNOWN_HEADER, &quote, &len);
	assert_int_equal(e.value, 40); /* the first byte behind the IPv6 header */
	assert_int_equal(len, 68);     /* all of it */
	assert_memory_equal(quote + 40, payload, sizeof payload);
}

static void ends_with_no_next_header(void **state)
{
	assert_int_equal(harness6_input(*state, (struct ip6_header){ .next = IP6_NONE }, text, 20), IP_DONE);
	harness6_expect_nothing(*state);
}

/*
 * Fragments ------------------------------------------------------------------------------------------------
 */

static enum ip_verdict fragment(struct harness *h, uint32_t id, size_t offset, size_t len, bool more)
{
	static uint8_t payload[65600];
	struct ip6_fragment f = { .next = UDP, .offset = (uint16_t)offset, .more = more, .id = id };

	assert_true(pb_ip6_fragment_write(&f, &(struct writer){ .p = payload, .left = 8 }));
	for (size_t n = 0; n < len; n++)
		payload[8 + n] = (uint8_t)((offset + n) * 7);
	return harness6_input(h, (struct ip6_header){ .next = IP6_FRAGMENT }, payload, 8 + len);
}

static void puts_fragments_together(void **state)
{
	struct harness *h = *state;

	assert_int_equal(fragment(h, 1, 2000, 500, false), IP_DONE);
	assert_int_equal(fragment(h, 1, 0, 1000, true), IP_DONE);
	assert_int_equal(fragment(h, 1, 1000, 1000, true), IP_DELIVER);
	assert_int_equal(h->packet.buf->total, 2500);
	assert_int_equal(h->packet.protocol, UDP);
	assert_int_equal(h->packet.header_len, IP6_HEADER_LEN); /* the fragment header is gone */
	assert_int_equal(h->packet.header[IP6_NEXT_AT], UDP);
	for (size_t n = 0; n < 2500; n++) {
		uint8_t byte;
		pb_buf_copy(h->packet.buf, n, &byte, 1);
		assert_int_equal(byte, (uint8_t)(n * 7));
	}
	struct ip6_header again;
	struct reader r = { .p = h->packet.header, .left = IP6_HEADER_LEN };
	assert_true(pb_ip6_parse(&again, &r, 2540));
	assert_int_equal(again.payload_len, 2500);
}

/* RFC 8200 §4.5: who sent them, to whom, and their identification; not what they say is next. */
static void tells_datagrams_apart(void **state)
{
	struct harness *h = *state;
	uint8_t payload[16];
	struct ip6_fragment f = { .next = 99, .offset = 8, .id = 5 };

	assert_int_equal(fragment(h, 4, 0, 8, true), IP_DONE);
	assert_int_equal(fragment(h, 5, 0, 8, true), IP_DONE);
	assert_true(pb_ip6_fragment_write(&f, &(struct writer){ .p = payload, .left = 8 }));
	assert_int_equal(harness6_input(h, (struct ip6_header){ .next = IP6_FRAGMENT }, payload, 16),
			 IP_DELIVER);
	assert_int_equal(h->packet.protocol, UDP); /* the first one says so */
	assert_int_equal(h->packet.buf->total, 16);
}

/* RFC 5722 §4: whoever makes fragments overlap gets nothing through. */
static void refuses_overlaps(void **state)
{
	struct harness *h = *state;

	assert_int_equal(fragment(h, 1, 0, 1000, true), IP_DONE);
	assert_int_equal(fragment(h, 1, 992, 500, false), IP_DONE);
	assert_int_equal(fragment(h, 1, 1000, 492, false), IP_DONE); /* it would have been whole */
	assert_int_equal(h->env.counters.ip.ReasmOverlaps, 1);
	assert_int_equal(fragment(h, 2, 0, 1000, true), IP_DONE);
	assert_int_equal(fragment(h, 2, 1000, 492, false), IP_DELIVER);
}

/* RFC 6946 §4: a fragment of everything is nobody's part, whatever else has its identification. */
static void takes_atomic_fragments(void **state)
{
	struct harness *h = *state;

	assert_int_equal(fragment(h, 1, 0, 1000, true), IP_DONE);
	assert_int_equal(fragment(h, 1, 0, 40, false), IP_DELIVER);
	assert_int_equal(h->packet.buf->total, 40);
	assert_int_equal(h->env.counters.ip.ReasmOverlaps, 0);
	assert_int_equal(fragment(h, 1, 1000, 8, false), IP_DELIVER);
	assert_int_equal(h->packet.buf->total, 1008);
}

/* RFC 8200 §4.5: wrong lengths are told, with a pointer to the field. */
static void tells_of_wrong_fragments(void **state)
{
	struct harness *h = *state;

	harness6_resolve(h);
	assert_int_equal(fragment(h, 1, 0, 1001, true), IP_DONE);
	assert_int_equal(
		harness6_expect_error(h, ICMP6_PARAMETER_PROBLEM, ICMP6_WRONG_FIELD, NULL, NULL).value,
		IP6_PAYLOAD_LEN_AT);
	assert_int_equal(fragment(h, 1, 65528, 16, false), IP_DONE);
	assert_int_equal(
		harness6_expect_error(h, ICMP6_PARAMETER_PROBLEM, ICMP6_WRONG_FIELD, NULL, NULL).value, 42);
	/* RFC 7112 §5: the first one has to say of what it is. */
	assert_int_equal(fragment(h, 2, 0, 0, true), IP_DONE);
	harness6_expect_error(h, ICMP6_PARAMETER_PROBLEM, ICMP6_INCOMPLETE_CHAIN, NULL, NULL);
	harness6_expect_nothing(h);
}

/* RFC 8200 §4.5: sixty seconds, and then the sender is told, if the first fragment is there. */
static void tells_that_time_is_up(void **state)
{
	struct harness *h = *state;
	const uint8_t *quote;
	size_t len;

	harness6_resolve(h);
	assert_int_equal(fragment(h, 1, 8, 1000, false), IP_DONE);
	assert_int_equal(fragment(h, 2, 0, 1000, true), IP_DONE);
	harness_run(h, env_now(&h->env) + PB_SEC(59));
	harness6_expect_nothing(h);
	harness_run(h, env_now(&h->env) + PB_SEC(2));
	harness6_expect_error(h, ICMP6_TIME_EXCEEDED, ICMP6_REASSEMBLY_EXCEEDED, &quote, &len);
	assert_int_equal(quote[IP6_NEXT_AT], IP6_FRAGMENT); /* as it was */
	harness_forget_sent(h); /* the peer's entry has aged meanwhile: it may be asked */
}

/* The largest there is, over the loopback's MTU. */
static void reaches_65535_bytes(void **state)
{
	struct harness *h = *state;
	enum ip_verdict v = IP_DONE;

	for (size_t offset = 0, len; offset < 65528; offset += len) {
		len = 65528 - offset < 1400 ? 65528 - offset : 1400;
		v = fragment(h, 3, offset, len, offset + len < 65528);
	}
	assert_int_equal(v, IP_DELIVER);
	assert_int_equal(h->packet.buf->total, 65528);
}

/*
 * Output ---------------------------------------------------------------------------------------------------
 */

static void sends_with_a_header(void **state)
{
	struct harness *h = *state;
	const uint8_t *payload;
	size_t len;
	struct ip src = ip_of("2001:db8::1"), dst = ip_of("2001:db8::2");

	harness6_resolve(h);
	assert_int_equal(harness6_send(h, "2001:db8::2", 100, true), 0);
	struct ip6_header ip = harness6_expect(h, &payload, &len);
	assert_int_equal(len, 100);
	assert_int_equal(ip.next, UDP);
	assert_int_equal(ip.hop_limit, 64);
	assert_true(ip_equal(&ip.src, &src) && ip_equal(&ip.dst, &dst));
	assert_memory_equal(harness6_mac, peer_mac, 6);
	assert_int_equal(harness6_send(h, "2001:db8::2", 100, true), 0);
	assert_int_equal(harness6_expect(h, NULL, NULL).flow_label, ip.flow_label); /* RFC 6437 §3 */
}

/* RFC 2464 §7, RFC 3493 §5.2 */
static void sends_to_groups(void **state)
{
	static const uint8_t mac[6] = { 0x33, 0x33, 0, 0, 0, 0xfb };
	struct harness *h = *state;
	struct ip dst = ip_of("ff02::fb"), any = { 0 };
	struct ip_send how = { .protocol = UDP };
	struct ip_path path;

	assert_int_equal(pb_ip_path(h->net, &path, &any, &dst, 0), 0);
	assert_ptr_equal(path.iface, h->iface);
	dst = ip_in_zone(&dst, h->iface->index);
	assert_int_equal(pb_ip_path(h->net, &path, &any, &dst, 0), 0);
	assert_true(path.group);
	assert_int_equal(pb_ip_send(h->net, &path, &how, harness_payload(h, 10)), 0);
	assert_int_equal(harness6_expect(h, NULL, NULL).hop_limit, 1);
	assert_memory_equal(harness6_mac, mac, 6);
}

/* RFC 8200 §4.5: what is too large is cut here or refused; nobody else may cut it. */
static void cuts_at_the_source(void **state)
{
	struct harness *h = *state;
	size_t sum = 0;
	uint32_t id = 0;

	harness6_resolve(h);
	assert_int_equal(harness6_send(h, "2001:db8::2", 1461, true), -EMSGSIZE);
	assert_int_equal(harness6_send(h, "2001:db8::2", 1460, true), 0);
	assert_int_equal(harness6_expect(h, NULL, NULL).next, UDP);
	assert_int_equal(harness6_send(h, "2001:db8::2", 4000, false), 0);
	for (bool more = true; more;) {
		const uint8_t *payload;
		size_t len;
		struct ip6_chain c;
		uint8_t whole[1500];
		struct ip6_header ip = harness6_expect(h, &payload, &len);
		assert_true(pb_ip6_write(&ip, &(struct writer){ .p = whole, .left = 40 }));
		memcpy(whole + 40, payload, len);
		assert_int_equal(pb_ip6_walk(&c, whole, 40 + len), IP6_IS_WELL);
		assert_true(c.is_fragment);
		assert_int_equal(c.fragment.offset, sum);
		assert_int_equal(c.fragment.next, UDP);
		if (sum)
			assert_int_equal(c.fragment.id, id);
		id = c.fragment.id;
		sum += len - 8;
		more = c.fragment.more;
	}
	assert_int_equal(sum, 4000);
	harness6_expect_nothing(h);
}

static void sends_to_itself(void **state)
{
	struct harness *h = *state;
	static const struct {
		const char *dst, *src;
	} table[] = {
		{"::1",          "::1"        },
		{ "::",          "::1"        },
		{ "2001:db8::1", "2001:db8::1"},
	};

	for (size_t n = 0; n < sizeof table / sizeof *table; n++) {
		struct ip dst = ip_of(table[n].dst), src = ip_of(table[n].src), any = { 0 };
		struct ip_path path;
		assert_int_equal(pb_ip_path(h->net, &path, &any, &dst, 0), 0);
		assert_true(path.iface->loopback);
		assert_true(ip_equal(&path.src, &src));
	}
	struct ip loopback = ip_of("::1"), dst = ip_of("2001:db8::2");
	struct ip_path path;
	assert_int_equal(pb_ip_path(h->net, &path, &loopback, &dst, 0), -EINVAL);
}

/* RFC 4007 §9: what comes from one link does not go to another. */
static void leaves_no_zone(void **state)
{
	struct harness *h = *state;
	struct ip elsewhere = ip_of("fe80::1"), dst = ip_of("2001:db8::2");
	struct ip_path path;

	elsewhere = ip_in_zone(&elsewhere, h->iface->index + 1);
	assert_int_equal(pb_ip_path(h->net, &path, &elsewhere, &dst, 0), -EINVAL);
	struct ip there = ip_of("fe80::2");
	assert_int_equal(pb_ip_path(h->net, &path, &elsewhere, &there, 0),
			 -EINVAL); /* on which link? RFC 4007 §6 */
	there = ip_in_zone(&there, 77);
	struct ip any = { 0 };
	assert_int_equal(pb_ip_path(h->net, &path, &any, &there, 0), -ENODEV);
}

/* RFC 8200 §5: a link that carries less has no IPv6. */
static void needs_1280_bytes(void **state)
{
	struct harness *h = harness_open_bare(1279, true, NULL);
	struct ip ours = ip_of("2001:db8::1");

	(void)state;
	assert_int_equal(pb_internet_add_address(h->net, h->iface, &ours, 64, true), -EINVAL);
	harness_close(h);
}

/* RFC 4443 §2.4 (e.1): nor about an error that hides behind an extension header. */
static void complains_of_no_error(void **state)
{
	static const uint8_t types[] = { ICMP6_UNREACHABLE, ICMP6_REDIRECT, PB_ICMP6_ECHO_REQUEST };
	struct harness *h = *state;

	harness6_resolve(h);
	for (size_t n = 0; n < sizeof types; n++) {
		uint8_t packet[] = {
			IP6_DESTINATION, 0, 1,    4, 0, 0, 0, 0, /* then options that are not known */
			IPPROTO_ICMPV6,  0, 0x80, 4, 0, 0, 0, 0, types[n], 0, 0, 0, 0, 0, 0, 0
		};
		assert_int_equal(harness6_input(h, (struct ip6_header){ .next = IP6_HOP_BY_HOP }, packet,
						sizeof packet),
				 IP_DONE);
		if (types[n] == PB_ICMP6_ECHO_REQUEST) {
			harness6_expect_error(h, ICMP6_PARAMETER_PROBLEM, ICMP6_UNKNOWN_OPTION, NULL, NULL);
		}
		harness6_expect_nothing(h);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_wire, close_wire)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(delivers_what_is_for_us),
		TEST(counts_codepoints_of_ecn),
		TEST(cuts_link_padding),
		TEST(judges_sources),
		TEST(judges_destinations),
		TEST(believes_no_shout),
		TEST(keeps_zones),
		TEST(passes_over_extensions),
		TEST(tells_of_unknown_options),
		TEST(tells_of_unknown_protocols),
		TEST(ends_with_no_next_header),
		TEST(complains_of_no_error),
		TEST(puts_fragments_together),
		TEST(tells_datagrams_apart),
		TEST(refuses_overlaps),
		TEST(takes_atomic_fragments),
		TEST(tells_of_wrong_fragments),
		TEST(tells_that_time_is_up),
		TEST(reaches_65535_bytes),
		TEST(sends_with_a_header),
		TEST(sends_to_groups),
		TEST(cuts_at_the_source),
		TEST(sends_to_itself),
		TEST(leaves_no_zone),
		cmocka_unit_test(needs_1280_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
