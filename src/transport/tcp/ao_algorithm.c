#include "transport/tcp/ao_algorithm.h"

#include "base/secret.h"
#include "wire/reader.h"

#define CONTEXT_MAX 44 /* two addresses, two ports, two numbers */

/*
 * -- HMAC-SHA-1-96 and KDF_HMAC_SHA1
 */

static void hmac_master(union ao_mac *m, const uint8_t *key, size_t len)
{
	pb_hmac_sha1_begin(&m->hmac, key, len);
}

static void hmac_begin(union ao_mac *m, const uint8_t *traffic_key)
{
	pb_hmac_sha1_begin(&m->hmac, traffic_key, SHA1_LEN);
}

static void hmac_add(union ao_mac *m, const void *data, size_t len)
{
	pb_hmac_sha1_add(&m->hmac, data, len);
}

static void hmac_end(union ao_mac *m, uint8_t mac[AO_MAC_MAX])
{
	pb_hmac_sha1_end(&m->hmac, mac);
}

/*
 * -- AES-128-CMAC-96 and KDF_AES_128_CMAC
 */

/* RFC 5926 §3.1.1.2: a key of another length than AES's is made into one with a MAC under the key zero. */
static void cmac_master(union ao_mac *m, const uint8_t *key, size_t len)
{
	static const uint8_t zero[AES128_KEY];
	uint8_t made[AES128_KEY];

	if (len == AES128_KEY) {
		pb_cmac_begin(&m->cmac, key);
		return;
	}
	pb_cmac_begin(&m->cmac, zero);
	pb_cmac_add(&m->cmac, key, len);
	pb_cmac_end(&m->cmac, made);
	pb_cmac_begin(&m->cmac, made);
	secret_wipe(made, sizeof made);
}

static void cmac_begin(union ao_mac *m, const uint8_t *traffic_key)
{
	pb_cmac_begin(&m->cmac, traffic_key);
}

static void cmac_add(union ao_mac *m, const void *data, size_t len)
{
	pb_cmac_add(&m->cmac, data, len);
}

static void cmac_end(union ao_mac *m, uint8_t mac[AO_MAC_MAX])
{
	pb_cmac_end(&m->cmac, mac);
}

static const struct ao_algorithm algorithms[] = {
	{"hmac(sha1)",    SHA1_LEN,   SHA1_LEN,  hmac_master, hmac_begin, hmac_add, hmac_end},
	{ "cmac(aes128)", AES128_KEY, AES_BLOCK, cmac_master, cmac_begin, cmac_add, cmac_end},
};

const struct ao_algorithm *pb_tcp_ao_algorithm(const char *name)
{
	for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
		if (strcmp(algorithms[i].name, name) == 0)
			return &algorithms[i];
	return NULL;
}

static void write_address(struct writer *w, const struct ip *a)
{
	struct ip plain = ip_in_zone(a, 0);

	if (ip_is4(a))
		wr_bytes(w, ip_bytes4(a), 4);
	else
		wr_bytes(w, plain.bytes, sizeof plain.bytes);
}

/* RFC 5926 §3.1.1: the MAC of a counter, a label, the context and the wanted length in bits; one round is enough. */
void pb_tcp_ao_derive(const struct ao_algorithm *a, const uint8_t *master, size_t len,
		      const struct ao_context *context, uint8_t traffic_key[AO_TRAFFIC_KEY_MAX])
{
	uint8_t input[1 + 6 + CONTEXT_MAX + 2];
	struct writer w = { .p = input, .left = sizeof input };
	union ao_mac m;

	wr_u8(&w, 1);
	wr_bytes(&w, "TCP-AO", 6);
	write_address(&w, &context->src);
	write_address(&w, &context->dst);
	wr_u16(&w, context->src_port);
	wr_u16(&w, context->dst_port);
	wr_u32(&w, context->src_isn.v);
	wr_u32(&w, context->dst_isn.v);
	wr_u16(&w, (uint16_t)(a->key_len * 8));
	a->begin_master(&m, master, len);
	a->add(&m, input, (size_t)(w.p - input));
	a->end(&m, traffic_key);
}
