/* Host names for addresses, to be shown: each looked up once, all within a bounded time. */
#ifndef CLI_HOSTNAMES_H
#define CLI_HOSTNAMES_H

#include "base/addr.h"

#include <stddef.h>

struct hostnames {
	struct hostname *names;
	size_t count, room;
	long long started; /* ms; 0: not yet */
};

/* The name, or, where there is none or the time is over, the address. It is good until the next call. */
const char *hostname_of(struct hostnames *h, const union pb_addr *addr);
void hostnames_free(struct hostnames *h);

#endif
