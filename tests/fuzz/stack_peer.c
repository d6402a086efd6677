#include "stack_peer.h"

#include "base/checksum.h"
#include "link/finish.h"
#include "wire/arp.h"
#include "wire/icmp.h"
#include "wire/icmp_error.h"
#include "wire/ip4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>

#define FRAME_MAX   (ETHERNET_HEADER_LEN + IP4_LEN_MAX)
#define INBOX_MAX   256
#define HEADERS_LEN (ETHERNET_HEADER_LEN + IP4_HEADER_LEN)

static const uint8_t peer_mac[ETHERNET_MAC_LEN] = { 2, 0, 0, 0, 0, 2 };

/* Frames to the stack ------------------------------------------------------------------------------------- */

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void enqueue(struct peer *p, struct pb_pool *pool, const uint8_t *frame, size_t len)
{
	struct pb_buf *b = p->inbox.count < INBOX_MAX ? pb_buf_new(pool, 0, len) : NULL;

	if (!b)
		return;
	memcpy(pb_buf_extend(b, len), frame, len);
	pb_buf_queue_push(&p->inbox, b);
}

/* An address of the peers' network: now and then the stack's own, or a group's. */
static struct ip some_addr(const struct peer *p, uint8_t which)
{
	struct ip a = p->stack_addr;

	if (which >= 252)
		return ip_from4((const uint8_t[]){ 224, 0, 0, 1 });
	a.bytes[15] = which >= 248 ? 255 : which >= 244 ? a.bytes[15] : (uint8_t)(2 + which % 4);
	return a;
}

/* What surrounds a transport's bytes, which begin at frame + HEADERS_LEN. */
static void finish_packet(uint8_t *frame, const struct peer *p, const struct ip4_header *like, size_t len)
{
	struct ethernet_header e = { .type = ETHERNET_IP4 };
	struct writer w = { .p = frame, .left = HEADERS_LEN };
	struct ip4_header h = *like;

	memcpy(e.dst, p->device.mac, sizeof e.dst);
	memcpy(e.src, peer_mac, sizeof e.src);
	h.len = IP4_HEADER_LEN;
	h.packet_len = (uint16_t)(IP4_HEADER_LEN + len);
	h.options = NULL;
	pb_ethernet_write(&e, &w);
	pb_ip4_write(&h, &w);
}

/* Two fragments, the second first or alone, as the bits of how say. */
static void enqueue_fragments(struct peer *p, struct pb_pool *pool, uint8_t *frame,
			      const struct ip4_header *like, size_t len, uint8_t how)
{
	static uint8_t second[FRAME_MAX];
	size_t cut = len / 2 & ~(size_t)7;
	struct ip4_header h = *like;

	memcpy(second + HEADERS_LEN, frame + HEADERS_LEN + cut, len - cut);
	h.fragment_offset = (uint16_t)cut;
	finish_packet(second, p, &h, len - cut);
	h.fragment_offset = 0;
	h.more_fragments = true;
	finish_packet(frame, p, &h, cut);
	if (how & 1)
		enqueue(p, pool, second, HEADERS_LEN + len - cut);
	if (!(how & 2))
		enqueue(p, pool, frame, HEADERS_LEN + cut);
	if (!(how & 1))
		enqueue(p, pool, second, HEADERS_LEN + len - cut);
}

/* A transport's len bytes at frame + HEADERS_LEN, its checksum at checksum_at, in an IP packet as how says. */
static void enqueue_packet(struct peer *p, struct pb_pool *pool, uint8_t *frame, struct ip4_header *h,
			   size_t len, size_t checksum_at, uint8_t how)
{
	uint8_t *transport = frame + HEADERS_LEN;
	uint64_t pseudo = h->protocol == IPPROTO_ICMP
				  ? 0
				  : pb_checksum_add_pseudo(0, ip_bytes4(&h->src), ip_bytes4(&h->dst), 4,
							   h->protocol, (uint32_t)len);

	put16(transport + checksum_at, 0);
	put16(transport + checksum_at, pb_checksum_finish(pb_checksum_add(pseudo, transport, len)));
	if (how >= 250)
		transport[len - 1] ^= how; /* damaged on the way */
	h->ttl = how & 8 ? 1 : 64;
	h->tos = how & 3;
	if (how >= 224 && how < 240 && len >= 32) {
		h->id = how;
		enqueue_fragments(p, pool, frame, h, len, how);
		return;
	}
	finish_packet(frame, p, h, len);
	enqueue(p, pool, frame, HEADERS_LEN + len);
}

