/* Ethernet headers: what is read and written again is the same bytes. */
#include "wire/ethernet.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ethernet_header h;
	uint8_t again[ETHERNET_HEADER_LEN];

	if (!pb_ethernet_parse(&h, &(struct reader){ .p = data, .left = size }))
		return 0;
	assert(pb_ethernet_write(&h, &(struct writer){ .p = again, .left = sizeof again }));
	assert(memcmp(data, again, sizeof again) == 0);
	return 0;
}
