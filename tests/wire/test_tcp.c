/* TCP headers: golden bytes, every prefix, every data offset, options of any length, and any header again. */
#include "random.h"
#include "wire/tcp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A SYN as Linux sends it: MSS 1460, SACK permitted, timestamps, window scale 7. */
static const uint8_t syn[] = { 0xc0, 0x01, 0x00, 0x50, 0x01, 0x02, 0x03, 0x04, 0,    0,    0, 0, 0xa0, 0x02,
			       0xfa, 0xf0, 0xbe, 0xef, 0,    0,    2,    4,    0x05, 0xb4, 4, 2, 8,    10,
			       0,    0,    0,    9,    0,    0,    0,    0,    1,    3,    3, 7 };

static bool parse(struct tcp_header *h, const uint8_t *bytes, size_t len)
{
	return pb_tcp_parse(h, &(struct reader){ .p = bytes, .left = len });
}

static void read_syn(void **state)
{
	struct tcp_header h;

	(void)state;
	for (size_t n = 0; n < sizeof syn; n++)
		assert_false(parse(&h, syn, n));
	assert_true(parse(&h, syn, sizeof syn));
	assert_int_equal(h.src_port, 49153);
	assert_int_equal(h.dst_port, 80);
	assert_int_equal(h.seq, 0x01020304);
	assert_int_equal(h.ack, 0);
	assert_int_equal(h.flags, TCP_SYN);
	assert_int_equal(h.window, 64240);
	assert_int_equal(h.checksum, 0xbeef);
	assert_int_equal(h.len, 40);
	assert_int_equal(h.options.mss, 1460);
	assert_true(h.options.sack_permitted);
	assert_true(h.options.has_timestamp && h.options.ts_value == 9 && h.options.ts_echo == 0);
	assert_true(h.options.has_window_scale && h.options.window_scale == 7);
}

static void write_syn(void **state)
{
	uint8_t bytes[sizeof syn];
	struct tcp_header h;

	(void)state;
	parse(&h, syn, sizeof syn);
	assert_int_equal(pb_tcp_header_len(&h.options), sizeof syn);
	for (size_t room = 0; room < sizeof syn; room++)
		assert_false(pb_tcp_write(&h, &(struct writer){ .p = bytes, .left = room }));
	assert_true(pb_tcp_write(&h, &(struct writer){ .p = bytes, .left = sizeof bytes }));
	assert_memory_equal(bytes, syn, sizeof syn);
}

static void data_offsets(void **state)
{
	uint8_t bytes[64] = { 0 };
	struct tcp_header h;

	(void)state;
	for (unsigned offset = 0; offset < 16; offset++) {
		bytes[12] = (uint8_t)(offset << 4);
		assert_int_equal(parse(&h, bytes, 32), offset >= 5 && offset <= 8);
	}
}

static void handshake_options_without_syn(void **state)
{
	uint8_t bytes[sizeof syn];
	struct tcp_header h;

	(void)state;
	memcpy(bytes, syn, sizeof syn);
	bytes[13] = TCP_ACK;
	assert_true(parse(&h, bytes, sizeof bytes));
	assert_int_equal(h.options.mss, 0);
	assert_false(h.options.has_window_scale || h.options.sack_permitted);
	assert_true(h.options.has_timestamp);
}

/* The options of a SYN that has these. */
static struct tcp_options options_of(const uint8_t *options, size_t len)
{
	uint8_t bytes[TCP_HEADER_LEN_MAX] = { 0 };
	struct tcp_header h;

	bytes[12] = (uint8_t)((20 + (len + 3) / 4 * 4) / 4 << 4);
	bytes[13] = TCP_SYN;
	memcpy(bytes + 20, options, len);
	assert_true(parse(&h, bytes, sizeof bytes));
	return h.options;
}
#define OPTIONS(...) options_of((const uint8_t[]){ __VA_ARGS__ }, sizeof(const uint8_t[]){ __VA_ARGS__ })

