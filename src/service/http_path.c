#include "service/http_path.h"

#include "base/hex.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

size_t http_target_path_len(const char *target, size_t len)
{
	const char *query = memchr(target, '?', len);
	const char *fragment = memchr(target, '#', len); /* not allowed in a target, yet some send it */

	if (query)
		len = (size_t)(query - target);
	return fragment && fragment < target + len ? (size_t)(fragment - target) : len;
}

/* Decode one segment to the end of path. 0, 400 or 414. */
static int add_segment(struct http_path *path, const char *p, const char *end)
{
	while (p < end) {
		int c = (unsigned char)*p++;
		if (c == '%') {
			c = hex_byte(p, end);
			if (c < 0 || c == '/')
				return 400;
			p += 2;
		}
		if (c == '\0')
			return 400;
		if (path->len + 2 >= sizeof path->text) /* room for a slash and the NUL */
			return 414;
		path->text[path->len++] = (char)c;
	}
	return 0;
}

/* Take the last segment, which ends with a slash, off. False: there is none, we are at the root. */
static bool climb(struct http_path *path)
{
	if (path->len == 0)
		return false;
	path->len--;
	while (path->len > 0 && path->text[path->len - 1] != '/')
		path->len--;
	return true;
}

/* Skip http://authority of an absolute-form target. NULL: it has another form. */
static const char *skip_authority(const char *p, const char *end)
{
	size_t len = (size_t)(end - p);
	size_t scheme = len >= 7 && strncasecmp(p, "http://", 7) == 0    ? 7
			: len >= 8 && strncasecmp(p, "https://", 8) == 0 ? 8
									 : 0;

	if (!scheme)
		return NULL;
	const char *slash = memchr(p + scheme, '/', len - scheme);
	return slash ? slash : end; /* an empty path is "/" */
}

int http_path_read(struct http_path *path, const char *target, size_t len)
{
	const char *p = target, *end = target + http_target_path_len(target, len);

	path->len = 0;
	path->text[0] = '\0';
	if (p == end || *p != '/')
		p = skip_authority(p, end);
	if (!p)
		return 400;
	while (p < end) {
		const char *segment = ++p; /* behind the slash */
		p = memchr(p, '/', (size_t)(end - p));
		p = p ? p : end;
		size_t start = path->len;
		int status = add_segment(path, segment, p);
		if (status)
			return status;
		size_t n = path->len - start;
		const char *added = path->text + start;
		bool dot = n == 1 && added[0] == '.', dots = n == 2 && added[0] == '.' && added[1] == '.';
		if (dot || dots)
			path->len = start;
		if (dots && !climb(path))
			return 400;
		if (p < end && n > 0 && !dot && !dots) /* empty segments change nothing to a file system */
			path->text[path->len++] = '/';
	}
	path->text[path->len] = '\0';
	return 0;
}
