/*
 *  virtio 1.2 §5.1.6, struct virtio_net_hdr without num_buffers
 *  +-----------+--------------+-------------+--------------+----------------+-----------------+
 *  | flags (1) | gso_type (1) | hdr_len (2) | gso_size (2) | csum_start (2) | csum_offset (2) |
 *  +-----------+--------------+-------------+--------------+----------------+-----------------+
 */
#include "wire/virtio_net.h"

static uint16_t read_le16(struct reader *r)
{
	return __builtin_bswap16(rd_u16(r));
}

static void write_le16(struct writer *w, uint16_t v)
{
	wr_u16(w, __builtin_bswap16(v));
}

bool pb_virtio_net_parse(struct virtio_net_header *h, struct reader *r)
{
	h->flags = rd_u8(r);
	h->segmentation = rd_u8(r);
	h->headers_len = read_le16(r);
	h->segment_size = read_le16(r);
	h->checksum_start = read_le16(r);
	h->checksum_offset = read_le16(r);
	return !r->bad;
}

bool pb_virtio_net_write(const struct virtio_net_header *h, struct writer *w)
{
	wr_u8(w, h->flags);
	wr_u8(w, h->segmentation);
	write_le16(w, h->headers_len);
	write_le16(w, h->segment_size);
	write_le16(w, h->checksum_start);
	write_le16(w, h->checksum_offset);
	return !w->bad;
}
