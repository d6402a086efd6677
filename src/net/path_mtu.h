/*
 * What ICMP told of the MTU of paths (RFC 1191 §6): by destination, for ten minutes, in a table of fixed
 * size. When it is full, the entry that is nearest to its end makes room.
 */
#ifndef PB_NET_PATH_MTU_H
#define PB_NET_PATH_MTU_H

#include "base/env.h"
#include "base/ip.h"

#define PATH_MTU_ENTRIES 256
#define PATH_MTU_AGE     PB_SEC(600) /* RFC 1191 §6.3 */

/*
 * Not lower, whatever is told: who could forge such a message would else make us send crumbs. 552 as in
 * Linux (the 512 bytes of text and 40 of headers that were once usual). Packets for a path that is said to
 * be narrower leave without DF, so that routers may cut them.
 */
#define PATH_MTU_MIN 552

struct path_mtus {
	struct env *env;
	uint32_t *generation; /* to be moved on when an entry ends: paths are then looked for again */
	struct pb_timer timer;
	size_t count;
	struct path_mtu {
		struct ip dst;
		uint32_t mtu; /* as told */
		pb_time end;
	} entries[PATH_MTU_ENTRIES];
};

void pb_path_mtus_init(struct path_mtus *m, struct env *env, uint32_t *generation);
void pb_path_mtus_fini(struct path_mtus *m);

/* Keep it. A larger one than is known is not believed (RFC 1191 §3). */
void pb_path_mtus_learn(struct path_mtus *m, const struct ip *dst, uint32_t mtu);

/* What was told of dst; 0: nothing. */
uint32_t pb_path_mtus_find(const struct path_mtus *m, const struct ip *dst);

/* What to guess below a packet of len bytes, where an old router told nothing (RFC 1191 §7.1). */
uint32_t pb_path_mtu_plateau(uint32_t len);

#endif
