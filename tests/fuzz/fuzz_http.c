/* Everything of the http service that reads what a peer wrote: heads, chunks, paths, ranges, dates. */
#include "service/http_condition.h"
#include "service/http_date.h"
#include "service/http_path.h"
#include "service/http_range.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct http_validators v = { .etag = "\"1-2-3.4\"",
						  .etag_len = 9,
						  .modified = 784111777 };
	const char *text = (const char *)data;
	struct http_request r;
	struct http_chunks chunks;
	struct http_path path;
	uint64_t first, last;
	time_t t;
	int status;

	if (http_request_read(&r, text, size, 16384, &status) == HTTP_PARSE_WHOLE) {
		assert(r.head_len <= size);
		http_condition(&r, &v);
		http_range_counts(&r, &v);
		if (http_path_read(&path, r.target.p, r.target.len) == 0) {
			assert(strlen(path.text) == path.len && path.text[0] != '/');
			assert(strncmp(path.text, "../", 3) != 0 && !strstr(path.text, "/../"));
		}
	}
	http_chunks_init(&chunks);
	assert(http_chunks_read(&chunks, text, size) <= (long)size);
	http_path_read(&path, text, size);
	if (http_range_read(text, size, 1000, &first, &last) == HTTP_RANGE_OK)
		assert(first <= last && last < 1000);
	http_date_read(text, size, 0, &t);
	return 0;
}
