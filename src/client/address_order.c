#include "client/address_order.h"

#include "base/ip_policy.h"

#include <packetboat/socket.h>

#define ANY_PORT  53 /* nothing is sent; port 0 cannot be connected to */
#define HOST_PART 64 /* RFC 6724 §2.2: what is compared ends where interface identifiers begin */

struct candidate {
	struct ip dst, src;
	union pb_addr addr; /* as it was given */
	bool reachable;     /* there is a source to call it from: src */
};

/* A datagram socket that is connected has its source, and nothing was sent for it. */
static bool find_source(struct pb_net *net, struct candidate *c)
{
	union pb_addr to = c->addr, from = { 0 };
	socklen_t len = sizeof from;
	struct pb_socket *s;
	uint16_t port;

	pb_addr_set_port(&to, ANY_PORT);
	if (pb_socket_open(net, to.sa.sa_family, SOCK_DGRAM, 0, &s) < 0)
		return false;
	bool found = pb_connect(s, &to.sa, pb_addr_len(&to)) == 0 && pb_getsockname(s, &from.sa, &len) == 0 &&
		     pb_ip_from_sockaddr(&c->src, &port, &from.sa, len);
	pb_close(s);
	return found;
}

static unsigned matching_bits(const struct candidate *c)
{
	unsigned bits = pb_ip_common_bits(&c->src, &c->dst);

	return bits < HOST_PART ? bits : HOST_PART;
}

/*
 * RFC 6724 §6, rules 1 to 9, but those of which a socket cannot know: whether the source is deprecated (3), away from
 * home (4), or the way a tunnel (7). Rule 9 not for IPv4, whose neighbours in number are none on the map: it would undo
 * the server's turning.
 */
static bool is_better(const struct candidate *a, const struct candidate *b)
{
	bool scope_a = pb_ip_scope(&a->src) == pb_ip_scope(&a->dst),
	     scope_b = pb_ip_scope(&b->src) == pb_ip_scope(&b->dst);
	bool label_a = pb_ip_label(&a->src) == pb_ip_label(&a->dst),
	     label_b = pb_ip_label(&b->src) == pb_ip_label(&b->dst);
	unsigned precedence_a = pb_ip_precedence(&a->dst), precedence_b = pb_ip_precedence(&b->dst);

	if (a->reachable != b->reachable || !a->reachable)
		return a->reachable && !b->reachable;
	if (scope_a != scope_b)
		return scope_a;
	if (label_a != label_b)
		return label_a;
	if (precedence_a != precedence_b)
		return precedence_a > precedence_b;
	if (pb_ip_scope(&a->dst) != pb_ip_scope(&b->dst))
		return pb_ip_scope(&a->dst) < pb_ip_scope(&b->dst);
	return !ip_is4(&a->dst) && !ip_is4(&b->dst) && matching_bits(a) > matching_bits(b);
}

void address_order(struct pb_net *net, union pb_addr *addrs, size_t count)
{
	struct candidate sorted[ADDRESS_ORDER_MAX];
	uint16_t port;

	for (size_t n = 0; n < count; n++) {
		struct candidate c = { .addr = addrs[n] };
		size_t at = n;
		pb_ip_from_sockaddr(&c.dst, &port, &c.addr.sa, pb_addr_len(&c.addr));
		c.reachable = find_source(net, &c);
		for (; at > 0 && is_better(&c, &sorted[at - 1]); at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = c;
	}
	for (size_t n = 0; n < count; n++)
		addrs[n] = sorted[n].addr;
}
