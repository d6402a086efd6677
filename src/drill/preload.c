/*
 * packetdrill asks for TCP_INFO (its assertions) and closes what a script left open with libc's calls, not with those
 * of the interface. Where this object is preloaded, too (LD_PRELOAD), they come here; what is no socket of ours goes on
 * to libc.
 */
#include "drill/adapter.h"

#include <dlfcn.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define CONGESTION_INFO 26 /* TCP_CC_INFO, asked for beside TCP_INFO, and told as zeroes */

static bool is_told_as_zeroes(int level, int name)
{
	return (level == IPPROTO_TCP && name == CONGESTION_INFO) ||
	       (level == SOL_SOCKET && name == SO_MEMINFO);
}

PB_API int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict len)
{
	struct adapter *a = drill_adapter_of(fd);
	int (*next)(int, int, int, void *, socklen_t *);

	if (!a) {
		*(void **)&next = dlsym(RTLD_NEXT, "getsockopt");
		return next(fd, level, name, value, len);
	}
	if (is_told_as_zeroes(level, name)) {
		memset(value, 0, *len);
		return 0;
	}
	socklen_t asked = *len;
	memset(value, 0, asked);
	drill_adapter_lock(a);
	int rc = pb_getsockopt(a->fd[fd].socket, level, name, value, len);
	if (rc == 0 && level == IPPROTO_TCP &&
	    name == TCP_INFO) /* as a kernel that knows of all its fields */
		*len = asked;
	return (int)drill_adapter_leave(a, rc);
}

PB_API int close(int fd)
{
	struct adapter *a = drill_adapter_of(fd);
	int (*next)(int);

	if (a) {
		drill_adapter_lock(a);
		pb_close(a->fd[fd].socket);
		a->fd[fd] = (struct adapter_fd){ 0 };
		drill_adapter_leave(a, 0);
	}
	*(void **)&next = dlsym(RTLD_NEXT, "close");
	return next(fd);
}
