/*
 * Text and FIN of a segment that is acceptable (RFC 9293 §3.10.7.4, sixth to eighth), and the acknowledgement that it
 * calls for (RFC 5681 §4.2). What is urgent in it stays in its place: what becomes of that when it is read is
 * urgent.c's.
 */
#include "transport/tcp/acks.h"
#include "transport/tcp/auth.h"
#include "transport/tcp/buffers.h"
#include "transport/tcp/input.h"
#include "transport/tcp/output.h"
#include "transport/tcp/sack.h"
#include "transport/tcp/timers.h"
#include "transport/tcp/urgent.h"

#include <poll.h>

/* Whether the peer may send text in this state: it has not sent its FIN. */
static bool receiving(const struct tcp_conn *c)
{
	return c->state == STATE_ESTABLISHED || c->state == STATE_FIN_WAIT_1 || c->state == STATE_FIN_WAIT_2;
}

/* Cut off what came before or lies beyond the window; FIN goes with the end. */
static void cut_to_window(struct tcp_conn *c, struct tcp_segment *s)
{
	uint32_t room;

	if (seq_lt(s->seq, c->rcv_nxt)) {
		uint32_t old = c->rcv_nxt.v - s->seq.v;
		if (old > s->text_len) /* all, FIN included: in_window() lets none such in */
			old = s->text_len;
		if (old) {
			pb_tcp_sack_twice(c, s->seq, old);
			pb_buf_pull(s->text, old);
		}
		s->text_len -= old;
		s->seq = seq_add(s->seq, old);
		c->ack_now = true; /* it was sent again for want of an acknowledgement */
	}
	room = c->rcv_adv.v - s->seq.v;
	if (s->text_len >= room)
		s->h.flags &= (uint16_t)~TCP_FIN;
	if (s->text_len > room) {
		pb_buf_trim(s->text, room);
		s->text_len = room;
		c->ack_now = true;
	}
}

static struct pb_buf *take_text(struct tcp_segment *s)
{
	struct pb_buf *text = s->text;

	s->text = NULL;
	return text;
}

/* Text at RCV.NXT: the user's. */
static void deliver(struct tcp_conn *c, struct pb_buf *text)
{
	c->rcv_nxt = seq_add(c->rcv_nxt, text->total);
	c->bytes_received += text->total;
	pb_tcp_recvq_push(&c->recvq, text);
	if (tcp_readable(c))
		tcp_tell(c, POLLIN);
}

static void text_in_order(struct tcp_conn *c, struct tcp_segment *s)
{
	bool fills_gap = c->ooo.first != NULL;

	deliver(c, take_text(s));
	for (struct pb_buf *b; fills_gap && (b = pb_tcp_ooo_take(&c->ooo, c->rcv_nxt));)
		deliver(c, b);
	c->ack_now |= fills_gap; /* RFC 5681 §4.2: at once */
	tcp_text_arrived(c, s);
	pb_tcp_acks_owe(c, s->text_len);
	pb_ip_confirm(c->tcp->net, &c->path);
}

/*
 * RFC 5681 §4.2: each is told of at once, so that the sender can count. While memory is short none is kept, which
 * nobody may rely on (RFC 2018 §8): who never fills his gaps would take the room of all text that can be read.
 */
static void text_ahead(struct tcp_conn *c, struct tcp_segment *s)
{
	c->tally.ahead++;
	pb_tcp_sack_twice(c, s->seq, s->text_len);
	if (!c->tcp->memory_short && pb_tcp_ooo_insert(&c->ooo, s->seq, take_text(s)))
		tcp_counters(c)->tcp.OfoQueued++;
	else
		tcp_counters(c)->tcp.OfoDropped++;
	pb_tcp_send_ack(c);
}

