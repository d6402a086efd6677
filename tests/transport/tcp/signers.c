#include "signers.h"

void signers_begin(struct signers *s, unsigned backlog, bool ao)
{
	*s = (struct signers){ 0 };
	harness_begin(&s->h, 1, NULL);
	s->l = harness_listen(&s->h, backlog);
	s->pair = (struct socket_pair){ harness_ip(PEERS), harness_ip(OURS), HARNESS_PEER, HARNESS_PORT };
	s->peer = (struct tcp_party){ .counters = &s->counters, .pair = &s->pair, .ao = ao };
}

void signers_end(struct signers *s)
{
	pb_tcp_auth_free(s->keys);
	pb_tcp_listener_close(s->l);
	harness_end(&s->h);
}

void signers_inject(struct signers *s, uint16_t flags, uint32_t at, uint32_t len, const struct tcp_party *by)
{
	const struct segment segment = {
		.h = {.flags = flags, .seq = at, .ack = s->theirs, .window = 65535},
		.text_len = len,
		.party = by
	};

	harness_inject(&s->h, &segment);
}

struct segment signers_expect(struct signers *s, uint16_t flags)
{
	struct segment segment;

	assert_true(harness_sent_signed(&s->h, &segment, &s->peer));
	assert_int_equal(segment.h.options.auth, s->peer.ao ? TCP_SIGNED_AO : TCP_SIGNED_MD5);
	assert_int_equal(segment.h.flags, flags);
	return segment;
}

void signers_expect_silence(struct signers *s)
{
	struct segment segment;

	assert_false(harness_sent(&s->h, &segment, NULL));
}
