/* llhttp knows the grammar; here are the limits, the fields that we act on, and what the grammar leaves open.
 */
#include "client/reply.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NO_BODY = 1 }; /* llhttp's word for it, as the answer of on_headers_complete */

static int bad(struct reply *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Say why, and stop the parser. */
static int bad(struct reply *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->error, sizeof r->error, format, args);
	va_end(args);
	r->state = REPLY_BAD;
	return HPE_USER;
}

static int stopped(struct reply *r, int answer)
{
	if (answer >= 0)
		return 0;
	r->err = answer;
	r->state = REPLY_STOPPED;
	return HPE_USER;
}

/* Of what is too long, the beginning is kept, and len says that there was more. */
static void extend(char *text, size_t size, size_t *len, const char *at, size_t n)
{
	if (*len < size - 1)
		memcpy(text + *len, at, n < size - 1 - *len ? n : size - 1 - *len);
	*len += n;
	text[*len < size - 1 ? *len : size - 1] = '\0';
}

static int count(struct reply *r, size_t n)
{
	r->head_bytes += n;
	return r->head_bytes > REPLY_HEAD_MAX ? bad(r, "the head is longer than %d bytes", REPLY_HEAD_MAX)
					      : 0;
}

static int on_begin(llhttp_t *p)
{
	struct reply *r = (struct reply *)p;

	r->reason_len = r->name_len = r->value_len = r->head_bytes = 0;
	r->reason[0] = r->name[0] = r->value[0] = r->location[0] = '\0';
	r->location_ambiguous = false;
	return 0;
}

static int on_reason(llhttp_t *p, const char *at, size_t len)
{
	struct reply *r = (struct reply *)p;

	extend(r->reason, sizeof r->reason, &r->reason_len, at, len);
	return count(r, len);
}

static int on_name(llhttp_t *p, const char *at, size_t len)
{
	struct reply *r = (struct reply *)p;

	extend(r->name, sizeof r->name, &r->name_len, at, len);
	return count(r,
		     len + 4); /* with the colon, a space and the line's end, so that empty ones count, too */
}

static int on_value(llhttp_t *p, const char *at, size_t len)
{
	struct reply *r = (struct reply *)p;

	extend(r->value, sizeof r->value, &r->value_len, at, len);
	return count(r, len);
}

static void take_location(struct reply *r)
{
	if (r->value_len > URL_LEN_MAX || (r->location[0] && strcmp(r->location, r->value) != 0))
		r->location_ambiguous = true;
	memcpy(r->location, r->value, sizeof r->location);
}

static int on_value_complete(llhttp_t *p)
{
	struct reply *r = (struct reply *)p;
	size_t n = r->value_len < sizeof r->value ? r->value_len : sizeof r->value - 1;

	while (n > 0 && (r->value[n - 1] == ' ' || r->value[n - 1] == '\t'))
		n--;
	r->value[n] = '\0';
	if (r->value_len < sizeof r->value)
		r->value_len = n;
	if (strcasecmp(r->name, "location") == 0)
		take_location(r);
	/* Fields behind the body (trailers) are read, but nobody acts on them (RFC 9110 6.5.1). */
	int answer = r->events->field && !r->status ? r->events->field(r, r->name, r->value) : 0;
	r->name_len = r->value_len = 0;
	r->name[0] = r->value[0] = '\0';
	return stopped(r, answer);
}

/* 1xx: another response follows. 101 would be an upgrade, for which we never ask (RFC 9110 15.2.2). */
static int interim(struct reply *r)
{
	if (r->parser.status_code == 101)
		return bad(r, "101 Switching Protocols, which was not asked for");
	if (++r->interims > REPLY_INTERIM_MAX)
		return bad(r, "more than %d interim (1xx) responses", REPLY_INTERIM_MAX);
	return NO_BODY;
}

static bool has_body(const struct reply *r)
{
	return !r->head_only && r->status != 204 && r->status != 304; /* RFC 9112 6.3 */
}

/*
 * The parser has to be told which responses have no body: it would wait for one behind the Content-Length of
 * a 304, which says how long the body of a 200 would be.
 */
static int on_head(llhttp_t *p)
{
	struct reply *r = (struct reply *)p;

	if (p->http_major != 1)
		return bad(r, "HTTP/%d.%d, which is not spoken here", p->http_major, p->http_minor);
	if (p->status_code < 100 || p->status_code > 599) /* RFC 9110 15 */
		return bad(r, "status %d does not exist", p->status_code);
	if (p->status_code < 200)
		return interim(r);
	if (p->flags & F_TRANSFER_ENCODING && !(p->flags & F_CHUNKED))
		return bad(r, "a transfer coding other than chunked, which was not asked for");
	if (p->flags & F_CHUNKED && (p->flags & F_CONTENT_LENGTH || p->http_minor == 0))
		return bad(r, "both a length and chunks, or chunks in HTTP/1.0"); /* RFC 9112 6.1, 6.3 */
	r->status = p->status_code;
	r->has_length = p->flags & F_CONTENT_LENGTH;
	r->length = r->has_length ? p->content_length : 0;
	r->until_close = has_body(r) && !(p->flags & (F_CONTENT_LENGTH | F_CHUNKED));
	r->keep_alive = !r->until_close && llhttp_should_keep_alive(p);
	r->head_bytes = 0; /* the trailers' count begins */
	for (char *c = r->reason; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?'; /* it will be shown on a terminal */
	if (stopped(r, r->events->head(r)))
		return HPE_USER;
	return has_body(r) ? 0 : NO_BODY;
}

static int on_body(llhttp_t *p, const char *at, size_t len)
{
	struct reply *r = (struct reply *)p;

	r->got += len;
	return stopped(r, r->events->body(r, at, len));
}

static int on_complete(llhttp_t *p)
{
	struct reply *r = (struct reply *)p;

	if (!r->status)
		return 0; /* an interim response */
	r->state = REPLY_WHOLE;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_message_begin = on_begin,
	.on_status = on_reason,
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

void reply_init(struct reply *r, const struct reply_events *events, bool head_only)
{
	memset(r, 0, sizeof *r);
	llhttp_init(&r->parser, HTTP_RESPONSE, &settings);
	r->events = events;
	r->head_only = head_only;
}

enum reply_state reply_read(struct reply *r, const char *data, size_t len, size_t *used)
{
	llhttp_errno_t code = llhttp_execute(&r->parser, data, len);

	*used = code == HPE_OK ? len : (size_t)(llhttp_get_error_pos(&r->parser) - data);
	if (code == HPE_OK || r->state != REPLY_PARTIAL)
		return r->state;
	if (!r->status && !r->parser.http_major)
		bad(r, "not an HTTP response");
	else
		bad(r, "malformed: %s", llhttp_get_error_reason(&r->parser));
	return r->state;
}

enum reply_state reply_end(struct reply *r)
{
	if (r->state != REPLY_PARTIAL)
		return r->state;
	if (!r->status)
		bad(r, "the connection ended before the response was there");
	else if (r->until_close)
		r->state = REPLY_WHOLE;
	else if (r->has_length)
		bad(r, "the connection ended after %" PRIu64 " of %" PRIu64 " bytes", r->got, r->length);
	else
		bad(r, "the connection ended in the middle of the chunks, after %" PRIu64 " bytes", r->got);
	return r->state;
}
