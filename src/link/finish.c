#include "link/finish.h"

#include "base/checksum.h"
#include "wire/ethernet.h"
#include "wire/ip4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

/*
 * Ethernet, IP and TCP with options, and room for IPv6's extensions: a frame with longer headers is refused.
 */
#define HEADERS_MAX 256

#define IP6_HEADER_LEN 40 /* RFC 8200 §3 */
#define IP6_LEN_AT     4  /* payload length */
#define IP6_SRC_AT     8
#define IP4_SRC_AT     12

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Complete the checksum of a packet whose first part is its own. */
static void complete(struct pb_buf *b)
{
	size_t offset = (size_t)(b->transport - b->data);
	uint16_t sum = pb_checksum_finish(pb_checksum_add_packet(0, b, offset));

	if (sum == 0 && b->checksum_offset == UDP_CHECKSUM_AT)
		sum = 0xffff; /* RFC 768: 0 would say that there is none */
	put16(b->transport + b->checksum_offset, sum);
	b->checksum = PB_CHECKSUM_UNKNOWN;
}

/* The same packet, its headers in a block of their own; takes b. NULL: no memory. */
static struct pb_buf *own_headers(struct pb_pool *pool, struct pb_buf *b)
{
	size_t len = (size_t)(b->transport - b->data) + b->checksum_offset + 2;
	struct pb_buf *own = pb_buf_new(pool, 0, len);
	struct pb_buf *rest = b->total > len ? pb_buf_slice(b, len, b->total - len) : NULL;

	if (!own || (b->total > len && !rest)) {
		pb_buf_free(own);
		own = NULL;
	} else {
		memcpy(pb_buf_extend(own, len), b->data, len);
		own->transport = own->data + (b->transport - b->data);
		own->checksum_offset = b->checksum_offset;
		own->checksum = b->checksum;
		own->segment_size = b->segment_size;
		if (rest)
			pb_buf_append(own, rest);
		rest = NULL;
	}
	pb_buf_free(rest);
	pb_buf_free(b);
	return own;
}

/* A super-segment that is being cut. */
struct cut {
	struct pb_pool *pool;
	unsigned offload;
	uint8_t headers[HEADERS_MAX]; /* those of the whole */
	size_t len, ip, tcp;          /* of the headers; where the IP and TCP header begin */
	uint32_t mss;
	struct pb_buf *payload; /* what is not yet cut off */
	uint32_t cut;           /* bytes that are */
	uint16_t pieces;        /* likewise */
};

/* Take the headers off the frame, which becomes the payload. False: they are not what they should be. */
static bool cut_begin(struct cut *c, struct pb_buf *frame, bool ethernet)
{
	c->ip = ethernet ? ETHERNET_HEADER_LEN : 0;
	if (!frame->transport || frame->transport < frame->data)
		return false;
	c->tcp = (size_t)(frame->transport - frame->data);
	if (c->tcp + TCP_HEADER_LEN > frame->len || c->tcp < c->ip + IP4_HEADER_LEN)
		return false;
	uint8_t version = frame->data[c->ip] >> 4;
	if ((version != 4 && version != 6) || (version == 6 && c->tcp < c->ip + IP6_HEADER_LEN))
		return false;
	size_t tcp_len = (size_t)(frame->transport[TCP_OFFSET_AT] >> 4) * 4;
	c->len = c->tcp + tcp_len;
	if (tcp_len < TCP_HEADER_LEN || c->len > HEADERS_MAX || c->len > frame->total)
		return false;
	pb_buf_copy(frame, 0, c->headers, c->len);
	c->mss = frame->segment_size;
	c->payload = frame;
	pb_buf_pull(frame, c->len);
	return true;
}

/* The IP header of a piece of packet_len bytes. Returns the sum of its pseudo-header. */
static uint64_t piece_ip(const struct cut *c, uint8_t *ip, size_t packet_len)
{
	uint32_t tcp_len = (uint32_t)(packet_len - (c->tcp - c->ip));

	if (ip[0] >> 4 == 6) {
		put16(ip + IP6_LEN_AT, (uint16_t)(packet_len - IP6_HEADER_LEN));
		return pb_checksum_add_pseudo(0, ip + IP6_SRC_AT, ip + IP6_SRC_AT + 16, 16, IPPROTO_TCP,
					      tcp_len);
	}
	put16(ip + IP4_LEN_AT, (uint16_t)packet_len);
	put16(ip + IP4_ID_AT, (uint16_t)(get16(ip + IP4_ID_AT) + c->pieces));
	put16(ip + IP4_CHECKSUM_AT, 0);
	put16(ip + IP4_CHECKSUM_AT, pb_checksum(ip, c->tcp - c->ip));
	return pb_checksum_add_pseudo(0, ip + IP4_SRC_AT, ip + IP4_SRC_AT + 4, 4, IPPROTO_TCP, tcp_len);
}