static void lengths_of_options(void **state)
{
	(void)state;
	for (unsigned len = 0; len < 256; len++) {
		uint8_t n = (uint8_t)len;
		/* Of wrong length, it and what follows are not read; what came before is. */
		assert_int_equal(OPTIONS(3, 3, 9, 2, n, 5, 0xb4, 0, 0, 0, 0).mss, len == 4 ? 0x05b4 : 0);
		assert_int_equal(OPTIONS(3, 3, 9, 2, n, 5, 0xb4, 0, 0, 0, 0).window_scale, 9);
		assert_int_equal(OPTIONS(3, n, 9, 0).has_window_scale, len == 3);
		assert_int_equal(OPTIONS(4, n, 0, 0, 0).sack_permitted, len == 2);
		assert_int_equal(OPTIONS(8, n, 0, 0, 0, 1, 0, 0, 0, 2).has_timestamp, len == 10);
		assert_int_equal(OPTIONS(28, n, 0x80, 5).has_user_timeout, len == 4);
		assert_int_equal(OPTIONS(5, n, 0, 0, 0, 1, 0, 0, 0, 2, 3, 3, 9, 0).has_window_scale,
				 len == 10);
		/* Of unknown kind, it is passed over. */
		assert_int_equal(OPTIONS(253, n, 3, 3, 9, 0).has_window_scale, len == 2);
	}
	assert_int_equal(OPTIONS(5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 0).sack_count, 0); /* not in a SYN */
	assert_false(OPTIONS(0, 3, 3, 9).has_window_scale);                        /* behind the end */
	assert_int_equal(OPTIONS(28, 4, 0x80, 5).user_timeout, 0x8005);
	assert_true(OPTIONS(1, 3, 3, 15).has_window_scale);
	assert_int_equal(OPTIONS(1, 3, 3, 15).window_scale, 15);
	assert_int_equal(OPTIONS(1, 1, 1, 3).window_scale, 0);
}

/* RFC 9768 §3.2.3: of any length; fields that are not whole, or more than there are, are padding. */
static void counters(void **state)
{
	struct tcp_options o;

	(void)state;
	for (uint8_t len = 2; len <= 16; len++) {
		uint8_t bytes[17] = { 172, len, 0, 0, 1, 0, 2, 0, 3, 0, 0, 4, 5, 6, 7, 8, 0 };
		o = options_of(bytes, sizeof bytes);
		assert_true(o.has_accecn && !o.accecn_ect1_first);
		assert_int_equal(o.accecn_count, len >= 11 ? 3 : (len - 2) / 3);
		assert_int_equal(o.accecn[0], len >= 5 ? 1 : 0);
		assert_int_equal(o.accecn[1], len >= 8 ? 512 : 0);
		assert_int_equal(o.accecn[2], len >= 11 ? 3 << 16 : 0);
	}
	o = OPTIONS(174, 8, 1, 2, 3, 4, 5, 6);
	assert_true(o.has_accecn && o.accecn_ect1_first);
	assert_int_equal(o.accecn[0], 0x10203);
	assert_false(OPTIONS(173, 8, 1, 2, 3, 4, 5, 6).has_accecn);
	assert_false(OPTIONS(172, 9, 1, 2, 3, 4, 5, 6).has_accecn); /* it would reach beyond the header */
}

