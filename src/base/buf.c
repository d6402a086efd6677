/*
 * Packets and the pool they come from.
 *
 * A block carries the pb_buf of its first user inside, so that a plain packet is one allocation; further
 * references to a block are pb_bufs of their own. Both come from free lists of the pool, which the steady
 * path never gets past: malloc() is asked only while the pool grows.
 *
 * Only the part that ends where the block's used bytes end may grow into the rest (fill): so the bytes that
 * somebody else refers to are never written again.
 */
#include <assert.h>
#include <packetboat/buf.h>
#include <stdlib.h>
#include <string.h>

/* Headers; a frame of the usual MTU; a large frame, or a piece of a super-segment; the largest. */
#define SIZES 4
static const uint32_t size_of[SIZES] = { 256, 2048, 16384, 65536 + 512 };

/* Free blocks kept for the next one, in bytes of each size; beyond that they go back to malloc(). */
#define KEEP_BYTES ((size_t)4 << 20)

struct pb_block {
	struct pb_buf first; /* the descriptor that comes with the block */
	uint32_t refs;
	uint32_t size; /* of mem; 0: lent memory */
	uint8_t class;
	uint8_t *fill; /* where the bytes that nobody has written begin */
	struct pb_pool *pool;
	struct pb_block *next_free;
	void (*release)(void *context);
	void *context;
	uint8_t mem[];
};

struct pb_pool {
	size_t bytes, bytes_max;
	uint64_t refusals;
	size_t out; /* blocks and descriptors given out */
	bool closed;
	size_t kept[SIZES];
	struct pb_block *blocks[SIZES];
	struct pb_block *lent; /* free blocks without memory of their own */
	struct pb_buf *bufs;
};

struct pb_pool *pb_pool_new(size_t bytes_max)
{
	struct pb_pool *pool = calloc(1, sizeof *pool);

	if (pool)
		pool->bytes_max = bytes_max;
	return pool;
}

static void free_blocks(struct pb_block *b)
{
	while (b) {
		struct pb_block *next = b->next_free;
		free(b);
		b = next;
	}
}

/* Apart, so that nobody who frees a packet is ready for it. */
__attribute__((noinline)) static void destroy(struct pb_pool *pool)
{
	for (int i = 0; i < SIZES; i++)
		free_blocks(pool->blocks[i]);
	free_blocks(pool->lent);
	while (pool->bufs) {
		struct pb_buf *next = pool->bufs->next;
		free(pool->bufs);
		pool->bufs = next;
	}
	free(pool);
}

void pb_pool_free(struct pb_pool *pool)
{
	if (!pool)
		return;
	pool->closed = true;
	if (!pool->out)
		destroy(pool);
}

size_t pb_pool_bytes(const struct pb_pool *pool)
{
	return pool->bytes;
}

size_t pb_pool_bytes_max(const struct pb_pool *pool)
{
	return pool->bytes_max;
}

uint64_t pb_pool_refusals(const struct pb_pool *pool)
{
	return pool->refusals;
}

/* Whether the pool may give out so many bytes more. */
static bool admit(struct pb_pool *pool, size_t bytes)
{
	if (pool->bytes_max - pool->bytes >= bytes)
		return true;
	pool->refusals++;
	return false;
}

static struct pb_buf *use(struct pb_pool *pool, struct pb_block *block, size_t headroom)
{
	block->refs = 1;
	pool->out++;
	pool->bytes += block->size;
	block->fill = block->mem + headroom;
	block->first = (struct pb_buf){ .block = block, .data = block->fill };
	return &block->first;
}

struct pb_buf *pb_buf_new(struct pb_pool *pool, size_t headroom, size_t room)
{
	int class = 0;

	while (class < SIZES && size_of[class] < headroom + room)
		class ++;
	assert(class < SIZES);
	if (!admit(pool, size_of[class]))
		return NULL;
	struct pb_block *block = pool->blocks[class];
	if (block) {
		pool->blocks[class] = block->next_free;
		pool->kept[class] -= block->size;
	} else {
		block = malloc(sizeof *block + size_of[class]);
		if (!block)
			return NULL;
		block->pool = pool;
		block->size = size_of[class];
		block->class = (uint8_t) class;
		block->release = NULL;
	}
	return use(pool, block, headroom);
}

