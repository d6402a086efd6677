/*
 * The internet layer of one stack: its interfaces, routes, neighbours, fragments and ICMP, and the calls
 * that the transports make downwards. What climbs is the return value of pb_ip_input(): the stack's file
 * reads it and asks the next layer.
 *
 * Families differ in ip4.c, icmp4.c, arp.c, acd.c and their sisters ip6.c, icmp6.c, nd.c, dad.c; all else
 * is one.
 */
#ifndef PB_NET_INTERNET_H
#define PB_NET_INTERNET_H

#include "base/checksum.h"
#include "net/iface.h"

/*
 * The headers that a transport must leave room for in front of its own: Ethernet 14 (+ 2 to align), IPv6 40,
 * and a virtio-net header of 12.
 */
#define IP_HEADROOM 80

#define IP_TTL_DEFAULT 64 /* RFC 1700, IP parameters; Linux's, too */

/* A packet that came, when the internet layer is done with it. Refers to buf. */
struct ip_packet {
	struct pb_buf *
		/*
		 * data: the transport header, gathered up to IP_GATHER bytes or its end; total: without link
		 * padding
		 */
		buf;
	struct ip src, dst;
	uint8_t protocol;
	uint8_t ttl;
	uint8_t tos; /* DSCP and ECN (RFC 2474, 3168) */
	bool group;  /* for a broadcast or multicast address */
	/* for an address that is not ours; only where the internet layer was told to take these */
	bool foreign;
	struct iface *iface; /* it came in here */
	const uint8_t *
		/*
		 * the IP header, in the same block as buf's first part; header_len bytes up to the transport
		 * header
		 */
		header;
	uint16_t header_len;
};

#define IP_GATHER 128 /* transport headers with all their options: at most 60 for TCP */

/* What ICMP tells of a packet that we sent, in the terms of the sockets (RFC 1122 4.2.3.9, 4.1.3.3). */
struct ip_error {
	struct ip src, dst; /* of the packet that is complained of: src is ours */
	uint8_t protocol;
	const uint8_t *quote; /* its transport header, quote_len bytes of it: at least 8 (RFC 792) */
	size_t quote_len;
	struct ip offender; /* who says so */
	uint8_t type, code; /* of the ICMP message, of its family */
	/* errno: EHOSTUNREACH, ENETUNREACH, ECONNREFUSED, EMSGSIZE, EPROTO, …, as Linux maps them */
	int error;
	bool hard;    /* Linux's table: worth giving up for, where the peer could be believed */
	uint32_t mtu; /* EMSGSIZE: of the next hop (RFC 1191); already bounded to 68..65535 */
	/* A redirect, which is no error (0): by whom packets to dst are to go, over iface. Any: it is none. */
	struct ip gateway;
	struct iface *iface;
};

static inline bool ip_error_is_redirect(const struct ip_error *e)
{
	return !ip_is_any(&e->gateway);
}

/* What became of a frame. */
enum ip_verdict {
	IP_DONE,    /* consumed: dropped and counted, kept for reassembly, answered, or forwarded to ARP */
	IP_DELIVER, /* *packet is for a transport; its buf belongs to the caller */
	/*
	 * *error is for a transport, whose socket or connection the quote names; *packet is the ICMP message,
	 * for raw sockets; its buf belongs to the caller
	 */
	IP_COMPLAINT,
};

struct internet;

struct internet_limits {
	size_t neighbours_max;       /* entries of the neighbour cache; default 1024 */
	size_t reassembly_bytes;     /* fragments kept, in all; default 4 MiB (Linux: ipfrag_high_thresh) */
	size_t reassembly_datagrams; /* datagrams being put together; default 1024 */
	unsigned
		/* ICMP errors sent (RFC 1812 4.3.2.8); default 1000, and 1 a destination each … see icmp */
		errors_per_second;
};

int pb_internet_new(struct env *env, const struct internet_limits *limits, struct internet **net);
void pb_internet_free(struct internet *net);

/*
 * Bring up an interface over a device; takes the device. name: unique. 0 and *iface; -EEXIST, -ENOMEM. The
 * loopback interface, "lo", is there from the first: 127.0.0.1/8, MTU 65535; whatever is for an address of
 * ours goes over it.
 */
