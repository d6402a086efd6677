/* The internet layer: its interfaces, addresses and routes, and the way of a frame that came. */
#include "net/internet.h"

#include "net/acd.h"
#include "net/arp.h"
#include "net/autoconf.h"
#include "net/dad.h"
#include "net/group.h"
#include "net/icmp.h"
#include "net/internet_state.h"
#include "net/ip4.h"
#include "net/ip6.h"
#include "net/loopback.h"
#include "net/nd.h"
#include "wire/ethernet.h"
#include "wire/ip6.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static const struct internet_limits defaults = { .neighbours_max = 1024,
						 .reassembly_bytes = 4 << 20,
						 .reassembly_datagrams = 1024,
						 .errors_per_second = 1000 };

/*
 * Beginning and end ----------------------------------------------------------------------------------------
 */

static void neighbour_unreachable(struct neighbour *n, struct pb_buf *b)
{
	pb_icmp_tell_ourselves(n->iface->net, b);
}

static void neighbour_failed(struct neighbour *n)
{
	struct internet *net = n->iface->net;

	pb_redirect_failed(net, &n->ip);
	if (pb_routes_pass_over(&net->routes, &n->ip, n->iface)) /* RFC 1122 §3.3.1.4, RFC 4861 §6.3.6 */
		internet_changed(net);
}

static void neighbour_solicit(struct neighbour *n)
{
	if (ip_is4(&n->ip))
		pb_arp_solicit(n);
	else
		pb_nd_solicit(n);
}

static void reassembly_expired(struct reassembly *r, struct iface *i, const struct fragment *first,
			       struct pb_buf *b)
{
	(void)r;
	if (ip_is4(&first->dst))
		pb_ip4_reassembly_expired(i, first, b);
	else
		pb_ip6_reassembly_expired(i, first, b);
}

static const struct neighbour_ops neighbour_ops = {
	.solicit = neighbour_solicit,
	.failed = neighbour_failed,
	.unreachable = neighbour_unreachable,
};

/* A limit of 0 is the default. */
static struct internet_limits complete(const struct internet_limits *given)
{
	struct internet_limits l = given ? *given : defaults;

	l.neighbours_max = l.neighbours_max ? l.neighbours_max : defaults.neighbours_max;
	l.reassembly_bytes = l.reassembly_bytes ? l.reassembly_bytes : defaults.reassembly_bytes;
	l.reassembly_datagrams =
		l.reassembly_datagrams ? l.reassembly_datagrams : defaults.reassembly_datagrams;
	l.errors_per_second = l.errors_per_second ? l.errors_per_second : defaults.errors_per_second;
	return l;
}

static int open_loopback(struct internet *net)
{
	struct ip localhost = ip_from4((const uint8_t[4]){ 127, 0, 0, 1 }),
		  localhost6 = { .bytes = { [15] = 1 } };
	struct pb_device *device = pb_loopback_new();
	int rc = device ? pb_internet_attach(net, device, "lo", &net->lo) : -ENOMEM;

	if (rc < 0)
		return rc;
	net->lo->loopback = true;
	rc = pb_internet_add_address(net, net->lo, &localhost, 8, true);
	return rc < 0 ? rc : pb_internet_add_address(net, net->lo, &localhost6, 128, true);
}

int pb_internet_new(struct env *env, const struct internet_limits *limits, struct internet **to)
{
	struct internet *net = calloc(1, sizeof *net);

	if (!net)
		return -ENOMEM;
	net->env = env;
	net->limits = complete(limits);
	net->generation = 1;
	net->key = pb_rng_key(&env->rng);
	net->stable_secret = pb_rng_key(&env->rng);
	for (size_t n = 0; n < IDENTIFICATIONS; n += 4) {
		uint64_t four = pb_rng_next(&env->rng);
		memcpy(&net->ids[n], &four, sizeof four);
	}
	pb_path_mtus_init(&net->path_mtus, env, &net->generation);
	int rc = pb_neighbours_init(&net->neighbours, env, net->limits.neighbours_max, &neighbour_ops,
				    &net->generation);
	if (rc == 0)
		rc = pb_reassembly_init(&net->reassembly, env, net->limits.reassembly_bytes,
					net->limits.reassembly_datagrams);
	if (rc == 0)
		rc = open_loopback(net);
	if (rc < 0) {
		pb_internet_free(net);
		return rc;
	}
	net->reassembly.expired = reassembly_expired;
	*to = net;
	return 0;
}

/* RFC 4291 §2.8: a snooping switch passes on only what somebody is known to listen to. */
static void listen_as_solicited(const struct iface_address *a, bool on)
{
	struct ip group = pb_ip_solicited_node(&a->ip, a->iface->index);

	if (ip_is4(&a->ip) || !a->iface->device->ethernet)
		return;
	if (on)
		pb_group_join(a->iface, &group);
	else
		pb_group_leave(a->iface, &group);
}

