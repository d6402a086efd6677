/* Going over what a stack has: its sockets and connections, its neighbours and addresses. */
#include "socket/stack.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/tcp.h"

#include <netinet/tcp.h>

struct each {
	void (*fn)(const struct pb_stack_entry *e, void *context);
	void *context;
};

/* Nobody, in the family of a local address. */
static struct ip nobody_for(const struct ip *local)
{
	return ip_is4(local) ? ip_from4((const uint8_t[4]){ 0 }) : (struct ip){ 0 };
}

/* Families are those of the addresses: a socket of IPv6 with an IPv4 peer shows as IPv4. */
static void tell(const struct each *each, const struct socket_pair *pair, struct pb_stack_entry *e)
{
	union pb_addr local, remote;

	pb_ip_to_sockaddr(&local, &pair->local, pair->local_port, ip_family(&pair->local));
	pb_ip_to_sockaddr(&remote, &pair->remote, pair->remote_port, ip_family(&pair->remote));
	e->local = &local.sa;
	e->remote = &remote.sa;
	each->fn(e, each->context);
}

static void tell_tcp(const struct tcp_entry_info *i, void *context)
{
	struct pb_stack_entry e = { .protocol = IPPROTO_TCP,
				    .state = i->state,
				    .receive_queue = i->receive_queue,
				    .send_queue = i->send_queue,
				    .socket = i->owner };

	struct socket_pair pair = i->pair;

	if (i->state == STATE_LISTEN)
		pair.remote = nobody_for(&pair.local);
	tell(context, &pair, &e);
}

static void tell_endpoint(const struct each *each, const struct endpoint *endpoint, int protocol)
{
	struct socket_pair pair = { .local = endpoint->local, .local_port = endpoint->local_port };
	struct pb_stack_entry e = { .protocol = protocol,
				    .state = endpoint->connected ? TCP_ESTABLISHED : TCP_CLOSE,
				    .receive_queue = (uint32_t)endpoint->bytes,
				    .socket = endpoint->news.owner };

	if (endpoint->connected) {
		pair.remote = endpoint->peer;
		pair.remote_port = endpoint->peer_port;
	} else {
		pair.remote = nobody_for(&pair.local);
	}
	tell(each, &pair, &e);
}

static void tell_udp(struct udp_endpoint *e, void *context)
{
	tell_endpoint(context, &e->base, IPPROTO_UDP);
}

void pb_stack_each(struct pb_stack *s, void (*fn)(const struct pb_stack_entry *e, void *context),
		   void *context)
{
	struct each each = { fn, context };

	pb_tcp_each(s->tcp, tell_tcp, &each);
	pb_udp_each(&s->udp, tell_udp, &each);
	list_each (l, &s->raw.endpoints) {
		const struct raw_endpoint *e = container_of(l, struct raw_endpoint, link);
		tell_endpoint(&each, &e->base, e->protocol);
	}
}

static void tell_address(const struct iface *i, const struct iface_address *entry,
			 void (*fn)(const struct pb_stack_address *a, void *context), void *context)
{
	struct pb_stack_address a = { .bits = entry->bits, .interface = i->index };
	union pb_addr addr;

	pb_ip_to_sockaddr(&addr, &entry->ip, 0, ip_family(&entry->ip));
	a.addr = &addr.sa;
	a.state = entry->state == ADDRESS_TENTATIVE ? PB_ADDRESS_TENTATIVE
		  : entry->state == ADDRESS_READY   ? PB_ADDRESS_READY
						    : PB_ADDRESS_DUPLICATE;
	fn(&a, context);
}

void pb_stack_each_address(struct pb_stack *s, void (*fn)(const struct pb_stack_address *a, void *context),
			   void *context)
{
	for (struct iface *i = pb_internet_ifaces(s->internet); i; i = i->next)
		for (unsigned n = 0; n < i->address_count; n++)
			tell_address(i, i->addresses[n], fn, context);
}

struct each_neighbour {
	void (*fn)(const struct pb_stack_neighbour *n, void *context);
	void *context;
};

static void tell_neighbour(const struct neighbour_info *i, void *context)
{
	const struct each_neighbour *each = context;
	struct pb_stack_neighbour n = { .state = i->state, .interface = i->iface->index };
	union pb_addr addr;

	pb_ip_to_sockaddr(&addr, &i->ip, 0, ip_family(&i->ip));
	n.addr = &addr.sa;
	memcpy(n.mac, i->mac, PB_MAC_LEN);
	each->fn(&n, each->context);
}

void pb_stack_each_neighbour(struct pb_stack *s,
			     void (*fn)(const struct pb_stack_neighbour *n, void *context), void *context)
{
	struct each_neighbour each = { fn, context };

	pb_internet_neighbours(s->internet, tell_neighbour, &each);
}
