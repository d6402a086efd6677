#include "net/group.h"

#include "base/checksum.h"
#include "net/group_older.h"
#include "net/icmp6.h"
#include "net/internet_state.h"
#include "net/ip4.h"
#include "wire/icmp.h"
#include "wire/membership.h"

#include <errno.h>
#include <stdlib.h>

#define ROBUSTNESS  2         /* RFC 3376 §8.1, RFC 3810 §9.1: so often a change is told */
#define UNSOLICITED PB_SEC(1) /* RFC 3376 §8.11, RFC 3810 §9.11: within that time again */

#define REPORT_MAX (1280 - 40 - 8) /* less the headers of IPv6 and the router alert */

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

static bool has_users(const struct group *g)
{
	return g->includers || g->excluders;
}

/*
 * Whether any user hears a source: RFC 3376 §3.2. If one names those that he does not hear, all sources are heard but
 * those that nobody hears.
 */
static bool is_heard(const struct group *g, const struct group_source *s)
{
	return s->includes || s->excludes < g->excluders;
}

bool pb_group_joined(const struct iface *i, const struct ip *group)
{
	const struct group *joined = find(&i->groups, group);

	return (joined && has_users(joined)) || is_all_nodes(i, group) ||
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

void pb_group_send(struct iface *i, const struct ip *dst, uint8_t *message, size_t len)
{
	bool v6 = !ip_is4(dst);
	struct ip src = source_of(i, v6);

	if (v6) {
		pb_icmp6_send_on_link(i, ICMP6_IS_MLD, &src, dst, NULL, message, len);
	} else {
		pb_icmp_seal(message, len, 0); /* the same sum, at the same place */
		pb_ip4_send_igmp(i, &src, dst, message, len);
	}
}

static void send_report(struct iface *i, bool v6, uint8_t *report, size_t len)
{
	struct ip mld_routers = {
		.bytes = {0xff, 2, [15] = 0x16}
	}; /* RFC 3810 §5.2.14 */
	struct ip dst = v6 ? mld_routers : ip_from4(igmp_routers);

	pb_group_send(i, &dst, report, len);
}

/* A report as it is written: of as many records as fit, and then another one. */
struct report {
	struct iface *iface;
	bool v6;
	uint16_t count;
	uint8_t bytes[REPORT_MAX];
	struct writer w;
};

static void begin_report(struct report *r)
{
	r->count = 0;
	r->w = (struct writer){ .p = r->bytes + MEMBERSHIP_REPORT_LEN,
				.left = sizeof r->bytes - MEMBERSHIP_REPORT_LEN };
}

static void end_report(struct report *r)
{
	struct writer head = { .p = r->bytes, .left = MEMBERSHIP_REPORT_LEN };

	pb_membership_report_write(r->v6, r->count, &head);
	if (r->count)
		send_report(r->iface, r->v6, r->bytes, sizeof r->bytes - r->w.left);
}

/* Whether a source belongs into a record of that type. */
static bool is_named(const struct group *g, const struct group_source *s, enum membership_record type)
{
	switch (type) {
	case MEMBERSHIP_ALLOW:
		return s->untold && is_heard(g, s);
	case MEMBERSHIP_BLOCK:
		return s->untold && !is_heard(g, s);
	default:
		return is_heard(g, s) == !g->excluders;
	}
}

/* To include, allow or block nobody says nothing, unless it is a change (RFC 3376 §5.2). */
static void put_record(struct report *r, enum membership_record type, const struct group *g)
{
	uint16_t count = 0;

	for (unsigned n = 0; n < g->source_count; n++)
		count = (uint16_t)(count + is_named(g, &g->sources[n], type));
	if (!count && (type == MEMBERSHIP_IS_INCLUDE || type >= MEMBERSHIP_ALLOW))
		return;
	if (r->w.left < MEMBERSHIP_RECORD_MAX + count * sizeof g->ip.bytes) {
		end_report(r);
		begin_report(r);
	}
	pb_membership_record_write(type, &g->ip, count, &r->w);
	for (unsigned n = 0; n < g->source_count; n++)
		if (is_named(g, &g->sources[n], type))
			pb_membership_source_write(&g->sources[n].ip, &r->w);
	r->count++;
}

/* All that is to be said of a group now. A router that asks after sources is told of all of them. */
static void put_group(struct report *r, struct group *g)
{
	if (g->untold) {
		g->untold--;
		put_record(r, g->excluders ? MEMBERSHIP_TO_EXCLUDE : MEMBERSHIP_TO_INCLUDE, g);
	} else if (g->asked && has_users(g)) {
		put_record(r, g->excluders ? MEMBERSHIP_IS_EXCLUDE : MEMBERSHIP_IS_INCLUDE, g);
	}
	g->asked = false;
	put_record(r, MEMBERSHIP_ALLOW, g);
	put_record(r, MEMBERSHIP_BLOCK, g);
	for (unsigned n = 0; n < g->source_count; n++)
		g->sources[n].untold -= g->sources[n].untold > 0;
}

/* Sources that nobody names any more, and that is told, go. Whether more is to be told of the group. */
static bool tidy_sources(struct group *g)
{
	bool more = g->untold;

	for (unsigned n = 0; n < g->source_count;) {
		const struct group_source *s = &g->sources[n];
		more |= s->untold > 0;
		if (!s->includes && !s->excludes && !s->untold)
			g->sources[n] = g->sources[--g->source_count];
		else
			n++;
	}
	return more;
}

/* Groups that we have left, and told so, go. Whether more is to be told. */
static bool tidy(struct groups *g, bool v6)
{
	bool more = false;

	for (unsigned n = 0; n < g->count;) {
		struct group *group = &g->group[n];
		bool untold = tidy_sources(group);
		more |= ip_is4(&group->ip) != v6 && untold;
		if (!has_users(group) && !untold) {
			free(group->sources);
			*group = g->group[--g->count];
		} else {
			n++;
		}
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

static void tell_all(struct groups *g, bool v6)
{
	struct report r = { .iface = g->iface, .v6 = v6 };

	begin_report(&r);
	for (unsigned n = 0; n < g->count; n++)
		if (ip_is4(&g->group[n].ip) != v6)
			put_group(&r, &g->group[n]);
	end_report(&r);
}

static void report(struct groups *g, bool v6)
{
	bool older = pb_group_older_is_spoken(g, v6);

	if (older)
		pb_group_older_tell(g, v6);
	else
		tell_all(g, v6);
	if (tidy(g, v6))
		schedule(g, v6, older ? GROUP_OLDER_UNSOLICITED : UNSOLICITED);
}

static void report4(struct pb_timer *t)
{
	report(container_of(t, struct groups, report[0]), false);
}

static void report6(struct pb_timer *t)
{
	report(container_of(t, struct groups, report[1]), true);
}

/* Not what does not leave a host, nor what all hear (RFC 3376 §5, RFC 3810 §6). */
static bool is_told(const struct iface *i, const struct ip *group)
{
	return !i->loopback && (ip_is4(group) || (group->bytes[1] & 15) >= 2) && !is_all_nodes(i, group);
}

/*
 * What users hear together, as it was before a change. RFC 3376 §5.1, RFC 3810 §6.1: what has changed is told at once,
 * and again; the sources alone, where they are still those that are heard or those that are not.
 */
struct heard {
	bool excludes;
	bool source[GROUP_SOURCES_MAX];
};

static void note_heard(struct heard *was, const struct group *g)
{
	was->excludes = g->excluders;
	for (unsigned n = 0; n < g->source_count; n++)
		was->source[n] = is_heard(g, &g->sources[n]);
}

static void tell_change(struct iface *i, struct group *g, const struct heard *was)
{
	bool v6 = !ip_is4(&g->ip), turned = was->excludes != (g->excluders > 0), changed = turned;

	for (unsigned n = 0; n < g->source_count && is_told(i, &g->ip); n++) {
		struct group_source *s = &g->sources[n];
		bool differs = !turned && was->source[n] != is_heard(g, s);
		changed |= differs;
		if (turned || differs)
			s->untold = turned || g->untold ? 0 : ROBUSTNESS;
	}
	if (!changed || !is_told(i, &g->ip)) {
		tidy(&i->groups, v6);
		return;
	}
	if (turned || g->untold)
		g->untold = ROBUSTNESS;
	i->groups.report[0].fn = report4;
	i->groups.report[1].fn = report6;
	schedule(&i->groups, v6, 0);
}

/*
 * Users ----------------------------------------------------------------------------------------------------
 */

static struct group_source *find_source(const struct group *g, const struct ip *ip)
{
	for (unsigned n = 0; n < g->source_count; n++)
		if (ip_equal(&g->sources[n].ip, ip))
			return &g->sources[n];
	return NULL;
}

/* A place for each source of a filter; what has got one for nothing is tidied away later. */
static int add_sources(struct group *g, const struct source_filter *f)
{
	if (f->count && !g->sources)
		g->sources = calloc(GROUP_SOURCES_MAX, sizeof *g->sources);
	if (f->count && !g->sources)
		return -ENOMEM;
	for (unsigned n = 0; n < f->count; n++) {
		if (find_source(g, &f->sources[n]))
			continue;
		if (g->source_count == GROUP_SOURCES_MAX)
			return -ENOBUFS;
		g->sources[g->source_count++] = (struct group_source){ .ip = f->sources[n] };
	}
	return 0;
}

/* One user more, or one less. */
static void count_user(struct group *g, const struct source_filter *f, int change)
{
	unsigned *users = f->include ? &g->includers : &g->excluders;

	*users += (unsigned)change;
	for (unsigned n = 0; n < f->count; n++) {
		struct group_source *s = find_source(g, &f->sources[n]);
		unsigned *times = f->include ? &s->includes : &s->excludes;
		*times += (unsigned)change;
	}
}

static struct group *add_group(struct groups *g, const struct ip *ip)
{
	if (g->count == GROUPS_MAX)
		return NULL;
	g->group[g->count] = (struct group){ .ip = *ip };
	return &g->group[g->count++];
}

int pb_group_listen(struct iface *i, const struct ip *ip, const struct source_filter *before,
		    const struct source_filter *after)
{
	struct groups *g = &i->groups;
	struct group *group = find(g, ip);
	struct heard was;

	g->iface = i;
	if (before && (!group || !(before->include ? group->includers : group->excluders)))
		return -EADDRNOTAVAIL;
	if (!group && !(group = add_group(g, ip)))
		return -ENOBUFS;
	int rc = after ? add_sources(group, after) : 0;
	if (rc < 0) {
		tidy(g, !ip_is4(ip));
		return rc;
	}
	note_heard(&was, group);
	if (before)
		count_user(group, before, -1);
	if (after)
		count_user(group, after, 1);
	tell_change(i, group, &was);
	return 0;
}

static const struct source_filter all_sources = { .include = false };

int pb_group_join(struct iface *i, const struct ip *ip)
{
	return pb_group_listen(i, ip, NULL, &all_sources);
}

int pb_group_leave(struct iface *i, const struct ip *ip)
{
	return pb_group_listen(i, ip, &all_sources, NULL);
}

void pb_groups_fini(struct groups *g)
{
	for (int n = 0; g->iface && n < 2; n++)
		pb_timers_stop(&g->iface->env->timers, &g->report[n]);
	for (unsigned n = 0; n < g->count; n++)
		free(g->group[n].sources);
}

/*
 * Being asked ----------------------------------------------------------------------------------------------
 */

/* RFC 3810 §6.2; RFC 3376 §9.1 and §4 of the hop limit. */
static bool is_of_the_link(const struct ip_packet *p, bool v6)
{
	return p->ttl == 1 && (!v6 || ip_is_link_local(&p->src));
}

/* RFC 3376 §4.1.2; who reads ICMPv6 has looked already. */
static bool is_intact(const struct ip_packet *p, bool v6)
{
	return v6 || pb_checksum_finish(pb_checksum_add_packet(0, p->buf, 0)) == 0;
}

/* RFC 3376 §5.2, RFC 3810 §6.2: some time before it is due, so that not all answer at once. */
static void take_query(struct iface *i, bool v6, const struct membership_query *q)
{
	struct groups *g = &i->groups;
	struct ip of = ip_in_zone(&q->group, i->index);
	bool wanted = false;

	g->iface = i;
	pb_group_older_heard(g, v6, q->version);
	for (unsigned n = 0; n < g->count; n++) {
		struct group *group = &g->group[n];
		if (ip_is4(&group->ip) == v6 || (!ip_is_any(&of) && !ip_equal(&of, &group->ip)))
			continue;
		group->asked = has_users(group) && is_told(i, &group->ip);
		wanted |= group->asked;
	}
	if (wanted)
		schedule(g, v6, PB_MSEC((pb_time)q->response_ms));
}

/* RFC 2236 §3, RFC 2710 §4: it is enough for the router that one answers. */
static void take_others_report(struct iface *i, bool v6, const struct ip *group)
{
	struct ip of = ip_in_zone(group, i->index);
	struct group *g = find(&i->groups, &of);

	if (g && pb_group_older_is_spoken(&i->groups, v6))
		g->asked = false;
}

void pb_group_input(const struct ip_packet *p)
{
	bool v6 = !ip_is4(&p->dst);
	struct reader r = { .p = p->buf->data, .left = p->buf->len }, again = r;
	struct membership_query q = { 0 };
	struct ip group;

	if (!is_of_the_link(p, v6) || !is_intact(p, v6))
		return;
	if (pb_membership_query_parse(v6, &q, &r))
		take_query(p->iface, v6, &q);
	else if (pb_membership_older_report_parse(v6, &group, &again))
		take_others_report(p->iface, v6, &group);
}

void pb_groups_named(struct iface *i)
{
	struct membership_query all = { .version = MLD_VERSION };

	take_query(i, true, &all); /* as if a router had asked, to be answered at once */
}
