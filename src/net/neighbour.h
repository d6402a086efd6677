/*
 * Neighbours: who is reached directly over an Ethernet, and at which address there. The states and times are
 * those of RFC 4861 §7.3, for ARP as well, so the protocols differ only in how they ask (struct
 * neighbour_ops).
 *
 *   INCOMPLETE   being asked for, by broadcast; packets wait
 *   REACHABLE    lately confirmed
 *   STALE        not lately; used all the same, and the first use makes it
 *   DELAY        used, in the hope that a transport confirms it; then
 *   PROBE        being asked itself
 *   FAILED       no answer
 *
 * The cache is bounded: when it is full, one goes that was not used lately (a second-chance round). Who
 * never answered counts as not used, so that scanning a subnet pushes out nobody else. What waits for an
 * answer is bounded, too; the oldest is dropped. An answer that was asked for says where a neighbour is; who asks us
 * for an address of ours says where he is, as he wants to talk (RFC 826, RFC 4861 §7.2.3), which is verified when it
 * is used.
 */
#ifndef PB_NET_NEIGHBOUR_H
#define PB_NET_NEIGHBOUR_H

#include "net/bucket.h"
#include "net/iface.h"

#define NEIGHBOUR_REACHABLE_TIME PB_SEC(30) /* RFC 4861 §10, REACHABLE_TIME */
#define NEIGHBOUR_RETRANS_TIMER  PB_SEC(1)  /* RFC 4861 §10; RFC 1122 §2.3.2.1: at most one a second */
#define NEIGHBOUR_DELAY          PB_SEC(5)  /* RFC 4861 §10, DELAY_FIRST_PROBE_TIME */
#define NEIGHBOUR_SOLICITS       3          /* RFC 4861 §10, MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT */
#define NEIGHBOUR_QUEUE_PACKETS  32         /* RFC 1122 §2.3.2.2 asks for one at least */
#define NEIGHBOUR_QUEUE_BYTES    (128 * 1024) /* super-segments are large */

/*
 * So many a second are learnt from what nobody has asked for, and so many at once: who makes up senders would else push
 * everybody out of the cache. With these it takes him a minute, in which who is spoken to is marked as used.
 */
#define NEIGHBOURS_LEARNT_A_SECOND 16
#define NEIGHBOURS_LEARNT_AT_ONCE  64

enum neighbour_state {
	NEIGHBOUR_INCOMPLETE,
	NEIGHBOUR_REACHABLE,
	NEIGHBOUR_STALE,
	NEIGHBOUR_DELAYED,
	NEIGHBOUR_PROBE,
	NEIGHBOUR_FAILED
};

struct neighbour {
	struct ip ip;
	struct iface *iface;
	uint8_t mac[PB_MAC_LEN];
	bool used; /* since the hand came by */
	enum neighbour_state state;
	pb_time reachable_until; /* REACHABLE that has lasted longer is STALE */
	unsigned solicits;       /* sent in this state */
	struct pb_timer timer;
	struct pb_buf_queue waiting; /* IP packets */
	struct neighbours *cache;
	struct neighbour *next; /* in its bucket */
	struct pb_link round;   /* of the hand */
};

struct neighbour_ops {
	/* Ask: everybody (INCOMPLETE), or the neighbour itself at the address that is known (PROBE). */
	void (*solicit)(struct neighbour *n);
	/* There was no answer. */
	void (*failed)(struct neighbour *n);
	/* Then, for each packet that waited for it, which it takes. */
	void (*unreachable)(struct neighbour *n, struct pb_buf *b);
};

struct neighbours {
	struct env *env;
	const struct neighbour_ops *ops;
	struct pb_siphash_key key;
	struct neighbour **buckets;
	size_t size; /* of buckets, a power of two */
	size_t count, count_max;
	struct pb_link round;
	struct bucket learnt;
	uint32_t *generation; /* to be moved on when one goes: paths may point to it */
};

/* 0 or -ENOMEM. */
int pb_neighbours_init(struct neighbours *c, struct env *env, size_t count_max,
		       const struct neighbour_ops *ops, uint32_t *generation);
void pb_neighbours_fini(struct neighbours *c);

/* The entry of ip on i; NULL: there is none. */
struct neighbour *pb_neighbours_find(struct neighbours *c, const struct iface *i, const struct ip *ip);

/* The same, made if there is none: nobody is asked before something is sent. NULL: out of memory. */
struct neighbour *pb_neighbours_get(struct neighbours *c, struct iface *i, const struct ip *ip);

/*
 * Somebody on the link has said where he is, unasked, in asking us for something: STALE, where it was not known or
 * nobody relies on it. Bounded (NEIGHBOURS_LEARNT_…).
 */
void pb_neighbours_learn(struct neighbours *c, struct iface *i, const struct ip *ip,
			 const uint8_t mac[PB_MAC_LEN]);

/*
 * Send an IP packet there, now or when it has answered. Takes b. 0; -EHOSTUNREACH: it did not answer lately,
 * and is asked again.
 */
int pb_neighbour_send(struct neighbour *n, struct pb_buf *b);

/*
 * It has said where it is. Believed where that was asked for; otherwise, if it says something else than is
 * known, it will be asked. Whether it was believed.
 */
bool pb_neighbour_heard(struct neighbour *n, const uint8_t mac[PB_MAC_LEN]);

/*
 * Neighbour discovery's form of it (RFC 4861 §7.2.5): an address for an entry that is there. solicited: we
 * asked for it; override: it takes the place of another. Whether anybody had asked.
 */
bool pb_neighbour_advertised(struct neighbour *n, const uint8_t mac[PB_MAC_LEN], bool solicited,
			     bool override);

/* Where it is, as far as that is known; NULL: it is not, or n is NULL. */
const uint8_t *pb_neighbour_mac(const struct neighbour *n);

/* A transport knows that packets arrive there (RFC 4861 §7.3.1). */
void pb_neighbour_confirm(struct neighbour *n);

/* The state's name, as ip-neighbour(8) has it. */
const char *pb_neighbour_state_text(const struct neighbour *n);

#endif
