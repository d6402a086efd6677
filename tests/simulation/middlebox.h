/* Somebody on the way who knows no SACK: he takes its permission out of every SYN that comes through. */
#ifndef PB_TESTS_MIDDLEBOX_H
#define PB_TESTS_MIDDLEBOX_H

#include <packetboat/device.h>

/* Wrap an Ethernet device so that what it receives came through him. Takes inner. 0 or -ENOMEM (inner is untouched). */
int middlebox_new(struct pb_device *inner, struct pb_device **device);

#endif
