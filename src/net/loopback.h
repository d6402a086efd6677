/* The loopback device: what is sent on it is what it receives, by reference. */
#ifndef PB_NET_LOOPBACK_H
#define PB_NET_LOOPBACK_H

#include <packetboat/device.h>

#define LOOPBACK_MTU 65535

struct pb_device *pb_loopback_new(void); /* NULL: out of memory */

#endif
