/*
 * What ICMP of both versions has in common: how messages are taken, sent and counted, how packets are quoted and
 * echoes answered, how many errors are told; and which version's is asked for.
 *
 * Errors are told by a bucket for all (internet_limits.errors_per_second) and one for each destination, of
 * one a second and six at once (RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f)). Over the loopback interface all are told: who
 * asks there is ourselves.
 */
#ifndef PB_NET_ICMP_H
#define PB_NET_ICMP_H

#include "net/internet.h"

#include <stddef.h>

/* Whether an error may be told to a destination now; it is counted as told. */
bool pb_icmp_admit(struct internet *net, const struct iface *i, const struct ip *to);

/* Of a version: what its protocol is, and how messages are counted. */
struct icmp_version {
	uint8_t protocol; /* IPPROTO_ICMP; IPPROTO_ICMPV6, whose checksum is of the pseudo-header, too */
	uint8_t echo_reply;
	const struct icmp_counted *counted;
	size_t kinds;
};

/* ICMP_COUNTER(…), when one comes and when one is sent; 0: by none but InMsgs and OutMsgs. */
struct icmp_counted {
	uint8_t type;
	size_t in, out;
};
#define ICMP_COUNTER(name) offsetof(struct pb_counters, icmp.name)

/* A message came: its type, if it is undamaged. False: it is not, and freed. */
bool pb_icmp_take(struct internet *net, const struct icmp_version *v, struct ip_packet *p, uint8_t *type);

/* Send a message, its checksum still to be computed. Takes b. src unspecified: one is chosen. bound: as of a path. */
void pb_icmp_send(struct internet *net, const struct icmp_version *v, const struct ip *src,
		  const struct ip *dst, unsigned bound, uint8_t tos, struct pb_buf *b);

/*
 * An error with as much of p as fits into a message of at most most bytes. skip: of p->buf, its header. NULL: no
 * memory.
 */
#define ICMP_QUOTE_AT 8 /* behind the error's own bytes: RFC 792, RFC 4443 §3 */
struct pb_buf *pb_icmp_quote(struct env *env, const uint8_t error[ICMP_QUOTE_AT], size_t most,
			     const struct ip_packet *p, size_t skip);

/* What answers an echo: what came, with the type changed; the data by reference. NULL: too short, or no memory. */
struct pb_buf *pb_icmp_echo_reply(struct env *env, const struct icmp_version *v, struct pb_buf *request);

/* Tell ourselves that a packet of ours could not be sent on, b->data being its header. Takes b. */
void pb_icmp_tell_ourselves(struct internet *net, struct pb_buf *b);

#endif
