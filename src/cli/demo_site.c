#include "cli/demo_site.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const files[] = { "hello.txt", "letter.txt", "big" };

void demo_letter(char text[DEMO_LETTER_BYTES])
{
	char line[64];

	for (size_t at = 0, number = 1; at < DEMO_LETTER_BYTES; number++) {
		int n = snprintf(line, sizeof line, "Line %zu of a letter that a packet boat carries.\n",
				 number);
		for (int i = 0; i < n && at < DEMO_LETTER_BYTES; i++)
			text[at++] = line[i];
	}
}

/* Last changed at the same time whenever it was made: a reply tells, and no two runs shall differ. */
static bool make_file(const struct demo_site *s, const char *name, const char *text, size_t len, off_t size)
{
	static const struct timespec same_age[2] = { { .tv_nsec = UTIME_NOW }, { .tv_sec = 1000000000 } };
	char path[64];

	snprintf(path, sizeof path, "%s/%s", s->path, name);
	FILE *f = fopen(path, "w");
	if (!f)
		return false;
	bool ok = fwrite(text, 1, len, f) == len && fflush(f) == 0 && ftruncate(fileno(f), size) == 0 &&
		  futimens(fileno(f), same_age) == 0;
	return fclose(f) == 0 && ok;
}

bool demo_site_make(struct demo_site *s)
{
	static const char hello[] = "Hello from a packet boat.\n";
	static char letter[DEMO_LETTER_BYTES];

	snprintf(s->path, sizeof s->path, "/tmp/packetboat-demo-XXXXXX");
	if (!mkdtemp(s->path)) {
		s->path[0] = '\0';
		return false;
	}
	demo_letter(letter);
	return make_file(s, files[0], hello, sizeof hello - 1, sizeof hello - 1) &&
	       make_file(s, files[1], letter, sizeof letter, sizeof letter) &&
	       make_file(s, files[2], "", 0, DEMO_BIG_BYTES);
}

void demo_site_clear(struct demo_site *s)
{
	char path[64];

	for (size_t i = 0; s->path[0] && i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", s->path, files[i]);
		unlink(path);
	}
	if (s->path[0])
		rmdir(s->path);
	s->path[0] = '\0';
}
