#include "net/group.h"

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

bool pb_group_joined(const struct iface *i, const struct ip *group)
{
	return is_all_nodes(i, group) || (!ip_is4(group) && is_solicited_node(i, group));
}
