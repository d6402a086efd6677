/*
 * Ancillary data of datagrams: IP_PKTINFO, IP_TTL and IP_TOS, ip(7), and their sisters of ipv6(7).
 */
#include "socket/control.h"
#include "socket/datagram.h"

#include <errno.h>

static void add_info(struct control *c, int family, const struct datagram *d)
{
	if (family == AF_INET) {
		struct in_pktinfo info = { .ipi_ifindex = (int)d->iface };
		memcpy(&info.ipi_addr, ip_bytes4(&d->dst), 4);
		info.ipi_spec_dst = info.ipi_addr;
		pb_control_add(c, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
	} else {
		struct in6_pktinfo info = { .ipi6_ifindex = d->iface };
		memcpy(&info.ipi6_addr, d->dst.bytes, 16);
		pb_control_add(c, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
	}
}

void pb_datagram_tell(const struct datagram_socket *s, const struct datagram *d, struct msghdr *msg)
{
	struct control c = { .msg = msg };
	int family = s->endpoint->family;

	if (s->want_info)
		add_info(&c, family, d);
	if (s->want_ttl)
		pb_control_add_int(&c, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
			family == AF_INET ? IP_TTL : IPV6_HOPLIMIT, d->ttl);
	if (s->want_tos && family == AF_INET)
		pb_control_add(&c, IPPROTO_IP, IP_TOS, &d->tos, sizeof d->tos); /* a byte, where IPv6 has an int */
	else if (s->want_tos)
		pb_control_add_int(&c, IPPROTO_IPV6, IPV6_TCLASS, d->tos);
	pb_control_end(&c);
}

int pb_datagram_source(const struct datagram_socket *s, const struct msghdr *msg, struct ip *source,
		       bool *has)
{
	*has = false;
	if (!msg->msg_control || !msg->msg_controllen)
		return 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR((struct msghdr *)msg, c)) {
		struct in_pktinfo v4;
		struct in6_pktinfo v6;
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			if (c->cmsg_len < CMSG_LEN(sizeof v4))
				return -EINVAL;
			memcpy(&v4, CMSG_DATA(c), sizeof v4);
			*source = ip_from4((const uint8_t *)&v4.ipi_spec_dst);
			*has = !ip_is_any(source);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			if (c->cmsg_len < CMSG_LEN(sizeof v6))
				return -EINVAL;
			memcpy(&v6, CMSG_DATA(c), sizeof v6);
			*source = ip_from6((const uint8_t *)&v6.ipi6_addr);
			*has = !ip_is_any(source);
		}
	}
	return *has && !s->endpoint->any && !pb_internet_is_local(s->endpoint->net, source) ? -EINVAL : 0;
}