/* Nothing mostly; or a little, or a lot, to either side. */
static uint32_t offset_from(struct reader *r)
{
	uint8_t b = rd_u8(r);

	if (b < 160)
		return 0;
	if (b < 208)
		return (uint32_t)b - 184;
	if (b < 244)
		return (uint32_t)(int16_t)rd_u16(r);
	return rd_u32(r);
}

static size_t length_from(struct reader *r)
{
	static const uint16_t usual[] = { 0, 0, 1, 2, 100, 536, 1448, 1460 };
	uint8_t b = rd_u8(r);

	return b < 128 ? usual[b % 8] : rd_u16(r) % 1460;
}

static uint16_t flags_from(struct reader *r)
{
	static const uint16_t usual[] = { TCP_ACK,           TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN, TCP_SYN,
					  TCP_SYN | TCP_ACK, TCP_RST,           TCP_RST | TCP_ACK, TCP_FIN };
	uint8_t b = rd_u8(r);

	return b < 96 ? TCP_ACK : b < 192 ? usual[b % 8] : rd_u8(r);
}

static void options_from(struct reader *r, const struct flow *f, struct tcp_options *o)
{
	uint8_t which = rd_u8(r);

	if (which & 1)
		o->mss = rd_u16(r);
	if (which & 2) {
		o->has_window_scale = true;
		o->window_scale = rd_u8(r) % 20;
	}
	o->sack_permitted = which & 4;
	if (which & 8) {
		o->has_timestamp = true;
		o->ts_value = 1000 + offset_from(r);
		o->ts_echo = f->ts_value + offset_from(r);
	}
	for (o->sack_count = 0; which & 16 && o->sack_count < 2; o->sack_count++) {
		o->sack[o->sack_count].start = f->next - rd_u16(r);
		o->sack[o->sack_count].end = o->sack[o->sack_count].start + rd_u16(r);
	}
}

/* Text is the sequence number's low byte: so what is heard twice or ahead is always the same. */
static void send_segment(struct peer *p, struct pb_pool *pool, struct flow *f, const struct tcp_header *h,
			 size_t text_len, uint8_t how)
{
	static uint8_t frame[FRAME_MAX];
	struct writer w = { .p = frame + HEADERS_LEN, .left = TCP_HEADER_LEN_MAX };
	struct ip4_header ip = { .protocol = IPPROTO_TCP, .src = f->theirs, .dst = f->ours };
	size_t header_len = pb_tcp_header_len(&h->options);
	bool syn = h->flags & TCP_SYN;

	if (!pb_tcp_write(h, &w))
		return;
	for (size_t i = 0; i < text_len; i++)
		frame[HEADERS_LEN + header_len + i] = (uint8_t)(h->seq + syn + i);
	enqueue_packet(p, pool, frame, &ip, header_len + text_len, TCP_CHECKSUM_AT, how);
	f->sent = h->seq + (uint32_t)text_len + syn + !!(h->flags & TCP_FIN);
}

/* A flow that there is, or a new one to a port on which somebody may listen. */
static struct flow *flow_from(struct peer *p, struct reader *r)
{
	uint8_t which = rd_u8(r);
	struct flow *f = &p->flows[which % PEER_FLOWS];

	if (f->our_port && which < 240)
		return f;
	f = &p->flows[p->flow_next++ % PEER_FLOWS];
	*f = (struct flow){ .ours = p->stack_addr,
			    .theirs = some_addr(p, which),
			    .our_port = (uint16_t)(80 + which % 2),
			    .their_port = (uint16_t)(1024 + rd_u8(r)) };
	f->expected = f->sent = 0x7fffff00u * (which & 3);
	return f;
}

void peer_sends_segment(struct peer *p, struct pb_pool *pool, struct reader *r)
{
	struct flow *f = flow_from(p, r);
	uint8_t how = rd_u8(r);
	struct tcp_header h = { .src_port = f->their_port, .dst_port = f->our_port };

	h.flags = flags_from(r);
	h.seq = (how & 16 ? f->sent : f->expected) + offset_from(r);
	h.ack = f->next + offset_from(r);
	h.window = rd_u16(r);
	h.urgent = how & 32 ? rd_u16(r) : 0;
	options_from(r, f, &h.options);
	send_segment(p, pool, f, &h, length_from(r), how);
}

