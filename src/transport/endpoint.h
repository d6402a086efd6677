/*
 * What the sockets of datagrams (UDP, ICMP echo, raw) have in common: a peer perhaps, settings, and what has
 * come and was not read yet, datagrams and errors. Each protocol has a table of what it does its own way.
 */
#ifndef PB_TRANSPORT_ENDPOINT_H
#define PB_TRANSPORT_ENDPOINT_H

#include "transport/error_queue.h"

#define ENDPOINT_BUFFER_DEFAULT 212992 /* Linux: net.core.rmem_default, wmem_default */
#define ENDPOINT_BUFFER_MIN     2304   /* Linux: SOCK_MIN_RCVBUF */
#define ENDPOINT_BUFFER_MAX     (64 * 1024 * 1024)
#define ENDPOINT_PACKET_COST                                                                                 \
	576 /* what a datagram counts beside its bytes, so that empty ones fill a queue, too */
#define ENDPOINT_GROUPS_MAX   20 /* Linux: net.ipv4.igmp_max_memberships */
#define ENDPOINT_SOURCES_MAX4 10 /* Linux: net.ipv4.igmp_max_msf */
#define ENDPOINT_SOURCES_MAX  64 /* Linux: net.ipv6.mld_max_msf */

/* One that came. */
struct datagram {
	struct pb_buf *buf; /* what the owner reads of it */
	struct ip src, dst;
	uint16_t src_port;
	uint8_t ttl, tos;
	unsigned iface;
	pb_time when;   /* by the stack's clock */
	uint32_t drops; /* that had no room, until it came */
};

struct endpoint;

/* A group that is listened to, and whom in it: the sources named, or all but these. */
struct endpoint_group {
	struct iface *iface;
	struct ip group;
	bool include;
	unsigned source_count;
	struct ip *sources; /* ENDPOINT_SOURCES_MAX of them; NULL: none so far */
};

struct endpoint_ops {
	/* The local address and port; port 0: one is chosen. */
	int (*bind)(struct endpoint *e, const struct ip *addr, uint16_t port);
	/* The peer; NULL: none any more. */
	int (*connect)(struct endpoint *e, const struct ip *peer, uint16_t port);
	/*
	 * Send data (takes it, whatever the answer; it has room for headers in front) to a peer; from: NULL
	 * or what IP_PKTINFO says. 0 or -errno.
	 */
	int (*send)(struct endpoint *e, const struct ip *from, const struct ip *to, uint16_t port,
		    struct pb_buf *data);
	/* Forget everything and free it. */
	void (*close)(struct endpoint *e);
	size_t headroom; /* of the headers in front of data, beside IP's */
	size_t data_max; /* largest datagram, for IPv4 */
};

struct endpoint {
	const struct endpoint_ops *ops;
	struct env *env;
	struct internet *net;
	struct readiness news;

	struct ip local, peer;
	uint16_t local_port, peer_port; /* local_port: 0 until bound */
	bool bound, connected;
	struct ip_path path; /* to whom was sent last */
	int family;          /* AF_INET6: :: takes IPv4, too, unless v6only */

	/* Settings */
	uint32_t receive_buffer, send_buffer;
	unsigned interface; /* SO_BINDTODEVICE; 0: any */
	uint8_t ttl, group_ttl, tos;
	bool broadcast, v6only, reuse_addr, reuse_port, any;
	bool own_groups;    /* IP_MULTICAST_ALL is off: hear of groups only what was joined */
	bool free;          /* IP_FREEBIND */
	bool want_errors;   /* IP_RECVERR */
	bool dont_fragment; /* IP_MTU_DISCOVER */
	bool receive_shut, send_shut;
	int error; /* pending, as an errno; told once */

	/*
	 * Groups: which are listened to (IP_ADD_MEMBERSHIP), where they are sent to (IP_MULTICAST_IF,
	 * _LOOP).
	 */
	struct endpoint_group *joined; /* ENDPOINT_GROUPS_MAX of them; NULL: none so far */
	unsigned joined_count;
	unsigned group_interface; /* 0: as routes say */
	bool group_silent;        /* not to who listens here */

