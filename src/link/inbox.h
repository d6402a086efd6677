/* An end of a link in memory: a device with a bounded queue of frames that have come. */
#ifndef PB_LINK_INBOX_H
#define PB_LINK_INBOX_H

#include "base/list.h"
#include "wire/ethernet.h"

#include <packetboat/device.h>

struct inbox {
	struct pb_device device;
	struct pb_buf_queue frames;
	size_t frames_max;
};

static inline struct inbox *inbox_of(const struct pb_device *d)
{
	return container_of(d, struct inbox, device);
}

/* End n of a link, from 1 on: with an address of those that anyone may give out (IEEE 802 §8.4, "local"). */
void pb_inbox_init(struct inbox *i, const struct pb_device_ops *ops, bool ethernet, uint32_t mtu,
		   size_t frames_max, size_t n);

/* For struct pb_device_ops. */
struct pb_buf *pb_inbox_receive(struct pb_device *d, pb_time now, struct pb_pool *pool);
pb_time pb_inbox_next(const struct pb_device *d);
int pb_inbox_fd(const struct pb_device *d);

/* Whether a device may carry a frame: that of a larger IP packet is none, unless it stands for several. */
static inline bool inbox_fits(const struct pb_device *d, const struct pb_buf *frame)
{
	return frame->segment_size || frame->total <= d->mtu + (d->ethernet ? ETHERNET_HEADER_LEN : 0);
}

/* Takes frame. False: it is full, and the frame dropped. */
static inline bool inbox_put(struct inbox *i, struct pb_buf *frame)
{
	if (i->frames.count >= i->frames_max) {
		pb_buf_free(frame);
		return false;
	}
	pb_buf_queue_push(&i->frames, frame);
	return true;
}

#endif
