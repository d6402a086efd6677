/* DHCP messages: what is read of one says the same when it is written, as a client would, and read again. */
#include "wire/dhcp.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhcp_message m, again;
	uint8_t bytes[DHCP_LEN_MIN];

	if (!pb_dhcp_parse(&m, &(struct reader){ .p = data, .left = size }))
		return 0;
	assert(m.type >= DHCP_DISCOVER && m.type <= DHCP_RELEASE);
	assert(m.bits <= 32 && m.server_count <= DHCP_SERVERS_MAX);
	assert(ip_is4(&m.yours) && ip_is4(&m.server) && ip_is4(&m.router));
	assert(pb_dhcp_write(&m, &(struct writer){ .p = bytes, .left = sizeof bytes }));
	assert(pb_dhcp_parse(&again, &(struct reader){ .p = bytes, .left = sizeof bytes }));
	assert(again.type == m.type && again.xid == m.xid && again.secs == m.secs &&
	       again.broadcast == m.broadcast);
	assert(ip_equal(&again.client, &m.client) && ip_equal(&again.server, &m.server));
	assert(ip_equal(&again.requested, &m.requested));
	return 0;
}
