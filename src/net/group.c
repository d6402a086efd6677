#include "net/group.h"

#include "net/icmp6.h"
#include "net/internet_state.h"
#include "net/ip4.h"
#include "wire/icmp.h"
#include "wire/membership.h"

#include <errno.h>

#define ROBUSTNESS  2         /* RFC 3376 §8.1, RFC 3810 §9.1: so often a change is told */
#define UNSOLICITED PB_SEC(1) /* RFC 3376 §8.11, RFC 3810 §9.11: within that time again */

#define RECORDS_MAX 60 /* in one report, so that it fits into 1280 bytes */

static const uint8_t igmp_routers[4] = { 224, 0, 0, 22 }; /* RFC 3376 §4.2.14 */

/*
 * Who listens ----------------------------------------------------------------------------------------------
 */

/* RFC 1112 §7.2: 224.0.0.1; RFC 4291 §2.8: ff01::1 and ff02::1. */
static bool is_all_nodes(const struct iface *i, const struct ip *group)
{
	struct ip all4 = ip_from4((const uint8_t[4]){
			  224, 0, 0, 1
        }),
		  all6 = { .bytes = { 0xff, 2, [15] = 1 } };

	if (ip_is4(group))
		return ip_equal(group, &all4);
	all6.bytes[1] = group->bytes[1] == 1 ? 1 : 2;
	all6 = ip_in_zone(&all6, i->index);
	return ip_equal(group, &all6);
}

/* RFC 4291 §2.8: also while an address is tentative (RFC 4862 §5.4.2). */
static bool is_solicited_node(const struct iface *i, const struct ip *group)
{
	for (unsigned n = 0; n < i->address_count; n++) {
		struct ip solicited = pb_ip_solicited_node(&i->addresses[n]->ip, i->index);
		if (!ip_is4(&i->addresses[n]->ip) && ip_equal(group, &solicited))
			return true;
	}
	return false;
}

static struct group *find(const struct groups *g, const struct ip *ip)
{
	for (unsigned n = 0; n < g->count; n++)
		if (ip_equal(&g->group[n].ip, ip))
			return (struct group *)&g->group[n];
	return NULL;
}

bool pb_group_joined(const struct iface *i, const struct ip *group)
{
	const struct group *joined = find(&i->groups, group);

	return (joined && joined->users) || is_all_nodes(i, group) ||
	       (!ip_is4(group) && is_solicited_node(i, group));
}

/*
 * Telling --------------------------------------------------------------------------------------------------
 */

static struct ip source_of(const struct iface *i, bool v6)
{
	struct ip none = { 0 };

	for (unsigned n = 0; n < i->address_count; n++) {
		const struct iface_address *a = i->addresses[n];
		if (a->state == ADDRESS_READY && (v6 ? ip_is_link_local(&a->ip) : ip_is4(&a->ip)))
			return a->ip;
	}
	/* RFC 3810 §5.2.13, RFC 3590 §4; RFC 3376 §4.2.13: nobody, while there is no address. */
	return v6 ? none : ip_from4((const uint8_t[4]){ 0 });
}

static void send_report(struct iface *i, bool v6, uint8_t *report, size_t len)
{
	struct ip mld_routers = {
		.bytes = {0xff, 2, [15] = 0x16}
	}; /* RFC 3810 §5.2.14 */
	struct ip src = source_of(i, v6), dst = ip_from4(igmp_routers);

	if (v6) {
		pb_icmp6_send_on_link(i, ICMP6_IS_MLD, &src, &mld_routers, NULL, report, len);
	} else {
		pb_icmp_seal(report, len, 0); /* the same sum, at the same place */
		pb_ip4_send_igmp(i, &src, &dst, report, len);
	}
}

/* What is to be said of a group now; 0: nothing. */
static int record_of(struct group *g)
{
	if (g->untold) {
		g->untold--;
		return g->users ? MEMBERSHIP_TO_EXCLUDE : MEMBERSHIP_TO_INCLUDE;
	}
	return g->asked && g->users ? MEMBERSHIP_IS_EXCLUDE : 0;
}

