/*
 * Interfaces: a device, the addresses we have on it, and sending frames on it. What a device cannot take
 * (super-segments, open checksums, packets of several parts) is finished here, at the very edge.
 */
#ifndef PB_NET_IFACE_H
#define PB_NET_IFACE_H

#include "base/env.h"
#include "base/ip.h"

#include <packetboat/device.h>

#define IFACE_ADDRESSES_MAX 64
#define IFACE_NAME_MAX      16

/* An address being probed is tentative: it is not used yet (RFC 5227 §2.1.1, RFC 4862 §5.4). */
enum iface_address_state { ADDRESS_TENTATIVE, ADDRESS_READY, ADDRESS_DUPLICATE };

/* Where an address comes from; what the user gave us stays until it is taken away. */
enum iface_address_origin { ADDRESS_GIVEN, ADDRESS_LINK_LOCAL, ADDRESS_STABLE, ADDRESS_TEMPORARY };

struct iface_address {
	struct ip ip;
	uint8_t bits;        /* of the prefix that is on the link; 32 or 128: none */
	struct ip broadcast; /* all host bits one; of IPv4 subnets with room for one (RFC 3021 §2.1) */
	enum iface_address_state state;
	enum iface_address_origin origin;
	uint8_t probes;   /* sent so far, then announcements */
	uint8_t nonce[6]; /* in them, of IPv6 (RFC 7527) */
	uint8_t attempt;  /* at making an address that is nobody else's (RFC 7217 §5, DAD_Counter) */
	pb_time preferred_until, valid_until; /* RFC 4862 §5.5.4; PB_NEVER: always */
	pb_time preferred_most, valid_most;   /* of a temporary one, whatever routers say (RFC 8981 §3.4) */
	bool off_link;    /* that we have it does not mean that its prefix is on the link (RFC 5942 §4) */
	pb_time defended; /* when it was last claimed against another's use; PB_NEVER: not so far */
	struct pb_timer timer;
	struct iface *iface;
};

struct internet;

#define GROUPS_MAX 128 /* on one interface, with the solicited-node groups of its addresses */

/* To which groups we listen, and what is to be told of it: group.h's. */
struct groups {
	struct iface *iface;
	struct group {
		struct ip ip;
		unsigned includers, excluders; /* users. None: we have left, and it is still to be told */
		unsigned untold; /* reports of the last change that are due (RFC 3376 §8.1, RFC 3810 §9.1) */
		bool asked;      /* a router wants to know */
		struct group_source *sources; /* GROUP_SOURCES_MAX of them; NULL: none so far */
		unsigned source_count;
	} group[GROUPS_MAX];
	unsigned count;
	struct pb_timer report[2]; /* of IPv4, of IPv6 */
	pb_time older_until[2][3]; /* of each: until when routers are told in a version (group_older.h) */
};

struct iface {
	struct env *env;
	struct internet *net;
	struct pb_device *device;
	unsigned index; /* 1 and up, as sin6_scope_id and SO_BINDTODEVICE have it */
	char name[IFACE_NAME_MAX];
	uint32_t mtu;
	bool loopback; /* what is sent comes back: carries what is for our own addresses */
	/* What routers say of the link, for IPv6; at first what its RFCs have (RFC 4861 §6.3.2). */
	uint32_t mtu6;
	uint8_t hop_limit;
	pb_time reachable_time, retrans_timer;
	struct groups groups;
	struct autoconf *autoconf; /* NULL: nobody asks routers */
	struct iface_address *addresses[IFACE_ADDRESSES_MAX];
	unsigned address_count;
	/* The last pair of addresses, source and ours, that was found right; while generation is the paths'. */
	struct {
		struct ip src, dst;
		uint32_t generation;
	} known;
	struct iface *next;
};

/*
 * Send an IP packet in a frame to a MAC address (ignored where there is no Ethernet). Takes b, which has
 * headroom for the header.
 */
void pb_iface_send(struct iface *i, const uint8_t to[PB_MAC_LEN], uint16_t ethertype, struct pb_buf *b);

/* The entry of an address of ours here; NULL. Tentative ones, too. */
struct iface_address *pb_iface_address(struct iface *i, const struct ip *a);

/*
 * Whether a is a broadcast address here: limited, or of the subnet of one of our addresses (RFC 1122
 * 3.2.1.3).
 */
bool pb_iface_is_broadcast(const struct iface *i, const struct ip *a);

#endif
