/* The files that the demo's web servers show, in a directory of their own below $TMPDIR, or /tmp. */
#ifndef CLI_DEMO_SITE_H
#define CLI_DEMO_SITE_H

#include <stdbool.h>
#include <stddef.h>

#define DEMO_BIG_BYTES    (8 << 20) /* of zeroes, in "big" */
#define DEMO_LETTER_BYTES (16 * 1024)

#define DEMO_PATH_MAX 256

struct demo_site {
	char path[DEMO_PATH_MAX]; /* empty: there is none */
};

/* Make "hello.txt", "letter.txt" and "big". False: errno says why; clear it all the same. */
bool demo_site_make(struct demo_site *s);
void demo_site_clear(struct demo_site *s);

/* What "letter.txt" says: no two of its lines are equal, so that none can stand for another. */
void demo_letter(char text[DEMO_LETTER_BYTES]);

#endif
