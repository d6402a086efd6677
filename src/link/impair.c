/*
 * A device whose received frames suffer. What the inner device has is taken at once, its fate is drawn, and
 * it waits here until it is due. Two lines of frames wait, each in order by itself: those that keep their
 * place, and those that were held back; the earlier head is the next to arrive.
 */
#include "base/rng.h"
#include "link/finish.h"
#include "link/wrapper.h"
#include "wire/ecn.h"
#include "wire/ethernet.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define QUEUE_DEFAULT         (256 * 1024)
#define REORDER_DELAY_DEFAULT PB_MSEC(1)
#define LINE_MAX              (1 << 20) /* frames that may be on their way in one line; more are dropped */

/* Frames on their way, in a ring that doubles when it is full. */
struct line {
	struct waiting {
		pb_time due;
		struct pb_buf *frame;
	} * ring;
	size_t size, first, count; /* size: a power of 2, or 0 */
	pb_time last_due;
};

struct impair {
	struct wrapper wrapper;
	struct pb_impairment in;
	struct rng rng;
	pb_time busy_until; /* the rate: when the last bit of what was admitted is through */
	struct line in_order, held_back;
};

static struct impair *impair_of(const struct pb_device *d)
{
	return container_of(d, struct impair, wrapper.device);
}

static bool line_grow(struct line *l)
{
	size_t size = l->size ? l->size * 2 : 64;
	struct waiting *ring = size <= LINE_MAX ? malloc(size * sizeof *ring) : NULL;

	if (!ring)
		return false;
	for (size_t i = 0; i < l->count; i++)
		ring[i] = l->ring[(l->first + i) & (l->size - 1)];
	free(l->ring);
	l->ring = ring;
	l->size = size;
	l->first = 0;
	return true;
}

/* Takes frame, also when it does not fit. Nobody overtakes in a line. */
static bool line_push(struct line *l, struct pb_buf *frame, pb_time due)
{
	if (l->count == l->size && !line_grow(l)) {
		pb_buf_free(frame);
		return false;
	}
	if (due < l->last_due)
		due = l->last_due;
	l->last_due = due;
	l->ring[(l->first + l->count++) & (l->size - 1)] = (struct waiting){ due, frame };
	return true;
}

static pb_time line_due(const struct line *l)
{
	return l->count ? l->ring[l->first].due : PB_NEVER;
}

static struct pb_buf *line_shift(struct line *l)
{
	struct pb_buf *frame = l->ring[l->first].frame;

	l->first = (l->first + 1) & (l->size - 1);
	l->count--;
	return frame;
}

static void line_clear(struct line *l)
{
	while (l->count)
		pb_buf_free(line_shift(l));
	free(l->ring);
}

/* Bytes that wait in front of the bottleneck. */
static uint64_t waiting(const struct impair *m, pb_time now)
{
	if (!m->in.rate || m->busy_until <= now)
		return 0;
	return (uint64_t)((unsigned __int128)(m->busy_until - now) * m->in.rate / 8 / PB_SEC(1));
}

/* When the frame's last bit is through; -1: the queue in front of the bottleneck is full. */
static pb_time pass_bottleneck(struct impair *m, pb_time now, const struct pb_buf *frame)
{
	const uint64_t rate = m->in.rate, queue = m->in.queue ? m->in.queue : QUEUE_DEFAULT;

	if (!rate)
		return now;
	pb_time start = m->busy_until > now ? m->busy_until : now;
	if (waiting(m, now) + frame->total > queue && start > now)
		return -1;
	m->busy_until = start + (pb_time)((unsigned __int128)frame->total * 8 * PB_SEC(1) / rate);
	return m->busy_until;
}

/* Takes frame; it, or a copy of its own, as others may refer to it. NULL: no memory. */
static struct pb_buf *marked(struct impair *m, struct pb_pool *pool, struct pb_buf *frame)
{
	const size_t ip = m->wrapper.device.ethernet ? ETHERNET_HEADER_LEN : 0;

	if (frame->len < ip || pb_ecn_read(frame->data + ip, frame->len - ip) == ECN_NOT_ECT)
		return frame;
	if (!pb_buf_is_own(frame)) {
		struct pb_buf *copy = pb_buf_duplicate(pool, frame);
		pb_buf_free(frame);
		frame = copy;
	}
	if (frame)
		pb_ecn_mark(frame->data + ip);
	return frame;
}

/* A copy of the frame, complete, of which one bit is turned; takes frame. NULL: no memory. */
static struct pb_buf *corrupted(struct impair *m, struct pb_pool *pool, struct pb_buf *frame)
{
	struct pb_buf *copy = pb_buf_duplicate(pool, frame);
	struct pb_buf_queue finished = { 0 };

	pb_buf_free(frame);
	if (!copy || pb_finish(pool, copy, m->wrapper.device.ethernet, 0, &finished))
		return NULL;
	copy = pb_buf_queue_shift(&finished);
	uint64_t bit = pb_rng_below(&m->rng, (uint64_t)copy->len * 8);
	copy->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	copy->checksum = PB_CHECKSUM_UNKNOWN; /* whoever verified it has not seen this */
	return copy;
}