void peer_agrees(struct peer *p, struct pb_pool *pool, struct reader *r)
{
	struct flow *f = flow_from(p, r);
	uint8_t how = rd_u8(r);
	bool syn = !f->flags || ((f->flags & TCP_SYN) && !(f->flags & TCP_ACK));
	struct tcp_header h = {
		.src_port = f->their_port, .dst_port = f->our_port, .seq = f->expected, .ack = f->next
	};

	h.flags = syn ? TCP_SYN : TCP_ACK;
	h.flags |= f->flags ? TCP_ACK : 0;
	h.flags |= how & 1 && !syn ? TCP_FIN : 0;
	h.window = how & 2 ? 0 : 65535;
	h.options.has_timestamp = how & 4;
	h.options.ts_value = 1000 + (how & 32 ? 1u : 0u);
	h.options.ts_echo = f->ts_value;
	h.options.mss = syn ? 1460 : 0;
	h.options.has_window_scale = h.options.sack_permitted = syn && how & 8;
	h.options.window_scale = 7;
	send_segment(p, pool, f, &h, how & 16 && !syn ? length_from(r) : 0, 0);
}

void peer_sends_datagram(struct peer *p, struct pb_pool *pool, struct reader *r)
{
	static uint8_t frame[FRAME_MAX];
	uint8_t how = rd_u8(r), ports = rd_u8(r), who = rd_u8(r);
	size_t len = UDP_HEADER_LEN + length_from(r);
	struct ip4_header ip = { .protocol = IPPROTO_UDP, .src = some_addr(p, who), .dst = p->stack_addr };
	struct udp_header h = { .src_port = (uint16_t)(80 + ports % 4),
				.dst_port = (uint16_t)(80 + ports / 4 % 4) };
	struct writer w = { .p = frame + HEADERS_LEN, .left = UDP_HEADER_LEN };

	if (who & 64) /* to a group instead */
		ip.dst = some_addr(p, 248 + who % 8);
	h.len = (uint16_t)(len - (how == 99));
	pb_udp_write(&h, &w);
	memset(frame + HEADERS_LEN + UDP_HEADER_LEN, 'u', len - UDP_HEADER_LEN);
	enqueue_packet(p, pool, frame, &ip, len, UDP_CHECKSUM_AT, how);
}

/* An error that quotes what the stack sent last; or an echo. */
void peer_sends_icmp(struct peer *p, struct pb_pool *pool, struct reader *r)
{
	static const uint8_t usual[] = { 3, 3, 3, 4, 5, 11, 12, 8 };
	static uint8_t frame[FRAME_MAX];
	uint8_t how = rd_u8(r), *message = frame + HEADERS_LEN;
	size_t len = ICMP_ERROR_LEN + p->quote_len;
	struct ip4_header ip = { .protocol = IPPROTO_ICMP, .src = some_addr(p, how), .dst = p->stack_addr };

	message[0] = how < 192 ? usual[how % 8] : rd_u8(r);
	message[1] = rd_u8(r) % 16;
	memset(message + 2, 0, ICMP_ERROR_LEN - 2);
	put16(message + 6, message[1] == ICMP4_TOO_BIG ? rd_u16(r) : how);
	memcpy(message + ICMP_ERROR_LEN, p->quote, p->quote_len);
	if (how & 128 && p->quote_len)
		message[ICMP_ERROR_LEN + rd_u8(r) % p->quote_len] ^= rd_u8(r);
	enqueue_packet(p, pool, frame, &ip, len, PB_ICMP_CHECKSUM_AT, rd_u8(r));
}

static void send_arp(struct peer *p, struct pb_pool *pool, const struct arp_packet *a)
{
	uint8_t frame[ETHERNET_HEADER_LEN + ARP_LEN];
	struct ethernet_header e = { .type = ETHERNET_ARP };
	struct writer w = { .p = frame, .left = sizeof frame };

	memcpy(e.dst, p->device.mac, sizeof e.dst);
	memcpy(e.src, a->sender_mac, sizeof e.src);
	pb_ethernet_write(&e, &w);
	pb_arp_write(a, &w);
	enqueue(p, pool, frame, sizeof frame);
}

void peer_sends_arp(struct peer *p, struct pb_pool *pool, struct reader *r)
{
	uint8_t how = rd_u8(r);
	struct arp_packet a = { .operation = how & 1 ? ARP_REPLY : ARP_REQUEST,
				.sender = some_addr(p, rd_u8(r)),
				.target = p->stack_addr };

	memcpy(a.sender_mac, peer_mac, sizeof a.sender_mac);
	memcpy(a.target_mac, p->device.mac, sizeof a.target_mac);
	if (how & 2)
		a.sender_mac[5] = how;
	send_arp(p, pool, &a);
}