static void remove_entry(struct iface *i, unsigned n)
{
	pb_acd_stop(i->addresses[n]); /* or DAD: they share the timer */
	listen_as_solicited(i->addresses[n], false);
	free(i->addresses[n]);
	i->address_count--;
	memmove(&i->addresses[n], &i->addresses[n + 1],
		(i->address_count - n) * sizeof(struct iface_address *));
}

static void free_iface(struct iface *i)
{
	pb_autoconf_stop(i);
	while (i->address_count)
		remove_entry(i, i->address_count - 1);
	pb_groups_fini(&i->groups);
	pb_device_close(i->device);
	free(i);
}

void pb_internet_free(struct internet *net)
{
	if (!net)
		return;
	pb_rarp_fini(net);
	pb_path_mtus_fini(&net->path_mtus);
	pb_neighbours_fini(&net->neighbours);
	pb_reassembly_fini(&net->reassembly);
	while (net->ifaces) {
		struct iface *next = net->ifaces->next;
		free_iface(net->ifaces);
		net->ifaces = next;
	}
	free(net);
}

/*
 * Interfaces, addresses, routes ----------------------------------------------------------------------------
 */

struct iface *pb_internet_ifaces(struct internet *net)
{
	return net->ifaces;
}

struct iface *pb_internet_iface(struct internet *net, unsigned index)
{
	struct iface *i = net->ifaces;

	while (i && i->index != index)
		i = i->next;
	return i;
}

/* The kernel's, if it fits into an address's zone (base/ip.h); else the first that is free. */
static unsigned choose_index(struct internet *net, const struct pb_device *device)
{
	unsigned index = 1;

	if (device->index > 1 && device->index <= UINT16_MAX && !pb_internet_iface(net, device->index))
		return device->index;
	while (pb_internet_iface(net, index))
		index++;
	return index;
}

int pb_internet_attach(struct internet *net, struct pb_device *device, const char *name, struct iface **to)
{
	struct iface **at = &net->ifaces;

	for (; *at; at = &(*at)->next)
		if (strcmp((*at)->name, name) == 0)
			return -EEXIST;
	struct iface *i = calloc(1, sizeof *i);
	if (!i)
		return -ENOMEM;
	*i = (struct iface){
		.env = net->env,
		.net = net,
		.device = device,
		.index = choose_index(net, device),
		.mtu = device->mtu,
		.mtu6 = device->mtu,
		.hop_limit = IP_TTL_DEFAULT,
		.reachable_time = NEIGHBOUR_REACHABLE_TIME,
		.retrans_timer = NEIGHBOUR_RETRANS_TIMER,
	};
	strncpy(i->name, name, sizeof i->name - 1);
	*at = *to = i;
	return 0;
}

/* Whether it can be a host's (RFC 1122 §3.2.1.3); 127/8 is the loopback interface's. */
static bool is_host_address(const struct iface *i, const struct ip *a, unsigned bits)
{
	if (ip_is_any(a) || ip_is_multicast(a) || bits == 0 || bits > ip_bits(a))
		return false;
	if (ip_is4(a) && ip_bytes4(a)[0] >= 240)
		return false;
	if (!ip_is4(a) && !i->loopback && i->mtu < IP6_MTU_MIN)
		return false;
	return ip_is_loopback(a) == i->loopback && (!ip_has_zone(a) || ip_zone(a) == i->index);
}

/* A subnet of one or two addresses has no broadcast (RFC 3021 §2.1), and the loopback does not need one. */
static struct ip broadcast_of(const struct iface *i, const struct ip *a, unsigned bits)
{
	if (!ip_is4(a) || bits > 30 || i->loopback)
		return ip_from4((const uint8_t[4]){ 0 });
	return pb_ip_last_of(a, bits);
}

/* The route to an address's own subnet. */
static struct route subnet_route(struct iface *i, const struct ip *a, unsigned bits)
{
	return (struct route){ .prefix = *a, .bits = bits, .on_link = true, .iface = i };
}

static int check_new_address(struct iface *i, const struct ip *a, unsigned bits)
{
	if (!is_host_address(i, a, bits))
		return -EINVAL;
	if (pb_iface_address(i, a))
		return -EEXIST;
	return i->address_count < IFACE_ADDRESSES_MAX ? 0 : -ENOSPC;
}

