#include "drill/calls.h"
#include "drill/symbols.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <packetboat/tcp_auth.h>
#include <stdio.h>
#include <string.h>

static bool say(char *why, const char *what, const char *name)
{
	snprintf(why, CALL_WHY_LEN, "%s%s%s%s", what, name ? " '" : "", name ? name : "", name ? "'" : "");
	return false;
}

/* htons(8080), inet_addr("192.0.2.1"): as numbers the way a script means them, not in network order. */
static bool apply(const struct expr *e, int64_t *number, char *why)
{
	struct in_addr a;

	if (strcmp(e->text, "htons") == 0 && e->first)
		return drill_value_number(e->first, number, why);
	if (strcmp(e->text, "inet_addr") != 0 || !e->first || e->first->kind != EXPR_TEXT)
		return say(why, "there is no function", e->text);
	if (inet_pton(AF_INET, e->first->text, &a) != 1)
		return say(why, "this is no address:", e->first->text);
	*number = ntohl(a.s_addr);
	return true;
}

bool drill_value_number(const struct expr *e, int64_t *number, char *why)
{
	int64_t other = 0;

	*number = 0;
	if (!e)
		return say(why, "an argument is missing", NULL);
	switch (e->kind) {
	case EXPR_NUMBER:
		*number = e->number;
		return true;
	case EXPR_NAME:
		return drill_symbol(e->text, number) || say(why, "there is no constant", e->text);
	case EXPR_OR:
		if (!drill_value_number(e->first, number, why) ||
		    !drill_value_number(e->first->next, &other, why))
			return false;
		*number |= other;
		return true;
	case EXPR_APPLY:
		return apply(e, number, why);
	case EXPR_LIST:
		return drill_value_number(e->first, number, why);
	default:
		return say(why, "this argument must be a number", NULL);
	}
}

const struct expr *drill_value_field(const struct expr *e, const char *name)
{
	if (!e || e->kind != EXPR_RECORD)
		return NULL;
	for (const struct expr *f = e->first; f; f = f->next)
		if (f->field && strcmp(f->field, name) == 0)
			return f;
	return NULL;
}

static bool address6(const struct expr *e, union pb_addr *a, int64_t port, char *why)
{
	const struct expr *in = drill_value_field(e, "sin6_addr");

	if (!in)
		in = drill_value_field(e, "sin_addr");
	if (!in || in->kind != EXPR_APPLY || !in->first || in->first->kind != EXPR_TEXT ||
	    inet_pton(AF_INET6, in->first->text, &a->v6.sin6_addr) != 1)
		return say(why, "an address of IPv6 is written inet6_addr(\"2001:db8::1\")", NULL);
	a->v6.sin6_port = htons((uint16_t)port);
	return true;
}

bool drill_value_address(const struct expr *e, union pb_addr *a, char *why)
{
	const struct expr *port_at = drill_value_field(e, "sin_port"), *in = drill_value_field(e, "sin_addr");
	int64_t family, port = 0, addr = 0;

	*a = (union pb_addr){ 0 };
	if (!drill_value_number(drill_value_field(e, "sa_family"), &family, why))
		return false;
	a->sa.sa_family = (sa_family_t)family;
	if (!port_at)
		port_at = drill_value_field(e, "sin6_port");
	if (port_at && !drill_value_number(port_at, &port, why))
		return false;
	if (family == AF_INET6)
		return address6(e, a, port, why);
	if (family != AF_INET)
		return true;
	if (in && !drill_value_number(in, &addr, why))
		return false;
	a->v4.sin_port = htons((uint16_t)port);
	a->v4.sin_addr.s_addr = htonl((uint32_t)addr);
	return true;
}

bool drill_value_bytes(const struct expr *e, uint64_t *bytes, char *why)
{
	int64_t n;

	if (e && e->kind == EXPR_RECORD && drill_value_field(e, "msg_iov"))
		e = drill_value_field(e, "msg_iov");
	if (!e || e->kind != EXPR_LIST)
		return say(why, "text is written [{..., 1000}, …] here", NULL);
	*bytes = 0;
	for (const struct expr *part = e->first; part; part = part->next) {
		const struct expr *len = part->kind == EXPR_RECORD && part->first ? part->first->next : NULL;
		if (!drill_value_number(len, &n, why))
			return false;
		if (n < 0 || n > CALL_BYTES_MAX)
			return say(why, "so many bytes are too much", NULL);
		*bytes += (uint64_t)n;
		if (*bytes > CALL_BYTES_MAX)
			return say(why, "so many bytes are too much", NULL);
	}
	return true;
}

