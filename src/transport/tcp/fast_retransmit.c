/*
 * Losses found by counting, of peers who have no SACK: after three duplicate ACKs a segment is lost, and sent again at
 * once (RFC 5681 §3.2). Until all is acknowledged that had been sent by then, each ACK that acknowledges less tells of
 * the next loss (NewReno, RFC 6582). The first two duplicates each let a new segment leave (RFC 3042; output.c), so
 * that there may be a third.
 */
#include "transport/tcp/conn.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/input.h"
#include "transport/tcp/output.h"
#include "transport/tcp/plpmtud.h"
#include "transport/tcp/rate.h"
#include "transport/tcp/recovery.h"
#include "transport/tcp/send_times.h"
#include "transport/tcp/seq.h"
#include "transport/tcp/timers.h"

#define DUP_ACKS 3 /* RFC 5681 §3.2 */

/* RFC 6582 §3.2 step 2, RFC 5681 §3.2 steps 2 and 3. Limited transmit does not count (RFC 3042 §2). */
static void enter_recovery(struct tcp_conn *c)
{
	tcp_counters(c)->tcp.FastRetrans++;
	pb_tcp_undo_begin(c, false);
	pb_tcp_rate_lost(c, c->loss ? pb_send_times_find(&c->loss->times, c->snd_una) : NULL, c->mss);
	pb_tcp_reduce(c, tcp_flight(c));
	c->congestion.cwnd = c->congestion.ssthresh + DUP_ACKS * c->mss;
	c->in_recovery = true;
	c->partial_acked = false;
	c->recover = c->snd_max;
	pb_tcp_resend(c, 0, c->mss);
	pb_tcp_timers_acked(c);
}

/*
 * A segment has left the network, so another may enter it (RFC 5681 §3.2 step 4). Not more than were in it when the
 * loss was found, however many duplicates the peer makes up (RFC 5681 §5).
 */
static void inflate(struct tcp_conn *c)
{
	uint32_t at_entry = (uint32_t)seq_diff(c->recover, c->snd_una);

	if (c->congestion.cwnd < c->congestion.ssthresh + at_entry)
		c->congestion.cwnd += c->mss;
}

void pb_tcp_fast_retransmit_duplicate(struct tcp_conn *c)
{
	if (c->dup_acks < UINT8_MAX)
		c->dup_acks++;
	if (c->in_recovery)
		inflate(c);
	else if (c->dup_acks == DUP_ACKS && c->plpmtud && pb_tcp_plpmtud_lost(c))
		pb_tcp_send_shorter(c);
	else if (c->dup_acks == DUP_ACKS && seq_lt(c->recover, c->snd_una))
		enter_recovery(c); /* RFC 6582 §3.2 step 2: nothing sent before the last recovery is meant */
	tcp_want_output(c);
}

/* RFC 6582 §3.2 step 3, full acknowledgement, (1): no burst follows. */
static void leave_recovery(struct tcp_conn *c)
{
	uint32_t flight = tcp_flight(c), calm = (flight > c->mss ? flight : c->mss) + c->mss;

	c->in_recovery = false;
	c->congestion.cwnd = c->congestion.ssthresh < calm ? c->congestion.ssthresh : calm;
	c->congestion.ops->recovered(&c->congestion, tcp_now(c));
	pb_tcp_undo_over(c);
}

/* RFC 6582 §3.2 step 3, partial acknowledgement: the next hole, and the window deflates by what has left. */
static void next_hole(struct tcp_conn *c, uint32_t acked)
{
	uint32_t cwnd = c->congestion.cwnd > acked ? c->congestion.cwnd - acked : 0;

	if (acked >= c->mss)
		cwnd += c->mss;
	c->congestion.cwnd = cwnd > c->mss ? cwnd : c->mss;
	pb_tcp_resend(c, 0, c->mss);
}

void pb_tcp_fast_retransmit_acked(struct tcp_conn *c, uint32_t acked)
{
	if (seq_le(c->recover, c->snd_una))
		leave_recovery(c);
	else
		next_hole(c, acked);
}
