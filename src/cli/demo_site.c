#include "cli/demo_site.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 3

static const char *const files[FILES] = { "hello.txt", "letter.txt", "big" };

/* Where they are: kept here for when a signal ends us. A process has one site. */
static char paths[FILES][DEMO_PATH_MAX + 16], directory[DEMO_PATH_MAX];

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
static bool make_file(const char *path, const char *text, size_t len, off_t size)
{
	static const struct timespec same_age[2] = { { .tv_nsec = UTIME_NOW }, { .tv_sec = 1000000000 } };
	FILE *f = fopen(path, "w");

	if (!f)
		return false;
	bool ok = fwrite(text, 1, len, f) == len && fflush(f) == 0 && ftruncate(fileno(f), size) == 0 &&
		  futimens(fileno(f), same_age) == 0;
	return fclose(f) == 0 && ok;
}

/* Safe in a signal's handler (signal-safety(7)). */
static void remove_all(void)
{
	for (size_t i = 0; i < FILES; i++)
		unlink(paths[i]);
	rmdir(directory);
}

static void on_signal(int sig)
{
	remove_all();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Also if we are told to end in the middle of it, nothing stays. */
static void promise_to_clear(const struct demo_site *s)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	snprintf(directory, sizeof directory, "%s", s->path);
	for (size_t i = 0; i < FILES; i++)
		snprintf(paths[i], sizeof paths[i], "%s/%s", s->path, files[i]);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		if (signal(signals[i], on_signal) == SIG_IGN)
			signal(signals[i], SIG_IGN); /* as nohup(1) wants it */
}

/* Where temporary files are wanted (POSIX, XBD 8.3), if a service can be told of it: its options end at commas. */
static const char *temporary(void)
{
	const char *wanted = getenv("TMPDIR");

	return wanted && wanted[0] == '/' && !strpbrk(wanted, ", \t") && strlen(wanted) < DEMO_PATH_MAX / 2
		       ? wanted
		       : "/tmp";
}

bool demo_site_make(struct demo_site *s)
{
	static const char hello[] = "Hello from a packet boat.\n";
	static char letter[DEMO_LETTER_BYTES];

	snprintf(s->path, sizeof s->path, "%s/packetboat-demo-XXXXXX", temporary());
	if (!mkdtemp(s->path)) {
		s->path[0] = '\0';
		return false;
	}
	promise_to_clear(s);
	demo_letter(letter);
	return make_file(paths[0], hello, sizeof hello - 1, sizeof hello - 1) &&
	       make_file(paths[1], letter, sizeof letter, sizeof letter) &&
	       make_file(paths[2], "", 0, DEMO_BIG_BYTES);
}

void demo_site_clear(struct demo_site *s)
{
	if (s->path[0])
		remove_all();
	s->path[0] = '\0';
}
