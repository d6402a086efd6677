/*
 * Raw endpoints: whole packets of one protocol, each beside what else becomes of them (raw(7)), and echo
 * endpoints: ICMP echo requests under an identifier that is theirs alone, and the answers (Linux's "ping
 * sockets", icmp(7)).
 */
#ifndef PB_TRANSPORT_RAW_H
#define PB_TRANSPORT_RAW_H

#include "transport/endpoint.h"

struct raw {
	struct env *env;
	struct internet *net;
	struct pb_link endpoints; /* struct raw_endpoint, the first opened first */
};

struct raw_endpoint {
	struct endpoint base; /* first */
	struct raw *raw;
	struct pb_link link;
	uint8_t protocol;
	bool echo;            /* only echo requests out, only their answers in; the port is the identifier */
	bool header_included; /* IP_HDRINCL: what is sent has its IP header */
	uint32_t icmp_filter[8]; /* bit n: type n does not come (ICMP_FILTER; RFC 3542 §3.2, ICMP6_FILTER) */
};

void pb_raw_init(struct raw *r, struct env *env, struct internet *net);

/*
 * protocol: IPPROTO_RAW sends with headers and receives nothing. echo: protocol is IPPROTO_ICMP or _ICMPV6.
 * NULL: out of memory.
 */
struct raw_endpoint *pb_raw_open(struct raw *r, int family, uint8_t protocol, bool echo);

/* A packet that came, shown to all that are for it; it stays the caller's. Returns whether there were any. */
bool pb_raw_input(struct raw *r, const struct ip_packet *packet);
void pb_raw_complaint(struct raw *r, const struct ip_error *e);

#endif
