/*
 * What ICMP of both versions has in common: how many errors are told, and which version's is asked for.
 *
 * Errors are told by a bucket for all (internet_limits.errors_per_second) and one for each destination, of
 * one a second and six at once (RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f)). Over the loopback interface all are told: who
 * asks there is ourselves.
 */
#ifndef PB_NET_ICMP_H
#define PB_NET_ICMP_H

#include "net/internet.h"

/* Whether an error may be told to a destination now; it is counted as told. */
bool pb_icmp_admit(struct internet *net, const struct iface *i, const struct ip *to);

/* Tell ourselves that a packet of ours could not be sent on, b->data being its header. Takes b. */
void pb_icmp_tell_ourselves(struct internet *net, struct pb_buf *b);

#endif
