/*
 * What an older version can say: to a group, that we listen to it, and to routers (but in IGMPv1) that we have left it.
 * Of sources it knows nothing: all of them come, and each user looks at them for himself.
 */
#include "net/group_older.h"

#include "net/group.h"
#include "net/internet_state.h"
#include "wire/icmp6.h"
#include "wire/membership.h"

/* RFC 3376 §8.12, RFC 3810 §9.12: twice the interval of queries, 125 s, and 10 s to answer. */
#define PRESENT PB_SEC(260)

static unsigned newest(bool v6)
{
	return v6 ? MLD_VERSION : IGMP_VERSION;
}

/* The oldest that was heard counts (RFC 3376 §7.2.1). */
static unsigned spoken(const struct groups *g, bool v6)
{
	for (unsigned version = 1; version < newest(v6); version++)
		if (g->iface && g->older_until[v6][version] > env_now(g->iface->env))
			return version;
	return newest(v6);
}

bool pb_group_older_is_spoken(const struct groups *g, bool v6)
{
	return spoken(g, v6) < newest(v6);
}

static void all_told(struct group *g)
{
	g->untold = 0;
	for (unsigned n = 0; n < g->source_count; n++)
		g->sources[n].untold = 0;
}

void pb_group_older_heard(struct groups *g, bool v6, unsigned version)
{
	unsigned before = spoken(g, v6);

	if (version >= newest(v6))
		return;
	g->older_until[v6][version] = env_now(g->iface->env) + PRESENT;
	if (spoken(g, v6) == before)
		return;
	for (unsigned n = 0; n < g->count;
	     n++) /* RFC 3376 §7.2.1: what was to be told in another version is not */
		if (ip_is4(&g->group[n].ip) != v6) {
			g->group[n].asked = false;
			all_told(&g->group[n]);
		}
}

static void send_about(struct groups *g, const struct group *group, uint8_t type, const struct ip *dst)
{
	uint8_t message[MEMBERSHIP_OLDER_MAX];
	struct writer w = { .p = message, .left = sizeof message };

	pb_membership_older_write(type, &group->ip, &w);
	pb_group_send(g->iface, dst, message, sizeof message - w.left);
}

static void report(struct groups *g, const struct group *group, unsigned version)
{
	uint8_t type = version == 1 ? IGMP_V1_REPORT : IGMP_V2_REPORT;

	send_about(g, group, ip_is4(&group->ip) ? type : ICMP6_MLD_V1_REPORT, &group->ip);
}

/* RFC 2236 §3, RFC 2710 §4: to all routers. */
static void leave(struct groups *g, const struct group *group, unsigned version)
{
	struct ip routers4 = ip_from4((const uint8_t[4]){
			  224, 0, 0, 2
        }),
		  routers6 = { .bytes = { 0xff, 2, [15] = 2 } };

	if (!ip_is4(&group->ip))
		send_about(g, group, ICMP6_MLD_V1_DONE, &routers6);
	else if (version == 2)
		send_about(g, group, IGMP_V2_LEAVE, &routers4);
}

/* How often what has changed is still to be told. */
static unsigned untold(const struct group *g)
{
	unsigned most = g->untold;

	for (unsigned n = 0; n < g->source_count; n++)
		most = g->sources[n].untold > most ? g->sources[n].untold : most;
	return most;
}

static void tell(struct groups *g, struct group *group, unsigned version)
{
	unsigned left = untold(group);
	bool listens = group->includers || group->excluders;

	if (listens && (left || group->asked))
		report(g, group, version);
	else if (left)
		leave(g, group, version);
	group->asked = false;
	all_told(group);
	if (listens && left)
		group->untold = left - 1;
}

void pb_group_older_tell(struct groups *g, bool v6)
{
	unsigned version = spoken(g, v6);

	for (unsigned n = 0; n < g->count; n++)
		if (ip_is4(&g->group[n].ip) != v6)
			tell(g, &g->group[n], version);
}
