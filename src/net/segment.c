#include "net/segment.h"

#include "base/checksum.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

#define TCP_SEQ_AT         4
#define TCP_DATA_OFFSET_AT 12
#define TCP_FLAGS_AT       13
#define TCP_CHECKSUM_AT    16

struct cut {
	struct env *env;
	const struct pb_buf *whole;
	struct ip4_header ip;
	size_t headers_len; /* of IP and TCP */
	size_t headroom;
	bool by_reference;
};

static uint32_t get(const uint8_t *p, size_t n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static void put(uint8_t *p, size_t n, uint32_t v)
{
	for (; n; v >>= 8)
		p[--n] = (uint8_t)v;
}

size_t pb_segment_header_len(const struct pb_buf *b)
{
	size_t len = b->len > TCP_DATA_OFFSET_AT ? (size_t)(b->data[TCP_DATA_OFFSET_AT] >> 4) * 4 : 0;

	return len >= TCP_HEADER_LEN && len <= b->len ? len : 0;
}

/* What speaks of the end is for the last (RFC 9293 §3.8.6.1, PSH), CWR for the first (RFC 3168 §6.1.2). */
static uint8_t flags_of(uint8_t all, bool first, bool last)
{
	return (uint8_t)(all & ~((first ? 0 : TCP_CWR) | (last ? 0 : TCP_FIN | TCP_PSH)));
}

/* The n-th segment's IP header. The identification means something where DF is not set (RFC 6864 §4). */
static void write_ip(const struct cut *c, uint8_t *at, size_t len, unsigned n)
{
	struct ip4_header h = c->ip;
	struct writer w = { .p = at, .left = h.len };

	h.packet_len = (uint16_t)(c->headers_len + len);
	if (!h.dont_fragment)
		h.id = (uint16_t)(h.id + n);
	pb_ip4_write(&h, &w);
}

static void mend_tcp(const struct cut *c, uint8_t *tcp, size_t at, size_t len, bool last)
{
	const struct ip *src = &c->ip.src, *dst = &c->ip.dst;
	uint32_t tcp_len = (uint32_t)(c->headers_len - c->ip.len + len);
	uint64_t pseudo =
		pb_checksum_add_pseudo(0, ip_bytes4(src), ip_bytes4(dst), 4, c->ip.protocol, tcp_len);

	put(tcp + TCP_SEQ_AT, 4, get(tcp + TCP_SEQ_AT, 4) + (uint32_t)at);
	tcp[TCP_FLAGS_AT] = flags_of(tcp[TCP_FLAGS_AT], at == 0, last);
	put(tcp + TCP_CHECKSUM_AT, 2, (uint16_t)~pb_checksum_finish(pseudo));
}

/* Put len bytes of the text, from offset on in the whole, behind the headers in b. */
static bool add_text(const struct cut *c, struct pb_buf *b, size_t offset, size_t len)
{
	if (!c->by_reference) {
		pb_buf_copy(c->whole, offset, pb_buf_extend(b, len), len);
		return true;
	}
	struct pb_buf *text = pb_buf_slice(c->whole, offset, len);
	if (text)
		pb_buf_append(b, text);
	return text != NULL;
}

/* The n-th segment: len bytes of the text, from at on. */
static struct pb_buf *cut_one(const struct cut *c, unsigned n, size_t at, size_t len)
{
	size_t offset = c->headers_len + at;
	struct pb_buf *b =
		pb_buf_new(c->env->pool, c->headroom, c->headers_len + (c->by_reference ? 0 : len));

	if (!b)
		return NULL;
	uint8_t *ip = pb_buf_extend(b, c->headers_len);
	b->transport = ip + c->ip.len;
	b->checksum_offset = TCP_CHECKSUM_AT;
	b->checksum = PB_CHECKSUM_WANTED;
	memcpy(ip, c->whole->data, c->headers_len);
	write_ip(c, ip, len, n);
	mend_tcp(c, b->transport, at, len, offset + len == c->whole->total);
	if (add_text(c, b, offset, len))
		return b;
	pb_buf_free(b);
	return NULL;
}

static bool cut_all(const struct cut *c, struct pb_buf_queue *to)
{
	size_t text = c->whole->total - c->headers_len, size = c->whole->segment_size;
	unsigned n = 0;

	for (size_t at = 0; at < text; at += size) {
		struct pb_buf *b = cut_one(c, n++, at, text - at < size ? text - at : size);
		if (!b)
			return false;
		pb_buf_queue_push(to, b);
	}
	return true;
}

bool pb_segment_cut(struct env *env, struct pb_buf *b, bool by_reference, size_t headroom,
		    struct pb_buf_queue *to)
{
	struct cut c = { .env = env, .whole = b, .headroom = headroom, .by_reference = by_reference };
	struct reader r = { .p = b->data, .left = b->len };
	bool done = false;

	if (pb_ip4_parse(&c.ip, &r, b->total)) {
		struct pb_buf tcp = { .data = b->data + c.ip.len, .len = b->len - c.ip.len };
		size_t tcp_len = pb_segment_header_len(&tcp);
		c.headers_len = c.ip.len + tcp_len;
		done = tcp_len && cut_all(&c, to);
	}
	pb_buf_free(b);
	return done;
}