/* One report of what there is to say; whether something was left for a next one. */
static bool report_some(struct groups *g, bool v6)
{
	uint8_t report[MEMBERSHIP_REPORT_LEN + RECORDS_MAX * MEMBERSHIP_RECORD_MAX];
	struct writer w = { .p = report + MEMBERSHIP_REPORT_LEN,
			    .left = sizeof report - MEMBERSHIP_REPORT_LEN };
	uint16_t count = 0;
	unsigned n = 0;

	for (; n < g->count && count < RECORDS_MAX; n++) {
		int type = ip_is4(&g->group[n].ip) == v6 ? 0 : record_of(&g->group[n]);
		if (!type)
			continue;
		pb_membership_record_write((enum membership_record)type, &g->group[n].ip, &w);
		g->group[n].asked = false;
		count++;
	}
	struct writer head = { .p = report, .left = MEMBERSHIP_REPORT_LEN };
	pb_membership_report_write(v6, count, &head);
	if (count)
		send_report(g->iface, v6, report, sizeof report - w.left);
	return n < g->count;
}

/* Those that we have left, and told so, go. Whether more is to be told. */
static bool tidy(struct groups *g, bool v6)
{
	bool more = false;

	for (unsigned n = 0; n < g->count;) {
		struct group *group = &g->group[n];
		more |= ip_is4(&group->ip) != v6 && group->untold;
		if (!group->users && !group->untold)
			*group = g->group[--g->count];
		else
			n++;
	}
	return more;
}

static void schedule(struct groups *g, bool v6, pb_time within)
{
	struct env *env = g->iface->env;
	struct pb_timer *t = &g->report[v6];
	pb_time due = env_now(env) + (pb_time)pb_rng_below(&env->rng, (uint64_t)within + 1);

	if (!pb_timer_armed(t) || t->due > due)
		pb_timers_set(&env->timers, t, due);
}

static void report(struct groups *g, bool v6)
{
	while (report_some(g, v6))
		;
	if (tidy(g, v6))
		schedule(g, v6, UNSOLICITED);
}

static void report4(struct pb_timer *t)
{
	report(container_of(t, struct groups, report[0]), false);
}

static void report6(struct pb_timer *t)
{
	report(container_of(t, struct groups, report[1]), true);
}

/* RFC 3376 §5.1, RFC 3810 §6.1: at once, and again. What does not leave a host is not told (RFC 3810 §6). */
static void tell_change(struct iface *i, struct group *group)
{
	bool v6 = !ip_is4(&group->ip);

	if (i->loopback || (v6 && (group->ip.bytes[1] & 15) < 2)) {
		tidy(&i->groups, v6);
		return;
	}
	i->groups.report[0].fn = report4;
	i->groups.report[1].fn = report6;
	group->untold = ROBUSTNESS;
	schedule(&i->groups, v6, 0);
}

int pb_group_join(struct iface *i, const struct ip *ip)
{
	struct groups *g = &i->groups;
	struct group *group = find(g, ip);

	g->iface = i;
	if (!group && g->count == GROUPS_MAX)
		return -ENOBUFS;
	if (!group) {
		group = &g->group[g->count++];
		*group = (struct group){ .ip = *ip };
	}
	if (group->users++ == 0)
		tell_change(i, group);
	return 0;
}

int pb_group_leave(struct iface *i, const struct ip *ip)
{
	struct group *group = find(&i->groups, ip);

	if (!group || !group->users)
		return -EADDRNOTAVAIL;
	if (--group->users == 0)
		tell_change(i, group);
	return 0;
}

void pb_groups_fini(struct groups *g)
{
	for (int n = 0; g->iface && n < 2; n++)
		pb_timers_stop(&g->iface->env->timers, &g->report[n]);
}

/*
 * Being asked ----------------------------------------------------------------------------------------------
 */

/* RFC 3810 §6.2; RFC 3376 §9.1 and §4 of the hop limit. */
static bool is_of_the_link(const struct ip_packet *p, bool v6)
{
	return p->ttl == 1 && (!v6 || ip_is_link_local(&p->src));
}

/* RFC 3376 §5.2, RFC 3810 §6.2: some time before it is due, so that not all answer at once. */
void pb_group_input(const struct ip_packet *p)
{
	bool v6 = !ip_is4(&p->dst), wanted = false;
	struct groups *g = &p->iface->groups;
	struct membership_query q = { 0 };
	struct reader r = { .p = p->buf->data, .left = p->buf->len };

	if (!is_of_the_link(p, v6) || !pb_membership_query_parse(v6, &q, &r))
		return;
	q.group = ip_in_zone(&q.group, p->iface->index);
	for (unsigned n = 0; n < g->count; n++) {
		struct group *group = &g->group[n];
		if (ip_is4(&group->ip) == v6 || (!ip_is_any(&q.group) && !ip_equal(&q.group, &group->ip)))
			continue;
		group->asked = group->users > 0;
		wanted |= group->asked;
	}
	if (wanted)
		schedule(g, v6, PB_MSEC((pb_time)q.response_ms));
}
