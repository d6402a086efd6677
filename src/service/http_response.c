#include "service/http_response.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void http_put(struct http_writer *w, const void *data, size_t len)
{
	assert(len <= w->room - w->len);
	memcpy(w->p + w->len, data, len);
	w->len += len;
}

void http_print(struct http_writer *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(w->p + w->len, w->room - w->len, format, args);
	va_end(args);
	assert(n >= 0 && (size_t)n < w->room - w->len);
	w->len += (size_t)n;
}

time_t http_clock_read(struct http_clock *clock)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec != clock->second || !clock->len) {
		static const char before[] = "Server: packetboat\r\nDate: ";
		struct http_writer w = { .p = clock->text, .room = sizeof clock->text };
		char date[HTTP_DATE_LEN];

		http_date_write(date, now.tv_sec);
		http_put(&w, before, sizeof before - 1);
		http_put(&w, date, sizeof date);
		http_put(&w, "\r\n", 2);
		clock->second = now.tv_sec;
		clock->len = w.len;
	}
	return clock->second;
}

/* The answers we give, each with a word for the person who reads it. */
static const struct reply {
	int status;
	const char *reason, *text;
} replies[] = {
	{200,  "OK",			      ""						  },
	{ 206, "Partial Content",                 ""						  },
	{ 301, "Moved Permanently",               "This directory's address ends with a slash."       },
	{ 304, "Not Modified",                    ""						  },
	{ 400, "Bad Request",                     "The request could not be understood."              },
	{ 403, "Forbidden",                       "This may not be read."                             },
	{ 404, "Not Found",                       "There is nothing of this name here."               },
	{ 405, "Method Not Allowed",              "Only GET, HEAD and OPTIONS are allowed here."      },
	{ 408, "Request Timeout",                 "The request took too long to arrive."              },
	{ 412, "Precondition Failed",             "The file is not the one that the request is about."},
	{ 413, "Content Too Large",               "The body of the request is too long."              },
	{ 414, "URI Too Long",                    "The address is too long."                          },
	{ 416, "Range Not Satisfiable",           "The file has no such bytes."                       },
	{ 417, "Expectation Failed",              "Only 100-continue can be expected here."           },
	{ 431, "Request Header Fields Too Large", "The header of the request is too long."            },
	{ 500, "Internal Server Error",           "The server could not read this."                   },
	{ 501, "Not Implemented",                 "The server does not know how to do this."          },
	{ 503, "Service Unavailable",             "The server is busy. Please try again soon."        },
	{ 505, "HTTP Version Not Supported",      "The server speaks HTTP/1.1."                       },
};

static const struct reply *reply_of(int status)
{
	for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
		if (replies[i].status == status)
			return &replies[i];
	assert(!"a status that is in the table");
	return &replies[0];
}

const char *http_reason(int status)
{
	return reply_of(status)->reason;
}

void http_put_head(struct http_writer *w, const struct http_head *h, const struct http_clock *clock)
{
	if (h->status == 200)
		http_put_text(w, "HTTP/1.1 200 OK\r\n");
	else
		http_print(w, "HTTP/1.1 %d %s\r\n", h->status, http_reason(h->status));
	http_put(w, clock->text, clock->len);
	if (h->close)
		http_put_text(w, "Connection: close\r\n");
	else if (h->old)
		http_put_text(w, "Connection: keep-alive\r\n");
}

size_t http_put_page(struct http_writer *w, const struct http_head *h, const struct http_clock *clock,
		     bool head_only, const char *extra_fields)
{
	static const char page[] =
		"<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n<title>%d %s</title>\n"
		"<style>body{font:16px system-ui,sans-serif;margin:20vh auto;max-width:32rem;"
		"padding:0 1rem}</style>\n<h1>%d %s</h1>\n<p>%s</p>\n";
	const struct reply *r = reply_of(h->status);
	char body[HTTP_HEAD_MAX];
	int n = snprintf(body, sizeof body, page, r->status, r->reason, r->status, r->reason, r->text);

	http_put_head(w, h, clock);
	http_print(w, "%sContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n", extra_fields,
		   n);
	if (!head_only)
		http_put(w, body, (size_t)n);
	return (size_t)n;
}
