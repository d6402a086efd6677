/*
 * Some simulations sign what they say: by RFC 2385, or by RFC 5925, whose keys then change all the while: a new one is
 * given to both ends, one after the other asks for it, and the old one is taken away when neither needs it any more.
 */
#ifndef PB_TESTS_SIGNING_H
#define PB_TESTS_SIGNING_H

#include "base/addr.h"
#include "base/rng.h"

#include <packetboat/socket.h>

enum signing_kind { SIGNING_NONE, SIGNING_MD5, SIGNING_AO };

struct signing {
	enum signing_kind kind;
	const char *algorithm;
	bool omits_options;
};

/* options_change: somebody on the way changes them, so that they cannot be covered. */
struct signing signing_choose(struct rng *r, bool options_change);

/* A key for a peer, before connecting or listening. 0 or -errno. */
int signing_begin(const struct signing *s, struct pb_socket *socket, const union pb_addr *peer);

/* The ends of a connection, and which key is its newest. */
struct signing_talk {
	uint8_t key;
	bool asked[2];
};

/* The next step of a change of keys. at: the addresses of the two ends. 0 or -errno. */
int signing_roll(const struct signing *s, struct signing_talk *t, struct pb_socket *const end[2],
		 const union pb_addr at[2], struct rng *r);

/* How many segments came to an end of a connection that were signed wrongly. */
uint64_t signing_bad(struct pb_socket *end);

#endif
