#include "net/arp.h"

#include "net/acd.h"
#include "net/internet_state.h"
#include "wire/arp.h"

void pb_arp_send(struct iface *i, const uint8_t to[PB_MAC_LEN], uint16_t ethertype,
		 const struct arp_packet *a)
{
	struct pb_buf *b = pb_buf_new(i->env->pool, IP_HEADROOM, ARP_LEN);

	if (!b)
		return;
	struct writer w = { .p = pb_buf_extend(b, ARP_LEN), .left = ARP_LEN };
	pb_arp_write(a, &w);
	pb_iface_send(i, to, ethertype, b);
}

static void send_request(struct iface *i, const uint8_t to[PB_MAC_LEN], const struct ip *sender,
			 const struct ip *target)
{
	struct arp_packet a = { .operation = ARP_REQUEST, .sender = *sender, .target = *target };

	memcpy(a.sender_mac, i->device->mac, sizeof a.sender_mac);
	i->env->counters.arp.OutRequests++;
	pb_arp_send(i, to, ETHERNET_ARP, &a);
}

void pb_arp_ask(struct iface *i, const struct ip *sender, const struct ip *target)
{
	send_request(i, pb_ethernet_broadcast, sender, target);
}

/* In whose name to ask: an address of ours whose subnet the neighbour is in, or any. */
static struct ip sender_for(const struct iface *i, const struct ip *target)
{
	struct ip sender = ip_from4((const uint8_t[4]){ 0 });

	for (unsigned n = i->address_count; n-- > 0;) {
		const struct iface_address *a = i->addresses[n];
		if (a->state != ADDRESS_READY || !ip_is4(&a->ip))
			continue;
		sender = a->ip;
		if (pb_ip_in_prefix(target, &a->ip, a->bits))
			break;
	}
	return sender;
}

void pb_arp_solicit(struct neighbour *n)
{
	struct ip sender = sender_for(n->iface, &n->ip);

	send_request(n->iface, n->state == NEIGHBOUR_PROBE ? n->mac : pb_ethernet_broadcast, &sender, &n->ip);
}

static void answer(struct iface *i, const struct arp_packet *request)
{
	struct arp_packet a = { .operation = ARP_REPLY,
				.sender = request->target,
				.target = request->sender };

	memcpy(a.sender_mac, i->device->mac, sizeof a.sender_mac);
	memcpy(a.target_mac, request->sender_mac, sizeof a.target_mac);
	i->env->counters.arp.OutReplies++;
	pb_arp_send(i, a.target_mac, ETHERNET_ARP, &a);
}

/* RFC 826, "Packet Reception": who asks where we are wants to talk. Only neighbours do. */
static void learn(struct internet *net, struct iface *i, const struct arp_packet *a)
{
	for (unsigned n = 0; n < i->address_count; n++) {
		const struct iface_address *own = i->addresses[n];
		if (own->state != ADDRESS_READY || !pb_ip_in_prefix(&a->sender, &own->ip, own->bits))
			continue;
		if (!ip_is_any(&a->sender) && !ip_equal(&a->sender, &own->ip))
			pb_neighbours_learn(&net->neighbours, i, &a->sender, a->sender_mac);
		return;
	}
}

/* RFC 826, "Packet Reception". */
static void take(struct internet *net, struct iface *i, const struct arp_packet *a)
{
	struct pb_counters *counters = &net->env->counters;
	struct neighbour *n = pb_neighbours_find(&net->neighbours, i, &a->sender);
	bool asked = n && pb_neighbour_heard(n, a->sender_mac);

	if (a->operation == ARP_REPLY) {
		counters->arp.InReplies++;
		counters->arp.InUnasked += !asked;
		return;
	}
	counters->arp.InRequests++;
	const struct iface_address *mine = pb_iface_address(i, &a->target);
	if (!mine || mine->state != ADDRESS_READY)
		return;
	learn(net, i, a);
	answer(i, a);
}

/* Whether a sender can be what it says it is; 0.0.0.0 is a probe's. */
static bool is_sound(const struct iface *i, const struct arp_packet *a)
{
	return (a->operation == ARP_REQUEST || a->operation == ARP_REPLY) &&
	       !ethernet_is_group(a->sender_mac) && !ip_is_multicast(&a->sender) &&
	       !ip_is_loopback(&a->sender) && !pb_iface_is_broadcast(i, &a->sender);
}

void pb_arp_input(struct internet *net, struct iface *i, struct pb_buf *b)
{
	struct arp_packet a;
	bool parsed = pb_buf_gather(b, b->total < ARP_LEN ? b->total : ARP_LEN);
	struct reader r = { .p = b->data, .left = b->len };

	if (!parsed || !pb_arp_parse(&a, &r) || !is_sound(i, &a))
		net->env->counters.arp.InErrors++;
	else if (memcmp(a.sender_mac, i->device->mac, sizeof a.sender_mac) != 0 && !pb_acd_input(i, &a))
		take(net, i, &a);
	pb_buf_free(b);
}
