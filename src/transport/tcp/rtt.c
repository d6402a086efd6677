/* Round-trip time and retransmission time-out: RFC 6298. */
#include "transport/tcp/rtt.h"
#include "transport/tcp/settings.h"

#define RTO_INITIAL PB_SEC(1) /* 2.1 */

/*
 * 2.4 asks for 1 s, to be safe from coarse clocks and delayed acknowledgements of up to 500 ms. Our clock is
 * fine, and nobody has delayed that long for decades: with 200 ms a lost tail does not cost a second. As on
 * Linux they are a margin above the round-trip time, not a bound below the sum: where a full queue makes all
 * round trips equally long, RTTVAR comes down to nothing, and what is sent again arrives a moment after the
 * time-out.
 */
#define MARGIN_MIN PB_MSEC(200)

#define RTO_AFTER_SYN PB_SEC(3) /* 5.7 */

static pb_time bounded(pb_time rto)
{
	return rto < TCP_RTO_MAX ? rto : TCP_RTO_MAX;
}

void pb_tcp_rtt_init(struct rtt *r)
{
	*r = (struct rtt){ .rto = RTO_INITIAL };
}

void pb_tcp_rtt_restore(struct rtt *r)
{
	pb_time spread = 4 * r->rttvar;

	r->backoff = 0;
	if (!r->srtt)
		r->rto = RTO_INITIAL;
	else
		r->rto = bounded(r->srtt + (spread > MARGIN_MIN ? spread : MARGIN_MIN));
}

void pb_tcp_rtt_sample(struct rtt *r, pb_time sample)
{
	if (sample < 1)
		sample = 1; /* faster than the clock; 0 would say that there was no sample */
	if (!r->srtt) {     /* 2.2 */
		r->srtt = r->min = sample;
		r->rttvar = sample / 2;
	} else { /* 2.3, with alpha 1/8 and beta 1/4 */
		pb_time off = r->srtt > sample ? r->srtt - sample : sample - r->srtt;
		r->rttvar += (off - r->rttvar) / 4;
		r->srtt += (sample - r->srtt) / 8;
		if (sample < r->min)
			r->min = sample;
	}
	pb_tcp_rtt_restore(r);
}

void pb_tcp_rtt_backoff(struct rtt *r)
{
	r->rto = bounded(2 * r->rto); /* 5.5 */
	if (r->backoff < UINT8_MAX)
		r->backoff++;
}

void pb_tcp_rtt_syn_lost(struct rtt *r)
{
	r->backoff = 0;
	r->rto = RTO_AFTER_SYN;
}
