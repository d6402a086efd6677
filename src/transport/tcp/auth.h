/*
 * Signed segments: TCP MD5 (RFC 2385) and TCP-AO (RFC 5925), between peers that share a key. A socket that has keys has
 * a struct tcp_auth; who has none pays for a NULL pointer. Three files:
 *
 *   auth.c        who signs, what may pass unsigned, which key it is: for a connection, a SYN record, a TIME-WAIT, a
 *                 listener, each of which is a party here
 *   auth_keys.c   the keys of a socket
 *   auth_mac.c    the signature of a segment, both kinds; ao_algorithm.c TCP-AO's cryptography (RFC 5926)
 *
 * Keys are for a peer's address, or for all in a prefix of it. A listener's are inherited by what it accepts: those
 * that are for that peer. What the RFCs leave open is as on Linux: what may not pass is dropped, counted, and not
 * answered. Resets for a pair without a connection are signed with the key of a listener, where MD5 is the kind;
 * TCP-AO's need the connection's first numbers, which are lost with it (RFC 5925 §7.7): none is sent.
 */
#ifndef PB_TRANSPORT_TCP_AUTH_H
#define PB_TRANSPORT_TCP_AUTH_H

#include "transport/tcp/ao_algorithm.h"
#include "transport/tcp/seq.h"
#include "transport/tcp/timewait.h"

#define TCP_KEY_MAX  80   /* bytes; Linux's TCP_MD5SIG_MAXKEYLEN and TCP_AO_MAXKEYLEN */
#define TCP_KEYS_MAX 1024 /* of a socket */

struct tcp_md5_key {
	struct tcp_md5_key *next;
	struct ip peer;
	uint8_t bits; /* of the prefix that peer is */
	uint8_t len;
	uint8_t key[TCP_KEY_MAX];
};

/* A master key tuple, RFC 5925 §3.1. */
struct tcp_mkt {
	struct tcp_mkt *next;
	const struct ao_algorithm *algorithm;
	struct ip peer;
	uint8_t bits;
	uint8_t send_id, receive_id;
	uint8_t mac_len;
	bool omits_options; /* in the MAC */
	uint8_t len;
	uint8_t key[TCP_KEY_MAX];
	uint64_t good, bad; /* segments */
	/* Of a connection, once it has both first numbers. Those for SYNs are made when they are needed. */
	bool derived;
	uint8_t send_key[AO_TRAFFIC_KEY_MAX], receive_key[AO_TRAFFIC_KEY_MAX];
};

struct tcp_auth {
	struct tcp_md5_key *md5;
	struct tcp_mkt *mkts; /* the last added first */
	unsigned count;       /* of both */
	bool required;        /* no connection without TCP-AO */
	bool accepts_icmp;    /* RFC 5925 §7.8 */
	struct {
		uint64_t unknown_key, missing, icmp_ignored;
		uint64_t good, bad; /* of keys that are gone */
	} counts;

	/* Of a connection with TCP-AO: what it signs with and what it asks its peer to sign with. NULL: without */
	struct tcp_mkt *current, *wanted; /* RFC 5925 §3.3: current_key, rnext_key */
	seq iss, irs;
	bool has_numbers; /* both */
	/*
	 * SND.UNA and RCV.NXT as they were last looked at, extended to 64 bits: their upper halves are what RFC 5925
	 * §6.2 calls SNE. A segment's own is that of the number nearest to these, in either direction (RFC 9187).
	 */
	uint64_t sent, received;
};

/* The number of 64 bits nearest to another that ends in at. */
static inline uint64_t tcp_extend(uint64_t near, seq at)
{
	return near + (uint64_t)(int64_t)seq_diff(at, (seq){ (uint32_t)near });
}

/*
 * -- auth_keys.c. where: the settings' pointer, made if it is NULL; NULL again when the last key goes.
 */

void pb_tcp_auth_free(struct tcp_auth *auth);
struct tcp_auth *pb_tcp_auth_need(struct tcp_auth **where); /* NULL: there is no memory */

/* 0; -ENOMEM: memory or TCP_KEYS_MAX; -EKEYREJECTED: there is a key of the other kind for some of these peers. */
int pb_tcp_md5_set(struct tcp_auth **where, const struct ip *peer, unsigned bits, const void *key,
		   size_t len);
int pb_tcp_md5_remove(struct tcp_auth **where, const struct ip *peer, unsigned bits); /* -ENOENT */
/* The one with the longest prefix; NULL. */
const struct tcp_md5_key *pb_tcp_md5_find(const struct tcp_auth *auth, const struct ip *peer);

