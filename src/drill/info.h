/* What getsockopt(TCP_INFO) tells, by the names of its fields. */
#ifndef DRILL_INFO_H
#define DRILL_INFO_H

#include <packetboat/socket.h>
#include <stdbool.h>

struct tcp_info;

/* False: there is no such field. */
bool drill_info_field(const struct tcp_info *info, const char *name, double *value);

/* False: the socket tells none. */
bool drill_info_read(struct pb_socket *s, struct tcp_info *info);

#endif
