#include "service/http_open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
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

static int open_beneath(int root, const char *path, uint64_t resolve)
{
	struct open_how how = { .flags = FLAGS, .resolve = RESOLVE_BENEATH | resolve };
	int fd = -EAGAIN;

	/* EAGAIN: something was renamed on the way, so that the kernel can't vouch for a ".." in a link. */
	for (int i = 0; fd == -EAGAIN && i < RACES_MAX; i++)
		fd = own((int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof how));
	return fd;
}

/* Where an open descriptor is, as the kernel writes it. False: that is not known. */
static bool place_of(int fd, char place[PATH_MAX])
{
	char link[32];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, place, PATH_MAX);
	if (n < 0 || n == PATH_MAX)
		return false;
	place[n] = '\0';
	return true;
}

/* Where path, all its links followed, is below root: behind *inside in place. False: nowhere, or outside. */
static bool find_inside(int root, const char *path, char place[PATH_MAX], const char **inside)
{
	char top[PATH_MAX];
	int fd = openat(root, path, O_PATH | O_CLOEXEC); /* opens nothing: it only says where */

	if (fd < 0)
		return false;
	bool known = place_of(fd, place) && place_of(root, top);
	close(fd);
	size_t len = known ? strlen(top) : 0;
	len -= len == 1; /* "/" alone ends with its slash */
	if (!known || strncmp(place, top, len) != 0 || (place[len] && place[len] != '/'))
		return false;
	*inside = place + len + (place[len] == '/');
	return true;
}

/*
 * RESOLVE_BENEATH refuses every absolute link, RESOLVE_IN_ROOT would read its target below the root, where it does not
 * mean what it says: /srv/www/a would be /srv/www/srv/www/a. So ask where the link leads, and open that place from the
 * root, without links: should somebody change the names in between, it still cannot lead out.
 */
int http_open(int root, const char *path)
{
	char place[PATH_MAX];
	const char *inside;
	int fd = open_beneath(root, path, RESOLVE_NO_MAGICLINKS);

	if (fd == -EXDEV && find_inside(root, path, place, &inside)) {
		fd = open_beneath(root, inside, RESOLVE_NO_SYMLINKS);
		return fd == -ELOOP ? -EXDEV : fd;
	}
	/* EPERM: a container's filter that does not know the call. */
	return fd == -ENOSYS || fd == -EPERM ? http_open_without_openat2(root, path) : fd;
}
