#include "net/harness.h"

#include "base/checksum.h"

#include <stdlib.h>

#define POOL_BYTES (64 * 1024 * 1024)

const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 1 }, peer_mac[6] = { 2, 0, 0, 0, 0, 2 },
	      gateway_mac[6] = { 2, 0, 0, 0, 0, 0xfe };

/* A device that keeps what it is given. */
struct recorder {
	struct pb_device device; /* first */
	struct pb_buf_queue sent;
};

static void recorder_send(struct pb_device *d, pb_time now, struct pb_buf *frame)
{
	(void)now;
	assert_true(frame->total <= d->mtu + ETHERNET_HEADER_LEN);
	assert_null(frame->more);
	assert_int_not_equal(frame->checksum, PB_CHECKSUM_WANTED);
	pb_buf_queue_push(&((struct recorder *)d)->sent, frame);
}

static struct pb_buf *recorder_receive(struct pb_device *d, pb_time now, struct pb_pool *pool)
{
	(void)d;
	(void)now;
	(void)pool;
	return NULL;
}

static pb_time recorder_next(const struct pb_device *d)
{
	(void)d;
	return PB_NEVER;
}

static void recorder_close(struct pb_device *d)
{
	pb_buf_queue_clear(&((struct recorder *)d)->sent);
	free(d);
}

static const struct pb_device_ops recorder_ops = {
	.kind = "recorder",
	.send = recorder_send,
	.receive = recorder_receive,
	.next = recorder_next,
	.close = recorder_close,
};

struct ip ip_of(const char *text)
{
	struct ip a;

	assert_true(pb_ip_parse(&a, text));
	return a;
}

struct harness *harness_open_bare(uint32_t mtu, bool ethernet, const struct internet_limits *limits)
{
	struct harness *h = calloc(1, sizeof *h);
	struct recorder *r = calloc(1, sizeof *r);

	assert_non_null(h);
	assert_non_null(r);
	r->device = (struct pb_device){ .ops = &recorder_ops, .ethernet = ethernet, .mtu = mtu };
	memcpy(r->device.mac, our_mac, sizeof our_mac);
	pb_timers_init(&h->env.timers, PB_SEC(1000));
	h->env.rng = pb_rng_derive((const uint8_t[16]){ 7 }, "test");
	h->env.pool = pb_pool_new(POOL_BYTES);
	list_init(&h->env.ready);
	assert_int_equal(pb_internet_new(&h->env, limits, &h->net), 0);
	assert_int_equal(pb_internet_attach(h->net, &r->device, "wire0", &h->iface), 0);
	return h;
}

struct harness *harness_open(uint32_t mtu, bool ethernet, const struct internet_limits *limits)
{
	struct harness *h = harness_open_bare(mtu, ethernet, limits);
	struct ip ours = ip_of("192.0.2.1");

	assert_int_equal(pb_internet_add_address(h->net, h->iface, &ours, 24, true), 0);
	return h;
}

void harness_close(struct harness *h)
{
	harness_give_back(h);
	pb_internet_free(h->net);
	assert_int_equal(h->env.timers.count, 0);
	assert_int_equal(pb_pool_bytes(h->env.pool), 0);
	pb_pool_free(h->env.pool);
	free(h);
}

void harness_run(struct harness *h, pb_time until)
{
	for (pb_time next; (next = pb_timers_next(&h->env.timers)) <= until;)
		pb_timers_run(&h->env.timers, next);
	pb_timers_run(&h->env.timers, until);
}

size_t harness_sent(struct harness *h, uint8_t frame[65600])
{
	struct pb_buf *b = pb_buf_queue_shift(&((struct recorder *)h->iface->device)->sent);

	if (!b)
		return 0;
	size_t len = b->total;
	pb_buf_copy(b, 0, frame, len);
	pb_buf_free(b);
	return len;
}

void harness_forget_sent(struct harness *h)
{
	pb_buf_queue_clear(&((struct recorder *)h->iface->device)->sent);
}

void harness_expect_nothing(struct harness *h)
{
	assert_int_equal(((struct recorder *)h->iface->device)->sent.count, 0);
}

void harness_give_back(struct harness *h)
{
	pb_buf_free(h->packet.buf);
	h->packet.buf = NULL;
}

enum ip_verdict harness_input_parts(struct harness *h, const void *frame, size_t len, size_t part)
{
	struct pb_buf *whole = NULL;

	for (size_t at = 0, n; at < len || !whole; at += n) {
		n = part && part < len - at ? part : len - at;
		struct pb_buf *b = pb_buf_new(h->env.pool, 0, n);
		assert_non_null(b);
		memcpy(pb_buf_extend(b, n), (const uint8_t *)frame + at, n);
		if (whole)
			pb_buf_append(whole, b);
		else
			whole = b;
	}
	harness_give_back(h);
	enum ip_verdict v = pb_internet_input(h->net, h->iface, whole, &h->packet, &h->error);
	if (v == IP_DONE)
		h->packet.buf = NULL; /* it is not ours */
	return v;
}

enum ip_verdict harness_input(struct harness *h, const void *frame, size_t len)
{
	return harness_input_parts(h, frame, len, 0);
}

/* ARP ---------------------------------------------------------------------------------------------------- */

