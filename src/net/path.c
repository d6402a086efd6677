/*
 * The way to a peer: over which interface, by which neighbour, from which address, and how large a packet
 * may be. It is found once and kept by whoever sends (struct ip_path), so that what is here is not on the
 * way of each packet.
 */
#include "base/checksum.h"
#include "net/group.h"
#include "net/internet_state.h"
#include "net/ip4.h"
#include "net/ip6.h"
#include "net/source.h"
#include "wire/ethernet.h"

#include <errno.h>

static const uint8_t localhost[4] = { 127, 0, 0, 1 };

/* This host, in the family of a: 127.0.0.1 or ::1. */
static struct ip this_host(const struct ip *a)
{
	return ip_is4(a) ? ip_from4(localhost) : (struct ip){ .bytes = { [15] = 1 } };
}

/* To ourselves: from the address that is called, or from 127.0.0.1 to its likes. */
static int find_loopback(struct internet *net, struct ip_path *path)
{
	path->iface = net->lo;
	path->mtu = net->lo->mtu;
	if (ip_is_any(&path->src))
		path->src = ip_is_loopback(&path->dst) ? this_host(&path->dst) : path->dst;
	return 0;
}

/*
 * Where a group is that no route tells of: the interface asked for, or the first that is none of the
 * loopback.
 */
static struct iface *iface_for_group(struct internet *net, struct iface *bound)
{
	for (struct iface *i = net->ifaces; i && !bound; i = i->next)
		if (!i->loopback)
			bound = i;
	return bound;
}

/* Over which interface, and to which next hop. */
static int find_next_hop(struct internet *net, struct ip_path *path, struct ip *next_hop)
{
	unsigned zone = ip_zone(&path->dst), index = path->bound ? path->bound : zone;
	struct iface *bound = index ? pb_internet_iface(net, index) : NULL;
	const struct route *route = pb_routes_find(&net->routes, &path->dst, bound);

	if (index && !bound)
		return -ENODEV;
	if (ip_is_link_local(&path->dst) && !zone)
		return -EINVAL; /* RFC 4007 §6: the address alone does not say where that is */
	if (ip_has_zone(&path->dst) && zone != index && !(ip_is_multicast(&path->dst) && !zone))
		return -EINVAL;
	*next_hop = route ? pb_redirects_hop(&net->redirects, &path->dst, route) : path->dst;
	path->group = pb_internet_is_group(net, &path->dst);
	/* Whoever names an interface, and no route does, means that the peer is on the link there. */
	path->iface = route ? route->iface : path->group ? iface_for_group(net, bound) : bound;
	if (path->iface && ip_is_multicast(&path->dst))
		path->dst = ip_in_zone(&path->dst, path->iface->index);
	return path->iface ? 0 : -ENETUNREACH;
}

static int find_neighbour(struct internet *net, struct ip_path *path, const struct ip *next_hop)
{
	if (path->group || !path->iface->device->ethernet)
		return 0;
	path->neighbour = pb_neighbours_get(&net->neighbours, path->iface, next_hop);
	return path->neighbour ? 0 : -ENOBUFS;
}

static void find_mtu(struct internet *net, struct ip_path *path)
{
	uint32_t told = pb_path_mtus_find(&net->path_mtus, &path->dst);

	path->mtu = ip_is4(&path->dst) ? path->iface->mtu : path->iface->mtu6;
	path->narrow = told && told < PATH_MTU_MIN && ip_is4(&path->dst);
	if (path->narrow)
		told = PATH_MTU_MIN;
	if (told && told < path->mtu)
		path->mtu = told;
}

static uint16_t identification_for(const struct internet *net, const struct ip_path *path)
{
	uint8_t key[32];

	memcpy(key, path->src.bytes, 16);
	memcpy(key + 16, path->dst.bytes, 16);
	return pb_siphash13(&net->key, key, sizeof key) % IDENTIFICATIONS;
}

/* Over an interface that is not the loopback. */
static int find_way_out(struct internet *net, struct ip_path *path)
{
	struct ip next_hop;
	int rc = find_next_hop(net, path, &next_hop);

	if (rc == 0 && ip_is_any(&path->src))
		rc = pb_source_choose(net, path->iface, &path->dst, &next_hop, &path->src);
	if (rc == -EADDRNOTAVAIL && ip_is_limited_broadcast(&path->dst))
		rc = 0; /* RFC 1122 §3.2.1.3 (a): from nobody yet, who asks to become somebody */
	else if (rc == 0 && ip_is_loopback(&path->src) && !path->iface->loopback)
		rc = -EINVAL; /* RFC 1122 §3.2.1.3 (g), RFC 4291 §2.5.3 */
	else if (rc == 0 && ip_zone(&path->src) && ip_zone(&path->src) != path->iface->index)
		rc = -EINVAL; /* RFC 4007 §9: it would leave its zone */
	if (rc == 0)
		rc = find_neighbour(net, path, &next_hop);
	if (rc == 0)
		find_mtu(net, path);
	return rc;
}