/* Begin to use an address, or to ask whether somebody else does. */
static void start_address(struct iface_address *entry)
{
	if (entry->state == ADDRESS_TENTATIVE && ip_is4(&entry->ip))
		pb_acd_start(entry);
	else if (entry->state == ADDRESS_TENTATIVE)
		pb_dad_start(entry);
}

int pb_internet_add_entry(struct internet *net, const struct iface_address *given)
{
	struct iface *i = given->iface;
	struct route route = subnet_route(i, &given->ip, given->bits);
	int rc = check_new_address(i, &given->ip, given->bits);

	if (rc < 0)
		return rc;
	struct iface_address *entry = malloc(sizeof *entry);
	if (!entry)
		return -ENOMEM;
	rc = i->loopback || given->off_link ? 0 : pb_routes_add(&net->routes, &route);
	if (rc < 0 && rc != -EEXIST) {
		free(entry);
		return rc;
	}
	*entry = *given;
	entry->timer = (struct pb_timer){ 0 }; /* given may be a copy of one whose timer was armed */
	entry->broadcast = broadcast_of(i, &given->ip, given->bits);
	entry->defended = PB_NEVER;
	i->addresses[i->address_count++] = entry;
	listen_as_solicited(entry, true);
	start_address(entry);
	internet_changed(net);
	return 0;
}

int pb_internet_add_address(struct internet *net, struct iface *i, const struct ip *a, unsigned bits,
			    bool at_once)
{
	struct iface_address entry = { .ip = ip_in_zone(a, i->index),
				       .bits = (uint8_t)(bits > 128 ? 0 : bits),
				       .state = i->device->ethernet && !at_once ? ADDRESS_TENTATIVE
										: ADDRESS_READY,
				       .preferred_until = PB_NEVER,
				       .valid_until = PB_NEVER,
				       .iface = i };
	int rc = ip_zone(a) && ip_zone(a) != i->index ? -EINVAL : pb_internet_add_entry(net, &entry);

	return rc < 0 || ip_is4(a) ? rc : pb_ip6_enable(i, at_once);
}

int pb_internet_autoconf(struct iface *i, bool temporary)
{
	return pb_autoconf_start(i, temporary);
}

size_t pb_internet_name_servers(const struct internet *net, struct ip *servers, size_t count_max)
{
	size_t count = 0;

	for (const struct iface *i = net->ifaces; i; i = i->next)
		for (unsigned n = 0; i->autoconf && n < i->autoconf->server_count && count < count_max; n++)
			servers[count++] = i->autoconf->servers[n].ip;
	return count;
}

const char *pb_internet_search_domain(const struct internet *net, size_t n)
{
	for (const struct iface *i = net->ifaces; i; i = i->next) {
		size_t count = i->autoconf ? i->autoconf->domain_count : 0;
		if (n < count)
			return i->autoconf->domains[n].text;
		n -= count;
	}
	return NULL;
}

bool pb_internet_advises_dhcp6(const struct iface *i)
{
	return i->autoconf && i->autoconf->advised;
}

struct iface *pb_internet_owner(const struct internet *net, const struct ip *a)
{
	struct iface *i = net->ifaces;

	while (i && !pb_iface_address(i, a))
		i = i->next;
	return i;
}

int pb_internet_listen(struct iface *i, const struct ip *group, const struct source_filter *before,
		       const struct source_filter *after)
{
	if (!ip_is_multicast(group))
		return -EINVAL;
	struct ip in_zone = ip_in_zone(group, i->index);
	return pb_group_listen(i, &in_zone, before, after);
}

int pb_internet_join(struct iface *i, const struct ip *group)
{
	return pb_internet_listen(i, group, NULL, &(struct source_filter){ .include = false });
}

int pb_internet_leave(struct iface *i, const struct ip *group)
{
	return pb_internet_listen(i, group, &(struct source_filter){ .include = false }, NULL);
}

/* Whether another address of the interface is in the same subnet. */
static bool shares_subnet(const struct iface *i, const struct iface_address *entry)
{
	for (unsigned n = 0; n < i->address_count; n++) {
		const struct iface_address *other = i->addresses[n];
		if (other != entry && !other->off_link && other->bits == entry->bits &&
		    pb_ip_in_prefix(&other->ip, &entry->ip, entry->bits))
			return true;
	}
	return false;
}

int pb_internet_remove_address(struct internet *net, struct iface *i, const struct ip *a)
{
	struct ip in_zone = ip_in_zone(a, i->index);

	for (unsigned n = 0; n < i->address_count; n++) {
		struct iface_address *entry = i->addresses[n];
		if (!ip_equal(&entry->ip, &in_zone))
			continue;
		if (!i->loopback && !entry->off_link && !shares_subnet(i, entry))
			pb_routes_remove(&net->routes, &in_zone, entry->bits, i);
		remove_entry(i, n);
		internet_changed(net);
		return 0;
	}
	return -EADDRNOTAVAIL;
}

