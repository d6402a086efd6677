/*
 * DHCPv6 messages: bounds are kept, names can be printed, and a request that is read says the same when it is
 * written.
 */
#include "wire/dhcp6.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhcp6_message m, again;
	uint8_t bytes[DHCP6_LEN_MAX];
	struct writer w = { .p = bytes, .left = sizeof bytes };

	if (!pb_dhcp6_parse(&m, &(struct reader){ .p = data, .left = size }))
		return 0;
	assert(m.type == DHCP6_REPLY || m.type == DHCP6_INFORMATION_REQUEST);
	assert(m.server_count <= DHCP6_SERVERS_MAX && m.domain_count <= DHCP6_DOMAINS_MAX);
	for (unsigned n = 0; n < m.server_count; n++)
		assert(!ip_is4(&m.servers[n]) && !ip_is_any(&m.servers[n]) &&
		       !ip_is_multicast(&m.servers[n]));
	for (unsigned n = 0; n < m.domain_count; n++)
		assert(pb_domain_is_name(m.domains[n]));
	assert(pb_dhcp6_write(&m, &w));
	assert(pb_dhcp6_parse(&again, &(struct reader){ .p = bytes, .left = sizeof bytes - w.left }));
	assert(again.type == m.type && again.xid == m.xid && again.elapsed == m.elapsed);
	return 0;
}
