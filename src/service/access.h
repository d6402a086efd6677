/*
 * Who may call: the prefixes of allow= and deny=. The longest one that has the caller's address decides; of two of the
 * same length deny does. A caller in none of them may come in unless there is an allow=.
 */
#ifndef SERVICE_ACCESS_H
#define SERVICE_ACCESS_H

#include "base/addr.h"
#include "service/spec.h"

struct access;

/* The lists of a spec; NULL where it has none: all may call. *ok false: error says why. */
struct access *access_new(const struct spec *spec, struct spec_error *error, bool *ok);
void access_free(struct access *a);

/* An IPv4-mapped address is judged as the IPv4 address it is. */
bool access_allows(const struct access *a, const union pb_addr *caller);

#endif
