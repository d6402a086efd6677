#include "base/cmac.h"

#include "base/secret.h"

void pb_cmac_begin(struct cmac *c, const uint8_t key[AES128_KEY])
{
	pb_aes128_key(&c->aes, key);
	memset(c->sum, 0, sizeof c->sum);
	c->len = 0;
}

static void take_block(struct cmac *c)
{
	for (size_t i = 0; i < AES_BLOCK; i++)
		c->sum[i] ^= c->block[i];
	pb_aes128_encrypt(&c->aes, c->sum, c->sum);
	c->len = 0;
}

void pb_cmac_add(struct cmac *c, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len > 0) {
		if (c->len == AES_BLOCK)
			take_block(c);
		size_t n = AES_BLOCK - c->len;
		if (n > len)
			n = len;
		memcpy(c->block + c->len, p, n);
		c->len += n;
		p += n;
		len -= n;
	}
}

/* §2.3: times x in GF(2^128), modulo x^128 + x^7 + x^2 + x + 1. */
static void double_block(uint8_t block[AES_BLOCK])
{
	uint8_t carry = block[0] >> 7;

	for (size_t i = 0; i < AES_BLOCK; i++)
		block[i] = (uint8_t)(block[i] << 1 | (i + 1 < AES_BLOCK ? block[i + 1] >> 7 : 0));
	block[AES_BLOCK - 1] ^= (uint8_t)(carry * 0x87);
}

/* §2.4: the last block is changed by one subkey if it is whole, and padded and changed by another if not. */
void pb_cmac_end(struct cmac *c, uint8_t mac[AES_BLOCK])
{
	uint8_t subkey[AES_BLOCK] = { 0 };

	pb_aes128_encrypt(&c->aes, subkey, subkey);
	double_block(subkey);
	if (c->len < AES_BLOCK) {
		double_block(subkey);
		c->block[c->len] = 0x80;
		memset(c->block + c->len + 1, 0, AES_BLOCK - c->len - 1);
	}
	for (size_t i = 0; i < AES_BLOCK; i++)
		c->block[i] ^= subkey[i];
	take_block(c);
	memcpy(mac, c->sum, AES_BLOCK);
	secret_wipe(subkey, sizeof subkey);
	secret_wipe(c, sizeof *c);
}
