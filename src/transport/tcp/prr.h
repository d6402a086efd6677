/*
 * Proportional rate reduction (RFC 9937, which replaces RFC 6937): how the window comes down to ssthresh over one
 * recovery, by as much as is delivered, whether much was lost or little.
 */
#ifndef PB_TRANSPORT_TCP_PRR_H
#define PB_TRANSPORT_TCP_PRR_H

#include <stdbool.h>
#include <stdint.h>

struct prr {
	uint32_t flight;         /* RecoverFS: in flight when the recovery began */
	uint32_t delivered, out; /* since: prr_delivered, prr_out */
};

void pb_prr_begin(struct prr *p, uint32_t flight);

/* An acknowledgement; safe: SND.UNA moved, and nothing more was found lost. The congestion window until the next. */
uint32_t pb_prr_acked(struct prr *p, uint32_t delivered, uint32_t pipe, uint32_t ssthresh, uint32_t mss,
		      bool safe);

#endif
