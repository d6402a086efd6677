/*
 * The internet layer under frames of every kind: whole ones that are mutated, in parts or not, and time that
 * passes. What is delivered must be what its header says, nothing is kept beyond its bounds, and nothing is
 * lost or freed twice.
 */
#include "base/checksum.h"
#include "net/internet.h"
#include "net/rarp.h"
#include "wire/ethernet.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define KEPT_MAX (1 << 20) /* bytes of the pool: what the limits below allow, with room to spare */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A device that sends into the void, after a look. */
static void void_send(struct pb_device *d, pb_time now, struct pb_buf *frame)
{
	struct ip4_header h;
	struct ip6_header h6;
	uint8_t bytes[ETHERNET_HEADER_LEN + IP4_HEADER_LEN_MAX] = { 0 };
	size_t n = frame->total < sizeof bytes ? frame->total : sizeof bytes;

	(void)now;
	assert(!frame->more && frame->total <= d->mtu + ETHERNET_HEADER_LEN);
	pb_buf_copy(frame, 0, bytes, n);
	if (bytes[12] == 8 && bytes[13] == 0) {
		struct reader r = { .p = bytes + ETHERNET_HEADER_LEN, .left = n - ETHERNET_HEADER_LEN };
		assert(pb_ip4_parse(&h, &r, frame->total - ETHERNET_HEADER_LEN));
	}
	if (bytes[12] == 0x86 && bytes[13] == 0xdd) {
		struct reader r = { .p = bytes + ETHERNET_HEADER_LEN, .left = n - ETHERNET_HEADER_LEN };
		assert(pb_ip6_parse(&h6, &r, frame->total - ETHERNET_HEADER_LEN));
		assert(!ip_zone(&h6.src) && !ip_zone(&h6.dst));
	}
	pb_buf_free(frame);
}

static struct pb_buf *void_receive(struct pb_device *d, pb_time now, struct pb_pool *pool)
{
	(void)d;
	(void)now;
	(void)pool;
	return NULL;
}

static pb_time void_next(const struct pb_device *d)
{
	(void)d;
	return PB_NEVER;
}

static void void_close(struct pb_device *d)
{
	free(d);
}

static const struct pb_device_ops void_ops = {
	.kind = "void", .send = void_send, .receive = void_receive, .next = void_next, .close = void_close
};

struct world {
	struct env env;
	struct internet *net;
	struct iface *wire;
	struct ip ours, peer, ours6, peer6;
};

/* By whom the rest of the world is reached, so that there is somebody to be redirected from: 192.0.2.2, fe80::2. */
static void add_routers(struct world *w)
{
	struct ip all4 = ip_from4((const uint8_t[4]){ 0 }), all6 = { 0 };
	struct ip router6 = {
		.bytes = {0xfe, 0x80, [15] = 2}
	};

	router6 = ip_in_zone(&router6, w->wire->index);
	int rc = pb_internet_add_route(w->net, &all4, 0, &w->peer, w->wire);
	assert(rc == 0);
	rc = pb_internet_add_route(w->net, &all6, 0, &router6, w->wire);
	assert(rc == 0);
}

static void open_world(struct world *w)
{
	const struct internet_limits limits = { .neighbours_max = 4,
						.reassembly_bytes = 65536,
						.reassembly_datagrams = 8 };
	struct pb_device *d = calloc(1, sizeof *d);
	int rc;

	assert(d);
	*d = (struct pb_device){
		.ops = &void_ops, .ethernet = true, .mac = {2, 0, 0, 0, 0, 1},
                        .mtu = 1500
	};
	pb_timers_init(&w->env.timers, 0);
	w->env.rng = pb_rng_derive((const uint8_t[16]){ 1 }, "fuzz");
	w->env.pool = pb_pool_new(64 << 20);
	list_init(&w->env.ready);
	w->ours = ip_from4((const uint8_t[]){ 192, 0, 2, 1 });
	w->peer = ip_from4((const uint8_t[]){ 192, 0, 2, 2 });
	rc = pb_internet_new(&w->env, &limits, &w->net);
	assert(rc == 0);
	rc = pb_internet_attach(w->net, d, "wire", &w->wire);
	assert(rc == 0);
	rc = pb_internet_add_address(w->net, w->wire, &w->ours, 24, true);
	assert(rc == 0);
	w->ours6 = (struct ip){
		.bytes = {0x20, 1, 0x0d, 0xb8, [15] = 1}
	};
	w->peer6 = (struct ip){
		.bytes = {0x20, 1, 0x0d, 0xb8, [15] = 2}
	};
	rc = pb_internet_add_address(w->net, w->wire, &w->ours6, 64, false);
	assert(rc == 0);
	add_routers(w);
	struct ip group = ip_from4((const uint8_t[]){ 239, 1, 2, 3 });
	rc = pb_internet_join(w->wire, &group);
	assert(rc == 0);
	rc = pb_internet_autoconf(w->wire, true);
	assert(rc == 0);
	rc = pb_rarp_ask(w->net, w->wire, 24);
	assert(rc == 0);
}

