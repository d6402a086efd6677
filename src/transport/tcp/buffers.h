/* How large buffers are, who may have memory, and what of it is worth telling users (buffers.c). */
#ifndef PB_TRANSPORT_TCP_BUFFERS_H
#define PB_TRANSPORT_TCP_BUFFERS_H

#include "transport/tcp/conn.h"
#include "transport/tcp/urgent.h"

#include <poll.h>

/* What the receive buffer may grow to: the window scale has to reach so far (RFC 7323 §2.3). */
uint32_t pb_tcp_receive_buffer_most(const struct tcp *t, const struct tcp_settings *set);
void pb_tcp_receive_round_begin(struct tcp_conn *c);
void pb_tcp_receive_round_end(struct tcp_conn *c);
void pb_tcp_send_buffer_fit(struct tcp_conn *c);

/*
 * Whether text may have n bytes of the pool: an eighth is kept for headers and for who has none yet, so that what
 * windows promised and what users write cannot stop it all.
 */
bool pb_tcp_memory_admits(const struct pb_pool *pool, size_t n);

/*
 * The same of a connection that has none yet, for TCP_PART_SMALL at most: half of that eighth is for the first bytes of
 * each. So those who hold much do not keep others from asking, and from being answered (as Linux's tcp_wmem[0]).
 */
bool pb_tcp_memory_admits_first(const struct pb_pool *pool, size_t n);

/* There was no memory for what the user wanted to send: he hears when there is again. */
void pb_tcp_starve(struct tcp_conn *c);
/* Some has come back, perhaps enough. */
void pb_tcp_starving_look(struct tcp_conn *c);
void pb_tcp_starving_init(struct tcp *t);

/* Text that has never been sent. */
static inline uint32_t tcp_notsent(const struct tcp_conn *c)
{
	uint32_t sent = c->snd_max.v - c->snd_una.v;

	return sent < c->sendq.bytes ? c->sendq.bytes - sent : 0;
}

/* From so much on, no more is taken. */
static inline uint32_t tcp_notsent_max(const struct tcp_conn *c)
{
	uint32_t most = c->set.notsent_lowat ? c->set.notsent_lowat : c->tcp->limits.notsent_lowat;

	return most ? most : UINT32_MAX;
}

/*
 * There is room to send, and worth telling: as Linux, when half as much is free as is used, and less than half of
 * what may wait to be sent waits. A conn that was not writable and becomes so tells POLLOUT.
 */
static inline bool tcp_writable(const struct tcp_conn *c)
{
	if ((uint64_t)c->sendq.bytes * 3 > (uint64_t)c->set.send_buffer * 2)
		return false;
	return (uint64_t)tcp_notsent(c) * 2 < tcp_notsent_max(c);
}

/* The user may go on writing. */
static inline void tcp_tell_room(struct tcp_conn *c)
{
	tcp_tell(c, POLLOUT);
	if (c->tally.wants_room)
		pb_tcp_busy_end(c, BUSY_BUFFER);
	c->tally.wants_room = false;
}

/* What there is to read is worth telling. */
static inline bool tcp_readable(const struct tcp_conn *c)
{
	size_t bytes = c->urgent ? pb_tcp_urgent_readable(c) : c->recvq.packets.bytes;

	return bytes && bytes >= c->set.receive_lowat;
}

/* The receive buffer as it is now. */
static inline uint32_t tcp_receive_buffer(const struct tcp_conn *c)
{
	bool is_short = c->tcp->memory_short && c->set.receive_buffer > TCP_BUFFER_SHORT;

	return is_short ? TCP_BUFFER_SHORT : c->set.receive_buffer;
}

/*
 * Text in order has come. A round trip is over when the peer echoes what we sent since it began; without timestamps,
 * the handshake has told how long one takes.
 */
static inline void tcp_text_arrived(struct tcp_conn *c, const struct tcp_segment *s)
{
	bool over = c->has_timestamps ? (int32_t)(s->h.options.ts_echo - c->receive_round.stamp) > 0
				      : tcp_now(c) - c->receive_round.began >= c->rtt.srtt;

	if (over && !c->set.receive_fixed)
		pb_tcp_receive_round_end(c);
}

/* The congestion window may have grown. */
static inline void tcp_send_buffer_fit(struct tcp_conn *c)
{
	if (c->congestion.cwnd > c->set.send_buffer / 2 || c->tcp->memory_short)
		pb_tcp_send_buffer_fit(c);
}

#endif
