/* The kernel's side of a network device: its addresses, its MTU, and whether it is up (rtnetlink(7)). */
#ifndef KERNEL_LINK_H
#define KERNEL_LINK_H

#include "base/addr.h"

/* Give the device an address; one that it has already is no error. 0 or -errno: -ENODEV, -EPERM. */
int link_add_address(const char *device, const struct pb_prefix *address);

/* Take the device up; mtu 0: as it is. */
int link_up(const char *device, unsigned mtu);

#endif
