/* RFC 791, RFC 1122 §3.2.1 and §3.3, RFC 7126: what is taken, what is not, and what leaves. */
#include "net/harness.h"

#include "base/checksum.h"

#include <errno.h>

#define FROM(a) .src = ip_of(a)
#define TO(a)   .dst = ip_of(a)

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

static enum ip_verdict input(struct harness *h, struct ip4_header ip)
{
	static const uint8_t payload[64] = "0123456789";

	return harness_ip4(h, ip, payload, sizeof payload);
}

static void delivers_what_is_for_us(void **state)
{
	struct harness *h = *state;
	struct ip peer = ip_of("192.0.2.2"), ours = ip_of("192.0.2.1");

	assert_int_equal(input(h, (struct ip4_header){ .tos = 3, .ttl = 9 }), IP_DELIVER);
	const struct ip_packet *p = &h->packet;
	assert_int_equal(p->buf->total, 64);
	assert_memory_equal(p->buf->data, "0123456789", 10);
	assert_true(ip_equal(&p->src, &peer) && ip_equal(&p->dst, &ours));
	assert_int_equal(p->protocol, UDP);
	assert_int_equal(p->tos, 3);
	assert_int_equal(p->ttl, 9);
	assert_false(p->group || p->foreign);
	assert_ptr_equal(p->iface, h->iface);
	assert_ptr_equal(p->header + p->header_len, p->buf->data);
	assert_int_equal(h->env.counters.ip.InDelivers, 1);
}

/* As Linux's IpExt counts them. */
static void counts_codepoints_of_ecn(void **state)
{
	struct harness *h = *state;

	for (uint8_t tos = 0; tos < 10; tos++)
		assert_int_equal(input(h, (struct ip4_header){ .tos = tos }), IP_DELIVER);
	assert_int_equal(h->env.counters.ip.InNoECTPkts, 3);
	assert_int_equal(h->env.counters.ip.InECT1Pkts, 3);
	assert_int_equal(h->env.counters.ip.InECT0Pkts, 2);
	assert_int_equal(h->env.counters.ip.InCEPkts, 2);
}

/* Without Ethernet a packet begins with its version. */
static void delivers_from_a_tunnel(void **state)
{
	struct harness *h = harness_open(1500, false, NULL);
	static const uint8_t six[40] = { 0x60 };

	(void)state;
	assert_int_equal(input(h, (struct ip4_header){ 0 }), IP_DELIVER);
	assert_int_equal(harness_input(h, six, sizeof six), IP_DONE);
	assert_int_equal(harness_input(h, "", 0), IP_DONE);
	assert_int_equal(harness_send(h, "192.0.2.77", 10, false), 0);
	harness_expect_ip4(h, NULL, NULL);
	harness_close(h);
}

/* RFC 894: what the link added to reach its least length is not the packet's. */
static void cuts_off_link_padding(void **state)
{
	struct harness *h = *state;
	uint8_t frame[200] = { 0 };
	size_t len = harness_ip4_frame(frame, (struct ip4_header){ 0 }, "abc", 3);

	assert_int_equal(harness_input(h, frame, len + 20), IP_DELIVER);
	assert_int_equal(h->packet.buf->total, 3);
}

