#include "cli/save.h"

#include "base/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void forget(struct save *s)
{
	free(s->path);
	free(s->part);
	*s = (struct save){ .fd = -1 };
}

/* A device or a pipe cannot be renamed onto. */
static bool is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

int save_open(struct save *s, const char *path)
{
	*s = (struct save){ .fd = -1 };
	if (!path || strcmp(path, "-") == 0) {
		s->fd = STDOUT_FILENO;
		return 0;
	}
	bool special = is_special(path);
	s->path = strdup(path);
	if (!s->path || (!special && asprintf(&s->part, "%s.part", path) < 0)) {
		s->part = NULL;
		forget(s);
		return -ENOMEM;
	}
	/* Not through a symbolic link that somebody may have put where the part goes. */
	s->fd = special ? open(path, O_WRONLY | O_CLOEXEC)
			: open(s->part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (s->fd >= 0)
		return 0;
	int err = -errno;
	forget(s);
	return err;
}

int save_write(struct save *s, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(s->fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int save_finish(struct save *s)
{
	int err = 0;

	if (!s->path) {
		s->fd = -1;
		return 0;
	}
	if (close(s->fd) < 0) /* some file systems tell only now that the disk is full */
		err = -errno;
	s->fd = -1;
	if (!err && s->part && rename(s->part, s->path) < 0)
		err = -errno;
	if (err && s->part)
		unlink(s->part);
	forget(s);
	return err;
}

void save_discard(struct save *s)
{
	if (s->fd >= 0 && s->path)
		close(s->fd);
	if (s->fd >= 0 && s->part)
		unlink(s->part);
	forget(s);
}

char *save_name(const char *dir, const struct url *u)
{
	char name[NAME_MAX + 1];
	size_t n = 0;
	const char *end = u->target + strcspn(u->target, "?");
	const char *p = memrchr(u->target, '/', (size_t)(end - u->target));
	char *path;

	for (p++; p < end && n < sizeof name - sizeof ".part"; p++) {
		unsigned char c = (unsigned char)*p;
		int byte = c == '%' ? hex_byte(p + 1, end) : -1;
		if (byte >= 0) {
			c = (unsigned char)byte;
			p += 2;
		}
		bool tricky = c < ' ' || c == 0x7f || c == '/' || (c == '.' && n == 0);
		name[n++] = tricky ? '_' : (char)c;
	}
	name[n] = '\0';
	if (asprintf(&path, "%s/%s", dir, n ? name : "index.html") < 0)
		return NULL;
	return path;
}
