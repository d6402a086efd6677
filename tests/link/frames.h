/* Frames for the tests of links, and a reference for their checksums that is as plain as RFC 1071's text. */
#ifndef TESTS_LINK_FRAMES_H
#define TESTS_LINK_FRAMES_H

#include "base/checksum.h"
#include "random.h"
#include "wire/ethernet.h"
#include "wire/ip4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#include <packetboat/buf.h>
#include <stdio.h>

#define IP6_LEN 40

/* A frame that a test wants. */
struct shape {
	bool ethernet, ip6;
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	size_t payload;
	uint16_t segment_size;
	uint16_t flags;  /* TCP */
	size_t part_max; /* payload comes in parts of 1 to so many bytes; 0: in the first part */
	bool checksum_wanted;
	struct tcp_options options;
	uint32_t seq;
	uint16_t id;
};

/* The seed that is being tried, told if the test ends within it: for cmocka_unit_test_teardown(). */
static struct {
	uint64_t seed;
	bool trying;
} trial;

static inline void trial_begins(uint64_t seed)
{
	trial.seed = seed;
	trial.trying = true;
}

static inline void trial_ends(void)
{
	trial.trying = false;
}

static inline int tell_seed(void **state)
{
	(void)state;
	if (trial.trying)
		fprintf(stderr, "to repeat it: PACKETBOAT_SEED=%lu\n", (unsigned long)trial.seed);
	return 0;
}

static const uint8_t frames_src[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 1 };
static const uint8_t frames_dst[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 2 };

/* The checksum of bytes, two at a time. */
static inline uint16_t naive_checksum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The sum of the pseudo-header of a packet whose transport part is len bytes. */
static inline uint32_t naive_pseudo(const uint8_t *ip, size_t len)
{
	bool ip6 = ip[0] >> 4 == 6;
	const uint8_t *addresses = ip + (ip6 ? 8 : 12);
	uint32_t sum = (uint32_t)(len >> 16) + (uint32_t)(len & 0xffff) + (ip6 ? ip[6] : ip[9]);

	for (size_t i = 0; i < (ip6 ? 32 : 8); i += 2)
		sum += (uint32_t)addresses[i] << 8 | addresses[i + 1];
	return sum;
}

static inline size_t frame_headers_len(const struct shape *s)
{
	return (s->ethernet ? ETHERNET_HEADER_LEN : 0) + (s->ip6 ? IP6_LEN : IP4_HEADER_LEN) +
	       (s->protocol == IPPROTO_TCP ? pb_tcp_header_len(&s->options) : UDP_HEADER_LEN);
}

static inline void frame_ip(const struct shape *s, struct writer *w, size_t transport_len)
{
	if (s->ip6) {
		wr_u32(w, 6u << 28);
		wr_u16(w, (uint16_t)transport_len);
		wr_u8(w, s->protocol);
		wr_u8(w, 64);
		wr_bytes(w, frames_src, 16);
		wr_bytes(w, frames_dst, 16);
		return;
	}
	const struct ip4_header h = { .len = IP4_HEADER_LEN,
				      .packet_len = (uint16_t)(20 + transport_len),
				      .id = s->id,
				      .ttl = 64,
				      .protocol = s->protocol,
				      .src = ip_from4((const uint8_t[]){ 192, 0, 2, 1 }),
				      .dst = ip_from4((const uint8_t[]){ 192, 0, 2, 2 }) };
	pb_ip4_write(&h, w);
}

static inline void frame_transport(const struct shape *s, struct writer *w, uint16_t checksum)
{
	if (s->protocol == IPPROTO_TCP) {
		const struct tcp_header h = { .src_port = 49153,
					      .dst_port = 80,
					      .seq = s->seq,
					      .ack = 7,
					      .flags = s->flags,
					      .window = 1000,
					      .checksum = checksum,
					      .options = s->options };
		pb_tcp_write(&h, w);
	} else {
		const struct udp_header h = { .src_port = 53,
					      .dst_port = 49153,
					      .len = (uint16_t)(UDP_HEADER_LEN + s->payload),
					      .checksum = checksum };
		pb_udp_write(&h, w);
	}
}

/* Put the payload behind the headers, in the parts that the shape asks for. */
static inline void frame_payload(struct pb_pool *pool, const struct shape *s, struct pb_buf *b,
				 const uint8_t *payload, struct random *r)
{
	if (!s->part_max && s->payload)
		memcpy(pb_buf_extend(b, s->payload), payload, s->payload);
	for (size_t done = 0; s->part_max && done < s->payload;) {
		size_t n = 1 + random_below(r, s->part_max);
		n = n < s->payload - done ? n : s->payload - done;
		struct pb_buf *part = pb_buf_new(pool, 0, n);
		memcpy(pb_buf_extend(part, n), payload + done, n);
		pb_buf_append(b, part);
		done += n;
	}
}

/*
 * A frame of this shape with this payload. Its checksum is wanted, or complete by the reference's reckoning.
 */
static inline struct pb_buf *frame_new(struct pb_pool *pool, const struct shape *s, const uint8_t *payload,
				       struct random *r)
{
	size_t len = frame_headers_len(s), l2 = s->ethernet ? ETHERNET_HEADER_LEN : 0;
	size_t l4 = l2 + (s->ip6 ? IP6_LEN : IP4_HEADER_LEN), transport_len = len - l4 + s->payload;
	struct pb_buf *b = pb_buf_new(pool, 0, len + (s->part_max ? 0 : s->payload));
	struct writer w = { .p = pb_buf_extend(b, len), .left = len };
	const struct ethernet_header e = {
		.dst = {2,  'P', 'B', 0, 0, 2},
		.src = { 2, 'P', 'B', 0, 0, 1},
		.type = s->ip6 ? ETHERNET_IP6 : ETHERNET_IP4
	};

	if (s->ethernet)
		pb_ethernet_write(&e, &w);
	frame_ip(s, &w, transport_len);
	uint32_t pseudo = naive_pseudo(b->data + l2, transport_len);
	frame_transport(s, &w, (uint16_t)~naive_checksum(NULL, 0, pseudo));
	frame_payload(pool, s, b, payload, r);
	b->transport = b->data + l4;
	b->checksum_offset = s->protocol == IPPROTO_TCP ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT;
	b->segment_size = s->segment_size;
	b->checksum = PB_CHECKSUM_WANTED;
	if (!s->checksum_wanted) {
		static uint8_t all[70000];
		pb_buf_copy(b, l4, all, transport_len);
		uint16_t sum = naive_checksum(all, transport_len, 0);
		b->transport[b->checksum_offset] = (uint8_t)(sum >> 8);
		b->transport[b->checksum_offset + 1] = (uint8_t)sum;
		b->checksum = PB_CHECKSUM_UNKNOWN;
	}
	return b;
}

#endif
