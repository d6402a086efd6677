/*
 * TCP fast open (RFC 7413): text in the SYN, so that a request and its answer take one round trip.
 *
 *   client: fast_open.c                                    server: fast_open_server.c
 *   SYN, asks for a cookie            ---------->
 *                                     <----------  SYN-ACK with a cookie: a keyed hash of the two addresses
 *   keeps it, with the MSS: fast_open_peers.c                                           fast_open_cookie.c
 *   ...
 *   SYN with the cookie, and text     ---------->  the cookie is good: the text is given to the application at once
 *                                     <----------  SYN-ACK of all of it; text of the answer
 *   ACK                               ---------->
 *
 * What is not acknowledged in the SYN-ACK is sent again behind it, as any text. A SYN that is sent again has neither
 * cookie nor text, as both may be why the first was lost.
 *
 * The server takes on trust that the caller is where his SYN says, for as long as a handshake takes. A cookie shows
 * that he once was; how many connections of a listener may be in that state is limited, and one that was reset in it
 * counts for a minute more (RFC 7413 §5.1). More than the initial window is not sent into the unknown, and only once.
 *
 * A connection has this state, c->fast_open, only while its handshake lasts.
 */
#ifndef PB_TRANSPORT_TCP_FAST_OPEN_H
#define PB_TRANSPORT_TCP_FAST_OPEN_H

#include "base/hash.h"
#include "base/ip.h"
#include "base/list.h"
#include "wire/tcp.h"

#include <packetboat/time.h>

struct tcp;
struct tcp_conn;
struct tcp_listener;
struct tcp_segment;

/* What a stack does of it: the bits of Linux's net.ipv4.tcp_fastopen. */
enum fast_open_mode {
	FAST_OPEN_CLIENT = 1,
	FAST_OPEN_SERVER = 2,             /* where a listener has a queue for it */
	FAST_OPEN_CLIENT_NO_COOKIE = 4,   /* text in the first SYN, to whoever it is */
	FAST_OPEN_SERVER_NO_COOKIE = 512, /* whoever it is from */
	FAST_OPEN_ALL_LISTENERS = 1024,   /* each has a queue, as long as its backlog */
};

/* How an attempt ended, numbered as tcpi_fastopen_client_fail. */
enum fast_open_failure {
	FAST_OPEN_NO_FAILURE,
	FAST_OPEN_NO_COOKIE,
	FAST_OPEN_NOT_ACKED,
	FAST_OPEN_SYN_LOST,
};

/* What of it a connection remembers. */
struct fast_opened {
	uint8_t tried : 1;    /* our SYN had the option, or text */
	uint8_t syn_text : 1; /* text came or went in the SYN, and the SYN-ACK acknowledged all of it */
	uint8_t failure : 2;  /* enum fast_open_failure */
	uint8_t cut : 4;      /* segments that the SYN's text would be now, beside one */
};

/* A handshake that is under way. */
struct fast_open {
	bool passive; /* we are the server: the SYN-ACK is not acknowledged */

	/* Client */
	bool more;         /* the user has more text than the SYN took, and waits to send it */
	bool deferred;     /* the SYN waits for the first text */
	bool sent;         /* it has left: from now on without option and text */
	bool asked;        /* it had the option */
	bool experiment;   /* in its old form */
	uint32_t text_len; /* that it had */

	/* Server */
	struct tcp_listener *listener; /* whose pending it is; NULL: that has closed */
	struct pb_link link;           /* in its pending, or its resets */
	pb_time counts_until;          /* reset, and still counted */
};

struct fast_open_cookie {
	uint8_t len; /* 0: there is none */
	uint8_t bytes[TCP_COOKIE_LEN_MAX];
};

/*
 * -- fast_open_peers.c: what is known of servers
 */

/* RFC 7413 §4.1.3: by the two addresses; failures by port, too. */
struct fast_open_peer {
	struct ip local, remote; /* remote all zero: the place is free */
	struct fast_open_cookie cookie;
	bool experiment;      /* the cookie came in the option's old form */
	uint8_t experimented; /* no cookie came, though asked for: 1 in the new form, 2 in the old form, too */
	uint16_t mss;         /* that it last announced; 0: not known */
	uint16_t failed_port;
	uint8_t failures; /* in a row, of this port */
	pb_time failed_at;
	uint64_t used; /* a count: who was used last */
};

/*
 * Made when first needed; as many as tcp_limits.fast_open_peers_max, then the one of its set not used for longest
 * goes.
 */
struct fast_open_peers {
	struct fast_open_peer *peer; /* NULL: none yet */
	size_t sets;
	uint64_t uses;
	struct pb_siphash_key key;
};

