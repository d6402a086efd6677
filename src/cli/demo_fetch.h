/* The demo's browser: one URL, fetched by the HTTP client, and what became of it in a line for people. */
#ifndef CLI_DEMO_FETCH_H
#define CLI_DEMO_FETCH_H

#include "cli/demo_site.h"
#include "client/http_client.h"

struct fetch {
	struct http_client client;
	struct http_transfer transfer;
	struct url url;
	char body[DEMO_LETTER_BYTES]; /* its first bytes */
	size_t len;                   /* of all of it */
	bool active, done;
	pb_time ended;
	char result[640]; /* "200 OK, 26 bytes", or what went wrong */
};

/* Begin; 0 or -EINVAL: the URL is none. config is copied. Ended by fetch_end(), done or not. */
int fetch_begin(struct fetch *f, const struct http_config *config, const char *url);

/* Close the connection, or give up. What was never begun, or has been ended, stays so. */
void fetch_end(struct fetch *f);

/* Whether it has got all of what it asked for. */
bool fetch_succeeded(const struct fetch *f);

#endif
