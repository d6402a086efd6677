/*
 * SYN cookies (RFC 4987 §3.6): when a listener has no room left for records of calls, its ISS is the record. The
 * caller's ACK brings it back, and with it the caller's MSS, roughly.
 *
 *    31                             4  3     1   0
 *   +--------------------------------+---------+---+
 *   |  keyed hash of all that follows | MSS     | p |     p: the last bit of the number of the period
 *   |  and pair, IRS and period       | (index) |   |
 *   +--------------------------------+---------+---+
 *
 * The other options fit into no ISS. A caller who has timestamps brings them back in the last bits of ours:
 *
 *      5    4    3           0
 *   +-----+------+-------------+
 *   | ECN | SACK | shift count |     15: no window scale
 *   +-----+------+-------------+
 *
 * Whoever changes them on his way lies about himself only.
 *
 * A cookie lasts for its period and the next, one to two minutes: an ACK that takes longer belongs to a caller who
 * has given up, or to somebody who gathers cookies. To guess one takes 2^28 segments on average, within that time.
 */
#include "transport/tcp/cookie.h"
#include "transport/tcp/ecn.h"
#include "transport/tcp/isn.h"
#include "transport/tcp/listen.h"
#include "transport/tcp/seq.h"
#include "transport/tcp/settings.h"

#define PERIOD TCP_COOKIE_PERIOD

/* Announced by most: the minimum, RFC 9293's two defaults, tunnels, PPPoE (RFC 2516), Ethernet; jumbo frames. */
static const uint16_t mss_table[8] = { 64, TCP_MSS_DEFAULT4, TCP_MSS_DEFAULT6, 1360, 1440, 1452, 1460, 8940 };

#define OPTIONS_MASK 63u
#define ECN_BIT      32u
#define SACK_BIT     16u
#define NO_SCALE     15u

struct hashed {
	struct socket_pair pair;
	uint32_t irs, low;
	int64_t period;
};

/* All zero first: the padding is hashed, too. */
static seq make(const struct tcp *t, const struct socket_pair *pair, seq irs, uint32_t low, int64_t period)
{
	struct hashed h;

	memset(&h, 0, sizeof h);
	memcpy(&h.pair, pair, SOCKET_PAIR_LEN);
	h.irs = irs.v;
	h.low = low;
	h.period = period;
	return (seq){ (uint32_t)pb_siphash(&t->cookie_key, &h, sizeof h) << 4 | low };
}

seq pb_tcp_cookie(const struct tcp *t, const struct socket_pair *pair, seq irs, uint16_t mss)
{
	int64_t period = env_now(t->env) / PERIOD;
	uint32_t index = 7;

	while (index > 0 && mss_table[index] > mss)
		index--;
	return make(t, pair, irs, index << 1 | (period & 1), period);
}

bool pb_tcp_cookie_check(const struct tcp *t, const struct socket_pair *pair, seq irs, seq cookie,
			 uint16_t *mss)
{
	int64_t period = env_now(t->env) / PERIOD;
	uint32_t low = cookie.v & 15;

	if ((period & 1) != (low & 1))
		period--;
	if (!seq_eq(make(t, pair, irs, low, period), cookie))
		return false;
	*mss = mss_table[low >> 1];
	return true;
}

/* Of our clock, but for the last bits; never ahead of it. */
uint32_t pb_tcp_cookie_timestamp(const struct tcp *t, const struct tcp_syn *r)
{
	uint32_t now = pb_tcp_timestamp(t, r->ts_offset);
	uint32_t scale = r->snd_scale < TCP_WINDOW_SCALE_MAX ? r->snd_scale : TCP_WINDOW_SCALE_MAX;
	uint32_t bits = (r->ecn.kind == ECN_CLASSIC ? ECN_BIT : 0) | (r->has_sack ? SACK_BIT : 0) |
			(r->has_scale ? scale : NO_SCALE);
	uint32_t stamp = (now & ~OPTIONS_MASK) | bits;

	return (int32_t)(stamp - now) > 0 ? stamp - (OPTIONS_MASK + 1) : stamp;
}

void pb_tcp_cookie_options(struct tcp_syn *r, uint32_t echo)
{
	r->has_timestamps = true;
	r->ecn.kind = echo & ECN_BIT ? ECN_CLASSIC : ECN_NONE;
	r->has_sack = echo & SACK_BIT;
	r->snd_scale = echo & NO_SCALE;
	r->has_scale = r->snd_scale != NO_SCALE;
}
