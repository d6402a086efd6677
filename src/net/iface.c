#include "net/iface.h"

#include "link/finish.h"
#include "net/packet.h"
#include "wire/ethernet.h"

/* A frame that the device does not take as it is. Takes it. */
static void send_finished(struct iface *i, struct pb_buf *frame)
{
	struct pb_device *d = i->device;
	struct pb_buf_queue ready = { 0 };

	i->env->counters.ip.OutDiscards += pb_finish(i->env->pool, frame, d->ethernet, d->offload, &ready);
	while ((frame = pb_buf_queue_shift(&ready)))
		d->ops->send(d, env_now(i->env), frame);
}

/* b in an Ethernet frame. Takes b; NULL: there is no memory. */
static struct pb_buf *frame_of(struct iface *i, const uint8_t to[PB_MAC_LEN], uint16_t ethertype,
			       struct pb_buf *b)
{
	struct ethernet_header h = { .type = ethertype };

	b = pb_packet_front(i->env->pool, b, ETHERNET_HEADER_LEN, 0);
	if (!b)
		return NULL;
	memcpy(h.dst, to, sizeof h.dst);
	memcpy(h.src, i->device->mac, sizeof h.src);
	struct writer w = { .p = pb_buf_push(b, ETHERNET_HEADER_LEN), .left = ETHERNET_HEADER_LEN };
	pb_ethernet_write(&h, &w);
	return b;
}

void pb_iface_send(struct iface *i, const uint8_t to[PB_MAC_LEN], uint16_t ethertype, struct pb_buf *b)
{
	struct pb_device *d = i->device;

	if (d->ethernet && !(b = frame_of(i, to, ethertype, b))) {
		i->env->counters.ip.OutDiscards++;
		return;
	}
	if (pb_finish_needed(b, d->offload))
		send_finished(i, b);
	else
		d->ops->send(d, env_now(i->env), b);
}

struct iface_address *pb_iface_address(struct iface *i, const struct ip *a)
{
	for (unsigned n = 0; n < i->address_count; n++)
		if (ip_equal(&i->addresses[n]->ip, a))
			return i->addresses[n];
	return NULL;
}

bool pb_iface_is_broadcast(const struct iface *i, const struct ip *a)
{
	if (ip_is_limited_broadcast(a))
		return true;
	for (unsigned n = 0; n < i->address_count; n++)
		if (!ip_is_any(&i->addresses[n]->broadcast) && ip_equal(&i->addresses[n]->broadcast, a))
			return true;
	return false;
}
