/*
 * Explicit congestion notification (RFC 3168) of one connection. A connection has none of this unless ECN was asked
 * for; it stays only where the peer takes part.
 */
#ifndef PB_TRANSPORT_TCP_ECN_H
#define PB_TRANSPORT_TCP_ECN_H

#include "transport/tcp/prr.h"
#include "transport/tcp/seq.h"

#include <stdbool.h>
#include <stdint.h>

/* How the receiver tells of marks. */
enum ecn_kind {
	ECN_NONE,
	ECN_CLASSIC, /* RFC 3168: ECE, until CWR answers it */
};

struct tcp_ecn {
	enum ecn_kind kind;
	bool agreed;   /* the handshake is done; until then, asked for */
	bool unmarked; /* what we send is not ECT */
	bool seen;     /* something ECT has come */

	/* What we send is marked */
	bool cwr_due;  /* the next new text tells that the window is reduced */
	bool reducing; /* by prr, without a loss, until CWR has arrived: Linux's TCP_CA_CWR */
	bool stands;   /* it was reduced for a loss, and for marks besides */
	seq reduced; /* what had been sent when the window was last reduced ends here: marks of it are one and the same */
	struct prr prr;
	uint32_t delivered_ce; /* segments that the peer told of marks with */

	/* What we receive is marked */
	bool echo; /* ECE, until CWR comes */
};

#endif
