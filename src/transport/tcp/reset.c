/* Resets (RFC 9293 §3.5.2, §3.10.7.1) and challenge ACKs (RFC 5961). */
#include "transport/tcp/auth.h"
#include "transport/tcp/input.h"
#include "transport/tcp/isn.h"
#include "transport/tcp/output.h"

void pb_tcp_reset_stray(struct tcp *t, const struct tcp_segment *s, const struct tcp_party *by)
{
	const struct socket_pair pair = {
		.local = s->packet->dst,
		.remote = s->packet->src,
		.local_port = s->h.dst_port,
		.remote_port = s->h.src_port,
	};
	struct tcp_header h = { .flags = TCP_RST };

	if (s->h.flags & TCP_RST)
		return;
	if (s->h.flags & TCP_ACK) {
		h.seq = s->h.ack;
	} else {
		h.flags |= TCP_ACK;
		h.ack = seq_add(s->seq, s->len).v;
	}
	t->env->counters.tcp.OutRsts++;
	pb_tcp_answer(t, &pair, s->packet->iface->index, &h, 0, by);
}

/* RFC 9293 §3.10.5: in the others the peer knows of no connection, or has closed its half already. */
static bool wants_reset(enum tcp_state state)
{
	return state == STATE_SYN_RECEIVED || state == STATE_ESTABLISHED || state == STATE_FIN_WAIT_1 ||
	       state == STATE_FIN_WAIT_2 || state == STATE_CLOSE_WAIT;
}

void pb_tcp_reset_peer(struct tcp_conn *c)
{
	struct tcp_header h = {
		.src_port = tcp_pair(c)->local_port,
		.dst_port = tcp_pair(c)->remote_port,
		.seq = tcp_bare_seq(c).v,
		.ack = c->rcv_nxt.v,
		.flags = TCP_RST | TCP_ACK,
		.options = {.has_timestamp = c->has_timestamps,
                            .ts_value = pb_tcp_timestamp(c->tcp, c->ts_offset),
                            .ts_echo = c->ts_recent},
	};

	if (!wants_reset(c->state))
		return;
	tcp_counters(c)->tcp.OutRsts++;
	if (!c->set.auth) {
		pb_tcp_send_bare(c->tcp, &c->path, &h, c->set.tos, NULL);
		return;
	}
	const struct tcp_party party = pb_tcp_party_conn(c);
	pb_tcp_send_bare(c->tcp, &c->path, &h, c->set.tos, &party);
}

void pb_tcp_challenge(struct tcp_conn *c)
{
	if (tcp_now(c) < c->challenge_after)
		return;
	c->challenge_after = tcp_now(c) + TCP_CHALLENGE_INTERVAL;
	tcp_counters(c)->tcp.ChallengeAck++;
	pb_tcp_send_ack(c);
}
