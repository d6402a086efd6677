#include "sender.h"

#define TEXT_MAX 65536

uint8_t sender_byte(uint32_t place)
{
	return (uint8_t)(place ^ place >> 8 ^ place >> 16);
}

static void begin(struct sender *s, const struct tcp_options *options, uint16_t call_flags)
{
	const struct tcp_limits limits = { .ecn_accepted = call_flags ? ECN_CLASSIC : ECN_NONE };

	*s = (struct sender){ .window = 65535 };
	harness_begin(&s->h, 1, &limits);
	s->h.call_flags = call_flags;
	s->l = harness_listen(&s->h, 16);
	harness_call(&s->h, HARNESS_PEER, options, &s->start);
	s->c = pb_tcp_accept(s->l, s);
	assert_non_null(s->c);
}

void sender_begin(struct sender *s)
{
	begin(s, &(struct tcp_options){ .mss = SENDER_MSS }, 0);
}

void sender_begin_with_timestamps(struct sender *s)
{
	begin(s, &(struct tcp_options){ .mss = SENDER_MSS, .has_timestamp = true, .ts_value = 1 }, 0);
}

static void begin_with_sack(struct sender *s, uint16_t call_flags)
{
	begin(s, &(struct tcp_options){ .mss = SENDER_MSS, .sack_permitted = true }, call_flags);
	s->h.tcp->limits.unpaced = true;
	s->c->rtt.srtt = s->c->rtt.min = SENDER_RTT;
}

void sender_begin_with_sack(struct sender *s)
{
	begin_with_sack(s, 0);
}

void sender_begin_with_ecn(struct sender *s)
{
	begin_with_sack(s, TCP_ECE | TCP_CWR);
}

void sender_end(struct sender *s)
{
	if (s->c)
		pb_tcp_close(s->c, true);
	pb_tcp_listener_close(s->l);
	harness_end(&s->h);
}

void sender_write(struct sender *s, uint32_t n)
{
	static uint8_t text[TEXT_MAX];

	while (n) {
		uint32_t part = n < TEXT_MAX ? n : TEXT_MAX;
		for (uint32_t i = 0; i < part; i++)
			text[i] = sender_byte(s->written + i);
		assert_int_equal(
			pb_tcp_send(s->c, &(struct iovec){ .iov_base = text, .iov_len = part }, 1, 0), part);
		s->written += part;
		n -= part;
	}
}

void sender_sack(struct sender *s, uint32_t upto, unsigned blocks, const uint32_t *edges)
{
	struct segment ack = {
		.h = {.seq = 1001, .ack = s->start + upto, .window = (uint16_t)s->window}
	};

	ack.h.flags = TCP_ACK | s->flags;

	if (s->c && s->c->has_timestamps)
		ack.h.options =
			(struct tcp_options){ .has_timestamp = true, .ts_value = 1, .ts_echo = s->echo };
	ack.h.options.sack_count = (uint8_t)blocks;
	for (unsigned i = 0; i < blocks; i++) {
		ack.h.options.sack[i].start = s->start + edges[2 * i];
		ack.h.options.sack[i].end = s->start + edges[2 * i + 1];
	}
	harness_inject(&s->h, &ack);
}

void sender_ack(struct sender *s, uint32_t upto)
{
	sender_sack(s, upto, 0, NULL);
}

uint16_t sender_expect(struct sender *s, uint32_t place, uint32_t len)
{
	static uint8_t text[TEXT_MAX];
	struct segment sent;

	assert_true(harness_sent(&s->h, &sent, text));
	assert_int_equal(sent.h.seq - s->start, place);
	assert_int_equal(sent.text_len, len);
	s->tos = sent.tos;
	for (uint32_t i = 0; i < len; i++)
		if (text[i] != sender_byte(place + i))
			fail_msg("byte %u of the stream is wrong", place + i);
	return sent.h.flags;
}

void sender_expect_silence(struct sender *s)
{
	struct segment sent;

	if (harness_sent(&s->h, &sent, NULL))
		fail_msg("sent %u bytes at %u, flags %x", sent.text_len, sent.h.seq - s->start, sent.h.flags);
}
