/*
 * TCP (RFC 9293): the connection record and what the files of this directory give each other.
 *
 *   tcp.c        the layer: who gets a segment            user.c      the calls of §3.10.1-6
 *   state.c      the states, their diagram and table      conn.c      a connection's memory, its beginning and end
 *   input.c      SEGMENT ARRIVES, §3.10.7.4               listen.c    listeners, SYN records; cookie.c  SYN cookies
 *   syn_sent.c   SEGMENT ARRIVES in SYN-SENT, §3.10.7.3   timewait.c  TIME-WAIT
 *   text.c       text and FIN, §3.10.7.4 sixth to eighth   idle.c      connections that sleep
 *   recvq.c      text in order; ooo.c  text that is not   isn.c       initial sequence numbers, RFC 6528
 *   reset.c      resets and challenge ACKs                info.c      TCP_INFO
 *   error.c      what ICMP tells                          sendq.c     text to send and sent, by reference
 *   push.c       where PSH is                             tally.c     what is counted for TCP_INFO
 *   output.c     what to send now                         window.c    the windows, both ways
 *   recovery.c   what acknowledgements say of losses      rtt.c       RTT and RTO, RFC 6298
 *   rack.c       losses found by time, RFC 8985           tail.c      probes of the tail, RFC 8985
 *   loss.c       the record of a flight with SACK         fast_retransmit.c  losses found by counting, without SACK
 *   scoreboard.c what became of what is in flight         send_times.c       when it was sent
 *   undo.c       recoveries that were for nothing: RFC 5682, 3522, 4015
 *   ecn.c        marks in place of losses, RFC 3168        ecn_setup.c  and who agrees on them
 *   accecn.c     more accurate feedback of marks, RFC 9768
 *   prr.c        the window in a recovery, RFC 9937       sack.c      the blocks that we send, RFC 2018
 *   timers.c     retransmit, persist, delayed ACK, keepalive, user time-out
 *   fast_open.c  text in the SYN, RFC 7413: fast_open.h
 *   buffers.c    how large buffers are                    pacing.c    how much leaves at once
 *   plpmtud.c    how long segments may be, RFC 4821       urgent.c    urgent data, RFC 6093
 *   auth.c       signed segments, RFC 2385, RFC 5925: keys in auth_keys.c, MACs in auth_mac.c and ao_algorithm.c
 *   congestion.c how much may be in flight: cubic.c (RFC 9438) with hystart.c (RFC 9406), newreno.c (RFC 5681),
 *                bbr.c with bbr_model.c and bbr_cycle.c (draft-ietf-ccwg-bbr)    rate.c  how fast it is delivered
 *
 * A segment climbs: pb_tcp_input() finds whose it is, walks the RFC's list, and leaves the connection on
 * t->pending if it has something to say. pb_tcp_flush(), called by the stack once a batch, says it: so one
 * acknowledgement answers a batch, and what the application answers at once can carry it. News for the
 * application climb as readiness (base/env.h).
 *
 * Life: a connection belongs to its owner (the socket) and to the protocol. It is freed when both have done
 * with it: the owner by pb_tcp_close(), the protocol by reaching CLOSED. In TIME-WAIT the protocol's half is
 * a record of its own. While it is silent, all of it is: the owner keeps the pair's entry, which is one or the other,
 * and wakes it (pb_tcp_awake()) for what needs a connection.
 */
#ifndef PB_TRANSPORT_TCP_TCP_H
#define PB_TRANSPORT_TCP_TCP_H

#include "net/internet.h"
#include "transport/error_queue.h"
#include "transport/pairs.h"
#include "transport/ports.h"
#include "transport/tcp/congestion.h"
#include "transport/tcp/ecn.h"
#include "transport/tcp/fast_open.h"
#include "transport/tcp/loss.h"
#include "transport/tcp/plpmtud.h"
#include "transport/tcp/push.h"
#include "transport/tcp/seq.h"
#include "transport/tcp/tally.h"
#include "wire/ecn.h"
#include "wire/tcp.h"

#include <poll.h>
#include <sys/uio.h>

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

/* What a pair_entry is part of (pair_entry.kind). */
enum tcp_entry_kind { ENTRY_CONN, ENTRY_SYN, ENTRY_TIME_WAIT, ENTRY_IDLE };

#define TCP_MSS_DEFAULT4     536  /* RFC 9293 MUST-15: of an IPv4 peer that says nothing */
#define TCP_MSS_DEFAULT6     1220 /* of an IPv6 peer */
#define TCP_WINDOW_SCALE_MAX 14   /* RFC 7323 §2.3 */
/* Text of a super-segment: with the largest headers it still is an IP packet (RFC 791 §3.1: 65535). */
#define TCP_SUPER_MAX (65535 - 60 - TCP_HEADER_LEN_MAX)

#define TCP_TIMESTAMP_OPTION 12 /* RFC 7323 appendix A: with two NOPs in front */
#define TCP_MSL                                                                                              \
	PB_SEC(30) /* RFC 9293 §3.4.2 says 2 minutes; Linux's TIME-WAIT of 60 s is 2 MSL of 30 s, and ours */

/* What a user can set, inherited from a listener by what it accepts. */
struct tcp_auth;
struct tcp_settings {
	uint32_t send_buffer, receive_buffer; /* bytes of text; defaults below. They grow: buffers.c */
	bool send_fixed, receive_fixed;       /* by the user: they stay as they are */
	uint32_t notsent_lowat;   /* TCP_NOTSENT_LOWAT: text that may wait to be sent; 0: the stack's limit */
	uint32_t max_pacing_rate; /* bytes a second; 0: no limit but the path's */
	pb_time user_timeout;     /* RFC 9293 §3.9.1, RFC 5482; 0: none but the retransmission limit */
	pb_time keep_idle, keep_interval; /* RFC 9293 §3.8.4: 2 h by default, 75 s */
	uint8_t keep_count;               /* 9 */
	bool keepalive, nodelay, cork, quickack;
	bool thin_linear; /* TCP_THIN_LINEAR_TIMEOUTS */
	uint8_t defer_accept; /* TCP_DEFER_ACCEPT: after so many SYN-ACKs again a call needs no text to be accepted */
	uint32_t receive_lowat;                      /* SO_RCVLOWAT: fewer bytes are not worth telling */
	uint32_t window_clamp;                       /* TCP_WINDOW_CLAMP; 0: none but the buffer */
	bool want_errors;                            /* IP_RECVERR: what ICMP tells is an error at once */
	bool urgent_inline;                          /* SO_OOBINLINE */
	bool fast_open_connect, fast_open_no_cookie; /* TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_NO_COOKIE */
	uint8_t syn_retries; /* 7: gives up after 247 s (RFC 9293 MUST-23: at least 3 minutes) */
	uint8_t ttl, tos;
	uint16_t max_segment;    /* TCP_MAXSEG; 0: by the path's MTU */
	unsigned bound;          /* interface index; 0: any */
	pb_time linger_fin_wait; /* TCP_LINGER2: how long an orphan stays in FIN-WAIT-2; 60 s */
	const struct tcp_congestion_ops *congestion;
	struct tcp_auth *
		auth; /* keys to sign with, which pass to what listens or connects with them: auth.h. NULL: none */
};
extern const struct tcp_settings pb_tcp_settings_default;

