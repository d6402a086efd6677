/* A peer who signs his segments, with MD5 or TCP-AO, and the harness of the host that he talks with. */
#ifndef TESTS_TRANSPORT_TCP_SIGNERS_H
#define TESTS_TRANSPORT_TCP_SIGNERS_H

#include "harness.h"
#include "transport/tcp/auth.h"

#define OURS  "192.0.2.1"
#define PEERS "198.51.100.1"

struct signers {
	struct harness h;
	struct tcp_listener *l;
	struct tcp_auth *keys; /* the peer's */
	struct socket_pair pair;
	struct tcp_party peer; /* .ao: by TCP-AO */
	struct pb_counters counters;
	uint32_t theirs; /* what the peer expects next */
};

/* All but the keys. */
void signers_begin(struct signers *s, unsigned backlog, bool ao);
void signers_end(struct signers *s);

/* A segment to us, signed by somebody; NULL: by nobody. */
void signers_inject(struct signers *s, uint16_t flags, uint32_t at, uint32_t len, const struct tcp_party *by);

/* The next segment from us: it has these flags, and the peer can verify its signature. Or there is none. */
struct segment signers_expect(struct signers *s, uint16_t flags);
void signers_expect_silence(struct signers *s);

#endif
