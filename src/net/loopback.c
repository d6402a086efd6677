#include "net/loopback.h"

#include <stdlib.h>

/*
 * Beyond that the next packet is dropped. Two stacks' windows fit in: a full queue here is a sender without
 * end.
 */
#define PACKETS_MAX 8192

static void loopback_send(struct pb_device *d, pb_time now, struct pb_buf *b)
{
	struct loopback *l = (struct loopback *)d;

	(void)now;
	if (l->queue.count >= PACKETS_MAX) {
		d->send_drops++;
		pb_buf_free(b);
		return;
	}
	d->sent++;
	pb_buf_queue_push(&l->queue, b);
}

static struct pb_buf *loopback_receive(struct pb_device *d, pb_time now, struct pb_pool *pool)
{
	struct pb_buf *b = pb_buf_queue_shift(&((struct loopback *)d)->queue);

	(void)now;
	(void)pool;
	d->received += b != NULL;
	return b;
}

static pb_time loopback_next(const struct pb_device *d)
{
	return ((const struct loopback *)d)->queue.first ? 0 : PB_NEVER;
}

static int loopback_fd(const struct pb_device *d)
{
	(void)d;
	return -1;
}

static void loopback_close(struct pb_device *d)
{
	pb_buf_queue_clear(&((struct loopback *)d)->queue);
	free(d);
}

static const struct pb_device_ops loopback_ops = {
	.kind = "loopback",
	.send = loopback_send,
	.receive = loopback_receive,
	.next = loopback_next,
	.fd = loopback_fd,
	.close = loopback_close,
};

struct pb_device *pb_loopback_new(void)
{
	struct loopback *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->device.ops = &loopback_ops;
	l->device.mtu = LOOPBACK_MTU;
	l->device.offload = PB_OFFLOAD_CHECKSUM | PB_OFFLOAD_SEGMENT | PB_OFFLOAD_PARTS;
	return &l->device;
}
