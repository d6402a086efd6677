/*
 * Groups, for a stack's datagram sockets: IP_ADD_MEMBERSHIP and its kin (ip(7)), IPV6_JOIN_GROUP (RFC 3493
 * §5.2), MCAST_JOIN_GROUP (RFC 3678 §5.1), and sources chosen among: IP_ADD_SOURCE_MEMBERSHIP, MCAST_JOIN_SOURCE_GROUP
 * and their kin (RFC 3678 §4.1.2, §5.1.1). Errors are Linux's.
 */
#include "socket/datagram.h"

/*
 * The interface of a number, or where that is 0, of an address of its; 0.0.0.0: the first beside the
 * loopback.
 */
struct iface *pb_datagram_interface(const struct endpoint *e, int index, const struct ip *addr)
{
	struct iface *i = pb_internet_ifaces(e->net);

	if (index)
		return index < 0 ? NULL : pb_internet_iface(e->net, (unsigned)index);
	if (addr && !ip_is_any(addr))
		return pb_internet_owner(e->net, addr);
	return i && i->next ? i->next : i;
}

static int change(struct endpoint *e, bool join, struct iface *i, const struct ip *group)
{
	if (!ip_is_multicast(group))
		return -EINVAL;
	if (!i)
		return -ENODEV;
	return join ? pb_endpoint_join(e, i, group) : pb_endpoint_leave(e, i, group);
}

/* struct ip_mreq, or struct ip_mreqn which has a number behind. */
static int read_mreqn(const void *value, socklen_t len, struct ip_mreqn *m)
{
	*m = (struct ip_mreqn){ 0 };
	if (len < sizeof(struct ip_mreq))
		return -EINVAL;
	memcpy(m, value, len < sizeof *m ? sizeof(struct ip_mreq) : sizeof *m);
	return 0;
}

static int change4(struct endpoint *e, bool join, const void *value, socklen_t len)
{
	struct ip_mreqn m;

	if (read_mreqn(value, len, &m) < 0)
		return -EINVAL;
	struct ip group = ip_from4((const uint8_t *)&m.imr_multiaddr),
		  addr = ip_from4((const uint8_t *)&m.imr_address);
	return change(e, join, pb_datagram_interface(e, m.imr_ifindex, &addr), &group);
}

static int change6(struct endpoint *e, bool join, const void *value, socklen_t len)
{
	struct ipv6_mreq m;

	if (len < sizeof m)
		return -EINVAL;
	memcpy(&m, value, sizeof m);
	struct ip group = ip_from6(m.ipv6mr_multiaddr.s6_addr);
	return change(e, join, pb_datagram_interface(e, (int)m.ipv6mr_interface, NULL), &group);
}

static int change_any(struct endpoint *e, bool join, const void *value, socklen_t len)
{
	struct group_req m;
	struct ip group;
	uint16_t port;

	if (len < sizeof m)
		return -EINVAL;
	memcpy(&m, value, sizeof m);
	if (!pb_ip_from_sockaddr(&group, &port, (const struct sockaddr *)&m.gr_group, sizeof m.gr_group))
		return -EINVAL;
	group = ip_in_zone(&group, 0);
	return change(e, join, pb_datagram_interface(e, (int)m.gr_interface, NULL), &group);
}

/* What an option does with a source of a group. False: it is none of these. */
struct source_change {
	bool include; /* a source to be heard, or one not to be */
	bool named;   /* from now on, or no more */
};

static bool source_change_of(int name, struct source_change *change)
{
	switch (name) {
	case IP_ADD_SOURCE_MEMBERSHIP:
	case MCAST_JOIN_SOURCE_GROUP:
		*change = (struct source_change){ true, true };
		return true;
	case IP_DROP_SOURCE_MEMBERSHIP:
	case MCAST_LEAVE_SOURCE_GROUP:
		*change = (struct source_change){ true, false };
		return true;
	case IP_BLOCK_SOURCE:
	case MCAST_BLOCK_SOURCE:
		*change = (struct source_change){ false, true };
		return true;
	case IP_UNBLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE:
		*change = (struct source_change){ false, false };
		return true;
	default:
		return false;
	}
}

static int change_source(struct endpoint *e, const struct source_change *change, struct iface *i,
			 const struct ip *group, const struct ip *source)
{
	if (!ip_is_multicast(group))
		return -EINVAL;
	if (!i)
		return -ENODEV;
	struct ip in_zone = ip_in_zone(source, i->index);
	return change->named ? pb_endpoint_name_source(e, i, group, &in_zone, change->include)
			     : pb_endpoint_forget_source(e, i, group, &in_zone, change->include);
}

static int change_source4(struct endpoint *e, const struct source_change *change, const void *value,
			  socklen_t len)
{
	struct ip_mreq_source m;

	if (len != sizeof m)
		return -EINVAL;
	memcpy(&m, value, sizeof m);
	struct ip group = ip_from4((const uint8_t *)&m.imr_multiaddr),
		  addr = ip_from4((const uint8_t *)&m.imr_interface),
		  source = ip_from4((const uint8_t *)&m.imr_sourceaddr);
	return change_source(e, change, pb_datagram_interface(e, 0, &addr), &group, &source);
}

