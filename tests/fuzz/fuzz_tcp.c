/* TCP headers: what is read, written and read again says the same. */
#include "wire/tcp.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(struct tcp_header *h)
{
	uint8_t bytes[TCP_HEADER_LEN_MAX], twice[TCP_HEADER_LEN_MAX];
	size_t len = pb_tcp_header_len(&h->options);
	struct tcp_header again;

	bool fits = pb_tcp_write(h, &(struct writer){ .p = bytes, .left = sizeof bytes });
	assert(fits == (len <= sizeof bytes)); /* padded otherwise than it came, it may not */
	if (!fits)
		return;
	assert(pb_tcp_parse(&again, &(struct reader){ .p = bytes, .left = len }));
	assert(again.len == len);
	assert(pb_tcp_write(&again, &(struct writer){ .p = twice, .left = sizeof twice }));
	assert(memcmp(bytes, twice, len) == 0);
	assert(again.seq == h->seq && again.ack == h->ack && again.flags == h->flags);
	assert(h->options.auth == TCP_SIGNED_WRONG ? again.options.auth == TCP_UNSIGNED
						   : again.options.auth == h->options.auth);
	assert(!again.options.auth ||
	       (again.options.mac_at == TCP_MAC_AT && again.options.mac_len == h->options.mac_len));
	assert(again.options.sack_count == h->options.sack_count && again.options.mss == h->options.mss);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = { .p = data, .left = size };
	struct tcp_header h;

	if (!pb_tcp_parse(&h, &r))
		return 0;
	assert(h.len >= TCP_HEADER_LEN && h.len <= size && r.left == size - h.len);
	assert(h.options.sack_count <= TCP_SACK_BLOCKS_MAX);
	assert(!h.options.auth || h.options.auth == TCP_SIGNED_WRONG ||
	       h.options.mac_at + h.options.mac_len <= h.len);
	check_again(&h);
	return 0;
}
