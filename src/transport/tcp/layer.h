/* The layer itself: what all connections of a stack share. */
#ifndef PB_TRANSPORT_TCP_LAYER_H
#define PB_TRANSPORT_TCP_LAYER_H

#include "net/internet.h"
#include "transport/pairs.h"
#include "transport/ports.h"
#include "transport/tcp/fast_open.h"
#include "transport/tcp/settings.h"
#include "wire/tcp.h"

struct tcp_conn;
struct tcp_idle_port;
struct tcp_party;

/* What a pair_entry is part of (pair_entry.kind). */
enum tcp_entry_kind { ENTRY_CONN, ENTRY_SYN, ENTRY_TIME_WAIT, ENTRY_IDLE };

#define TCP_IDLE_PORTS 256

/* What those who sleep share. */
struct tcp_idle_shared {
	struct pb_link traits;                        /* struct tcp_idle_traits, the last used first */
	struct tcp_idle_port *recent[TCP_IDLE_PORTS]; /* by their port and address */
};

struct tcp {
	struct env *env;
	struct internet *net;
	struct pairs pairs;
	struct ports ports;
	struct tcp_limits limits;
	struct pb_link pending; /* struct tcp_conn: to be flushed */
	struct pb_link time_waits;
	size_t time_wait_count;
	struct tcp_conn *spare; /* memory of connections that have ended, for the next: entry.next leads on */
	unsigned spare_count;
	size_t orphans;
	size_t memory_ample;     /* bytes of the pool in use; beyond it, memory is short: buffers.c */
	bool memory_short;       /* it was when output was last flushed */
	struct pb_link starving; /* struct tcp_conn */
	struct pb_timer starving_timer;
	struct pb_timer time_wait_timer;
	struct tcp_idle_shared idle;
	/*
	 * Where in an owner the entry of his connection is kept (offsetof): it is another when that falls asleep or
	 * wakes. 0: he keeps it elsewhere, and it does not sleep.
	 */
	size_t owner_entry;
	struct pb_siphash_key secret_key, cookie_key, fast_open_secret;
	struct fast_open_keys fast_open_keys; /* given; none: they follow from the secret */
	struct fast_open_peers fast_open_peers;
};

/* Send a segment that no connection sends, to a pair's peer: a header without ports and checksum. by: who signs it. */
void pb_tcp_answer(struct tcp *t, const struct socket_pair *pair, unsigned bound, struct tcp_header *h,
		   uint8_t tos, const struct tcp_party *by);

#endif