/* The TCP header of a piece: FIN and PSH are the last one's, CWR is the first one's (RFC 3168 §6.1.2). */
static void piece_tcp(const struct cut *c, uint8_t *tcp, bool last)
{
	struct reader r = { .p = tcp + TCP_SEQ_AT, .left = 4 };
	struct writer w = { .p = tcp + TCP_SEQ_AT, .left = 4 };

	wr_u32(&w, rd_u32(&r) + c->cut);
	if (!last)
		tcp[TCP_FLAGS_AT] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (c->pieces)
		tcp[TCP_FLAGS_AT] &= (uint8_t)~TCP_CWR;
}

/* Put the next n bytes of payload behind a piece's headers: by reference where the device takes parts. */
static bool piece_payload(struct cut *c, struct pb_buf *piece, uint32_t n)
{
	if (!n)
		return true;
	if (c->offload & PB_OFFLOAD_PARTS) {
		struct pb_buf *slice = pb_buf_slice(c->payload, 0, n);
		if (!slice)
			return false;
		pb_buf_append(piece, slice);
	} else {
		pb_buf_copy(c->payload, 0, pb_buf_extend(piece, n), n);
	}
	return true;
}

/* The next piece, with n bytes of payload. NULL: no memory. */
static struct pb_buf *piece(struct cut *c, uint32_t n)
{
	struct pb_buf *b = pb_buf_new(c->pool, 0, c->len + (c->offload & PB_OFFLOAD_PARTS ? 0 : n));

	if (!b)
		return NULL;
	memcpy(pb_buf_extend(b, c->len), c->headers, c->len);
	if (!piece_payload(c, b, n)) {
		pb_buf_free(b);
		return NULL;
	}
	b->transport = b->data + c->tcp;
	uint64_t pseudo = piece_ip(c, b->data + c->ip, b->total - c->ip);
	piece_tcp(c, b->transport, n == c->payload->total);
	b->checksum_offset = TCP_CHECKSUM_AT;
	b->checksum = PB_CHECKSUM_WANTED;
	put16(b->transport + TCP_CHECKSUM_AT, (uint16_t)~pb_checksum_finish(pseudo));
	if (!(c->offload & PB_OFFLOAD_CHECKSUM))
		complete(b);
	return b;
}

static size_t cut(struct cut *c, struct pb_buf *frame, bool ethernet, struct pb_buf_queue *out)
{
	size_t lost = 0;

	if (!cut_begin(c, frame, ethernet)) {
		pb_buf_free(frame);
		return 1;
	}
	do {
		uint32_t n = c->payload->total < c->mss ? c->payload->total : c->mss;
		struct pb_buf *b = piece(c, n);
		if (b)
			pb_buf_queue_push(out, b);
		else
			lost++;
		pb_buf_pull(c->payload, n);
		c->cut += n;
		c->pieces++;
	} while (c->payload->total);
	pb_buf_free(c->payload);
	return lost;
}

/* The same packet in one part; takes b. NULL: no memory. */
static struct pb_buf *in_one_part(struct pb_pool *pool, struct pb_buf *b)
{
	struct pb_buf *one = pb_buf_duplicate(pool, b);

	pb_buf_free(b);
	return one;
}

size_t pb_finish(struct pb_pool *pool, struct pb_buf *frame, bool ethernet, unsigned offload,
		 struct pb_buf_queue *out)
{
	if (frame->segment_size && !(offload & PB_OFFLOAD_SEGMENT))
		return cut(&(struct cut){ .pool = pool, .offload = offload }, frame, ethernet, out);
	bool checksum = frame->checksum == PB_CHECKSUM_WANTED && !(offload & PB_OFFLOAD_CHECKSUM);
	bool shared = checksum && !pb_buf_is_own(frame); /* so its headers must be copied */
	if (!(offload & PB_OFFLOAD_PARTS) && (frame->more || shared))
		frame = in_one_part(pool, frame);
	else if (shared)
		frame = own_headers(pool, frame);
	if (frame && checksum)
		complete(frame);
	if (!frame)
		return 1;
	pb_buf_queue_push(out, frame);
	return 0;
}
