/*
 * Byte ranges (RFC 9110 14). One range is honoured; a set of several is answered with the whole, as 14.2
 * allows: no browser or downloader asks for one, and answering many small, overlapping ranges is a known way
 * to be overloaded.
 */
#ifndef SERVICE_HTTP_RANGE_H
#define SERVICE_HTTP_RANGE_H

#include <stddef.h>
#include <stdint.h>

enum http_range {
	HTTP_RANGE_NONE,          /* not one that we understand: send the whole */
	HTTP_RANGE_OK,            /* send first to last, both included */
	HTTP_RANGE_UNSATISFIABLE, /* nothing of it exists: 416 */
};

/* Judge the value of a Range field for a file of size bytes. */
enum http_range http_range_read(const char *text, size_t len, uint64_t size, uint64_t *first, uint64_t *last);

#endif
