/*
 * Selective acknowledgements (RFC 2018): what we tell of text that came ahead of a gap, the latest range first, and in
 * front of these what came twice (D-SACK, RFC 2883).
 */
#include "transport/tcp/sack.h"
#include "transport/tcp/ooo.h"
#include "transport/tcp/seq.h"

/* RFC 2018 §3, with two NOPs in front of it. */
#define SACK_BASE  4
#define SACK_BLOCK 8

/* How many blocks fit behind what is there: four, beside a timestamp three, beside MD5 two, beside both none. */
static unsigned blocks_max(const struct tcp_options *o)
{
	size_t room = TCP_HEADER_LEN_MAX - pb_tcp_header_len(o);
	size_t n = room < SACK_BASE ? 0 : (room - SACK_BASE) / SACK_BLOCK;

	return n < TCP_SACK_BLOCKS_MAX ? (unsigned)n : TCP_SACK_BLOCKS_MAX;
}

/* RFC 2883 §4: the first bytes in a row of which we have another copy. One report each: the latest counts. */
void pb_tcp_sack_twice(struct tcp_conn *c, seq start, uint32_t len)
{
	struct seq_range twice = { start, seq_add(start, len) };

	if (!c->has_sack || c->tcp->limits.no_dsack)
		return;
	if (!seq_lt(start, c->rcv_nxt))
		twice = pb_tcp_ooo_known(&c->ooo, start, len);
	else if (seq_lt(c->rcv_nxt, twice.end))
		twice.end = c->rcv_nxt;
	if (!seq_eq(twice.start, twice.end))
		c->received_twice = twice;
}

void pb_tcp_sack_write(struct tcp_conn *c, struct tcp_options *o)
{
	unsigned most = blocks_max(o), n = 0;
	struct seq_range blocks[TCP_SACK_BLOCKS_MAX];

	if (!most)
		return;

	if (!seq_eq(c->received_twice.start, c->received_twice.end))
		blocks[n++] = c->received_twice;
	c->received_twice.end = c->received_twice.start;
	n += pb_tcp_ooo_latest(&c->ooo, blocks + n, most - n);
	for (unsigned i = 0; i < n; i++) {
		o->sack[i].start = blocks[i].start.v;
		o->sack[i].end = blocks[i].end.v;
	}
	o->sack_count = (uint8_t)n;
}
