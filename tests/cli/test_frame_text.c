/* What frames say: numbers counted from each side's first, every kind by its name, and no byte read beyond the end. */
#include "cli/frame_text.h"
#include "random.h"
#include "wire/arp.h"
#include "wire/icmp.h"
#include "wire/icmp_error.h"
#include "wire/ip4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t here[4] = { 177, 41, 72, 6 }, there[4] = { 41, 199, 222, 3 };
static struct frame_flows flows;

/* An IP packet with this payload. Its length. */
static size_t packet(uint8_t *to, size_t room, uint8_t protocol, bool back, const uint8_t *payload,
		     size_t len)
{
	struct ip4_header h = { .len = IP4_HEADER_LEN,
				.packet_len = (uint16_t)(IP4_HEADER_LEN + len),
				.ttl = 64,
				.protocol = protocol,
				.src = ip_from4(back ? there : here),
				.dst = ip_from4(back ? here : there) };
	struct writer w = { .p = to, .left = room };

	assert_true(pb_ip4_write(&h, &w));
	wr_bytes(&w, payload, len);
	assert_false(w.bad);
	return room - w.left;
}

static void says(int protocol, bool back, const uint8_t *payload, size_t len, const char *expected)
{
	uint8_t bytes[256];
	struct frame_text t;

	size_t n = packet(bytes, sizeof bytes, (uint8_t)protocol, back, payload, len);
	memset(bytes + n, 0xaa, sizeof bytes - n); /* padding, of which nothing may be said */
	frame_read(&t, &flows, false, bytes, n + 7);
	assert_string_equal(t.text, expected);
	assert_int_equal(t.protocol, protocol);
}

static void segment(bool back, uint16_t flags, uint32_t seq, uint32_t ack, size_t text, const char *expected)
{
	uint8_t bytes[128] = { 0 };
	struct writer w = { .p = bytes, .left = sizeof bytes };
	const struct tcp_header h = { .src_port = back ? 80 : 3022,
				      .dst_port = back ? 3022 : 80,
				      .seq = seq,
				      .ack = ack,
				      .flags = flags,
				      .window = 1000 };

	assert_true(pb_tcp_write(&h, &w));
	says(IPPROTO_TCP, back, bytes, sizeof bytes - w.left + text, expected);
}

static void a_connection(void **state)
{
	const uint32_t iss = 0xfffffff0, irs = 7; /* one that wraps */

	(void)state;
	memset(&flows, 0, sizeof flows);
	segment(false, TCP_SYN, iss, 0, 0, "SYN seq 0");
	segment(true, TCP_SYN | TCP_ACK, irs, iss + 1, 0, "SYN,ACK seq 0 ack 1");
	segment(false, TCP_ACK, iss + 1, irs + 1, 0, "ACK seq 1 ack 1");
	segment(false, TCP_PSH | TCP_ACK, iss + 1, irs + 1, 90, "PSH,ACK seq 1+90 ack 1");
	segment(true, TCP_FIN | TCP_ACK, irs + 1, iss + 91, 0, "FIN,ACK seq 1 ack 91");
	segment(true, TCP_RST, irs + 2, 0, 0, "RST seq 2");
	/* A new one of the same pair begins anew. */
	segment(false, TCP_SYN, 5000, 0, 0, "SYN seq 0");
	segment(true, TCP_RST | TCP_ACK, 0, 5001, 0, "RST,ACK seq 0 ack 1");
}

static void seen_from_the_middle(void **state)
{
	(void)state;
	memset(&flows, 0, sizeof flows);
	segment(false, TCP_ACK, 1000, 9000, 10, "ACK seq 1+10 ack 1");
	segment(true, TCP_ACK, 9000, 1010, 0, "ACK seq 1 ack 11");
}

/* More connections than are remembered: the latest are told right. */
static void many_connections(void **state)
{
	uint8_t bytes[TCP_HEADER_LEN], frame[64];
	struct frame_text t;

	(void)state;
	memset(&flows, 0, sizeof flows);
	for (unsigned port = 1000; port < 1000 + 3 * FRAME_FLOWS_MAX; port++) {
		for (unsigned i = 0; i < 2; i++) {
			struct tcp_header h = {
				.src_port = (uint16_t)port, .dst_port = 80, .seq = port + i, .window = 1
			};
			h.flags = i ? TCP_FIN : TCP_SYN;
			assert_true(pb_tcp_write(&h, &(struct writer){ .p = bytes, .left = sizeof bytes }));
			size_t n = packet(frame, sizeof frame, IPPROTO_TCP, false, bytes, sizeof bytes);
			frame_read(&t, &flows, false, frame, n);
			assert_string_equal(t.text, i ? "FIN seq 1" : "SYN seq 0");
			assert_int_equal(t.src_port, port);
		}
	}
	assert_int_equal(flows.count, FRAME_FLOWS_MAX);
}

