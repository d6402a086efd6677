/* A line for each running transfer on a terminal, drawn again in place: bytes, percent, rate, time left. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <packetboat/time.h>
#include <stddef.h>

#define PROGRESS_EVERY PB_MSEC(200)

struct progress {
	int drawn; /* lines on the screen */
	int at;    /* the line that comes next */
	int width; /* of the terminal */
};

struct progress_row {
	const char *name;
	uint64_t got, length; /* length 0: not known */
	pb_time took;
};

/* One drawing: begin, a row for each, end. */
void progress_begin(struct progress *p);
void progress_row(struct progress *p, const struct progress_row *row);
void progress_end(struct progress *p);

/* Take the lines away, before something else is said. */
void progress_clear(struct progress *p);

/* "12.3 MB": buf has at least 16 bytes. Returns buf. */
const char *progress_bytes(uint64_t n, char *buf);

#endif