	/* What has come: a ring, that grows as far as receive_buffer allows. */
	struct datagram *ring;
	uint32_t size, first, count; /* size: a power of two */
	size_t bytes;
	uint32_t drops; /* had no room */
	struct error_queue errors;
};

void pb_endpoint_init(struct endpoint *e, const struct endpoint_ops *ops, struct env *env,
		      struct internet *net, int family);
/* Frees what it holds, not e. */
void pb_endpoint_fini(struct endpoint *e);

/* Something came for it: takes d->buf. False: dropped, there was no room (the caller counts that). */
bool pb_endpoint_push(struct endpoint *e, const struct datagram *d);
/* The datagram behind so many others, which stays the endpoint's; NULL: there is none. */
struct datagram *pb_endpoint_queued(struct endpoint *e, uint32_t behind);
void pb_endpoint_drop_first(struct endpoint *e);

/*
 * ICMP told something of a datagram of its. data, len: what was quoted of what its owner had sent. Does what
 * ip(7) says: who asked for errors gets all of them, queued; who is connected, the hard ones, as the pending
 * error.
 */
void pb_endpoint_complaint(struct endpoint *e, const struct ip_error *error, uint16_t port,
			   const uint8_t *data, size_t len);
/*
 * A datagram to a peer was refused: longer than its path takes. Who asked for errors finds that in the queue, too.
 * Returns rc.
 */
int pb_endpoint_refused(struct endpoint *e, const struct ip *to, uint16_t port, int rc);

/* The first error, handed over (free() it); NULL: none. */
struct returned *pb_endpoint_take_error(struct endpoint *e);

/* The pending error as -errno, and it is told; 0. */
int pb_endpoint_take_pending(struct endpoint *e);

/*
 * The way to a peer, with the endpoint's settings; kept in e->path. from: NULL, or the source to use. 0 or
 * -errno.
 */
int pb_endpoint_path(struct endpoint *e, const struct ip *from, const struct ip *to);

/*
 * Listen to a group, and cease to; closing ceases, too. 0; -EADDRINUSE: it does; -ENOBUFS: to too many;
 * -EINVAL: no group;
 * -EADDRNOTAVAIL: it does not.
 */
int pb_endpoint_join(struct endpoint *e, struct iface *i, const struct ip *group);
int pb_endpoint_leave(struct endpoint *e, struct iface *i, const struct ip *group);

/*
 * Name a source of a group, or cease to: one to be heard (include; naming the first joins, ceasing with the last
 * leaves), or one not to be heard of a group that is listened to. As Linux: 0; -EINVAL: it does not listen, or names
 * others the other way; -EADDRNOTAVAIL: it was named already, or was not; -ENOBUFS: too many.
 */
int pb_endpoint_name_source(struct endpoint *e, struct iface *i, const struct ip *group,
			    const struct ip *source, bool include);
int pb_endpoint_forget_source(struct endpoint *e, struct iface *i, const struct ip *group,
			      const struct ip *source, bool include);

/*
 * Name all its sources in place of those before: these are heard, or not; a group of which none is heard is left. 0;
 * -EINVAL: it does not listen; -EADDRNOTAVAIL: nor is there anything to leave; -ENOBUFS, -ENOMEM.
 */
struct source_filter;
int pb_endpoint_filter(struct endpoint *e, struct iface *i, const struct ip *group,
		       const struct source_filter *f);
/* A group as it is listened to; NULL: it is not. */
const struct endpoint_group *pb_endpoint_joined(const struct endpoint *e, const struct iface *i,
						const struct ip *group);

/* What of POLLIN, POLLOUT, POLLERR, … is true now (udp(7); Linux: datagram_poll()). */
int pb_endpoint_ready(const struct endpoint *e);

/* Whether a packet for dst that came on iface is for an endpoint bound as this one is. */
bool pb_endpoint_hears(const struct endpoint *e, const struct ip_packet *p);

#endif
