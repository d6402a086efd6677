#include "transport/tcp/tally.h"
#include "transport/tcp/conn.h"

static void change(struct tcp_conn *c, enum tcp_busy to)
{
	struct tcp_tally *t = &c->tally;

	if (t->busy != BUSY_NOT)
		t->spent[t->busy] += tcp_now(c) - t->began;
	t->began = tcp_now(c);
	t->busy = (uint8_t)to;
}

void pb_tcp_busy_begin(struct tcp_conn *c, enum tcp_busy kind)
{
	if (kind > c->tally.busy)
		change(c, kind);
}

void pb_tcp_busy_end(struct tcp_conn *c, enum tcp_busy kind)
{
	if (!c->sendq.bytes) {
		if (c->tally.busy != BUSY_NOT)
			change(c, BUSY_NOT);
	} else if (c->tally.busy == kind && kind != BUSY_SENDING) {
		change(c, BUSY_SENDING);
	}
}

pb_time pb_tcp_busy_spent(const struct tcp_conn *c, enum tcp_busy kind)
{
	const struct tcp_tally *t = &c->tally;

	return t->spent[kind] + (t->busy == kind ? tcp_now(c) - t->began : 0);
}

/* Linux's metric, and as large as it lets it be. */
void pb_tcp_tally_reordered(struct tcp_conn *c, uint32_t bytes)
{
	uint32_t segments = (bytes + c->mss - 1) / c->mss;

	c->tally.reorderings++;
	if (segments > TCP_REORDERING_MOST)
		segments = TCP_REORDERING_MOST;
	if (segments > c->tally.reordering)
		c->tally.reordering = (uint16_t)segments;
}
