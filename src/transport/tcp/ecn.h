/*
 * Explicit congestion notification (RFC 3168, RFC 9768) of one connection. A connection has none of this unless ECN was
 * asked for; it stays only where the peer takes part.
 */
#ifndef PB_TRANSPORT_TCP_ECN_H
#define PB_TRANSPORT_TCP_ECN_H

#include "transport/tcp/prr.h"
#include "transport/tcp/seq.h"
#include "wire/ecn.h"

#include <stdbool.h>
#include <stdint.h>

struct tcp;
struct tcp_conn;
struct tcp_header;
struct tcp_segment;
struct tcp_syn;

/* How the receiver tells of marks. */
enum ecn_kind {
	ECN_NONE,
	ECN_CLASSIC,  /* RFC 3168: ECE, until CWR answers it */
	ECN_ACCURATE, /* RFC 9768: the three flags are a counter of marks, and an option counts bytes */
};

/* What a receiver counts, and a sender knows of that: RFC 9768 §3.2. Bytes by the codepoint that they came with. */
struct ecn_counters {
	uint32_t marks; /* packets: r.cep, s.cep */
	uint32_t ect0, ce, ect1;
};

/* RFC 9768: accecn.c. */
struct accecn {
	struct ecn_counters received, told; /* ours, and the peer's as it told them last */
	struct ecn_counters option;         /* ours, as our last option has told them */
	uint32_t stamp;                     /* the peer's timestamp when it did: older ACKs tell nothing */
	uint8_t pending;                    /* marks that no ACK of ours has told of */
	enum ecn_codepoint last;            /* of the packet before */
	enum ecn_codepoint syn;             /* with which the peer's SYN or SYN-ACK came */
	bool greets;                        /* the next ACK without text tells of that (§3.2.2.1) */
	bool introduces;                    /* no text of ours has had the option yet (§3.2.3.2.1) */
	bool checked;                       /* his counter does not begin with 0 */
	bool deaf; /* what the peer tells is not heeded (§3.2.2.1, note 1; §3.2.2.4) */
	bool option_seen, option_broken; /* §3.2.3.2.4: its counters begin with 0 */
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

	struct accecn accurate;
};

/* What the record of a call keeps of it. */
struct ecn_call {
	uint8_t kind;  /* enum ecn_kind: what the SYN-ACK agrees to */
	uint8_t mark;  /* the codepoint that the latest SYN came with */
	bool unmarked; /* one without flags was among them: RFC 9768 §3.1.5 */
	bool again;    /* it came more than once */
};

/* ecn_setup.c: the handshake; c->ecn may be NULL. */

/* c->ecn, of a kind; NULL: ECN_NONE, or there is no memory. */
void pb_tcp_ecn_begin(struct tcp_conn *c, enum ecn_kind kind);
void pb_tcp_ecn_free(struct tcp_conn *c);
void pb_tcp_ecn_ask(struct tcp_conn *c);           /* if calls are to ask for ECN */
uint16_t pb_tcp_ecn_syn_flags(struct tcp_conn *c); /* of a SYN or SYN-ACK that is sent now */
/* Without it, where a reset has answered our SYN; false: that is to be believed. */
bool pb_tcp_ecn_call_again(struct tcp_conn *c);
void pb_tcp_ecn_agree(struct tcp_conn *c,
		      const struct tcp_segment *s); /* the peer's SYN or SYN-ACK, in SYN-SENT */
/* What is agreed to with a caller, and when he calls again (false: he is to be reset); how the SYN-ACK says so. */
struct ecn_call pb_tcp_ecn_called(const struct tcp *t, const struct tcp_segment *s);
bool pb_tcp_ecn_called_again(struct tcp_syn *r, const struct tcp_segment *s);
uint16_t pb_tcp_ecn_syn_ack_flags(const struct tcp_syn *r);
void pb_tcp_ecn_accept(struct tcp_conn *c, const struct tcp_syn *r); /* the connection that comes of it */
enum ecn_kind pb_tcp_ecn_of_cookie(const struct tcp *t, const struct tcp_segment *s, enum ecn_kind stamped);

/* ecn.c: for a conn that has c->ecn. */

void pb_tcp_ecn_received(struct tcp_conn *c, const struct tcp_segment *s); /* an acceptable segment */
/* What a segment that leaves with len bytes of text at a number tells, into h; whether it may be marked, into tos. */
void pb_tcp_ecn_send(struct tcp_conn *c, seq at, uint32_t len, struct tcp_header *h, uint8_t *tos);
/* An ACK, of delivered bytes that were in flight. True: it tells of marks, and should open no window. */
bool pb_tcp_ecn_acked(struct tcp_conn *c, const struct tcp_segment *s, uint32_t delivered);

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

#endif
