/*
 * Commands: each is a table entry that says what it is for and which options it takes. The table makes the parser,
 * --help, the man page's options and the bash completion, so that they cannot disagree.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/exit.h"

#include <stdbool.h>
#include <stddef.h>

struct option;

struct cli_option {
	char letter;      /* -u; 0: none. Unique in the command */
	const char *name; /* --udp; NULL: only the letter */
	const char *arg;  /* what follows: "SECONDS"; NULL: nothing */
	const char *help; /* one line, lower case, no full stop */
	int id;           /* what options_next() answers; a letter or a number from 256 */
};

struct cli_example {
	const char *line, *what;
};

struct command {
	const char *name;
	const char *summary;  /* one line: "serve files, echo and more over TCP and UDP" */
	const char *synopsis; /* "[-u] HOST PORT" */
	const char *about;    /* some lines for --help, at most 78 columns wide, ended by a newline */
	const struct cli_option *options;   /* ended by a zero id; --help is everybody's */
	const struct cli_example *examples; /* ended by a NULL line */
	void (*help_more)(void);            /* prints what --help says behind the options; NULL: nothing */
	int (*run)(const struct command *self, int argc, char **argv); /* argv[0] is the command's name */
};

/* All commands in the order of the help, ended by NULL; and one by name, or NULL. */
extern const struct command *const commands[];
const struct command *command_find(const char *name);

/* Walking over a command line. */
struct options {
	const struct command *command;
	int argc;
	char **argv;
	const char *value;          /* of the option just answered */
	int rest;                   /* after the last option: argv[rest] is the first argument */
	const struct option *table; /* for getopt_long(3) */
	char letters[128];
};

/*
 * The id of the next option; 0 when there are no more, and rest is set; -1: something was wrong and has been said
 * (return EXIT_USAGE); OPTIONS_HELP: help was asked for and has been printed (return EXIT_DONE).
 */
#define OPTIONS_HELP (-2)
void options_init(struct options *o, const struct command *command, int argc, char **argv);
int options_next(struct options *o);

/* Read a number or a time in seconds (fractions allowed, as nanoseconds); false: said so on standard error. */
bool option_number(const struct options *o, const char *what, long min, long max, long *n);
bool option_seconds(const struct options *o, const char *what, double min, double max, long long *ns);

/* Say "packetboat COMMAND: …" on standard error, and answer the exit code. printf-like. */
int command_fail(const struct command *c, enum exit_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for wrong usage, with a pointer to --help behind it. */
int command_usage(const struct command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What --help prints. */
void command_help(const struct command *c);

#endif
