#include "net/harness6.h"

#include "wire/ethernet.h"

uint8_t harness6_mac[6];

struct harness *harness6_open(uint32_t mtu, const struct internet_limits *limits)
{
	struct harness *h = harness_open_bare(mtu, true, limits);
	struct ip link_local = ip_of("fe80::1"), ours = ip_of("2001:db8::1");

	assert_int_equal(pb_internet_add_address(h->net, h->iface, &link_local, 64, true), 0);
	assert_int_equal(pb_internet_add_address(h->net, h->iface, &ours, 64, true), 0);
	assert_int_equal(h->iface->address_count, 2);
	harness_forget_sent(h);
	return h;
}

size_t harness6_frame(uint8_t *frame, struct ip6_header ip, const void *payload, size_t len)
{
	struct ethernet_header e = { .type = ETHERNET_IP6 };
	struct writer w = { .p = frame, .left = 65600 };

	memcpy(e.dst, our_mac, 6);
	memcpy(e.src, peer_mac, 6);
	ip.payload_len = ip.payload_len ? ip.payload_len : (uint16_t)len;
	ip.hop_limit = ip.hop_limit ? ip.hop_limit : 64;
	ip.src = ip_is_any(&ip.src) ? ip_of("2001:db8::2") : ip.src;
	ip.dst = ip_is_any(&ip.dst) ? ip_of("2001:db8::1") : ip.dst;
	if (ip_equal(&ip.src, &ip.dst)) /* how a test asks for the source :: */
		ip.src = (struct ip){ 0 };
	if (ip_is_multicast(&ip.dst)) {
		memset(e.dst, 0x33, 2);
		memcpy(e.dst + 2, ip.dst.bytes + 12, 4);
	}
	assert_true(pb_ethernet_write(&e, &w));
	assert_true(pb_ip6_write(&ip, &w));
	wr_bytes(&w, payload, len);
	return (size_t)(w.p - frame);
}

enum ip_verdict harness6_input(struct harness *h, struct ip6_header ip, const void *payload, size_t len)
{
	static uint8_t frame[65600];
	size_t frame_len = harness6_frame(frame, ip, payload, len);

	return harness_input(h, frame, frame_len);
}

enum ip_verdict harness6_icmp(struct harness *h, struct ip6_header ip, uint8_t *message, size_t len)
{
	ip.next = IPPROTO_ICMPV6;
	ip.hop_limit = ip.hop_limit ? ip.hop_limit : 255;
	ip.src = ip_is_any(&ip.src) ? ip_of("2001:db8::2") : ip.src;
	ip.dst = ip_is_any(&ip.dst) ? ip_of("2001:db8::1") : ip.dst;
	struct ip any = { 0 }, *src = ip_equal(&ip.src, &ip.dst) ? &any : &ip.src;
	pb_icmp_seal(message, len, pb_ip_pseudo(src, &ip.dst, IPPROTO_ICMPV6, (uint32_t)len));
	return harness6_input(h, ip, message, len);
}

void harness6_neighbour(struct harness *h, struct nd_neighbour m, const char *src, const char *dst)
{
	uint8_t message[ND_MESSAGE_MAX];
	struct writer w = { .p = message, .left = sizeof message };
	struct ip6_header ip = { .src = ip_of(src), .dst = ip_of(dst) };

	if (ip_is_any(&ip.src))
		ip.src = ip.dst;
	assert_true(pb_nd_neighbour_write(&m, &w));
	harness6_icmp(h, ip, message, sizeof message - w.left);
}

/* The next frame that is no report of groups: those are of no interest but to who tests them. */
static size_t next_frame(struct harness *h, uint8_t frame[65600])
{
	size_t len;

	do
		len = harness_sent(h, frame);
	while (len > 14 + IP6_HEADER_LEN + 8 && frame[14 + IP6_NEXT_AT] == IP6_HOP_BY_HOP &&
	       frame[14 + IP6_HEADER_LEN + 8] == ICMP6_MLD_REPORT);
	return len;
}

void harness6_expect_nothing(struct harness *h)
{
	static uint8_t frame[65600];

	assert_int_equal(next_frame(h, frame), 0);
}

struct ip6_header harness6_expect(struct harness *h, const uint8_t **payload, size_t *len)
{
	static uint8_t frame[65600];
	struct reader r = { .p = frame, .left = next_frame(h, frame) };
	struct ethernet_header e;
	struct ip6_header ip;

	assert_true(pb_ethernet_parse(&e, &r));
	assert_int_equal(e.type, ETHERNET_IP6);
	assert_memory_equal(e.src, our_mac, 6);
	memcpy(harness6_mac, e.dst, 6);
	assert_true(pb_ip6_parse(&ip, &r, r.left));
	assert_int_equal(ip_zone(&ip.src) | ip_zone(&ip.dst), 0);
	assert_int_equal(ip.payload_len, r.left);
	if (payload)
		*payload = r.p;
	if (len)
		*len = r.left;
	return ip;
}

static struct ip6_header expect_icmp(struct harness *h, struct reader *r)
{
	struct ip6_header ip = harness6_expect(h, &r->p, &r->left);

	r->bad = false;
	assert_int_equal(ip.next, IPPROTO_ICMPV6);
	assert_true(pb_icmp_intact(r->p, r->left,
				   pb_ip_pseudo(&ip.src, &ip.dst, IPPROTO_ICMPV6, (uint32_t)r->left)));
	return ip;
}

struct icmp6_error harness6_expect_error(struct harness *h, uint8_t type, uint8_t code, const uint8_t **quote,
					 size_t *len)
{
	struct reader r;
	struct icmp6_error e;
	struct ip6_header ip = expect_icmp(h, &r);

	assert_true(ip.payload_len <= IP6_MTU_MIN - IP6_HEADER_LEN);
	assert_true(pb_icmp6_error_parse(&e, &r));
	assert_int_equal(e.type, type);
	assert_int_equal(e.code, code);
	if (quote)
		*quote = r.p;
	if (len)
		*len = r.left;
	return e;
}

struct nd_neighbour harness6_expect_neighbour(struct harness *h, bool advertisement, struct ip6_header *ip)
{
	struct reader r;
	struct nd_neighbour m;
	struct ip6_header header = expect_icmp(h, &r);

	assert_int_equal(header.hop_limit, 255);
	assert_true(pb_nd_neighbour_parse(&m, &r));
	assert_int_equal(m.advertisement, advertisement);
	if (ip)
		*ip = header;
	return m;
}

void harness6_resolve(struct harness *h)
{
	assert_int_equal(harness6_send(h, "2001:db8::2", 1, false), 0);
	harness6_expect_neighbour(h, false, NULL);
	harness6_neighbour(h,
			   (struct nd_neighbour){ .advertisement = true,
						  .solicited = true,
						  .target = ip_of("2001:db8::2"),
						  .mac = peer_mac },
			   "2001:db8::2", "2001:db8::1");
	harness_forget_sent(h);
}

int harness6_send(struct harness *h, const char *to, size_t len, bool dont_fragment)
{
	struct ip dst = ip_of(to), any = { 0 };
	struct ip_send how = { .protocol = UDP, .dont_fragment = dont_fragment };
	struct ip_path path;
	int rc = pb_ip_path(h->net, &path, &any, &dst, 0);

	return rc < 0 ? rc : pb_ip_send(h->net, &path, &how, harness_payload(h, len));
}