int pb_internet_attach(struct internet *net, struct pb_device *device, const char *name,
		       struct iface **iface);
struct iface *pb_internet_ifaces(struct internet *net); /* the first; then ->next */
struct iface *pb_internet_iface(struct internet *net, unsigned index);

/*
 * Give an interface an address, and the route to its subnet. On Ethernet it is probed for first (RFC 5227,
 * RFC 4862 §5.4) unless at_once; whether it is in use shows in its state. -EEXIST, -ENOSPC (there are
 * IFACE_ADDRESSES_MAX),
 * -EINVAL. The route stays as long as an address has its prefix. With the first of IPv6 comes a link-local one.
 */
int pb_internet_add_address(struct internet *net, struct iface *i, const struct ip *a, unsigned bits,
			    bool at_once);
int pb_internet_remove_address(struct internet *net, struct iface *i, const struct ip *a);

/*
 * Ask routers how to speak IPv6 on an Ethernet, and heed what they say from now on (RFC 4862). temporary:
 * with addresses that change from day to day, beside the stable ones (RFC 8981). 0; -EINVAL: no Ethernet,
 * or its MTU is less than 1280; -EALREADY, -ENOMEM, -ENOSPC.
 */
int pb_internet_autoconf(struct iface *i, bool temporary);

/* The name servers that routers told of (RFC 8106), count_max of them at most. How many. */
size_t pb_internet_name_servers(const struct internet *net, struct ip *servers, size_t count_max);

/* The n-th of the domains, likewise, in which they say that short names are looked for; NULL: there are not so many. */
const char *pb_internet_search_domain(const struct internet *net, size_t n);

/* Whether routers on an interface say that DHCPv6 knows more. */
bool pb_internet_advises_dhcp6(const struct iface *i);

/*
 * Listen to a group on an interface, and cease to: once each for each user; routers are told (RFC 3376, RFC
 * 3810). 0; -EINVAL: no group; -ENOBUFS: too many; -EADDRNOTAVAIL: not listened to. What a packet for a
 * group is delivered as says ip_packet.group.
 */
struct source_filter;
int pb_internet_listen(struct iface *i, const struct ip *group, const struct source_filter *before,
		       const struct source_filter *after); /* sources are in the interface's zone: group.h */
int pb_internet_join(struct iface *i, const struct ip *group);
int pb_internet_leave(struct iface *i, const struct ip *group);

/* The interface that has an address of ours; NULL: none. */
struct iface *pb_internet_owner(const struct internet *net, const struct ip *a);

/*
 * Routes: longest prefix first, then lowest metric (in order of adding). gateway NULL: on the link. 0,
 * -EEXIST, -ENOSPC, -ENETUNREACH (gateway not on the link).
 */
int pb_internet_add_route(struct internet *net, const struct ip *prefix, unsigned bits,
			  const struct ip *gateway, struct iface *i);
int pb_internet_remove_route(struct internet *net, const struct ip *prefix, unsigned bits);

/*
 * While foreign is set, packets for addresses that are not ours are delivered, too (marked so). Counted: on
 * and off in pairs.
 */
void pb_internet_take_foreign(struct internet *net, bool on);

/* Whether a is an address of ours that may be used (ready, on any interface; 127/8 and ::1). */
bool pb_internet_is_local(const struct internet *net, const struct ip *a);

/* Whether a is no host's: a multicast address, or a broadcast address of an interface of ours. */
bool pb_internet_is_group(const struct internet *net, const struct ip *a);

/*
 * A frame that came in on i: takes it. On IP_DELIVER and IP_COMPLAINT *packet and *error are filled in.
 * Checks everything that RFC 791, 1122 (and 8200) ask for; ARP and echo requests are answered here.
 */
enum ip_verdict pb_internet_input(struct internet *net, struct iface *i, struct pb_buf *frame,
				  struct ip_packet *packet, struct ip_error *error);

/*
 * The way to a peer, found once and kept by whoever sends there again and again. Valid as long as its
 * generation is the internet layer's: pb_ip_send() looks again when it is not.
 */
