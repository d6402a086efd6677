/*
 * All sources of a group in one call, for a stack's datagram sockets: IP_MSFILTER (RFC 3678 §4.1.3) and MCAST_MSFILTER
 * (§5.1.2), which both families have. Errors, and the order in which they are looked for, are Linux's.
 */
#include "net/group.h"
#include "socket/datagram.h"

#include <errno.h>

/* What both options say. */
struct filter_request {
	struct iface *iface; /* NULL: there is none such */
	struct ip group;
	bool include;
	unsigned count;
	struct ip sources[ENDPOINT_SOURCES_MAX];
};

static int set_filter(struct endpoint *e, const struct filter_request *r, uint32_t mode)
{
	const struct source_filter filter = { r->include, r->count, r->sources };

	if (!ip_is_multicast(&r->group))
		return -EINVAL;
	if (mode != MCAST_INCLUDE && mode != MCAST_EXCLUDE)
		return -EINVAL;
	if (!r->iface)
		return -ENODEV;
	return pb_endpoint_filter(e, r->iface, &r->group, &filter);
}

/* The group as it is listened to. 0 and *g; -errno. */
static int find_group(const struct endpoint *e, const struct iface *i, const struct ip *group,
		      const struct endpoint_group **g)
{
	if (!ip_is_multicast(group))
		return -EINVAL;
	if (!i)
		return -ENODEV;
	*g = pb_endpoint_joined(e, i, group);
	return *g ? 0 : -EADDRNOTAVAIL;
}

static uint32_t mode_of(const struct endpoint_group *g)
{
	return g->include ? MCAST_INCLUDE : MCAST_EXCLUDE;
}

/*
 * -- IP_MSFILTER: struct ip_msfilter, whose last member goes on beyond its end
 */

#define SLIST4 offsetof(struct ip_msfilter, imsf_slist)

static struct iface *interface4(const struct endpoint *e, const struct ip_msfilter *m)
{
	struct ip addr = ip_from4((const uint8_t *)&m->imsf_interface);

	return pb_datagram_interface(e, 0, &addr);
}

static int set4(struct endpoint *e, const void *value, socklen_t len)
{
	const uint8_t *source = (const uint8_t *)value + SLIST4;
	struct filter_request r = { 0 };
	struct ip_msfilter m = { 0 };

	if (len < SLIST4)
		return -EINVAL;
	memcpy(&m, value, SLIST4);
	if (m.imsf_numsrc > ENDPOINT_SOURCES_MAX4)
		return -ENOBUFS;
	if (len - SLIST4 < m.imsf_numsrc * sizeof m.imsf_slist[0])
		return -EINVAL;
	r.iface = interface4(e, &m);
	r.group = ip_from4((const uint8_t *)&m.imsf_multiaddr);
	r.include = m.imsf_fmode == MCAST_INCLUDE;
	for (; r.count < m.imsf_numsrc; source += sizeof m.imsf_slist[0])
		r.sources[r.count++] = ip_from4(source);
	return set_filter(e, &r, m.imsf_fmode);
}

static int get4(const struct endpoint *e, void *value, socklen_t *len)
{
	uint8_t *source = (uint8_t *)value + SLIST4;
	const struct endpoint_group *g;
	struct ip_msfilter m = { 0 };

	if (*len < SLIST4)
		return -EINVAL;
	memcpy(&m, value, SLIST4);
	struct ip group = ip_from4((const uint8_t *)&m.imsf_multiaddr);
	int rc = find_group(e, interface4(e, &m), &group, &g);
	if (rc < 0)
		return rc;
	size_t room = (*len - SLIST4) / sizeof m.imsf_slist[0], n = 0;
	for (; n < g->source_count && n < m.imsf_numsrc && n < room; n++)
		memcpy(source + n * sizeof m.imsf_slist[0], ip_bytes4(&g->sources[n]),
		       sizeof m.imsf_slist[0]);
	m.imsf_fmode = mode_of(g);
	m.imsf_numsrc = g->source_count; /* of all, though not all are here */
	memcpy(value, &m, SLIST4);
	*len = (socklen_t)(SLIST4 + n * sizeof m.imsf_slist[0]);
	return 0;
}

/*
 * -- MCAST_MSFILTER: struct group_filter, likewise, of the level's family
 */

