/* An Ethernet of many ends in memory. */
#include "link/inbox.h"

#include <errno.h>
#include <stdlib.h>

#define ENDS_MAX 1024

struct wire_end {
	struct inbox inbox;
	struct wire *wire;
	bool closed;
};

struct wire {
	size_t ends, open;
	struct wire_end end[];
};

static struct wire_end *end_of(const struct pb_device *d)
{
	return container_of(d, struct wire_end, inbox.device);
}

static bool has_mac(const struct wire_end *e, const uint8_t *mac)
{
	return !e->closed && memcmp(e->inbox.device.mac, mac, PB_MAC_LEN) == 0;
}

/*
 * Whose address it is; NULL: nobody's. An end usually keeps the address it was given, which tells which it
 * is.
 */
static struct wire_end *find(struct wire *w, const uint8_t *mac)
{
	size_t guess = (size_t)(mac[4] << 8 | mac[5]) - 1;

	if (guess < w->ends && has_mac(&w->end[guess], mac))
		return &w->end[guess];
	for (size_t i = 0; i < w->ends; i++)
		if (has_mac(&w->end[i], mac))
			return &w->end[i];
	return NULL;
}

static void deliver(struct wire_end *to, struct pb_buf *frame)
{
	if (!frame || !inbox_put(&to->inbox, frame))
		to->inbox.device.receive_drops++;
}

/* To all but the sender, each a packet of its own that refers to the same bytes. Takes frame. */
static void deliver_to_all(struct wire_end *from, struct pb_buf *frame)
{
	struct wire *w = from->wire;

	for (size_t i = 0; i < w->ends; i++) {
		struct wire_end *to = &w->end[i];
		if (to != from && !to->closed)
			deliver(to, pb_buf_share(frame));
	}
	pb_buf_free(frame);
}

static void send_frame(struct pb_device *d, pb_time now, struct pb_buf *frame)
{
	struct wire_end *from = end_of(d);

	(void)now;
	if (!inbox_fits(d, frame) || frame->len < ETHERNET_HEADER_LEN) {
		pb_buf_free(frame);
		d->send_drops++;
		return;
	}
	d->sent++;
	if (ethernet_is_group(frame->data)) {
		deliver_to_all(from, frame);
		return;
	}
	struct wire_end *to = find(from->wire, frame->data);
	if (to && to != from)
		deliver(to, frame);
	else
		pb_buf_free(frame);
}

static void close_end(struct pb_device *d)
{
	struct wire_end *end = end_of(d);

	pb_buf_queue_clear(&end->inbox.frames);
	end->closed = true;
	if (--end->wire->open == 0)
		free(end->wire);
}

static const struct pb_device_ops wire_ops = {
	.kind = "wire",
	.send = send_frame,
	.receive = pb_inbox_receive,
	.next = pb_inbox_next,
	.fd = pb_inbox_fd,
	.close = close_end,
};

int pb_device_wire(uint32_t mtu, size_t ends, size_t frames_max, struct pb_device *end[])
{
	if (ends < 2 || ends > ENDS_MAX)
		return -EINVAL;
	struct wire *w = calloc(1, sizeof *w + ends * sizeof w->end[0]);
	if (!w)
		return -ENOMEM;
	w->ends = w->open = ends;
	for (size_t i = 0; i < ends; i++) {
		struct wire_end *e = &w->end[i];
		pb_inbox_init(&e->inbox, &wire_ops, true, mtu, frames_max, i + 1);
		e->wire = w;
		end[i] = &e->inbox.device;
	}
	return 0;
}
