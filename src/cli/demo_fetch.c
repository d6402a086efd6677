#include "cli/demo_fetch.h"

#include "base/list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int on_body(struct http_transfer *t, const char *data, size_t len)
{
	struct fetch *f = container_of(t, struct fetch, transfer);

	for (size_t i = 0; i < len && f->len + i < sizeof f->body; i++)
		f->body[f->len + i] = data[i];
	f->len += len;
	return 0;
}

static void on_done(struct http_transfer *t)
{
	struct fetch *f = container_of(t, struct fetch, transfer);

	f->done = true;
	f->ended = pb_loop_now(t->client->config.loop);
	if (t->failure == HTTP_FINE)
		snprintf(f->result, sizeof f->result, "%d %s, %zu bytes", t->reply.status, t->reply.reason,
			 f->len);
	else
		snprintf(f->result, sizeof f->result, "%s", t->error);
}

int fetch_begin(struct fetch *f, const struct http_config *config, const char *url)
{
	static const struct http_events events = { .body = on_body, .done = on_done };
	struct url_error error;

	memset(f, 0, sizeof *f);
	http_client_init(&f->client, config);
	if (!url_parse(&f->url, url, &error))
		return -EINVAL;
	f->active = true;
	http_start(&f->transfer, &f->client, &f->url, false, &events);
	return 0;
}

void fetch_end(struct fetch *f)
{
	if (!f->active)
		return;
	if (!f->done)
		http_cancel(&f->transfer);
	http_client_free(&f->client);
	f->active = false;
}

bool fetch_succeeded(const struct fetch *f)
{
	return f->done && f->transfer.failure == HTTP_FINE && f->transfer.reply.status == 200;
}