#define SLIST offsetof(struct group_filter, gf_slist)

/* False: it is of another family. */
static bool read_addr(int family, const struct sockaddr_storage *sa, struct ip *a)
{
	uint16_t port;

	return sa->ss_family == family &&
	       pb_ip_from_sockaddr(a, &port, (const struct sockaddr *)sa, sizeof *sa);
}

static int set_any(struct endpoint *e, int family, const void *value, socklen_t len)
{
	const uint8_t *source = (const uint8_t *)value + SLIST;
	struct filter_request r = { 0 };
	struct sockaddr_storage sa;
	struct group_filter m;

	if (len < SLIST)
		return -EINVAL;
	memcpy(&m, value, SLIST);
	if (m.gf_numsrc > (family == AF_INET ? ENDPOINT_SOURCES_MAX4 : ENDPOINT_SOURCES_MAX))
		return -ENOBUFS;
	if (len - SLIST < m.gf_numsrc * sizeof sa)
		return -EINVAL;
	if (!read_addr(family, &m.gf_group, &r.group))
		return -EADDRNOTAVAIL;
	r.group = ip_in_zone(&r.group, 0);
	r.iface = pb_datagram_interface(e, (int)m.gf_interface, NULL);
	for (; r.count < m.gf_numsrc; source += sizeof sa) {
		memcpy(&sa, source, sizeof sa);
		struct ip *a = &r.sources[r.count++];
		if (!read_addr(family, &sa, a))
			return -EADDRNOTAVAIL;
		if (r.iface)
			*a = ip_in_zone(a, r.iface->index);
	}
	r.include = m.gf_fmode == MCAST_INCLUDE;
	return set_filter(e, &r, m.gf_fmode);
}

static int get_any(const struct endpoint *e, int family, void *value, socklen_t *len)
{
	uint8_t *source = (uint8_t *)value + SLIST;
	const struct endpoint_group *g;
	struct group_filter m;
	struct ip group;

	if (*len < SLIST)
		return -EINVAL;
	memcpy(&m, value, SLIST);
	if (!read_addr(family, &m.gf_group, &group))
		return -EADDRNOTAVAIL;
	group = ip_in_zone(&group, 0);
	int rc = find_group(e, pb_datagram_interface(e, (int)m.gf_interface, NULL), &group, &g);
	if (rc < 0)
		return rc;
	size_t room = (*len - SLIST) / sizeof(struct sockaddr_storage), n = 0;
	for (; n < g->source_count && n < m.gf_numsrc && n < room; n++) {
		struct sockaddr_storage sa = { 0 };
		union pb_addr a = { 0 };
		pb_ip_to_sockaddr(&a, &g->sources[n], 0, family);
		memcpy(&sa, &a, sizeof a);
		memcpy(source + n * sizeof sa, &sa, sizeof sa);
	}
	m.gf_fmode = mode_of(g);
	m.gf_numsrc = g->source_count;
	memcpy(value, &m, SLIST);
	*len = (socklen_t)(SLIST + n * sizeof(struct sockaddr_storage));
	return 0;
}

/* The family of addresses at a level; AF_UNSPEC: it has no groups, or the socket none of that kind. */
static int family_at(const struct endpoint *e, int level)
{
	if (level == IPPROTO_IP)
		return AF_INET;
	return level == IPPROTO_IPV6 && e->family == AF_INET6 ? AF_INET6 : AF_UNSPEC;
}

int pb_datagram_set_group_filter(struct datagram_socket *s, int level, int name, const void *value,
				 socklen_t len)
{
	int family = family_at(s->endpoint, level);

	if (family == AF_INET && name == IP_MSFILTER)
		return set4(s->endpoint, value, len);
	return family != AF_UNSPEC && name == MCAST_MSFILTER ? set_any(s->endpoint, family, value, len)
							     : -ENOPROTOOPT;
}

int pb_datagram_get_group_filter(const struct datagram_socket *s, int level, int name, void *value,
				 socklen_t *len)
{
	int family = family_at(s->endpoint, level);

	if (family == AF_INET && name == IP_MSFILTER)
		return get4(s->endpoint, value, len);
	return family != AF_UNSPEC && name == MCAST_MSFILTER ? get_any(s->endpoint, family, value, len)
							     : -ENOPROTOOPT;
}
