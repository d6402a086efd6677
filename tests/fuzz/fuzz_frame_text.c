/*
 * What is said of a frame, for any frames: the first byte tells whether they are Ethernet's; then frames follow, each
 * with its length in front, which share what is known of connections.
 */
#include "cli/frame_text.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_flows flows = { 0 };
	struct frame_text t;

	for (size_t at = 1; at < size;) {
		size_t len = data[at++];
		len = len < size - at ? len : size - at;
		uint8_t *frame =
			malloc(len + !len); /* of just its size, so that a byte read too far is found */
		assert(frame);
		memcpy(frame, data + at, len);
		frame_read(&t, &flows, data[0] & 1, frame, len);
		assert(t.text[0] && strlen(t.text) < FRAME_TEXT_MAX);
		assert(t.payload_len <= len && (!t.payload_len || t.payload + t.payload_len <= frame + len));
		assert(flows.count <= FRAME_FLOWS_MAX);
		free(frame);
		at += len;
	}
	return 0;
}
