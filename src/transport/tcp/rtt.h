/* How long a round trip takes, and how long to wait for an acknowledgement (rtt.c, RFC 6298). */
#ifndef PB_TRANSPORT_TCP_RTT_H
#define PB_TRANSPORT_TCP_RTT_H

#include "transport/tcp/seq.h"

#include <packetboat/time.h>

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

void pb_tcp_rtt_init(struct rtt *r);
void pb_tcp_rtt_sample(struct rtt *r, pb_time sample);
void pb_tcp_rtt_backoff(struct rtt *r);
void pb_tcp_rtt_restore(struct rtt *r);  /* the RTO without its backoff: what delayed was no loss */
void pb_tcp_rtt_syn_lost(struct rtt *r); /* RFC 6298 5.7: the handshake is done, but not at once */

#endif