/* Bytes as they are; bit 0: to the stack, with an IP header whose checksum is right. */
void peer_sends_raw(struct peer *p, struct pb_pool *pool, struct reader *r)
{
	uint8_t frame[512], how = rd_u8(r);
	size_t len = (size_t)rd_u8(r) * 2;

	len = len < r->left ? len : r->left;
	rd_copy(r, frame, len);
	if (how & 1 && len >= HEADERS_LEN) {
		size_t header = (size_t)(frame[ETHERNET_HEADER_LEN] & 15) * 4;
		uint8_t *ip = frame + ETHERNET_HEADER_LEN;
		memcpy(frame, p->device.mac, ETHERNET_MAC_LEN);
		put16(frame + 12, ETHERNET_IP4);
		header = header > len - ETHERNET_HEADER_LEN ? len - ETHERNET_HEADER_LEN : header;
		put16(ip + IP4_CHECKSUM_AT, 0);
		put16(ip + IP4_CHECKSUM_AT, pb_checksum(ip, header));
	}
	enqueue(p, pool, frame, len);
}

/* Frames of the stack's ----------------------------------------------------------------------------------- */

static struct flow *find_flow(struct peer *p, const struct ip4_header *ip, const struct tcp_header *h)
{
	for (int i = 0; i < PEER_FLOWS; i++) {
		struct flow *f = &p->flows[i];
		if (f->our_port == h->src_port && f->their_port == h->dst_port &&
		    ip_equal(&f->ours, &ip->src) && ip_equal(&f->theirs, &ip->dst))
			return f;
	}
	if (h->flags & TCP_RST)
		return NULL;
	struct flow *f = &p->flows[p->flow_next++ % PEER_FLOWS];
	*f = (struct flow){
		.ours = ip->src, .theirs = ip->dst, .our_port = h->src_port, .their_port = h->dst_port
	};
	f->next = h->seq;
	return f;
}

/* Sockets send bytes that count up by one: so each sequence number has its byte, however often it is sent. */
static void check_text(struct flow *f, uint32_t seq, const uint8_t *text, size_t len)
{
	if (!f->has_text)
		f->text_base = (uint8_t)(text[0] - seq);
	f->has_text = true;
	for (size_t i = 0; i < len; i++)
		assert(text[i] == (uint8_t)(f->text_base + seq + i));
}

static void learn(struct peer *p, const struct ip4_header *ip, const struct tcp_header *h,
		  const struct reader *text)
{
	struct flow *f = find_flow(p, ip, h);
	uint32_t end = h->seq + (uint32_t)text->left + !!(h->flags & TCP_SYN) + !!(h->flags & TCP_FIN);

	if (!f)
		return;
	if (h->flags & TCP_SYN) { /* perhaps of another connection */
		f->next = end;
		f->has_text = false;
	}
	if (text->left)
		check_text(f, h->seq + !!(h->flags & TCP_SYN), text->p, text->left);
	if ((int32_t)(end - f->next) > 0)
		f->next = end;
	if (h->flags & TCP_ACK) {
		f->expected = h->ack;
		if ((int32_t)(f->expected - f->sent) > 0)
			f->sent = f->expected;
	}
	f->ts_value = h->options.ts_value;
	f->flags = h->flags;
}

static void check_transport(struct peer *p, const struct ip4_header *ip, struct reader r)
{
	uint64_t pseudo = pb_checksum_add_pseudo(0, ip_bytes4(&ip->src), ip_bytes4(&ip->dst), 4, ip->protocol,
						 (uint32_t)r.left);
	const uint8_t *transport = r.p;
	size_t len = r.left;
	struct tcp_header tcp;
	struct udp_header udp;

	if (ip->protocol == IPPROTO_TCP) {
		assert(pb_tcp_parse(&tcp, &r));
		assert(pb_checksum_finish(pb_checksum_add(pseudo, transport, len)) == 0);
		assert(!(tcp.flags & TCP_SYN) || !(tcp.flags & (TCP_FIN | TCP_RST)));
		p->tcp_frames++;
		learn(p, ip, &tcp, &r);
	} else if (ip->protocol == IPPROTO_UDP) {
		assert(pb_udp_parse(&udp, &r, len));
		assert(udp.len == len && udp.checksum != 0);
		assert(pb_checksum_finish(pb_checksum_add(pseudo, transport, len)) == 0);
	} else if (ip->protocol == IPPROTO_ICMP) {
		assert(pb_icmp_intact(transport, len, 0));
	}
}

