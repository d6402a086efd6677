/* Service specs and their access lists: whatever is written, it is read or refused with a reason. */
#include "service/access.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct spec *s)
{
	static const union pb_addr callers[] = {
		{ .v4 = { .sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f } },
		{ .v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT } },
	};
	struct spec_error error = { "" };
	uint64_t n = 1;
	int64_t ns = 1;
	bool ok;

	assert(s->kind[0]);
	assert(s->count <= SPEC_VALUES_MAX);
	assert(pb_addr_port(&s->addr) == s->port);
	assert(!s->any || pb_addr_is_any(&s->addr));
	for (size_t i = 0; i < s->count; i++) {
		const char *key = s->values[i].key;
		assert(key[0] && s->values[i].value[0]);
		assert(spec_get(s, key));
		assert(!spec_number(s, key, 1, 1000, &n, &error) || (n >= 1 && n <= 1000));
		assert(!spec_size(s, key, 1, 1000000, &n, &error) || (n >= 1 && n <= 1000000));
		assert(!spec_time(s, key, 1, 1000000000, &ns, &error) || (ns >= 1 && ns <= 1000000000));
	}
	struct access *a = access_new(s, &error, &ok);
	assert(ok || (!a && error.text[0]));
	for (size_t i = 0; ok && i < sizeof callers / sizeof *callers; i++)
		assert(access_allows(a, &callers[i]) || a);
	access_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[SPEC_LEN_MAX + 2];
	struct spec s;
	struct spec_error error = { "" };
	size_t n = size < sizeof text - 1 ? size : sizeof text - 1;

	memcpy(text, data, n);
	text[n] = '\0';
	if (spec_parse(&s, text, &error)) {
		check(&s);
		spec_free(&s);
	} else {
		assert(error.text[0]);
		assert(strlen(error.text) < sizeof error.text);
	}
	return 0;
}
