/* The user time-out option (uto.c, RFC 5482): what is told of user time-outs, and heeded. */
#ifndef PB_TRANSPORT_TCP_UTO_H
#define PB_TRANSPORT_TCP_UTO_H

#include "transport/tcp/conn.h"

uint16_t pb_tcp_uto_of(uint32_t seconds); /* as the option has it */
uint32_t pb_tcp_uto_seconds(uint16_t uto);
pb_time pb_tcp_uto_adopted(const struct tcp_conn *c); /* the peer has told his */
void pb_tcp_uto_take(struct tcp_conn *c, const struct tcp_options *peer);
void pb_tcp_uto_changed(struct tcp_conn *c); /* by the user */
/* Into a SYN, the last of its options; false: off, or no room. And what is due into any other, where there is room. */
bool pb_tcp_uto_write(const struct tcp_settings *set, struct tcp_options *o);
void pb_tcp_uto_send(struct tcp_conn *c, struct tcp_options *o, uint32_t text_len);

/* How long it goes on sending again: as the user says, or else as the two agreed; 0: up to the number of times. */
static inline pb_time tcp_user_timeout(const struct tcp_conn *c)
{
	return c->set.user_timeout || !c->remote_uto ? c->set.user_timeout : pb_tcp_uto_adopted(c);
}

#endif
