/*
 * What a signature is made over: TCP-AO's traffic keys and MACs against the vectors of RFC 9235, MD5's against the
 * words of RFC 2385 §2.0; whole, in parts, and with each bit of it wrong. And numbers of 64 bits, RFC 9187.
 */
#include "base/md5.h"
#include "rfc9235.h"
#include "transport/tcp/auth.h"

#include "../../base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MASTER      "testvector"
#define SEGMENT_MAX 256

/* A vector, read. */
struct vector {
	uint8_t bytes[SEGMENT_MAX];
	size_t len;
	struct tcp_header h;
	struct ao_context context;
	struct tcp_mkt mkt;
};

static struct vector read_vector(const struct rfc9235 *r)
{
	bool ip6 = r->section[0] >= '6', back = r->section[4] % 2 == 0;
	struct vector v = { .len = bytes_of(r->segment, v.bytes, SEGMENT_MAX) };
	struct ip ends[2];

	assert_true(pb_ip_parse(&ends[0], ip6 ? "fd00::1" : "10.11.12.13"));
	assert_true(pb_ip_parse(&ends[1], ip6 ? "fd00::2" : "172.27.28.29"));
	assert_true(pb_tcp_parse(&v.h, &(struct reader){ .p = v.bytes, .left = v.len }));
	assert_int_equal(v.h.options.auth, TCP_SIGNED_AO);
	v.context = (struct ao_context){ .src = ends[back],
					 .dst = ends[!back],
					 .src_port = v.h.src_port,
					 .dst_port = v.h.dst_port,
					 .src_isn = { r->src_isn },
					 .dst_isn = { r->dst_isn } };
	v.mkt = (struct tcp_mkt){ .algorithm = pb_tcp_ao_algorithm(r->section[0] % 2 ? "cmac(aes128)"
										     : "hmac(sha1)"),
				  .omits_options = r->section[2] == '2',
				  .mac_len = AO_MAC_LEN,
				  .len = sizeof MASTER - 1 };
	memcpy(v.mkt.key, MASTER, v.mkt.len);
	return v;
}

static struct signed_segment segment_of(const struct vector *v, const struct pb_buf *text)
{
	return (struct signed_segment){ .src = &v->context.src,
					.dst = &v->context.dst,
					.header = v->bytes,
					.header_len = v->h.len,
					.mac_at = v->h.options.mac_at,
					.mac_len = v->h.options.mac_len,
					.text = text };
}

/* The text in parts of so many bytes. */
static struct pb_buf *in_parts(struct pb_pool *pool, const struct vector *v, size_t size)
{
	struct pb_buf *b = pb_buf_new(pool, 0, 0);

	for (size_t at = v->h.len; at < v->len; at += size) {
		size_t n = size < v->len - at ? size : v->len - at;
		struct pb_buf *part = pb_buf_new(pool, 0, n);
		memcpy(pb_buf_extend(part, n), v->bytes + at, n);
		pb_buf_append(b, part);
	}
	return b;
}

static void traffic_keys(void **state)
{
	uint8_t key[AO_TRAFFIC_KEY_MAX], expected[AO_TRAFFIC_KEY_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof rfc9235 / sizeof *rfc9235; i++) {
		struct vector v = read_vector(&rfc9235[i]);
		size_t len = bytes_of(rfc9235[i].traffic_key, expected, sizeof expected);
		assert_int_equal(len, v.mkt.algorithm->key_len);
		pb_tcp_ao_derive(v.mkt.algorithm, v.mkt.key, v.mkt.len, &v.context, key);
		assert_memory_equal(key, expected, len);
	}
}

static void macs(void **state)
{
	struct pb_pool *pool = pb_pool_new(1024 * 1024);
	uint8_t key[AO_TRAFFIC_KEY_MAX], mac[AO_MAC_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof rfc9235 / sizeof *rfc9235; i++) {
		struct vector v = read_vector(&rfc9235[i]);
		bytes_of(rfc9235[i].traffic_key, key, sizeof key);
		for (size_t size = 1; size < 128; size *= 3) {
			struct pb_buf *text = in_parts(pool, &v, size);
			struct signed_segment s = segment_of(&v, text);
			pb_tcp_ao_mac(&v.mkt, key, 0, &s, mac);
			assert_memory_equal(mac, v.bytes + s.mac_at, AO_MAC_LEN);
			pb_tcp_ao_mac(&v.mkt, key, 1, &s, mac);
			assert_memory_not_equal(mac, v.bytes + s.mac_at, AO_MAC_LEN);
			pb_buf_free(text);
		}
	}
	pb_pool_free(pool);
}

/* What is covered is all but the checksum and the MAC itself; the other options, where the MKT says so. */
static bool is_covered(const struct vector *v, size_t at)
{
	size_t option = v->h.options.mac_at - 4u, mac = v->h.options.mac_at;

	if (at == 16 || at == 17 || (at >= mac && at < mac + AO_MAC_LEN))
		return false;
	return at < 20 || at >= v->h.len || !v->mkt.omits_options || (at >= option && at < mac);
}

