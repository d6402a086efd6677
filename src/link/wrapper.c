#include "link/wrapper.h"

void pb_wrapper_send(struct pb_device *d, pb_time now, struct pb_buf *frame)
{
	struct pb_device *inner = wrapper_of(d)->inner;
	uint64_t drops = inner->send_drops;

	inner->ops->send(inner, now, frame);
	d->send_drops += inner->send_drops - drops;
	d->sent += inner->send_drops == drops;
}

pb_time pb_wrapper_next(const struct pb_device *d)
{
	const struct pb_device *inner = wrapper_of(d)->inner;

	return inner->ops->next(inner);
}

int pb_wrapper_fd(const struct pb_device *d)
{
	const struct pb_device *inner = wrapper_of(d)->inner;

	return inner->ops->fd(inner);
}

void pb_wrapper_flush(struct pb_device *d, pb_time now)
{
	struct pb_device *inner = wrapper_of(d)->inner;

	if (inner->ops->flush)
		inner->ops->flush(inner, now);
}

const char *pb_wrapper_name(const struct pb_device *d)
{
	return pb_device_name(wrapper_of(d)->inner);
}