/* Whether a gateway is one hop away on i. */
static bool is_on_link(const struct internet *net, const struct iface *i, const struct ip *gateway)
{
	const struct route *r = pb_routes_find(&net->routes, gateway, i);

	return r && r->on_link;
}

int pb_internet_add_route(struct internet *net, const struct ip *prefix, unsigned bits,
			  const struct ip *gateway, struct iface *i)
{
	struct route route = subnet_route(i, prefix, bits);

	if (gateway) {
		if (!is_on_link(net, i, gateway) || pb_internet_is_local(net, gateway))
			return -ENETUNREACH;
		route.gateway = *gateway;
		route.on_link = false;
	}
	int rc = pb_routes_add(&net->routes, &route);
	if (rc == 0)
		internet_changed(net);
	return rc;
}

int pb_internet_remove_route(struct internet *net, const struct ip *prefix, unsigned bits)
{
	int rc = pb_routes_remove(&net->routes, prefix, bits, NULL);

	if (rc == 0)
		internet_changed(net);
	return rc;
}

void pb_internet_take_foreign(struct internet *net, bool on)
{
	assert(on || net->foreign);
	net->foreign = on ? net->foreign + 1 : net->foreign - 1;
}

bool pb_internet_is_local(const struct internet *net, const struct ip *a)
{
	if (ip_is_loopback(a))
		return true;
	for (struct iface *i = net->ifaces; i; i = i->next) {
		const struct iface_address *entry = pb_iface_address(i, a);
		if (entry)
			return entry->state == ADDRESS_READY;
	}
	return false;
}

bool pb_internet_is_group(const struct internet *net, const struct ip *a)
{
	if (ip_is_multicast(a))
		return true;
	for (const struct iface *i = net->ifaces; i; i = i->next)
		if (pb_iface_is_broadcast(i, a))
			return true;
	return false;
}

void pb_internet_neighbours(struct internet *net, void (*fn)(const struct neighbour_info *n, void *context),
			    void *context)
{
	list_each (l, &net->neighbours.round) {
		const struct neighbour *n = container_of(l, struct neighbour, round);
		struct neighbour_info info = { .ip = n->ip,
					       .state = pb_neighbour_state_text(n),
					       .iface = n->iface };
		memcpy(info.mac, n->mac, sizeof info.mac);
		fn(&info, context);
	}
}

/*
 * Input ----------------------------------------------------------------------------------------------------
 */

static enum ip_verdict drop(struct pb_buf *b)
{
	pb_buf_free(b);
	return IP_DONE;
}

/* Without Ethernet the version says whose it is (RFC 791 §3.1, RFC 8200 §3). */
static enum ip_verdict ip_input(struct internet *net, struct iface *i, struct pb_buf *b,
				struct ip_packet *packet, struct ip_error *error)
{
	unsigned version = pb_buf_gather(b, 1) ? b->data[0] >> 4 : 0;

	if (version == 4)
		return pb_ip4_input(net, i, b, false, packet, error);
	if (version == 6)
		return pb_ip6_input(net, i, b, false, packet, error);
	net->env->counters.ip.InHdrErrors++;
	return drop(b);
}

static enum ip_verdict ethernet_input(struct internet *net, struct iface *i, struct pb_buf *b,
				      struct ip_packet *packet, struct ip_error *error)
{
	struct ethernet_header h;

	if (!pb_buf_gather(b, ETHERNET_HEADER_LEN))
		return drop(b);
	struct reader r = { .p = b->data, .left = b->len };
	if (!pb_ethernet_parse(&h, &r))
		return drop(b);
	bool group = ethernet_is_group(h.dst);
	if (!group && memcmp(h.dst, i->device->mac, sizeof h.dst) != 0)
		return drop(b);
	pb_buf_pull(b, ETHERNET_HEADER_LEN);
	switch (h.type) {
	case ETHERNET_IP4:
		return pb_ip4_input(net, i, b, group, packet, error);
	case ETHERNET_IP6:
		return pb_ip6_input(net, i, b, group, packet, error);
	case ETHERNET_ARP:
		pb_arp_input(net, i, b);
		return IP_DONE;
	case ETHERNET_RARP:
		pb_rarp_input(net, i, b);
		return IP_DONE;
	default:
		return drop(b);
	}
}

enum ip_verdict pb_internet_input(struct internet *net, struct iface *i, struct pb_buf *b,
				  struct ip_packet *packet, struct ip_error *error)
{
	if (i->device->ethernet)
		return ethernet_input(net, i, b, packet, error);
	return ip_input(net, i, b, packet, error);
}
