/* HMAC (RFC 2104) with SHA-1. */
#ifndef PB_BASE_HMAC_H
#define PB_BASE_HMAC_H

#include "base/sha1.h"

struct hmac_sha1 {
	struct sha1 inner, outer; /* both have taken the key */
};

/* A key of any length; above 64 bytes its digest is the key. */
void pb_hmac_sha1_begin(struct hmac_sha1 *h, const void *key, size_t len);
void pb_hmac_sha1_add(struct hmac_sha1 *h, const void *data, size_t len);
/* And leave nothing of the key in h. */
void pb_hmac_sha1_end(struct hmac_sha1 *h, uint8_t mac[SHA1_LEN]);

#endif
