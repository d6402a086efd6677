/*
 * ICMP of IPv4 (RFC 792, RFC 1122 §3.2.2): echoes are answered, errors told and understood.
 *
 * Errors are told as often as icmp.h allows; not about errors, groups or fragments other than the first.
 */
#ifndef PB_NET_ICMP4_H
#define PB_NET_ICMP4_H

#include "net/internet.h"

/* An ICMP message came. Takes p->buf, or gives it back with the verdict. */
enum ip_verdict pb_icmp4_input(struct internet *net, struct ip_packet *p, struct ip_error *error);

/*
 * Tell the sender of p what is wrong with it. p->buf may begin with the header or behind it; it is not taken.
 * pointer: which byte of the header it is.
 */
void pb_icmp4_parameter_problem(struct internet *net, const struct ip_packet *p, unsigned pointer);
void pb_icmp4_reassembly_exceeded(struct internet *net, const struct ip_packet *p);
void pb_icmp4_unreachable(struct internet *net, const struct ip_packet *p, uint8_t code);

/* Tell ourselves that a packet of ours could not be sent on, b->data being its header. Takes b. */
void pb_icmp4_tell_ourselves(struct internet *net, struct pb_buf *b);

#endif