#define TCP_RTO_MAX PB_SEC(120) /* RFC 6298 2.5: at least 60 s; Linux's */

#define TCP_DELAYED_ACK PB_MSEC(40) /* RFC 9293 §3.8.6.3: below 500 ms; Linux's least */
#define TCP_QUICK_ACKS  10 /* acknowledged at once at the beginning, so that the peer's window opens fast */

/* Text is written into blocks of this size, and into larger ones where they will be filled. */
#define TCP_PART_SMALL 2048

/* Text that is given at once: with a send buffer of it, it is not half of all sequence numbers (RFC 9293 §3.4). */
#define TCP_GIVE_MAX (1024 * 1024 * 1024)

#define TCP_SEND_BUFFER_DEFAULT    (128 * 1024)        /* to begin with */
#define TCP_RECEIVE_BUFFER_DEFAULT (128 * 1024)        /* Linux's tcp_rmem[1] */
#define TCP_BUFFER_SHORT           (64 * 1024)         /* what each may have when memory is short */
#define TCP_BUFFER_MIN             4608                /* Linux: SOCK_MIN_SNDBUF or like */
#define TCP_BUFFER_MAX             (256 * 1024 * 1024) /* SND.WND with scale 14 is below 1 GiB */

/* Text to be sent and not yet acknowledged: from SND.UNA on, kept as the buffers it was given in. */
struct sendq {
	struct pb_buf *first, *last; /* parts in a row (->more); first begins at SND.UNA's text */
	uint32_t bytes;              /* in all */
	uint32_t records;            /* that end in it (MSG_EOR) */
	struct pb_buf *cursor; /* the part in which the next unsent byte is, to find it at once; NULL: none */
	uint32_t cursor_offset; /* of cursor's first byte from the beginning of the queue */
};

/* Text received in order, not yet read. */
struct recvq {
	struct pb_buf_queue packets;
};

/* Text received ahead of a gap, in ranges: sorted, apart from each other, bounded. */
struct ooo {
	struct ooo_range *first;
	struct ooo_range *latest; /* the one last heard of */
	struct ooo_range *root;   /* of the tree in which one is found */
	uint32_t bytes, ranges, packets;
};

struct rtt {
	pb_time srtt, rttvar; /* 0: no sample yet */
	pb_time rto;          /* with the backoff in it */
	pb_time min;
	/* without timestamps: when the segment that ends at timed_seq left; 0: none is timed (Karn) */
	pb_time timed_at;
	seq timed_seq;
	uint32_t resent; /* our timestamp when something was last sent again: older echoes time nothing */
	uint8_t backoff; /* doublings since the last good sample */
};

/* Urgent data: a mark in what is sent, or in what comes. */
struct tcp_urgent {
	bool sending;
	seq up;   /* SND.UP: one past what is urgent */
	seq mark; /* of what comes, the last urgent byte */
	enum { URGENT_NONE, URGENT_TO_COME, URGENT_HERE, URGENT_FETCHED } in;
	uint8_t byte;
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
	seq last_ack_sent;             /* Last.ACK.sent (§4.3) */
	uint16_t mss; /* of text we may send in a segment: Eff.snd.MSS, RFC 9293 §3.7.1 (options taken off) */
	uint16_t peer_mss; /* what the peer announced */

	/* Acknowledging */
	bool ack_now;            /* owe one at once */
	pb_time challenge_after; /* no challenge ACK before */
	uint8_t ack_segments;    /* full-sized segments not acknowledged yet: two are acknowledged at once */
	uint8_t quick_acks;      /* acknowledge so many at once: at the beginning, after a gap, (SHLD-18) */

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
	uint16_t mss, window;
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
	struct tcp_auth *auth; /* the connection's keys; NULL: none */
};

/*
 * A connection that sleeps: established, and nothing under way or to be done. What follows from that is not kept,
 * nor what a silence makes worthless; what most connections have alike is shared.
 */
struct tcp_idle {
	struct pair_entry entry; /* kind: ENTRY_IDLE. First */
	void *owner;
	struct tcp_idle_traits *traits; /* shared */
	struct tcp_idle_port *port;     /* keeps the local port; shared */
	seq snd_una, rcv_nxt, rcv_adv;
	uint32_t snd_wnd, snd_wnd_max;
	uint32_t ts_recent;
	uint32_t srtt, rttvar, rtt_min; /* microseconds; longer ones are as long as fits */
	uint32_t cwnd, ssthresh;
	uint32_t last_received, last_sent; /* seconds */
	uint32_t segments_out, segments_in, total_retransmits;
	uint64_t bytes_acked, bytes_received, bytes_retransmitted;
};

#define TCP_IDLE_PORTS 256

/* What those who sleep share. */
struct tcp_idle_shared {
	struct pb_link traits;                        /* struct tcp_idle_traits, the last used first */
	struct tcp_idle_port *recent[TCP_IDLE_PORTS]; /* by their port and address */
};

struct tcp_limits {
	size_t connections_max; /* pairs in the table; default 1,048,576 */
	size_t time_waits_max;  /* default 262,144 (Linux: tcp_max_tw_buckets); beyond it they end at once */
	size_t syns_max;        /* SYN records of one listener; default 4096 */
	size_t orphans_max;     /* connections without an owner; default 65,536; beyond it they are reset */
	/* What a connection's buffers may grow to, where the user has not said: half of the memory, at most 256 MiB */
	size_t send_buffer_max, receive_buffer_max;
	bool no_scaling, no_timestamps, no_sack; /* neither offered nor taken up */
	bool unpaced;                            /* whole windows leave at once */
	/*
	 * Super-segments are of a millisecond's worth, and of so many segments at least, and end where PSH is, as on Linux;
	 * 0: they are as long as they can be.
	 */
	uint16_t burst_min;
	/* Slow start opens the window by all that an ACK acknowledges, paced or not, as Linux's (RFC 9406 §4.3: 8 segments) */
	bool steep_slow_start;
	uint32_t
		notsent_lowat; /* of text that waits to be sent, no more is taken; 0: no limit but the buffer's */
	enum plpmtud_mode mtu_probing;
	uint16_t base_mss;                     /* what a search begins with; 0: what the family allows */
	enum ecn_kind ecn_accepted, ecn_asked; /* of callers; for calls of our own */
	pb_time idle_after; /* so long a silence puts a connection to sleep; default 5 s; PB_NEVER: none */
	unsigned fast_open; /* enum fast_open_mode, or-ed; default client and server */
	bool no_fast_open;  /* none of it */
	size_t fast_open_peers_max; /* servers whose cookies are kept; default 1024 */
	pb_time fast_open_pause;    /* where it fails, at first; default 60 s; PB_NEVER: none */
};

