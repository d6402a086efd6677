/*
 * Finishing frames for a device that cannot do it: a super-segment is cut into segments, a checksum that is
 * wanted is completed, parts are put together. Below this line a frame is what a wire carries.
 */
#ifndef PB_LINK_FINISH_H
#define PB_LINK_FINISH_H

#include <packetboat/device.h>

/* Whether a frame needs it, for a device that has these offloads (enum pb_offload, or-ed). */
static inline bool pb_finish_needed(const struct pb_buf *frame, unsigned offload)
{
	return (frame->segment_size && !(offload & PB_OFFLOAD_SEGMENT)) ||
	       (frame->checksum == PB_CHECKSUM_WANTED && !(offload & PB_OFFLOAD_CHECKSUM)) ||
	       (frame->more && !(offload & PB_OFFLOAD_PARTS));
}

/*
 * Make of a frame what a device with these offloads takes, and put it, or all its pieces, into out. Takes
 * frame. ethernet: it begins with an Ethernet header, not the IP header. Payload is copied only where the
 * device takes no parts. Bytes that others refer to stay as they are. Returns how many frames are lost,
 * because the pool was empty or because what claims to be a super-segment is none.
 */
size_t pb_finish(struct pb_pool *pool, struct pb_buf *frame, bool ethernet, unsigned offload,
		 struct pb_buf_queue *out);

#endif
