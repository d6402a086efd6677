/* ARP packets: what is read and written again is the same bytes. */
#include "wire/arp.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arp_packet a;
	uint8_t again[ARP_LEN];

	if (!pb_arp_parse(&a, &(struct reader){ .p = data, .left = size }))
		return 0;
	assert(pb_arp_write(&a, &(struct writer){ .p = again, .left = sizeof again }));
	assert(memcmp(data, again, sizeof again) == 0);
	return 0;
}
