/* URLs: whatever is read and written again reads the same, and no request line can be broken by one. */
#include "client/url.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct url *u)
{
	char text[URL_TEXT], again_text[URL_TEXT];
	struct url again;
	struct url_error error;

	assert(u->target[0] == '/');
	assert(u->host[0] && u->port);
	for (const char *p = u->target; *p; p++)
		assert(*p > ' ' && *p < 0x7f);
	url_text(u, text);
	if (strlen(text) <= URL_LEN_MAX) {
		assert(url_parse(&again, text, &error));
		assert(strcmp(url_text(&again, again_text), text) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[URL_LEN_MAX + 2];
	struct url base, u;
	struct url_error error;
	size_t n = size < sizeof text - 1 ? size : sizeof text - 1;

	memcpy(text, data, n);
	text[n] = '\0';
	if (url_parse(&u, text, &error))
		check(&u);
	if (url_parse(&base, "https://me:secret@h:1/a/b/c?d", &error) && url_resolve(&u, &base, text, &error))
		check(&u);
	return 0;
}
