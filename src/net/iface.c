#include "net/iface.h"

#include "net/packet.h"
#include "net/segment.h"
#include "wire/ethernet.h"

/* Two bytes more than the header, so that IP begins at a multiple of four. */
#define FRAME_HEADROOM (ETHERNET_HEADER_LEN + 2)

/* One packet, as the device can take it. Takes b. */
static void send_one(struct iface *i, const uint8_t to[PB_MAC_LEN], uint16_t ethertype, struct pb_buf *b)
{
	struct pb_device *d = i->device;
	struct pb_pool *pool = i->env->pool;

	if (b->checksum == PB_CHECKSUM_WANTED && !(d->offload & PB_OFFLOAD_CHECKSUM))
		pb_packet_complete_checksum(b);
	if (b->more && !(d->offload & PB_OFFLOAD_PARTS))
		b = pb_packet_flatten(pool, b, FRAME_HEADROOM);
	if (b && d->ethernet)
		b = pb_packet_front(pool, b, ETHERNET_HEADER_LEN, 0);
	if (!b) {
		i->env->counters.ip.OutDiscards++;
		return;
	}
	if (d->ethernet) {
		struct ethernet_header h = { .type = ethertype };
		struct writer w = { .p = pb_buf_push(b, ETHERNET_HEADER_LEN), .left = ETHERNET_HEADER_LEN };
		memcpy(h.dst, to, sizeof h.dst);
		memcpy(h.src, d->mac, sizeof h.src);
		pb_ethernet_write(&h, &w);
	}
	d->ops->send(d, env_now(i->env), b);
}

void pb_iface_send(struct iface *i, const uint8_t to[PB_MAC_LEN], uint16_t ethertype, struct pb_buf *b)
{
	unsigned offload = i->device->offload;
	struct pb_buf_queue segments = { 0 };

	if (!b->segment_size || offload & PB_OFFLOAD_SEGMENT) {
		send_one(i, to, ethertype, b);
		return;
	}
	if (!pb_segment_cut(i->env, b, offload & PB_OFFLOAD_PARTS, FRAME_HEADROOM, &segments))
		i->env->counters.ip.OutDiscards++;
	while ((b = pb_buf_queue_shift(&segments)))
		send_one(i, to, ethertype, b);
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
