/*
 * Captures: a pcapng file, and devices that write into it what passes. What is written is what a wire would
 * carry, so super-segments are cut and checksums completed first, in a copy of the headers.
 */
#include "link/finish.h"
#include "link/wrapper.h"
#include "wire/ethernet.h"
#include "wire/pcapng.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_BUFFER (256 * 1024)
#define POOL_BYTES  (1024 * 1024) /* the headers of what is cut, one frame at a time */

struct pb_capture {
	FILE *file;
	pb_time epoch_offset;
	uint32_t interfaces;
	int error; /* the first one, -errno: nothing is written after it */
	struct pb_pool *pool;
};

static void write_bytes(struct pb_capture *c, const void *data, size_t len)
{
	if (!c->error && fwrite(data, 1, len, c->file) != len)
		c->error = errno ? -errno : -EIO;
}

int pb_capture_open(const char *path, pb_time epoch_offset, struct pb_capture **capture)
{
	struct pb_capture *c = calloc(1, sizeof *c);
	uint8_t block[PCAPNG_BLOCK_MAX];
	struct writer w = { .p = block, .left = sizeof block };

	if (!c || !(c->pool = pb_pool_new(POOL_BYTES))) {
		free(c);
		return -ENOMEM;
	}
	c->epoch_offset = epoch_offset;
	c->file = fopen(path, "wbe");
	if (!c->file) {
		int error = -errno;
		pb_pool_free(c->pool);
		free(c);
		return error;
	}
	setvbuf(c->file, NULL, _IOFBF, FILE_BUFFER);
	pb_pcapng_section(&w);
	write_bytes(c, block, sizeof block - w.left);
	*capture = c;
	return 0;
}

int pb_capture_close(struct pb_capture *c)
{
	if (fclose(c->file) != 0 && !c->error)
		c->error = -errno;
	int error = c->error;
	pb_pool_free(c->pool);
	free(c);
	return error;
}

struct captured {
	struct wrapper wrapper;
	struct pb_capture *capture;
	uint32_t interface;
};

static struct captured *captured_of(const struct pb_device *d)
{
	return container_of(d, struct captured, wrapper.device);
}

static void write_frame(struct captured *d, pb_time now, const struct pb_buf *frame,
			enum pcapng_direction direction)
{
	struct pb_capture *c = d->capture;
	uint8_t block[PCAPNG_BLOCK_MAX];
	struct writer begin = { .p = block, .left = sizeof block };

	pb_pcapng_packet_begin(&begin, d->interface, (uint64_t)(c->epoch_offset + now), frame->total);
	write_bytes(c, block, sizeof block - begin.left);
	for (const struct pb_buf *part = frame; part; part = part->more)
		write_bytes(c, part->data, part->len);
	struct writer end = { .p = block, .left = sizeof block };
	pb_pcapng_packet_end(&end, frame->total, direction);
	write_bytes(c, block, sizeof block - end.left);
}

static void record(struct captured *d, pb_time now, const struct pb_buf *frame,
		   enum pcapng_direction direction)
{
	struct pb_buf_queue finished = { 0 };

	if (d->capture->error)
		return;
	if (!pb_finish_needed(frame, PB_OFFLOAD_PARTS)) {
		write_frame(d, now, frame, direction);
		return;
	}
	struct pb_buf *shared = pb_buf_share(frame);
	if (!shared ||
	    pb_finish(d->capture->pool, shared, d->wrapper.device.ethernet, PB_OFFLOAD_PARTS, &finished))
		d->capture->error = -ENOMEM; /* a capture with a hole would lie */
	for (struct pb_buf *b; (b = pb_buf_queue_shift(&finished)); pb_buf_free(b))
		write_frame(d, now, b, direction);
}

static void send_frame(struct pb_device *device, pb_time now, struct pb_buf *frame)
{
	record(captured_of(device), now, frame, PCAPNG_OUTBOUND);
	pb_wrapper_send(device, now, frame);
}

static struct pb_buf *receive_frame(struct pb_device *device, pb_time now, struct pb_pool *pool)
{
	struct pb_device *inner = wrapper_of(device)->inner;
	struct pb_buf *frame = inner->ops->receive(inner, now, pool);

	device->receive_drops = inner->receive_drops;
	if (frame) {
		device->received++;
		record(captured_of(device), now, frame, PCAPNG_INBOUND);
	}
	return frame;
}

static void close_both(struct pb_device *device)
{
	struct captured *d = captured_of(device);

	pb_device_close(d->wrapper.inner);
	free(d);
}

static const struct pb_device_ops captured_ops = {
	.kind = "capture",
	.send = send_frame,
	.receive = receive_frame,
	.next = pb_wrapper_next,
	.fd = pb_wrapper_fd,
	.flush = pb_wrapper_flush,
	.name = pb_wrapper_name,
	.close = close_both,
};

int pb_device_capture(struct pb_device *inner, struct pb_capture *capture, const char *name,
		      struct pb_device **device)
{
	struct captured *d = calloc(1, sizeof *d);
	uint8_t block[PCAPNG_BLOCK_MAX];
	struct writer w = { .p = block, .left = sizeof block };

	if (!d)
		return -ENOMEM;
	pb_pcapng_interface(&w, inner->ethernet ? PCAPNG_ETHERNET : PCAPNG_RAW_IP, name);
	write_bytes(capture, block, sizeof block - w.left);
	d->wrapper.inner = inner;
	d->wrapper.device = *inner;
	d->wrapper.device.ops = &captured_ops;
	d->capture = capture;
	d->interface = capture->interfaces++;
	*device = &d->wrapper.device;
	return 0;
}
