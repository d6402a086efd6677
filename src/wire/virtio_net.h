/*
 * The header in front of frames to and from a TAP or TUN device: what is left to do, or already done, about
 * checksum and segmentation (virtio 1.2 §5.1.6, "Device Operation"; the legacy form of 10 bytes,
 * little-endian). Pure functions.
 */
#ifndef PB_WIRE_VIRTIO_NET_H
#define PB_WIRE_VIRTIO_NET_H

#include "wire/reader.h"

#define VIRTIO_NET_HEADER_LEN 10

enum virtio_net_flag {
	VIRTIO_NET_NEEDS_CHECKSUM = 1, /* from checksum_start on, into checksum_offset from there */
	VIRTIO_NET_DATA_VALID = 2,     /* it has been verified */
};

/* How it is segmented; or-ed with ECN: the first segment only has CWR. */
enum virtio_net_segmentation {
	VIRTIO_NET_WHOLE = 0,
	VIRTIO_NET_TCP4 = 1,
	VIRTIO_NET_TCP6 = 4,
	VIRTIO_NET_ECN = 0x80
};

struct virtio_net_header {
	uint8_t flags;           /* enum virtio_net_flag, or-ed */
	uint8_t segmentation;    /* enum virtio_net_segmentation */
	uint16_t headers_len;    /* of all headers of the frame; a hint */
	uint16_t segment_size;   /* bytes of payload */
	uint16_t checksum_start; /* from the frame's beginning */
	uint16_t checksum_offset;
};

/* Read a header. False: it is cut short. What it says is not judged. */
bool pb_virtio_net_parse(struct virtio_net_header *h, struct reader *r);

/* Write a header. False: no room. */
bool pb_virtio_net_write(const struct virtio_net_header *h, struct writer *w);

#endif
