/*
 * How large a connection's buffers are. They begin small and grow with what the path is measured to need, unless the
 * user has fixed them (SO_SNDBUF, SO_RCVBUF): the send buffer holds two congestion windows, one in flight and one to
 * follow; the receive buffer, what the user has read in a round trip, twice (dynamic right-sizing, M. Fisk and
 * W. Feng, 2001), and more while that still rises, so that a sender in slow start is not held back.
 *
 * A single connection may use half of the stack's memory. Where three quarters are in use, nothing grows any more, and
 * all fall back to what each may always have, until there is room again: windows that were told are kept, new ones are
 * small, and writers wait.
 */
#include "transport/tcp/tcp.h"

#include <poll.h>

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

bool pb_tcp_memory_is_short(const struct tcp *t)
{
	size_t most = pb_pool_bytes_max(t->env->pool);

	return pb_pool_bytes(t->env->pool) > most - most / 4;
}

/*
 * -- Receiving
 */

uint32_t pb_tcp_receive_buffer_most(const struct tcp *t, const struct tcp_settings *set)
{
	if (set->receive_fixed || set->receive_buffer > t->limits.receive_buffer_max)
		return set->receive_buffer;
	return (uint32_t)t->limits.receive_buffer_max;
}

uint32_t pb_tcp_receive_buffer(const struct tcp_conn *c)
{
	if (c->set.receive_buffer > TCP_BUFFER_SHORT && pb_tcp_memory_is_short(c->tcp))
		return TCP_BUFFER_SHORT;
	return c->set.receive_buffer;
}

/* The peer echoes what we sent since the round began; without timestamps, the handshake has told how long one takes. */
static bool round_is_over(const struct tcp_conn *c, const struct tcp_segment *s)
{
	if (c->has_timestamps)
		return (int32_t)(s->h.options.ts_echo - c->receive_round.stamp) > 0;
	return tcp_now(c) - c->receive_round.began >= c->rtt.srtt;
}

/* What the window should be after a round in which so much was read, more than in any before. */
static uint64_t window_for(const struct tcp_conn *c, uint32_t read, uint32_t before)
{
	uint64_t window =
		2 * (uint64_t)read + 16 * c->mss; /* as Linux: one to be read, one to come, and some */
	uint64_t rise = smaller(read - before, before);

	return window + 2 * window * rise / before;
}

static void grow_receive_buffer(struct tcp_conn *c, uint32_t read)
{
	uint32_t before =
		c->receive_round.most ? c->receive_round.most : 10 * c->mss; /* the peer's initial window */

	if (read <= before || pb_tcp_memory_is_short(c->tcp))
		return;
	uint64_t window = smaller(window_for(c, read, before), c->tcp->limits.receive_buffer_max);
	if (window > c->set.receive_buffer)
		c->set.receive_buffer = (uint32_t)window;
	c->receive_round.most = read;
}

void pb_tcp_receive_round_begin(struct tcp_conn *c)
{
	c->receive_round.read = c->bytes_received - c->recvq.packets.bytes;
	c->receive_round.began = tcp_now(c);
	c->receive_round.stamp = pb_tcp_timestamp(c->tcp, c->ts_offset);
}

void pb_tcp_text_arrived(struct tcp_conn *c, const struct tcp_segment *s)
{
	if (c->set.receive_fixed || !round_is_over(c, s))
		return;
	uint64_t before = c->receive_round.read;
	pb_tcp_receive_round_begin(c);
	grow_receive_buffer(c, (uint32_t)smaller(c->receive_round.read - before, UINT32_MAX));
}

/*
 * -- Sending
 */

void pb_tcp_send_buffer_fit(struct tcp_conn *c)
{
	uint64_t window = smaller(2 * (uint64_t)c->congestion.cwnd, c->tcp->limits.send_buffer_max);
	bool was_writable = tcp_writable(c);

	if (c->set.send_fixed)
		return;
	if (pb_tcp_memory_is_short(c->tcp))
		c->set.send_buffer = (uint32_t)smaller(c->set.send_buffer, TCP_BUFFER_SHORT);
	else if (window > c->set.send_buffer)
		c->set.send_buffer = (uint32_t)window;
	if (!was_writable && tcp_writable(c))
		tcp_tell(c, POLLOUT);
}
