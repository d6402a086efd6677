/*
 * A connection: its record, its states, its beginning and end (conn.c), and what a segment for it is handed on as.
 */
#ifndef PB_TRANSPORT_TCP_CONN_H
#define PB_TRANSPORT_TCP_CONN_H

#include "transport/error_queue.h"
#include "transport/tcp/congestion.h"
#include "transport/tcp/fast_open.h"
#include "transport/tcp/layer.h"
#include "transport/tcp/ooo.h"
#include "transport/tcp/paws.h"
#include "transport/tcp/push.h"
#include "transport/tcp/recvq.h"
#include "transport/tcp/rtt.h"
#include "transport/tcp/sendq.h"
#include "transport/tcp/seq.h"
#include "transport/tcp/settings.h"
#include "transport/tcp/tally.h"
#include "wire/tcp.h"

struct tcp_listener;
struct tcp_loss;
struct tcp_urgent;
struct tcp_plpmtud;
struct tcp_undo;
struct tcp_ecn;

/* Numbered as Linux numbers them in tcpi_state, so that nothing has to be translated. */
enum tcp_state {
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT,
	STATE_SYN_RECEIVED,
	STATE_FIN_WAIT_1,
	STATE_FIN_WAIT_2,
	STATE_TIME_WAIT,
	STATE_CLOSED,
	STATE_CLOSE_WAIT,
	STATE_LAST_ACK,
	STATE_LISTEN,
	STATE_CLOSING,
	STATE_COUNT
};

struct tcp_conn {
	struct pair_entry entry; /* kind: ENTRY_CONN. First, so that an entry is its conn */
	struct tcp *tcp;
	struct readiness news;   /* .owner: the socket; NULL: an orphan */
	struct pb_link pending;  /* on t->pending: has something to send */
	struct pb_link starving; /* on t->starving: there was no memory to send from */
	bool in_table;           /* t->pairs has it: not when the protocol is done, or is in TIME-WAIT */
	struct binding binding;  /* of the local port; accepted ones bind as connected, too */
	struct ip_path path;
	struct tcp_settings set;
	enum tcp_state state;
	int error; /* pending, as an errno; told once (SO_ERROR, or by a call) */
	int soft_error; /* what ICMP told of a peer that is given up for silent: better than ETIMEDOUT. 0: nothing */

	/* Send sequence space (RFC 9293 §3.3.1) */
	seq iss, snd_una, snd_nxt;
	seq snd_max; /* one past the highest ever sent: snd_nxt goes back on a time-out, this does not */
	seq snd_wl1, snd_wl2;
	seq snd_sml; /* one past the last segment that was shorter than it could be (Nagle, Minshall) */
	uint32_t snd_wnd, snd_wnd_max;
	uint8_t snd_scale, rcv_scale;
	struct sendq sendq;
	seq written_from; /* the text behind which the next write is put, to be one with it, begins here: user.c */
	struct tcp_push push;
	bool fin_alone; /* it left in a segment without text */
	bool fin_queued,
		fin_sent; /* the user has closed; FIN has been sent (it is at snd_una + sendq.bytes) */

	/* Receive sequence space */
	seq irs, rcv_nxt;
	seq rcv_adv; /* the right edge that was told: rcv_nxt + RCV.WND; never drawn back (SHLD-14) */
	struct recvq recvq;
	struct ooo ooo;
	bool fin_received; /* in order: the end of the stream is at rcv_nxt - 1 */
	bool fin_ahead;    /* FIN came, perhaps ahead of a gap: it is at fin_seq */
	seq fin_seq;
	bool receive_shut;               /* SHUT_RD */
	struct seq_range received_twice; /* to be told of, RFC 2883; empty: nothing */

	struct {
		uint32_t read; /* of the stream, when it began: its last 32 bits */
		pb_time began;
		uint32_t stamp; /* our timestamp then */
		uint32_t most;  /* read in any round before */
	} receive_round;        /* a round trip, in which is measured what is read: buffers.c */

