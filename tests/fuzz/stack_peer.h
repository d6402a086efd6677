/*
 * The other side of a stack under a fuzzer: a device that reads and checks every frame the stack sends, learns
 * from them where each TCP connection stands, and makes frames that go on from there, as rightly or wrongly as the
 * input says.
 *
 * What is checked of what leaves: headers that parse, lengths that agree, checksums, an MTU that is kept to, notes
 * that tell the truth, and of TCP that the same sequence number never carries two different bytes.
 */
#ifndef PB_TESTS_FUZZ_STACK_PEER_H
#define PB_TESTS_FUZZ_STACK_PEER_H

#include "base/ip.h"
#include "wire/reader.h"

#include <packetboat/device.h>

#define PEER_FLOWS 8
#define PEER_QUOTE 64

/* A TCP connection of the stack's, as its segments tell of it. */
struct flow {
	struct ip ours, theirs; /* ours: the stack's */
	uint16_t our_port, their_port;
	uint32_t next;     /* one past the highest sequence number that the stack sent */
	uint32_t expected; /* what it acknowledged last */
	uint32_t sent;     /* one past what was sent to it last, where that was in order */
	uint32_t ts_value; /* its timestamp */
	uint16_t flags;    /* of its last segment */
	bool has_text;
	uint8_t text_base; /* the byte that sequence number 0 would carry: bytes count up by one */
};

struct peer {
	struct pb_device device; /* first */
	struct pb_pool *pool;    /* of its own, for finishing */
	struct pb_buf_queue inbox;
	struct ip stack_addr;
	bool deaf; /* answers no ARP */
	struct flow flows[PEER_FLOWS];
	unsigned flow_next;        /* the one to be forgotten first */
	uint64_t tcp_frames;       /* seen */
	uint8_t quote[PEER_QUOTE]; /* the last TCP, UDP or ICMP packet that was sent, its beginning */
	size_t quote_len;
};

/* offload: enum pb_offload. addr: the stack's; its peers are the others of that /24. Closed by the stack. */
struct peer *peer_new(const struct ip *addr, unsigned offload);
void peer_retire(struct peer *p); /* no more frames: what waits is dropped */

/*
 * Each makes a frame of the bytes that come next in r, from pool, and puts it into the inbox; where the pool is
 * empty, none.
 */
void peer_sends_segment(struct peer *p, struct pb_pool *pool, struct reader *r);
void peer_agrees(struct peer *p, struct pb_pool *pool, struct reader *r); /* what a good peer would say now */
void peer_sends_datagram(struct peer *p, struct pb_pool *pool, struct reader *r);
void peer_sends_icmp(struct peer *p, struct pb_pool *pool, struct reader *r);
void peer_sends_arp(struct peer *p, struct pb_pool *pool, struct reader *r);
void peer_sends_raw(struct peer *p, struct pb_pool *pool, struct reader *r);

#endif
