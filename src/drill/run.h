/*
 * Playing a script against a stack of ours, in virtual time.
 *
 * What the script does (calls, packets in) is done at its time; what it expects (packets out) is waited for, the clock
 * going from one thing the stack has to do to the next. A relative time counts from when the event before was done.
 */
#ifndef DRILL_RUN_H
#define DRILL_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum drill_verdict {
	DRILL_PASSED,
	DRILL_FAILED,     /* the stack does something else than the script expects */
	DRILL_UNREADABLE, /* it is no script, or asks for what there is not */
};

struct drill_options {
	const char
		*ip_version; /* "ipv4", "ipv6", "ipv4-mapped-ipv6", for scripts that do not say; NULL: ipv4 */
	bool strict;         /* what is sent by the script's end, and not expected, fails it */
	const char *save;    /* write what passes to this file (pcapng); NULL: don't */
	bool verbose;        /* tell of each event */
};

/* Play the script in text; path names it in what is told to out: what is wrong, in lines "FILE:LINE: …", and notes. */
enum drill_verdict drill_run(const char *path, const char *text, size_t len, const struct drill_options *o,
			     FILE *out);

#endif
