/*
 * Keys shared with peers, by which TCP signs, from a file: for MD5 (RFC 2385) its first line is the key, for TCP-AO
 * (RFC 5925, HMAC-SHA-1-96 of RFC 5926) each line is an identifier and a key, "7 correct horse". They are told to
 * sockets and to nobody else: arguments and logs have only the file's name.
 *
 * Of several lines, the first is what a caller signs with, and whoever knows another may sign with that: so that keys
 * can be changed on one host after the other.
 */
#ifndef CLIENT_SIGN_KEY_H
#define CLIENT_SIGN_KEY_H

#include "base/addr.h"

#include <packetboat/socket.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGN_KEY_MAX  80 /* bytes; Linux's TCP_MD5SIG_MAXKEYLEN and TCP_AO_MAXKEYLEN */
#define SIGN_KEYS_MAX 4

enum sign_kind { SIGN_MD5, SIGN_AO };

struct sign_key {
	enum sign_kind kind;
	unsigned count; /* 0: there is none; MD5: one */
	struct {
		uint8_t id; /* TCP-AO: in segments of both directions */
		uint8_t len;
		char bytes[SIGN_KEY_MAX];
	} keys[SIGN_KEYS_MAX];
};

/* Read the file. False: why says what is wrong with it. */
bool sign_key_read(struct sign_key *key, enum sign_kind kind, const char *path, char *why, size_t size);

/*
 * Have a stream socket sign to a peer before it connects; or, the any address being all of its family, before it
 * listens. 0 or -errno.
 */
int sign_key_use(const struct sign_key *key, struct pb_socket *s, const union pb_addr *peer);

/* What an error of that means, for people. */
const char *sign_key_error(const struct sign_key *key, int err);

void sign_key_wipe(struct sign_key *key);

#endif
