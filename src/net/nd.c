#include "net/nd.h"

#include "net/autoconf.h"
#include "net/dad.h"
#include "net/icmp6.h"
#include "net/internet_state.h"
#include "net/source.h"
#include "wire/ethernet.h"
#include "wire/icmp6.h"
#include "wire/nd.h"

/*
 * Asking ---------------------------------------------------------------------------------------------------
 */

static void send_neighbour(struct iface *i, const struct nd_neighbour *m, const struct ip *src,
			   const struct ip *dst, const uint8_t *mac)
{
	uint8_t message[ND_MESSAGE_MAX];
	struct writer w = { .p = message, .left = sizeof message };
	struct nd_neighbour bare = *m;

	bare.target = ip_in_zone(&m->target, 0);
	pb_nd_neighbour_write(&bare, &w);
	if (m->advertisement)
		i->env->counters.arp.OutReplies++;
	else
		i->env->counters.arp.OutRequests++;
	pb_icmp6_send_on_link(i, ICMP6_IS_ND, src, dst, mac, message, sizeof message - w.left);
}

/* RFC 4861 §7.2.2 */
void pb_nd_solicit(struct neighbour *n)
{
	struct iface *i = n->iface;
	struct ip group = pb_ip_solicited_node(&n->ip, i->index), src;
	struct nd_neighbour m = { .target = n->ip, .mac = i->device->mac };
	bool probe = n->state == NEIGHBOUR_PROBE;

	if (pb_source_choose(i->net, i, &n->ip, &n->ip, &src) < 0 || !pb_iface_address(i, &src))
		return; /* without a name we cannot ask, as that would be a probe for an address of our own */
	send_neighbour(i, &m, &src, probe ? &n->ip : &group, probe ? n->mac : NULL);
}

void pb_nd_probe(struct iface *i, const struct ip *target, const uint8_t nonce[])
{
	struct ip any = { 0 }, group = pb_ip_solicited_node(target, i->index);
	struct nd_neighbour m = { .target = *target, .nonce = nonce };

	send_neighbour(i, &m, &any, &group, NULL);
}

/*
 * Telling --------------------------------------------------------------------------------------------------
 */

static struct ip all_nodes(const struct iface *i)
{
	struct ip all = {
		.bytes = {0xff, 2, [15] = 1}
	};

	return ip_in_zone(&all, i->index);
}

/* RFC 4861 §7.2.4: to who asked, or to all where it has no name yet. */
static void answer(struct iface *i, const struct nd_neighbour *question, const struct ip *from)
{
	bool nameless = ip_is_any(from);
	struct nd_neighbour m = { .advertisement = true,
				  .solicited = !nameless,
				  .override = true,
				  .target = question->target,
				  .mac = i->device->mac };
	struct ip all = all_nodes(i);
	const struct neighbour *n = nameless ? NULL : pb_neighbours_find(&i->net->neighbours, i, from);
	const uint8_t *mac = question->mac ? question->mac : pb_neighbour_mac(n);

	if (nameless)
		send_neighbour(i, &m, &question->target, &all, NULL);
	else if (mac) /* who asks without saying where it is knows that we know (§4.3) */
		send_neighbour(i, &m, &question->target, from, mac);
}

/* RFC 4861 §7.2.3 */
static void take_solicitation(struct internet *net, const struct ip_packet *p, const struct nd_neighbour *m)
{
	struct iface *i = p->iface;
	struct iface_address *mine = pb_iface_address(i, &m->target);

	i->env->counters.arp.InRequests++;
	if (!mine)
		return;
	if (mine->state != ADDRESS_READY) {
		if (ip_is_any(&p->src))
			pb_dad_heard_probe(mine, m->nonce);
		return;
	}
	struct neighbour *n = pb_neighbours_find(&net->neighbours, i, &p->src);
	if (n && m->mac)
		pb_neighbour_advertised(n, m->mac, false, true);
	if (m->mac && !ip_is_any(&p->src))
		pb_neighbours_learn(&net->neighbours, i, &p->src, m->mac);
	answer(i, m, &p->src);
}

