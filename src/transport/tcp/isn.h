/* Where sequence numbers and timestamps begin (isn.c, RFC 6528). */
#ifndef PB_TRANSPORT_TCP_ISN_H
#define PB_TRANSPORT_TCP_ISN_H

#include "transport/tcp/layer.h"
#include "transport/tcp/seq.h"

/* A keyed hash of a pair: half of it hides sequence numbers, the other half timestamps. */
uint64_t pb_tcp_secret(const struct tcp *t, const struct socket_pair *pair);
seq pb_tcp_isn(const struct tcp *t, uint64_t secret); /* RFC 6528 §3 */
uint32_t pb_tcp_timestamp_offset(uint64_t secret);    /* RFC 7323 §5.4 */

/* Our clock now. RFC 7323 §5.4: a tick of 1 ms to 1 s; 1 ms measures best. */
static inline uint32_t pb_tcp_timestamp(const struct tcp *t, uint32_t offset)
{
	return (uint32_t)(env_now(t->env) / PB_MSEC(1)) + offset;
}
#define TCP_ISS_STEP 65537 /* beyond all that was sent before from a pair; Linux's, too */

#endif
