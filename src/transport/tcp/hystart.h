/*
 * HyStart++ (RFC 9406): leave slow start when round trips begin to take longer, before anything is lost. Conservative
 * slow start (CSS) in between finds out whether they really do.
 */
#ifndef PB_TRANSPORT_TCP_HYSTART_H
#define PB_TRANSPORT_TCP_HYSTART_H

#include <packetboat/time.h>
#include <stdbool.h>
#include <stdint.h>

#define HYSTART_CSS_GROWTH_DIVISOR 4 /* §4.3 */

/* Round-trip times in microseconds; UINT32_MAX: not known. */
struct hystart {
	uint32_t last_round_min, current_round_min;
	uint32_t css_baseline_min;
	uint8_t samples;    /* in this round */
	uint8_t css_rounds; /* begun; 0: in slow start proper */
};

enum hystart_phase { HYSTART_SLOW_START, HYSTART_CSS, HYSTART_DONE };

void pb_tcp_hystart_init(struct hystart *h);

/* An ACK in the first slow start; rtt: 0: no sample. DONE: congestion avoidance begins. */
enum hystart_phase pb_tcp_hystart_acked(struct hystart *h, bool round_begins, pb_time rtt);

#endif
