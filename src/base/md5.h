/*
 * MD5 (RFC 1321). It is broken: two messages of the same digest are easily made. TCP's oldest signatures are made with
 * it (RFC 2385), and nothing else here is.
 */
#ifndef PB_BASE_MD5_H
#define PB_BASE_MD5_H

#include "base/block_hash.h"

#define MD5_LEN   16
#define MD5_BLOCK HASH_BLOCK

struct md5 {
	struct block_hash hash;
};

void pb_md5_begin(struct md5 *m);
void pb_md5_add(struct md5 *m, const void *data, size_t len);
void pb_md5_end(struct md5 *m, uint8_t digest[MD5_LEN]);

#endif
