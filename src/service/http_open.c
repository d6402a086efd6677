#include "service/http_open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A FIFO must not make us wait, nor a terminal become ours. */
#define FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

#define RACES_MAX 8

static int own(int rc)
{
	return rc < 0 ? -errno : rc;
}

int http_open_without_openat2(int root, const char *path)
{
	char name[NAME_MAX + 1];
	int dir = root;

	for (;;) {
		const char *slash = strchr(path, '/');
		size_t n = slash ? (size_t)(slash - path) : strlen(path);
		int fd = -ENAMETOOLONG;

		if (n <= NAME_MAX) {
			memcpy(name, n ? path : ".", n ? n : 1);
			name[n ? n : 1] = '\0';
			/* RFC 3986 5.2.4 has been done on path: it holds no "..". */
			fd = own(openat(dir, name,
					slash ? O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW
					      : FLAGS | O_NOFOLLOW));
		}
		if (dir != root)
			close(dir);
		if (!slash || fd < 0)
			return fd;
		dir = fd;
		path = slash + 1;
	}
}

int http_open(int root, const char *path)
{
	struct open_how how = { .flags = FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	int fd = -EAGAIN;

	/* EAGAIN: something was renamed on the way, so that the kernel can't vouch for a ".." in a link. */
	for (int i = 0; fd == -EAGAIN && i < RACES_MAX; i++)
		fd = own((int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof how));
	/* EPERM: a container's filter that does not know the call. */
	return fd == -ENOSYS || fd == -EPERM ? http_open_without_openat2(root, path) : fd;
}
