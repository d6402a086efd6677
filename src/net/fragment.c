#include "net/fragment.h"

#include "net/internet.h"

#include <errno.h>

/* What is cut, and the headers that each piece gets: of one version. */
struct cut {
	const struct ip4_header *ip4;
	const struct ip6_header *ip6;
	uint32_t id;
	size_t headers_len;
};

static void write_ip4(const struct cut *c, struct writer *w, size_t offset, size_t len, bool more)
{
	struct ip4_header own = *c->ip4;

	own.packet_len = (uint16_t)(c->ip4->len + len);
	own.fragment_offset = (uint16_t)offset;
	own.more_fragments = more;
	pb_ip4_write(&own, w);
}

static void write_ip6(const struct cut *c, struct writer *w, size_t offset, size_t len, bool more)
{
	struct ip6_header own = *c->ip6;
	struct ip6_fragment f = {
		.next = c->ip6->next, .offset = (uint16_t)offset, .more = more, .id = c->id
	};

	own.payload_len = (uint16_t)(IP6_FRAGMENT_LEN + len);
	own.next = IP6_FRAGMENT;
	pb_ip6_write(&own, w);
	pb_ip6_fragment_write(&f, w);
}

/* len bytes of the payload from offset on, behind their headers. The payload is referred to, not copied. */
static struct pb_buf *cut_one(struct env *env, const struct cut *c, const struct pb_buf *payload,
			      size_t offset, size_t len)
{
	struct pb_buf *b = pb_buf_new(env->pool, IP_HEADROOM, c->headers_len);
	struct pb_buf *part = b ? pb_buf_slice(payload, offset, len) : NULL;
	bool more = offset + len < payload->total;

	if (!part) {
		pb_buf_free(b);
		return NULL;
	}
	struct writer w = { .p = pb_buf_extend(b, c->headers_len), .left = c->headers_len };
	if (c->ip4)
		write_ip4(c, &w, offset, len, more);
	else
		write_ip6(c, &w, offset, len, more);
	pb_buf_append(b, part);
	return b;
}

static int cut_all(struct env *env, const struct cut *c, struct pb_buf *b, uint32_t mtu,
		   struct pb_buf_queue *to)
{
	size_t room = (mtu - c->headers_len) & ~(size_t)7;
	int rc = 0;

	for (size_t offset = 0; offset < b->total && rc == 0; offset += room) {
		size_t left = b->total - offset;
		struct pb_buf *one = cut_one(env, c, b, offset, left < room ? left : room);
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

int pb_fragment_ip4(struct env *env, const struct ip4_header *h, struct pb_buf *b, uint32_t mtu,
		    struct pb_buf_queue *to)
{
	return cut_all(env, &(struct cut){ .ip4 = h, .headers_len = h->len }, b, mtu, to);
}

int pb_fragment_ip6(struct env *env, const struct ip6_header *h, uint32_t id, struct pb_buf *b, uint32_t mtu,
		    struct pb_buf_queue *to)
{
	struct cut c = { .ip6 = h, .id = id, .headers_len = IP6_HEADER_LEN + IP6_FRAGMENT_LEN };

	return cut_all(env, &c, b, mtu, to);
}
