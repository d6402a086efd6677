/* HTTP's dates (RFC 9110 5.6.7): written as IMF-fixdate, read in all three forms. */
#ifndef SERVICE_HTTP_DATE_H
#define SERVICE_HTTP_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define HTTP_DATE_LEN 29 /* Sun, 06 Nov 1994 08:49:37 GMT */

/* The date of a time, UTC. Times outside the years 0 to 9999, which files may have, are moved to the nearest end. */
struct tm http_date(time_t t);

/* Write HTTP_DATE_LEN characters, no NUL. Times outside the years 0 to 9999 are moved to the nearest end. */
void http_date_write(char *buf, time_t t);

/* Read a date. now resolves the two-digit years of the obsolete form. False: it is none. */
bool http_date_read(const char *text, size_t len, time_t now, time_t *t);

#endif