/* RFC 4861 §7.2.5, RFC 4862 §5.4.4 */
static void take_advertisement(struct internet *net, const struct ip_packet *p, const struct nd_neighbour *m)
{
	struct iface *i = p->iface;
	struct iface_address *mine = pb_iface_address(i, &m->target);

	i->env->counters.arp.InReplies++;
	if (mine) {
		pb_dad_heard_owner(mine);
		return;
	}
	struct neighbour *n = pb_neighbours_find(&net->neighbours, i, &m->target);
	const uint8_t *known = pb_neighbour_mac(n), *mac = m->mac ? m->mac : known;
	bool doubtful = known && mac != known && memcmp(known, mac, PB_MAC_LEN) != 0 && !m->override;
	if (!n || !mac || !pb_neighbour_advertised(n, mac, m->solicited, m->override)) {
		i->env->counters.arp.InUnasked++;
		return;
	}
	if (!m->router && !doubtful)
		pb_autoconf_no_router(i, &m->target);
}

/* RFC 4861 §7.1.1, §7.1.2 */
static bool is_sound(const struct ip_packet *p, const struct nd_neighbour *m)
{
	struct ip solicited = pb_ip_solicited_node(&m->target, p->iface->index);

	if (m->mac && ethernet_is_group(m->mac))
		return false;
	if (m->advertisement)
		return !(ip_is_multicast(&p->dst) && m->solicited) && !ip_is_any(&p->src);
	return !ip_is_any(&p->src) || (!m->mac && ip_equal(&p->dst, &solicited));
}

static void take_neighbour(struct internet *net, const struct ip_packet *p)
{
	struct reader r = { .p = p->buf->data, .left = p->buf->len };
	struct nd_neighbour m;

	if (p->buf->len < p->buf->total || !pb_nd_neighbour_parse(&m, &r) || ip_zone(&m.target)) {
		net->env->counters.arp.InErrors++;
		return;
	}
	m.target = ip_in_zone(&m.target, p->iface->index);
	if (!is_sound(p, &m))
		net->env->counters.arp.InErrors++;
	else if (m.advertisement)
		take_advertisement(net, p, &m);
	else
		take_solicitation(net, p, &m);
}

/* RFC 4861 §8.1, §8.3 */
static void take_redirect(struct internet *net, const struct ip_packet *p)
{
	struct reader r = { .p = p->buf->data, .left = p->buf->len };
	struct iface *i = p->iface;
	struct nd_redirect m;

	net->env->counters.icmp.InRedirects++;
	if (!ip_is_link_local(&p->src) || !pb_nd_redirect_parse(&m, &r) || ip_zone(&m.target) ||
	    ip_zone(&m.dst)) {
		net->env->counters.arp.InErrors++;
		return;
	}
	m.target = ip_in_zone(&m.target, i->index);
	m.dst = ip_in_zone(&m.dst, i->index);
	if (!pb_redirect_is_sound(net, i, &p->src, &m.dst, &m.target))
		return;
	if (m.mac && !ethernet_is_group(m.mac))
		pb_neighbours_learn(&net->neighbours, i, &m.target, m.mac);
	pb_redirect_learn(net, i, &m.dst, &m.target);
}

void pb_nd_input(struct internet *net, const struct ip_packet *p)
{
	uint8_t type = p->buf->data[0];

	if (p->ttl != ND_HOP_LIMIT || !p->iface->device->ethernet)
		return; /* it was forwarded: somebody else's idea of our link */
	if (type == ICMP6_NEIGHBOUR_SOLICITATION || type == ICMP6_NEIGHBOUR_ADVERTISEMENT)
		take_neighbour(net, p);
	else if (type == ICMP6_ROUTER_ADVERTISEMENT)
		pb_autoconf_input(net, p);
	else if (type == ICMP6_REDIRECT)
		take_redirect(net, p);
}
