#include "base/hmac.h"

#include "base/secret.h"

/* RFC 2104 §2 */
#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

static void take_key(struct sha1 *s, const uint8_t key[SHA1_BLOCK], uint8_t pad)
{
	uint8_t padded[SHA1_BLOCK];

	for (size_t i = 0; i < SHA1_BLOCK; i++)
		padded[i] = key[i] ^ pad;
	pb_sha1_begin(s);
	pb_sha1_add(s, padded, sizeof padded);
	secret_wipe(padded, sizeof padded);
}

void pb_hmac_sha1_begin(struct hmac_sha1 *h, const void *key, size_t len)
{
	uint8_t whole[SHA1_BLOCK] = { 0 };

	if (len > sizeof whole) {
		pb_sha1_begin(&h->inner);
		pb_sha1_add(&h->inner, key, len);
		pb_sha1_end(&h->inner, whole);
	} else if (len > 0) {
		memcpy(whole, key, len);
	}
	take_key(&h->inner, whole, INNER_PAD);
	take_key(&h->outer, whole, OUTER_PAD);
	secret_wipe(whole, sizeof whole);
}

void pb_hmac_sha1_add(struct hmac_sha1 *h, const void *data, size_t len)
{
	pb_sha1_add(&h->inner, data, len);
}

void pb_hmac_sha1_end(struct hmac_sha1 *h, uint8_t mac[SHA1_LEN])
{
	pb_sha1_end(&h->inner, mac);
	pb_sha1_add(&h->outer, mac, SHA1_LEN);
	pb_sha1_end(&h->outer, mac);
	secret_wipe(h, sizeof *h);
}
