/*
 * IPv6 (RFC 8200): what comes is checked, what leaves gets its header. We are a host: what is for others is dropped.
 */
#ifndef PB_NET_IP6_H
#define PB_NET_IP6_H

#include "net/internet.h"

/*
 * Speak IPv6 on an interface: give it a link-local address (RFC 4862 §5.3), unless it has one. 0 or -errno, as
 * pb_internet_add_address().
 */
int pb_ip6_enable(struct iface *i, bool at_once);

/* An IPv6 packet came, b->data being its header; shouted: in a frame to all. As pb_internet_input(). */
enum ip_verdict pb_ip6_input(struct internet *net, struct iface *i, struct pb_buf *b, bool shouted,
			     struct ip_packet *packet, struct ip_error *error);

/* As pb_ip_send() and pb_ip_send_raw(), the path being valid. */
int pb_ip6_send(struct internet *net, struct ip_path *path, const struct ip_send *how, struct pb_buf *b);
int pb_ip6_send_raw(struct internet *net, struct ip_path *path, struct pb_buf *b);

/* A datagram's time to be put together is up (struct reassembly). */
struct fragment;
void pb_ip6_reassembly_expired(struct iface *i, const struct fragment *first, struct pb_buf *b);

#endif
