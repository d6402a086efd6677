/* Delivery rate sampling, step by step: rate.h. */
#include "transport/tcp/rate.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/send_times.h"

/* All that is in flight left in one go, at last_sent, when nothing else was in flight. */
struct send_record pb_tcp_rate_flight(const struct tcp_conn *c)
{
	uint32_t acked = (uint32_t)c->bytes_acked - c->rate.flight_delivered;

	return (struct send_record){
		.sent = c->last_sent,
		.delivered_at = c->last_sent,
		.first_sent = c->last_sent,
		.end = c->snd_max,
		.delivered = c->rate.flight_delivered,
		.lost = c->rate.lost,
		.in_flight = (c->snd_max.v - c->snd_una.v + acked) & RECORD_FLIGHT_MAX,
		.limited = c->rate.flight_limited,
	};
}

/* §4.1.2.2. It is not yet counted as in flight. */
struct send_record pb_tcp_rate_sent(struct tcp_conn *c, seq at, seq end)
{
	struct tcp_rate *r = &c->rate;
	uint32_t pipe = tcp_pipe(c);

	if (pipe == 0)
		r->first_sent = r->delivered_at = tcp_now(c);
	return (struct send_record){
		.sent = tcp_now(c),
		.delivered_at = r->delivered_at,
		.first_sent = r->first_sent,
		.end = end,
		.delivered = tcp_delivered(c),
		.lost = r->lost,
		.in_flight = (pipe + (end.v - at.v)) & RECORD_FLIGHT_MAX,
		.limited = r->limited,
	};
}

/* As Linux keeps it for TCP_INFO: a sample that was limited only if it is no lower than the one before. */
static void keep(struct tcp_rate *r, uint32_t bytes, pb_time interval, bool limited)
{
	if (limited && r->interval &&
	    (unsigned __int128)bytes * (uint64_t)r->interval <
		    (unsigned __int128)r->bytes * (uint64_t)interval)
		return;
	r->bytes = bytes;
	r->interval = interval;
	r->sample_limited = limited;
}

/* Something was delivered. So much in all. */
static uint32_t note_delivery(struct tcp_conn *c)
{
	struct tcp_rate *r = &c->rate;
	uint32_t delivered = tcp_delivered(c);

	r->delivered_at = tcp_now(c);
	if (r->limited && (int32_t)(delivered - r->limited_until) > 0)
		r->limited = false; /* the bubble has left the pipe */
	return delivered;
}

/*
 * §4.1.2.3: the longer of how long sending took, and acknowledging. 0: it is too short, as if it had been sent twice.
 */
static pb_time interval_of(const struct tcp_conn *c, const struct send_record *newest)
{
	pb_time sending = newest->sent - newest->first_sent, acking = tcp_now(c) - newest->delivered_at;
	pb_time interval = sending > acking ? sending : acking;

	return interval < c->rtt.min || interval < 0 ? 0 : interval;
}

void pb_tcp_rate_sample(struct tcp_conn *c, const struct send_record *newest, struct rate_sample *s)
{
	uint32_t total = note_delivery(c);

	if (s)
		*s = (struct rate_sample){ .total_delivered = total };
	if (!newest)
		return;
	int32_t delivered = (int32_t)(total - newest->delivered);
	pb_time interval = interval_of(c, newest);
	if (interval && delivered > 0)
		keep(&c->rate, (uint32_t)delivered, interval, newest->limited);
	c->rate.first_sent = newest->sent;
	if (!s)
		return;
	s->has_data = true;
	s->limited = newest->limited;
	s->prior_delivered = newest->delivered;
	s->in_flight_then = newest->in_flight;
	s->lost = c->rate.lost - newest->lost;
	s->rtt = tcp_now(c) - newest->sent;
	s->delivered = delivered > 0 ? (uint32_t)delivered : 0;
	s->interval = s->delivered ? interval : 0;
}

/* All left in one go, and nobody asks for more than the rate. */
static void note_flight(struct tcp_conn *c)
{
	uint32_t bytes = note_delivery(c) - c->rate.flight_delivered;
	pb_time interval = tcp_now(c) - c->last_sent;

	if (bytes && interval && interval >= c->rtt.min)
		keep(&c->rate, bytes, interval, c->rate.flight_limited);
	c->rate.first_sent = c->last_sent;
}

void pb_tcp_rate_acked(struct tcp_conn *c, struct rate_sample *s)
{
	bool ambiguous = c->in_timeout || c->in_recovery;
	struct send_record flight;

	if (c->loss) {
		const struct send_record *newest = pb_send_times_newest(&c->loss->times, c->snd_una);
		pb_tcp_rate_sample(c, ambiguous ? NULL : newest, s);
	} else if (s || ambiguous) {
		flight = pb_tcp_rate_flight(c);
		pb_tcp_rate_sample(c, ambiguous ? NULL : &flight, s);
	} else {
		note_flight(c);
	}
}

void pb_tcp_rate_lost(struct tcp_conn *c, const struct send_record *r, uint32_t bytes)
{
	const struct tcp_congestion_ops *ops = c->congestion.ops;
	struct rate_loss l = { .bytes = bytes, .total_delivered = tcp_delivered(c) };

	if (!bytes)
		return;
	c->rate.lost += bytes;
	if (r) {
		l.known = true;
		l.in_flight_then = r->in_flight;
		l.lost = c->rate.lost - r->lost;
		l.limited = r->limited;
	}
	if (ops->lost_sent)
		ops->lost_sent(&c->congestion, tcp_now(c), &l);
}
