#include "transport/tcp/prr.h"

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* a - b, not below 0. */
static uint32_t beyond(uint32_t a, uint32_t b)
{
	return a > b ? a - b : 0;
}

void pb_prr_begin(struct prr *p, uint32_t flight)
{
	*p = (struct prr){ .flight = larger(flight, 1) };
}

/* As much as of what is delivered belongs to the new window: RFC 9937 §6. */
static uint32_t in_proportion(const struct prr *p, uint32_t ssthresh)
{
	uint64_t due = ((uint64_t)p->delivered * ssthresh + p->flight - 1) / p->flight;

	return due > p->out ? (uint32_t)(due - p->out) : 0;
}

/* Below ssthresh: no less than was delivered; up to it in slow start while nothing more is lost. */
static uint32_t back_up(const struct prr *p, uint32_t delivered, uint32_t room, uint32_t mss, bool safe)
{
	uint32_t n = larger(beyond(p->delivered, p->out), delivered);

	return smaller(safe ? n + mss : n, room);
}

uint32_t pb_prr_acked(struct prr *p, uint32_t delivered, uint32_t pipe, uint32_t ssthresh, uint32_t mss,
		      bool safe)
{
	uint32_t n;

	p->delivered += delivered;
	if (pipe > ssthresh)
		n = in_proportion(p, ssthresh);
	else
		n = back_up(p, delivered, ssthresh - pipe, mss, safe);
	if (p->out == 0) /* the fast retransmit itself */
		n = larger(n, mss);
	return pipe + n;
}
