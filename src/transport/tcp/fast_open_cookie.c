/*
 * Cookies of fast open (RFC 7413 §4.1.2): a hash of the caller's address and ours, with a key. It is Linux's,
 * SipHash-2-4 over both addresses, so that servers that are given the same key take each other's cookies (§6.3.4).
 *
 * Keys are given by the user, or follow from a secret of the stack and the day: so cookies expire, after one or two
 * days.
 */
#include "transport/tcp/fast_open.h"
#include "transport/tcp/layer.h"

#define KEY_PERIOD PB_SEC(24 * 3600)

#define COOKIE_LEN 8

/* Of a day. All of what is hashed is written: there is no padding. */
static void own_key(const struct tcp *t, int64_t day, uint8_t key[FAST_OPEN_KEY_LEN])
{
	for (uint64_t half = 0; half < 2; half++) {
		const uint64_t what[] = { (uint64_t)day, half };
		uint64_t hash = pb_siphash(&t->fast_open_secret, what, sizeof what);
		memcpy(key + 8 * half, &hash, sizeof hash);
	}
}

struct fast_open_keys pb_fast_open_keys(const struct tcp *t, const struct fast_open_keys *given)
{
	int64_t day = env_now(t->env) / KEY_PERIOD;
	struct fast_open_keys keys = given->count ? *given : t->fast_open_keys;

	if (keys.count)
		return keys;
	keys.count = 2;
	own_key(t, day, keys.key[0]);
	own_key(t, day - 1, keys.key[1]);
	return keys;
}

struct fast_open_cookie pb_fast_open_cookie(const uint8_t key[FAST_OPEN_KEY_LEN], const struct ip *caller,
					    const struct ip *server)
{
	const struct pb_siphash_key k = pb_siphash_key(key);
	size_t from = ip_is4(caller) ? 12 : 0, len = sizeof caller->bytes - from;
	struct fast_open_cookie cookie = { .len = COOKIE_LEN };
	uint8_t addresses[2 * sizeof caller->bytes];

	memcpy(addresses, caller->bytes + from, len);
	memcpy(addresses + len, server->bytes + from, len);
	uint64_t hash = htole64(pb_siphash(&k, addresses, 2 * len));
	memcpy(cookie.bytes, &hash, sizeof hash);
	return cookie;
}

/* Where they differ is not to be told by how long it takes. */
static bool same_cookie(const struct fast_open_cookie *a, const struct fast_open_cookie *b)
{
	uint8_t differ = a->len ^ b->len;

	for (size_t i = 0; i < COOKIE_LEN; i++)
		differ |= a->bytes[i] ^ b->bytes[i];
	return !differ;
}

int pb_fast_open_cookie_check(const struct fast_open_keys *keys, const struct fast_open_cookie *cookie,
			      const struct ip *caller, const struct ip *server)
{
	for (unsigned i = 0; i < keys->count; i++) {
		struct fast_open_cookie good = pb_fast_open_cookie(keys->key[i], caller, server);
		if (same_cookie(cookie, &good))
			return (int)i;
	}
	return -1;
}