void harness_arp(struct harness *h, uint16_t operation, const uint8_t from[6], const char *sender,
		 const char *target)
{
	uint8_t frame[ETHERNET_HEADER_LEN + ARP_LEN];
	struct writer w = { .p = frame, .left = sizeof frame };
	struct ethernet_header e = { .type = operation >= RARP_REQUEST ? ETHERNET_RARP : ETHERNET_ARP };
	struct arp_packet a = { .operation = operation, .sender = ip_of(sender), .target = ip_of(target) };

	memcpy(e.dst, operation == ARP_REQUEST ? pb_ethernet_broadcast : our_mac, 6);
	memcpy(e.src, from, 6);
	memcpy(a.sender_mac, from, 6);
	memcpy(a.target_mac, operation == RARP_REQUEST ? from : our_mac, 6);
	assert_true(pb_ethernet_write(&e, &w));
	assert_true(pb_arp_write(&a, &w));
	assert_int_equal(harness_input(h, frame, sizeof frame), IP_DONE);
}

struct arp_packet harness_expect_arp(struct harness *h, uint16_t operation)
{
	static uint8_t frame[65600];
	struct reader r = { .p = frame, .left = harness_sent(h, frame) };
	struct ethernet_header e;
	struct arp_packet a;

	assert_true(pb_ethernet_parse(&e, &r));
	assert_int_equal(e.type, operation >= RARP_REQUEST ? ETHERNET_RARP : ETHERNET_ARP);
	assert_memory_equal(e.src, our_mac, 6);
	assert_true(pb_arp_parse(&a, &r));
	assert_int_equal(a.operation, operation);
	if (operation == ARP_REPLY || operation == RARP_REPLY)
		assert_memory_equal(e.dst, a.target_mac, 6);
	return a;
}

void harness_resolve(struct harness *h)
{
	assert_int_equal(harness_send(h, "192.0.2.2", 1, false), 0);
	harness_expect_arp(h, ARP_REQUEST);
	harness_arp(h, ARP_REPLY, peer_mac, "192.0.2.2", "192.0.2.1");
	harness_forget_sent(h);
}

/*
 * IPv4 -----------------------------------------------------------------------------------------------------
 */

size_t harness_ip4_frame(uint8_t *frame, struct ip4_header ip, const void *payload, size_t len)
{
	struct ethernet_header e = { .type = ETHERNET_IP4 };
	struct writer w = { .p = frame, .left = 65600 };

	memcpy(e.dst, our_mac, 6);
	memcpy(e.src, peer_mac, 6);
	ip.len = ip.len ? ip.len : IP4_HEADER_LEN;
	ip.packet_len = ip.packet_len ? ip.packet_len : (uint16_t)(ip.len + len);
	ip.ttl = ip.ttl ? ip.ttl : 64;
	ip.protocol = ip.protocol ? ip.protocol : UDP;
	ip.src = ip_is4(&ip.src) ? ip.src : ip_of("192.0.2.2");
	ip.dst = ip_is4(&ip.dst) ? ip.dst : ip_of("192.0.2.1");
	if (ip_is_multicast(&ip.dst) || ip_is_limited_broadcast(&ip.dst) || ip.dst.bytes[15] == 255)
		memset(e.dst, 0xff, 6);
	assert_true(pb_ethernet_write(&e, &w));
	assert_true(pb_ip4_write(&ip, &w));
	wr_bytes(&w, payload, len);
	return (size_t)(w.p - frame);
}

enum ip_verdict harness_ip4(struct harness *h, struct ip4_header ip, const void *payload, size_t len)
{
	static uint8_t frame[65600];
	size_t frame_len = harness_ip4_frame(frame, ip, payload, len);
	size_t skip = h->iface->device->ethernet ? 0 : ETHERNET_HEADER_LEN;

	return harness_input(h, frame + skip, frame_len - skip);
}

struct ip4_header harness_expect_ip4(struct harness *h, const uint8_t **payload, size_t *len)
{
	static uint8_t frame[65600];
	struct reader r = { .p = frame, .left = harness_sent(h, frame) };
	struct ethernet_header e;
	struct ip4_header ip;

	assert_true(r.left > 0);
	if (h->iface->device->ethernet) {
		assert_true(pb_ethernet_parse(&e, &r));
		assert_int_equal(e.type, ETHERNET_IP4);
		assert_memory_equal(e.src, our_mac, 6);
	}
	assert_true(pb_ip4_parse(&ip, &r, r.left));
	if (payload)
		*payload = r.p;
	if (len)
		*len = r.left;
	return ip;
}

struct icmp_error harness_expect_error(struct harness *h, uint8_t type, uint8_t code)
{
	const uint8_t *message;
	size_t len;
	struct ip4_header ip = harness_expect_ip4(h, &message, &len);
	struct icmp_error e;
	struct reader r = { .p = message, .left = len };

	assert_int_equal(ip.protocol, IPPROTO_ICMP);
	assert_true(ip.packet_len <= IP4_REASSEMBLY_MIN);
	assert_true(pb_icmp_intact(message, len, 0));
	assert_true(pb_icmp_error_parse(&e, &r));
	assert_int_equal(e.type, type);
	assert_int_equal(e.code, code);
	return e;
}

struct pb_buf *harness_payload(struct harness *h, size_t len)
{
	struct pb_buf *b = pb_buf_new(h->env.pool, IP_HEADROOM, len);

	assert_non_null(b);
	uint8_t *p = pb_buf_extend(b, len);
	for (size_t n = 0; n < len; n++)
		p[n] = (uint8_t)(n * 31 + (n >> 8));
	return b;
}

int harness_send(struct harness *h, const char *to, size_t len, bool dont_fragment)
{
	struct ip dst = ip_of(to), any = ip_of("0.0.0.0");
	struct ip_send how = { .protocol = UDP, .dont_fragment = dont_fragment };
	struct ip_path path;
	int rc = pb_ip_path(h->net, &path, &any, &dst, 0);

	return rc < 0 ? rc : pb_ip_send(h->net, &path, &how, harness_payload(h, len));
}
