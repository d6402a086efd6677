/*
 * What a client of fast open knows of servers (RFC 7413 §4.1.3): their cookies and MSS, and where it does not work. A
 * table in sets of a few places each: an address has its places in one set, and a new one takes the place that was
 * not used for longest.
 */
#include "transport/tcp/fast_open.h"

#include <stdlib.h>
#include <string.h>

#define PLACES 4 /* of a set */

#define FAILURES_SPARED 1 /* one may be chance */
#define PAUSE_DOUBLED   6 /* times: with 60 s, to an hour */

static struct fast_open_peer *set_of(struct fast_open_peers *p, const struct ip *local,
				     const struct ip *remote)
{
	const struct ip key[] = { *local, *remote };

	return p->peer + pb_siphash13(&p->key, key, sizeof key) % p->sets * PLACES;
}

struct fast_open_peer *pb_fast_open_peer_find(struct fast_open_peers *p, const struct ip *local,
					      const struct ip *remote)
{
	if (!p->peer)
		return NULL;
	struct fast_open_peer *set = set_of(p, local, remote);
	for (size_t i = 0; i < PLACES; i++)
		if (ip_equal(&set[i].remote, remote) && ip_equal(&set[i].local, local)) {
			set[i].used = ++p->uses;
			return &set[i];
		}
	return NULL;
}

struct fast_open_peer *pb_fast_open_peer_need(struct fast_open_peers *p, size_t most, const struct ip *local,
					      const struct ip *remote)
{
	struct fast_open_peer *known = pb_fast_open_peer_find(p, local, remote);

	if (known)
		return known;
	if (!p->peer) {
		p->sets = most > PLACES ? most / PLACES : 1;
		p->peer = calloc(p->sets, PLACES * sizeof *p->peer);
		if (!p->peer)
			return NULL;
	}
	struct fast_open_peer *set = set_of(p, local, remote), *oldest = set;
	for (size_t i = 1; i < PLACES; i++)
		if (set[i].used < oldest->used)
			oldest = &set[i];
	*oldest = (struct fast_open_peer){ .local = *local, .remote = *remote, .used = ++p->uses };
	return oldest;
}

void pb_fast_open_peers_forget(struct fast_open_peers *p)
{
	free(p->peer);
	p->peer = NULL;
}

void pb_fast_open_peer_failed(struct fast_open_peer *p, uint16_t port, pb_time now)
{
	if (p->failed_port != port)
		p->failures = 0;
	if (p->failures < UINT8_MAX)
		p->failures++;
	p->failed_port = port;
	p->failed_at = now;
}

void pb_fast_open_peer_worked(struct fast_open_peer *p, uint16_t port)
{
	if (p->failed_port == port)
		p->failures = 0;
}

bool pb_fast_open_peer_is_paused(const struct fast_open_peer *p, uint16_t port, pb_time now, pb_time pause)
{
	if (p->failed_port != port || p->failures <= FAILURES_SPARED || pause == PB_NEVER)
		return false;
	unsigned doubled = p->failures - FAILURES_SPARED - 1;
	return now - p->failed_at < pause << (doubled < PAUSE_DOUBLED ? doubled : PAUSE_DOUBLED);
}
