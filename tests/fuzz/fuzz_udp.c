/* UDP headers: what is read and written again is the same bytes, and no length is beyond what came. */
#include "wire/udp.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct udp_header h;
	uint8_t again[UDP_HEADER_LEN];

	if (!pb_udp_parse(&h, &(struct reader){ .p = data, .left = size }, size))
		return 0;
	assert(h.len <= size);
	assert(pb_udp_write(&h, &(struct writer){ .p = again, .left = sizeof again }));
	assert(memcmp(data, again, sizeof again) == 0);
	return 0;
}
