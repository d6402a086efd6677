/*
 * What the files share that hold the functions of the interface: packetdrill.c opening, closing and options,
 * packetdrill_transfer.c what sends and receives, packetdrill_ready.c poll and epoll, packetdrill_time.c packets and
 * time.
 */
#ifndef DRILL_PACKETDRILL_H
#define DRILL_PACKETDRILL_H

#include "drill/adapter.h"
#include "drill/interface.h"

#define EXIT_NO_PACKET 1 /* and no host */

/* The socket with a number. NULL: there is none. */
static inline struct adapter_fd *drill_find(struct adapter *a, int fd)
{
	if (fd < 0 || fd >= ADAPTER_FDS_MAX || !a->fd[fd].socket)
		return NULL;
	return &a->fd[fd];
}

/* Calls that never wait: the socket, or an answer of -EBADF. */
#define ENTER(userdata, number)                                                                              \
	struct adapter *a = (userdata);                                                                      \
	drill_adapter_lock(a);                                                                               \
	struct adapter_fd *f = drill_find(a, (number));                                                      \
	if (!f)                                                                                              \
	return (int)drill_adapter_leave(a, -EBADF)

/* What `sysctl` would have set: written by whoever stands in for it, and read anew before calls that heed it. */
void drill_read_settings(struct adapter *a);

/* Each file's functions, put where packetdrill looks for them. */
void drill_transfer_functions(struct packetdrill_interface *ifc);
void drill_ready_functions(struct packetdrill_interface *ifc);
void drill_time_functions(struct packetdrill_interface *ifc);

#endif
