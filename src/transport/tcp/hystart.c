/* RFC 9406 §4.2, step by step. */
#include "transport/tcp/hystart.h"

/* §4.3: the values that it recommends. */
#define MIN_RTT_THRESHOLD 4000  /* microseconds */
#define MAX_RTT_THRESHOLD 16000 /* microseconds */
#define MIN_RTT_DIVISOR   8
#define RTT_SAMPLES       8
#define CSS_ROUNDS        5

#define UNKNOWN UINT32_MAX

void pb_tcp_hystart_init(struct hystart *h)
{
	*h = (struct hystart){ UNKNOWN, UNKNOWN, UNKNOWN, 0, 0 };
}

static void begin_round(struct hystart *h)
{
	h->last_round_min = h->current_round_min;
	h->current_round_min = UNKNOWN;
	h->samples = 0;
	if (h->css_rounds)
		h->css_rounds++;
}

static void take_sample(struct hystart *h, pb_time rtt)
{
	uint32_t us = rtt / 1000 < UNKNOWN ? (uint32_t)(rtt / 1000) : UNKNOWN - 1;

	if (us < h->current_round_min)
		h->current_round_min = us;
	if (h->samples < RTT_SAMPLES)
		h->samples++;
}

static uint32_t threshold(uint32_t last_round_min)
{
	uint32_t part = last_round_min / MIN_RTT_DIVISOR;

	if (part < MIN_RTT_THRESHOLD)
		return MIN_RTT_THRESHOLD;
	return part < MAX_RTT_THRESHOLD ? part : MAX_RTT_THRESHOLD;
}

static bool is_slower(const struct hystart *h)
{
	return h->last_round_min != UNKNOWN &&
	       h->current_round_min >= (uint64_t)h->last_round_min + threshold(h->last_round_min);
}

enum hystart_phase pb_tcp_hystart_acked(struct hystart *h, bool round_begins, pb_time rtt)
{
	if (round_begins)
		begin_round(h);
	if (rtt)
		take_sample(h, rtt);
	if (h->samples >= RTT_SAMPLES && !h->css_rounds && is_slower(h)) {
		h->css_baseline_min = h->current_round_min;
		h->css_rounds = 1; /* a partial round counts */
	} else if (h->samples >= RTT_SAMPLES && h->css_rounds && h->current_round_min < h->css_baseline_min) {
		h->css_baseline_min = UNKNOWN; /* it was jitter */
		h->css_rounds = 0;
	}
	if (h->css_rounds > CSS_ROUNDS)
		return HYSTART_DONE;
	return h->css_rounds ? HYSTART_CSS : HYSTART_SLOW_START;
}
