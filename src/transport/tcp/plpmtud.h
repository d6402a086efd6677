/*
 * Path MTU discovery by packetization layer (RFC 4821): how long packets may be, found out by sending some, where
 * routers drop what is too long without a word (black holes, RFC 2923). A connection has the state of a search only
 * once it has reason to: what it sent has vanished again and again, or the stack always searches.
 */
#ifndef PB_TRANSPORT_TCP_PLPMTUD_H
#define PB_TRANSPORT_TCP_PLPMTUD_H

#include "transport/tcp/seq.h"

#include <packetboat/time.h>

struct tcp_conn;

/* When a search begins: <packetboat/stack.h> has the same for users. */
enum plpmtud_mode { PLPMTUD_BLACK_HOLES, PLPMTUD_NEVER, PLPMTUD_ALWAYS };

/* Sizes are those of IP packets. */
struct tcp_plpmtud {
	uint32_t low,
		high; /* search_low, which all segments but probes keep to, and search_high (RFC 4821 §7.1) */
	uint32_t probe; /* the one in flight; 0: there is none */
	seq start, end; /* its text */
	pb_time begun;  /* when this search was */
};

#define PLPMTUD_WAIT UINT32_MAX /* a probe is next, as soon as there is room for it */

/* The search begins with the connection, if the stack is to search always. */
void pb_tcp_plpmtud_begin(struct tcp_conn *c);
void pb_tcp_plpmtud_free(struct tcp_conn *c);

/* Of a path's MTU, how much is known to arrive. */
uint32_t pb_tcp_plpmtud_fit(struct tcp_conn *c, uint32_t mtu);

/* One more RTO is over, and nothing arrives. If that may be because it is too long, what is sent becomes shorter. */
void pb_tcp_plpmtud_full_stop(struct tcp_conn *c);

/* The length of text to probe the path with, now; 0: none; or PLPMTUD_WAIT. Then, that it has left. */
uint32_t pb_tcp_plpmtud_due(struct tcp_conn *c);
void pb_tcp_plpmtud_sent(struct tcp_conn *c, seq start, uint32_t len);

/* SND.UNA has moved. */
void pb_tcp_plpmtud_acked(struct tcp_conn *c);
/* Something is lost. True: it was the probe alone, which tells of the path's MTU and not of congestion (§7.6.2). */
bool pb_tcp_plpmtud_lost(struct tcp_conn *c);
/* Something is sent again: what arrives now tells nothing of the probe (§7.6.3). */
void pb_tcp_plpmtud_resent(struct tcp_conn *c);

#endif
