/*
 * A TCP without a network: beneath it, in harness.c, is an internet layer that only records what is sent. Tests are
 * the peer: they inject segments, look at those that come, and say what time it is.
 */
#ifndef TESTS_TRANSPORT_TCP_HARNESS_H
#define TESTS_TRANSPORT_TCP_HARNESS_H

#include "transport/tcp/auth.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/idle.h"
#include "transport/tcp/listen.h"
#include "transport/tcp/tcp.h"
#include "transport/tcp/timewait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HARNESS_PORT 80   /* ours, where nothing else is said */
#define HARNESS_PEER 3022 /* the peer's */

struct harness {
	struct env env;
	struct tcp *tcp;
	struct iface iface;
	struct pb_buf_queue sent; /* as it came from TCP, the TCP header first */
	uint32_t mtu;             /* of every path: 1500 */
	unsigned redirects;       /* that were believed */
	int unreachable;          /* what pb_ip_path() answers: 0 */
	uint16_t call_flags;      /* of the SYN of harness_call(), beside SYN: ECN's */
};

/* A segment of the peer's, or one that came to it. Ports, where 0: HARNESS_PORT and HARNESS_PEER. */
struct segment {
	struct tcp_header h;
	uint32_t text_len;
	const void *text; /* NULL: text_len bytes of whatever */
	uint8_t tos;
	const char *from;              /* the peer's address; NULL: 198.51.100.1 */
	const struct tcp_party *party; /* who signs it; NULL: nobody */
};

/* seed: of all chance. limits: may be NULL. */
void harness_begin(struct harness *h, uint64_t seed, const struct tcp_limits *limits);
/* Whoever has an endpoint has closed it. Fails if a byte of the pool's is still out. */
void harness_end(struct harness *h);
/* End all: a connection, which is reset, and the listener that it came by. What they have sent is not looked at. */
void harness_hang_up(struct harness *h, struct tcp_conn *c, struct tcp_listener *l);

/* A segment arrives, as a batch of its own. */
void harness_inject(struct harness *h, const struct segment *s);

/* The oldest of those sent that were not looked at yet; its text is copied to text, if not NULL. False: none. */
bool harness_sent(struct harness *h, struct segment *s, void *text);
/* The same; peer admits it. */
bool harness_sent_signed(struct harness *h, struct segment *s, const struct tcp_party *peer);
void harness_forget(struct harness *h); /* all that were sent */

/* A listener at HARNESS_PORT, of the owner h. */
struct tcp_listener *harness_listen(struct harness *h, unsigned backlog);

/*
 * A call from a port of the peer's: SYN 1000 with options, SYN-ACK, ACK. What was sent is forgotten; *theirs is our
 * ISS + 1, which the peer expects next. Its own next is 1001.
 */
void harness_call(struct harness *h, uint16_t from_port, const struct tcp_options *options, uint32_t *theirs);

/* The same, and accepted; l has nobody else waiting. */
struct tcp_conn *harness_accept(struct harness *h, struct tcp_listener *l, uint32_t *theirs);

/* Time passes. */
void harness_run(struct harness *h, pb_time duration);

struct ip harness_ip(const char *text);

#endif
