#include "net/autoconf.h"

#include "net/icmp6.h"
#include "net/interface_id.h"
#include "net/internet_state.h"
#include "net/ip6.h"
#include "wire/ethernet.h"
#include "wire/ip6.h"
#include "wire/nd.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#define SOLICIT_DELAY_MAX PB_SEC(1)    /* RFC 4861 §10, MAX_RTR_SOLICITATION_DELAY */
#define SOLICIT_FIRST     PB_SEC(4)    /* RFC 7559 §2, IRT: RFC 4861's RTR_SOLICITATION_INTERVAL */
#define SOLICIT_MAX       PB_SEC(3600) /* RFC 7559 §2, MRT */

#define MADE_BITS       64             /* of prefix and of identifier (RFC 4291 §2.5.1, RFC 7421) */
#define ATTEMPTS_MAX    3              /* RFC 7217 §7, IDGEN_RETRIES; RFC 8981 §3.8, TEMP_IDGEN_RETRIES */
#define VALID_LEAST     PB_SEC(7200)   /* RFC 4862 §5.5.3 (e): nobody unknown shortens it to less */
#define TEMPORARY_VALID PB_SEC(172800) /* RFC 8981 §3.8, TEMP_VALID_LIFETIME: two days */
#define TEMPORARY_USED  PB_SEC(86400)  /* TEMP_PREFERRED_LIFETIME: one day */
#define DESYNC_MAX      (TEMPORARY_USED / 10 * 4) /* MAX_DESYNC_FACTOR */
#define REGEN_ADVANCE   PB_SEC(5)                 /* 2 s and a second for each attempt */
#define REACHABLE_MAX   PB_SEC(3600)              /* RFC 4861 §6.2.1, AdvReachableTime */
#define RETRANS_LEAST   PB_MSEC(100)              /* our own: nobody makes us ask in a hurry */
#define RETRANS_MAX     PB_SEC(60)

static void plan(struct autoconf *a);

static pb_time now_of(const struct autoconf *a)
{
	return env_now(a->iface->env);
}

/* When a lifetime of so many seconds ends. */
static pb_time end_of(const struct autoconf *a, uint32_t seconds)
{
	return seconds == ND_FOREVER ? PB_NEVER : now_of(a) + PB_SEC((pb_time)seconds);
}

static pb_time sooner(pb_time a, pb_time b)
{
	return a < b ? a : b;
}

/*
 * Asking (RFC 4861 §6.3.7, RFC 7559) -----------------------------------------------------------------------
 */

static struct ip link_local_of(const struct iface *i)
{
	for (unsigned n = 0; n < i->address_count; n++)
		if (ip_is_link_local(&i->addresses[n]->ip) && i->addresses[n]->state == ADDRESS_READY)
			return i->addresses[n]->ip;
	return (struct ip){ 0 };
}

/* About so long: a tenth more or less, so that a hundred hosts do not ask at once. */
static pb_time jittered(struct autoconf *a, pb_time interval)
{
	pb_time tenth = interval / 10;

	return interval - tenth + (pb_time)pb_rng_below(&a->iface->env->rng, (uint64_t)tenth * 2 + 1);
}

static void solicit(struct pb_timer *t)
{
	struct autoconf *a = container_of(t, struct autoconf, solicit);
	struct iface *i = a->iface;
	struct ip src = link_local_of(i), all_routers = {
		.bytes = {0xff, 2, [15] = 2}
	};
	uint8_t message[ND_MESSAGE_MAX];
	struct writer w = { .p = message, .left = sizeof message };

	/* RFC 4861 §4.1: nobody has no Ethernet address either. */
	pb_nd_router_solicitation_write(ip_is_any(&src) ? NULL : i->device->mac, &w);
	pb_icmp6_send_on_link(i, ICMP6_IS_ND, &src, &all_routers, NULL, message, sizeof message - w.left);
	a->solicit_interval = a->solicit_interval ? a->solicit_interval * 2 : SOLICIT_FIRST;
	if (a->solicit_interval > SOLICIT_MAX)
		a->solicit_interval = SOLICIT_MAX;
	pb_timers_set(&i->env->timers, t, now_of(a) + jittered(a, a->solicit_interval));
}

