/* Control messages (ancillary data, cmsg(3)) that go beside what was received. */
#ifndef PB_SOCKET_CONTROL_H
#define PB_SOCKET_CONTROL_H

#include "base/addr.h"

#include <linux/errqueue.h>
#include <sys/socket.h>

/* Those of one call, written one behind the other. */
struct control {
	struct msghdr *msg;
	size_t used;
};

/* Where there is no room for one, MSG_CTRUNC says so. */
void pb_control_add(struct control *c, int level, int type, const void *data, size_t len);
void pb_control_add_int(struct control *c, int level, int type, int n);

struct control_error {
	struct sock_extended_err error;
	union pb_addr offender;
};
/* IP_RECVERR, or on a socket of AF_INET6 its sister. The offender is of that family, or all zero. */
void pb_control_add_error(struct control *c, int family, const struct control_error *e);

/* All are written. */
void pb_control_end(struct control *c);

#endif