static void every_bit(void **state)
{
	struct pb_pool *pool = pb_pool_new(1024 * 1024);
	uint8_t key[AO_TRAFFIC_KEY_MAX], mac[AO_MAC_MAX], good[AO_MAC_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof rfc9235 / sizeof *rfc9235; i++) {
		struct vector v = read_vector(&rfc9235[i]);
		bytes_of(rfc9235[i].traffic_key, key, sizeof key);
		memcpy(good, v.bytes + v.h.options.mac_at, AO_MAC_LEN);
		for (size_t bit = 0; bit < v.len * 8; bit++) {
			v.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			struct pb_buf *text = in_parts(pool, &v, SEGMENT_MAX);
			struct signed_segment s = segment_of(&v, text);
			pb_tcp_ao_mac(&v.mkt, key, 0, &s, mac);
			assert_int_equal(memcmp(mac, good, AO_MAC_LEN) != 0, is_covered(&v, bit / 8));
			pb_buf_free(text);
			v.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	pb_pool_free(pool);
}

/* The four parts of RFC 2385 §2.0 in a row, of the segments above, whose own options do not count. */
static void md5(void **state)
{
	struct tcp_md5_key key = { .len = 6, .key = "secret" };
	struct pb_pool *pool = pb_pool_new(1024 * 1024);

	(void)state;
	for (size_t i = 0; i < sizeof rfc9235 / sizeof *rfc9235; i++) {
		struct vector v = read_vector(&rfc9235[i]);
		bool ip6 = !ip_is4(&v.context.src);
		uint8_t tail4[] = { 0, 6, 0, (uint8_t)v.len },
			tail6[] = { 0, 0, 0, (uint8_t)v.len, 0, 0, 0, 6 };
		uint8_t expected[MD5_LEN], mac[MD5_LEN];
		struct md5 m;
		pb_md5_begin(&m);
		pb_md5_add(&m, v.context.src.bytes + (ip6 ? 0 : 12), ip6 ? 16 : 4);
		pb_md5_add(&m, v.context.dst.bytes + (ip6 ? 0 : 12), ip6 ? 16 : 4);
		pb_md5_add(&m, ip6 ? tail6 : tail4, ip6 ? sizeof tail6 : sizeof tail4);
		pb_md5_add(&m, v.bytes, 16);
		pb_md5_add(&m, "\0\0", 2);
		pb_md5_add(&m, v.bytes + 18, 2);
		pb_md5_add(&m, v.bytes + v.h.len, v.len - v.h.len);
		pb_md5_add(&m, "secret", 6);
		pb_md5_end(&m, expected);
		struct pb_buf *text = in_parts(pool, &v, 7);
		pb_tcp_md5_mac(&key,
			       &(struct signed_segment){ .src = &v.context.src,
							 .dst = &v.context.dst,
							 .header = v.bytes,
							 .header_len = v.h.len,
							 .mac_at = TCP_MAC_AT,
							 .text = text },
			       mac);
		assert_memory_equal(mac, expected, MD5_LEN);
		pb_buf_free(text);
	}
	pb_pool_free(pool);
}

/* RFC 5926 §3.1.1.2: a key as long as AES's is used as it is; then it is HMAC's that hashes long ones. */
static void master_keys(void **state)
{
	const struct ao_context context = { .src_port = 1 };
	const struct ao_algorithm *cmac = pb_tcp_ao_algorithm("cmac(aes128)");
	uint8_t key[AO_TRAFFIC_KEY_MAX], expected[AES_BLOCK], input[7 + 44 + 2] = "\1TCP-AO";
	struct cmac c;

	(void)state;
	input[7 + 33] = 1; /* the port, behind two addresses */
	input[7 + 44 + 1] = 128;
	pb_cmac_begin(&c, (const uint8_t *)"0123456789abcdef");
	pb_cmac_add(&c, input, sizeof input);
	pb_cmac_end(&c, expected);
	pb_tcp_ao_derive(cmac, (const uint8_t *)"0123456789abcdef", 16, &context, key);
	assert_memory_equal(key, expected, sizeof expected);
	assert_null(pb_tcp_ao_algorithm("hmac(md5)"));
	assert_null(pb_tcp_ao_algorithm(""));
}

/* As they may come, with the upper halves that RFC 9187 §5 gives them: each counted from the highest before. */
static void extended_numbers(void **state)
{
	static const struct {
		uint32_t upper, lower;
	} seen[] = {
		{0,  0x00000000},
                { 0, 0x30000000},
                { 0, 0x90000000},
                { 0, 0x70000000},
                { 0, 0xa0000000},
		{ 1, 0x00000001},
                { 0, 0xe0000000},
                { 1, 0x00000000},
                { 1, 0x7fffffff},
                { 1, 0x00000000},
		{ 1, 0x50000000},
                { 1, 0x80000000},
                { 1, 0x00000001},
                { 1, 0x40000000},
                { 1, 0x90000000},
		{ 1, 0xb0000000},
                { 2, 0x0fffffff},
                { 2, 0x20000000},
                { 2, 0x90000000},
                { 2, 0x70000000},
		{ 2, 0xa0000000},
                { 3, 0x00004000},
                { 2, 0xd0000000},
                { 3, 0x20000000},
                { 3, 0x90000000},
		{ 3, 0x70000000},
                { 3, 0xa0000000},
                { 4, 0x00004000},
                { 3, 0xd0000000},
	};
	uint64_t highest = 0;

	(void)state;
	for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
		uint64_t n = tcp_extend(highest, (seq){ seen[i].lower });
		assert_int_equal(n >> 32, seen[i].upper);
		assert_int_equal((uint32_t)n, seen[i].lower);
		highest = n > highest ? n : highest;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traffic_keys), cmocka_unit_test(macs),
		cmocka_unit_test(every_bit),    cmocka_unit_test(md5),
		cmocka_unit_test(master_keys),  cmocka_unit_test(extended_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
