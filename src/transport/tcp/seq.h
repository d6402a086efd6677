/*
 * Sequence numbers: a type of their own, because they are not integers (RFC 9293 §3.4: arithmetic modulo
 * 2^32).
 */
#ifndef PB_TRANSPORT_TCP_SEQ_H
#define PB_TRANSPORT_TCP_SEQ_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
	uint32_t v;
} seq;

static inline seq seq_add(seq a, uint32_t n)
{
	return (seq){ a.v + n };
}

/* From start up to end, which is not one of them. */
struct seq_range {
	seq start, end;
};

/* How far a is behind b: negative if it is in front. */
static inline int32_t seq_diff(seq a, seq b)
{
	return (int32_t)(a.v - b.v);
}

static inline bool seq_eq(seq a, seq b)
{
	return a.v == b.v;
}

static inline bool seq_lt(seq a, seq b)
{
	return seq_diff(a, b) < 0;
}

static inline bool seq_le(seq a, seq b)
{
	return seq_diff(a, b) <= 0;
}

static inline seq seq_max(seq a, seq b)
{
	return seq_lt(a, b) ? b : a;
}

/* Whether s is one of the len numbers from lo on. */
static inline bool seq_in(seq s, seq lo, uint32_t len)
{
	return s.v - lo.v < len;
}

#endif
