/*
 * A key shared with peers, by which TCP signs (RFC 2385), from a file: its first line. It is told to sockets and to
 * nobody else: arguments and logs have only the file's name.
 */
#ifndef CLIENT_MD5_KEY_H
#define CLIENT_MD5_KEY_H

#include "base/addr.h"

#include <packetboat/socket.h>
#include <stdbool.h>
#include <stddef.h>

#define MD5_KEY_MAX 80 /* Linux's TCP_MD5SIG_MAXKEYLEN */

struct md5_key {
	size_t len; /* 0: there is none */
	char bytes[MD5_KEY_MAX];
};

/* Read the file. False: why says what is wrong with it. */
bool md5_key_read(struct md5_key *key, const char *path, char *why, size_t size);

/*
 * Have a stream socket sign to a peer, the any address being all of its family, before it connects or listens. -errno.
 */
int md5_key_use(const struct md5_key *key, struct pb_socket *s, const union pb_addr *peer);

void md5_key_wipe(struct md5_key *key);

#endif