	/* Options agreed on */
	bool has_timestamps, has_sack, has_scale;
	uint32_t ts_recent, ts_offset; /* RFC 7323 §4.3, §5.4: random offset of our clock */
	pb_time ts_recent_age;         /* when ts_recent was set: invalid after 24 days (§5.5) */
	struct tcp_paws paws;
	seq last_ack_sent; /* Last.ACK.sent (§4.3) */
	uint16_t mss; /* of text we may send in a segment: Eff.snd.MSS, RFC 9293 §3.7.1 (options taken off) */
	uint16_t peer_mss;   /* what the peer announced */
	uint16_t remote_uto; /* what it told of its user time-out: uto.c; 0: nothing */
	bool uto_due;        /* ours is to be told */

	/* Acknowledging */
	bool ack_now;            /* owe one at once */
	pb_time challenge_after; /* no challenge ACK before */
	uint8_t ack_segments;    /* with text, in order, not acknowledged yet */
	uint8_t ack_short;       /* of these, how many were shorter than others: 0, 1, or several */
	uint8_t quick_acks;      /* acknowledge so many at once: acks.c */
	bool converses;          /* text has come: what is sent soon after may be an answer */
	bool interactive;        /* it was, and so acknowledgements may wait for others */

	/* Losses and congestion */
	struct rtt rtt;
	struct tcp_congestion congestion;
	struct {
		struct pb_timer timer;
		pb_time ends;        /* the present piece's time */
		uint32_t left;       /* bytes of it */
		bool held;           /* what is to be sent waits, or has waited, for its time */
	} pace;                      /* pacing.c */
	struct tcp_loss *loss;       /* with SACK, while there is something to remember: loss.h */
	struct error_queue *errors;  /* what ICMP told of our SYN: error.c */
	struct tcp_urgent *urgent;   /* urgent data, either way: urgent.c */
	struct tcp_plpmtud *plpmtud; /* the path may take less than it says: plpmtud.h */
	struct tcp_undo *undo;       /* a recovery that may have been for nothing: undo.c */
	struct tcp_ecn *ecn;         /* with ECN: ecn.h */
	uint8_t reorder_quarters; /* RACK waits for late ones so many quarters of an RTT more than the first: rack.c */
	uint8_t reorder_spared; /* recoveries until it waits for one only */
	uint8_t dup_acks;       /* without SACK */
	bool in_recovery;
	bool in_timeout;    /* going back after a time-out, up to recover */
	seq recover;        /* RFC 6582 §3.1: one past what had been sent; starts as ISS */
	bool partial_acked; /* in this recovery: the timer is not put off again (RFC 6582 §3.2 step 3) */
	bool probing;       /* the retransmit timer is the persist timer now: timers.c */
	/* of the same segment in a row; also probes of a zero window or keepalives without answer */
	uint8_t retransmits;
	uint8_t keep_probes;
	pb_time last_received, last_sent;
	/* when the present silence began, for the user time-out; 0: there is none */
	pb_time first_retransmit;

	pb_time rto_from;           /* the RTO is counted from here */
	struct pb_timer retransmit; /* RTO, or persist when the peer's window is closed; see timers.c */
	struct pb_timer ack;        /* delayed acknowledgement */
	struct pb_timer keep; /* keepalive, or else falling asleep; in FIN-WAIT-2 without an owner: its end */

	struct fast_open *fast_open;    /* its handshake, if it is opened fast: fast_open.h */
	struct fast_opened fast_opened; /* how that went */
	bool orphaned;                  /* counted in t->orphans */
	struct tcp_listener *listener;  /* waits in its accept queue; NULL: accepted, or made by a call */
	struct pb_link waiting;         /* in that queue */

	struct tcp_tally tally;
	uint64_t bytes_acked, bytes_received, segments_out, segments_in, bytes_retransmitted;
	uint32_t total_retransmits;
	struct tcp_rate rate; /* rate.c */
};

/* A segment that came, as the files here hand it on. */
struct tcp_segment {
	struct ip_packet *packet;
	struct tcp_header h;
	seq seq, ack;
	uint32_t len; /* SEG.LEN: text, SYN and FIN */
	uint32_t text_len;
	uint32_t window;     /* SEG.WND, scaled */
	struct pb_buf *text; /* from the first byte of text on; NULL once somebody has taken it */
	/* It comes to a listener from a pair in TIME-WAIT: our ISS must be beyond the SND.NXT that this had */
	bool reopens;
	seq beyond;
};

