/*
 * IPv4 headers, their checksums set right first, as no fuzzer guesses them: what is read and written again is
 * the same bytes; options are walked, judged and copied without leaving the header.
 */
#include "base/checksum.h"
#include "wire/ip4.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_options(const struct ip4_header *h)
{
	struct reader r = pb_ip4_options(h);
	struct ip4_option o;
	uint8_t copied[IP4_OPTIONS_LEN_MAX];

	while (pb_ip4_option(&o, &r))
		assert(o.start >= h->options && o.start + o.len <= h->options + h->len - IP4_HEADER_LEN);
	unsigned fault = pb_ip4_options_fault(h);
	assert(fault < h->len);
	assert(!r.bad || fault >= IP4_HEADER_LEN);
	assert(pb_ip4_copied_options(h, copied) <= (size_t)h->len - IP4_HEADER_LEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[IP4_HEADER_LEN_MAX], again[IP4_HEADER_LEN_MAX];
	size_t kept = size < sizeof bytes ? size : sizeof bytes;
	struct ip4_header h;

	memcpy(bytes, data, kept);
	size_t len = kept ? (size_t)(bytes[0] & 15) * 4 : 0;
	if (len >= IP4_HEADER_LEN && len <= kept) {
		bytes[IP4_CHECKSUM_AT] = bytes[IP4_CHECKSUM_AT + 1] = 0;
		uint16_t sum = pb_checksum(bytes, len);
		bytes[IP4_CHECKSUM_AT] = (uint8_t)(sum >> 8);
		bytes[IP4_CHECKSUM_AT + 1] = (uint8_t)sum;
	}
	if (!pb_ip4_parse(&h, &(struct reader){ .p = bytes, .left = kept }, size))
		return 0;
	assert(h.len <= h.packet_len && h.packet_len <= size);
	assert(pb_ip4_write(&h, &(struct writer){ .p = again, .left = sizeof again }));
	assert(memcmp(bytes, again, h.len) == 0);
	check_options(&h);
	return 0;
}
