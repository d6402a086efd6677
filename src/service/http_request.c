#include "service/http_request.h"

#include <string.h>
#include <strings.h>

#define METHOD_LEN_MAX 32

/* What the callbacks below need beside the record. */
struct reading {
	llhttp_t parser; /* first: the callbacks get a pointer to it */
	struct http_request *r;
	struct http_text name, value;
	uint16_t seen; /* a bit for each field */
	bool folded;
};

static const struct {
	const char *name;
	size_t len;
} field_names[HTTP_FIELDS] = {
#define NAME(text)                                                                                           \
	{                                                                                                    \
		text, sizeof text - 1                                                                        \
	}
	[HTTP_FIELD_EXPECT] = NAME("expect"),
	[HTTP_FIELD_HOST] = NAME("host"),
	[HTTP_FIELD_IF_MATCH] = NAME("if-match"),
	[HTTP_FIELD_IF_MODIFIED_SINCE] = NAME("if-modified-since"),
	[HTTP_FIELD_IF_NONE_MATCH] = NAME("if-none-match"),
	[HTTP_FIELD_IF_RANGE] = NAME("if-range"),
	[HTTP_FIELD_IF_UNMODIFIED_SINCE] = NAME("if-unmodified-since"),
	[HTTP_FIELD_RANGE] = NAME("range"),
	[HTTP_FIELD_REFERER] = NAME("referer"),
	[HTTP_FIELD_USER_AGENT] = NAME("user-agent"),
#undef NAME
};

/* Spans may come in pieces, one right behind the other. A piece elsewhere is a folded line. */
static bool extend(struct http_text *t, const char *at, size_t len)
{
	if (!t->p)
		t->p = at;
	else if (t->p + t->len != at)
		return false;
	t->len += len;
	return true;
}

static int on_url(llhttp_t *p, const char *at, size_t len)
{
	extend(&((struct reading *)p)->r->target, at, len);
	return 0;
}

static int on_name(llhttp_t *p, const char *at, size_t len)
{
	extend(&((struct reading *)p)->name, at, len);
	return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t len)
{
	struct reading *g = (struct reading *)p;

	if (!extend(&g->value, at, len))
		g->folded = true; /* RFC 9112 5.2: refused */
	return 0;
}

static int field_of(const struct http_text *name)
{
	for (int f = 0; f < HTTP_FIELDS; f++)
		if (name->len == field_names[f].len &&
		    strncasecmp(name->p, field_names[f].name, name->len) == 0)
			return f;
	return -1;
}

static int on_value_complete(llhttp_t *p)
{
	struct reading *g = (struct reading *)p;
	int f = field_of(&g->name);
	struct http_text v = g->value;

	g->name = g->value = (struct http_text){ 0 };
	if (f < 0)
		return 0;
	if (f == HTTP_FIELD_HOST && g->r->hosts < 2)
		g->r->hosts++;
	while (v.len > 0 && (v.p[v.len - 1] == ' ' || v.p[v.len - 1] == '\t'))
		v.len--;
	if (!v.p)
		v.p = "";
	g->r->field[f] = g->seen >> f & 1 ? (struct http_text){ 0 } : v;
	g->seen |= (uint16_t)(1 << f);
	return 0;
}

/* The body is not the parser's business: it stops here. */
static int on_headers_complete(llhttp_t *p)
{
	(void)p;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_url = on_url,
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_headers_complete,
};

/* RFC 9110 5.6.2 */
static bool is_token_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* RFC 9110 4.2.2, 7.2: a host and a port; userinfo and everything else is a mistake (or an attack). */
static bool host_is_sane(const struct http_text *host)
{
	for (size_t i = 0; i < host->len; i++) {
		unsigned char c = (unsigned char)host->p[i];
		if (c <= ' ' || c == 0x7f || strchr("/?#@\\\"<>{}|^`,", c))
			return false;
	}
	return true;
}

/* The method is not llhttp's: another word in its place is not implemented, anything else is malformed. */
static enum http_parse judge_method(const struct http_request *r, const char *end, int *status)
{
	const char *p = r->method.p;

	while (p < end && is_token_char((unsigned char)*p))
		p++;
	size_t n = (size_t)(p - r->method.p);
	if (p == end && n <= METHOD_LEN_MAX)
		return HTTP_PARSE_PARTIAL;
	*status = n > 0 && n <= METHOD_LEN_MAX && p < end && *p == ' ' ? 501 : 400;
	return HTTP_PARSE_BAD;
}

/* RFC 9112 3: servers should take request lines of 8,000 bytes, so a longer one may earn its own status. */
static enum http_parse too_long(const char *data, size_t max, int *status)
{
	*status = memchr(data, '\n', max) ? 431 : 414;
	return HTTP_PARSE_BAD;
}

static enum http_parse bad(int code, int *status)
{
	*status = code;
	return HTTP_PARSE_BAD;
}

