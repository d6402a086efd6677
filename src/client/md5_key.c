#include "client/md5_key.h"

#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

static bool fail(char *why, size_t size, const char *path, const char *what)
{
	snprintf(why, size, "%s: %s", path, what);
	return false;
}

/* No streams: their buffers would keep the key. One byte more than fits tells that it is too long. */
bool md5_key_read(struct md5_key *key, const char *path, char *why, size_t size)
{
	char line[MD5_KEY_MAX + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line);
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return fail(why, size, path, strerror(error));
	const char *end = memchr(line, '\n', (size_t)n);
	key->len = end ? (size_t)(end - line) : (size_t)n;
	bool fits = key->len <= MD5_KEY_MAX;
	if (fits)
		memcpy(key->bytes, line, key->len);
	secret_wipe(line, sizeof line);
	if (!fits)
		return fail(why, size, path, "its first line is the key, of at most 80 bytes");
	return key->len > 0 || fail(why, size, path, "its first line is the key, and it is empty");
}

int md5_key_use(const struct md5_key *key, struct pb_socket *s, const union pb_addr *peer)
{
	struct tcp_md5sig o = { .tcpm_keylen = (uint16_t)key->len };
	union pb_addr addr = *peer;
	bool any = pb_addr_is_any(peer);

	pb_addr_set_port(&addr, 0);
	memcpy(&o.tcpm_addr, &addr, pb_addr_len(&addr));
	memcpy(o.tcpm_key, key->bytes, key->len);
	if (any)
		o.tcpm_flags = TCP_MD5SIG_FLAG_PREFIX; /* of no bits */
	int rc = pb_setsockopt(s, IPPROTO_TCP, any ? TCP_MD5SIG_EXT : TCP_MD5SIG, &o, sizeof o);
	secret_wipe(&o, sizeof o);
	return rc;
}

void md5_key_wipe(struct md5_key *key)
{
	secret_wipe(key, sizeof *key);
}
