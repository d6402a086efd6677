/* Reading goes in two steps: cut the text at its delimiters (RFC 3986 appendix B), then judge each part. */
#include "client/url.h"

#include "base/addr.h"
#include "base/hex.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A part of the text; p is NULL where the part is absent, which is not the same as empty. */
struct part {
	const char *p;
	size_t len;
};

struct parts {
	struct part scheme, authority, path, query;
};

/* For messages: no more of a part than this is shown. */
enum { SHOWN_MAX = 60 };

static bool fail(struct url_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fail(struct url_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof error->text, format, args);
	va_end(args);
	return false;
}

static int shown(struct part p)
{
	return p.len < SHOWN_MAX ? (int)p.len : SHOWN_MAX;
}

/* Not <ctype.h>: a URL means the same in every locale. */
static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool part_is(struct part p, const char *word)
{
	return p.len == strlen(word) && strncasecmp(p.p, word, p.len) == 0;
}

/* RFC 3986 3.1: the length of the scheme in front of a colon; 0: there is none. */
static size_t scheme_len(const char *text)
{
	size_t n = 0;

	if (!is_alpha(text[0]))
		return 0;
	while (is_alpha(text[n]) || is_digit(text[n]) || (text[n] && strchr("+-.", text[n])))
		n++;
	return text[n] == ':' ? n : 0;
}

static struct part cut(const char **p, const char *delimiters)
{
	struct part part = { *p, strcspn(*p, delimiters) };

	*p += part.len;
	return part;
}

static struct parts cut_all(const char *text)
{
	struct parts parts = { 0 };
	size_t n = scheme_len(text);

	if (n > 0) {
		parts.scheme = (struct part){ text, n };
		text += n + 1;
	}
	if (text[0] == '/' && text[1] == '/') {
		text += 2;
		parts.authority = cut(&text, "/?#");
	}
	parts.path = cut(&text, "?#");
	if (*text == '?') {
		text++;
		parts.query = cut(&text, "#");
	}
	return parts;
}

static bool read_port(struct url *u, struct part port, struct url_error *error)
{
	unsigned long n = 0;

	u->port = u->https ? 443 : 80;
	if (port.len == 0)
		return true; /* RFC 3986 3.2.3: a colon without a port is allowed */
	for (size_t i = 0; i < port.len; i++) {
		n = is_digit(port.p[i]) && n <= UINT16_MAX ? n * 10 + (unsigned long)(port.p[i] - '0')
							   : UINT16_MAX + 1ul;
		if (n > UINT16_MAX)
			break;
	}
	if (n == 0 || n > UINT16_MAX)
		return fail(error, "port: '%.*s' is not a number from 1 to 65535", shown(port), port.p);
	u->port = (uint16_t)n;
	return true;
}

/* Between brackets. A zone stands behind %25 (RFC 6874) or, as people type it, behind a bare %. */
static bool read_ipv6(struct url *u, struct part host, struct url_error *error)
{
	union pb_addr addr;
	const char *zone = memchr(host.p, '%', host.len);
	size_t len = zone ? (size_t)(zone - host.p) : host.len;
	size_t skip = zone && host.len - len >= 3 && strncmp(zone, "%25", 3) == 0 ? 2 : 0;

	if (host.len > URL_HOST_MAX)
		return fail(error, "host: longer than %d bytes", URL_HOST_MAX);
	memcpy(u->host, host.p, len);
	if (zone) {
		u->host[len] = '%';
		memcpy(u->host + len + 1, zone + 1 + skip, host.len - len - 1 - skip);
	}
	u->host[host.len - skip] = '\0';
	u->bracketed = true;
	if (!pb_addr_parse(&addr, u->host) || addr.sa.sa_family != AF_INET6)
		return fail(error, "host: [%.*s] is not an IPv6 address%s", shown(host), host.p,
			    zone ? " of an interface of this machine" : "");
	return true;
}

static bool read_name(struct url *u, struct part host, struct url_error *error)
{
	if (host.len == 0)
		return fail(error, "host: missing; write http://HOST/PATH");
	if (host.len > URL_HOST_MAX)
		return fail(error, "host: longer than %d bytes", URL_HOST_MAX);
	for (size_t i = 0; i < host.len; i++) {
		char c = host.p[i];
		if (c & 0x80)
			return fail(error, "host: '%.*s' is not ASCII; write its xn-- form", shown(host),
				    host.p);
		if (!is_alpha(c) && !is_digit(c) && !strchr("-._", c))
			return fail(error, "host: a character that no host name has (0x%02x)",
				    (unsigned char)c);
		u->host[i] = is_alpha(c) ? (char)(c | 0x20) : c;
	}
	u->host[host.len] = '\0';
	return true;
}

