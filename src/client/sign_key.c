#include "client/sign_key.h"

#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <packetboat/tcp_auth.h>
#include <stdio.h>
#include <unistd.h>

#define ID_DIGITS      3
#define LINE_BYTES_MAX (ID_DIGITS + 1 + SIGN_KEY_MAX + 1) /* "255 ", the key, and what ends it */
#define TEXT_MAX       (SIGN_KEYS_MAX * LINE_BYTES_MAX)

static bool fail(char *why, size_t size, const char *path, const char *what)
{
	snprintf(why, size, "%s: %s", path, what);
	return false;
}

static bool add(struct sign_key *key, uint8_t id, const char *bytes, size_t len)
{
	if (len > SIGN_KEY_MAX)
		return false;
	key->keys[key->count].id = id;
	key->keys[key->count].len = (uint8_t)len;
	memcpy(key->keys[key->count++].bytes, bytes, len);
	return true;
}

/* NULL: it is right; or what is wrong. */
static const char *read_md5(struct sign_key *key, const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);

	if (end)
		len = (size_t)(end - text);
	if (len == 0)
		return "its first line is the key, and it is empty";
	return add(key, 0, text, len) ? NULL : "its first line is the key, of at most 80 bytes";
}

static bool has_id(const struct sign_key *key, unsigned id)
{
	for (unsigned i = 0; i < key->count; i++)
		if (key->keys[i].id == id)
			return true;
	return false;
}

/* "7 correct horse": what follows the first space is the key. */
static const char *read_line(struct sign_key *key, const char *line, size_t len)
{
	unsigned id = 0;
	size_t n = 0;

	for (; n < len && n < ID_DIGITS && line[n] >= '0' && line[n] <= '9'; n++)
		id = id * 10 + (unsigned)(line[n] - '0');
	if (n == 0 || n + 1 >= len || line[n] != ' ' || id > UINT8_MAX)
		return "each line is an identifier from 0 to 255, a space and a key, as in '7 correct horse'";
	if (key->count == SIGN_KEYS_MAX)
		return "more than 4 keys";
	if (has_id(key, id))
		return "an identifier is there twice";
	return add(key, (uint8_t)id, line + n + 1, len - n - 1) ? NULL : "a key has more than 80 bytes";
}

static const char *read_ao(struct sign_key *key, const char *text, size_t len)
{
	const char *wrong = NULL;

	while (len && !wrong) {
		const char *end = memchr(text, '\n', len);
		size_t line = end ? (size_t)(end - text) : len, step = line + (end != NULL);
		wrong = read_line(key, text, line);
		text += step;
		len -= step;
	}
	return wrong || key->count ? wrong : "it is empty; its lines are keys, as in '7 correct horse'";
}

/* No streams: their buffers would keep the key. One byte more than fits tells that it is too long. */
bool sign_key_read(struct sign_key *key, enum sign_kind kind, const char *path, char *why, size_t size)
{
	char text[TEXT_MAX + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
	int error = errno;
	const char *wrong;

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return fail(why, size, path, strerror(error));
	*key = (struct sign_key){ .kind = kind };
	if (kind == SIGN_MD5)
		wrong = read_md5(key, text, (size_t)n);
	else if (n > TEXT_MAX)
		wrong = "it is longer than 4 keys can be";
	else
		wrong = read_ao(key, text, (size_t)n);
	secret_wipe(text, sizeof text);
	return !wrong || fail(why, size, path, wrong);
}

static int use_md5(const struct sign_key *key, struct pb_socket *s, const union pb_addr *peer, bool any)
{
	struct tcp_md5sig o = { .tcpm_keylen = key->keys[0].len };

	memcpy(&o.tcpm_addr, peer, pb_addr_len(peer));
	memcpy(o.tcpm_key, key->keys[0].bytes, key->keys[0].len);
	if (any)
		o.tcpm_flags = TCP_MD5SIG_FLAG_PREFIX; /* of no bits */
	int rc = pb_setsockopt(s, IPPROTO_TCP, any ? TCP_MD5SIG_EXT : TCP_MD5SIG, &o, sizeof o);
	secret_wipe(&o, sizeof o);
	return rc;
}

static int use_ao(const struct sign_key *key, struct pb_socket *s, const union pb_addr *peer, bool any)
{
	unsigned bits = peer->sa.sa_family == AF_INET6 ? 128 : 32;
	int rc = 0;

	for (unsigned i = 0; i < key->count && rc == 0; i++) {
		bool first =
			i == 0 && !any; /* a listener's connections sign with what their callers ask for */
		struct pb_tcp_ao_add o = { .alg_name = "hmac(sha1)",
					   .set_current = first,
					   .set_rnext = first,
					   .prefix = any ? 0 : (uint8_t)bits,
					   .sndid = key->keys[i].id,
					   .rcvid = key->keys[i].id,
					   .keylen = key->keys[i].len };
		memcpy(&o.addr, peer, pb_addr_len(peer));
		memcpy(o.key, key->keys[i].bytes, key->keys[i].len);
		rc = pb_setsockopt(s, IPPROTO_TCP, PB_TCP_AO_ADD_KEY, &o, sizeof o);
		secret_wipe(&o, sizeof o);
	}
	return rc;
}

int sign_key_use(const struct sign_key *key, struct pb_socket *s, const union pb_addr *peer)
{
	union pb_addr addr = *peer;
	bool any = pb_addr_is_any(peer);

	pb_addr_set_port(&addr, 0);
	return key->kind == SIGN_MD5 ? use_md5(key, s, &addr, any) : use_ao(key, s, &addr, any);
}

const char *sign_key_error(const struct sign_key *key, int err)
{
	if (err != ENOPROTOOPT || !key->count)
		return strerror(err);
	return key->kind == SIGN_MD5
		       ? "this kernel has no TCP_MD5SIG; a net of our own has, as with --net tap:…"
		       : "this kernel has no TCP-AO; a net of our own has, as with --net tap:…";
}

void sign_key_wipe(struct sign_key *key)
{
	secret_wipe(key, sizeof *key);
}
