/* Protection against wrapped sequence numbers: which timestamps are too old (RFC 7323 §5). */
#ifndef PB_TRANSPORT_TCP_PAWS_H
#define PB_TRANSPORT_TCP_PAWS_H

#include "transport/tcp/seq.h"

#include <packetboat/time.h>

struct tcp_conn;
struct tcp_segment;

struct tcp_paws {
	uint32_t oldest; /* that is not too old */
	uint32_t next;   /* what that is when more has come */
	seq at;          /* RCV.NXT when next was TS.Recent */
};

/* TS.Recent is this, and was set then; there is no gap. */
void pb_tcp_paws_begin(struct tcp_conn *c, uint32_t ts_recent, pb_time age);
/* §5.3 R1: the segment is not too old. */
bool pb_tcp_paws_admits(const struct tcp_conn *c, const struct tcp_segment *s);
/* §4.3 (2): TS.Recent may be that of s, which is acceptable. Its text has not been looked at. */
void pb_tcp_paws_keep(struct tcp_conn *c, const struct tcp_segment *s);

#endif
