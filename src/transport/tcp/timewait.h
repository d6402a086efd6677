/* TIME-WAIT (timewait.c). */
#ifndef PB_TRANSPORT_TCP_TIMEWAIT_H
#define PB_TRANSPORT_TCP_TIMEWAIT_H

#include "transport/tcp/conn.h"

struct tcp_auth;

/*
 * TIME-WAIT, when nobody reads any more (RFC 9293 §3.10.7.8, RFC 6191). All last equally long: a queue, one
 * timer.
 */
struct tcp_time_wait {
	struct pair_entry entry; /* kind: ENTRY_TIME_WAIT. First */
	struct pb_link link;     /* in t->time_waits, the oldest first */
	struct binding binding;  /* the port stays in use, as on Linux */
	seq snd_nxt, rcv_nxt;
	uint32_t ts_recent, ts_offset;
	uint32_t rcv_wnd; /* as it was last told, already shifted */
	bool has_timestamps;
	uint16_t ace;   /* with accurate ECN, the flags that count marks */
	unsigned bound; /* as path.bound was */
	pb_time ends;
	pb_time challenge_after; /* no answer before to what may itself be one */
	struct tcp_auth *auth;   /* the connection's keys; NULL: none */
};

/*
 * To TIME-WAIT, from any state that leads there: a record takes the conn's place in the table; the conn is freed, or
 * stays for its owner, who may read on. Do not touch it afterwards, unless it has an owner.
 */
void pb_tcp_time_wait_enter(struct tcp_conn *c);
/* True: it is a SYN that a listener may take, in place of the record. */
bool pb_tcp_time_wait_input(struct tcp *t, struct tcp_time_wait *w, struct tcp_segment *s);
/*
 * Whether a call of ours may have its pair, as on Linux (tcp_tw_reuse): with timestamps, old segments of either end are
 * known for what they are (RFC 6191 §2, RFC 7323 §5), once our clock has gone on for so long.
 */
bool pb_tcp_time_wait_yields(const struct tcp *t, const struct tcp_time_wait *w, pb_time after);
void pb_tcp_time_wait_end(struct tcp *t, struct tcp_time_wait *w);

#endif
