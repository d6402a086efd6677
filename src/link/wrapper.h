/* A device around another: what it hands on to that unless it has something of its own to do. */
#ifndef PB_LINK_WRAPPER_H
#define PB_LINK_WRAPPER_H

#include "base/list.h"

#include <packetboat/device.h>

struct wrapper {
	struct pb_device device;
	struct pb_device *inner;
};

static inline struct wrapper *wrapper_of(const struct pb_device *d)
{
	return container_of(d, struct wrapper, device);
}

/* For struct pb_device_ops. */
void pb_wrapper_send(struct pb_device *d, pb_time now, struct pb_buf *frame);
pb_time pb_wrapper_next(const struct pb_device *d);
int pb_wrapper_fd(const struct pb_device *d);
void pb_wrapper_flush(struct pb_device *d, pb_time now);
const char *pb_wrapper_name(const struct pb_device *d);

#endif
