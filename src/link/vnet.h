/* A packet's offload notes as a virtio-net header, and back. */
#ifndef PB_LINK_VNET_H
#define PB_LINK_VNET_H

#include "wire/virtio_net.h"

#include <packetboat/buf.h>

/* Note on a frame that came what its header says. False: that cannot be of this frame. */
bool pb_vnet_note(struct pb_buf *frame, const struct virtio_net_header *h);

/* The header of a frame to be sent, with or without an Ethernet header of its own. */
struct virtio_net_header pb_vnet_header(const struct pb_buf *frame, bool ethernet);

#endif
