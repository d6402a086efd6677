/*
 * What ICMP told of packets of a socket's, and its owner has not read: IP_RECVERR, ip(7). Bounded: what comes when the
 * queue is full is not kept.
 */
#ifndef PB_TRANSPORT_ERROR_QUEUE_H
#define PB_TRANSPORT_ERROR_QUEUE_H

#include "net/internet.h"

#define ERROR_QUEUE_MAX 64  /* errors */
#define ERROR_QUOTE_MAX 576 /* bytes of our own packet that one carries back */

struct returned {
	struct returned *next;
	struct ip_error error; /* quote: not used */
	bool local;            /* no ICMP: we refused it ourselves, the path being too narrow */
	uint16_t dst_port;
	size_t len; /* of what was quoted */
	uint8_t data[];
};

struct error_queue {
	struct returned *first, **end;
	unsigned count;
};

void pb_error_queue_init(struct error_queue *q);
void pb_error_queue_clear(struct error_queue *q);

/* port: what it was sent to. data, len: what is quoted of it. False: it is not kept. */
bool pb_error_queue_push(struct error_queue *q, const struct ip_error *error, uint16_t port,
			 const uint8_t *data, size_t len);

/* A packet of ours to dst was longer than its path takes. */
bool pb_error_queue_push_local(struct error_queue *q, const struct ip *dst, uint16_t port, uint32_t mtu);

/* The first, handed over (free() it); NULL: none. */
struct returned *pb_error_queue_take(struct error_queue *q);

#endif
