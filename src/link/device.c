/* What is the same for every device. */
#include <packetboat/device.h>

void pb_device_close(struct pb_device *d)
{
	if (d)
		d->ops->close(d);
}

const char *pb_device_name(const struct pb_device *d)
{
	return d->ops->name ? d->ops->name(d) : "";
}