/* What a transport would find. */
static void check(const struct ip_packet *p, const struct ip_error *e, enum ip_verdict v)
{
	struct reader r = { .p = p->header, .left = p->header_len };
	struct ip4_header h;
	struct ip6_header h6;

	assert(p->buf->total <= 65535 && p->buf->len <= p->buf->total);
	assert(p->buf->len >= (p->buf->total < IP_GATHER ? p->buf->total : IP_GATHER));
	assert(p->header + p->header_len == p->buf->data);
	if (ip_is4(&p->dst)) {
		assert(pb_ip4_parse(&h, &r, 65535));
		assert(ip_equal(&h.src, &p->src) && ip_equal(&h.dst, &p->dst) && h.protocol == p->protocol);
	} else {
		assert(pb_ip6_parse(&h6, &r, 65575));
		struct ip src = ip_in_zone(&p->src, 0), dst = ip_in_zone(&p->dst, 0);
		assert(ip_equal(&h6.src, &src) && ip_equal(&h6.dst, &dst));
		assert(p->header_len - IP6_HEADER_LEN + p->buf->total == h6.payload_len);
	}
	if (v != IP_COMPLAINT)
		return;
	assert(e->quote_len >= 8 && e->quote >= p->buf->data);
	assert(e->quote + e->quote_len <= p->buf->data + p->buf->len);
	assert((e->error != 0) != ip_error_is_redirect(e));
	assert(!e->mtu || (e->mtu >= 68 && e->mtu <= 65535));
}

static void take(struct world *w, struct iface *i, struct pb_buf *frame)
{
	struct ip_packet p;
	struct ip_error e;
	enum ip_verdict v = pb_internet_input(w->net, i, frame, &p, &e);

	if (v == IP_DONE)
		return;
	check(&p, &e, v);
	if (v == IP_COMPLAINT && ip_error_is_redirect(&e))
		pb_ip_redirected(w->net, &e);
	if (v == IP_COMPLAINT && e.mtu)
		pb_ip_learn_mtu(w->net, &e.dst, e.mtu);
	if (v == IP_DELIVER && p.protocol != IPPROTO_ICMP && p.protocol != IPPROTO_ICMPV6)
		pb_icmp_port_unreachable(w->net, &p);
	if (v == IP_DELIVER && p.protocol > 100)
		pb_icmp_protocol_unreachable(w->net, &p);
	pb_buf_free(p.buf);
}

/* The checksum of ICMPv6, behind extension headers or not. */
static void mend6(uint8_t *ip, size_t len)
{
	struct ip6_chain c;
	struct ip6_header h;
	struct reader r = { .p = ip, .left = len };

	ip[IP6_PAYLOAD_LEN_AT] = (uint8_t)((len - IP6_HEADER_LEN) >> 8);
	ip[IP6_PAYLOAD_LEN_AT + 1] = (uint8_t)(len - IP6_HEADER_LEN);
	if (pb_ip6_parse(&h, &r, len) && pb_ip6_walk(&c, ip, len) == IP6_IS_WELL &&
	    c.protocol == IPPROTO_ICMPV6 && len >= c.len + 4u)
		pb_icmp_seal(ip + c.len, len - c.len,
			     pb_ip_pseudo(&h.src, &h.dst, IPPROTO_ICMPV6, (uint32_t)(len - c.len)));
}