static int find_path(struct internet *net, struct ip_path *path, const struct ip *src, const struct ip *dst,
		     unsigned bound)
{
	struct ip_path found = { .src = *src, .dst = *dst, .bound = bound };

	if (ip_is_any(dst)) /* as in Linux, that is this host */
		found.dst = !ip_is_any(src) ? *src : this_host(dst);
	int rc = pb_internet_is_local(net, &found.dst) ? find_loopback(net, &found)
						       : find_way_out(net, &found);
	if (rc < 0) {
		net->env->counters.ip.OutNoRoutes += rc == -ENETUNREACH;
		return rc;
	}
	found.id = identification_for(net, &found);
	found.generation = net->generation; /* last: a neighbour that had to go moved it on */
	*path = found;
	return 0;
}

/* A handshake asks for the same way more than once, and a client calls the same server again and again. */
int pb_ip_path(struct internet *net, struct ip_path *path, const struct ip *src, const struct ip *dst,
	       unsigned bound)
{
	struct recent_path *r = &net->recent_paths[(dst->bytes[15] ^ src->bytes[15]) % PATHS_RECENT];

	if (r->path.generation != net->generation || !ip_equal(&r->dst, dst) || !ip_equal(&r->src, src) ||
	    r->path.bound != bound) {
		int rc = find_path(net, &r->path, src, dst, bound);
		if (rc < 0)
			return rc;
		r->src = *src;
		r->dst = *dst;
	}
	*path = r->path;
	return 0;
}

/*
 * Sending --------------------------------------------------------------------------------------------------
 */

static bool is_valid(const struct internet *net, const struct ip_path *path)
{
	return path->generation == net->generation;
}

/* Look for the way again; apart, as most are valid for long. */
__attribute__((noinline)) static int renew(struct internet *net, struct ip_path *path)
{
	bool no_loop = path->no_loop;
	int rc = pb_ip_path(net, path, &path->src, &path->dst, path->bound);
	path->no_loop = no_loop;
	return rc;
}

int pb_ip_send(struct internet *net, struct ip_path *path, const struct ip_send *how, struct pb_buf *b)
{
	int rc = is_valid(net, path) ? 0 : renew(net, path);

	if (rc == 0)
		return ip_is4(&path->dst) ? pb_ip4_send(net, path, how, b) : pb_ip6_send(net, path, how, b);
	pb_buf_free(b);
	return rc;
}

int pb_ip_send_raw(struct internet *net, struct ip_path *path, struct pb_buf *b)
{
	int rc = is_valid(net, path) ? 0 : renew(net, path);

	if (rc == 0)
		return ip_is4(&path->dst) ? pb_ip4_send_raw(net, path, b) : pb_ip6_send_raw(net, path, b);
	pb_buf_free(b);
	return rc;
}

void pb_internet_group_mac(const struct ip *group, uint8_t mac[PB_MAC_LEN])
{
	memcpy(mac, pb_ethernet_broadcast, PB_MAC_LEN);
	if (!ip_is_multicast(group))
		return;
	if (!ip_is4(group)) { /* RFC 2464 §7: 33:33 and the last 32 bits */
		memset(mac, 0x33, 2);
		memcpy(mac + 2, group->bytes + 12, 4);
		return;
	}
	memcpy(mac, (const uint8_t[]){ 0x01, 0x00, 0x5e }, 3); /* RFC 1112 §6.4: and the last 23 bits */
	memcpy(mac + 3, ip_bytes4(group) + 1, 3);
	mac[3] &= 0x7f;
}

struct iface *pb_internet_heard_on(struct iface *i, const struct ip *src, const struct ip *dst)
{
	if (!i->loopback || !ip_is_multicast(dst))
		return i;
	for (struct iface *own = i->net->ifaces; own; own = own->next)
		if (pb_iface_address(own, src))
			return own;
	return i;
}

/* RFC 1112 §6.1: whoever listens here hears what is sent from here, unless the sender does not want it. */
static void loop_back(struct ip_path *path, const struct pb_buf *b)
{
	struct iface *i = path->iface, *lo = i->net->lo;
	struct pb_buf *copy = pb_buf_duplicate(i->env->pool, b);

	if (copy)
		pb_iface_send(lo, NULL, 0, copy);
}

static void send_to_group(struct ip_path *path, struct pb_buf *b)
{
	uint8_t mac[PB_MAC_LEN];

	pb_internet_group_mac(&path->dst, mac);
	pb_iface_send(path->iface, mac, ip_is4(&path->dst) ? ETHERNET_IP4 : ETHERNET_IP6, b);
}

int pb_internet_transmit(struct ip_path *path, struct pb_buf *b)
{
	if (path->group && ip_is_multicast(&path->dst) && !path->no_loop && !path->iface->loopback &&
	    pb_group_joined(path->iface, &path->dst))
		loop_back(path, b);

	if (path->neighbour)
		return pb_neighbour_send(path->neighbour, b);
	if (path->iface->device->ethernet)
		send_to_group(path, b);
	else
		pb_iface_send(path->iface, NULL, 0, b);
	return 0;
}

void pb_ip_confirm(struct internet *net, struct ip_path *path)
{
	if (path->neighbour && path->generation == net->generation)
		pb_neighbour_confirm(path->neighbour);
}

void pb_ip_redirected(struct internet *net, const struct ip_error *e)
{
	pb_redirect_learn(net, e->iface, &e->dst, &e->gateway);
}

void pb_ip_learn_mtu(struct internet *net, const struct ip *dst, uint32_t mtu)
{
	pb_path_mtus_learn(&net->path_mtus, dst, mtu);
}
