/*
 * How fast the network delivers: draft-ietf-ccwg-bbr-06 §4.1 (before, draft-cheng-iccrg-delivery-rate-estimation). What
 * is sent remembers how much had been delivered by then (send_times.h); when it is acknowledged, the difference is what
 * was delivered meanwhile. It is a sample of how much the path takes, unless the sender had nothing to send.
 *
 * What was sent again tells nothing: which of its sendings was acknowledged is not known (§4.1.3.4, the second way).
 */
#ifndef PB_TRANSPORT_TCP_RATE_H
#define PB_TRANSPORT_TCP_RATE_H

#include "transport/tcp/send_times.h"
#include "transport/tcp/seq.h"

#include <packetboat/time.h>
#include <stdbool.h>
#include <stdint.h>

struct tcp_conn;

/* Of a connection. Delivered bytes are counted in 32 bits, which may run over. */
struct tcp_rate {
	pb_time delivered_at;      /* C.delivered_time: when something last was; or a flight began */
	pb_time first_sent;        /* C.first_send_time: when the latest delivered left; or a flight began */
	pb_time interval;          /* of the latest good sample; 0: there was none */
	uint32_t bytes;            /* delivered in it */
	uint32_t lost;             /* C.lost: bytes found lost, ever */
	uint32_t limited_until;    /* C.app_limited: if limited, when so much has been delivered it is over */
	uint32_t flight_delivered; /* as the present flight began */
	bool limited;        /* what is in flight is less than there could be: nothing was there to be sent */
	bool flight_limited; /* as the present flight began */
	bool sample_limited; /* the latest good sample was */
};

/* What an acknowledgement tells, in the draft's names: RS.… */
struct rate_sample {
	pb_time interval; /* 0: no rate is known */
	pb_time rtt;      /* of the latest sent that was delivered; 0: not known */
	pb_time srtt;
	uint32_t delivered;       /* in the interval */
	uint32_t prior_delivered; /* what had been, when that left */
	uint32_t total_delivered; /* C.delivered */
	uint32_t in_flight_then;  /* RS.tx_in_flight: in flight with it, as it left */
	uint32_t lost;            /* since */
	uint32_t newly_acked, newly_lost;
	uint32_t in_flight_before, in_flight; /* before this acknowledgement, and now */
	bool has_data;                        /* something was delivered that had been sent once */
	bool limited;
	bool has_sack;
};

/* Bytes that were found lost, all sent at once. */
struct rate_loss {
	uint32_t bytes;
	uint32_t total_delivered; /* C.delivered, now */
	uint32_t in_flight_then;  /* as they left, with them */
	uint32_t lost;            /* since they left, with them */
	bool known;               /* false: they were sent again, and the last two are not known */
	bool limited;
};

/* Bytes a second. */
static inline uint64_t rate_of(uint32_t bytes, pb_time interval)
{
	return interval ? (uint64_t)bytes * (uint64_t)PB_SEC(1) / (uint64_t)interval : 0;
}

/* What is to be remembered of what is about to leave; and of a flight that left in one go. */
struct send_record pb_tcp_rate_sent(struct tcp_conn *c, seq at, seq end);
struct send_record pb_tcp_rate_flight(const struct tcp_conn *c);
/*
 * Something was delivered, newest the latest sent of what was sent once (NULL: nothing was). SND.UNA has moved. What
 * is known here is in *s, which may be NULL.
 */
void pb_tcp_rate_sample(struct tcp_conn *c, const struct send_record *newest, struct rate_sample *s);
/* All up to SND.UNA was. Without SACK nobody knows what was sent again: after a loss there is no sample. */
void pb_tcp_rate_acked(struct tcp_conn *c, struct rate_sample *s);
/* Found lost, of what left with r; NULL: of what was sent again. */
void pb_tcp_rate_lost(struct tcp_conn *c, const struct send_record *r, uint32_t bytes);

#endif
