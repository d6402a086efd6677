/* Options of a stack's datagram sockets: socket(7), udp(7), raw(7), icmp(7), ip(7), ipv6(7). */
#include "socket/datagram.h"

#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/udp.h>

static uint32_t buffer_size(int n)
{
	int64_t size = (int64_t)n * 2; /* as the kernel doubles it: socket(7) */

	return size < ENDPOINT_BUFFER_MIN   ? ENDPOINT_BUFFER_MIN
	       : size > ENDPOINT_BUFFER_MAX ? ENDPOINT_BUFFER_MAX
					    : (uint32_t)size;
}

static int set_reuse(struct datagram_socket *s, bool *reuse, bool on)
{
	*reuse = on;
	if (s->protocol == IPPROTO_UDP)
		pb_udp_share_port((struct udp_endpoint *)s->endpoint);
	return 0;
}

/* SO_TIMESTAMP and SO_TIMESTAMPNS: one or the other, the last that was set (Linux: sock_set_timestamp()). */
static int set_time(struct datagram_socket *s, int name, int n)
{
	s->want_time = n ? (uint8_t)name : 0;
	return 0;
}

static int set_socket(struct datagram_socket *s, int name, int n)
{
	struct endpoint *e = s->endpoint;

	switch (name) {
	case SO_REUSEADDR:
		return set_reuse(s, &e->reuse_addr, n);
	case SO_REUSEPORT:
		return set_reuse(s, &e->reuse_port, n);
	case SO_BROADCAST:
		e->broadcast = n;
		return 0;
	case SO_SNDBUFFORCE: /* there are no privileges here */
	case SO_SNDBUF:
		e->send_buffer = buffer_size(n);
		return 0;
	case SO_RCVBUFFORCE:
	case SO_RCVBUF:
		e->receive_buffer = buffer_size(n);
		return 0;
	case SO_TIMESTAMP:
	case SO_TIMESTAMPNS:
		return set_time(s, name, n);
	case SO_RXQ_OVFL:
		s->want_drops = n;
		return 0;
	case SO_PEEK_OFF:
		if (s->type == SOCK_RAW)
			return -EOPNOTSUPP;
		s->peek_from = n;
		return 0;
	case SO_BINDTOIFINDEX:
		e->interface = n < 0 ? 0 : (unsigned)n;
		return n < 0 ? -EINVAL : 0;
	case SO_KEEPALIVE: /* mean nothing here, and are taken */
	case SO_PRIORITY:
	case SO_MARK: /* no rule asks for it */
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int get_socket(const struct datagram_socket *s, int name, int *n)
{
	struct endpoint *e = s->endpoint;

	switch (name) {
	case SO_ERROR:
		*n = -pb_endpoint_take_pending(e);
		return 0;
	case SO_ACCEPTCONN:
		*n = 0;
		return 0;
	case SO_REUSEADDR:
		*n = e->reuse_addr;
		return 0;
	case SO_REUSEPORT:
		*n = e->reuse_port;
		return 0;
	case SO_BROADCAST:
		*n = e->broadcast;
		return 0;
	case SO_SNDBUF:
		*n = (int)e->send_buffer;
		return 0;
	case SO_RCVBUF:
		*n = (int)e->receive_buffer;
		return 0;
	case SO_TIMESTAMP:
	case SO_TIMESTAMPNS:
		*n = s->want_time == name;
		return 0;
	case SO_RCVLOWAT: /* socket(7): a datagram is enough */
	case SO_SNDLOWAT:
		*n = 1;
		return 0;
	case SO_RXQ_OVFL:
		*n = s->want_drops;
		return 0;
	case SO_PEEK_OFF:
		*n = s->peek_from;
		return s->type == SOCK_RAW ? -EOPNOTSUPP : 0;
	case SO_BINDTOIFINDEX:
		*n = (int)e->interface;
		return 0;
	default:
		return pb_stack_identity(name, e->family, s->type, s->protocol, n);
	}
}

static int set_ttl(uint8_t *ttl, int n, int least)
{
	if (n < -1 || (n >= 0 && n < least) || n > 255)
		return -EINVAL;
	*ttl = n == -1 ? (uint8_t)least : (uint8_t)n;
	return 0;
}

static int set_ip(struct datagram_socket *s, int name, int n)
{
	struct endpoint *e = s->endpoint;

	switch (name) {
	case IP_TTL:
		return n == -1 ? (e->ttl = 0) : set_ttl(&e->ttl, n, 1);
	case IP_MULTICAST_TTL:
		return set_ttl(&e->group_ttl, n, n == -1);
	case IP_TOS:
		e->tos = (uint8_t)n;
		return 0;
	case IP_RECVERR:
		e->want_errors = n;
		return 0;
	case IP_PKTINFO:
		s->want_info = n;
		return 0;
	case IP_RECVTTL:
		s->want_ttl = n;
		return 0;
	case IP_RECVTOS:
		s->want_tos = n;
		return 0;
	case IP_RECVORIGDSTADDR:
		s->want_dst = n;
		return 0;
	case IP_FREEBIND:
		e->free = n;
		return 0;
	case IP_MULTICAST_ALL:
		e->own_groups = !n;
		return n < 0 || n > 1 ? -EINVAL : 0;
	case IP_TRANSPARENT:
		e->any = n;
		if (n)
			stack_take_foreign(stack_of(&s->base));
		return 0;
	case IP_MTU_DISCOVER:
		e->dont_fragment = n == IP_PMTUDISC_DO || n == IP_PMTUDISC_PROBE;
		return n < IP_PMTUDISC_DONT || n > IP_PMTUDISC_OMIT ? -EINVAL : 0;
	case IP_HDRINCL:
		if (s->type != SOCK_RAW)
			return -ENOPROTOOPT;
		((struct raw_endpoint *)e)->header_included = n;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int get_ip(const struct datagram_socket *s, int name, int *n)
{
	const struct endpoint *e = s->endpoint;

	switch (name) {
	case IP_TTL:
		*n = e->ttl ? e->ttl : IP_TTL_DEFAULT;
		return 0;
	case IP_MULTICAST_TTL:
		*n = e->group_ttl;
		return 0;
	case IP_TOS:
		*n = e->tos;
		return 0;
	case IP_RECVERR:
		*n = e->want_errors;
		return 0;
	case IP_PKTINFO:
		*n = s->want_info;
		return 0;
	case IP_RECVTTL:
		*n = s->want_ttl;
		return 0;
	case IP_RECVTOS:
		*n = s->want_tos;
		return 0;
	case IP_RECVORIGDSTADDR:
		*n = s->want_dst;
		return 0;
	case IP_FREEBIND:
		*n = e->free;
		return 0;
	case IP_MULTICAST_ALL:
		*n = !e->own_groups;
		return 0;
	case IP_TRANSPARENT:
		*n = e->any;
		return 0;
	case IP_MTU_DISCOVER:
		*n = e->dont_fragment ? IP_PMTUDISC_DO : IP_PMTUDISC_WANT;
		return 0;
	case IP_MTU:
		*n = (int)e->path.mtu;
		return e->connected ? 0 : -ENOTCONN;
	default:
		return -ENOPROTOOPT;
	}
}

/* IPv6's numbers for what IPv4 has, too; 0: there is none. */
static int sister_of(int name)
{
	switch (name) {
	case IPV6_UNICAST_HOPS:
		return IP_TTL;
	case IPV6_MULTICAST_HOPS:
		return IP_MULTICAST_TTL;
	case IPV6_TCLASS:
		return IP_TOS;
	case IPV6_RECVERR:
		return IP_RECVERR;
	case IPV6_RECVPKTINFO:
		return IP_PKTINFO;
	case IPV6_RECVHOPLIMIT:
		return IP_RECVTTL;
	case IPV6_RECVTCLASS:
		return IP_RECVTOS;
	case IPV6_MTU_DISCOVER:
		return IP_MTU_DISCOVER;
	case IPV6_MTU:
		return IP_MTU;
	case IPV6_RECVORIGDSTADDR:
		return IP_RECVORIGDSTADDR;
	case IPV6_FREEBIND:
		return IP_FREEBIND;
	case IPV6_TRANSPARENT:
		return IP_TRANSPARENT;
	case IPV6_MULTICAST_ALL:
		return IP_MULTICAST_ALL;
	default:
		return 0;
	}
}

static int set_ip6(struct datagram_socket *s, int name, int n)
{
	struct endpoint *e = s->endpoint;

	if (e->family != AF_INET6)
		return -ENOPROTOOPT;
	if (name == IPV6_DONTFRAG) {
		e->dont_fragment = n;
		return 0;
	}
	if (name != IPV6_V6ONLY)
		return sister_of(name) ? set_ip(s, sister_of(name), n) : -ENOPROTOOPT;
	if (e->bound)
		return -EINVAL;
	e->v6only = n;
	return 0;
}

static int get_ip6(const struct datagram_socket *s, int name, int *n)
{
	if (s->endpoint->family != AF_INET6)
		return -ENOPROTOOPT;
	if (name == IPV6_DONTFRAG) {
		*n = s->endpoint->dont_fragment;
		return 0;
	}
	if (name != IPV6_V6ONLY)
		return sister_of(name) ? get_ip(s, sister_of(name), n) : -ENOPROTOOPT;
	*n = s->endpoint->v6only;
	return 0;
}

static int set_udp(struct datagram_socket *s, int name, int n)
{
	switch (name) {
	case UDP_SEGMENT:
		if (n < 0 || n > UINT16_MAX)
			return -EINVAL;
		s->segment = (uint16_t)n;
		return 0;
	case UDP_GRO:
		s->merges = n;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int get_udp(const struct datagram_socket *s, int name, int *n)
{
	switch (name) {
	case UDP_SEGMENT:
		*n = s->segment;
		return 0;
	case UDP_GRO:
		*n = s->merges;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int set_filter(struct datagram_socket *s, const void *value, socklen_t len)
{
	struct icmp_filter filter;

	if (s->type != SOCK_RAW || s->protocol != IPPROTO_ICMP)
		return -EOPNOTSUPP;
	if (len < sizeof filter)
		return -EINVAL;
	memcpy(&filter, value, sizeof filter);
	((struct raw_endpoint *)s->endpoint)->icmp_filter[0] = filter.data;
	return 0;
}

/* RFC 3542 §3.2: a bit for each type; Linux's form has it set where a type does not come. */
static int set_filter6(struct datagram_socket *s, const void *value, socklen_t len)
{
	struct raw_endpoint *e = (struct raw_endpoint *)s->endpoint;

	if (s->type != SOCK_RAW)
		return -EOPNOTSUPP;
	memcpy(e->icmp_filter, value, len < sizeof e->icmp_filter ? len : sizeof e->icmp_filter);
	return 0;
}

int pb_datagram_setsockopt(struct pb_socket *socket, int level, int name, const void *value, socklen_t len)
{
	struct datagram_socket *s = datagram_of(socket);
	int n, rc;

	if (level == SOL_RAW && name == ICMP_FILTER)
		return set_filter(s, value, len);
	if (level == IPPROTO_ICMPV6 && name == ICMPV6_FILTER && s->protocol == IPPROTO_ICMPV6)
		return set_filter6(s, value, len);
	if (level == SOL_SOCKET && name == SO_BINDTODEVICE)
		return pb_stack_interface_named(stack_of(socket), value, len, &s->endpoint->interface);
	rc = pb_datagram_set_group(s, level, name, value, len);
	if (rc == -ENOPROTOOPT)
		rc = pb_datagram_set_group_filter(s, level, name, value, len);
	if (rc != -ENOPROTOOPT)
		return rc;
	rc = pb_stack_option_in(level, value, len, &n);
	if (rc < 0)
		return rc;
	if (level == SOL_SOCKET)
		return set_socket(s, name, n);
	if (level == IPPROTO_UDP && s->protocol == IPPROTO_UDP)
		return set_udp(s, name, n);
	if (level == IPPROTO_IP)
		return set_ip(s, name, n);
	return level == IPPROTO_IPV6 ? set_ip6(s, name, n) : -ENOPROTOOPT;
}

int pb_datagram_getsockopt(struct pb_socket *socket, int level, int name, void *value, socklen_t *len)
{
	struct datagram_socket *s = datagram_of(socket);
	int n = 0, rc;

	if (level == SOL_SOCKET && name == SO_BINDTODEVICE)
		return pb_stack_interface_name(stack_of(socket), s->endpoint->interface, value, len);
	rc = pb_datagram_get_group_filter(s, level, name, value, len);
	if (rc != -ENOPROTOOPT)
		return rc;
	if (pb_datagram_get_group(s, level, name, &n) == 0)
		rc = 0;
	else if (level == SOL_SOCKET)
		rc = get_socket(s, name, &n);
	else if (level == IPPROTO_UDP && s->protocol == IPPROTO_UDP)
		rc = get_udp(s, name, &n);
	else if (level == IPPROTO_IP)
		rc = get_ip(s, name, &n);
	else
		rc = level == IPPROTO_IPV6 ? get_ip6(s, name, &n) : -ENOPROTOOPT;
	return rc < 0 ? rc : pb_stack_int_out(n, value, len);
}