int pb_autoconf_start(struct iface *i, bool temporary)
{
	if (!i->device->ethernet || i->mtu < IP6_MTU_MIN)
		return -EINVAL;
	if (i->autoconf)
		return -EALREADY;
	struct autoconf *a = calloc(1, sizeof *a);
	int rc = a ? pb_ip6_enable(i, false) : -ENOMEM;
	if (rc < 0) {
		free(a);
		return rc;
	}
	a->iface = i;
	a->temporary = temporary;
	a->solicit.fn = solicit;
	i->autoconf = a;
	plan(a);
	pb_time delay = (pb_time)pb_rng_below(&i->env->rng, (uint64_t)SOLICIT_DELAY_MAX + 1);
	pb_timers_set(&i->env->timers, &a->solicit, now_of(a) + delay);
	return 0;
}

/*
 * What is told and ends ------------------------------------------------------------------------------------
 */

static struct lease *find_lease(struct lease *leases, unsigned count, const struct ip *ip, unsigned bits)
{
	for (unsigned n = 0; n < count; n++)
		if (ip_equal(&leases[n].ip, ip) && leases[n].bits == bits)
			return &leases[n];
	return NULL;
}

/*
 * Note that something is so until a time, which may be over. What there is no room for is not noted. Whether it is new.
 */
static bool note_lease(struct lease *leases, unsigned *count, unsigned count_max, struct lease lease,
		       pb_time now)
{
	struct lease *known = find_lease(leases, *count, &lease.ip, lease.bits);

	if (known) {
		known->until = lease.until;
		return false;
	}
	if (lease.until <= now || *count == count_max)
		return false;
	leases[(*count)++] = lease;
	return true;
}

static struct ip default_prefix(void)
{
	return (struct ip){ 0 };
}

static void remove_route(struct autoconf *a, const struct ip *prefix, unsigned bits, const struct ip *gateway)
{
	if (pb_routes_remove_told(&a->iface->net->routes, prefix, bits, gateway, a->iface) == 0)
		internet_changed(a->iface->net);
}

static void add_route(struct autoconf *a, const struct ip *prefix, unsigned bits, const struct ip *gateway)
{
	struct route r = {
		.prefix = *prefix, .bits = bits, .on_link = !gateway, .told = true, .iface = a->iface
	};

	if (gateway)
		r.gateway = *gateway;
	if (pb_routes_add(&a->iface->net->routes, &r) == 0)
		internet_changed(a->iface->net);
}

static void end_routers(struct autoconf *a, pb_time now)
{
	struct ip all = default_prefix();

	for (unsigned n = 0; n < a->router_count;)
		if (a->routers[n].until <= now) {
			remove_route(a, &all, 0, &a->routers[n].ip);
			a->routers[n] = a->routers[--a->router_count];
		} else {
			n++;
		}
}

void pb_autoconf_no_router(struct iface *i, const struct ip *ip)
{
	struct lease *l =
		i->autoconf ? find_lease(i->autoconf->routers, i->autoconf->router_count, ip, 128) : NULL;

	if (!l)
		return;
	l->until = now_of(i->autoconf);
	end_routers(i->autoconf, l->until);
}

static void end_prefixes(struct autoconf *a, pb_time now)
{
	for (unsigned n = 0; n < a->prefix_count;)
		if (a->prefixes[n].until <= now) {
			remove_route(a, &a->prefixes[n].ip, a->prefixes[n].bits, NULL);
			a->prefixes[n] = a->prefixes[--a->prefix_count];
		} else {
			n++;
		}
}

static void end_servers(struct autoconf *a, pb_time now)
{
	for (unsigned n = 0; n < a->server_count;)
		if (a->servers[n].until <= now)
			a->servers[n] = a->servers[--a->server_count];
		else
			n++;
}

static void end_domains(struct autoconf *a, pb_time now)
{
	for (unsigned n = 0; n < a->domain_count;)
		if (a->domains[n].until <= now)
			a->domains[n] = a->domains[--a->domain_count];
		else
			n++;
}

/*
 * Addresses (RFC 4862 §5.5.3, RFC 8981 §3.3) ---------------------------------------------------------------
 */

static bool is_made(const struct iface_address *a)
{
	return a->origin == ADDRESS_STABLE || a->origin == ADDRESS_TEMPORARY;
}

static unsigned count_made(const struct iface *i)
{
	unsigned count = 0;

	for (unsigned n = 0; n < i->address_count; n++)
		count += is_made(i->addresses[n]);
	return count;
}

static void remove_address(struct iface_address *a)
{
	struct ip ip = a->ip; /* which goes with a */

	pb_internet_remove_address(a->iface->net, a->iface, &ip);
}

