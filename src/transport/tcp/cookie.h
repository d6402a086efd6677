/* SYN cookies (cookie.c, RFC 4987 §3.6). */
#ifndef PB_TRANSPORT_TCP_COOKIE_H
#define PB_TRANSPORT_TCP_COOKIE_H

#include "transport/tcp/layer.h"
#include "transport/tcp/seq.h"

struct tcp_syn;

#define TCP_COOKIE_PERIOD PB_SEC(64) /* a cookie is good in the period that it was made in, and the next */
/* A cookie for a SYN (RFC 4987 §3.6): the ISS to answer with; and what an ACK that may carry one restores. */
seq pb_tcp_cookie(const struct tcp *t, const struct socket_pair *pair, seq irs, uint16_t mss);
bool pb_tcp_cookie_check(const struct tcp *t, const struct socket_pair *pair, seq irs, seq cookie,
			 uint16_t *mss);
/* The timestamp of a SYN-ACK with a cookie, which keeps the other options; what its echo restores of them. */
uint32_t pb_tcp_cookie_timestamp(const struct tcp *t, const struct tcp_syn *r);
void pb_tcp_cookie_options(struct tcp_syn *r, uint32_t echo);

#endif
