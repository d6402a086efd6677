/*
 * Where fetched data goes: standard output, or a file that appears under its name only when it is whole. Until then
 * it is NAME.part beside it; what is not finished is removed.
 */
#ifndef CLI_SAVE_H
#define CLI_SAVE_H

#include "client/url.h"

#include <sys/types.h>

struct save {
	int fd;     /* -1: not open */
	char *path; /* NULL: standard output */
	char *part; /* NULL: written in place, path being a device, a pipe or the like */
};

/* Begin. path NULL or "-": standard output. 0 or -errno. */
int save_open(struct save *s, const char *path);

/* Write all of it, waiting if need be. 0 or -errno. */
int save_write(struct save *s, const void *data, size_t len);

/* It is whole: give it its name. 0 or -errno, and then it is removed. */
int save_finish(struct save *s);

/* It is not: remove it. Nothing happens after save_finish(). */
void save_discard(struct save *s);

/*
 * A name for the file of a URL, in dir: the last segment of the path, decoded, of which nothing can lead out of dir
 * or hide (a slash, a control character or a dot in front becomes _); index.html when it is empty. The caller frees
 * it. NULL: out of memory.
 */
char *save_name(const char *dir, const struct url *u);

#endif