static bool read_user(struct url *u, struct part user, struct url_error *error)
{
	size_t n = 0;
	const char *end = user.p + user.len;

	for (const char *p = user.p; p < end; p++) {
		unsigned char c = (unsigned char)*p;
		int byte = c == '%' ? hex_byte(p + 1, end) : -1;
		if (byte >= 0) {
			c = (unsigned char)byte;
			p += 2;
		}
		if (c < ' ' || c == 0x7f || *p == ' ')
			return fail(error, "user: a control character or a space");
		if (n == URL_USER_MAX)
			return fail(error, "user: longer than %d bytes", URL_USER_MAX);
		u->user[n++] = (char)c;
	}
	if (n > 0 && !memchr(u->user, ':', n)) { /* RFC 7617 2: the colon is always there */
		if (n == URL_USER_MAX)
			return fail(error, "user: longer than %d bytes", URL_USER_MAX - 1);
		u->user[n++] = ':';
	}
	u->user[n] = '\0';
	return true;
}

/* [user[:password]@]host[:port] */
static bool read_authority(struct url *u, struct part a, struct url_error *error)
{
	const char *end = a.p + a.len;
	const char *at = memrchr(a.p, '@', a.len);
	const char *host = at ? at + 1 : a.p;
	struct part port = { end, 0 };

	if (at && !read_user(u, (struct part){ a.p, (size_t)(at - a.p) }, error))
		return false;
	if (host < end && *host == '[') {
		const char *close = memchr(host, ']', (size_t)(end - host));
		if (!close)
			return fail(error, "host: ']' is missing");
		if (close + 1 < end && close[1] != ':')
			return fail(error, "host: only :PORT can follow ']'");
		if (close + 1 < end)
			port = (struct part){ close + 2, (size_t)(end - close - 2) };
		return read_ipv6(u, (struct part){ host + 1, (size_t)(close - host - 1) }, error) &&
		       read_port(u, port, error);
	}
	const char *colon = memchr(host, ':', (size_t)(end - host));
	if (colon)
		port = (struct part){ colon + 1, (size_t)(end - colon - 1) };
	return read_name(u, (struct part){ host, (size_t)((colon ? colon : end) - host) }, error) &&
	       read_port(u, port, error);
}

/* What URLs may not hold (RFC 3986 2) and people and servers write all the same. */
static bool is_careless(unsigned char c)
{
	return c >= 0x80 || strchr("\"<>\\^`{|}", c);
}

/* Write a part to the target from *n on, careless bytes as %XX. */
static bool put(struct url *u, size_t *n, struct part part, const char *what, struct url_error *error)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < part.len; i++) {
		unsigned char c = (unsigned char)part.p[i];
		if (c == ' ')
			return fail(error, "%s: a space; write %%20", what);
		if (c < ' ' || c == 0x7f)
			return fail(error, "%s: a control character (0x%02x)", what, c);
		if (*n + 3 > URL_LEN_MAX)
			return fail(error, "%s: longer than %d bytes", what, URL_LEN_MAX);
		if (!is_careless(c)) {
			u->target[(*n)++] = (char)c;
			continue;
		}
		u->target[(*n)++] = '%';
		u->target[(*n)++] = hex[c >> 4];
		u->target[(*n)++] = hex[c & 15];
	}
	return true;
}

/* RFC 3986 5.2.4, in place and in one pass: the path, which begins with a slash, keeps len bytes or fewer. */
static size_t remove_dots(char *path, size_t len)
{
	size_t in = 0, out = 0;

	while (in < len) { /* at a slash */
		const char *slash = memchr(path + in + 1, '/', len - in - 1);
		size_t next = slash ? (size_t)(slash - path) : len;
		size_t n = next - in;
		bool dot = n == 2 && path[in + 1] == '.';
		bool dots = n == 3 && path[in + 1] == '.' && path[in + 2] == '.';

		if (dots)
			while (out > 0 && path[--out] != '/')
				;
		if ((dot || dots) && next == len)
			path[out++] = '/'; /* the last segment was a dot: a directory remains */
		if (!dot && !dots) {
			memmove(path + out, path + in, n);
			out += n;
		}
		in = next;
	}
	return out;
}

/* The target: before (of a base's path, or empty), the path, and the query. */
static bool read_target(struct url *u, struct part before, struct part path, struct part query,
			struct url_error *error)
{
	size_t n = 0;

