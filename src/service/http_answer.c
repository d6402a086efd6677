#include "service/http_answer.h"

#include "service/http_condition.h"
#include "service/http_listing.h"
#include "service/http_open.h"
#include "service/http_range.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ALLOW "Allow: GET, HEAD, OPTIONS\r\n"

/* Everything one answer is made from. */
struct making {
	struct http_site *site;
	const struct http_request *r;
	struct http_writer *w;
	struct http_answer *a;
};

static struct http_head head_of(const struct making *m, int status)
{
	m->a->status = status;
	return (struct http_head){
		.status = status,
		.close = m->a->close,
		.old = m->r && m->r->minor == 0,
	};
}

static void page(const struct making *m, int status, const char *fields)
{
	struct http_head h = head_of(m, status);
	bool head_only = m->r && m->r->head;
	size_t n = http_put_page(m->w, &h, &m->site->clock, head_only, fields);

	m->a->bytes = head_only ? 0 : n;
}

static int status_of(int err)
{
	switch (err) {
	case ENOENT:
	case ENAMETOOLONG:
		return 404;
	case EACCES:
	case EPERM:
	case EXDEV: /* a link out of the root */
	case ELOOP:
	case ENXIO: /* a socket, a device without a driver */
	case ENODEV:
		return 403;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN:
		return 503;
	default:
		return 500;
	}
}

static void failed(const struct making *m, int err)
{
	int status = status_of(err);

	m->a->err = status >= 500 ? err : 0;
	page(m, status, status == 503 ? "Retry-After: 1\r\n" : "");
}

/* OPTIONS (RFC 9110 9.3.7), of * or of any target. */
static void answer_options(const struct making *m)
{
	struct http_head h = head_of(m, 200);

	http_put_head(m->w, &h, &m->site->clock);
	http_put_text(m->w, ALLOW "Content-Length: 0\r\n\r\n");
}

/*
 * To the same address with a slash, query kept. As a relative reference that begins with "./" it can lead
 * neither to another host ("//host") nor to another scheme ("name:"), and holds behind proxies that put us
 * elsewhere.
 */
static void redirect_to_slash(const struct making *m)
{
	struct http_head h = head_of(m, 301);
	const char *target = m->r->target.p;
	size_t len = m->r->target.len, path_len = http_target_path_len(target, len);
	const char *slash = memrchr(target, '/', path_len);
	const char *name = slash ? slash + 1 : target;
	const char *end = target + path_len, *query_end = memchr(end, '#', len - path_len);

	http_put_head(m->w, &h, &m->site->clock);
	http_put_text(m->w, "Location: ./");
	http_put(m->w, name, (size_t)(end - name));
	http_put_text(m->w, "/");
	http_put(m->w, end, (size_t)((query_end ? query_end : target + len) - end));
	http_put_text(m->w, "\r\nContent-Length: 0\r\n\r\n");
}

static void answer_directory(const struct making *m, const struct http_path *path)
{
	struct http_head h;
	int dir;

	if (!m->site->listing) {
		page(m, 403, "");
		return;
	}
	dir = http_open(m->site->root, path->text);
	m->a->page = dir < 0 ? NULL : http_listing(dir, path->text, &m->a->page_len);
	if (!m->a->page) {
		failed(m, dir < 0 ? -dir : errno);
		return;
	}
	h = head_of(m, 200);
	http_put_head(m->w, &h, &m->site->clock);
	http_print(m->w, "Content-Type: text/html; charset=utf-8\r\nContent-Length: %zu\r\n\r\n",
		   m->a->page_len);
	if (m->r->head)
		m->a->page_len = 0;
	m->a->bytes = m->a->page_len;
}

/* The bytes of the file that the answer carries, and its status. */
static int choose_range(const struct making *m, const struct http_file *f, const struct http_validators *v)
{
	uint64_t first, last;

	m->a->from = 0;
	m->a->to = f->size;
	if (!http_range_counts(m->r, v))
		return 200;
	const struct http_text *t = &m->r->field[HTTP_FIELD_RANGE];
	switch (http_range_read(t->p, t->len, (uint64_t)f->size, &first, &last)) {
	case HTTP_RANGE_OK:
		m->a->from = (off_t)first;
		m->a->to = (off_t)last + 1;
		return 206;
	case HTTP_RANGE_UNSATISFIABLE:
		return 416;
	case HTTP_RANGE_NONE:
		break;
	}
	return 200;
}

static void put_decimal(struct http_writer *w, uint64_t n)
{
	char buf[20], *p = buf + sizeof buf;

	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	http_put(w, p, (size_t)(buf + sizeof buf - p));
}

static void answer_file(const struct making *m, struct http_file *f)
{
	struct http_validators v = {
		.etag = f->fields + f->etag_at,
		.etag_len = f->etag_len,
		.modified = f->modified,
		.now = m->site->clock.second,
	};
	int status = http_condition(m->r, &v);
	char range[64];

	if (status == 200)
		status = choose_range(m, f, &v);
	if (status >= 400) {
		snprintf(range, sizeof range, "Content-Range: bytes */%jd\r\n", (intmax_t)f->size);
		page(m, status, status == 416 ? range : "");
		http_file_give(f);
		return;
	}
	struct http_head h = head_of(m, status);
	http_put_head(m->w, &h, &m->site->clock);
	http_put(m->w, f->fields, f->fields_len);
	if (status == 206)
		http_print(m->w, "Content-Range: bytes %jd-%jd/%jd\r\n", (intmax_t)m->a->from,
			   (intmax_t)m->a->to - 1, (intmax_t)f->size);
	if (status != 304) {
		http_put_text(m->w, "Content-Length: ");
		put_decimal(m->w, (uint64_t)(m->a->to - m->a->from));
		http_put_text(m->w, "\r\n");
	}
	http_put_text(m->w, "\r\n");
	if (status == 304 || m->r->head) {
		http_file_give(f);
		return;
	}
	m->a->file = f;
	m->a->bytes = (uint64_t)(m->a->to - m->a->from);
}

static void answer_get(const struct making *m, pb_time now)
{
	struct http_path path;
	struct http_file *f;
	int status = http_path_read(&path, m->r->target.p, m->r->target.len), err = 0;

	if (status) {
		page(m, status, "");
		return;
	}
	f = http_file_take(m->site->files, &path, now, &err);
	if (f)
		answer_file(m, f);
	else if (err == ENOTDIR)
		redirect_to_slash(m);
	else if (err == EISDIR)
		answer_directory(m, &path);
	else
		failed(m, err);
}

void http_answer(struct http_site *site, const struct http_request *r, pb_time now, struct http_writer *w,
		 struct http_answer *a)
{
	const struct making m = { .site = site, .r = r, .w = w, .a = a };
	const struct http_text *expect = &r->field[HTTP_FIELD_EXPECT];

	http_clock_read(&site->clock);
	/* RFC 9110 10.1.1; HTTP/1.0 clients can't mean it. */
	if (expect->p && r->minor > 0 &&
	    (expect->len != 12 || strncasecmp(expect->p, "100-continue", 12) != 0))
		page(&m, 417, "");
	else if (r->options)
		answer_options(&m);
	else if (!r->get && !r->head)
		page(&m, 405, ALLOW);
	else
		answer_get(&m, now);
}

void http_answer_error(struct http_site *site, int status, struct http_writer *w, struct http_answer *a)
{
	const struct making m = { .site = site, .w = w, .a = a };

	http_clock_read(&site->clock);
	a->close = true;
	page(&m, status, status == 503 ? "Retry-After: 1\r\n" : "");
}
