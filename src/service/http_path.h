/*
 * From a request target to the name of a file below the root.
 *
 * Percent-encoding is undone (RFC 3986 2.1) and dot segments are removed (5.2.4), encoded ones included. What
 * could mean another file to somebody else is refused: encoded NUL and slash, and .. above the root. That
 * symbolic links do not lead out is seen to where the file is opened.
 */
#ifndef SERVICE_HTTP_PATH_H
#define SERVICE_HTTP_PATH_H

#include <limits.h>
#include <stddef.h>

struct http_path {
	size_t len;
	char text[PATH_MAX]; /* relative, ended by NUL: "a/b"; a directory "a/"; the root "" */
};

/*
 * Read an origin-form or absolute-form target (RFC 9112 3.2), of which the query is left aside. 0, or the
 * status to refuse it with: 400 or 414.
 */
int http_path_read(struct http_path *path, const char *target, size_t len);

/* The part of a target before its query, and from the query's question mark on (which may be empty). */
size_t http_target_path_len(const char *target, size_t len);

#endif