/*
 * A connection in memory, in the table, with its path; state CLOSED. pair complete; binding moved in (bound
 * as connected).
 */
int pb_tcp_conn_new(struct tcp *t, const struct tcp_settings *set, const struct socket_pair *pair,
		    struct tcp_conn **c);
/*
 * The protocol is done: queues go, timers stop, the owner is told (error: 0 or errno); freed at once if there
 * is no owner.
 */
void pb_tcp_conn_done(struct tcp_conn *c, int error);
/*
 * Options and MSS as they were agreed on in the handshake; then Eff.snd.MSS and the congestion window's
 * start.
 */
void pb_tcp_conn_agree(struct tcp_conn *c, const struct tcp_options *peer);
/* The user has chosen another algorithm, perhaps. */
void pb_tcp_conn_congestion(struct tcp_conn *c);
/* Eff.snd.MSS anew, from peer_mss and the path's MTU: when that has changed. */
void pb_tcp_conn_fit(struct tcp_conn *c);
void pb_tcp_conn_memory_back(struct tcp *t, struct tcp_conn *c); /* for the next one */
/* Free what pb_tcp_conn_done() left for the owner, now that he has left, too; or all, without a word. */
void pb_tcp_conn_free(struct tcp_conn *c);
/* What each segment of c has beside the header: timestamp and signature. */
uint32_t pb_tcp_options_len(const struct tcp_conn *c);
/* Whether a timestamp leaves room for a SACK block beside a signature of so many bytes; as Linux, rather SACK. */
bool pb_tcp_timestamp_fits(size_t auth_len, bool sack);
/* What we announce: MSS for a path (RFC 9293 §3.7.1, RFC 6691), window scale for a buffer (RFC 7323 §2). */
uint32_t pb_tcp_headers_len(const struct ip_path *path); /* of IP and TCP, without options */
uint16_t pb_tcp_mss_announce(const struct tcp_settings *set, const struct ip_path *path);
uint8_t pb_tcp_scale_announce(uint32_t receive_buffer);

static inline pb_time tcp_now(const struct tcp_conn *c)
{
	return env_now(c->tcp->env);
}

static inline struct pb_counters *tcp_counters(const struct tcp_conn *c)
{
	return &c->tcp->env->counters;
}

/* Keys, or a signature, are to be looked at. */
static inline bool tcp_is_signed(const struct tcp_auth *auth, const struct tcp_segment *s)
{
	return auth || s->h.options.auth;
}

/* It has something to send: by the end of the batch. */
static inline void tcp_want_output(struct tcp_conn *c)
{
	if (list_empty(&c->pending))
		list_push(&c->tcp->pending, &c->pending);
}

/* Our SYN-ACK is not acknowledged, but the user has the connection already (RFC 7413). */
static inline bool tcp_is_early(const struct tcp_conn *c)
{
	return c->fast_open && c->fast_open->passive;
}

/* connect() has answered, but the SYN waits for text. */
static inline bool tcp_is_deferred(const struct tcp_conn *c)
{
	return c->fast_open && c->fast_open->deferred;
}

/* Our SYN is not acknowledged. */
static inline bool tcp_is_opening(const struct tcp_conn *c)
{
	return c->state == STATE_SYN_SENT || c->state == STATE_SYN_RECEIVED || tcp_is_early(c);
}

/* Nor may the user send or receive. */
static inline bool tcp_is_unopened(const struct tcp_conn *c)
{
	return c->state == STATE_SYN_SENT || (c->state == STATE_SYN_RECEIVED && !tcp_is_early(c));
}

static inline void tcp_tell(struct tcp_conn *c, int events)
{
	readiness_tell(&c->news, c->tcp->env, events);
}

/* The protocol's alone: nobody will read what comes, nor wait to be handed it. */
static inline bool tcp_is_orphan(const struct tcp_conn *c)
{
	return !c->news.owner && !c->listener;
}

static inline struct socket_pair *tcp_pair(struct tcp_conn *c)
{
	return &c->entry.pair;
}

#endif
