#include "link/vnet.h"

#include "wire/ethernet.h"
#include "wire/tcp.h"

static bool note_checksum(struct pb_buf *frame, const struct virtio_net_header *h)
{
	if (h->flags & VIRTIO_NET_NEEDS_CHECKSUM) {
		if ((size_t)h->checksum_start + h->checksum_offset + 2 > frame->len)
			return false;
		frame->transport = frame->data + h->checksum_start;
		frame->checksum_offset = h->checksum_offset;
		frame->checksum = PB_CHECKSUM_WANTED;
	} else if (h->flags & VIRTIO_NET_DATA_VALID) {
		frame->checksum = PB_CHECKSUM_GOOD;
	}
	return true;
}

/*
 * A super-segment says where its transport header is only when its checksum is wanted. One that is verified
 * already stays what it then is: a long segment.
 */
bool pb_vnet_note(struct pb_buf *frame, const struct virtio_net_header *h)
{
	uint8_t segmentation = h->segmentation & (uint8_t)~VIRTIO_NET_ECN;

	if (!note_checksum(frame, h))
		return false;
	if (segmentation == VIRTIO_NET_WHOLE)
		return true;
	if ((segmentation != VIRTIO_NET_TCP4 && segmentation != VIRTIO_NET_TCP6) || !h->segment_size)
		return false;
	if (frame->checksum == PB_CHECKSUM_WANTED) {
		if (frame->checksum_offset != TCP_CHECKSUM_AT)
			return false;
		frame->segment_size = h->segment_size;
	}
	return frame->checksum != PB_CHECKSUM_UNKNOWN;
}

struct virtio_net_header pb_vnet_header(const struct pb_buf *frame, bool ethernet)
{
	struct virtio_net_header h = { 0 };

	if (frame->checksum == PB_CHECKSUM_WANTED) {
		h.flags = VIRTIO_NET_NEEDS_CHECKSUM;
		h.checksum_start = (uint16_t)(frame->transport - frame->data);
		h.checksum_offset = frame->checksum_offset;
	}
	if (frame->segment_size) {
		const uint8_t *ip = frame->data + (ethernet ? ETHERNET_HEADER_LEN : 0),
			      *tcp = frame->transport;
		h.segmentation = *ip >> 4 == 6 ? VIRTIO_NET_TCP6 : VIRTIO_NET_TCP4;
		if (tcp[TCP_FLAGS_AT] & TCP_CWR)
			h.segmentation |= VIRTIO_NET_ECN;
		h.segment_size = frame->segment_size;
		h.headers_len = (uint16_t)(tcp - frame->data + (tcp[TCP_OFFSET_AT] >> 4) * 4);
	}
	return h;
}