struct pb_buf *pb_buf_lend(struct pb_pool *pool, const void *data, size_t len, void (*release)(void *context),
			   void *context)
{
	struct pb_block *block = pool->lent;

	if (len > UINT32_MAX)
		return NULL;
	if (block)
		pool->lent = block->next_free;
	else if (!(block = malloc(sizeof *block)))
		return NULL;
	block->pool = pool;
	block->size = 0;
	block->release = release;
	block->context = context;
	struct pb_buf *b = use(pool, block, 0);
	b->data = (uint8_t *)data;
	b->len = b->total = (uint32_t)len;
	return b;
}

static void put_back(struct pb_block *block)
{
	struct pb_pool *pool = block->pool;
	struct pb_block **list = block->release ? &pool->lent : &pool->blocks[block->class];

	pool->bytes -= block->size;
	pool->out--;
	if (block->release) {
		block->release(block->context);
	} else if (pool->kept[block->class] >= KEEP_BYTES) {
		free(block);
		return;
	} else {
		pool->kept[block->class] += block->size;
	}
	block->next_free = *list;
	*list = block;
}

static void free_part(struct pb_buf *b)
{
	struct pb_block *block = b->block;
	struct pb_pool *pool = block->pool;

	if (b != &block->first) {
		b->next = pool->bufs;
		pool->bufs = b;
		pool->out--;
	}
	if (--block->refs == 0)
		put_back(block);
	if (pool->closed && !pool->out)
		destroy(pool);
}

void pb_buf_free(struct pb_buf *b)
{
	while (b) {
		struct pb_buf *more = b->more;
		free_part(b);
		b = more;
	}
}

/*
 * Another reference to the bytes of one part. It is the block's pool that the descriptor comes from and goes
 * back to.
 */
static struct pb_buf *refer(struct pb_block *block, uint8_t *data, size_t len)
{
	struct pb_pool *pool = block->pool;
	struct pb_buf *b = pool->bufs;

	if (b)
		pool->bufs = b->next;
	else if (!(b = malloc(sizeof *b)))
		return NULL;
	pool->out++;
	block->refs++;
	*b = (struct pb_buf){ .block = block, .data = data, .len = (uint32_t)len, .total = (uint32_t)len };
	return b;
}

struct pb_buf *pb_buf_slice(const struct pb_buf *b, size_t offset, size_t len)
{
	struct pb_buf *first = NULL, **at = &first;
	size_t left = len;

	for (; offset >= b->len && b->more; b = b->more)
		offset -= b->len;
	do {
		assert(b);
		size_t n = b->len - offset < left ? b->len - offset : left;
		*at = refer(b->block, b->data + offset, n);
		if (!*at) {
			pb_buf_free(first);
			return NULL;
		}
		at = &(*at)->more;
		left -= n;
		offset = 0;
		b = b->more;
	} while (left);
	first->total = (uint32_t)len;
	return first;
}

static void copy_notes(struct pb_buf *to, const struct pb_buf *from, uint8_t *transport)
{
	to->transport = transport;
	to->checksum_offset = from->checksum_offset;
	to->segment_size = from->segment_size;
	to->checksum = from->checksum;
}

struct pb_buf *pb_buf_share(const struct pb_buf *b)
{
	struct pb_buf *again = pb_buf_slice(b, 0, b->total);

	if (again)
		copy_notes(again, b, b->transport); /* the same bytes */
	return again;
}

struct pb_buf *pb_buf_duplicate(struct pb_pool *pool, const struct pb_buf *b)
{
	struct pb_buf *again = b->total <= size_of[SIZES - 1] ? pb_buf_new(pool, 0, b->total) : NULL;

	if (!again)
		return NULL;
	pb_buf_copy(b, 0, pb_buf_extend(again, b->total), b->total);
	copy_notes(again, b, b->transport ? again->data + (b->transport - b->data) : NULL);
	return again;
}

