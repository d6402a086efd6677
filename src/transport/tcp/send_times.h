/*
 * When what is in flight was first sent, and what had been delivered by then (rate.h), a record for each send: a whole
 * super-segment is one, and so is all that leaves at one instant. A ring in which sequence numbers and times both rise.
 */
#ifndef PB_TRANSPORT_TCP_SEND_TIMES_H
#define PB_TRANSPORT_TCP_SEND_TIMES_H

#include "transport/tcp/seq.h"

#include <packetboat/time.h>

#define RECORD_FLIGHT_MAX 0x7fffffff

struct send_record {
	pb_time sent;
	pb_time delivered_at, first_sent; /* P.delivered_time, P.first_send_time */
	seq end;                          /* one past its last; it begins where the one before it ends */
	uint32_t delivered, lost;         /* P.delivered, P.lost */
	uint32_t in_flight : 31;          /* P.tx_in_flight: with it */
	uint32_t limited : 1;             /* P.is_app_limited */
};

#define SEND_RECORDS_MIN 8
#define SEND_RECORDS_MAX 65536 /* 2.5 MB: then the last two become one, sent at the later time */

struct send_times {
	struct send_record *records; /* NULL: few, below */
	uint32_t first, count, mask;
	struct send_record few[SEND_RECORDS_MIN];
};

void pb_send_times_init(struct send_times *t);
void pb_send_times_fini(struct send_times *t);

/* It has left now, behind what is there; what is before una has been acknowledged. */
void pb_send_times_add(struct send_times *t, seq una, const struct send_record *sent);
void pb_send_times_acked(struct send_times *t, seq una);
/*
 * And the last record of which something was acknowledged by this; good until the next is added. NULL: there is none.
 */
const struct send_record *pb_send_times_newest(struct send_times *t, seq una);

/* The record that s is in; if s is beyond all, the last one. NULL: there is none. O(log n). */
const struct send_record *pb_send_times_find(const struct send_times *t, seq s);

#endif
