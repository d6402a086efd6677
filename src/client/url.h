/*
 * URLs of http and https (RFC 3986, RFC 9110 4.2): read one, resolve a reference against one, write one.
 *
 * A fragment is dropped (it never goes to a server), dot segments are removed, the host is lower case, and
 * bytes in path and query that no URL may hold become %XX: those beyond ASCII, quotes, braces and the like.
 * Control characters are refused wherever they stand, and so are spaces in what a person wrote: two URLs may
 * have become one. In a reference, which a server wrote, a space becomes %20, as browsers read it.
 */
#ifndef CLIENT_URL_H
#define CLIENT_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define URL_LEN_MAX  8000 /* RFC 9110 4.1: at least that much should be supported */
#define URL_HOST_MAX 255  /* RFC 1035 2.3.4 */
#define URL_USER_MAX 255

struct url {
	bool https;
	bool bracketed;               /* the host is an IPv6 address: brackets around it in text */
	uint16_t port;                /* given, or the scheme's own */
	char host[URL_HOST_MAX + 1];  /* a name or an address, without brackets; a zone follows a % */
	char user[URL_USER_MAX + 1];  /* "user:password", decoded; empty: none */
	char target[URL_LEN_MAX + 1]; /* what goes into the request line: the path, and a query behind ? */
};

struct url_error {
	char text[160]; /* "port: '99999' is not a number from 1 to 65535" */
};

/* Read what a person wrote: without a scheme it means http. False: error says which part is wrong. */
bool url_parse(struct url *u, const char *text, struct url_error *error);

/* Resolve a reference (absolute or not) against base (RFC 3986 5.2), strictly. u may not be base. */
bool url_resolve(struct url *u, const struct url *base, const char *reference, struct url_error *error);

/* Scheme, host and port are the same (RFC 6454 5). */
bool url_same_origin(const struct url *a, const struct url *b);

#define URL_AUTHORITY_TEXT (URL_HOST_MAX + 9) /* brackets, port and NUL */
#define URL_TEXT           (URL_LEN_MAX + URL_AUTHORITY_TEXT + 9)

/* The value of the Host field: the port only where it is not the scheme's own; no zone (RFC 6874 4). */
const char *url_authority(const struct url *u, char *buf);

/* The whole URL for people, without user and password. Returns buf, of URL_TEXT bytes. */
const char *url_text(const struct url *u, char *buf);

#endif