	if (before.len == 0 && (path.len == 0 || path.p[0] != '/'))
		u->target[n++] = '/';
	if (!put(u, &n, before, "path", error) || !put(u, &n, path, "path", error))
		return false;
	n = remove_dots(u->target, n);
	if (query.p &&
	    (!put(u, &n, (struct part){ "?", 1 }, "query", error) || !put(u, &n, query, "query", error)))
		return false;
	u->target[n] = '\0';
	return true;
}

static bool read_absolute(struct url *u, const struct parts *parts, struct url_error *error)
{
	if (!part_is(parts->scheme, "http") && !part_is(parts->scheme, "https"))
		return fail(error, "scheme: '%.*s' is neither http nor https", shown(parts->scheme),
			    parts->scheme.p);
	u->https = parts->scheme.len == 5;
	if (!parts->authority.p)
		return fail(error, "host: missing; write %s//HOST/PATH", u->https ? "https:" : "http:");
	return read_authority(u, parts->authority, error) &&
	       read_target(u, (struct part){ 0 }, parts->path, parts->query, error);
}

bool url_parse(struct url *u, const char *text, struct url_error *error)
{
	struct parts parts;
	size_t n;

	memset(u, 0, sizeof *u);
	if (strlen(text) > URL_LEN_MAX)
		return fail(error, "longer than %d bytes", URL_LEN_MAX);
	parts = cut_all(text);
	/* A colon without // behind it is a port's (localhost:8080/), unless the word before it says
	 * otherwise. */
	n = scheme_len(text);
	if (n > 0 && (parts.authority.p || part_is(parts.scheme, "http") || part_is(parts.scheme, "https")))
		return read_absolute(u, &parts, error);

	char with_scheme[URL_LEN_MAX + sizeof "http://"];
	snprintf(with_scheme, sizeof with_scheme, "http:%s%s", strncmp(text, "//", 2) == 0 ? "" : "//", text);
	parts = cut_all(with_scheme);
	return read_absolute(u, &parts, error);
}

/* A space in a Location field means %20 to every browser. False: too long with it. */
static bool encode_spaces(char out[URL_LEN_MAX + 1], const char *reference)
{
	size_t n = 0;

	for (; *reference; reference++) {
		size_t len = *reference == ' ' ? 3 : 1;
		if (n + len > URL_LEN_MAX)
			return false;
		memcpy(out + n, len == 3 ? "%20" : reference, len);
		n += len;
	}
	out[n] = '\0';
	return true;
}

bool url_resolve(struct url *u, const struct url *base, const char *reference, struct url_error *error)
{
	char text[URL_LEN_MAX + 1];
	struct parts r;
	struct part before = { 0 }, base_query = { 0 };
	const char *rest = base->target;
	struct part base_path = cut(&rest, "?");

	if (!encode_spaces(text, reference))
		return fail(error, "longer than %d bytes", URL_LEN_MAX);
	memset(u, 0, sizeof *u);
	u->https = base->https;
	r = cut_all(text);
	if (r.scheme.p)
		return read_absolute(u, &r, error);
	if (r.authority.p)
		return read_authority(u, r.authority, error) &&
		       read_target(u, before, r.path, r.query, error);

	u->bracketed = base->bracketed;
	u->port = base->port;
	memcpy(u->host, base->host, sizeof u->host);
	memcpy(u->user, base->user, sizeof u->user);
	if (*rest == '?')
		base_query = (struct part){ rest + 1, strlen(rest + 1) };
	if (r.path.len == 0)
		return read_target(u, before, base_path, r.query.p ? r.query : base_query, error);
	if (r.path.p[0] != '/') /* RFC 3986 5.2.3: behind the last slash of the base */
		before = (struct part){ base_path.p,
					(size_t)((const char *)memrchr(base_path.p, '/', base_path.len) -
						 base_path.p + 1) };
	return read_target(u, before, r.path, r.query, error);
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return a->https == b->https && a->port == b->port && strcmp(a->host, b->host) == 0;
}

const char *url_authority(const struct url *u, char *buf)
{
	int n = (int)(u->bracketed ? strcspn(u->host, "%") : strlen(u->host));
	int len = snprintf(buf, URL_AUTHORITY_TEXT, "%s%.*s%s", u->bracketed ? "[" : "", n, u->host,
			   u->bracketed ? "]" : "");

	if (u->port != (u->https ? 443 : 80))
		snprintf(buf + len, URL_AUTHORITY_TEXT - (size_t)len, ":%u", u->port);
	return buf;
}

const char *url_text(const struct url *u, char *buf)
{
	char authority[URL_AUTHORITY_TEXT];

	snprintf(buf, URL_TEXT, "%s://%s%s", u->https ? "https" : "http", url_authority(u, authority),
		 u->target);
	return buf;
}
