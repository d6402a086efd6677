/* The loopback device: what is sent on it is what it receives, by reference. */
#ifndef PB_NET_LOOPBACK_H
#define PB_NET_LOOPBACK_H

#include <packetboat/device.h>
#include <stdbool.h>

#define LOOPBACK_MTU 65535

struct loopback {
	struct pb_device device; /* first */
	struct pb_buf_queue queue;
};

struct pb_device *pb_loopback_new(void); /* NULL: out of memory */

/* Nothing has been sent on it: each poll asks, and seldom anything has. */
static inline bool loopback_is_empty(const struct pb_device *d)
{
	return !((const struct loopback *)d)->queue.first;
}

#endif
