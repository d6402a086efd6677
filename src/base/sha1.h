/* SHA-1 (RFC 3174). Its collisions do no harm within HMAC, which is what it is used for here (RFC 6194 §3.3). */
#ifndef PB_BASE_SHA1_H
#define PB_BASE_SHA1_H

#include "base/block_hash.h"

#define SHA1_LEN   20
#define SHA1_BLOCK HASH_BLOCK

struct sha1 {
	struct block_hash hash;
};

void pb_sha1_begin(struct sha1 *s);
void pb_sha1_add(struct sha1 *s, const void *data, size_t len);
void pb_sha1_end(struct sha1 *s, uint8_t digest[SHA1_LEN]);

#endif
