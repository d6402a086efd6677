/*
 * The host under test: a stack with one interface, whose wire is the script, and a clock that moves when it is told.
 */
#ifndef DRILL_HOST_H
#define DRILL_HOST_H

#include "base/ip.h"

#include <packetboat/device.h>
#include <packetboat/stack.h>

#define HOST_SEEN_MAX 65536 /* packets that were sent and not asked for */

struct host_options {
	struct host_address {
		struct ip ip;
		unsigned bits; /* of its prefix */
	} address[2];
	unsigned address_count;
	uint32_t mtu;
	bool whole;       /* super-segments are seen whole, and no checksums made; else as on a wire */
	const char *save; /* write what passes to this file; NULL: don't */
};

/* A packet that left the stack. */
struct seen {
	struct seen *next;
	pb_time when;
	size_t len;
	uint8_t bytes[];
};

struct host_wire;

struct host {
	struct pb_stack *stack;
	struct host_wire *wire; /* the stack's */
	unsigned index;         /* of its interface */
	struct pb_capture *capture;
	pb_time now, next; /* what the clock shows; when the stack next has something to do */
	struct seen *first, **last;
	size_t seen_count;
	const char *broken; /* it never comes to rest, or sends without end: what; NULL: all is well */
};

/* 0, or -errno; in either case it is to be closed. Sockets have to be closed before. */
int drill_host_open(struct host *h, const struct host_options *o);
void drill_host_close(struct host *h);

/* Let the stack do all it has to do by now. */
void drill_host_settle(struct host *h);

/* Move the clock to when, no earlier than it shows, and settle. */
void drill_host_move(struct host *h, pb_time when);

/* Hand it a packet, and settle. False: out of memory. */
bool drill_host_hear(struct host *h, const uint8_t *bytes, size_t len);

/* What SIOCINQ and SIOCOUTQ tell of a socket: of datagrams, the next one alone is to be received (udp(7)). */
struct socket_queues {
	struct pb_socket *socket;
	uint32_t receive, send; /* bytes */
};
struct socket_queues drill_host_queues(struct host *h, struct pb_socket *socket);

/* Take the next packet that it sent, to be freed; NULL: there is none. */
struct seen *drill_host_take(struct host *h);

#endif