struct tcp {
	struct env *env;
	struct internet *net;
	struct pairs pairs;
	struct ports ports;
	struct tcp_limits limits;
	struct pb_link pending; /* struct tcp_conn: to be flushed */
	struct pb_link time_waits;
	size_t time_wait_count;
	struct tcp_conn *spare; /* memory of connections that have ended, for the next: entry.next leads on */
	unsigned spare_count;
	size_t orphans;
	size_t memory_ample;     /* bytes of the pool in use; beyond it, memory is short: buffers.c */
	bool memory_short;       /* it was when output was last flushed */
	struct pb_link starving; /* struct tcp_conn */
	struct pb_timer starving_timer;
	struct pb_timer time_wait_timer;
	struct tcp_idle_shared idle;
	/*
	 * Where in an owner the entry of his connection is kept (offsetof): it is another when that falls asleep or
	 * wakes. 0: he keeps it elsewhere, and it does not sleep.
	 */
	size_t owner_entry;
	struct pb_siphash_key secret_key, cookie_key, fast_open_secret;
	struct fast_open_keys fast_open_keys; /* given; none: they follow from the secret */
	struct fast_open_peers fast_open_peers;
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
 * -- tcp.c: the layer
 * ------------------------------------------------------------------------------------------------
 */

int pb_tcp_new(struct env *env, struct internet *net, const struct tcp_limits *limits, struct tcp **t);
void pb_tcp_free(struct tcp *t); /* every owner has closed; what lives on is dropped without a word */

/* A segment; takes packet->buf. Bad ones are dropped and counted, strays answered with a reset. */
void pb_tcp_input(struct tcp *t, struct ip_packet *packet);

/*
 * Send what input and users have left to be sent. The stack calls it after each batch of frames and before it
 * sleeps.
 */
void pb_tcp_flush(struct tcp *t);

static inline bool pb_tcp_has_pending(const struct tcp *t)
{
	return !list_empty(&t->pending);
}

/* What ICMP tells of a segment of ours (RFC 5927: believed only if its sequence number is in flight). */
void pb_tcp_complaint(struct tcp *t, const struct ip_error *e);

/* Everything that netstat shows: listeners, SYN records, connections, TIME-WAITs. */
struct tcp_entry_info {
	struct socket_pair pair;
	enum tcp_state state;
	uint32_t receive_queue,
		/* as ss(8) has them: bytes unread, bytes unacknowledged; listener: waiting, backlog */
		send_queue;
	void *owner;
};
void pb_tcp_each(struct tcp *t, void (*fn)(const struct tcp_entry_info *i, void *context), void *context);

/* Send a segment that no connection sends, to a pair's peer: a header without ports and checksum. by: who signs it. */
struct tcp_party;
void pb_tcp_answer(struct tcp *t, const struct socket_pair *pair, unsigned bound, struct tcp_header *h,
		   uint8_t tos, const struct tcp_party *by);

/*
 * -- user.c: the calls
 * -----------------------------------------------------------------------------------------------
 */

/*
 * OPEN, active (§3.10.1). local: a binding already made (its port is kept), or NULL: address and ephemeral
 * port are chosen. 0 and *c in SYN-SENT, its SYN sent; -ENETUNREACH, -EADDRNOTAVAIL (the pair is taken, or all
 * ports are), -ENOBUFS.
 */
int pb_tcp_connect(struct tcp *t, const struct tcp_settings *set, struct binding *local, const struct ip *to,
		   uint16_t port, void *owner, struct tcp_conn **c);

/*
 * OPEN whose SYN waits for the first text, which it will carry (RFC 7413). -EOPNOTSUPP: this is off. pb_tcp_connect()
 * does the same where set->fast_open_connect asks for it and there is a cookie.
 */
int pb_tcp_connect_fast(struct tcp *t, const struct tcp_settings *set, struct binding *local,
			const struct ip *to, uint16_t port, void *owner, struct tcp_conn **c);

/*
 * SEND. Copies. Bytes taken; -EAGAIN, -EPIPE, or the pending error. flags: MSG_MORE, hold back what does not fill a
 * segment; MSG_EOR, what comes after this shares no segment with it; MSG_OOB, the last byte taken is urgent.
 * Where the SYN waits: what fits into it; -EINPROGRESS: it left with nothing.
 */
ssize_t pb_tcp_send(struct tcp_conn *c, const struct iovec *iov, size_t iovcnt, int flags);

/* What waits for more to come leaves, although it is less than a segment (TCP_NODELAY is set, TCP_CORK or not). */
void pb_tcp_push(struct tcp_conn *c);

/*
 * SEND without a copy: takes text on success (0), all of it; -EAGAIN when the buffer is full, -EMSGSIZE beyond
 * TCP_GIVE_MAX: text stays the caller's.
 */
int pb_tcp_give(struct tcp_conn *c, struct pb_buf *text);

/* RECEIVE. Bytes; 0: the end; -EAGAIN; the pending error. peek: they stay. */
ssize_t pb_tcp_receive(struct tcp_conn *c, const struct iovec *iov, size_t iovcnt, bool peek);

/*
 * RECEIVE without a copy: the next packet of text, handed over; NULL and *why: 0 the end, -EAGAIN, or the
 * pending error.
 */
struct pb_buf *pb_tcp_take(struct tcp_conn *c, int *why);

/*
 * Half a CLOSE: SHUT_WR queues FIN; SHUT_RD: what comes from now on is acknowledged and dropped, as Linux
 * does. 0, -ENOTCONN.
 */
int pb_tcp_shutdown(struct tcp_conn *c, int how);

/*
 * CLOSE: the owner leaves; the connection is gone for it. Unread text, or reset: it is aborted with RST (RFC
 * 2525 §2.17).
 */
void pb_tcp_close(struct tcp_conn *c, bool reset);

/* ABORT: RST to the peer, error to the owner. */
void pb_tcp_abort(struct tcp_conn *c, int error);

/* What of POLLIN, POLLPRI, POLLOUT, POLLRDHUP, POLLHUP, POLLERR is true now, as Linux's tcp_poll(). */
int pb_tcp_ready(const struct tcp_conn *c);

/* New settings take effect (buffers, keepalive, nodelay, …): call after c->set was changed. */
void pb_tcp_settings_changed(struct tcp_conn *c);

/*
 * -- listen.c
 * --------------------------------------------------------------------------------------------------------
 */

/* The binding (bound already) moves into the listener. 0 and *l; -EADDRINUSE. */
int pb_tcp_listen(struct tcp *t, const struct tcp_settings *set, struct binding *local, unsigned backlog,
		  void *owner, struct tcp_listener **l);
void pb_tcp_listener_close(struct tcp_listener *l); /* those that wait to be accepted are reset */
struct tcp_conn *pb_tcp_accept(struct tcp_listener *l, void *owner); /* NULL: nobody waits */

/* Whether a segment for l is signed as its keys want it. */
bool pb_tcp_listen_admits(const struct tcp_listener *l, const struct tcp_segment *s);
/* SEGMENT ARRIVES in LISTEN (§3.10.7.2), and for a SYN record. */
void pb_tcp_listen_input(struct tcp_listener *l, struct tcp_segment *s);
void pb_tcp_syn_input(struct tcp_syn *r, struct tcp_segment *s);
/* The user or the network ends a record. */
void pb_tcp_syn_drop(struct tcp_syn *r);

/*
 * -- isn.c, cookie.c, timewait.c, conn.c, info.c
 * ---------------------------------------------------------------------
 */

/* A keyed hash of a pair: half of it hides sequence numbers, the other half timestamps. */
uint64_t pb_tcp_secret(const struct tcp *t, const struct socket_pair *pair);
seq pb_tcp_isn(const struct tcp *t, uint64_t secret); /* RFC 6528 §3 */
uint32_t pb_tcp_timestamp_offset(uint64_t secret);    /* RFC 7323 §5.4 */
/* Our clock now. RFC 7323 §5.4: a tick of 1 ms to 1 s; 1 ms measures best. */
static inline uint32_t pb_tcp_timestamp(const struct tcp *t, uint32_t offset)
{
	return (uint32_t)(env_now(t->env) / PB_MSEC(1)) + offset;
}

#define TCP_COOKIE_PERIOD PB_SEC(64) /* a cookie is good in the period that it was made in, and the next */
/* A cookie for a SYN (RFC 4987 §3.6): the ISS to answer with; and what an ACK that may carry one restores. */
seq pb_tcp_cookie(const struct tcp *t, const struct socket_pair *pair, seq irs, uint16_t mss);
bool pb_tcp_cookie_check(const struct tcp *t, const struct socket_pair *pair, seq irs, seq cookie,
			 uint16_t *mss);
/* The timestamp of a SYN-ACK with a cookie, which keeps the other options; what its echo restores of them. */
uint32_t pb_tcp_cookie_timestamp(const struct tcp *t, const struct tcp_syn *r);
void pb_tcp_cookie_options(struct tcp_syn *r, uint32_t echo);

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
#define TCP_ISS_STEP 65537 /* beyond all that was sent before from a pair; Linux's, too */

/*
 * idle.c. Put c to sleep: c is gone, its owner has been told where it is now. False: something is to be done, or
 * there is no memory.
 */
bool pb_tcp_idle_enter(struct tcp_conn *c);
/* And wake it. NULL: there is no memory, it sleeps on. */
struct tcp_conn *pb_tcp_idle_wake(struct tcp *t, struct tcp_idle *i);
/* What it would be, awake, in room: to look at. */
void pb_tcp_idle_look(struct tcp *t, const struct tcp_idle *i, struct tcp_conn *room);
/* Its owner leaves, and there is no memory to close it as it should be: the peer is told with RST. */
void pb_tcp_idle_abort(struct tcp *t, struct tcp_idle *i);
void pb_tcp_idle_drop(struct tcp *t, struct tcp_idle *i); /* without a word */

/*
 * A connection in memory, in the table, with its path; state CLOSED. pair complete; binding moved in (bound
 * as connected).
 */
void pb_tcp_conn_memory_back(struct tcp *t, struct tcp_conn *c);
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
/* Free what pb_tcp_conn_done() left for the owner, now that he has left, too; or all, without a word. */
void pb_tcp_conn_free(struct tcp_conn *c);
/* What each segment of c has beside the header: timestamp and signature. */
uint32_t pb_tcp_options_len(const struct tcp_conn *c);
/* Whether a timestamp leaves room for a SACK block beside a signature of so many bytes; as Linux, rather SACK. */
bool pb_tcp_timestamp_fits(size_t auth_len, bool sack);
struct tcp_info;
void pb_tcp_info(const struct tcp_conn *c, struct tcp_info *info);
/* What we announce: MSS for a path (RFC 9293 §3.7.1, RFC 6691), window scale for a buffer (RFC 7323 §2). */
uint32_t pb_tcp_headers_len(const struct ip_path *path); /* of IP and TCP, without options */
uint16_t pb_tcp_mss_announce(const struct tcp_settings *set, const struct ip_path *path);
uint8_t pb_tcp_scale_announce(uint32_t receive_buffer);

/*
 * -- state.c, input.c, text.c, syn_sent.c, recvq.c, ooo.c, reset.c, error.c
 * --------------------------------------------------
 */

const char *pb_tcp_state_name(enum tcp_state state); /* as the RFC writes them: "SYN-RECEIVED" */
/* Asserts that the diagram has the way. Into CLOSED it counts AttemptFails and EstabResets. */
void pb_tcp_set_state(struct tcp_conn *c, enum tcp_state to);

void pb_tcp_conn_input(struct tcp_conn *c,
		       struct tcp_segment *s); /* any synchronized state; SYN-SENT goes to: */
void pb_tcp_syn_sent_input(struct tcp_conn *c, struct tcp_segment *s);
/* Our SYN is acknowledged by s: ESTABLISHED, or FIN-WAIT-1 if the user has closed before. */
void pb_tcp_established(struct tcp_conn *c, const struct tcp_segment *s);
/* Text and FIN of an acceptable segment. It may free c. */
void pb_tcp_text_input(struct tcp_conn *c, struct tcp_segment *s);
/* Text of a SYN, which the SYN-ACK will acknowledge (RFC 7413). */
void pb_tcp_text_of_syn(struct tcp_conn *c, struct tcp_segment *s);

void pb_tcp_recvq_push(struct recvq *q, struct pb_buf *text); /* takes it; small ones are copied together */
size_t pb_tcp_recvq_read(struct recvq *q, const struct iovec *iov, size_t iovcnt, bool peek);
/* Bytes from one on, at most most of them: they stay. How many. Then, that the first n are not wanted any more. */
size_t pb_tcp_recvq_copy(const struct recvq *q, size_t from, size_t most, const struct iovec *iov,
			 size_t iovcnt);
void pb_tcp_recvq_drop(struct recvq *q, size_t n);
void pb_tcp_recvq_clear(struct recvq *q);
/* Copy small text into the room behind last, and leave it the caller's. False: it is not small, or there is no room. */
bool pb_tcp_recvq_join(struct pb_buf *last, const struct pb_buf *text);

/*
 * Keep text that begins at start, ahead of RCV.NXT: takes it. False: nothing was kept (the bound, no memory, or
 * nothing is new in it).
 */
bool pb_tcp_ooo_insert(struct ooo *q, seq start, struct pb_buf *text);
/* What now follows rcv_nxt, handed over as a packet, cut to begin there; NULL: nothing. */
struct pb_buf *pb_tcp_ooo_take(struct ooo *q, seq rcv_nxt);
void pb_tcp_ooo_clear(struct ooo *q);
/* The first of len bytes at start, in a row, that are here already; empty: none is. */
struct seq_range pb_tcp_ooo_known(const struct ooo *q, seq start, uint32_t len);
/* The ranges last heard of, the latest first. How many; at most most. */
unsigned pb_tcp_ooo_latest(const struct ooo *q, struct seq_range *ranges, unsigned most);

/* §3.10.7.1: a segment that is nobody's, or as good as. by: who signs the reset. */
void pb_tcp_reset_stray(struct tcp *t, const struct tcp_segment *s, const struct tcp_party *by);
void pb_tcp_reset_peer(
	struct tcp_conn *c); /* an RST at SND.NXT, in states where RFC 9293 §3.10.5 wants one */
void pb_tcp_challenge(struct tcp_conn *c); /* RFC 5961: an ACK, rate-limited */
void pb_tcp_conn_complaint(struct tcp_conn *c, const struct ip_error *e, seq quoted);
struct returned *pb_tcp_take_returned(struct tcp_conn *c); /* for MSG_ERRQUEUE, handed over; NULL: none */
void pb_tcp_errors_free(struct tcp_conn *c);
/* What is in flight may have been too long: all of it again. No sign of congestion. */
void pb_tcp_send_shorter(struct tcp_conn *c);

/*
 * -- urgent.c. What takes a connection with urgent data only, c->urgent, says so
 */

void pb_tcp_urgent_mark(struct tcp_conn *c); /* what is queued, to its end; not if there is no memory */
void pb_tcp_urgent_write(const struct tcp_conn *c, struct tcp_header *h); /* c->urgent; h->seq is set */
void pb_tcp_urgent_acked(struct tcp_conn *c);                             /* c->urgent */
void pb_tcp_urgent_input(struct tcp_conn *c, const struct tcp_segment *s);
/* recv(MSG_OOB): 1; -EINVAL: there is none, or it was fetched; -EAGAIN: it is announced; 0: and will not come. */
int pb_tcp_urgent_receive(struct tcp_conn *c, uint8_t *byte, bool peek);
bool pb_tcp_urgent_at_mark(const struct tcp_conn *c);
size_t pb_tcp_urgent_readable(const struct tcp_conn *c); /* c->urgent */
size_t pb_tcp_urgent_read(struct tcp_conn *c, const struct iovec *iov, size_t iovcnt,
			  bool peek);                  /* c->urgent */
struct pb_buf *pb_tcp_urgent_take(struct tcp_conn *c); /* c->urgent */
void pb_tcp_urgent_free(struct tcp_conn *c);

/*
 * -- buffers.c, pacing.c
 */

/* What the receive buffer may grow to: the window scale has to reach so far (RFC 7323 §2.3). */
uint32_t pb_tcp_receive_buffer_most(const struct tcp *t, const struct tcp_settings *set);
void pb_tcp_receive_round_begin(struct tcp_conn *c);
void pb_tcp_receive_round_end(struct tcp_conn *c);
void pb_tcp_send_buffer_fit(struct tcp_conn *c);

/*
 * Whether text may have n bytes of the pool: an eighth is kept for headers, so that what windows promised and what
 * users write cannot stop it all.
 */
bool pb_tcp_memory_admits(const struct pb_pool *pool, size_t n);

/* Where a millisecond's worth is all of the window, ACKs come faster than timers. */
#define TCP_UNPACED_RTT PB_MSEC(1)

/* There was no memory for what the user wanted to send: he hears when there is again. */
void pb_tcp_starve(struct tcp_conn *c);
/* Some has come back, perhaps enough. */
void pb_tcp_starving_look(struct tcp_conn *c);
void pb_tcp_starving_init(struct tcp *t);

/* How many of the bytes wanted may leave now. 0: the timer will say when. */
uint32_t pb_tcp_pace(struct tcp_conn *c, uint32_t wanted);
uint64_t pb_tcp_pacing_rate(const struct tcp_conn *c); /* bytes a second; 0: no limit */
uint32_t pb_tcp_burst(const struct tcp_conn *c);       /* the longest super-segment, if they are bounded */

/*
 * -- rate.c
 */

/* What is to be remembered of what is about to leave; and of a flight that left in one go. */
struct send_record pb_tcp_rate_sent(struct tcp_conn *c, seq at, seq end);
struct send_record pb_tcp_rate_flight(const struct tcp_conn *c);
/*
 * Something was delivered, newest the latest sent of what was sent once (NULL: nothing was). SND.UNA has moved. What
 * is known here is in *s, which may be NULL.
 */
void pb_tcp_rate_sample(struct tcp_conn *c, const struct send_record *newest, struct rate_sample *s);
/* All up to SND.UNA was. Without SACK nobody knows what was sent again: after a loss there is no sample. */
void pb_tcp_rate_acked(struct tcp_conn *c, struct rate_sample *s);
/* Found lost, of what left with r; NULL: of what was sent again. */
void pb_tcp_rate_lost(struct tcp_conn *c, const struct send_record *r, uint32_t bytes);

/*
 * -- sendq.c, output.c, window.c, recovery.c, sack.c, rtt.c, timers.c
 * ---------------------------------------------------------
 */

/* A buffer for n bytes of text; for TCP_PART_SMALL where memory is short. NULL: it is out. */
struct pb_buf *pb_tcp_text_new(struct pb_pool *pool, size_t n);

/* Copies, without the first skip bytes. How many bytes it took: at most most, fewer when the pool is empty. */
size_t pb_tcp_sendq_write(struct sendq *q, struct pb_pool *pool, const struct iovec *iov, size_t iovcnt,
			  size_t skip, size_t most);
void pb_tcp_sendq_give(struct sendq *q, struct pb_buf *text);
/* What is in the queue does not share segments with what comes after it. */
void pb_tcp_sendq_end_record(struct sendq *q);
bool pb_tcp_sendq_is_open(const struct sendq *q); /* what is written now joins what is there */
/* How many of the bytes from offset on may share a segment; at most most. */
uint32_t pb_tcp_sendq_record(const struct sendq *q, uint32_t offset, uint32_t most);
/*
 * A packet with IP_HEADROOM + TCP_HEADER_LEN_MAX in front of len bytes of text from offset on, by reference
 * (copied if tiny). NULL: no memory.
 */
struct pb_buf *pb_tcp_sendq_segment(struct sendq *q, struct pb_pool *pool, uint32_t offset, uint32_t len);
void pb_tcp_sendq_acked(struct sendq *q, uint32_t bytes);
void pb_tcp_sendq_rewind(struct sendq *q); /* what is sent next is at the beginning again */
void pb_tcp_sendq_clear(struct sendq *q);

/*
 * Send all that may be sent now: text within both windows (Nagle, silly windows), FIN, an acknowledgement
 * that is owed.
 */
void pb_tcp_output(struct tcp_conn *c);
/* SYN, SYN-ACK, and again. The first time SND.NXT and SND.MAX move from ISS to ISS + 1. Arms the timer. */
void pb_tcp_send_syn(struct tcp_conn *c);
/* An ACK without text, now. */
void pb_tcp_send_ack(struct tcp_conn *c);
/* One that the peer has to answer: keepalive (RFC 9293 §3.8.4). */
void pb_tcp_send_keepalive(struct tcp_conn *c);
/* At most most bytes of text, and FIN, from offset at SND.UNA, whatever the congestion window: what is lost, probes. */
void pb_tcp_resend(struct tcp_conn *c, uint32_t offset, uint32_t most);
/*
 * A segment that no connection sends: resets, SYN-ACKs of records, ACKs of TIME-WAIT. h without checksum and signature,
 * which it gets. by: signs; NULL: nobody does.
 */
void pb_tcp_send_bare(struct tcp *t, struct ip_path *path, struct tcp_header *h, uint8_t tos,
		      const struct tcp_party *by);

uint32_t pb_tcp_window(
	const struct tcp_conn
		*c); /* RCV.WND to tell now: silly windows avoided (RFC 9293 §3.8.6.2.2), never drawn back */
bool pb_tcp_window_update_due(
	const struct tcp_conn *c); /* the user has read so much that the peer should hear of it */
void pb_tcp_window_take(
	struct tcp_conn *c,
	const struct tcp_segment *s); /* SND.WND from a segment (§3.10.7.4 fifth, WL1 and WL2) */

/* Our SYN is acknowledged: SND.UNA moves, and what is measured and counted begins. Then the state changes. */
void pb_tcp_syn_acked(struct tcp_conn *c, const struct tcp_segment *s);

/*
 * An acceptable ACK (SND.UNA =< SEG.ACK =< SND.MAX) in a synchronized state: queue, RTT, losses, congestion,
 * timers. To be called before pb_tcp_window_take(), since a duplicate is one that leaves the window as it is.
 */
void pb_tcp_ack_arrived(struct tcp_conn *c, const struct tcp_segment *s);

/* The peer's window was closed, or too small for what waited: it is no longer. */
void pb_tcp_window_opened(struct tcp_conn *c);
/* The RTO is over. What was in flight is lost; sending the first of it again is the caller's. */
void pb_tcp_timed_out(struct tcp_conn *c);
/* All that is in flight, and that the peer is not known to have, is to be sent again. */
void pb_tcp_send_all_again(struct tcp_conn *c);
/* RACK has waited for what is late. */
void pb_tcp_reordering_over(struct tcp_conn *c);

/* Without SACK: a duplicate ACK; in a recovery, an ACK of new bytes. */
void pb_tcp_fast_retransmit_duplicate(struct tcp_conn *c);
void pb_tcp_fast_retransmit_acked(struct tcp_conn *c, uint32_t acked);

/* c->loss, made if there is none. NULL: there is no memory, and from now on no SACK. */
struct tcp_loss *pb_tcp_loss_need(struct tcp_conn *c);
void pb_tcp_loss_done(
	struct tcp_conn *c); /* all has been acknowledged? Then it goes, unless it is still needed */
void pb_tcp_loss_quiet(struct tcp_conn *c); /* SND.UNA has moved, and nothing is amiss */
void pb_tcp_loss_free(struct tcp_conn *c);
struct scoreboard *pb_tcp_loss_board(struct tcp_conn *c);
bool pb_tcp_loss_mark(struct tcp_conn *c, struct board_range r);
void pb_tcp_loss_sent(struct tcp_conn *c, seq at, seq end); /* before SND.MAX and last_sent move */
void pb_tcp_loss_all(struct tcp_conn *c);
void pb_tcp_loss_resend(struct tcp_conn *c); /* what is lost, as the congestion window allows */
/* Of len bytes at offset, how many come before what the peer has. */
uint32_t pb_tcp_loss_hole(struct tcp_conn *c, uint32_t offset, uint32_t len);

/* RFC 8985 §6.2 in its steps: what an acknowledgement tells (1 to 3), the reordering window (4), losses (5). */
void pb_tcp_rack_deliver(struct tcp_conn *c, const struct tcp_segment *s, struct delivery *d);
void pb_tcp_rack_adapt(struct tcp_conn *c, const struct delivery *d);
uint32_t pb_tcp_rack_judge(struct tcp_conn *c); /* bytes found lost */
void pb_tcp_rack_recovered(struct tcp_conn *c);
void pb_tcp_rack_timed_out(struct tcp_conn *c);

/*
 * A loss, of so many bytes in flight: the window is reduced, unless marks in the same window have reduced it already.
 */
void pb_tcp_reduce(struct tcp_conn *c, uint32_t flight);

/* Before the congestion window is reduced; something is sent again. */
void pb_tcp_undo_begin(struct tcp_conn *c, bool timed_out);
void pb_tcp_undo_sent(struct tcp_conn *c, uint32_t len);
/* What an ACK tells, SND.UNA having moved or not. d: with SACK. True: it was for nothing, and is undone. */
bool pb_tcp_undo_judge(struct tcp_conn *c, const struct tcp_segment *s, const struct delivery *d, bool moved);
void pb_tcp_undo_over(struct tcp_conn *c); /* the recovery is; what comes twice may still tell */
void pb_tcp_undo_free(struct tcp_conn *c);

/*
 * -- ecn_setup.c: the handshake; c->ecn may be NULL.
 */

/* c->ecn, of a kind; NULL: ECN_NONE, or there is no memory. */
void pb_tcp_ecn_begin(struct tcp_conn *c, enum ecn_kind kind);
void pb_tcp_ecn_free(struct tcp_conn *c);
void pb_tcp_ecn_ask(struct tcp_conn *c);           /* if calls are to ask for ECN */
uint16_t pb_tcp_ecn_syn_flags(struct tcp_conn *c); /* of a SYN or SYN-ACK that is sent now */
void pb_tcp_ecn_agree(struct tcp_conn *c,
		      const struct tcp_segment *s); /* the peer's SYN or SYN-ACK, in SYN-SENT */
/* What is agreed to with a caller, and when he calls again (false: he is to be reset); how the SYN-ACK says so. */
struct ecn_call pb_tcp_ecn_called(const struct tcp *t, const struct tcp_segment *s);
bool pb_tcp_ecn_called_again(struct tcp_syn *r, const struct tcp_segment *s);
uint16_t pb_tcp_ecn_syn_ack_flags(const struct tcp_syn *r);
void pb_tcp_ecn_accept(struct tcp_conn *c, const struct tcp_syn *r); /* the connection that comes of it */
enum ecn_kind pb_tcp_ecn_of_cookie(const struct tcp *t, const struct tcp_segment *s, enum ecn_kind stamped);

/*
 * -- ecn.c: for a conn that has c->ecn.
 */

void pb_tcp_ecn_received(struct tcp_conn *c, const struct tcp_segment *s); /* an acceptable segment */
/* What a segment that leaves with len bytes of text at a number tells, into h; whether it may be marked, into tos. */
void pb_tcp_ecn_send(struct tcp_conn *c, seq at, uint32_t len, struct tcp_header *h, uint8_t *tos);
/* An ACK, of delivered bytes that were in flight. True: it tells of marks, and should open no window. */
bool pb_tcp_ecn_acked(struct tcp_conn *c, const struct tcp_segment *s, uint32_t delivered);
/* No super-segments: whoever cuts one takes a bit of ours for CWR, and clears it (RFC 9768 §3.3.4). */
static inline bool pb_tcp_ecn_uncut(const struct tcp_conn *c)
{
	return c->ecn->kind == ECN_ACCURATE && c->ecn->accurate.received.marks & (TCP_CWR / TCP_ECE);
}

void pb_tcp_ecn_steer(struct tcp_conn *c, uint32_t delivered); /* the window, while ecn->reducing */
void pb_tcp_ecn_reduced(
	struct tcp_conn *c); /* the window has been, for whatever reason; and that was for nothing */
void pb_tcp_ecn_undone(struct tcp_conn *c);
void pb_tcp_ecn_handshake_marked(struct tcp_conn *c);

/*
 * What a connection that sleeps keeps of it, into zeroes; and that restored (NULL: nothing). False: there is no
 * memory.
 */
void pb_tcp_ecn_asleep(const struct tcp_conn *c, struct tcp_ecn *kept);
bool pb_tcp_ecn_wake(struct tcp_conn *c, const struct tcp_ecn *kept);

/*
 * -- accecn.c: for a conn whose ECN is ECN_ACCURATE.
 */

uint16_t pb_accecn_greeting(enum ecn_codepoint codepoint); /* the flags that tell how a SYN or SYN-ACK came */
void pb_accecn_introduce(const struct tcp_syn *r, struct tcp_options *o); /* its SYN-ACK has the option */
uint16_t pb_tcp_accecn_ace(const struct tcp_conn *c);                     /* the flags that count */
void pb_tcp_accecn_init(struct accecn *a);
void pb_tcp_accecn_established(struct tcp_conn *c, const struct tcp_segment *s); /* s acknowledges our SYN */
void pb_tcp_accecn_syn_ack_again(struct tcp_conn *c, const struct tcp_segment *s);
void pb_tcp_accecn_received(struct tcp_conn *c, const struct tcp_segment *s);
void pb_tcp_accecn_send(struct tcp_conn *c, uint32_t len, struct tcp_header *h);
/* How many of the segments that an ACK delivers it says were marked. */
uint32_t pb_tcp_accecn_acked(struct tcp_conn *c, const struct tcp_segment *s, uint32_t delivered,
			     uint32_t segments);

/* When the tail is to be probed, after the last segment or ACK; PB_NEVER. */
pb_time pb_tcp_tail_timeout(const struct tcp_conn *c);
void pb_tcp_tail_probe(struct tcp_conn *c);
void pb_tcp_tail_acked(struct tcp_conn *c, const struct tcp_segment *s,
		       struct delivery *d); /* SND.UNA not moved yet */

/* The peer has sent len bytes at start again. */
void pb_tcp_sack_twice(struct tcp_conn *c, seq start, uint32_t len);
/* What of our blocks fits behind the other options, on a segment that acknowledges. */
void pb_tcp_sack_write(struct tcp_conn *c, struct tcp_options *o);

void pb_tcp_rtt_init(struct rtt *r);
void pb_tcp_rtt_sample(struct rtt *r, pb_time sample);
void pb_tcp_rtt_backoff(struct rtt *r);
void pb_tcp_rtt_restore(struct rtt *r);  /* the RTO without its backoff: what delayed was no loss */
void pb_tcp_rtt_syn_lost(struct rtt *r); /* RFC 6298 5.7: the handshake is done, but not at once */

void pb_tcp_timers_init(struct tcp_conn *c);
void pb_tcp_timers_stop(struct tcp_conn *c);
void pb_tcp_timers_sent(struct tcp_conn *c);    /* text, SYN or FIN has left, and nothing was in flight */
void pb_tcp_timers_blocked(struct tcp_conn *c); /* nothing is in flight, and what waits may not leave */
void pb_tcp_timers_acked(struct tcp_conn *c);   /* SND.UNA has moved */
void pb_tcp_timers_early(struct tcp_conn *c, pb_time after); /* before the RTO: look for losses, or probe */
void pb_tcp_timers_tail(struct tcp_conn *c);                 /* a second segment has left */
void pb_tcp_timers_ack_later(struct tcp_conn *c);            /* a delayed ACK is owed */
void pb_tcp_timers_heard(struct tcp_conn *c);                /* a segment came: silence begins anew */
/* Established, accepted, or keepalive was set: how long silence may last is counted from now on. */
void pb_tcp_timers_silence(struct tcp_conn *c);
void pb_tcp_timers_woken(struct tcp_conn *c);    /* it may sleep again, in time */
void pb_tcp_timers_orphaned(struct tcp_conn *c); /* in FIN-WAIT-2 without an owner */

/*
 * -- small helpers
 * ----------------------------------------------------------------------------------------------------
 */

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

/* Text that has never been sent. */
static inline uint32_t tcp_notsent(const struct tcp_conn *c)
{
	uint32_t sent = c->snd_max.v - c->snd_una.v;

	return sent < c->sendq.bytes ? c->sendq.bytes - sent : 0;
}

/* From so much on, no more is taken. */
static inline uint32_t tcp_notsent_max(const struct tcp_conn *c)
{
	uint32_t most = c->set.notsent_lowat ? c->set.notsent_lowat : c->tcp->limits.notsent_lowat;

	return most ? most : UINT32_MAX;
}

/*
 * There is room to send, and worth telling: as Linux, when half as much is free as is used, and less than half of
 * what may wait to be sent waits. A conn that was not writable and becomes so tells POLLOUT.
 */
static inline bool tcp_writable(const struct tcp_conn *c)
{
	if ((uint64_t)c->sendq.bytes * 3 > (uint64_t)c->set.send_buffer * 2)
		return false;
	return (uint64_t)tcp_notsent(c) * 2 < tcp_notsent_max(c);
}

/* The user may go on writing. */
static inline void tcp_tell_room(struct tcp_conn *c)
{
	tcp_tell(c, POLLOUT);
	if (c->tally.wants_room)
		pb_tcp_busy_end(c, BUSY_BUFFER);
	c->tally.wants_room = false;
}

/* Whether congestion control may count on what it lets go not leaving as one burst, or is to act as if. */
static inline bool tcp_is_paced(const struct tcp_conn *c)
{
	return !c->tcp->limits.unpaced || c->tcp->limits.steep_slow_start;
}

/* The protocol's alone: nobody will read what comes, nor wait to be handed it. */
static inline bool tcp_is_orphan(const struct tcp_conn *c)
{
	return !c->news.owner && !c->listener;
}

/* Something that is urgent has not been acknowledged. */
static inline bool tcp_sends_urgent(const struct tcp_conn *c)
{
	return c->urgent && c->urgent->sending;
}

/* Something to tell in blocks: what came ahead of a gap, or twice. */
static inline bool tcp_has_blocks(const struct tcp_conn *c)
{
	return c->has_sack && (c->ooo.first || !seq_eq(c->received_twice.start, c->received_twice.end));
}

/* The window that a SYN tells, as far as its field can say. */
static inline uint16_t tcp_syn_window(const struct tcp_settings *set)
{
	uint32_t window = set->receive_buffer;

	if (set->window_clamp && set->window_clamp < window)
		window = set->window_clamp;
	return (uint16_t)(window < UINT16_MAX ? window : UINT16_MAX);
}

/* What there is to read is worth telling. */
static inline bool tcp_readable(const struct tcp_conn *c)
{
	size_t bytes = c->urgent ? pb_tcp_urgent_readable(c) : c->recvq.packets.bytes;

	return bytes && bytes >= c->set.receive_lowat;
}

/* The receive buffer as it is now. */
static inline uint32_t tcp_receive_buffer(const struct tcp_conn *c)
{
	bool is_short = c->tcp->memory_short && c->set.receive_buffer > TCP_BUFFER_SHORT;

	return is_short ? TCP_BUFFER_SHORT : c->set.receive_buffer;
}

/*
 * Text in order has come. A round trip is over when the peer echoes what we sent since it began; without timestamps,
 * the handshake has told how long one takes.
 */
static inline void tcp_text_arrived(struct tcp_conn *c, const struct tcp_segment *s)
{
	bool over = c->has_timestamps ? (int32_t)(s->h.options.ts_echo - c->receive_round.stamp) > 0
				      : tcp_now(c) - c->receive_round.began >= c->rtt.srtt;

	if (over && !c->set.receive_fixed)
		pb_tcp_receive_round_end(c);
}

/* C.delivered: bytes that have arrived, acknowledged or SACKed. */
static inline uint32_t tcp_delivered(const struct tcp_conn *c)
{
	return (uint32_t)c->bytes_acked + (c->loss ? c->loss->board.bytes[RANGE_SACKED] : 0);
}

/* As pb_tcp_window_update_due(), where most of the time a peer knows of as much as a SYN can tell. */
static inline bool tcp_window_update_due(const struct tcp_conn *c)
{
	return seq_diff(c->rcv_adv, c->rcv_nxt) < UINT16_MAX && pb_tcp_window_update_due(c);
}

/* The congestion window may have grown. */
static inline void tcp_send_buffer_fit(struct tcp_conn *c)
{
	if (c->congestion.cwnd > c->set.send_buffer / 2 || c->tcp->memory_short)
		pb_tcp_send_buffer_fit(c);
}

/* How many of the bytes wanted may leave now. 0: the timer will say when. */
static inline uint32_t tcp_pace(struct tcp_conn *c, uint32_t wanted)
{
	return c->rtt.srtt < TCP_UNPACED_RTT && !c->set.max_pacing_rate ? wanted : pb_tcp_pace(c, wanted);
}

/* The longest super-segment; no longer than a segment where each is signed. */
static inline uint32_t tcp_super_max(const struct tcp_conn *c)
{
	if (c->set.auth)
		return c->mss;
	if (c->ecn && pb_tcp_ecn_uncut(c))
		return c->mss;
	if (c->tcp->limits.burst_min)
		return pb_tcp_burst(c);
	return c->mss > TCP_SUPER_MAX ? c->mss : TCP_SUPER_MAX;
}

/* So many bytes have left. */
static inline void tcp_paced(struct tcp_conn *c, uint32_t len)
{
	c->pace.left -= len < c->pace.left ? len : c->pace.left;
}

/* Sent and not acknowledged, in sequence numbers (SYN and FIN count). */
static inline uint32_t tcp_flight(const struct tcp_conn *c)
{
	return c->snd_nxt.v - c->snd_una.v;
}

/* Of this, what is not in the network any more: SACKed, or lost. */
static inline uint32_t tcp_left(const struct tcp_conn *c)
{
	return c->loss ? c->loss->board.bytes[RANGE_SACKED] + c->loss->board.bytes[RANGE_LOST] : 0;
}

/* And what is (RFC 6675 §4). */
static inline uint32_t tcp_pipe(const struct tcp_conn *c)
{
	uint32_t flight = tcp_flight(c), left = tcp_left(c);

	return flight > left ? flight - left : 0;
}

/* Less is sent than could be: what is in flight, and what follows it, says nothing of what the path takes. */
static inline void tcp_rate_limited(struct tcp_conn *c)
{
	uint32_t pipe = tcp_pipe(c);

	c->rate.limited = true;
	c->rate.limited_until = tcp_delivered(c) + (pipe ? pipe : 1);
}

/*
 * Before the application writes: had it nothing to send, though the window would have let it leave
 * (draft-ietf-ccwg-bbr-06 §4.1.2.4)? What is only sent again tells of no rate, and need not ask.
 */
static inline void tcp_check_limited(struct tcp_conn *c)
{
	if (c->sendq.bytes <= tcp_flight(c) && tcp_pipe(c) < c->congestion.cwnd &&
	    !(c->loss && c->loss->board.bytes[RANGE_LOST]))
		tcp_rate_limited(c);
}

/*
 * The number for a segment without text: SND.NXT, as far as it has got. Not beyond the window, or the peer would
 * not look at what it says (RFC 9293 §3.10.7.4, first). A scaled window is told in units, rounded down: by less than
 * one its edge may seem to be drawn back (RFC 7323 §2.4), and what had been sent up to it is in the window yet.
 */
static inline seq tcp_bare_seq(const struct tcp_conn *c)
{
	seq edge = seq_add(c->snd_una, c->snd_wnd);

	if (c->state == STATE_SYN_RECEIVED || seq_le(c->snd_max, edge))
		return c->snd_max;
	return c->snd_max.v - edge.v < UINT32_C(1) << c->snd_scale ? c->snd_max : edge;
}

static inline struct socket_pair *tcp_pair(struct tcp_conn *c)
{
	return &c->entry.pair;
}

static inline bool tcp_is_asleep(const struct pair_entry *e)
{
	return e->kind == ENTRY_IDLE;
}

/* The connection that an owner has, woken if it sleeps. NULL: there is no memory for that. */
static inline struct tcp_conn *pb_tcp_awake(struct tcp *t, struct pair_entry *e)
{
	return tcp_is_asleep(e) ? pb_tcp_idle_wake(t, (struct tcp_idle *)e) : (struct tcp_conn *)e;
}

#endif
