/*
 * The http service: static files over HTTP/1.1 and 1.0 (RFC 9110, RFC 9112). Here is what it can be told and
 * how it starts and ends; the connections are in http_conn.c, the answers in http_answer.c.
 */
#include "service/http_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_MIN     1024
#define HEADER_DEFAULT (16 * 1024)
#define HEADER_MAX     (64 * 1024)
#define CACHE_DEFAULT  (64 * 1024 * 1024)

/* Over a limit: a short answer, which a new connection's socket has room for. */
static void http_refuse(struct service *s, struct pb_socket *caller, const char *why)
{
	struct http_config *config = s->config;
	char buf[2 * HTTP_HEAD_MAX];
	struct http_writer w = { .p = buf, .room = sizeof buf };
	struct http_answer a = { 0 };

	(void)why; /* is logged, and no business of the caller's */
	http_answer_error(&config->site, 503, &w, &a);
	pb_send(caller, w.p, w.len, 0);
}

static bool open_root(struct http_config *config, const char *root, struct spec_error *error)
{
	config->site.root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return config->site.root >= 0 ||
	       spec_fail(error, "root=%s: %s; name a directory, as in root=./public", root, strerror(errno));
}

static bool read_index(struct http_config *config, const struct spec *spec, struct spec_error *error)
{
	const char *index = spec_get(spec, "index");

	index = index ? index : "index.html";
	if (!*index || strchr(index, '/') || strlen(index) > NAME_MAX)
		return spec_fail(error, "index=%s: must be the name of a file, as in index=index.html",
				 index);
	config->site.index = strdup(index);
	return config->site.index || spec_fail(error, "out of memory");
}

static bool read_switch(const struct spec *spec, const char *key, bool *on, struct spec_error *error)
{
	const char *value = spec_get(spec, key);

	if (!value)
		return true;
	*on = strcmp(value, "on") == 0;
	return *on || strcmp(value, "off") == 0 || spec_fail(error, "%s=%s: must be on or off", key, value);
}

static void free_config(struct http_config *config)
{
	http_files_free(config->site.files);
	free(config->site.index);
	if (config->site.root >= 0)
		close(config->site.root);
	free(config);
}

static bool http_configure(struct service *s, struct spec_error *error)
{
	struct http_config *config = calloc(1, sizeof *config);
	uint64_t header_max = HEADER_DEFAULT, cache = CACHE_DEFAULT;
	int64_t header_time = PB_SEC(10);
	const char *root = spec_get(s->spec, "root");

	if (!config)
		return spec_fail(error, "out of memory");
	config->site.root = -1;
	config->site.listing = true;
	if (!spec_size(s->spec, "header-max", HEADER_MIN, HEADER_MAX, &header_max, error) ||
	    !spec_time(s->spec, "header-time", PB_MSEC(100), PB_SEC(3600), &header_time, error) ||
	    !spec_size(s->spec, "cache", 0, SIZE_MAX / 2, &cache, error) ||
	    !read_index(config, s->spec, error) ||
	    !read_switch(s->spec, "listing", &config->site.listing, error) ||
	    !read_switch(s->spec, "deferred", &s->deferred, error) ||
	    !open_root(config, root ? root : ".", error)) {
		free_config(config);
		return false;
	}
	config->header_max = (size_t)header_max;
	config->header_time = header_time;
	config->site.files = http_files_new(config->site.root, config->site.index, (size_t)cache);
	if (!config->site.files) {
		free_config(config);
		return spec_fail(error, "out of memory");
	}
	s->config = config;
	return true;
}

static void http_release(struct service *s)
{
	free_config(s->config);
}

static const struct spec_key http_keys[] = {
	{"root",								"DIR", "directory to serve (the one you are in)" },
	{ "index",			    "NAME", "file that stands for its directory (index.html)" },
	{ "listing",							      "on|off", "list directories that have no index (on)" },
	{ "deferred",                    "on|off", "accept a caller when his request is there, or after a second (off)" },
	{ "cache",							    "SIZE", "memory for the contents of small files (64m)" },
	{ "header-max",			   "SIZE", "longest request header (16k)" },
	{ "header-time",							   "TIME", "longest time for a request to arrive, from its first byte (10s)" },
	{ NULL},
};

extern const struct service_kind service_http;
const struct service_kind service_http = {
	.name = "http",
	.summary = "static files over HTTP/1.1",
	.example = "http://127.0.0.1:8080,root=./public",
	.rfc = "RFC 9110",
	.stream = true,
	.keys = http_keys,
	.configure = http_configure,
	.release = http_release,
	.conn_size = sizeof(struct http_conn),
	.ready = http_conn_ready,
	.drain = http_conn_drain,
	.idle = http_conn_idle,
	.closed = http_conn_closed,
	.refuse = http_refuse,
};
