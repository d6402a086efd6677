#include "cli/hostnames.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIME_MS 5000 /* for all of them; one lookup under way may still end */

struct hostname {
	union pb_addr addr;
	char name[256]; /* RFC 1035 2.3.4 */
};

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct hostname *append(struct hostnames *h)
{
	if (h->count == h->room) {
		size_t room = h->room ? h->room * 2 : 16;
		struct hostname *more = realloc(h->names, room * sizeof *more);
		if (!more)
			return NULL;
		h->names = more;
		h->room = room;
	}
	return &h->names[h->count++];
}

static void look_up(struct hostnames *h, struct hostname *n)
{
	if (!h->started) {
		setenv("RES_OPTIONS", "timeout:1 attempts:1",
		       0); /* resolv.conf(5): no silent server holds us up */
		h->started = now_ms();
	}
	if (now_ms() - h->started > TIME_MS ||
	    getnameinfo(&n->addr.sa, pb_addr_len(&n->addr), n->name, sizeof n->name, NULL, 0, 0) != 0)
		pb_addr_host(&n->addr, n->name);
}

const char *hostname_of(struct hostnames *h, const union pb_addr *addr)
{
	union pb_addr host = *addr;

	pb_addr_set_port(&host, 0);
	for (size_t i = 0; i < h->count; i++)
		if (pb_addr_equal(&h->names[i].addr, &host))
			return h->names[i].name;
	struct hostname *n = append(h);
	if (!n)
		return "?";
	n->addr = host;
	look_up(h, n);
	return n->name;
}

void hostnames_free(struct hostnames *h)
{
	free(h->names);
	*h = (struct hostnames){ 0 };
}