/* A super-segment says how long its parts were; else it can't have been longer than what we announced. */
static void count_text(struct tcp_conn *c, const struct tcp_segment *s)
{
	uint32_t len = s->text->segment_size ? s->text->segment_size : s->text_len;
	uint32_t most = pb_tcp_mss_announce(&c->set, &c->path);

	len = len < most ? len : most;
	if (len > c->tally.rcv_mss)
		c->tally.rcv_mss = (uint16_t)len;
	c->tally.data_in += (s->text_len + len - 1) / len;
}

/* Seventh. */
static void take_segment_text(struct tcp_conn *c, struct tcp_segment *s)
{
	if (s->text_len == 0)
		return;
	count_text(c, s);
	if (seq_eq(s->seq, c->rcv_nxt))
		text_in_order(c, s);
	else
		text_ahead(c, s);
}

/* Eighth: all that the peer had to say has come. It may free c. */
static void take_fin(struct tcp_conn *c)
{
	c->rcv_nxt = seq_add(c->rcv_nxt, 1);
	c->fin_received = true;
	pb_tcp_ooo_clear(&c->ooo);
	c->ack_now = true;
	tcp_want_output(c);
	tcp_tell(c, POLLIN | POLLRDHUP);
	switch (c->state) {
	case STATE_ESTABLISHED:
		pb_tcp_set_state(c, STATE_CLOSE_WAIT);
		break;
	case STATE_FIN_WAIT_1: /* our FIN is not acknowledged, or it would be FIN-WAIT-2 */
		pb_tcp_set_state(c, STATE_CLOSING);
		break;
	case STATE_FIN_WAIT_2:
		pb_tcp_send_ack(c);
		pb_tcp_time_wait_enter(c);
		break;
	default:
		break;
	}
}

/* Whether text came that nobody will ever read (RFC 9293 §3.10.4; RFC 2525 §2.17): the peer must hear of it. */
static bool unwanted(const struct tcp_conn *c, const struct tcp_segment *s)
{
	return s->text_len > 0 && tcp_is_orphan(c);
}

/* Where memory is out, who has nothing here that waits may still say something. */
static bool is_room_for_text(const struct tcp_conn *c)
{
	const struct pb_pool *pool = c->tcp->env->pool;
	bool first = !c->recvq.packets.bytes && !c->ooo.bytes;

	return pb_tcp_memory_admits(pool, 0) || (first && pb_tcp_memory_admits_first(pool, 0));
}

void pb_tcp_text_of_syn(struct tcp_conn *c, struct tcp_segment *s)
{
	s->seq = seq_add(s->seq, 1);
	s->len--;
	cut_to_window(c, s);
	if (!s->text_len)
		return;
	deliver(c, take_text(s));
	c->fast_opened.syn_text = true;
}

void pb_tcp_text_input(struct tcp_conn *c, struct tcp_segment *s)
{
	if (!receiving(c)) {
		if (s->len) { /* no text follows a FIN; whoever sends some again missed our ACK */
			c->ack_now = true;
			tcp_want_output(c);
		}
		return;
	}
	if (s->h.flags & TCP_URG || c->urgent)
		pb_tcp_urgent_input(c, s);
	if (s->len == 0)
		return;
	cut_to_window(c, s);
	if (unwanted(c, s)) {
		tcp_counters(c)->tcp.AbortOnData++;
		const struct tcp_party party = pb_tcp_party_conn(c);
		/* Where the peer is, who may not have our FIN: he believes no other (RFC 5961). */
		pb_tcp_reset_stray(c->tcp, s, &party);
		pb_tcp_conn_done(c, 0);
		return;
	}
	if (s->text_len && !is_room_for_text(c)) {
		tcp_counters(c)->tcp.OfoDropped++;
		return; /* it is sent again; the rest is for acknowledgements, which give memory back */
	}
	if (s->h.flags & TCP_FIN) {
		c->fin_ahead = true;
		c->fin_seq = seq_add(s->seq, s->text_len);
	}
	take_segment_text(c, s);
	if (c->fin_ahead && seq_eq(c->fin_seq, c->rcv_nxt))
		take_fin(c);
	else if (c->ack_now)
		tcp_want_output(c);
}
