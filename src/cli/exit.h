/* Exit codes, the same in every command: for scripts. */
#ifndef CLI_EXIT_H
#define CLI_EXIT_H

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,    /* failed otherwise */
	EXIT_USAGE = 2,     /* wrong usage */
	EXIT_NOT_FOUND = 3, /* name not found */
	EXIT_REFUSED = 4,   /* refused or reset */
	EXIT_TIMED_OUT = 5,
	EXIT_UNREACHABLE = 6, /* host or network unreachable */
	EXIT_TLS = 7,
	EXIT_PROTOCOL = 8, /* the peer broke the protocol */
	EXIT_ADDRESS = 9,  /* address in use or not permitted */
};

/* The exit code for an errno (positive or negative). */
enum exit_code exit_code_of(int err);

#endif
