/* Token buckets: so many a second on average, and so many at once at most. */
#ifndef PB_NET_BUCKET_H
#define PB_NET_BUCKET_H

#include <packetboat/time.h>

struct bucket {
	pb_time full; /* when it would be full again, if nothing more were taken */
};

/* Take a token; each takes interval to grow, and burst of them fit in. False: there is none. */
static inline bool bucket_take(struct bucket *b, pb_time now, pb_time interval, unsigned burst)
{
	pb_time full = (b->full > now ? b->full : now) + interval;

	if (full - now > interval * burst)
		return false;
	b->full = full;
	return true;
}

#endif
