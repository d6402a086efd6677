/* Listeners, and the calls that they have not completed yet (listen.c). */
#ifndef PB_TRANSPORT_TCP_LISTEN_H
#define PB_TRANSPORT_TCP_LISTEN_H

#include "transport/tcp/conn.h"
#include "transport/tcp/ecn.h"

/*
 * A call that came and is not complete: SYN received, SYN-ACK sent. Small, so that a flood fits into a
 * budget.
 */
struct tcp_syn {
	struct pair_entry entry; /* kind: ENTRY_SYN. First */
	struct tcp_listener *listener;
	struct pb_link link;   /* in the listener's queue, the oldest first */
	struct pb_timer timer; /* SYN-ACK again */
	seq iss, irs;
	uint32_t ts_recent, ts_offset;
	uint16_t mss, window, uto;
	uint8_t snd_scale, rcv_scale, tos;
	uint8_t retransmits;
	bool has_timestamps, has_sack, has_scale;
	uint8_t fast_open; /* enum fast_open_verdict on its SYN, while a SYN-ACK is to tell of it */
	bool experiment;   /* the option was in its old form */
	bool ao;           /* signed by TCP-AO, with these keys: */
	uint8_t ao_send_id, ao_receive_id;
	bool deferred; /* the ACK of our SYN-ACK came, but no text: TCP_DEFER_ACCEPT */
	bool cookie;   /* not kept: all that is known of it is in what is sent and comes back */
	struct ecn_call ecn;
	unsigned bound; /* interface that answers leave by; where it came in, for link-local peers; 0: any */
	pb_time arrived;
};

struct tcp_listener {
	struct binding binding; /* owner: this listener */
	struct tcp *tcp;
	struct readiness news;
	struct tcp_settings set;
	/* connections that may wait to be accepted, and one; SYN records: as many, at least 8, at most syns_max */
	unsigned backlog;
	struct pb_link waiting; /* struct tcp_conn: complete, in order of completion */
	unsigned waiting_count;
	struct pb_link syns; /* struct tcp_syn */
	unsigned syn_count;
	struct fast_open_queue fast_open;
	bool overflowed; /* cookies were sent, last at overflowed_at: only then is one believed */
	pb_time overflowed_at;
};

/* Whether a segment for l is signed as its keys want it. */
bool pb_tcp_listen_admits(const struct tcp_listener *l, const struct tcp_segment *s);
/* SEGMENT ARRIVES in LISTEN (§3.10.7.2), and for a SYN record. */
void pb_tcp_listen_input(struct tcp_listener *l, struct tcp_segment *s);
void pb_tcp_syn_input(struct tcp_syn *r, struct tcp_segment *s);
/* The user or the network ends a record. */
void pb_tcp_syn_drop(struct tcp_syn *r);

/* A caller that is silent for a minute is gone. */
static inline unsigned tcp_syn_ack_retries(const struct tcp *t)
{
	return t->limits.syn_ack_retries ? t->limits.syn_ack_retries : 5;
}

#endif
