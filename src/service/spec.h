/*
 * What to serve, as people write it:
 *
 *     KIND://[ADDRESS]:PORT[,key=value]...        echo://:7007   http://192.168.1.1:80,root=./public
 *
 * No ADDRESS, or *, is any address; an IPv6 address stands in brackets; PORT is a number (0: any free one) or a
 * registered name. An item without = adds a value to the key before it: allow=10.0.0.0/8,192.168.0.0/16.
 * A comma that belongs to a value is written \, and a backslash \\.
 */
#ifndef SERVICE_SPEC_H
#define SERVICE_SPEC_H

#include "base/addr.h"

#include <stddef.h>

#define SPEC_LEN_MAX    4096 /* bytes of a whole spec */
#define SPEC_VALUES_MAX 64

struct spec_value {
	const char *key, *value;
};

struct spec {
	const char *text; /* as it was written: for messages */
	const char *kind;
	bool any;           /* no address: the wildcard of IPv4 and of IPv6 */
	union pb_addr addr; /* the address unless any, and the port in every case */
	uint16_t port;
	size_t count;
	struct spec_value values[SPEC_VALUES_MAX];
	char *memory; /* holds the texts */
};

/* Says which part is wrong, why, and what a right one looks like. */
struct spec_error {
	char text[512];
};

/* Read a spec. False: error says why, and nothing needs to be freed. The keys are not judged here. */
bool spec_parse(struct spec *s, const char *text, struct spec_error *error);
void spec_free(struct spec *s);

/* Fill error and return false: for those who judge values. printf-like. */
bool spec_fail(struct spec_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The last value given to a key, or NULL. */
const char *spec_get(const struct spec *s, const char *key);

/*
 * Read a value into *n and return true, leaving *n alone where the key is absent. False: error says what is wrong.
 * Numbers are decimal, within [min, max]. Sizes may end in k, m, g (1024 each). Times are seconds, or end in ms,
 * s, m, h, and become nanoseconds.
 */
bool spec_number(const struct spec *s, const char *key, uint64_t min, uint64_t max, uint64_t *n,
		 struct spec_error *error);
bool spec_size(const struct spec *s, const char *key, uint64_t min, uint64_t max, uint64_t *n,
	       struct spec_error *error);
bool spec_time(const struct spec *s, const char *key, int64_t min, int64_t max, int64_t *ns,
	       struct spec_error *error);

#endif
