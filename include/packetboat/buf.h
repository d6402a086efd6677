/*
 * Buffers: packets that are handed over, never shared, and whose bytes are rarely copied.
 *
 * A pb_buf is a slice of a reference-counted block of memory. A packet is one pb_buf, or several in a row
 * (more): its headers in the first, its payload in slices of whatever memory the sender keeps it in. Giving a
 * packet to a function that says "takes" hands it over: the function frees or keeps it, and the giver forgets
 * it. Bytes of a block that others refer to as well are never changed; a header is written only into a block
 * of one's own.
 *
 * Memory comes from a pool, which never gives more than its bytes_max. Pools, like all else, belong to one
 * thread. A packet may outlive the stack that made it (another stack may hold it): its pool goes with the
 * last of its blocks.
 */
#ifndef PACKETBOAT_BUF_H
#define PACKETBOAT_BUF_H

#include <packetboat/net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pb_pool;
struct pb_block;

/* What is known of the transport checksum of a packet. */
enum pb_checksum_note {
	/* it is what the bytes say: complete, if we made it; to be verified, if it came */
	PB_CHECKSUM_UNKNOWN,
	/*
	 * the field holds the pseudo-header's sum; the edge completes it. It never left the machine, so a
	 * receiver may trust it
	 */
	PB_CHECKSUM_WANTED,
	PB_CHECKSUM_GOOD, /* verified by the device */
};

struct pb_buf {
	struct pb_buf *next;    /* the next packet, in a queue */
	struct pb_buf *more;    /* the next part of this packet; NULL: this is the last */
	struct pb_block *block; /* what data is in */
	uint8_t *data;          /* the first byte of this part */
	uint32_t len;           /* bytes in this part */
	uint32_t total;         /* bytes in this part and all behind it; true of a packet's first part only */
	uint32_t mark;          /* whoever has it queued may keep a number here: TCP, its sequence number */
	/* The offload notes, of a packet's first part only. */
	uint8_t *
		transport; /* the transport header, in the first part; needed where one of the notes is set */
	uint16_t checksum_offset; /* of the checksum field from there: 16 for TCP, 6 for UDP */
	uint16_t
		/* a super-segment: payload bytes of each segment to cut; 0: it is one segment */
		segment_size;
	uint8_t checksum; /* enum pb_checksum_note */
};

/* A pool that gives out at most bytes_max bytes at a time. NULL: out of memory. */
PB_API struct pb_pool *pb_pool_new(size_t bytes_max);

/* No more will be taken from it. It goes when its last block comes home. NULL is allowed. */
PB_API void pb_pool_free(struct pb_pool *pool);

/* Bytes given out now, the most it will give, and how often it had none to give. */
PB_API size_t pb_pool_bytes(const struct pb_pool *pool);
PB_API size_t pb_pool_bytes_max(const struct pb_pool *pool);
PB_API uint64_t pb_pool_refusals(const struct pb_pool *pool);

/*
 * An empty packet with headroom bytes in front and room for at least room behind. At most 64 KiB + 512 in
 * all. NULL: the pool is empty.
 */
PB_API struct pb_buf *pb_buf_new(struct pb_pool *pool, size_t headroom, size_t room);

/*
 * A packet of memory that stays the caller's, of less than 4 GiB: release(context) is called when nobody refers
 * to it any more. NULL: there is no memory to describe it, or it is too long; and release is not called.
 */
PB_API struct pb_buf *pb_buf_lend(struct pb_pool *pool, const void *data, size_t len,
				  void (*release)(void *context), void *context);

/* Free a packet, all of its parts. NULL is allowed. */
PB_API void pb_buf_free(struct pb_buf *b);

/*
 * A packet of its own that refers to len bytes of b, from offset on; offset + len <= b->total. Nothing is
 * copied. NULL: the pool is empty.
 */
PB_API struct pb_buf *pb_buf_slice(const struct pb_buf *b, size_t offset, size_t len);

/* Another packet of the same bytes, by reference, with the notes. NULL: the pool is empty. */
PB_API struct pb_buf *pb_buf_share(const struct pb_buf *b);

/*
 * Another packet with copies of the bytes, in one part, with the notes. NULL: the pool is empty, or b is
 * longer than a packet may be.
 */
PB_API struct pb_buf *pb_buf_duplicate(struct pb_pool *pool, const struct pb_buf *b);

/* Whether nobody else refers to the first part's bytes: only then may they be changed. */
PB_API bool pb_buf_is_own(const struct pb_buf *b);

/* Room in front of the first part, and behind the last one's data, that nobody else refers to. */
PB_API size_t pb_buf_headroom(const struct pb_buf *b);
PB_API size_t pb_buf_tailroom(const struct pb_buf *b);

/* n more bytes in front, which the caller then writes: n <= pb_buf_headroom(b). Where they begin. */
PB_API uint8_t *pb_buf_push(struct pb_buf *b, size_t n);

/*
 * n more bytes behind the (only) part, which the caller then writes: n <= pb_buf_tailroom(b). Where they
 * begin.
 */
PB_API uint8_t *pb_buf_extend(struct pb_buf *b, size_t n);

/* Drop the first n bytes: n <= b->total. The first part stays, empty perhaps, and with it the notes. */
PB_API void pb_buf_pull_parts(struct pb_buf *b, size_t n); /* the same, for packets of any kind */
static inline void pb_buf_pull(struct pb_buf *b, size_t n)
{
	if (b->more || n > b->len) {
		pb_buf_pull_parts(b, n);
		return;
	}
	b->data += n;
	b->len -= (uint32_t)n;
	b->total -= (uint32_t)n;
}

/* Keep only the first len bytes: len <= b->total. */
PB_API void pb_buf_trim(struct pb_buf *b, size_t len);

/* Put the packet tail behind b; takes tail. */
PB_API void pb_buf_append(struct pb_buf *b, struct pb_buf *tail);

/* Copy len bytes from offset on: offset + len <= b->total. */
PB_API void pb_buf_copy(const struct pb_buf *b, size_t offset, void *to, size_t len);

/*
 * See to it that the first n bytes are in one piece, that is in the first part, to read headers there. False:
 * the packet is shorter, or there is no room to gather them.
 */
PB_API bool pb_buf_gather_more(struct pb_buf *b,
			       size_t n); /* the same, where more are needed than are there */
static inline bool pb_buf_gather(struct pb_buf *b, size_t n)
{
	return b->len >= n || pb_buf_gather_more(b, n);
}

/* A first-in first-out queue of packets. All zero is an empty one. */
struct pb_buf_queue {
	struct pb_buf *first, *last;
	size_t count;
	size_t bytes;
};

/* Takes b. */
static inline void pb_buf_queue_push(struct pb_buf_queue *q, struct pb_buf *b)
{
	b->next = NULL;
	if (q->first)
		q->last->next = b;
	else
		q->first = b;
	q->last = b;
	q->count++;
	q->bytes += b->total;
}

/* Gives the first. NULL: empty. */
static inline struct pb_buf *pb_buf_queue_shift(struct pb_buf_queue *q)
{
	struct pb_buf *b = q->first;

	if (!b)
		return NULL;
	q->first = b->next;
	b->next = NULL;
	q->count--;
	q->bytes -= b->total;
	return b;
}

PB_API void pb_buf_queue_clear(struct pb_buf_queue *q);

#ifdef __cplusplus
}
#endif
#endif