static void make_address(struct autoconf *a, struct iface_address made)
{
	struct iface *i = a->iface;

	made.bits = MADE_BITS;
	made.state = ADDRESS_TENTATIVE;
	made.off_link = true; /* RFC 5942 §4: that there is an address says nothing of its prefix */
	made.iface = i;
	if (made.origin == ADDRESS_TEMPORARY)
		made.ip = pb_interface_id_random(i, &made.ip);
	else
		made.ip = pb_interface_id_stable(i, &made.ip, made.attempt);
	if (made.origin == ADDRESS_LINK_LOCAL || count_made(i) < AUTOCONF_ADDRESSES_MAX)
		pb_internet_add_entry(i->net, &made);
}

/* RFC 8981 §3.4: never longer than the prefix's, nor than a day or two; each host a little less. */
static void make_temporary(struct autoconf *a, const struct ip *prefix, pb_time valid_until,
			   pb_time preferred_until)
{
	pb_time now = now_of(a), valid = now + TEMPORARY_VALID, used = now + TEMPORARY_USED;

	used -= (pb_time)pb_rng_below(&a->iface->env->rng, (uint64_t)DESYNC_MAX + 1);
	if (a->temporary && sooner(used, preferred_until) > now + REGEN_ADVANCE)
		make_address(a, (struct iface_address){ .ip = *prefix,
							.origin = ADDRESS_TEMPORARY,
							.valid_most = valid,
							.preferred_most = used,
							.valid_until = sooner(valid, valid_until),
							.preferred_until = sooner(used, preferred_until) });
}

/* The address in that prefix; NULL: there is none. Of temporary ones, that which lasts longest. */
static struct iface_address *made_in(const struct iface *i, const struct ip *prefix,
				     enum iface_address_origin origin)
{
	struct iface_address *best = NULL;

	for (unsigned n = 0; n < i->address_count; n++) {
		struct iface_address *a = i->addresses[n];
		if (a->origin == origin && pb_ip_in_prefix(&a->ip, prefix, MADE_BITS) &&
		    (!best || a->preferred_until > best->preferred_until))
			best = a;
	}
	return best;
}

/* RFC 4862 §5.5.3 (e): who could forge one advertisement must not end an address at once. */
static void prolong(struct autoconf *a, struct iface_address *address, pb_time valid, pb_time preferred)
{
	pb_time now = now_of(a), least = now + VALID_LEAST;

	address->preferred_until = preferred;
	if (valid > least || valid > address->valid_until)
		address->valid_until = valid;
	else if (address->valid_until > least)
		address->valid_until = least;
	internet_changed(a->iface->net);
}

/*
 * RFC 8981 §3.4: temporary addresses last as long as the prefix does, but no longer than they were made for. Else all
 * that uses one would break off when the first lifetime is over, though routers prolong it again and again.
 */
static void prolong_temporary(struct iface *i, const struct iface_address *stable)
{
	for (unsigned n = 0; n < i->address_count; n++) {
		struct iface_address *a = i->addresses[n];
		if (a->origin != ADDRESS_TEMPORARY || !pb_ip_in_prefix(&a->ip, &stable->ip, MADE_BITS))
			continue;
		a->preferred_until = sooner(a->preferred_most, stable->preferred_until);
		a->valid_until = sooner(a->valid_most, stable->valid_until);
	}
}

static void take_autonomous(struct autoconf *a, const struct nd_prefix *p)
{
	pb_time valid = end_of(a, p->valid), preferred = end_of(a, p->preferred);
	struct iface_address *known = made_in(a->iface, &p->prefix, ADDRESS_STABLE);

	if (p->preferred > p->valid || p->bits != MADE_BITS)
		return;
	if (known) {
		prolong(a, known, valid, preferred);
		prolong_temporary(a->iface, known);
	} else if (p->valid) {
		make_address(a, (struct iface_address){ .ip = p->prefix,
							.origin = ADDRESS_STABLE,
							.valid_until = valid,
							.preferred_until = preferred });
	}
	if (p->valid && !made_in(a->iface, &p->prefix, ADDRESS_TEMPORARY))
		make_temporary(a, &p->prefix, valid, preferred);
}

void pb_autoconf_duplicate(struct iface_address *a)
{
	struct iface_address again = *a;
	struct autoconf *autoconf = a->iface->autoconf;

	if (!autoconf || a->origin == ADDRESS_GIVEN || ++again.attempt > ATTEMPTS_MAX)
		return;
	memset(again.ip.bytes + 8, 0, 8);
	again.ip = ip_in_zone(&again.ip, 0);
	remove_address(a);
	make_address(autoconf, again);
}