/* NULL: nothing is known. */
struct fast_open_peer *pb_fast_open_peer_find(struct fast_open_peers *p, const struct ip *local,
					      const struct ip *remote);
/* The same, made if there is none. NULL: no memory. */
struct fast_open_peer *pb_fast_open_peer_need(struct fast_open_peers *p, size_t most, const struct ip *local,
					      const struct ip *remote);
void pb_fast_open_peers_forget(struct fast_open_peers *p);

/* Another failure; and a success, after which there has been none. pause: after the second, doubled with each more. */
void pb_fast_open_peer_failed(struct fast_open_peer *p, uint16_t port, pb_time now);
void pb_fast_open_peer_worked(struct fast_open_peer *p, uint16_t port);
bool pb_fast_open_peer_is_paused(const struct fast_open_peer *p, uint16_t port, pb_time now, pb_time pause);

/*
 * -- fast_open_cookie.c: keys and cookies of a server
 */

#define FAST_OPEN_KEY_LEN  16
#define FAST_OPEN_KEYS_MAX 2 /* the present one, and the one before */

struct fast_open_keys {
	unsigned count; /* 0: the stack's own, which change */
	uint8_t key[FAST_OPEN_KEYS_MAX][FAST_OPEN_KEY_LEN];
};

/* The keys that a listener's cookies are made with: given, or the stack's. */
struct fast_open_keys pb_fast_open_keys(const struct tcp *t, const struct fast_open_keys *given);
/* The cookie of a caller, by one of the keys. */
struct fast_open_cookie pb_fast_open_cookie(const uint8_t key[FAST_OPEN_KEY_LEN], const struct ip *caller,
					    const struct ip *server);
/* Which of the keys made it; -1: none. */
int pb_fast_open_cookie_check(const struct fast_open_keys *keys, const struct fast_open_cookie *cookie,
			      const struct ip *caller, const struct ip *server);

/*
 * -- fast_open_server.c
 */

/* A listener's part. */
struct fast_open_queue {
	unsigned most;          /* handshakes that may be pending; 0: no fast open */
	unsigned count;         /* that are, and resets that still count */
	struct pb_link pending; /* struct fast_open */
	struct pb_link resets;  /* struct fast_open, the oldest first */
	struct fast_open_keys keys;
};

/* What becomes of a SYN. */
enum fast_open_verdict {
	FAST_OPEN_NOT,    /* a SYN as any other */
	FAST_OPEN_COOKIE, /* it is, but its answer brings a cookie */
	FAST_OPEN_NOW,    /* a connection at once, with the text */
	FAST_OPEN_RENEW,  /* and a new cookie, for the old one's key is going */
};

void pb_tcp_fast_open_listen(struct tcp_listener *l);
void pb_tcp_fast_open_listener_close(struct tcp_listener *l);
enum fast_open_verdict pb_tcp_fast_open_judge(struct tcp_listener *l, const struct tcp_segment *s);
/* The option of a SYN-ACK that brings a cookie to a caller, in the form that he has used. */
void pb_tcp_fast_open_answer(const struct tcp_listener *l, const struct ip *caller, const struct ip *server,
			     bool experiment, struct tcp_options *o);

/* c, in SYN-RECEIVED, is l's pending. False: no memory. */
bool pb_tcp_fast_open_begin(struct tcp_conn *c, struct tcp_listener *l);
/* It ends by a reset of the peer's before that: it counts for some time more. */
void pb_tcp_fast_open_reset(struct tcp_conn *c);

/*
 * -- fast_open.c: the client
 */

/* c is to be opened fast: its SYN, which has not left, will say so. False: no memory. */
bool pb_tcp_fast_open_try(struct tcp_conn *c);
/* The SYN may carry text: there is a cookie, or none is asked for. */
bool pb_tcp_fast_open_may_carry(struct tcp_conn *c);
/* How much text fits into it. */
uint32_t pb_tcp_fast_open_room(struct tcp_conn *c);
/* It leaves now: its option, if it has one, and how much of the queue goes with it. */
uint32_t pb_tcp_fast_open_syn(struct tcp_conn *c, struct tcp_options *o);
/* There was no answer; or one, and then nothing more. */
void pb_tcp_fast_open_failed(struct tcp_conn *c);

/*
 * -- Both
 */

/* Our SYN is acknowledged by s, and SND.UNA has moved. */
void pb_tcp_fast_open_acked(struct tcp_conn *c, const struct tcp_segment *s);
/* The state goes. */
void pb_tcp_fast_open_end(struct tcp_conn *c);

#endif