static void check_ip(struct peer *p, const uint8_t *packet, size_t len)
{
	struct reader r = { .p = packet, .left = len };
	struct ip4_header ip;

	assert(len <= p->device.mtu);
	assert(pb_ip4_parse(&ip, &r, len));
	assert(ip.packet_len == len && ip.ttl > 0 && !ip.evil);
	assert(!ip_is_loopback(&ip.dst) && !ip_is_loopback(&ip.src));
	p->quote_len = len < PEER_QUOTE ? len : PEER_QUOTE;
	memcpy(p->quote, packet, p->quote_len);
	if (!ip4_is_fragment(&ip))
		check_transport(p, &ip, r);
}

static void check_arp(struct peer *p, struct pb_pool *pool, struct reader *r)
{
	struct arp_packet a;

	assert(pb_arp_parse(&a, r) && r->left == 0);
	assert(memcmp(a.sender_mac, p->device.mac, ETHERNET_MAC_LEN) == 0);
	if (p->deaf || a.operation != ARP_REQUEST || ip_equal(&a.sender, &a.target))
		return;
	struct arp_packet reply = { .operation = ARP_REPLY, .sender = a.target, .target = a.sender };
	memcpy(reply.sender_mac, peer_mac, sizeof reply.sender_mac);
	memcpy(reply.target_mac, a.sender_mac, sizeof reply.target_mac);
	send_arp(p, pool, &reply);
}

/* A frame as a wire carries it. */
static void check_frame(struct peer *p, struct pb_buf *frame)
{
	static uint8_t bytes[FRAME_MAX];
	struct reader r = { .p = bytes, .left = frame->total };
	struct ethernet_header e;

	assert(frame->total <= p->device.mtu + ETHERNET_HEADER_LEN);
	pb_buf_copy(frame, 0, bytes, frame->total);
	assert(pb_ethernet_parse(&e, &r));
	assert(memcmp(e.src, p->device.mac, ETHERNET_MAC_LEN) == 0);
	if (e.type == ETHERNET_IP4) {
		check_ip(p, r.p, r.left);
	} else {
		assert(e.type == ETHERNET_ARP);
		check_arp(p, p->pool, &r);
	}
	pb_buf_free(frame);
}

/* The device ---------------------------------------------------------------------------------------------- */

static struct peer *peer_of(const struct pb_device *d)
{
	return (struct peer *)d;
}

static void peer_send(struct pb_device *d, pb_time now, struct pb_buf *frame)
{
	struct peer *p = peer_of(d);
	struct pb_buf_queue out = { 0 };

	(void)now;
	assert(!pb_finish_needed(frame, d->offload));
	assert(frame->total <= FRAME_MAX);
	assert(!frame->segment_size || frame->checksum == PB_CHECKSUM_WANTED);
	size_t lost = pb_finish(p->pool, frame, true, 0, &out);
	assert(lost == 0);
	for (struct pb_buf *b; (b = pb_buf_queue_shift(&out));)
		check_frame(p, b);
}

static struct pb_buf *peer_receive(struct pb_device *d, pb_time now, struct pb_pool *pool)
{
	(void)now;
	(void)pool;
	return pb_buf_queue_shift(&peer_of(d)->inbox);
}

static pb_time peer_next(const struct pb_device *d)
{
	return peer_of(d)->inbox.first ? 0 : PB_NEVER;
}

void peer_retire(struct peer *p)
{
	p->deaf = true;
	pb_buf_queue_clear(&p->inbox);
}

static void peer_close(struct pb_device *d)
{
	struct peer *p = peer_of(d);

	pb_buf_queue_clear(&p->inbox);
	pb_pool_free(p->pool);
	free(p);
}

static const struct pb_device_ops peer_ops = {
	.kind = "peer", .send = peer_send, .receive = peer_receive, .next = peer_next, .close = peer_close
};

struct peer *peer_new(const struct ip *addr, unsigned offload)
{
	struct peer *p = calloc(1, sizeof *p);

	assert(p);
	p->device = (struct pb_device){ .ops = &peer_ops, .ethernet = true, .mtu = 1500, .offload = offload };
	memcpy(p->device.mac, (const uint8_t[]){ 2, 0, 0, 0, 0, 1 }, PB_MAC_LEN);
	p->pool = pb_pool_new((size_t)64 << 20);
	assert(p->pool);
	p->stack_addr = *addr;
	return p;
}
