/* AES-CMAC (RFC 4493). */
#ifndef PB_BASE_CMAC_H
#define PB_BASE_CMAC_H

#include "base/aes.h"

#include <stddef.h>

struct cmac {
	struct aes128 aes;
	uint8_t sum[AES_BLOCK]; /* of the blocks before */
	uint8_t block
		[AES_BLOCK]; /* the last so far, held back: what is done with it depends on whether it is the last */
	size_t len;          /* bytes in it */
};

void pb_cmac_begin(struct cmac *c, const uint8_t key[AES128_KEY]);
void pb_cmac_add(struct cmac *c, const void *data, size_t len);
/* And leave nothing of the key in c. */
void pb_cmac_end(struct cmac *c, uint8_t mac[AES_BLOCK]);

#endif