/* RFC 1122 §3.2.1.1, §3.2.1.2: version and checksum; RFC 791: lengths. Every bit of the header counts. */
static void drops_any_damaged_header(void **state)
{
	struct harness *h = *state;
	uint8_t frame[200];
	size_t len = harness_ip4_frame(frame, (struct ip4_header){ 0 }, "abcdefgh", 8);

	for (size_t bit = 0; bit < 8 * IP4_HEADER_LEN; bit++) {
		frame[ETHERNET_HEADER_LEN + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(harness_input(h, frame, len), IP_DONE);
		frame[ETHERNET_HEADER_LEN + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(h->env.counters.ip.InHdrErrors, 8 * IP4_HEADER_LEN);
	for (size_t n = 0; n < len; n++)
		assert_int_equal(harness_input(h, frame, n), IP_DONE);
	assert_int_equal(harness_input(h, frame, len), IP_DELIVER);
}

/* A device may give a frame in parts of any length: it is the same packet. */
static void takes_frames_in_parts(void **state)
{
	struct harness *h = *state;
	uint8_t frame[600], payload[500], got[500];

	for (size_t n = 0; n < sizeof payload; n++)
		payload[n] = (uint8_t)n;
	size_t len = harness_ip4_frame(frame, (struct ip4_header){ 0 }, payload, sizeof payload);
	for (size_t part = 1; part < len; part += 7) {
		assert_int_equal(harness_input_parts(h, frame, len, part), IP_DELIVER);
		assert_true(h->packet.buf->len >= IP_GATHER);
		pb_buf_copy(h->packet.buf, 0, got, sizeof got);
		assert_memory_equal(got, payload, sizeof got);
	}
}

/* RFC 1122 §3.2.1.3 */
static void drops_impossible_sources(void **state)
{
	struct harness *h = *state;
	static const char *const sources[] = { "127.0.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.255",
					       "0.0.0.0",   "0.1.2.3",   "240.0.0.1",       "192.0.2.1" };

	for (size_t n = 0; n < sizeof sources / sizeof *sources; n++) {
		assert_int_equal(input(h, (struct ip4_header){ FROM(sources[n]) }), IP_DONE);
		assert_int_equal(h->env.counters.ip.InAddrErrors, n + 1);
	}
	harness_expect_nothing(h);
}

/* RFC 1122 §3.3.1.1: a host does not forward; §3.2.1.3 (g): nor take loopback addresses from outside. */
static void drops_what_is_for_others(void **state)
{
	struct harness *h = *state;
	static const char *const others[] = { "192.0.2.3", "127.0.0.1", "8.8.8.8", "224.0.0.5", "0.0.0.0" };

	for (size_t n = 0; n < sizeof others / sizeof *others; n++)
		assert_int_equal(input(h, (struct ip4_header){ TO(others[n]) }), IP_DONE);
	assert_int_equal(h->env.counters.ip.InAddrErrors, sizeof others / sizeof *others);
	harness_expect_nothing(h);
}

static void takes_groups_it_is_in(void **state)
{
	struct harness *h = *state;
	static const char *const groups[] = { "255.255.255.255", "192.0.2.255", "224.0.0.1" };

	for (size_t n = 0; n < sizeof groups / sizeof *groups; n++) {
		assert_int_equal(input(h, (struct ip4_header){ TO(groups[n]) }), IP_DELIVER);
		assert_true(h->packet.group);
	}
	/* RFC 1122 §3.2.1.3 (a): who has no address yet may shout */
	assert_int_equal(input(h, (struct ip4_header){ FROM("0.0.0.0"), TO("255.255.255.255") }), IP_DELIVER);
}

/* What was right for the packet before is not for this one, if our addresses are others now. */
static void heeds_a_change_of_addresses(void **state)
{
	struct harness *h = *state;
	struct ip ours = ip_of("192.0.2.1"), peer = ip_of("192.0.2.2");

	assert_int_equal(input(h, (struct ip4_header){ 0 }), IP_DELIVER);
	assert_int_equal(pb_internet_add_address(h->net, h->iface, &peer, 24, true), 0);
	assert_int_equal(input(h, (struct ip4_header){ 0 }), IP_DONE);
	assert_int_equal(pb_internet_remove_address(h->net, h->iface, &peer), 0);
	assert_int_equal(input(h, (struct ip4_header){ 0 }), IP_DELIVER);
	assert_int_equal(pb_internet_remove_address(h->net, h->iface, &ours), 0);
	assert_int_equal(input(h, (struct ip4_header){ 0 }), IP_DONE);
}

/* RFC 1122 §3.3.6 */
static void drops_packets_for_one_in_frames_for_all(void **state)
{
	struct harness *h = *state;
	uint8_t frame[200];
	size_t len = harness_ip4_frame(frame, (struct ip4_header){ 0 }, "abc", 3);

	memset(frame, 0xff, 6);
	assert_int_equal(harness_input(h, frame, len), IP_DONE);
	memcpy(frame, peer_mac, 6); /* nor what a switch let through that is another's */
	assert_int_equal(harness_input(h, frame, len), IP_DONE);
}

/* While somebody wants them, packets for any address are delivered, and marked. */
static void takes_foreign_packets_when_asked(void **state)
{
	struct harness *h = *state;

	pb_internet_take_foreign(h->net, true);
	assert_int_equal(input(h, (struct ip4_header){ TO("8.8.8.8") }), IP_DELIVER);
	assert_true(h->packet.foreign);
	assert_int_equal(input(h, (struct ip4_header){ 0 }), IP_DELIVER);
	assert_false(h->packet.foreign);
	assert_int_equal(input(h, (struct ip4_header){ TO("127.0.0.1") }), IP_DONE);
	pb_internet_take_foreign(h->net, false);
	assert_int_equal(input(h, (struct ip4_header){ TO("8.8.8.8") }), IP_DONE);
}

/* RFC 1122 §3.2.1.7: it is for routers to count down. */
static void takes_a_ttl_of_one(void **state)
{
	assert_int_equal(input(*state, (struct ip4_header){ .ttl = 1 }), IP_DELIVER);
}

/* RFC 1122 §3.2.1.8: options we do not know are passed over. */
static void passes_over_options(void **state)
{
	struct harness *h = *state;
	const uint8_t options[] = { 1, 1, 0x5e, 6, 1, 2, 3, 4, 7, 7, 4, 0, 0, 0, 0, 0 };

	assert_int_equal(input(h, (struct ip4_header){ .len = 36, .options = options }), IP_DELIVER);
	assert_int_equal(h->packet.header_len, 36);
	assert_memory_equal(h->packet.buf->data, "0123456789", 10);
}

/* RFC 7126 §4.3, §4.4 */
static void refuses_source_routes(void **state)
{
	struct harness *h = *state;

	harness_resolve(h);
	for (unsigned type = 131; type <= 137; type += 6) {
		const uint8_t options[] = { (uint8_t)type, 7, 4, 10, 0, 0, 1, 0 };
		assert_int_equal(input(h, (struct ip4_header){ .len = 28, .options = options }), IP_DONE);
	}
	harness_expect_nothing(h);
}

/* RFC 1122 §3.2.2.5: the pointer is to what is wrong, here the length of the second option. */
static void tells_of_a_wrong_option(void **state)
{
	struct harness *h = *state;
	const uint8_t options[] = { 1, 148, 99, 0 };

	harness_resolve(h);
	assert_int_equal(input(h, (struct ip4_header){ .len = 24, .options = options }), IP_DONE);
	assert_int_equal(harness_expect_error(h, ICMP4_PARAMETER_PROBLEM, 0).pointer, 22);
}

/*
 * Output ---------------------------------------------------------------------------------------------------
 */

static struct ip4_header send_one(struct harness *h, struct ip_send how, size_t len)
{
	struct ip dst = ip_of("192.0.2.2"), any = ip_of("0.0.0.0");
	struct ip_path path;

	how.protocol = UDP;
	assert_int_equal(pb_ip_path(h->net, &path, &any, &dst, 0), 0);
	assert_int_equal(pb_ip_send(h->net, &path, &how, harness_payload(h, len)), 0);
	return harness_expect_ip4(h, NULL, NULL);
}

static void writes_its_header(void **state)
{
	struct harness *h = *state;
	struct ip peer = ip_of("192.0.2.2"), ours = ip_of("192.0.2.1");

	harness_resolve(h);
	struct ip4_header ip = send_one(h, (struct ip_send){ .tos = 0xb8 }, 100);
	assert_int_equal(ip.len, 20);
	assert_int_equal(ip.packet_len, 120);
	assert_int_equal(ip.tos, 0xb8);
	assert_int_equal(ip.ttl, IP_TTL_DEFAULT);
	assert_int_equal(ip.protocol, UDP);
	assert_true(ip_equal(&ip.src, &ours) && ip_equal(&ip.dst, &peer));
	assert_false(ip.dont_fragment || ip.more_fragments || ip.fragment_offset || ip.evil);
	assert_int_equal(send_one(h, (struct ip_send){ .ttl = 3 }, 1).ttl, 3);
}

/* RFC 6864 §4.1, §4.3: it need not differ with DF; without, it does. */
static void numbers_what_may_be_cut(void **state)
{
	struct harness *h = *state;

	harness_resolve(h);
	uint16_t first = send_one(h, (struct ip_send){ 0 }, 10).id;
	assert_int_equal(send_one(h, (struct ip_send){ .dont_fragment = true }, 10).id, 0);
	assert_int_equal(send_one(h, (struct ip_send){ 0 }, 10).id, (uint16_t)(first + 1));
}

/* RFC 1112 §6.4, RFC 1122 §3.2.1.3: groups are spoken to without asking who they are. */
static void sends_to_groups(void **state)
{
	struct harness *h = *state;
	uint8_t frame[65600];
	static const uint8_t multicast[6] = { 1, 0, 0x5e, 0x7f, 2, 3 };

	assert_int_equal(harness_send(h, "239.255.2.3", 10, false), 0);
	assert_true(harness_sent(h, frame) > 0);
	assert_memory_equal(frame, multicast, 6);
	assert_int_equal(frame[ETHERNET_HEADER_LEN + 8], 1); /* TTL, RFC 1112 §6.1 */
	assert_int_equal(harness_send(h, "192.0.2.255", 10, false), 0);
	assert_true(harness_sent(h, frame) > 0);
	assert_memory_equal(frame, pb_ethernet_broadcast, 6);
	assert_int_equal(harness_send(h, "255.255.255.255", 10, false), 0);
	assert_true(harness_sent(h, frame) > 0);
	assert_memory_equal(frame, pb_ethernet_broadcast, 6);
}

/* RFC 791 §3.2: fragments of a multiple of eight bytes, in the same name, all but the last with More. */
static void cuts_what_is_too_large(void **state)
{
	struct harness *h = *state;
	uint8_t whole[4000];
	const uint8_t *payload;
	size_t at = 0, len;
	struct ip4_header ip;
	uint16_t id = 0;

	harness_resolve(h);
	struct pb_buf *want = harness_payload(h, 4000);
	assert_int_equal(harness_send(h, "192.0.2.2", 4000, false), 0);
	do {
		ip = harness_expect_ip4(h, &payload, &len);
		assert_int_equal(ip.fragment_offset, at);
		assert_true(at == 0 || ip.id == id);
		assert_int_equal(len, at < 2960 ? 1480 : 4000 - 2960);
		memcpy(whole + at, payload, len);
		id = ip.id;
		at += len;
	} while (ip.more_fragments);
	assert_int_equal(at, 4000);
	assert_memory_equal(whole, want->data, 4000);
	pb_buf_free(want);
	harness_expect_nothing(h);
	assert_int_equal(h->env.counters.ip.FragCreates, 3);
}

static void refuses_to_cut_where_told(void **state)
{
	struct harness *h = *state;

	harness_resolve(h);
	assert_int_equal(harness_send(h, "192.0.2.2", 1481, true), -EMSGSIZE);
	assert_int_equal(harness_send(h, "192.0.2.2", 1480, true), 0);
	assert_true(harness_expect_ip4(h, NULL, NULL).dont_fragment);
	assert_int_equal(harness_send(h, "192.0.2.2", 65516, false), -EMSGSIZE);
	assert_int_equal(harness_send(h, "192.0.2.2", 65515, false), 0);
	harness_forget_sent(h);
}

/* A transport checksum that is wanted is that of the whole, though it leaves in pieces. */
static void completes_the_checksum_before_it_cuts(void **state)
{
	struct harness *h = *state;
	struct ip dst = ip_of("192.0.2.2"), any = ip_of("0.0.0.0");
	struct ip_send how = { .protocol = UDP };
	struct ip_path path;
	const uint8_t *payload;
	uint8_t whole[3000];
	size_t len, at = 0;
	struct ip4_header ip;

	harness_resolve(h);
	assert_int_equal(pb_ip_path(h->net, &path, &any, &dst, 0), 0);
	struct pb_buf *b = harness_payload(h, sizeof whole);
	uint64_t pseudo = pb_ip_pseudo(&path.src, &path.dst, UDP, sizeof whole);
	uint16_t sum = (uint16_t)~pb_checksum_finish(pseudo);
	b->transport = b->data;
	b->checksum_offset = 6;
	b->checksum = PB_CHECKSUM_WANTED;
	b->data[6] = (uint8_t)(sum >> 8);
	b->data[7] = (uint8_t)sum;
	assert_int_equal(pb_ip_send(h->net, &path, &how, b), 0);
	do {
		ip = harness_expect_ip4(h, &payload, &len);
		memcpy(whole + at, payload, len);
		at += len;
	} while (ip.more_fragments);
	assert_int_equal(at, sizeof whole);
	assert_int_equal(pb_checksum_finish(pb_checksum_add(pseudo, whole, sizeof whole)), 0);
}

/* IP_HDRINCL, as raw(7) has it. */
static void sends_headers_of_others(void **state)
{
	struct harness *h = *state;
	struct ip dst = ip_of("192.0.2.2"), any = ip_of("0.0.0.0"), ours = ip_of("192.0.2.1");
	struct ip_path path;
	struct ip4_header ip = {
		.len = 20, .packet_len = 99, .ttl = 5, .protocol = 200, .src = any, .dst = dst
	};

	harness_resolve(h);
	assert_int_equal(pb_ip_path(h->net, &path, &any, &dst, 0), 0);
	struct pb_buf *b = pb_buf_new(h->env.pool, IP_HEADROOM, 30);
	struct writer w = { .p = pb_buf_extend(b, 30), .left = 30 };
	assert_true(pb_ip4_write(&ip, &w));
	wr_bytes(&w, "0123456789", 10);
	assert_int_equal(pb_ip_send_raw(h->net, &path, b), 0);
	ip = harness_expect_ip4(h, NULL, NULL);
	assert_int_equal(ip.packet_len, 30);
	assert_int_equal(ip.ttl, 5);
	assert_int_equal(ip.protocol, 200);
	assert_true(ip_equal(&ip.src, &ours));
	for (size_t len = 0; len < 20; len++)
		assert_int_equal(pb_ip_send_raw(h->net, &path, harness_payload(h, len)), -EINVAL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_wire, close_wire)
	const struct CMUnitTest tests[] = {
		TEST(delivers_what_is_for_us),
		TEST(counts_codepoints_of_ecn),
		cmocka_unit_test(delivers_from_a_tunnel),
		TEST(cuts_off_link_padding),
		TEST(drops_any_damaged_header),
		TEST(takes_frames_in_parts),
		TEST(drops_impossible_sources),
		TEST(drops_what_is_for_others),
		TEST(takes_groups_it_is_in),
		TEST(heeds_a_change_of_addresses),
		TEST(drops_packets_for_one_in_frames_for_all),
		TEST(takes_foreign_packets_when_asked),
		TEST(takes_a_ttl_of_one),
		TEST(passes_over_options),
		TEST(refuses_source_routes),
		TEST(tells_of_a_wrong_option),
		TEST(writes_its_header),
		TEST(numbers_what_may_be_cut),
		TEST(sends_to_groups),
		TEST(cuts_what_is_too_large),
		TEST(refuses_to_cut_where_told),
		TEST(completes_the_checksum_before_it_cuts),
		TEST(sends_headers_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