static int change_source_any(struct endpoint *e, const struct source_change *change, const void *value,
			     socklen_t len)
{
	struct group_source_req m;
	struct ip group, source;
	uint16_t port;

	if (len < sizeof m)
		return -EINVAL;
	memcpy(&m, value, sizeof m);
	if (m.gsr_group.ss_family != m.gsr_source.ss_family ||
	    !pb_ip_from_sockaddr(&group, &port, (const struct sockaddr *)&m.gsr_group, sizeof m.gsr_group) ||
	    !pb_ip_from_sockaddr(&source, &port, (const struct sockaddr *)&m.gsr_source, sizeof m.gsr_source))
		return -EADDRNOTAVAIL;
	group = ip_in_zone(&group, 0);
	return change_source(e, change, pb_datagram_interface(e, (int)m.gsr_interface, NULL), &group,
			     &source);
}

/* IP_MULTICAST_IF takes an address, or a structure; nothing of all is as routes say. */
static int choose4(struct endpoint *e, const void *value, socklen_t len)
{
	struct ip_mreqn m = { 0 };

	if (len < sizeof m.imr_address)
		return -EINVAL;
	if (len < sizeof(struct ip_mreq))
		memcpy(&m.imr_address, value, sizeof m.imr_address);
	else
		read_mreqn(value, len, &m);
	struct ip addr = ip_from4((const uint8_t *)&m.imr_address);
	if (!m.imr_ifindex && ip_is_any(&addr)) {
		e->group_interface = 0;
		return 0;
	}
	struct iface *i = pb_datagram_interface(e, m.imr_ifindex, &addr);
	if (!i)
		return -EADDRNOTAVAIL;
	e->group_interface = i->index;
	return 0;
}

static int choose6(struct endpoint *e, const void *value, socklen_t len)
{
	int index, rc = pb_stack_int_in(value, len, &index);

	if (rc < 0)
		return rc;
	if (index && (index < 0 || !pb_internet_iface(e->net, (unsigned)index)))
		return -ENODEV;
	e->group_interface = (unsigned)index;
	return 0;
}

/* As ip(7) has it, a byte will do. */
static int set_loop(struct endpoint *e, const void *value, socklen_t len)
{
	int n = 0;

	if (len < 1)
		return -EINVAL;
	memcpy(&n, value, len < sizeof n ? 1 : sizeof n);
	e->group_silent = !n;
	e->path = (struct ip_path){ 0 };
	return 0;
}

static int set4(struct endpoint *e, int name, const void *value, socklen_t len)
{
	struct source_change change;

	if (source_change_of(name, &change))
		return change_source4(e, &change, value, len);
	switch (name) {
	case IP_ADD_MEMBERSHIP:
	case IP_DROP_MEMBERSHIP:
		return change4(e, name == IP_ADD_MEMBERSHIP, value, len);
	case IP_MULTICAST_IF:
		return choose4(e, value, len);
	case IP_MULTICAST_LOOP:
		return set_loop(e, value, len);
	default:
		return -ENOPROTOOPT;
	}
}

static int set6(struct endpoint *e, int name, const void *value, socklen_t len)
{
	switch (name) {
	case IPV6_JOIN_GROUP:
	case IPV6_LEAVE_GROUP:
		return change6(e, name == IPV6_JOIN_GROUP, value, len);
	case IPV6_MULTICAST_IF:
		return choose6(e, value, len);
	case IPV6_MULTICAST_LOOP:
		return set_loop(e, value, len);
	default:
		return -ENOPROTOOPT;
	}
}

int pb_datagram_set_group(struct datagram_socket *s, int level, int name, const void *value, socklen_t len)
{
	struct endpoint *e = s->endpoint;
	struct source_change change;
	bool ip = level == IPPROTO_IP || level == IPPROTO_IPV6;

	if (ip && name >= MCAST_JOIN_GROUP && source_change_of(name, &change))
		return change_source_any(e, &change, value, len);
	if (ip && (name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP))
		return change_any(e, name == MCAST_JOIN_GROUP, value, len);
	if (level == IPPROTO_IP)
		return set4(e, name, value, len);
	return level == IPPROTO_IPV6 && e->family == AF_INET6 ? set6(e, name, value, len) : -ENOPROTOOPT;
}

int pb_datagram_get_group(const struct datagram_socket *s, int level, int name, int *n)
{
	const struct endpoint *e = s->endpoint;
	bool loop = level == IPPROTO_IP ? name == IP_MULTICAST_LOOP : name == IPV6_MULTICAST_LOOP;

	if (level == IPPROTO_IPV6 && name == IPV6_MULTICAST_IF)
		*n = (int)e->group_interface;
	else if (loop && (level == IPPROTO_IP || level == IPPROTO_IPV6))
		*n = !e->group_silent;
	else
		return -ENOPROTOOPT;
	return 0;
}
