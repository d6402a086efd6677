/*
 * Two ends of a cable in memory. A frame is handed from one to the other: a few assignments, and nothing
 * else.
 */
#include "link/inbox.h"

#include <errno.h>
#include <stdlib.h>

struct pair_end {
	struct inbox inbox;
	struct pair_end *peer; /* NULL: it is closed */
	struct pair *pair;
};

struct pair {
	struct pair_end end[2];
};

static struct pair_end *end_of(const struct pb_device *d)
{
	return container_of(d, struct pair_end, inbox.device);
}

static void send_frame(struct pb_device *d, pb_time now, struct pb_buf *frame)
{
	struct pair_end *peer = end_of(d)->peer;

	(void)now;
	if (!peer || !inbox_fits(d, frame)) {
		pb_buf_free(frame);
		d->send_drops++;
	} else if (inbox_put(&peer->inbox, frame)) {
		d->sent++;
	} else {
		d->send_drops++;
	}
}

static void close_end(struct pb_device *d)
{
	struct pair_end *end = end_of(d);

	pb_buf_queue_clear(&end->inbox.frames);
	if (end->peer)
		end->peer->peer = NULL;
	else
		free(end->pair);
}

static const struct pb_device_ops pair_ops = {
	.kind = "pair",
	.send = send_frame,
	.receive = pb_inbox_receive,
	.next = pb_inbox_next,
	.fd = pb_inbox_fd,
	.close = close_end,
};

int pb_device_pair(uint32_t mtu, bool ethernet, size_t frames_max, struct pb_device *end[2])
{
	struct pair *pair = calloc(1, sizeof *pair);

	if (!pair)
		return -ENOMEM;
	for (int i = 0; i < 2; i++) {
		struct pair_end *e = &pair->end[i];
		pb_inbox_init(&e->inbox, &pair_ops, ethernet, mtu, frames_max, (size_t)i + 1);
		e->peer = &pair->end[1 - i];
		e->pair = pair;
		end[i] = &e->inbox.device;
	}
	return 0;
}
