/* What waits at an end of a wire in memory: a bounded queue of frames. */
#ifndef PB_LINK_INBOX_H
#define PB_LINK_INBOX_H

#include "wire/ethernet.h"

#include <packetboat/device.h>

/* Links in memory take everything: nothing has to be finished that never leaves the machine. */
#define INBOX_OFFLOAD (PB_OFFLOAD_CHECKSUM | PB_OFFLOAD_SEGMENT | PB_OFFLOAD_PARTS)

struct inbox {
	struct pb_buf_queue frames;
	size_t frames_max;
};

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

static inline struct pb_buf *inbox_get(struct inbox *i, struct pb_device *d)
{
	struct pb_buf *frame = pb_buf_queue_shift(&i->frames);

	d->received += frame != NULL;
	return frame;
}

static inline pb_time inbox_next(const struct inbox *i)
{
	return i->frames.first ? 0 : PB_NEVER;
}

/* The address of end n of a wire: of those that anyone may give out (IEEE 802 §8.4, "local"). */
static inline void inbox_mac(uint8_t mac[PB_MAC_LEN], size_t n)
{
	const uint8_t local[PB_MAC_LEN] = { 0x02, 'P', 'B', 0, (uint8_t)(n >> 8), (uint8_t)n };

	memcpy(mac, local, sizeof local);
}

#endif
