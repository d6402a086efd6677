/*
 * The windows, both ways: how much the peer may send us (RCV.WND, without silly windows: RFC 9293 §3.8.6.2.2)
 * and how much we may send it (SND.WND).
 */
#include "transport/tcp/window.h"
#include "transport/tcp/buffers.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/recovery.h"
#include "transport/tcp/seq.h"

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* RCV.BUFF - RCV.USER: room for text. What waits ahead of a gap is within the window, and has been told of. */
static uint32_t space(const struct tcp_conn *c)
{
	size_t used = c->recvq.packets.bytes;
	uint32_t buffer = tcp_receive_buffer(c), room = used < buffer ? buffer - (uint32_t)used : 0;

	return c->set.window_clamp ? smaller(room, c->set.window_clamp) : room;
}

/* RCV.WND as the peer has it now. */
static uint32_t told(const struct tcp_conn *c)
{
	int32_t left = seq_diff(c->rcv_adv, c->rcv_nxt);

	return left > 0 ? (uint32_t)left : 0;
}

/* The right edge moves by so much at least, or stays: §3.8.6.2.2, with Fr = 1/2. */
static uint32_t step(const struct tcp_conn *c)
{
	return smaller(c->set.receive_buffer / 2, c->mss);
}

/*
 * What was told before is told again, rounded up to what the field can say (RFC 7323 §2.3), so that the edge
 * is not drawn back. Rounding adds up while nobody reads: beyond the buffer it is rounded down, at most by one
 * unit less than was told; rcv_adv stays, and what is sent up to there is taken (RFC 7323 §2.4).
 */
static uint32_t as_told(const struct tcp_conn *c, uint32_t window, uint32_t room)
{
	uint32_t unit_mask = (1u << c->rcv_scale) - 1;
	uint32_t up = (window + unit_mask) & ~unit_mask;

	return up <= room + unit_mask ? up : window & ~unit_mask;
}

uint32_t pb_tcp_window(const struct tcp_conn *c)
{
	uint32_t room = space(c), window = told(c), field_max = (uint32_t)UINT16_MAX << c->rcv_scale;
	uint32_t open = room & ~((1u << c->rcv_scale) - 1);

	if (open > window && open - window >= step(c) && !tcp_is_early(c)) /* who he is he has yet to show */
		return smaller(open, field_max);
	return smaller(as_told(c, window, room), field_max);
}

/* The states in which text still comes. */
#define RECEIVING (1u << STATE_ESTABLISHED | 1u << STATE_FIN_WAIT_1 | 1u << STATE_FIN_WAIT_2)

/* As Linux: when it is twice what the peer knows of, if that is not much any more: less than a SYN can tell. */
bool pb_tcp_window_update_due(const struct tcp_conn *c)
{
	uint32_t window = told(c), room;

	if (window >= smaller(c->set.receive_buffer / 2, UINT16_MAX) || !(RECEIVING >> c->state & 1))
		return false;
	room = smaller(space(c), (uint32_t)UINT16_MAX << c->rcv_scale);
	return room / 2 >= window && room - window >= step(c);
}

void pb_tcp_window_take(struct tcp_conn *c, const struct tcp_segment *s)
{
	bool newer = seq_lt(c->snd_wl1, s->seq) || (seq_eq(c->snd_wl1, s->seq) && seq_le(c->snd_wl2, s->ack));

	if (!newer)
		return;
	bool opened = s->window > c->snd_wnd, was_closed = c->snd_wnd == 0;
	c->snd_wnd = s->window;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	if (c->snd_wnd > c->snd_wnd_max)
		c->snd_wnd_max = c->snd_wnd;
	if (!opened)
		return;
	if (c->probing || was_closed)
		pb_tcp_window_opened(c);
	tcp_want_output(c);
}