/* RFC 8981 §3.5: the next one is there before the last one is deprecated. */
static void renew_temporary(struct autoconf *a, pb_time now)
{
	for (unsigned n = 0; n < a->iface->address_count && a->temporary; n++) {
		const struct iface_address *stable = a->iface->addresses[n];
		if (stable->origin != ADDRESS_STABLE || stable->preferred_until <= now + REGEN_ADVANCE)
			continue;
		struct ip prefix = stable->ip;
		memset(prefix.bytes + 8, 0, 8);
		const struct iface_address *last = made_in(a->iface, &prefix, ADDRESS_TEMPORARY);
		if (!last || last->preferred_until <= now + REGEN_ADVANCE)
			make_temporary(a, &prefix, stable->valid_until, stable->preferred_until);
	}
}

/* RFC 4862 §5.5.4: deprecated ones are no longer chosen, invalid ones go. */
static void end_addresses(struct autoconf *a, pb_time now)
{
	struct iface *i = a->iface;

	for (unsigned n = 0; n < i->address_count;)
		if (i->addresses[n]->valid_until <= now)
			remove_address(i->addresses[n]);
		else
			n++;
	renew_temporary(a, now);
	internet_changed(i->net);
}

/*
 * Time -----------------------------------------------------------------------------------------------------
 */

static pb_time first_lease(const struct lease *leases, unsigned count, pb_time first)
{
	for (unsigned n = 0; n < count; n++)
		first = sooner(first, leases[n].until);
	return first;
}

static pb_time first_end(const struct autoconf *a, pb_time now)
{
	pb_time first = first_lease(a->routers, a->router_count, PB_NEVER);

	first = first_lease(a->prefixes, a->prefix_count, first);
	first = first_lease(a->servers, a->server_count, first);
	for (unsigned n = 0; n < a->domain_count; n++)
		first = sooner(first, a->domains[n].until);
	for (unsigned n = 0; n < a->iface->address_count; n++) {
		const struct iface_address *address = a->iface->addresses[n];
		pb_time used = address->preferred_until;
		first = sooner(first, address->valid_until);
		if (used != PB_NEVER && used > now)
			first = sooner(first, used);
		if (used != PB_NEVER && address->origin == ADDRESS_TEMPORARY && used - REGEN_ADVANCE > now)
			first = sooner(first, used - REGEN_ADVANCE);
	}
	return first;
}

static void time_is_up(struct pb_timer *t)
{
	struct autoconf *a = container_of(t, struct autoconf, ends);
	pb_time now = now_of(a);

	end_routers(a, now);
	end_prefixes(a, now);
	end_servers(a, now);
	end_domains(a, now);
	end_addresses(a, now);
	plan(a);
}

static void plan(struct autoconf *a)
{
	pb_time first = first_end(a, now_of(a));

	a->ends.fn = time_is_up;
	if (first == PB_NEVER)
		pb_timers_stop(&a->iface->env->timers, &a->ends);
	else
		pb_timers_set(&a->iface->env->timers, &a->ends, first);
}

void pb_autoconf_stop(struct iface *i)
{
	struct autoconf *a = i->autoconf;

	if (!a)
		return;
	i->autoconf = NULL;
	end_routers(a, PB_NEVER);
	end_prefixes(a, PB_NEVER);
	for (unsigned n = 0; n < i->address_count;)
		if (is_made(i->addresses[n]))
			remove_address(i->addresses[n]);
		else
			n++;
	pb_timers_stop(&i->env->timers, &a->solicit);
	pb_timers_stop(&i->env->timers, &a->ends);
	free(a);
}

/*
 * Listening (RFC 4861 §6.3.4) ------------------------------------------------------------------------------
 */

static void take_prefix(struct autoconf *a, const struct nd_prefix *p)
{
	struct lease lease = { .bits = p->bits, .until = end_of(a, p->valid) };

	if (ip_is_link_local(&p->prefix) || ip_is_multicast(&p->prefix))
		return;
	lease.ip = pb_ip_prefix_of(&p->prefix, p->bits);
	if (p->on_link && note_lease(a->prefixes, &a->prefix_count, AUTOCONF_PREFIXES_MAX, lease, now_of(a)))
		add_route(a, &lease.ip, p->bits, NULL);
	if (p->autonomous)
		take_autonomous(a, p);
}