static void put_on_the_way(struct impair *m, struct pb_buf *frame, pb_time now)
{
	pb_time due = now + m->in.delay;

	if (m->in.jitter > 0)
		due += (pb_time)pb_rng_below(&m->rng, (uint64_t)m->in.jitter + 1);
	bool held = pb_rng_chance(&m->rng, m->in.reordering);
	if (held)
		due += m->in.reorder_delay ? m->in.reorder_delay : REORDER_DELAY_DEFAULT;
	if (!line_push(held ? &m->held_back : &m->in_order, frame, due))
		m->wrapper.device.receive_drops++;
}

static bool too_large(const struct impair *m, const struct pb_buf *frame)
{
	return m->in.mtu && frame->total > m->in.mtu + (m->wrapper.device.ethernet ? ETHERNET_HEADER_LEN : 0);
}

/* What becomes of a frame is drawn in a fixed order, so that a seed replays. Takes frame. */
static void suffer(struct impair *m, struct pb_pool *pool, struct pb_buf *frame, pb_time now)
{
	bool lost = pb_rng_chance(&m->rng, m->in.loss);
	bool congested = m->in.mark_above && waiting(m, now) > m->in.mark_above;
	pb_time through = lost || too_large(m, frame) ? -1 : pass_bottleneck(m, now, frame);

	if (through < 0) {
		pb_buf_free(frame);
		m->wrapper.device.receive_drops++;
		return;
	}
	if (congested || (m->in.marking > 0 && pb_rng_chance(&m->rng, m->in.marking)))
		frame = marked(m, pool, frame);
	if (pb_rng_chance(&m->rng, m->in.corruption) && frame && frame->total)
		frame = corrupted(m, pool, frame);
	struct pb_buf *twin = frame && pb_rng_chance(&m->rng, m->in.duplication) ? pb_buf_share(frame) : NULL;
	if (frame)
		put_on_the_way(m, frame, through);
	else
		m->wrapper.device.receive_drops++;
	if (twin)
		put_on_the_way(m, twin, through);
}

static void take_in(struct impair *m, pb_time now, struct pb_pool *pool)
{
	struct pb_device *inner = m->wrapper.inner;
	struct pb_buf_queue pieces = { 0 };

	for (struct pb_buf *frame; (frame = inner->ops->receive(inner, now, pool));) {
		m->wrapper.device.receive_drops += pb_finish(pool, frame, m->wrapper.device.ethernet,
							     PB_OFFLOAD_CHECKSUM | PB_OFFLOAD_PARTS, &pieces);
		while ((frame = pb_buf_queue_shift(&pieces)))
			suffer(m, pool, frame, now);
	}
}

static struct line *earlier(struct impair *m)
{
	return line_due(&m->held_back) < line_due(&m->in_order) ? &m->held_back : &m->in_order;
}

static struct pb_buf *receive_frame(struct pb_device *d, pb_time now, struct pb_pool *pool)
{
	struct impair *m = impair_of(d);

	take_in(m, now, pool);
	struct line *l = earlier(m);
	if (line_due(l) > now)
		return NULL;
	d->received++;
	return line_shift(l);
}

static pb_time next_frame(const struct pb_device *d)
{
	pb_time inner = pb_wrapper_next(d), due = line_due(earlier(impair_of(d)));

	return inner < due ? inner : due;
}

static void close_both(struct pb_device *d)
{
	struct impair *m = impair_of(d);

	pb_device_close(m->wrapper.inner);
	line_clear(&m->in_order);
	line_clear(&m->held_back);
	free(m);
}

static const struct pb_device_ops impair_ops = {
	.kind = "impair",
	.send = pb_wrapper_send,
	.receive = receive_frame,
	.next = next_frame,
	.fd = pb_wrapper_fd,
	.flush = pb_wrapper_flush,
	.name = pb_wrapper_name,
	.close = close_both,
};

int pb_device_impair(struct pb_device *inner, const struct pb_impairment *in, const uint8_t seed[16],
		     const char *name, struct pb_device **device)
{
	struct impair *m = calloc(1, sizeof *m);

	if (!m)
		return -ENOMEM;
	m->wrapper.inner = inner;
	m->in = *in;
	m->rng = pb_rng_derive(seed, name);
	m->wrapper.device = (struct pb_device){ .ops = &impair_ops,
						.ethernet = inner->ethernet,
						.mtu = inner->mtu,
						.offload = inner->offload,
						.index = inner->index };
	memcpy(m->wrapper.device.mac, inner->mac, sizeof inner->mac);
	*device = &m->wrapper.device;
	return 0;
}

void pb_device_set_impairment(struct pb_device *d, const struct pb_impairment *in)
{
	assert(d->ops == &impair_ops);
	impair_of(d)->in = *in;
}
