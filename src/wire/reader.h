/*
 * Reading from and writing to messages in network byte order.
 *
 * A reader carries its bound: a read past the end answers zero and sets bad, and bad sticks. So a parser reads like
 * the figure in its RFC, straight down, and is checked once at its end. A writer does the same with its room.
 */
#ifndef PB_WIRE_READER_H
#define PB_WIRE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
	const uint8_t *p;
	size_t left;
	bool bad;
};

/* The next n bytes, in place; NULL: there are not so many. */
static inline const uint8_t *rd_bytes(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (n > r->left) {
		r->bad = true;
		r->left = 0;
		return NULL;
	}
	r->p += n;
	r->left -= n;
	return p;
}

static inline uint8_t rd_u8(struct reader *r)
{
	const uint8_t *p = rd_bytes(r, 1);

	return p ? p[0] : 0;
}

static inline uint16_t rd_u16(struct reader *r)
{
	const uint8_t *p = rd_bytes(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t rd_u32(struct reader *r)
{
	const uint8_t *p = rd_bytes(r, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

/* Copy the next n bytes; zeroes: there are not so many. */
static inline void rd_copy(struct reader *r, void *to, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);

	if (p)
		memcpy(to, p, n);
	else
		memset(to, 0, n);
}

struct writer {
	uint8_t *p;
	size_t left;
	bool bad;
};

/* Room for the next n bytes; NULL: there is not so much. */
static inline uint8_t *wr_room(struct writer *w, size_t n)
{
	uint8_t *p = w->p;

	if (n > w->left) {
		w->bad = true;
		w->left = 0;
		return NULL;
	}
	w->p += n;
	w->left -= n;
	return p;
}

static inline void wr_bytes(struct writer *w, const void *data, size_t n)
{
	uint8_t *p = wr_room(w, n);

	if (p && n > 0)
		memcpy(p, data, n);
}

static inline void wr_u8(struct writer *w, uint8_t v)
{
	wr_bytes(w, &v, 1);
}

static inline void wr_u16(struct writer *w, uint16_t v)
{
	const uint8_t bytes[] = { (uint8_t)(v >> 8), (uint8_t)v };

	wr_bytes(w, bytes, sizeof bytes);
}

static inline void wr_u32(struct writer *w, uint32_t v)
{
	const uint8_t bytes[] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

	wr_bytes(w, bytes, sizeof bytes);
}

#endif
