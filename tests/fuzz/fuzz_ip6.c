/*
 * IPv6 headers and their chains: what is read and written again is the same bytes; a walk stays inside the packet, and
 * says the same of it wherever that ends beyond the chain.
 */
#include "wire/ip6.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_walk(const uint8_t *data, size_t size)
{
	struct ip6_chain c, again;
	enum ip6_walk verdict = pb_ip6_walk(&c, data, size);

	if (verdict == IP6_IS_CUT)
		return;
	assert(c.len >= IP6_HEADER_LEN && c.len <= size &&
	       c.len <= IP6_HEADER_LEN + IP6_CHAIN_LEN_MAX + IP6_FRAGMENT_LEN);
	assert(c.protocol_at < c.len);
	if (c.is_fragment) {
		assert(c.fragment_at >= IP6_HEADER_LEN && c.fragment_at + IP6_FRAGMENT_LEN <= c.len);
		assert(c.fragment_next_at < c.fragment_at && data[c.fragment_next_at] == IP6_FRAGMENT);
	}
	if (verdict == IP6_IS_PROBLEM || verdict == IP6_IS_UNKNOWN_OPTION)
		assert(c.pointer < size);
	if (verdict != IP6_IS_WELL)
		return;
	assert(data[c.protocol_at] == c.protocol);
	assert(pb_ip6_walk(&again, data, c.len) == IP6_IS_WELL && again.len == c.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t again[IP6_HEADER_LEN];
	struct ip6_header h;
	struct reader r = { .p = data, .left = size };

	if (!pb_ip6_parse(&h, &r, size))
		return 0;
	assert(IP6_HEADER_LEN + (size_t)h.payload_len <= size && !ip_is4(&h.src) && !ip_is4(&h.dst));
	assert(pb_ip6_write(&h, &(struct writer){ .p = again, .left = sizeof again }));
	assert(memcmp(data, again, sizeof again) == 0);
	check_walk(data, IP6_HEADER_LEN + (size_t)h.payload_len);
	return 0;
}