bool pb_buf_is_own(const struct pb_buf *b)
{
	return b->block->size && b->block->refs == 1;
}

static struct pb_buf *last_part(struct pb_buf *b)
{
	while (b->more)
		b = b->more;
	return b;
}

size_t pb_buf_headroom(const struct pb_buf *b)
{
	bool own = b == &b->block->first && b->block->size && b->block->refs == 1;

	return own ? (size_t)(b->data - b->block->mem) : 0;
}

/* Behind a part. */
static size_t room_behind(const struct pb_buf *part)
{
	const struct pb_block *block = part->block;

	if (!block->size || part->data + part->len != block->fill)
		return 0;
	return (size_t)(block->mem + block->size - block->fill);
}

size_t pb_buf_tailroom(const struct pb_buf *b)
{
	return room_behind(last_part((struct pb_buf *)b));
}

uint8_t *pb_buf_push(struct pb_buf *b, size_t n)
{
	assert(n <= pb_buf_headroom(b));
	b->data -= n;
	b->len += (uint32_t)n;
	b->total += (uint32_t)n;
	return b->data;
}

uint8_t *pb_buf_extend(struct pb_buf *b, size_t n)
{
	struct pb_buf *last = last_part(b);
	uint8_t *at = last->data + last->len;

	assert(n <= room_behind(last));
	last->block->fill += n;
	last->len += (uint32_t)n;
	if (last != b)
		last->total += (uint32_t)n;
	b->total += (uint32_t)n;
	return at;
}

void pb_buf_pull_parts(struct pb_buf *b, size_t n)
{
	assert(n <= b->total);
	b->total -= (uint32_t)n;
	for (struct pb_buf *part = b; n; part = part->more) {
		assert(part);
		size_t k = part->len < n ? part->len : n;
		part->data += k;
		part->len -= (uint32_t)k;
		n -= k;
	}
	while (b->more && !b->more->len) { /* what has been emptied behind the first part */
		struct pb_buf *gone = b->more;
		b->more = gone->more;
		free_part(gone);
	}
}

void pb_buf_trim(struct pb_buf *b, size_t len)
{
	struct pb_buf *part = b;

	assert(len <= b->total);
	b->total = (uint32_t)len;
	for (; part->len < len; part = part->more)
		len -= part->len;
	part->len = (uint32_t)len;
	pb_buf_free(part->more);
	part->more = NULL;
}

void pb_buf_append(struct pb_buf *b, struct pb_buf *tail)
{
	last_part(b)->more = tail;
	b->total += tail->total;
}

void pb_buf_copy(const struct pb_buf *b, size_t offset, void *to, size_t len)
{
	uint8_t *p = to;

	assert(offset + len <= b->total);
	for (; len; b = b->more) {
		if (offset >= b->len) {
			offset -= b->len;
			continue;
		}
		size_t n = b->len - offset < len ? b->len - offset : len;
		memcpy(p, b->data + offset, n);
		p += n;
		len -= n;
		offset = 0;
	}
}

bool pb_buf_gather_more(struct pb_buf *b, size_t n)
{
	if (b->len >= n)
		return true;
	if (b->total < n)
		return false;
	if (b->data + b->len != b->block->fill || !b->block->size ||
	    (size_t)(b->block->mem + b->block->size - b->block->fill) < n - b->len)
		return false;
	struct pb_buf *rest = b->more;
	uint32_t total = b->total;
	size_t lack = n - b->len;
	b->more = NULL;
	uint8_t *room = pb_buf_extend(b, lack);
	rest->total = total - (uint32_t)(n - lack);
	pb_buf_copy(rest, 0, room, lack);
	pb_buf_pull(rest, lack);
	if (!rest->len) {
		b->more = rest->more;
		rest->more = NULL;
		free_part(rest);
	} else {
		b->more = rest;
	}
	b->total = total;
	return true;
}

void pb_buf_queue_clear(struct pb_buf_queue *q)
{
	for (struct pb_buf *b; (b = pb_buf_queue_shift(q));)
		pb_buf_free(b);
}