static void take_servers(struct autoconf *a, const struct nd_option *o)
{
	struct lease server = { .bits = 128 };
	uint32_t seconds;

	for (unsigned n = 0; pb_nd_rdnss(o, n, &server.ip, &seconds); n++) {
		if (ip_zone(&server.ip) || ip_is_multicast(&server.ip) || ip_is_any(&server.ip))
			continue;
		server.ip = ip_in_zone(&server.ip, a->iface->index);
		server.until = end_of(a, seconds);
		note_lease(a->servers, &a->server_count, AUTOCONF_SERVERS_MAX, server, now_of(a));
	}
}

static void note_domain(struct autoconf *a, const char *text, pb_time until)
{
	struct domain_lease *d = NULL;

	for (unsigned n = 0; n < a->domain_count; n++)
		if (strcasecmp(a->domains[n].text, text) == 0)
			d = &a->domains[n];
	if (!d && until > now_of(a) && a->domain_count < AUTOCONF_DOMAINS_MAX)
		d = &a->domains[a->domain_count++];
	if (!d)
		return;
	memcpy(d->text, text, strlen(text) + 1);
	d->until = until;
}

static void take_domains(struct autoconf *a, const struct nd_option *o)
{
	char domains[AUTOCONF_DOMAINS_MAX][DOMAIN_TEXT];
	uint32_t seconds;
	unsigned count = pb_nd_dnssl(o, domains, AUTOCONF_DOMAINS_MAX, &seconds);

	for (unsigned n = 0; n < count; n++)
		note_domain(a, domains[n], end_of(a, seconds));
}

static void take_mtu(struct iface *i, uint32_t mtu)
{
	if (mtu < IP6_MTU_MIN || mtu > i->mtu || mtu == i->mtu6)
		return;
	i->mtu6 = mtu;
	internet_changed(i->net);
}

static void take_options(struct autoconf *a, const struct ip *router, struct reader options)
{
	struct nd_option o;
	struct nd_prefix prefix;

	while (pb_nd_option(&o, &options)) {
		struct neighbour *n;
		if (pb_nd_prefix(&prefix, &o))
			take_prefix(a, &prefix);
		else if (pb_nd_mtu(&o))
			take_mtu(a->iface, pb_nd_mtu(&o));
		else if (o.type == ND_RDNSS)
			take_servers(a, &o);
		else if (o.type == ND_DNSSL)
			take_domains(a, &o);
		else if (o.type == ND_SOURCE_MAC && !ethernet_is_group(o.body) &&
			 (n = pb_neighbours_find(&a->iface->net->neighbours, a->iface, router)))
			pb_neighbour_advertised(n, o.body, false, true);
	}
}

static void take_router(struct autoconf *a, const struct ip *router, uint16_t lifetime)
{
	struct lease lease = { .ip = *router, .bits = 128, .until = now_of(a) + PB_SEC((pb_time)lifetime) };
	struct ip all = default_prefix();

	if (note_lease(a->routers, &a->router_count, AUTOCONF_ROUTERS_MAX, lease, now_of(a)))
		add_route(a, &all, 0, router);
	if (lifetime) /* RFC 7559 §2.1: somebody is there */
		pb_timers_stop(&a->iface->env->timers, &a->solicit);
}

/* A lower hop limit than the usual would keep us from reaching far: nobody is believed that (CVE-2015-2922). */
static void take_parameters(struct iface *i, const struct nd_router *m)
{
	pb_time reachable = PB_MSEC((pb_time)m->reachable_time), retrans = PB_MSEC((pb_time)m->retrans_timer);

	if (m->hop_limit >= IP_TTL_DEFAULT)
		i->hop_limit = m->hop_limit;
	if (reachable && reachable <= REACHABLE_MAX)
		i->reachable_time = reachable;
	if (retrans >= RETRANS_LEAST && retrans <= RETRANS_MAX)
		i->retrans_timer = retrans;
}

void pb_autoconf_input(struct internet *net, const struct ip_packet *p)
{
	struct autoconf *a = p->iface->autoconf;
	struct reader r = { .p = p->buf->data, .left = p->buf->len };
	struct nd_router m;

	if (!a)
		return;
	if (p->buf->len < p->buf->total || !ip_is_link_local(&p->src) || !pb_nd_router_parse(&m, &r)) {
		net->env->counters.arp.InErrors++;
		return;
	}
	a->advised = m.managed || m.other;
	take_parameters(p->iface, &m);
	take_router(a, &p->src, m.lifetime);
	take_options(a, &p->src, m.options);
	time_is_up(&a->ends); /* of what is told to end, too */
}
