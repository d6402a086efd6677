/* packetboat drill: play scripts in packetdrill's language against a stack of our own, and say how it went, as TAP. */
#include "cli/command.h"
#include "drill/run.h"
#include "drill/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPT_IP 256

/* The whole file, to be freed; NULL: errno says why not. */
static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(SCRIPT_BYTES_MAX + 1) : NULL;

	*len = text ? fread(text, 1, SCRIPT_BYTES_MAX + 1, f) : 0;
	if (text && ferror(f)) {
		free(text);
		text = NULL;
	}
	int error = errno;
	if (f)
		fclose(f);
	errno = error;
	return text;
}

/* What was told of a script, each line as a comment of TAP's. */
static void print_notes(const char *notes)
{
	for (const char *line = notes; *line;) {
		size_t len = strcspn(line, "\n");
		printf("# %.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static enum exit_code code_of(enum drill_verdict verdict)
{
	return verdict == DRILL_PASSED ? EXIT_DONE : verdict == DRILL_FAILED ? EXIT_FAILED : EXIT_USAGE;
}

static int play(const struct command *self, const char *path, int number, const struct drill_options *o)
{
	char *notes = NULL;
	size_t len, notes_len = 0;
	char *text = read_file(path, &len);
	FILE *out = text ? open_memstream(&notes, &notes_len) : NULL;
	enum drill_verdict verdict = DRILL_UNREADABLE;

	if (out)
		verdict = drill_run(path, text, len, o, out);
	else
		command_fail(self, EXIT_USAGE, "cannot read %s: %s", path, strerror(errno));
	if (out)
		fclose(out);
	printf("%sok %d - %s\n", verdict == DRILL_PASSED ? "" : "not ", number, path);
	if (notes)
		print_notes(notes);
	free(notes);
	free(text);
	return code_of(verdict);
}

static int drill_run_command(const struct command *self, int argc, char **argv)
{
	struct drill_options drill = { 0 };
	struct options o;
	int id, worst = EXIT_DONE;

	options_init(&o, self, argc, argv);
	while ((id = options_next(&o)) > 0) {
		if (id == 'v')
			drill.verbose = true;
		else if (id == 's')
			drill.strict = true;
		else if (id == 'w')
			drill.save = o.value;
		else
			drill.ip_version = o.value;
	}
	if (id < 0)
		return id == OPTIONS_HELP ? EXIT_DONE : EXIT_USAGE;
	if (o.rest == argc)
		return command_usage(self, "which script? Give its file");
	if (drill.save && argc - o.rest > 1)
		return command_usage(self, "--save takes one script at a time");
	printf("1..%d\n", argc - o.rest);
	for (int i = o.rest; i < argc; i++) {
		int code = play(self, argv[i], i - o.rest + 1, &drill);
		worst = code > worst ? code : worst;
	}
	return worst;
}

static const struct cli_option drill_options[] = {
	{'v',   "verbose", NULL, "tell of each call and packet as it comes", 'v' },
	{ 's', "strict", NULL, "fail a script when more was sent by its end than it expects", 's' },
	{ 'w',  "save", "FILE", "write the packets to a file that Wireshark opens", 'w' },
	{ 0,  "ip-version", "VERSION", "ipv4, ipv6 or ipv4-mapped-ipv6, for scripts that do not say", OPT_IP },
	{ 0},
};

static const struct cli_example drill_examples[] = {
	{"packetboat drill handshake.pkt",               "play a script, and see where it and the stack disagree" },
	{ "packetboat drill -v -w seen.pcapng a.pkt",                                             "likewise, telling all, and keep the packets" },
	{ NULL},
};

const struct command command_drill = {
	.name = "drill",
	.summary = "test the stack with scripts of calls and packets, in virtual time",
	.synopsis = "[-sv] [-w FILE] [--ip-version VERSION] FILE...",
	.about = "A script, in packetdrill's language, has lines of calls to be made, segments to\n"
		 "be sent to the stack, and segments that it is expected to send, each with its\n"
		 "time. It is played against a stack in this process: no privilege is needed,\n"
		 "minutes of the script's take milliseconds, and it goes the same way each time.\n"
		 "The results are TAP: 'ok' or 'not ok' a script, then the line that failed, with\n"
		 "what was expected and what was seen. Exit code 1 means that a script failed, 2\n"
		 "that one could not be read.\n",
	.options = drill_options,
	.examples = drill_examples,
	.run = drill_run_command,
};
