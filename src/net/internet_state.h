/*
 * What the internet layer of a stack consists of, for the files of this directory that need more than their
 * own part of it. Whoever is above knows internet.h only.
 */
#ifndef PB_NET_INTERNET_STATE_H
#define PB_NET_INTERNET_STATE_H

#include "net/bucket.h"
#include "net/internet.h"
#include "net/names.h"
#include "net/neighbour.h"
#include "net/path_mtu.h"
#include "net/rarp.h"
#include "net/reassembly.h"
#include "net/redirect.h"
#include "net/route.h"
#include "wire/ecn.h"

/* Counters of identifications and accounts of ICMP errors: destinations share them by a keyed hash. */
#define IDENTIFICATIONS 1024
#define ERROR_ACCOUNTS  256

/* A path that was found lately, for who asks for the same. */
#define PATHS_RECENT 16

struct recent_path {
	struct ip src, dst; /* as they were asked for */
	struct ip_path path;
};

struct internet {
	struct env *env;
	struct internet_limits limits;
	uint32_t generation; /* of paths; never 0 */
	struct iface *ifaces, *lo;
	unsigned foreign; /* pb_internet_take_foreign() */
	struct routes routes;
	struct neighbours neighbours;
	struct reassembly reassembly;
	struct path_mtus path_mtus;
	struct redirects redirects;
	struct recent_path recent_paths[PATHS_RECENT];
	struct rarp rarp;
	struct names names;
	struct pb_siphash_key key;
	struct pb_siphash_key stable_secret; /* of interface identifiers (RFC 7217 §5) */
	uint16_t ids[IDENTIFICATIONS];
	struct bucket errors;
	struct bucket errors_to[ERROR_ACCOUNTS];
};

/* Something has changed that paths depend on: each is looked for again. */
static inline void internet_changed(struct internet *net)
{
	if (++net->generation == 0)
		net->generation = 1;
}

/*
 * Whether a packet of that source and of that destination, ours, was found right before. Most are like the
 * one before.
 */
static inline bool internet_knows(const struct iface *i, const struct ip *src, const struct ip *dst)
{
	return i->known.generation == i->net->generation && ip_equal(&i->known.src, src) &&
	       ip_equal(&i->known.dst, dst);
}

static inline void internet_remember(struct iface *i, const struct ip *src, const struct ip *dst)
{
	i->known.src = *src;
	i->known.dst = *dst;
	i->known.generation = i->net->generation;
}

/* RFC 4293's ipSystemStatsTable knows nothing of ECN; as Linux counts. */
static inline void internet_count_ecn(struct internet *net, uint8_t tos, const struct pb_buf *b)
{
	static const size_t at[] = { [ECN_NOT_ECT] = offsetof(struct pb_counters, ip.InNoECTPkts),
				     [ECN_ECT1] = offsetof(struct pb_counters, ip.InECT1Pkts),
				     [ECN_ECT0] = offsetof(struct pb_counters, ip.InECT0Pkts),
				     [ECN_CE] = offsetof(struct pb_counters, ip.InCEPkts) };
	uint64_t *counter = (uint64_t *)((char *)&net->env->counters + at[ecn_of(tos)]);

	*counter += b->segment_size ? (b->total + b->segment_size - 1) / b->segment_size : 1;
}

/* The Ethernet address of a group: broadcast, or multicast by RFC 1112 §6.4. */
void pb_internet_group_mac(const struct ip *group, uint8_t mac[PB_MAC_LEN]);

/* As pb_internet_add_address(), with all that is said of it; it is copied. */
int pb_internet_add_entry(struct internet *net, const struct iface_address *entry);

/*
 * Where a packet was heard that came in on i: what we sent to a group comes back to us over the loopback,
 * and was heard on the interface that has its source.
 */
struct iface *pb_internet_heard_on(struct iface *i, const struct ip *src, const struct ip *dst);

/* A packet with its IP header, along a path that is valid. Takes b. 0 or -EHOSTUNREACH. */
int pb_internet_transmit(struct ip_path *path, struct pb_buf *b);

#endif
