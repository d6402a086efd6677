/*
 * Neighbour discovery's messages: options end where the message does, and what is read of a solicitation or an
 * advertisement says the same when it is written and read again.
 */
#include "wire/nd.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_neighbour(const uint8_t *data, size_t size)
{
	struct nd_neighbour m, again;
	uint8_t bytes[ND_MESSAGE_MAX];
	struct writer w = { .p = bytes, .left = sizeof bytes };

	if (!pb_nd_neighbour_parse(&m, &(struct reader){ .p = data, .left = size }))
		return;
	assert(!ip_is_multicast(&m.target));
	assert(!m.mac || (m.mac > data && m.mac + ND_MAC_LEN <= data + size));
	assert(!m.nonce || (m.nonce > data && m.nonce + ND_NONCE_LEN <= data + size));
	assert(pb_nd_neighbour_write(&m, &w));
	assert(pb_nd_neighbour_parse(&again, &(struct reader){ .p = bytes, .left = sizeof bytes - w.left }));
	assert(again.advertisement == m.advertisement && ip_equal(&again.target, &m.target));
	assert(!again.mac == !m.mac && (!m.mac || memcmp(again.mac, m.mac, ND_MAC_LEN) == 0));
}

static void check_router(const uint8_t *data, size_t size)
{
	struct nd_router m;
	struct nd_option o;
	unsigned count = 0;

	if (!pb_nd_router_parse(&m, &(struct reader){ .p = data, .left = size }))
		return;
	while (pb_nd_option(&o, &m.options)) {
		struct nd_prefix p;
		struct ip server;
		uint32_t lifetime;
		assert(o.body > data && o.body + o.len <= data + size && (o.len + 2) % 8 == 0);
		assert(!pb_nd_prefix(&p, &o) || (o.type == ND_PREFIX && p.bits <= 128 && o.len >= 30));
		assert(!pb_nd_mtu(&o) || o.type == ND_MTU);
		unsigned servers = 0;
		while (pb_nd_rdnss(&o, servers, &server, &lifetime))
			servers++;
		assert(servers * 16 <= o.len);
		char domains[4][DOMAIN_TEXT];
		unsigned domain_count = pb_nd_dnssl(&o, domains, 4, &lifetime);
		assert(domain_count <= 4 && (!domain_count || o.type == ND_DNSSL));
		while (domain_count)
			assert(pb_domain_is_name(domains[--domain_count]));
		assert(++count <= ND_OPTIONS_MAX);
	}
	assert(!m.options.bad); /* all were looked at before */
}

static void check_redirect(const uint8_t *data, size_t size)
{
	struct nd_redirect m;

	if (!pb_nd_redirect_parse(&m, &(struct reader){ .p = data, .left = size }))
		return;
	assert(!ip_is4(&m.target) && !ip_is4(&m.dst));
	assert(!m.mac || (m.mac > data && m.mac + ND_MAC_LEN <= data + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_neighbour(data, size);
	check_router(data, size);
	check_redirect(data, size);
	return 0;
}