struct ip_path {
	struct ip src, dst;
	struct iface *iface;         /* over which; the loopback interface for our own addresses */
	struct neighbour *neighbour; /* next hop; NULL where there are none (loopback, tun, groups) */
	uint32_t generation;
	uint32_t mtu;   /* of the path: the interface's, or what ICMP told (RFC 1191, see path_mtu.h) */
	bool narrow;    /* ICMP told of less than PATH_MTU_MIN: packets leave without DF */
	uint16_t id;    /* where the identifications for this destination are counted */
	unsigned bound; /* interface index asked for; 0: any */
	bool group;     /* dst is broadcast or multicast */
	bool no_loop;   /* who listens to that group here is not to hear it (IP_MULTICAST_LOOP) */
};

/*
 * Find the way to dst. src any: the source is chosen (RFC 1122 3.3.4.3; RFC 6724 for version 6); otherwise it
 * is kept as it is. dst any is this host, as in Linux: path->dst says so. bound: index of the interface to
 * use, 0 any. 0; -ENETUNREACH: no route; -EADDRNOTAVAIL: no source address; -EINVAL: a loopback address as
 * source to elsewhere; -ENODEV: no such interface; -ENOBUFS.
 */
int pb_ip_path(struct internet *net, struct ip_path *path, const struct ip *src, const struct ip *dst,
	       unsigned bound);

struct ip_send {
	uint8_t protocol;
	uint8_t ttl; /* 0: IP_TTL_DEFAULT (1 for multicast) */
	uint8_t tos;
	bool dont_fragment; /* too large a packet is refused with -EMSGSIZE instead of cut */
};

/*
 * Send a transport's packet along a path; takes b (its data: the transport header; IP_HEADROOM in front of
 * it), whatever the answer. Super-segments pass whole where the device takes them. 0; -EMSGSIZE (path->mtu is
 * then right); -ENETUNREACH, -EHOSTUNREACH (a neighbour that did not answer), -ENOBUFS.
 */
int pb_ip_send(struct internet *net, struct ip_path *path, const struct ip_send *how, struct pb_buf *b);

/* Send a packet that carries its own IP header (IP_HDRINCL). */
int pb_ip_send_raw(struct internet *net, struct ip_path *path, struct pb_buf *b);

/* The pseudo-header's sum for a path and length: what a checksum field holds while its checksum is wanted. */
static inline uint64_t pb_ip_pseudo(const struct ip *src, const struct ip *dst, uint8_t protocol,
				    uint32_t len)
{
	if (ip_is4(dst)) /* each segment asks, so the sum is written out */
		return (uint64_t)ip_word4(src) + ip_word4(dst) + htons(protocol) + htonl(len);
	struct ip a = ip_in_zone(src, 0), b = ip_in_zone(dst, 0);
	return pb_checksum_add_pseudo(0, a.bytes, b.bytes, sizeof a.bytes, protocol, len);
}

/*
 * The peer there has just been heard, so its neighbour entry is good (RFC 4861 §7.3.1; TCP calls it on
 * forward progress).
 */
void pb_ip_confirm(struct internet *net, struct ip_path *path);

/* A datagram came for a port where nobody is: say so, if RFC 1122 3.2.2 allows. Does not take the packet. */
void pb_icmp_port_unreachable(struct internet *net, const struct ip_packet *packet);
void pb_icmp_protocol_unreachable(struct internet *net, const struct ip_packet *packet);

/*
 * What ICMP told of the path's MTU was believed by the transport: keep it for ten minutes (RFC 1191 §6.3).
 * Bounded table.
 */
void pb_ip_learn_mtu(struct internet *net, const struct ip *dst, uint32_t mtu);

/*
 * A redirect was believed by the transport, as it quotes what somebody here has sent: packets to that destination go by
 * the gateway that it names (RFC 1122 §3.2.2.2). Bounded table.
 */
void pb_ip_redirected(struct internet *net, const struct ip_error *e);

/* For netstat: the neighbour table. */
struct neighbour_info {
	struct ip ip;
	uint8_t mac[PB_MAC_LEN];
	const char *state;
	struct iface *iface;
};
void pb_internet_neighbours(struct internet *net, void (*fn)(const struct neighbour_info *n, void *context),
			    void *context);

#endif
