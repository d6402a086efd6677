/*
 * ICMP of IPv6 (RFC 4443): echoes are answered, errors told and understood. Neighbour discovery, which
 * travels in it, is nd.h's.
 */
#ifndef PB_NET_ICMP6_H
#define PB_NET_ICMP6_H

#include "net/internet.h"

struct icmp6_error;

/* A message came. Takes p->buf, or gives it back with the verdict. */
enum ip_verdict pb_icmp6_input(struct internet *net, struct ip_packet *p, struct ip_error *error);

/*
 * Tell the sender of p what is wrong with it, where RFC 4443 §2.4 (e) allows. p->buf may begin with the
 * header or behind it; it is not taken.
 */
void pb_icmp6_tell(struct internet *net, const struct ip_packet *p, const struct icmp6_error *e);

/* Tell ourselves that a packet of ours could not be sent on, b->data being its header. Takes b. */
void pb_icmp6_tell_ourselves(struct internet *net, struct pb_buf *b);

/*
 * Send a message that stays on the link, past routes and neighbours, with the hop limit that says so (RFC
 * 4861 §3.1), or with the router alert and hop limit 1 of MLD (RFC 3810 §5). mac NULL: that of the group
 * dst.
 */
enum icmp6_kind { ICMP6_IS_ND, ICMP6_IS_MLD };
void pb_icmp6_send_on_link(struct iface *i, enum icmp6_kind kind, const struct ip *src, const struct ip *dst,
			   const uint8_t *mac, const uint8_t *message, size_t len);

#endif