static void other_protocols(void **state)
{
	static const uint8_t udp[] = { 0xc0, 0, 0, 7, 0, 13, 0, 0, 'h', 'e', 'l', 'l', 'o' };
	static const uint8_t request[] = { PB_ICMP4_ECHO_REQUEST, 0, 0, 0, 0, 9, 0, 3 };
	static const uint8_t reply[] = { PB_ICMP4_ECHO_REPLY, 0, 0, 0, 0, 9, 0, 3 };
	static const uint8_t port[] = { ICMP4_UNREACHABLE, ICMP4_PORT, 0, 0, 0, 0, 0, 0 };
	static const uint8_t big[] = { ICMP4_UNREACHABLE, ICMP4_TOO_BIG, 0, 0, 0, 0, 0x05, 0x14 };
	static const uint8_t late[] = { ICMP4_TIME_EXCEEDED, 0, 0, 0, 0, 0, 0, 0 };

	(void)state;
	says(IPPROTO_UDP, false, udp, sizeof udp, "UDP, 5 bytes");
	says(IPPROTO_ICMP, false, request, sizeof request, "ICMP echo request, seq 3");
	says(IPPROTO_ICMP, true, reply, sizeof reply, "ICMP echo reply, seq 3");
	says(IPPROTO_ICMP, true, port, sizeof port, "ICMP port unreachable");
	says(IPPROTO_ICMP, true, big, sizeof big, "ICMP fragmentation needed, next MTU 1300");
	says(IPPROTO_ICMP, true, late, sizeof late, "ICMP time exceeded");
	says(IPPROTO_SCTP, true, late, sizeof late, "IP protocol 132, 8 bytes");
	says(IPPROTO_TCP, true, late, sizeof late, "TCP, malformed");
	says(IPPROTO_UDP, true, late, 7, "UDP, malformed");
}

static void ethernet(void **state)
{
	const struct ethernet_header e = {
		.dst = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
                  .type = ETHERNET_ARP
	};
	struct arp_packet a = {
		.operation = ARP_REQUEST,
		.sender_mac = {2, 0x50, 0x42, 0, 0, 2},
		.sender = ip_from4(here),
		.target = ip_from4(there)
	};
	uint8_t bytes[ETHERNET_HEADER_LEN + ARP_LEN];
	struct frame_text t;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct writer w = { .p = bytes, .left = sizeof bytes };
		a.operation = i ? ARP_REPLY : ARP_REQUEST;
		assert_true(pb_ethernet_write(&e, &w) && pb_arp_write(&a, &w));
		frame_read(&t, &flows, true, bytes, sizeof bytes);
		assert_string_equal(t.text, i ? "ARP 177.41.72.6 is at 02:50:42:00:00:02"
					      : "ARP who has 41.199.222.3?");
		assert_int_equal(t.protocol, 0);
	}
	frame_read(&t, &flows, true, bytes, sizeof bytes - 1);
	assert_string_equal(t.text, "ARP, malformed");
	bytes[12] = 0x86;
	bytes[13] = 0xdd;
	frame_read(&t, &flows, true, bytes, sizeof bytes);
	assert_string_equal(t.text, "Ethernet type 86dd");
}

/* In memory of just their size, so that a sanitizer sees a byte read too far. Half of them have a sound IP header. */
static void any_bytes(void **state)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	const struct seeds seeds = seeds_to_try(20000);

	(void)state;
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct random r = { seed };
		uint8_t payload[80], bytes[128];
		size_t len = random_below(&r, sizeof payload);
		for (size_t i = 0; i < len; i++)
			payload[i] = (uint8_t)random_next(&r);
		bool sound = random_below(&r, 2), tunnel = sound || random_below(&r, 2);
		if (sound)
			len = packet(bytes, sizeof bytes, protocols[seed % 3], false, payload, len);
		uint8_t *exact = malloc(len + !len);
		struct frame_text t;
		assert_non_null(exact);
		memcpy(exact, sound ? bytes : payload, len);
		frame_read(&t, &flows, !tunnel, exact, len);
		if (!t.text[0] || strlen(t.text) >= FRAME_TEXT_MAX)
			fail_msg("seed %llu: '%s'", (unsigned long long)seed, t.text);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection),     cmocka_unit_test(seen_from_the_middle),
		cmocka_unit_test(many_connections), cmocka_unit_test(other_protocols),
		cmocka_unit_test(ethernet),         cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