static bool linger_option(const struct expr *e, uint8_t *bytes, socklen_t *len, char *why)
{
	int64_t on, seconds;

	if (!drill_value_number(drill_value_field(e, "onoff"), &on, why) ||
	    !drill_value_number(drill_value_field(e, "linger"), &seconds, why))
		return false;
	struct linger l = { (int)on, (int)seconds };
	if (*len < sizeof l)
		return say(why, "the option's value has no room", NULL);
	memcpy(bytes, &l, sizeof l);
	*len = sizeof l;
	return true;
}

/* Of at most most bytes. */
static const char *key_of(const struct expr *e, const char *field, size_t most, char *why)
{
	const struct expr *key = drill_value_field(e, field);

	if (key && key->kind == EXPR_TEXT && key->text && strlen(key->text) <= most)
		return key->text;
	say(why, "a key is a text of at most 80 bytes, in a field", field);
	return NULL;
}

static union pb_addr without_port(const union pb_addr *peer)
{
	union pb_addr a = *peer;

	pb_addr_set_port(&a, 0);
	return a;
}

static bool md5_key(const struct expr *e, const union pb_addr *peer, uint8_t *bytes, socklen_t *len,
		    char *why)
{
	const char *key = key_of(e, "tcpm_key", TCP_MD5SIG_MAXKEYLEN, why);
	union pb_addr addr = without_port(peer);
	struct tcp_md5sig o = { 0 };

	if (!key)
		return false;
	memcpy(&o.tcpm_addr, &addr, pb_addr_len(&addr));
	o.tcpm_keylen = (uint16_t)strlen(key);
	memcpy(o.tcpm_key, key, o.tcpm_keylen);
	memcpy(bytes, &o, sizeof o);
	*len = sizeof o;
	return true;
}

static bool ao_key(const struct expr *e, const union pb_addr *peer, uint8_t *bytes, socklen_t *len, char *why)
{
	const char *key = key_of(e, "key", PB_TCP_AO_KEY_MAX, why);
	union pb_addr addr = without_port(peer), plain = addr;
	struct pb_tcp_ao_add o = { .alg_name = "hmac(sha1)" };
	int64_t send_id, receive_id;

	if (!key || !drill_value_number(drill_value_field(e, "sndid"), &send_id, why) ||
	    !drill_value_number(drill_value_field(e, "rcvid"), &receive_id, why))
		return false;
	pb_addr_unmap(&plain);
	memcpy(&o.addr, &addr, pb_addr_len(&addr));
	o.prefix = plain.sa.sa_family == AF_INET ? 32 : 128;
	o.sndid = (uint8_t)send_id;
	o.rcvid = (uint8_t)receive_id;
	o.keylen = (uint8_t)strlen(key);
	memcpy(o.key, key, o.keylen);
	memcpy(bytes, &o, sizeof o);
	*len = sizeof o;
	return true;
}

bool drill_value_key(const struct expr *e, int64_t option, const union pb_addr *peer, uint8_t *bytes,
		     socklen_t *len, char *why)
{
	if (*len < sizeof(struct tcp_md5sig) || *len < sizeof(struct pb_tcp_ao_add))
		return say(why, "the option's value has no room", NULL);
	return option == TCP_MD5SIG ? md5_key(e, peer, bytes, len, why) : ao_key(e, peer, bytes, len, why);
}

bool drill_value_option(const struct expr *e, uint8_t *bytes, socklen_t *len, char *why)
{
	int64_t n;

	if (e && e->kind == EXPR_LIST && e->first && e->first->kind == EXPR_RECORD)
		e = e->first;
	if (e && e->kind == EXPR_RECORD)
		return linger_option(e, bytes, len, why);
	if (e && e->kind == EXPR_TEXT) {
		size_t size = e->text ? strlen(e->text) : 0;
		if (size >= *len)
			return say(why, "the option's value has no room", NULL);
		memcpy(bytes, e->text ? e->text : "", size);
		*len = (socklen_t)size;
		return true;
	}
	if (!drill_value_number(e, &n, why))
		return false;
	int value = (int)n;
	memcpy(bytes, &value, sizeof value);
	*len = sizeof value;
	return true;
}
