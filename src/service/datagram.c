/*
 * Datagrams of a service: received with the address they were sent to (RFC 1122 4.1.3.5), answered from there.
 *
 * A sender has a number as a connection has, for the log: it keeps it until another sender takes its place in a small
 * table, so that forged senders cannot make anything grow.
 */
#include "base/hash.h"
#include "service/server_state.h"

#include <errno.h>
#include <string.h>

#define DATAGRAMS_A_TURN 64

/* Room for one IPv4 or IPv6 packet-info message. */
union control_room {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* Where a datagram was sent to: the socket's own port, the address from the packet info. */
static union pb_addr sent_to(const struct listener *l, struct msghdr *m)
{
	union pb_addr to = l->local;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			to.v4.sin_addr = info.ipi_addr;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			to.v6.sin6_addr = info.ipi6_addr;
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				to.v6.sin6_scope_id = info.ipi6_ifindex;
		}
	}
	return to;
}

static uint64_t number_of(struct server *s, const union pb_addr *from)
{
	static const struct pb_siphash_key unkeyed; /* a collision costs a sender its number, nothing else */
	struct sender *sender =
		&s->senders[pb_siphash13(&unkeyed, from, pb_addr_len(from)) % DATAGRAM_SENDERS];

	if (!sender->number || !pb_addr_equal(&sender->from, from)) {
		sender->from = *from;
		sender->number = census_number(s->census);
	}
	return sender->number;
}

static ssize_t receive_one(struct listener *l, struct datagram *d)
{
	struct server *s = l->service->server;
	union control_room control;
	struct iovec iov = { .iov_base = s->scratch, .iov_len = SCRATCH_SIZE };
	struct msghdr m = { .msg_name = &d->from,
			    .msg_namelen = sizeof d->from,
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof control };

	memset(&d->from, 0, sizeof d->from);
	ssize_t n = pb_recvmsg(l->socket, &m, 0);
	if (n < 0)
		return n;
	d->data = s->scratch;
	d->len = (size_t)n;
	d->to = sent_to(l, &m);
	d->socket = l->socket;
	return n;
}

void datagram_receive(struct listener *l)
{
	struct service *s = l->service;
	struct datagram d;

	for (int i = 0; i < DATAGRAMS_A_TURN; i++) {
		ssize_t n = receive_one(l, &d);
		if (n == -EAGAIN)
			return;
		if (n < 0 || !access_allows(s->access, &d.from))
			continue; /* an ICMP error for an answer of ours, or a stranger */
		d.number = number_of(s->server, &d.from);
		s->kind->received(s, &d);
	}
}

/* The packet info that makes the answer leave from the address that was asked. A multicast one cannot be a source. */
static void set_source(struct msghdr *m, union control_room *room, const union pb_addr *from)
{
	bool v6 = from->sa.sa_family == AF_INET6;

	if (v6 ? IN6_IS_ADDR_MULTICAST(&from->v6.sin6_addr) : IN_MULTICAST(ntohl(from->v4.sin_addr.s_addr)))
		return;
	memset(room, 0, sizeof *room);
	m->msg_control = room;
	m->msg_controllen = CMSG_SPACE(v6 ? sizeof(struct in6_pktinfo) : sizeof(struct in_pktinfo));
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	c->cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = v6 ? IPV6_PKTINFO : IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(v6 ? sizeof(struct in6_pktinfo) : sizeof(struct in_pktinfo));
	if (v6) {
		struct in6_pktinfo info = { .ipi6_addr = from->v6.sin6_addr,
					    .ipi6_ifindex = from->v6.sin6_scope_id };
		memcpy(CMSG_DATA(c), &info, sizeof info);
	} else {
		struct in_pktinfo info = { .ipi_spec_dst = from->v4.sin_addr };
		memcpy(CMSG_DATA(c), &info, sizeof info);
	}
}

ssize_t datagram_reply(struct service *s, const struct datagram *d, const void *data, size_t len)
{
	union control_room control;
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr m = { .msg_name = (void *)&d->from,
			    .msg_namelen = pb_addr_len(&d->from),
			    .msg_iov = &iov,
			    .msg_iovlen = 1 };

	(void)s;
	set_source(&m, &control, &d->to);
	return pb_sendmsg(d->socket, &m, 0);
}
