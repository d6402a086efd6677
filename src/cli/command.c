/* The command line: options by getopt_long(3) from each command's table, help from the same table, errors. */
#include "cli/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 40 };

static void say(const struct command *c, const char *format, va_list args)
{
	fprintf(stderr, "packetboat%s%s: ", c ? " " : "", c ? c->name : "");
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

int command_fail(const struct command *c, enum exit_code code, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, format);
	say(c, format, args);
	va_end(args);
	return code;
}

int command_usage(const struct command *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(c, format, args);
	va_end(args);
	if (c)
		fprintf(stderr, "Usage: packetboat %s %s\nSee 'packetboat %s --help'.\n", c->name,
			c->synopsis, c->name);
	return EXIT_USAGE;
}

static void help_option(const struct cli_option *o)
{
	char left[64];
	int n = o->letter ? snprintf(left, sizeof left, "-%c%s", o->letter, o->name ? ", " : "")
			  : snprintf(left, sizeof left, "    ");

	if (o->name)
		n += snprintf(left + n, sizeof left - (size_t)n, "--%s", o->name);
	if (o->arg)
		snprintf(left + n, sizeof left - (size_t)n, " %s", o->arg);
	printf("  %-26s %s\n", left, o->help);
}

void command_help(const struct command *c)
{
	printf("Usage: packetboat %s %s\n%c%s.\n", c->name, c->synopsis, c->summary[0] - 'a' + 'A',
	       c->summary + 1);
	if (c->about)
		printf("\n%s", c->about);
	printf("\nOptions:\n");
	for (const struct cli_option *o = c->options; o && o->id; o++)
		help_option(o);
	help_option(&(struct cli_option){ 'h', "help", NULL, "show this and exit", 'h' });
	if (c->help_more)
		c->help_more();
	if (c->examples)
		printf("\nExamples:\n");
	for (const struct cli_example *e = c->examples; e && e->line; e++)
		printf("  %s\n      %s\n", e->line, e->what);
}

void options_init(struct options *o, const struct command *command, int argc, char **argv)
{
	static struct option table[OPTIONS_MAX + 2];
	size_t rows = 0, n = 0;

	*o = (struct options){ .command = command, .argc = argc, .argv = argv, .table = table };
	o->letters[n++] = ':'; /* tell a missing value from an unknown option, and leave the talking to us */
	for (const struct cli_option *row = command->options; row && row->id && rows < OPTIONS_MAX; row++) {
		if (row->letter)
			o->letters[n++] = row->letter;
		if (row->letter && row->arg)
			o->letters[n++] = ':';
		if (row->name)
			table[rows++] =
				(struct option){ row->name, row->arg ? required_argument : no_argument, NULL,
						 row->id };
	}
	o->letters[n++] = 'h';
	o->letters[n] = '\0';
	table[rows++] = (struct option){ "help", no_argument, NULL, OPTIONS_HELP };
	table[rows] = (struct option){ 0 };
	optind = 0; /* begin anew */
	opterr = 0;
}

static int id_of(const struct options *o, int answer)
{
	for (const struct cli_option *row = o->command->options; row && row->id; row++)
		if (row->letter == answer || row->id == answer)
			return row->id;
	return answer;
}

int options_next(struct options *o)
{
	int c = getopt_long(o->argc, o->argv, o->letters, o->table, NULL);

	o->rest = optind;
	o->value = optarg;
	if (c == -1)
		return 0;
	if (c == 'h' || c == OPTIONS_HELP) {
		command_help(o->command);
		return OPTIONS_HELP;
	}
	if (c != '?' && c != ':')
		return id_of(o, c);
	/* A wrong letter is in optopt; a wrong long option is the word before optind. */
	char letter[] = { '-', (char)optopt, '\0' };
	const char *word = optopt > 0 && optopt < 128 ? letter : o->argv[optind - 1];
	command_usage(o->command, c == ':' ? "option %s needs a value" : "unknown option %s", word);
	return -1;
}

bool option_number(const struct options *o, const char *what, long min, long max, long *n)
{
	char *end;

	errno = 0;
	*n = strtol(o->value, &end, 10);
	if (!errno && end != o->value && !*end && *n >= min && *n <= max)
		return true;
	command_usage(o->command, "%s must be a number from %ld to %ld, not '%s'", what, min, max, o->value);
	return false;
}

bool option_seconds(const struct options *o, const char *what, double min, double max, long long *ns)
{
	char *end;
	double s = strtod(o->value, &end);

	if (end != o->value && !*end && s >= min && s <= max) { /* a NaN fails here */
		*ns = (long long)(s * 1e9);
		return true;
	}
	command_usage(o->command, "%s must be seconds from %g to %g, not '%s'", what, min, max, o->value);
	return false;
}
