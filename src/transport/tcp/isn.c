/*
 * Numbers that nobody outside can guess: initial sequence numbers (RFC 6528), and where a connection's timestamps
 * begin (RFC 7323 §5.4). Each is a clock plus a keyed hash of the socket pair: hidden from whoever does not have
 * the key, yet growing from one connection of a pair to its next.
 */
#include "transport/tcp/isn.h"

#define ISN_TICK 4000 /* nanoseconds: RFC 6528 §3, M is a timer of 4 microseconds */

uint64_t pb_tcp_secret(const struct tcp *t, const struct socket_pair *pair)
{
	struct pair_key k;

	pair_key(&k, pair);
	return pb_siphash(&t->secret_key, &k, k.len);
}

seq pb_tcp_isn(const struct tcp *t, uint64_t secret)
{
	return (seq){ (uint32_t)(env_now(t->env) / ISN_TICK) + (uint32_t)secret };
}

uint32_t pb_tcp_timestamp_offset(uint64_t secret)
{
	return (uint32_t)(secret >> 32);
}
