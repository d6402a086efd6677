/*
 * The user time-out option (RFC 5482), which is the user's to switch on. set.adv_uto is the RFC's ADV_UTO, and
 * ENABLED where it is not 0; CHANGEABLE is whether the user has not set a user time-out. Both ADV_UTO and what the
 * peer has told are kept as the option has them.
 *
 * It is advice, and need not arrive (§3.2): a SYN has it, each time, and so has the first segment that follows, as
 * well as the next after a change. Where the other options, or a full segment's text, leave no room, that waits for
 * the next.
 */
#include "transport/tcp/uto.h"

#define MINUTES 0x8000 /* §3.3, the bit G: minutes, not seconds */
#define MOST    0x7fff

/* §3.1: the lower one is above R2 (RFC 9293 §3.8.3: 100 s), and above any RTO. */
#define LOWER_LIMIT (TCP_RTO_MAX + PB_SEC(1))
#define UPPER_LIMIT PB_SEC(3600) /* what a peer may make us remember is bounded (§6) */

uint16_t pb_tcp_uto_of(uint32_t seconds)
{
	return (uint16_t)(seconds <= MOST ? seconds : MINUTES | (seconds + 59) / 60);
}

uint32_t pb_tcp_uto_seconds(uint16_t uto)
{
	uint32_t n = uto & MOST;

	return uto & MINUTES ? n * 60 : n;
}

pb_time pb_tcp_uto_adopted(const struct tcp_conn *c)
{
	uint32_t ours = pb_tcp_uto_seconds(c->set.adv_uto), theirs = pb_tcp_uto_seconds(c->remote_uto);
	pb_time longer = PB_SEC(ours > theirs ? ours : theirs);

	if (longer < LOWER_LIMIT)
		return LOWER_LIMIT;
	return longer < UPPER_LIMIT ? longer : UPPER_LIMIT;
}

/* §3.4: one of no time at all is ignored. */
void pb_tcp_uto_take(struct tcp_conn *c, const struct tcp_options *peer)
{
	if (c->set.adv_uto && peer->has_user_timeout && pb_tcp_uto_seconds(peer->user_timeout))
		c->remote_uto = peer->user_timeout;
}

void pb_tcp_uto_changed(struct tcp_conn *c)
{
	c->uto_due = c->set.adv_uto != 0;
	if (!c->set.adv_uto)
		c->remote_uto = 0;
}

bool pb_tcp_uto_write(const struct tcp_settings *set, struct tcp_options *o)
{
	if (!set->adv_uto)
		return false;
	o->has_user_timeout = true;
	o->user_timeout = set->adv_uto;
	if (pb_tcp_header_len(o) > TCP_HEADER_LEN_MAX)
		o->has_user_timeout = false;
	return o->has_user_timeout;
}

/* Text leaves room in its segment for the options that all have, and no others (RFC 9293 §3.7.1). */
void pb_tcp_uto_send(struct tcp_conn *c, struct tcp_options *o, uint32_t text_len)
{
	size_t usual = TCP_HEADER_LEN + pb_tcp_options_len(c);

	if (!pb_tcp_uto_write(&c->set, o))
		return;
	if (text_len && text_len + pb_tcp_header_len(o) - usual > c->mss)
		o->has_user_timeout = false;
	else
		c->uto_due = false;
}
