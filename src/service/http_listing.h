/* A directory as a page: a table of names, sizes and dates, for browsers bright and dark, without a script.
 */
#ifndef SERVICE_HTTP_LISTING_H
#define SERVICE_HTTP_LISTING_H

#include <stddef.h>

#define HTTP_LISTING_MAX 10000 /* entries shown; the page says so when there are more */

/*
 * List the directory dir, a descriptor that is closed by this, whose path is shown as title. Hidden files and
 * what is neither file, directory nor link are left out. The page, to be freed, and its *len; NULL: errno
 * says why.
 */
char *http_listing(int dir, const char *path, size_t *len);

/* A size for people: "0 B", "999 B", "1.2 KB", "34 MB" (of 1000). buf holds 16 bytes. Returns buf. */
const char *http_listing_size(char *buf, unsigned long long bytes);

#endif
