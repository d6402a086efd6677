/*
 * IPv4 (RFC 791, RFC 1122 §3.2.1): what comes is checked, what leaves gets its header. We are a host: what
 * is for others is dropped (RFC 1122 §3.3.1.1), and so is what carries a source route (RFC 7126 §4.3, 4.4).
 */
#ifndef PB_NET_IP4_H
#define PB_NET_IP4_H

#include "net/internet.h"

/* An IPv4 packet came, b->data being its header; shouted: in a frame to all. As pb_internet_input(). */
enum ip_verdict pb_ip4_input(struct internet *net, struct iface *i, struct pb_buf *b, bool shouted,
			     struct ip_packet *packet, struct ip_error *error);

/* As pb_ip_send() and pb_ip_send_raw(), the path being valid. */
int pb_ip4_send(struct internet *net, struct ip_path *path, const struct ip_send *how, struct pb_buf *b);
int pb_ip4_send_raw(struct internet *net, struct ip_path *path, struct pb_buf *b);

/* Send an IGMP message on the link, with the router alert and TTL of 1 that RFC 3376 §4 wants. */
void pb_ip4_send_igmp(struct iface *i, const struct ip *src, const struct ip *dst, const uint8_t *message,
		      size_t len);

/* A datagram's time to be put together is up (struct reassembly). */
struct fragment;
void pb_ip4_reassembly_expired(struct iface *i, const struct fragment *first, struct pb_buf *b);

#endif
