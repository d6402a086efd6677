/* packetboat: which command, and the help that leads to it. */
#include "cli/command.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static int help(void)
{
	printf("Usage: packetboat COMMAND [ARGUMENT]...\n"
	       "TCP/IP, client and server: serve, call, and see who talks to whom.\n\nCommands:\n");
	for (size_t i = 0; commands[i]; i++)
		printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
	printf("  %-9s %s\n", "help", "explain a command: packetboat help COMMAND");
	printf("  %-9s %s\n", "--version", "print the version");
	printf("\nBegin with 'packetboat demo' to see a server and its clients at work.\n");
	return EXIT_DONE;
}

static bool is_help(const char *word)
{
	return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Standard output is where the data goes: an error that only shows when it is written out is an error, too. */
static int finish(int code)
{
	if (fflush(stdout) == 0 || code != EXIT_DONE)
		return code;
	perror("packetboat: cannot write to standard output");
	return EXIT_FAILED;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "help";
	bool wants_help = is_help(name);
	const struct command *c = command_find(wants_help && argc > 2 ? argv[2] : name);

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(name, "--version") == 0) {
		printf("packetboat %s\n", PACKETBOAT_VERSION);
		return finish(EXIT_DONE);
	}
	if (wants_help && (argc < 3 || is_help(argv[2])))
		return finish(help());
	if (!c)
		return command_usage(NULL, "there is no command '%s'; 'packetboat help' lists them",
				     wants_help ? argv[2] : name);
	if (wants_help) {
		command_help(c);
		return finish(EXIT_DONE);
	}
	return finish(c->run(c, argc - 1, argv + 1));
}
