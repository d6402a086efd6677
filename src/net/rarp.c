#include "net/rarp.h"

#include "net/arp.h"
#include "net/internet_state.h"
#include "wire/arp.h"

#include <errno.h>

/* The server --------------------------------------------------------------------------------------------- */

static struct rarp_host *find_host(struct rarp *r, const uint8_t mac[PB_MAC_LEN])
{
	for (size_t n = 0; n < r->host_count; n++)
		if (memcmp(r->hosts[n].mac, mac, PB_MAC_LEN) == 0)
			return &r->hosts[n];
	return NULL;
}

int pb_rarp_add_host(struct internet *net, const uint8_t mac[PB_MAC_LEN], const struct ip *ip)
{
	struct rarp *r = &net->rarp;
	struct rarp_host *h = find_host(r, mac);

	if (!ip_is4(ip) || ip_is_any(ip) || ip_is_multicast(ip) || ethernet_is_group(mac))
		return -EINVAL;
	if (!h && r->host_count == RARP_HOSTS_MAX)
		return -ENOSPC;
	if (!h)
		h = &r->hosts[r->host_count++];
	memcpy(h->mac, mac, sizeof h->mac);
	h->ip = *ip;
	return 0;
}

/* RFC 903 §2: the target is whom the question is about; the answer goes to who asked, in our name. */
static void answer(struct internet *net, struct iface *i, const struct arp_packet *request)
{
	const struct rarp_host *h = find_host(&net->rarp, request->target_mac);
	struct arp_packet a = { .operation = RARP_REPLY, .sender = ip_from4((const uint8_t[4]){ 0 }) };

	if (!h)
		return;
	for (unsigned n = 0; n < i->address_count && ip_is_any(&a.sender); n++)
		if (ip_is4(&i->addresses[n]->ip) && i->addresses[n]->state == ADDRESS_READY)
			a.sender = i->addresses[n]->ip;
	a.target = h->ip;
	memcpy(a.sender_mac, i->device->mac, sizeof a.sender_mac);
	memcpy(a.target_mac, h->mac, sizeof a.target_mac);
	pb_arp_send(i, request->sender_mac, ETHERNET_RARP, &a);
}

/* The client --------------------------------------------------------------------------------------------- */

static struct rarp_client *find_client(struct rarp *r, const struct iface *i)
{
	for (size_t n = 0; n < RARP_ASKING_MAX; n++)
		if (r->clients[n].iface == i)
			return &r->clients[n];
	return NULL;
}

static void ask(struct rarp_client *c)
{
	struct ip nobody = ip_from4((const uint8_t[4]){ 0 });
	struct arp_packet a = { .operation = RARP_REQUEST, .sender = nobody, .target = nobody };
	struct env *env = c->iface->env;
	unsigned doubled = c->tries < 3 ? c->tries : 3;

	memcpy(a.sender_mac, c->iface->device->mac, sizeof a.sender_mac);
	memcpy(a.target_mac, c->iface->device->mac, sizeof a.target_mac);
	pb_arp_send(c->iface, pb_ethernet_broadcast, ETHERNET_RARP, &a);
	c->tries++;
	pb_timers_set(&env->timers, &c->timer, env_now(env) + (PB_SEC(1) << doubled));
}

static void timer_fired(struct pb_timer *t)
{
	struct rarp_client *c = container_of(t, struct rarp_client, timer);

	if (c->tries < RARP_TRIES)
		ask(c);
	else
		c->iface = NULL;
}

int pb_rarp_ask(struct internet *net, struct iface *i, unsigned bits)
{
	if (!i->device->ethernet || bits == 0 || bits > 32)
		return -EINVAL;
	if (find_client(&net->rarp, i))
		return -EALREADY;
	struct rarp_client *c = find_client(&net->rarp, NULL);
	if (!c)
		return -ENOSPC;
	*c = (struct rarp_client){ .timer.fn = timer_fired, .iface = i, .bits = bits };
	ask(c);
	return 0;
}

static void take(struct internet *net, struct iface *i, const struct arp_packet *a)
{
	struct rarp_client *c = find_client(&net->rarp, i);

	if (!c || memcmp(a->target_mac, i->device->mac, sizeof a->target_mac) != 0)
		return;
	if (pb_internet_add_address(net, i, &a->target, c->bits, true) < 0)
		return; /* not an address to have: a better answer may come */
	pb_timers_stop(&net->env->timers, &c->timer);
	c->iface = NULL;
}

void pb_rarp_input(struct internet *net, struct iface *i, struct pb_buf *b)
{
	struct arp_packet a;
	bool gathered = pb_buf_gather(b, b->total < ARP_LEN ? b->total : ARP_LEN);
	struct reader r = { .p = b->data, .left = b->len };

	if (!gathered || !pb_arp_parse(&a, &r) || ethernet_is_group(a.sender_mac))
		net->env->counters.arp.InErrors++;
	else if (a.operation == RARP_REQUEST)
		answer(net, i, &a);
	else if (a.operation == RARP_REPLY)
		take(net, i, &a);
	pb_buf_free(b);
}

void pb_rarp_fini(struct internet *net)
{
	for (size_t n = 0; n < RARP_ASKING_MAX; n++)
		pb_timers_stop(&net->env->timers, &net->rarp.clients[n].timer);
}
