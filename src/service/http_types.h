/* Content types, from the end of a file's name. */
#ifndef SERVICE_HTTP_TYPES_H
#define SERVICE_HTTP_TYPES_H

#include <stddef.h>

/* The value of Content-Type for a file of this name (or path); application/octet-stream when unknown. */
const char *http_type(const char *name, size_t len);

#endif
