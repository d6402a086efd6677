/*
 * Ancillary data of datagrams: IP_PKTINFO, IP_TTL, IP_TOS and IP_ORIGDSTADDR, ip(7), their sisters of ipv6(7),
 * SO_TIMESTAMP, SO_RXQ_OVFL and UDP_SEGMENT.
 */
#include "socket/control.h"
#include "socket/datagram.h"

#include <errno.h>
#include <netinet/udp.h>
#include <time.h>

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

/* The time is the stack's own, which may be virtual. */
static void add_time(struct control *c, int option, pb_time when)
{
	struct timeval tv = { when / PB_SEC(1), when % PB_SEC(1) / 1000 };
	struct timespec ts = { when / PB_SEC(1), when % PB_SEC(1) };

	if (option == SO_TIMESTAMP)
		pb_control_add(c, SOL_SOCKET, SCM_TIMESTAMP, &tv, sizeof tv);
	else
		pb_control_add(c, SOL_SOCKET, SCM_TIMESTAMPNS, &ts, sizeof ts);
}

/* For whom it was, where the socket takes what is for others. */
static void add_destination(struct control *c, const struct endpoint *e, const struct datagram *d)
{
	union pb_addr dst = { 0 };

	pb_ip_to_sockaddr(&dst, &d->dst, e->local_port, e->family);
	if (e->family == AF_INET)
		pb_control_add(c, IPPROTO_IP, IP_ORIGDSTADDR, &dst.v4, sizeof dst.v4);
	else
		pb_control_add(c, IPPROTO_IPV6, IPV6_ORIGDSTADDR, &dst.v6, sizeof dst.v6);
}

void pb_datagram_tell(const struct datagram_socket *s, const struct datagram *d, struct msghdr *msg)
{
	struct control c = { .msg = msg };
	int family = s->endpoint->family;

	if (s->want_drops && d->drops)
		pb_control_add(&c, SOL_SOCKET, SO_RXQ_OVFL, &d->drops, sizeof d->drops);
	if (s->want_time)
		add_time(&c, s->want_time, d->when);
	if (s->want_info)
		add_info(&c, family, d);
	if (s->want_ttl)
		pb_control_add_int(&c, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
				   family == AF_INET ? IP_TTL : IPV6_HOPLIMIT, d->ttl);
	if (s->want_tos && family == AF_INET)
		pb_control_add(&c, IPPROTO_IP, IP_TOS, &d->tos,
			       sizeof d->tos); /* a byte, where IPv6 has an int */
	else if (s->want_tos)
		pb_control_add_int(&c, IPPROTO_IPV6, IPV6_TCLASS, d->tos);
	if (s->want_dst)
		add_destination(&c, s->endpoint, d);
	pb_control_end(&c);
}

static int wish_source(struct datagram_wishes *w, const struct cmsghdr *c)
{
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
	bool is4 = c->cmsg_level == IPPROTO_IP;

	if (c->cmsg_len < CMSG_LEN(is4 ? sizeof v4 : sizeof v6))
		return -EINVAL;
	memcpy(is4 ? (void *)&v4 : (void *)&v6, CMSG_DATA(c), is4 ? sizeof v4 : sizeof v6);
	w->source =
		is4 ? ip_from4((const uint8_t *)&v4.ipi_spec_dst) : ip_from6((const uint8_t *)&v6.ipi6_addr);
	w->has_source = !ip_is_any(&w->source);
	return 0;
}

/* An int, or a byte where IPv4 has one; least to 255. */
static int wish_byte(uint8_t *wish, const struct cmsghdr *c, int least)
{
	int n;

	if (c->cmsg_level == IPPROTO_IP && c->cmsg_len == CMSG_LEN(1))
		n = *CMSG_DATA(c);
	else if (c->cmsg_len == CMSG_LEN(sizeof n))
		memcpy(&n, CMSG_DATA(c), sizeof n);
	else
		return -EINVAL;
	if (n < least || n > UINT8_MAX)
		return -EINVAL;
	*wish = (uint8_t)n;
	return 0;
}

static int wish_segment(struct datagram_wishes *w, const struct cmsghdr *c)
{
	if (c->cmsg_len != CMSG_LEN(sizeof w->segment))
		return -EINVAL;
	memcpy(&w->segment, CMSG_DATA(c), sizeof w->segment);
	return 0;
}

/* What it is that a message asks for; others are passed over. */
static int wish(struct datagram_wishes *w, const struct cmsghdr *c)
{
	if (c->cmsg_level == IPPROTO_IP ? c->cmsg_type == IP_PKTINFO
					: c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
		return wish_source(w, c);
	if (c->cmsg_level == IPPROTO_IP ? c->cmsg_type == IP_TTL
					: c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)
		return wish_byte(&w->ttl, c, 1);
	if (c->cmsg_level == IPPROTO_IP ? c->cmsg_type == IP_TOS
					: c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)
		return wish_byte(&w->tos, c, 0);
	if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT)
		return wish_segment(w, c);
	return 0;
}

int pb_datagram_wishes(const struct datagram_socket *s, const struct msghdr *msg, struct datagram_wishes *w)
{
	const struct endpoint *e = s->endpoint;

	*w = (struct datagram_wishes){ .ttl = e->ttl, .tos = e->tos, .segment = s->segment };
	if (!msg->msg_control || !msg->msg_controllen)
		return 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR((struct msghdr *)msg, c)) {
		int rc = wish(w, c);
		if (rc < 0)
			return rc;
	}
	return w->has_source && !e->any && !pb_internet_is_local(e->net, &w->source) ? -EINVAL : 0;
}