/* RFC 9112 2.2: a CR stands before an LF only. The parser is not strict here, so whoever is before us might
 * differ. */
static bool lines_end_well(const char *head, size_t len)
{
	const char *end = head + len;

	for (const char *p = head; (p = memchr(p, '\r', (size_t)(end - p))); p++)
		if (p + 1 == end || p[1] != '\n')
			return false;
	return end[-1] == '\n';
}

/* What the parser's grammar leaves open. 0 or the status to refuse with. */
static int check(struct http_request *r, const struct reading *g)
{
	const llhttp_t *p = &g->parser;

	if (p->http_major != 1)
		return 505;
	if (g->folded)
		return 400;
	if (r->hosts > 1 || (r->hosts == 0 && r->minor > 0))
		return 400; /* RFC 9112 3.2 */
	if (r->hosts == 1 && !host_is_sane(&r->field[HTTP_FIELD_HOST]))
		return 400;
	if (p->flags & F_TRANSFER_ENCODING && !(p->flags & F_CHUNKED))
		return 501; /* RFC 9112 6.1: a coding we do not know */
	if (r->chunked && (r->minor == 0 || p->flags & F_CONTENT_LENGTH))
		return 400; /* RFC 9112 6.1: framing that others may read otherwise */
	return 0;
}

enum http_parse http_request_read(struct http_request *r, const char *data, size_t len, size_t max,
				  int *status)
{
	struct reading g = { .r = r };
	size_t have = len < max ? len : max;
	const char *end = data + have;

	memset(r, 0, sizeof *r);
	r->method.p = data;
	while (r->method.p < end && (*r->method.p == '\r' || *r->method.p == '\n'))
		r->method.p++; /* RFC 9112 2.2: empty lines before a request are ignored */
	if (r->method.p == end)
		return have == max ? bad(400, status) : HTTP_PARSE_PARTIAL;
	while (r->method.p + r->method.len < end && is_token_char((unsigned char)r->method.p[r->method.len]))
		r->method.len++;
	llhttp_init(&g.parser, HTTP_REQUEST, &settings);
	g.parser.lenient_flags =
		LENIENT_VERSION; /* 1.2 is as good as 1.1 (RFC 9110 2.5): judged in check() */
	switch (llhttp_execute(&g.parser, r->method.p, (size_t)(end - r->method.p))) {
	case HPE_OK:
		return have == max ? too_long(data, max, status) : HTTP_PARSE_PARTIAL;
	case HPE_PAUSED:
		break;
	case HPE_INVALID_METHOD:
		return judge_method(r, end, status);
	case HPE_PAUSED_H2_UPGRADE: /* RFC 9113 3.4: the preface of a client that presumes HTTP/2 */
	case HPE_INVALID_VERSION:
		return bad(505, status);
	case HPE_INVALID_TRANSFER_ENCODING:
		return bad(501, status);
	default:
		return bad(400, status);
	}
	r->head_len = (size_t)(llhttp_get_error_pos(&g.parser) - data);
	if (!lines_end_well(data, r->head_len))
		return bad(400, status);
	r->get = g.parser.method == HTTP_GET;
	r->head = g.parser.method == HTTP_HEAD;
	r->options = g.parser.method == HTTP_OPTIONS;
	r->minor = g.parser.http_minor;
	r->chunked = g.parser.flags & F_CHUNKED;
	r->body_len = r->chunked ? 0 : g.parser.flags & F_CONTENT_LENGTH ? g.parser.content_length : 0;
	r->keep_alive = llhttp_should_keep_alive(&g.parser);
	int code = check(r, &g);
	return code ? bad(code, status) : HTTP_PARSE_WHOLE;
}

/*
 * Reading again from the start for each byte that a slow client sends would be quadratic work. So it is done
 * when an empty line has come, and for the mistakes in between whenever the length has doubled.
 */
bool http_request_worth_reading(const char *data, size_t len, size_t seen)
{
	size_t from = seen > 3 ? seen - 3 : 0;

	return len >= 2 * seen || memmem(data + from, len - from, "\n\r\n", 3) ||
	       memmem(data + from, len - from, "\n\n", 2);
}

static int on_message_complete(llhttp_t *p)
{
	((struct http_chunks *)p)->ended = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t chunk_settings = { .on_message_complete = on_message_complete };

void http_chunks_init(struct http_chunks *c)
{
	static const char head[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

	*c = (struct http_chunks){ 0 };
	llhttp_init(&c->parser, HTTP_REQUEST, &chunk_settings);
	llhttp_execute(&c->parser, head, sizeof head - 1);
}

long http_chunks_read(struct http_chunks *c, const char *data, size_t len)
{
	switch (llhttp_execute(&c->parser, data, len)) {
	case HPE_OK:
		c->seen += len;
		return (long)len;
	case HPE_PAUSED:
		len = (size_t)(llhttp_get_error_pos(&c->parser) - data);
		c->seen += len;
		return (long)len;
	default:
		return -1;
	}
}