/* Set right what a mutation can't: to whom the frame goes, and the header's checksum. */
static void mend(uint8_t *frame, size_t len)
{
	if (len >= ETHERNET_HEADER_LEN + IP6_HEADER_LEN && frame[12] == 0x86 && frame[13] == 0xdd)
		mend6(frame + ETHERNET_HEADER_LEN, len - ETHERNET_HEADER_LEN);
	if (len < ETHERNET_HEADER_LEN + IP4_HEADER_LEN || frame[12] != 8 || frame[13] != 0)
		return;
	uint8_t *ip = frame + ETHERNET_HEADER_LEN;
	size_t ip_len = (size_t)(ip[0] & 15) * 4;
	if (ip_len < IP4_HEADER_LEN || ip_len > len - ETHERNET_HEADER_LEN)
		return;
	ip[IP4_CHECKSUM_AT] = ip[IP4_CHECKSUM_AT + 1] = 0;
	uint16_t sum = pb_checksum(ip, ip_len);
	ip[IP4_CHECKSUM_AT] = (uint8_t)(sum >> 8);
	ip[IP4_CHECKSUM_AT + 1] = (uint8_t)sum;
}

static struct pb_buf *make_frame(struct world *w, const uint8_t *data, size_t len, size_t part)
{
	struct pb_buf *frame = NULL;

	for (size_t at = 0, n; at < len || !frame; at += n) {
		n = part && part < len - at ? part : len - at;
		struct pb_buf *b = pb_buf_new(w->env.pool, 0, n);
		assert(b);
		memcpy(pb_buf_extend(b, n), data + at, n);
		if (frame)
			pb_buf_append(frame, b);
		else
			frame = b;
	}
	return frame;
}

static void send_some(struct world *w, unsigned which)
{
	bool v6 = which & 2;
	struct ip any = v6 ? (struct ip){ 0 } : ip_from4((const uint8_t[4]){ 0 }),
		  dst = v6 ? w->peer6 : w->peer;
	struct ip_send how = { .protocol = 17, .dont_fragment = which & 1 };
	struct ip_path path;

	dst.bytes[15] = (uint8_t)(which >> 2);
	if (pb_ip_path(w->net, &path, &any, &dst, 0) < 0)
		return;
	struct pb_buf *b = pb_buf_new(w->env.pool, IP_HEADROOM, which * 7);
	assert(b);
	memset(pb_buf_extend(b, which * 7), 'x', which * 7);
	int rc = pb_ip_send(w->net, &path, &how, b);
	assert(rc == 0 || rc == -EMSGSIZE || rc == -EHOSTUNREACH);
}

static void receive_loopback(struct world *w)
{
	struct iface *lo = pb_internet_iface(w->net, 1);

	for (struct pb_buf *b; (b = lo->device->ops->receive(lo->device, env_now(&w->env), w->env.pool));)
		take(w, lo, b);
}

/* Steps: what to do (1 byte), then for a frame its length (2) and bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { 0 };
	struct reader r = { .p = data, .left = size };
	uint8_t frame[2048];

	open_world(&w);
	while (r.left) {
		uint8_t step = rd_u8(&r);
		if (step < 32) { /* time passes: nothing to minutes */
			pb_timers_run(&w.env.timers, env_now(&w.env) + (PB_MSEC(1) << step / 2));
		} else if (step < 96) {
			send_some(&w, rd_u8(&r));
		} else {
			size_t len = rd_u16(&r) % sizeof frame;
			len = len < r.left ? len : r.left;
			memcpy(frame, rd_bytes(&r, len), len);
			if (step & 1)
				mend(frame, len);
			take(&w, w.wire, make_frame(&w, frame, len, step < 128 ? 1 + step % 31 : 0));
		}
		receive_loopback(&w);
		assert(pb_pool_bytes(w.env.pool) <= KEPT_MAX);
	}
	pb_internet_free(w.net);
	assert(w.env.timers.count == 0 && pb_pool_bytes(w.env.pool) == 0);
	pb_pool_free(w.env.pool);
	return 0;
}
