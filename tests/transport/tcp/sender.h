/*
 * One accepted connection that sends, and its peer, which is the test: places in the stream are counted from its
 * first byte. The peer's MSS is 1460, its window as it says.
 */
#ifndef TESTS_TRANSPORT_TCP_SENDER_H
#define TESTS_TRANSPORT_TCP_SENDER_H

#include "harness.h"

#define SENDER_MSS 1460
#define SENDER_RTT PB_MSEC(40)

struct sender {
	struct harness h;
	struct tcp_listener *l;
	struct tcp_conn *c;
	uint32_t start;   /* sequence number of the stream's first byte */
	uint32_t written; /* bytes of the stream that were sent to pb_tcp_send() */
	uint32_t window;  /* what the peer's ACKs tell; 65535 */
	uint32_t echo;    /* the timestamp that they echo, if timestamps were agreed on */
	uint16_t flags;   /* that they have, besides */
	uint8_t tos;      /* of the segment last expected */
};

void sender_begin(struct sender *s);
void sender_begin_with_timestamps(struct sender *s);
void sender_begin_with_sack(struct sender *s); /* and a round trip of 40 ms, as if measured; not paced */
void sender_begin_with_ecn(struct sender *s);  /* and with all that */
void sender_end(struct sender *s);             /* the connection may have gone, with s->c NULL */

/* The user sends the next n bytes of the stream, which has room for them. */
void sender_write(struct sender *s, uint32_t n);

/* The peer acknowledges the stream up to a place. */
void sender_ack(struct sender *s, uint32_t upto);

/* And says what it has behind that, in blocks: so many starts and ends, the one of them to be told first in front. */
void sender_sack(struct sender *s, uint32_t upto, unsigned blocks, const uint32_t *edges);
#define SACK(s, upto, ...)                                                                                   \
	sender_sack(s, upto, sizeof((uint32_t[]){ __VA_ARGS__ }) / 8, (const uint32_t[]){ __VA_ARGS__ })

/* The next segment sent begins at a place and has so many bytes, the right ones. Its flags. */
uint16_t sender_expect(struct sender *s, uint32_t place, uint32_t len);
void sender_expect_silence(struct sender *s);

uint8_t sender_byte(uint32_t place); /* of the stream */

#endif
