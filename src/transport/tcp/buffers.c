/*
 * How large a connection's buffers are. They begin small and grow with what the path is measured to need, unless the
 * user has fixed them (SO_SNDBUF, SO_RCVBUF): the send buffer holds two congestion windows, one in flight and one to
 * follow; the receive buffer, what the user has read in a round trip, twice (dynamic right-sizing, M. Fisk and
 * W. Feng, 2001), and more while that still rises, so that a sender in slow start is not held back.
 *
 * A single connection may use half of the stack's memory, but not more than the fastest path of its round-trip time
 * could fill: on a short one, more would only wait, and leave the processor's cache. Where three quarters of the memory
 * are in use, nothing grows any more, and all fall back to what each may always have, until there is room again:
 * windows that were told are kept, new ones are small, and writers wait.
 */
#include "transport/tcp/buffers.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/isn.h"
#include "transport/tcp/sendq.h"
#include "transport/tcp/settings.h"

#include <poll.h>

/* What a buffer may grow to on the shortest of paths, and what is added to that for each nanosecond of a round trip. */
#define BUFFER_ANYWHERE (1024 * 1024)
#define FASTEST         25 /* bytes: 100 Gbit/s, twice */

#define STAMP_UNIT PB_MSEC(1) /* of our timestamps */

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How large a buffer may grow, at most limit, for the path of c. */
static uint32_t most_for_path(const struct tcp_conn *c, size_t limit)
{
	uint64_t fillable = BUFFER_ANYWHERE + (uint64_t)c->rtt.min * FASTEST;

	return (uint32_t)(c->rtt.min ? smaller(limit, fillable) : limit);
}

static bool admits(const struct pb_pool *pool, size_t n, size_t kept)
{
	size_t most = pb_pool_bytes_max(pool) - kept, used = pb_pool_bytes(pool);

	return used <= most && n <= most - used;
}

bool pb_tcp_memory_admits(const struct pb_pool *pool, size_t n)
{
	return admits(pool, n, pb_pool_bytes_max(pool) / 8);
}

bool pb_tcp_memory_admits_first(const struct pb_pool *pool, size_t n)
{
	return n <= TCP_PART_SMALL && admits(pool, n, pb_pool_bytes_max(pool) / 16);
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

	if (read <= before || c->tcp->memory_short)
		return;
	uint64_t window =
		smaller(window_for(c, read, before), most_for_path(c, c->tcp->limits.receive_buffer_max));
	if (window > c->set.receive_buffer)
		c->set.receive_buffer = (uint32_t)window;
	c->receive_round.most = read;
}

void pb_tcp_receive_round_begin(struct tcp_conn *c)
{
	c->receive_round.read = (uint32_t)(c->bytes_received - c->recvq.packets.bytes);
	c->receive_round.began = tcp_now(c);
	c->receive_round.stamp = pb_tcp_timestamp(c->tcp, c->ts_offset);
}

/*
 * Of what was read since the round began, the part that a round trip is of that time: our clock has to tick before a
 * timestamp is another, which on a short path takes longer than the round trip itself.
 */
static uint32_t read_in_round_trip(const struct tcp_conn *c)
{
	uint32_t read = (uint32_t)(c->bytes_received - c->recvq.packets.bytes) - c->receive_round.read;
	pb_time took = tcp_now(c) - c->receive_round.began, rtt = took - STAMP_UNIT;

	if (!c->has_timestamps || took < 1)
		return read;
	rtt = rtt > c->rtt.srtt ? rtt : c->rtt.srtt;
	return rtt < took ? (uint32_t)((unsigned __int128)read * (uint64_t)rtt / (uint64_t)took) : read;
}

void pb_tcp_receive_round_end(struct tcp_conn *c)
{
	uint32_t read = read_in_round_trip(c);

	pb_tcp_receive_round_begin(c);
	grow_receive_buffer(c, read);
}

/*
 * -- Sending
 */

void pb_tcp_send_buffer_fit(struct tcp_conn *c)
{
	uint64_t window =
		smaller(2 * (uint64_t)c->congestion.cwnd, most_for_path(c, c->tcp->limits.send_buffer_max));
	bool was_writable = tcp_writable(c);

	if (c->set.send_fixed)
		return;
	if (c->tcp->memory_short)
		c->set.send_buffer = (uint32_t)smaller(c->set.send_buffer, TCP_BUFFER_SHORT);
	else if (window > c->set.send_buffer)
		c->set.send_buffer = (uint32_t)window;
	if (!was_writable && tcp_writable(c))
		tcp_tell_room(c);
}

/*
 * -- Without memory
 */

#define STARVING_ASK PB_MSEC(20)

static bool may_write(const struct tcp_conn *c)
{
	const struct pb_pool *pool = c->tcp->env->pool;

	return pb_tcp_memory_admits(pool, TCP_PART_SMALL) ||
	       (!c->sendq.bytes && pb_tcp_memory_admits_first(pool, TCP_PART_SMALL));
}

static void starve_no_more(struct tcp_conn *c)
{
	list_remove(&c->starving);
	if (tcp_writable(c))
		tcp_tell(c, POLLOUT);
}

/* Memory comes back in many ways; somebody who waits for some looks now and then. */
static void starving_due(struct pb_timer *timer)
{
	struct tcp *t = container_of(timer, struct tcp, starving_timer);

	list_each_safe (l, &t->starving) {
		struct tcp_conn *c = container_of(l, struct tcp_conn, starving);
		if (may_write(c))
			starve_no_more(c);
	}
	if (!list_empty(&t->starving))
		pb_timers_set(&t->env->timers, timer, env_now(t->env) + STARVING_ASK);
}

void pb_tcp_starving_init(struct tcp *t)
{
	list_init(&t->starving);
	t->starving_timer.fn = starving_due;
}

void pb_tcp_starve(struct tcp_conn *c)
{
	struct tcp *t = c->tcp;

	if (!list_empty(&c->starving))
		return;
	if (list_empty(&t->starving))
		pb_timers_set(&t->env->timers, &t->starving_timer, tcp_now(c) + STARVING_ASK);
	list_push(&t->starving, &c->starving);
}

void pb_tcp_starving_look(struct tcp_conn *c)
{
	if (!list_empty(&c->starving) && may_write(c))
		starve_no_more(c);
}
