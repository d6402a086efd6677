/* Scripts: whatever is written, it is read or refused with a reason; and what is read can be played to an end. */
#include "drill/run.h"
#include "drill/script.h"

#include <assert.h>
#include <string.h>

#define PLAYED_MAX 512 /* longer ones may ask for hours of virtual time */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void play(const char *text, size_t size)
{
	static const struct drill_options options;
	static FILE *nowhere;

	if (!nowhere)
		nowhere = fopen("/dev/null", "we");
	if (nowhere)
		drill_run("fuzz", text, size, &options, nowhere);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct script s;
	bool ok = drill_script_parse(&s, text, size);

	assert(ok == (s.error[0] == '\0'));
	assert(memchr(s.error, '\0', sizeof s.error));
	drill_script_free(&s);
	if (ok && size <= PLAYED_MAX)
		play(text, size);
	return 0;
}
