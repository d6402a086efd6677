/*
 * A UDP, ICMP echo or raw socket of a stack: datagram.c its calls, datagram_ancillary.c what goes beside the data,
 * datagram_options.c, datagram_groups.c and datagram_filters.c its options.
 */
#ifndef PB_SOCKET_DATAGRAM_H
#define PB_SOCKET_DATAGRAM_H

#include "socket/stack.h"

struct datagram_socket {
	struct pb_socket base; /* first */
	struct endpoint *endpoint;
	int type, protocol;
	bool want_info, want_ttl, want_tos; /* IP_PKTINFO, IP_RECVTTL, IP_RECVTOS: as ancillary data */
	bool want_dst;                      /* IP_RECVORIGDSTADDR */
	uint8_t want_time;                  /* SO_TIMESTAMP or SO_TIMESTAMPNS; 0: neither */
	bool merges;                        /* UDP_GRO: taken; nothing is ever merged */
	bool want_drops;                    /* SO_RXQ_OVFL */
	int peek_from;    /* SO_PEEK_OFF: of what is queued, where MSG_PEEK reads; negative: it is off */
	uint16_t segment; /* UDP_SEGMENT: what is sent is cut to datagrams of so many bytes; 0: not */
};

static inline struct datagram_socket *datagram_of(const struct pb_socket *s)
{
	return (struct datagram_socket *)s;
}

/*
 * What goes beside a datagram that came, as far as it was asked for and there is room: sets msg_controllen
 * and flags.
 */
void pb_datagram_tell(const struct datagram_socket *s, const struct datagram *d, struct msghdr *msg);

/* What the control messages of a sendmsg(2) ask for this time. */
struct datagram_wishes {
	struct ip source; /* IP_PKTINFO; if has_source */
	bool has_source;
	uint8_t ttl, tos; /* IP_TTL, IP_TOS; else the socket's */
	uint16_t segment; /* UDP_SEGMENT; else the socket's */
};

/* 0 or -EINVAL. */
int pb_datagram_wishes(const struct datagram_socket *s, const struct msghdr *msg, struct datagram_wishes *w);

int pb_datagram_getsockopt(struct pb_socket *s, int level, int name, void *value, socklen_t *len);
int pb_datagram_setsockopt(struct pb_socket *s, int level, int name, const void *value, socklen_t len);

/* datagram_groups.c: options of groups. -ENOPROTOOPT: it is none of them. */
int pb_datagram_set_group(struct datagram_socket *s, int level, int name, const void *value, socklen_t len);
int pb_datagram_get_group(const struct datagram_socket *s, int level, int name, int *n);
struct iface *pb_datagram_interface(const struct endpoint *e, int index, const struct ip *addr);

/* datagram_filters.c: IP_MSFILTER, MCAST_MSFILTER. -ENOPROTOOPT: it is neither. */
int pb_datagram_set_group_filter(struct datagram_socket *s, int level, int name, const void *value,
				 socklen_t len);
int pb_datagram_get_group_filter(const struct datagram_socket *s, int level, int name, void *value,
				 socklen_t *len);

#endif