/* mkt is copied. -EEXIST: one of its identifiers is taken, for some of these peers (RFC 5925 §3.1); as above. */
int pb_tcp_ao_add(struct tcp_auth **where, const struct tcp_mkt *mkt, struct tcp_mkt **added);
/* -ENOENT; -EBUSY: it is in use. */
int pb_tcp_ao_remove(struct tcp_auth **where, struct tcp_mkt *mkt);
/* Remove all that are not for this peer, chosen or not. */
void pb_tcp_ao_keep(struct tcp_auth *auth, const struct ip *peer);
#define AO_ANY_ID (-1)
/* The last added for a peer that has these identifiers; NULL. */
struct tcp_mkt *pb_tcp_ao_find(const struct tcp_auth *auth, const struct ip *peer, int send_id,
			       int receive_id);

/* Those for one peer. 0 and *copy, which is NULL if there are none; -ENOMEM. */
int pb_tcp_auth_inherit(const struct tcp_auth *from, const struct ip *peer, bool ao, struct tcp_auth **copy);

/*
 * -- auth.c
 */

/* For whom a segment comes or goes. Zero: nobody, who neither signs nor is signed to. */
struct tcp_party {
	struct tcp_auth *auth; /* NULL: it has no keys */
	struct pb_counters *counters;
	const struct socket_pair *pair;
	bool ao;         /* TCP-AO is what was agreed on */
	bool own;        /* auth is this connection's alone: traffic keys are kept */
	bool knows_peer; /* irs is its first number */
	seq iss, irs;
	struct tcp_mkt *current; /* what it signs with; NULL with ao: it cannot */
	uint8_t wanted;          /* the identifier that it tells */
	uint64_t sent, received;
};

struct tcp_party pb_tcp_party_conn(struct tcp_conn *c);
struct tcp_party pb_tcp_party_record(const struct tcp_syn *r);
struct tcp_party pb_tcp_party_time_wait(struct tcp *t, const struct tcp_time_wait *w);
/* pair: that of s, which came to it. */
struct tcp_party pb_tcp_party_listener(const struct tcp_listener *l, const struct socket_pair *pair,
				       const struct tcp_segment *s);
/* Of a pair that nobody has: a listener at the port that the segment comes from, as two that call each other have. */
struct tcp_party pb_tcp_party_nobody(struct tcp *t, const struct socket_pair *pair,
				     const struct tcp_segment *s);

/* Whether a segment that came may be looked at. If not, it was counted. */
bool pb_tcp_auth_admits(const struct tcp_party *p, const struct tcp_segment *s);

/* How a segment that leaves is signed. */
struct tcp_signature {
	enum tcp_auth_kind kind;
	const struct tcp_md5_key *md5;
	const struct tcp_mkt *mkt;
	uint32_t sne;
	uint8_t traffic_key[AO_TRAFFIC_KEY_MAX];
};

/* The option, in a header whose number and flags are there. False: it cannot be signed, and must not be sent. */
bool pb_tcp_auth_sign(const struct tcp_party *p, struct tcp_header *h, struct tcp_signature *sign);

/* Whether the keys let connect() go on: 0; -EKEYREJECTED: there are some for TCP-AO, but none for this peer. */
int pb_tcp_auth_connect(const struct tcp_auth *auth, const struct ip *peer);
/* It does: those for this peer, and of them the last added, or what the user has chosen. */
void pb_tcp_auth_begin(struct tcp_auth *auth, const struct ip *peer);
/* A connection accepted with TCP-AO: its keys, as the handshake named them. False: they are gone. */
bool pb_tcp_auth_accept(struct tcp_auth *auth, const struct ip *peer, const struct tcp_syn *r);
/* The peer of a connection asks for another key, in a segment that was admitted (RFC 5925 §7.5, step 2 d). */
void pb_tcp_auth_heed(struct tcp_conn *c, const struct tcp_segment *s);
/* The connection becomes a TIME-WAIT: its keys. */
struct tcp_auth *pb_tcp_auth_take(struct tcp_conn *c);
/* Among the options of each segment of c. */
uint32_t pb_tcp_auth_room(const struct tcp_conn *c);
/* Whether what ICMP tells is not to be believed (RFC 5925 §7.8); counted. */
bool pb_tcp_auth_ignores(struct tcp_conn *c, const struct ip_error *e);

/*
 * -- auth_mac.c
 */

/* A segment as it is on the wire. */
struct signed_segment {
	const struct ip *src, *dst;
	const uint8_t *header;
	size_t header_len, mac_at, mac_len;
	const struct pb_buf *text; /* from text_at on; the header may be in front of that */
	size_t text_at;
};

void pb_tcp_md5_mac(const struct tcp_md5_key *key, const struct signed_segment *s,
		    uint8_t mac[TCP_MD5_MAC_LEN]);
void pb_tcp_ao_mac(const struct tcp_mkt *mkt, const uint8_t *traffic_key, uint32_t sne,
		   const struct signed_segment *s, uint8_t mac[AO_MAC_MAX]);

/* Put the signature into a packet whose header is written, in front of its text. */
void pb_tcp_auth_seal(const struct tcp_signature *sign, const struct ip *src, const struct ip *dst,
		      struct pb_buf *b, size_t header_len);

#endif