/* RFC 2385 §3, RFC 5925 §2.2: where the signature is; and two signatures are none. */
static void signatures(void **state)
{
	struct tcp_options o;

	(void)state;
	o = OPTIONS(1, 1, 19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
	assert_int_equal(o.auth, TCP_SIGNED_MD5);
	assert_int_equal(o.mac_at, 24);
	assert_int_equal(o.mac_len, 16);
	o = OPTIONS(2, 4, 5, 0xb4, 29, 16, 61, 84, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
	assert_int_equal(o.auth, TCP_SIGNED_AO);
	assert_int_equal(o.mac_at, 28);
	assert_int_equal(o.mac_len, 12);
	assert_int_equal(o.key_id, 61);
	assert_int_equal(o.next_key_id, 84);
	assert_int_equal(o.mss, 0x5b4);
	assert_int_equal(OPTIONS(29, 8, 1, 2, 0, 0, 0, 0, 29, 8, 1, 2, 0, 0, 0, 0).auth, TCP_SIGNED_WRONG);
	assert_int_equal(OPTIONS(29, 5, 1, 2, 0, 19, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0).auth,
			 TCP_SIGNED_WRONG);
	for (unsigned len = 0; len < 40; len++) {
		uint8_t n = (uint8_t)len;
		enum tcp_auth_kind cut_off = len < 2 || len > 36 ? TCP_UNSIGNED : TCP_SIGNED_WRONG;
		uint8_t md5[36] = { 19, n }, ao[36] = { 29, n };
		assert_int_equal(options_of(md5, sizeof md5).auth, len == 18 ? TCP_SIGNED_MD5 : cut_off);
		assert_int_equal(options_of(ao, sizeof ao).auth,
				 len > 4 && len <= 36 ? TCP_SIGNED_AO : cut_off);
	}
}

static void any_signature(struct random *r, struct tcp_options *o)
{
	o->auth = (uint8_t)random_below(r, TCP_SIGNED_WRONG);
	if (!o->auth)
		return;
	o->mac_at = TCP_MAC_AT;
	o->mac_len = o->auth == TCP_SIGNED_MD5 ? TCP_MD5_MAC_LEN : (uint8_t)(1 + random_below(r, 36));
	if (o->auth == TCP_SIGNED_MD5)
		return;
	o->key_id = (uint8_t)random_next(r);
	o->next_key_id = (uint8_t)random_next(r);
}

/* RFC 7413 §4.1.1: a cookie has 4 to 16 bytes, and an even number of them; one that has not is none. */
static void fast_open_lengths(void **state)
{
	(void)state;
	for (uint8_t len = 0; len < 38; len++) {
		uint8_t bytes[2][40] = {
			{34,    (uint8_t)(2 + len)},
                        { 254, (uint8_t)(4 + len),               0xf9, 0x89 }
		};
		bool good = len == 0 || (len >= 4 && len <= 16 && len % 2 == 0);
		for (uint8_t form = 0; form < 2 && len + 2 * form < 38; form++) {
			memset(bytes[form] + 2 + 2 * form, 0x77, len);
			struct tcp_options o = options_of(bytes[form], 2u + 2u * form + len);
			assert_int_equal(o.has_fast_open, good);
			assert_int_equal(o.cookie_len, good ? len : 0);
			assert_int_equal(o.fast_open_experiment, good && form);
			for (uint8_t i = 0; i < o.cookie_len; i++)
				assert_int_equal(o.cookie[i], 0x77);
		}
	}
	assert_false(OPTIONS(254, 4, 0xf9, 0x88).has_fast_open); /* somebody else's experiment */
	assert_true(OPTIONS(34, 3, 0, 3, 3, 7).has_window_scale);
	assert_int_equal(OPTIONS(34, 6, 1, 1, 1, 1, 34, 6, 2, 2, 2, 2).cookie[0], 2); /* the last */
}

static void any_fast_open(struct tcp_options *o, struct random *r)
{
	o->has_fast_open = true;
	o->fast_open_experiment = random_next(r) & 1;
	o->cookie_len = random_next(r) & 1 ? (uint8_t)(4 + 2 * random_below(r, 7)) : 0;
	for (uint8_t i = 0; i < o->cookie_len; i++)
		o->cookie[i] = (uint8_t)random_next(r);
}

static struct tcp_header any_header(struct random *r)
{
	struct tcp_header h = { .src_port = (uint16_t)random_next(r), .dst_port = (uint16_t)random_next(r) };
	struct tcp_options *o = &h.options;

	h.seq = (uint32_t)random_next(r);
	h.ack = (uint32_t)random_next(r);
	h.flags = random_next(r) & 0x1ff;
	h.window = (uint16_t)random_next(r);
	h.checksum = (uint16_t)random_next(r);
	h.urgent = (uint16_t)random_next(r);
	if (h.flags & TCP_SYN) {
		o->mss = (uint16_t)random_magnitude(r, 16);
		o->has_window_scale = random_next(r) & 1;
		o->window_scale = o->has_window_scale ? (uint8_t)random_next(r) : 0;
		o->sack_permitted = random_next(r) & 1;
		if (random_next(r) & 1)
			any_fast_open(o, r);
	}
	o->has_timestamp = random_next(r) & 1;
	o->ts_value = o->has_timestamp ? (uint32_t)random_next(r) : 0;
	o->ts_echo = o->has_timestamp ? (uint32_t)random_next(r) : 0;
	any_signature(r, o);
	o->sack_count = h.flags & TCP_SYN ? 0 : (uint8_t)random_below(r, 5);
	o->has_user_timeout = random_next(r) & 1;
	o->user_timeout = o->has_user_timeout ? (uint16_t)random_next(r) : 0;
	o->has_accecn = random_next(r) & 1;
	o->accecn_ect1_first = o->has_accecn && random_next(r) & 1;
	o->accecn_count = o->has_accecn ? (uint8_t)random_below(r, 4) : 0;
	for (unsigned i = 0; i < o->accecn_count; i++)
		o->accecn[i] = (uint32_t)random_next(r) & 0xffffff;
	for (unsigned i = 0; i < o->sack_count; i++) {
		o->sack[i].start = (uint32_t)random_next(r);
		o->sack[i].end = (uint32_t)random_next(r);
	}
	return h;
}

static bool same(const struct tcp_header *a, const struct tcp_header *b)
{
	const struct tcp_options *x = &a->options, *y = &b->options;

	return a->src_port == b->src_port && a->dst_port == b->dst_port && a->seq == b->seq &&
	       a->ack == b->ack && a->flags == b->flags && a->window == b->window &&
	       a->checksum == b->checksum && a->urgent == b->urgent && x->mss == y->mss &&
	       x->has_window_scale == y->has_window_scale && x->window_scale == y->window_scale &&
	       x->sack_permitted == y->sack_permitted && x->has_timestamp == y->has_timestamp &&
	       x->ts_value == y->ts_value && x->ts_echo == y->ts_echo && x->sack_count == y->sack_count &&
	       x->auth == y->auth && x->mac_len == y->mac_len && x->mac_at == y->mac_at &&
	       x->key_id == y->key_id && x->next_key_id == y->next_key_id &&
	       memcmp(x->sack, y->sack, x->sack_count * sizeof x->sack[0]) == 0 &&
	       x->has_fast_open == y->has_fast_open && x->fast_open_experiment == y->fast_open_experiment &&
	       x->cookie_len == y->cookie_len && memcmp(x->cookie, y->cookie, x->cookie_len) == 0 &&
	       x->has_user_timeout == y->has_user_timeout && x->user_timeout == y->user_timeout &&
	       x->has_accecn == y->has_accecn && x->accecn_ect1_first == y->accecn_ect1_first &&
	       x->accecn_count == y->accecn_count &&
	       memcmp(x->accecn, y->accecn, x->accecn_count * sizeof(uint32_t)) == 0;
}

static void any_header_again(void **state)
{
	struct seeds s = seeds_to_try(20000);
	uint8_t bytes[TCP_HEADER_LEN_MAX];

	(void)state;
	for (uint64_t seed = s.first; seed < s.end; seed++) {
		struct random r = { seed };
		struct tcp_header h = any_header(&r), again;
		size_t len = pb_tcp_header_len(&h.options);
		struct writer w = { .p = bytes, .left = sizeof bytes };

		assert_int_equal(len % 4, 0);
		assert_int_equal(pb_tcp_write(&h, &w), len <= TCP_HEADER_LEN_MAX);
		if (len > TCP_HEADER_LEN_MAX)
			continue;
		assert_int_equal(sizeof bytes - w.left, len);
		if (!parse(&again, bytes, len) || again.len != len || !same(&h, &again))
			fail_msg("PACKETBOAT_SEED=%lu: read otherwise than written", (unsigned long)seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_syn),           cmocka_unit_test(write_syn),
		cmocka_unit_test(data_offsets),       cmocka_unit_test(handshake_options_without_syn),
		cmocka_unit_test(lengths_of_options), cmocka_unit_test(fast_open_lengths),
		cmocka_unit_test(any_header_again),   cmocka_unit_test(signatures),
		cmocka_unit_test(counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
