/* What getsockopt(TCP_INFO) tells, in Linux's struct and units: times in microseconds or milliseconds, segments. */
#include "transport/tcp/congestion.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/pacing.h"
#include "transport/tcp/rate.h"
#include "transport/tcp/scoreboard.h"
#include "transport/tcp/settings.h"
#include "transport/tcp/tally.h"
#include "transport/tcp/tcp.h"

#include <linux/tcp.h>

#define SSTHRESH_INFINITE 0x7fffffff /* Linux's TCP_INFINITE_SSTHRESH */

static uint32_t microseconds(pb_time t)
{
	return (uint32_t)(t / 1000);
}

static uint64_t whole_microseconds(pb_time t)
{
	return (uint64_t)t / 1000;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t milliseconds_since(const struct tcp_conn *c, pb_time then)
{
	return (uint32_t)((tcp_now(c) - then) / PB_MSEC(1));
}

static uint64_t rate_or_none(uint64_t rate)
{
	return rate ? rate : UINT64_MAX;
}

/* The segments that so many bytes make. */
static uint32_t segments(const struct tcp_conn *c, uint32_t bytes)
{
	return c->mss ? (uint32_t)(((uint64_t)bytes + c->mss - 1) / c->mss) : 0;
}

/* What a window of so many bytes lets go: one at least. */
static uint32_t whole_segments(const struct tcp_conn *c, uint32_t bytes)
{
	return !c->mss ? 0 : bytes > c->mss ? bytes / c->mss : 1;
}

static void tell_options(const struct tcp_conn *c, struct tcp_info *info)
{
	info->tcpi_options = (c->has_timestamps ? TCPI_OPT_TIMESTAMPS : 0) |
			     (c->has_sack ? TCPI_OPT_SACK : 0) | (c->has_scale ? TCPI_OPT_WSCALE : 0) |
			     (c->fast_opened.syn_text ? TCPI_OPT_SYN_DATA : 0);
	info->tcpi_fastopen_client_fail = c->fast_opened.failure;
	if (c->ecn && c->ecn->agreed) {
		info->tcpi_options |= TCPI_OPT_ECN | (c->ecn->seen ? TCPI_OPT_ECN_SEEN : 0);
		info->tcpi_delivered_ce = c->ecn->delivered_ce;
	}
	info->tcpi_snd_wscale = c->snd_scale & 15;
	info->tcpi_rcv_wscale = c->rcv_scale & 15;
	info->tcpi_snd_mss = c->mss;
	info->tcpi_advmss = pb_tcp_mss_announce(&c->set, &c->path);
	info->tcpi_rcv_mss = smaller(c->tally.rcv_mss, info->tcpi_advmss);
	info->tcpi_pmtu = c->path.mtu;
}

static void tell_times(const struct tcp_conn *c, struct tcp_info *info)
{
	info->tcpi_rto = microseconds(c->rtt.rto);
	info->tcpi_rtt = microseconds(c->rtt.srtt);
	info->tcpi_rttvar = microseconds(c->rtt.rttvar);
	info->tcpi_min_rtt = microseconds(c->rtt.min);
	info->tcpi_last_data_sent = milliseconds_since(c, c->last_sent);
	info->tcpi_last_ack_recv = milliseconds_since(c, c->last_received);
	info->tcpi_last_data_recv = milliseconds_since(c, c->tally.last_text);
	info->tcpi_ato = c->bytes_received ? microseconds(TCP_DELAYED_ACK) : 0;
}

/* Linux's tcpi_ca_state. */
static uint8_t recovery_state(const struct tcp_conn *c)
{
	if (c->in_timeout)
		return TCP_CA_Loss;
	if (c->in_recovery)
		return TCP_CA_Recovery;
	if (c->ecn && c->ecn->reducing)
		return TCP_CA_CWR;
	return c->dup_acks || (c->loss && c->loss->board.bytes[RANGE_SACKED]) ? TCP_CA_Disorder : TCP_CA_Open;
}

/* What is marked lost stays so, once it has been sent again. */
static void tell_losses(const struct tcp_conn *c, struct tcp_info *info)
{
	info->tcpi_ca_state = recovery_state(c);
	if (!c->loss)
		return;
	const uint32_t *bytes = c->loss->board.bytes;
	info->tcpi_sacked = segments(c, bytes[RANGE_SACKED]);
	info->tcpi_lost = segments(c, bytes[RANGE_LOST]) + segments(c, bytes[RANGE_RESENT]);
	info->tcpi_retrans = segments(c, bytes[RANGE_RESENT]);
}

static void tell_sending(const struct tcp_conn *c, struct tcp_info *info)
{
	uint32_t flight = c->snd_max.v - c->snd_una.v;

	if (c->probing) /* what has no answer is a probe of the window */
		info->tcpi_probes = c->retransmits;
	else
		info->tcpi_retransmits = c->retransmits;
	info->tcpi_probes += c->keep_probes;
	info->tcpi_backoff = c->rtt.backoff;
	info->tcpi_unacked = segments(c, flight);
	info->tcpi_snd_cwnd = whole_segments(c, c->congestion.cwnd);
	info->tcpi_snd_ssthresh = c->congestion.ssthresh < TCP_CWND_MAX
					  ? whole_segments(c, c->congestion.ssthresh)
					  : SSTHRESH_INFINITE;
	info->tcpi_snd_wnd = c->snd_wnd;
	info->tcpi_notsent_bytes = c->sendq.bytes > flight ? c->sendq.bytes - flight : 0;
	info->tcpi_total_retrans = c->total_retransmits;
	info->tcpi_bytes_retrans = c->bytes_retransmitted;
	info->tcpi_bytes_acked = c->bytes_acked;
	info->tcpi_bytes_sent = c->bytes_acked + c->bytes_retransmitted + flight;
	info->tcpi_segs_out = (uint32_t)c->segments_out;
}

/* Our SYN counts as one, with its text or without. */
static uint32_t delivered(const struct tcp_conn *c)
{
	uint32_t n = segments(c, tcp_delivered(c));

	if (!c->peer_mss || tcp_is_opening(c))
		return n;
	return c->fast_opened.tried && c->fast_opened.syn_text ? n - c->fast_opened.cut : n + 1;
}

static void tell_tally(const struct tcp_conn *c, struct tcp_info *info)
{
	const struct tcp_tally *t = &c->tally;
	pb_time by_window = pb_tcp_busy_spent(c, BUSY_WINDOW), by_buffer = pb_tcp_busy_spent(c, BUSY_BUFFER);

	info->tcpi_busy_time = whole_microseconds(pb_tcp_busy_spent(c, BUSY_SENDING) + by_window + by_buffer);
	info->tcpi_rwnd_limited = whole_microseconds(by_window);
	info->tcpi_sndbuf_limited = whole_microseconds(by_buffer);
	info->tcpi_reordering = t->reordering;
	info->tcpi_reord_seen = t->reorderings;
	info->tcpi_data_segs_in = t->data_in;
	info->tcpi_data_segs_out = t->data_out;
	info->tcpi_rcv_ooopack = t->ahead;
	info->tcpi_dsack_dups = t->twice;
}

void pb_tcp_info(const struct tcp_conn *c, struct tcp_info *info)
{
	*info = (struct tcp_info){ .tcpi_state = (uint8_t)c->state };
	tell_options(c, info);
	tell_times(c, info);
	tell_sending(c, info);
	tell_losses(c, info);
	info->tcpi_bytes_received = c->bytes_received;
	info->tcpi_segs_in = (uint32_t)c->segments_in;
	info->tcpi_rcv_space = c->set.receive_buffer;
	info->tcpi_rcv_ssthresh = c->rcv_adv.v - c->rcv_nxt.v;
	tell_tally(c, info);
	info->tcpi_pacing_rate = rate_or_none(pb_tcp_pacing_rate(c));
	info->tcpi_delivery_rate = rate_of(c->rate.bytes, c->rate.interval);
	info->tcpi_delivery_rate_app_limited = c->rate.interval ? c->rate.sample_limited : c->rate.limited;
	info->tcpi_delivered = delivered(c);
	info->tcpi_max_pacing_rate = rate_or_none(c->set.max_pacing_rate);
}
