/*
 * What of TCP can be set: by a user for a connection, by who makes a stack for all; and the constants of both.
 */
#ifndef PB_TRANSPORT_TCP_SETTINGS_H
#define PB_TRANSPORT_TCP_SETTINGS_H

#include "transport/tcp/ecn.h"
#include "transport/tcp/plpmtud.h"
#include "wire/tcp.h"

#include <packetboat/time.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tcp_auth;
struct tcp_congestion_ops;

#define TCP_MSS_DEFAULT4     536  /* RFC 9293 MUST-15: of an IPv4 peer that says nothing */
#define TCP_MSS_DEFAULT6     1220 /* of an IPv6 peer */
#define TCP_WINDOW_SCALE_MAX 14   /* RFC 7323 §2.3 */
/* Text of a super-segment: with the largest headers it still is an IP packet (RFC 791 §3.1: 65535). */
#define TCP_SUPER_MAX (65535 - 60 - TCP_HEADER_LEN_MAX)

#define TCP_TIMESTAMP_OPTION 12 /* RFC 7323 appendix A: with two NOPs in front */
#define TCP_MSL                                                                                              \
	PB_SEC(30) /* RFC 9293 §3.4.2 says 2 minutes; Linux's TIME-WAIT of 60 s is 2 MSL of 30 s, and ours */

/* What the user has said of acknowledgements. */
enum tcp_acks { ACKS_AUTOMATIC, ACKS_AT_ONCE, ACKS_DELAYED };

/* What a user can set, inherited from a listener by what it accepts. */
struct tcp_settings {
	uint32_t send_buffer, receive_buffer; /* bytes of text; defaults below. They grow: buffers.c */
	bool send_fixed, receive_fixed;       /* by the user: they stay as they are */
	uint32_t notsent_lowat;   /* TCP_NOTSENT_LOWAT: text that may wait to be sent; 0: the stack's limit */
	uint32_t max_pacing_rate; /* bytes a second; 0: no limit but the path's */
	pb_time user_timeout; /* RFC 9293 §3.9.1; 0: none but the retransmission limit, or as agreed: uto.c */
	pb_time keep_idle, keep_interval; /* RFC 9293 §3.8.4: 2 h by default, 75 s */
	uint8_t keep_count;               /* 9 */
	bool keepalive, nodelay, cork;
	enum tcp_acks acks; /* TCP_QUICKACK */
	bool thin_linear;   /* TCP_THIN_LINEAR_TIMEOUTS */
	uint8_t defer_accept; /* TCP_DEFER_ACCEPT: after so many SYN-ACKs again a call needs no text to be accepted */
	uint32_t receive_lowat; /* SO_RCVLOWAT: fewer bytes are not worth telling */
	uint32_t peek_next;     /* SO_PEEK_OFF, and one: which byte MSG_PEEK reads next; 0: it is off */
	uint32_t window_clamp;  /* TCP_WINDOW_CLAMP; 0: none but the buffer */
	bool want_errors;       /* IP_RECVERR: what ICMP tells is an error at once */
	bool urgent_inline;     /* SO_OOBINLINE */
	bool fast_open_connect, fast_open_no_cookie; /* TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_NO_COOKIE */
	uint8_t syn_retries; /* 7: gives up after 247 s (RFC 9293 MUST-23: at least 3 minutes) */
	uint8_t ttl, tos;
	uint16_t max_segment;    /* TCP_MAXSEG; 0: by the path's MTU */
	uint16_t adv_uto;        /* PB_TCP_ADV_UTO, as the option has it: uto.c; 0: off */
	unsigned bound;          /* interface index; 0: any */
	pb_time linger_fin_wait; /* TCP_LINGER2: how long an orphan stays in FIN-WAIT-2; 60 s */
	const struct tcp_congestion_ops *congestion;
	struct tcp_auth *
		auth; /* keys to sign with, which pass to what listens or connects with them: auth.h. NULL: none */
};
extern const struct tcp_settings pb_tcp_settings_default;

#define TCP_RTO_MAX PB_SEC(120) /* RFC 6298 2.5: at least 60 s; Linux's */

/*
 * RFC 5961 §7 suggests ten in five seconds. For each connection alone: were the limit shared, others could count
 * (CVE-2016-5696).
 */
#define TCP_CHALLENGE_INTERVAL PB_MSEC(500)

#define TCP_DELAYED_ACK PB_MSEC(40) /* RFC 9293 §3.8.6.3: below 500 ms; Linux's least */
#define TCP_QUICK_ACKS  16          /* acknowledged at once at the beginning: Linux's TCP_MAX_QUICKACKS */

/* Text that is given at once: with a send buffer of it, it is not half of all sequence numbers (RFC 9293 §3.4). */
#define TCP_GIVE_MAX (1024 * 1024 * 1024)

#define TCP_SEND_BUFFER_DEFAULT    (128 * 1024)        /* to begin with */
#define TCP_RECEIVE_BUFFER_DEFAULT (128 * 1024)        /* Linux's tcp_rmem[1] */
#define TCP_BUFFER_SHORT           (64 * 1024)         /* what each may have when memory is short */
#define TCP_BUFFER_MIN             4608                /* Linux: SOCK_MIN_SNDBUF or like */
#define TCP_BUFFER_MAX             (256 * 1024 * 1024) /* SND.WND with scale 14 is below 1 GiB */

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
	bool takes_unstamped; /* segments without the timestamp that was agreed on, as Linux (RFC 7323 §3.2: SHOULD drop them) */
	bool keeps_window; /* through a pause in sending: Linux's tcp_slow_start_after_idle=0 (RFC 5681 §4.1: SHOULD NOT) */
	bool no_tail_probes, no_dsack, no_frto; /* of RFC 8985 §7, of RFC 2883, of RFC 5682 */
	uint8_t retries,
		syn_ack_retries; /* before giving up; 0: 15, 5 (Linux's tcp_retries2, tcp_synack_retries) */
	bool probes_empty; /* a closed window is probed as by a keepalive, as on Linux, without a byte of text */
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

#endif
