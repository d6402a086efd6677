/*
 * AES with a key of 128 bits (FIPS 197), to encrypt only: what a MAC needs.
 *
 * Its one table is small and is read as a whole before it is used, so that all of it is in the cache, and which part a
 * secret looks up takes no longer than another.
 */
#ifndef PB_BASE_AES_H
#define PB_BASE_AES_H

#include <stdint.h>

#define AES_BLOCK     16
#define AES128_KEY    16
#define AES128_ROUNDS 10

struct aes128 {
	uint8_t round[AES128_ROUNDS + 1][AES_BLOCK]; /* the round keys */
};

void pb_aes128_key(struct aes128 *a, const uint8_t key[AES128_KEY]);
/* in and out may be the same. */
void pb_aes128_encrypt(const struct aes128 *a, const uint8_t in[AES_BLOCK], uint8_t out[AES_BLOCK]);

#endif
