/*
 * Congestion control behind a small interface: how much may be in flight. When something is lost, and what is
 * sent again, is recovery.c's. An algorithm keeps its state in the conn's union; it allocates nothing.
 */
#ifndef PB_TRANSPORT_TCP_CONGESTION_H
#define PB_TRANSPORT_TCP_CONGESTION_H

#include <packetboat/time.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tcp_congestion;

struct tcp_congestion_ops {
	const char *name; /* as TCP_CONGESTION has it: "reno" */
	/*
	 * The connection is established, its maximum segment size known: set the initial window (RFC 6928,
	 * 5681).
	 */
	void (*start)(struct tcp_congestion *c, pb_time now);
	/*
	 * acked bytes are newly acknowledged, flight bytes having been outstanding before; rtt: the sample,
	 * or 0. Not called in recovery.
	 */
	void (*acked)(struct tcp_congestion *c, pb_time now, uint32_t acked, uint32_t flight, pb_time rtt);
	/*
	 * Fast retransmit: a loss is found; flight bytes are outstanding. Sets ssthresh (and cwnd, which
	 * recovery then steers).
	 */
	void (*lost)(struct tcp_congestion *c, pb_time now, uint32_t flight);
	/* Recovery is over. */
	void (*recovered)(struct tcp_congestion *c, pb_time now);
	/* The retransmission timer went off; first: not yet for this flight (RFC 5681 §3.1, equation 4). */
	void (*timeout)(struct tcp_congestion *c, pb_time now, uint32_t flight, bool first);
	/* Nothing was sent for longer than the RTO (RFC 5681 §4.1). */
	void (*idle)(struct tcp_congestion *c, pb_time now);
};

struct tcp_congestion {
	const struct tcp_congestion_ops *ops;
	uint32_t mss;            /* bytes of text in a full segment (SMSS) */
	uint32_t cwnd, ssthresh; /* bytes */
	uint64_t state[6];       /* the algorithm's own */
};

extern const struct tcp_congestion_ops pb_tcp_newreno;

/* By its name; NULL: there is none. */
const struct tcp_congestion_ops *pb_tcp_congestion_find(const char *name, size_t len);

#endif
