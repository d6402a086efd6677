/*
 * Congestion control behind a small interface: how much may be in flight. When something is lost, and what is
 * sent again, is recovery.c's. An algorithm keeps its state in the conn's union; the one that has much, behind a
 * pointer.
 */
#ifndef PB_TRANSPORT_TCP_CONGESTION_H
#define PB_TRANSPORT_TCP_CONGESTION_H

#include "transport/tcp/hystart.h"
#include "transport/tcp/rate.h"

#include <packetboat/time.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCP_CWND_MAX                                                                                         \
	((uint32_t)1 << 30) /* no window is larger (RFC 7323 §2.3); ssthresh: "arbitrarily high" */

struct tcp_congestion;
union tcp_cc_info; /* <linux/inet_diag.h> */

/* What an ACK of new bytes tells. */
struct tcp_ack {
	uint32_t acked;  /* bytes newly acknowledged */
	uint32_t flight; /* bytes that had been outstanding before */
	pb_time rtt;     /* the sample; 0: there is none */
	pb_time srtt;
};

struct tcp_congestion_ops {
	const char *name; /* as TCP_CONGESTION has it: "reno" */
	/*
	 * The connection is established, its maximum segment size known: set the initial window (RFC 6928,
	 * 5681).
	 */
	void (*start)(struct tcp_congestion *c, pb_time now);
	/* Not called in recovery. */
	void (*acked)(struct tcp_congestion *c, pb_time now, const struct tcp_ack *ack);
	/*
	 * Fast retransmit: a loss is found; flight bytes are outstanding. Sets ssthresh (and cwnd, which
	 * recovery then steers).
	 */
	void (*lost)(struct tcp_congestion *c, pb_time now, uint32_t flight);
	/* Recovery is over. */
	void (*recovered)(struct tcp_congestion *c, pb_time now);
	/* The retransmission timer went off; first: not yet for this flight (RFC 5681 §3.1, equation 4). */
	void (*timeout)(struct tcp_congestion *c, pb_time now, uint32_t flight, bool first);
	/*
	 * Nothing was sent for longer than the RTO (RFC 5681 §4.1); or, of one that models the path, nothing is in
	 * flight, and there was nothing to be sent. Now there is.
	 */
	void (*idle)(struct tcp_congestion *c, pb_time now);

	/*
	 * Of algorithms that model the path; NULL in others. Where there is sampled(), it comes with every ACK, also in
	 * a recovery, when losses have been judged, and sets the window and the pace; neither acked() nor PRR do. True:
	 * what is sent from now on is less than there could be, to find something out.
	 */
	bool (*sampled)(struct tcp_congestion *c, pb_time now, const struct rate_sample *s);
	/* Of what was sent at once, something is lost. Before lost() or timeout(). */
	void (*lost_sent)(struct tcp_congestion *c, pb_time now, const struct rate_loss *l);
	/* The latest lost() or timeout() was for nothing. */
	void (*undone)(struct tcp_congestion *c, pb_time now);
	/* What TCP_CC_INFO tells of it. How many bytes. NULL: nothing. */
	size_t (*info)(const struct tcp_congestion *c, union tcp_cc_info *info);
	/* Another takes its place, or the connection ends: memory goes back. */
	void (*end)(struct tcp_congestion *c);
};

struct bbr;

struct tcp_newreno_state {
	uint32_t acked; /* since the window last grew */
};

/* RFC 9438 §4.1. Windows in bytes. */
struct tcp_cubic_state {
	struct hystart hystart;
	pb_time epoch;   /* when this stage of congestion avoidance began; 0: it has yet to */
	pb_time updated; /* when the last ACK came */
	uint32_t k;      /* how long after epoch w_max is reached: 1/1024 s */
	uint32_t w_max;
	uint32_t w_est;
	uint32_t cwnd_prior;
	uint32_t acked; /* since the window last grew */
};

struct tcp_congestion {
	const struct tcp_congestion_ops *ops;
	uint32_t mss;            /* bytes of text in a full segment (SMSS) */
	uint32_t cwnd, ssthresh; /* bytes */
	uint64_t pace;           /* bytes a second; 0: what follows from the window */

	uint32_t
		round_left; /* bytes to be acknowledged until all is that was in flight when the round began */
	uint32_t
		used; /* the most that was in flight in this round, or the last in which something was sent */
	uint32_t remains;   /* in flight after the last ACK, if nothing was sent since */
	bool round_begins;  /* with the present ACK */
	bool after_timeout; /* in the slow start that follows one */
	bool keeps_window;  /* through a pause */
	bool paced;         /* what the window lets go does not leave in one burst */
	uint32_t chance;    /* random, for those who want it: before start() */
	pb_time validated;  /* when the window was last made use of (RFC 7661 §4.3) */

	union {
		struct tcp_newreno_state newreno;
		struct tcp_cubic_state cubic;
		struct bbr *bbr;
	};
};

extern const struct tcp_congestion_ops pb_tcp_newreno, pb_tcp_cubic, pb_tcp_bbr;

/* By its name; NULL: there is none. */
const struct tcp_congestion_ops *pb_tcp_congestion_find(const char *name, size_t len);

/*
 * -- congestion.c: what algorithms have in common
 */

uint32_t pb_tcp_initial_window(const struct tcp_congestion *c); /* RFC 6928 §2 */

/* The initial window, and everything else as it is before the first ACK. */
void pb_tcp_congestion_start(struct tcp_congestion *c, pb_time now);

/* Keeps count of rounds. True: the window is made use of, and may grow (RFC 7661 §4.3). */
bool pb_tcp_congestion_used(struct tcp_congestion *c, pb_time now, const struct tcp_ack *ack);

/* RFC 5681 §3.1, of bytes already divided by whatever slows it down. */
void pb_tcp_slow_start(struct tcp_congestion *c, uint32_t acked);

/* The loss window (RFC 5681 §3.1), and slow start from there. ssthresh is the algorithm's. */
void pb_tcp_congestion_collapse(struct tcp_congestion *c);

/* The restart window (RFC 5681 §4.1). */
void pb_tcp_congestion_restart(struct tcp_congestion *c, pb_time now);

#endif
