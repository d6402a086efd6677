#include "net/fragment.h"

#include "net/internet.h"

#include <errno.h>

/* len bytes of the payload from offset on, behind a header. The payload is referred to, not copied. */
static struct pb_buf *cut_one(struct env *env, const struct ip4_header *h, const struct pb_buf *payload,
			      size_t offset, size_t len)
{
	struct ip4_header own = *h;
	struct pb_buf *b = pb_buf_new(env->pool, IP_HEADROOM, h->len);
	struct pb_buf *part = b ? pb_buf_slice(payload, offset, len) : NULL;

	if (!part) {
		pb_buf_free(b);
		return NULL;
	}
	own.packet_len = (uint16_t)(h->len + len);
	own.fragment_offset = (uint16_t)offset;
	own.more_fragments = offset + len < payload->total;
	struct writer w = { .p = pb_buf_extend(b, h->len), .left = h->len };
	pb_ip4_write(&own, &w);
	pb_buf_append(b, part);
	return b;
}

int pb_fragment_ip4(struct env *env, const struct ip4_header *h, struct pb_buf *b, uint32_t mtu,
		    struct pb_buf_queue *to)
{
	size_t room = (mtu - h->len) & ~(size_t)7;
	int rc = 0;

	for (size_t offset = 0; offset < b->total && rc == 0; offset += room) {
		size_t left = b->total - offset;
		struct pb_buf *one = cut_one(env, h, b, offset, left < room ? left : room);
		if (one)
			pb_buf_queue_push(to, one);
		else
			rc = -ENOBUFS;
	}
	if (rc < 0)
		pb_buf_queue_clear(to);
	env->counters.ip.FragCreates += to->count;
	env->counters.ip.FragOKs += rc == 0;
	env->counters.ip.FragFails += rc < 0;
	pb_buf_free(b);
	return rc;
}
