/*
 * Made at build time from the option tables that also make the parser and --help: the man pages (scdoc's source
 * format, scdoc(5)) and the bash completion. Usage: generate-docs (man COMMAND | man packetboat) [PROSE-FILE], or
 * generate-docs completion
 *
 * What the tables cannot know is prose in docs/man/NAME.scd.in, which stands behind what they know.
 */
#include "cli/command.h"
#include "service/service.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Text for scdoc: what would be markup there is escaped; - is, where a line begins. */
static void text(const char *s)
{
	if (*s == '-')
		putchar('\\');
	for (; *s; s++) {
		if (strchr("_*\\#~[|]<>", *s))
			putchar('\\');
		putchar(*s);
	}
}

/* The same, beginning with a capital. */
static void sentence(const char *s)
{
	const char first[] = { (char)toupper((unsigned char)*s), '\0' };

	text(first);
	text(s + 1);
}

/* The same where indented lines stay as they are: a literal block. Prose and blocks alternate by paragraph. */
static void about(const char *s)
{
	bool literal = false, fresh = true;

	while (*s) {
		size_t len = strcspn(s, "\n");
		bool wants = len > 0 && *s == ' ';

		if (wants != literal && (wants || len > 0)) {
			printf("%s```\n%s", !fresh && wants ? "\n" : "", wants ? "" : "\n");
			literal = wants;
		}
		if (literal) {
			printf("%.*s\n", (int)len, s);
		} else {
			char line[256];
			snprintf(line, sizeof line, "%.*s", (int)len, s);
			text(line);
			putchar('\n');
		}
		fresh = false;
		s += len + (s[len] == '\n');
	}
	if (literal)
		puts("```");
}

static void man_option(const struct cli_option *o)
{
	const char *between = o->letter && o->name ? ", " : "";

	if (o->letter)
		printf("*-%c*%s", o->letter, between);
	if (o->name) {
		printf("*--");
		text(o->name);
		putchar('*');
	}
	if (o->arg) {
		printf(" ");
		text(o->arg);
	}
	printf("\n\t");
	sentence(o->help);
	printf(".\n\n");
}

static void man_examples(const struct cli_example *e)
{
	if (e && e->line)
		puts("# EXAMPLES\n");
	for (; e && e->line; e++) {
		sentence(e->what);
		printf(":\n\n```\n%s\n```\n\n", e->line);
	}
}

static void man_service_keys(const struct spec_key *key)
{
	for (; key && key->name; key++) {
		printf("*%s*=", key->name);
		text(key->value);
		printf("\n\t");
		text(key->help);
		puts("\n");
	}
}

static void man_service_kinds(void)
{
	puts("# KINDS OF SERVICE\n");
	for (size_t i = 0; service_kinds[i]; i++) {
		const struct service_kind *kind = service_kinds[i];
		printf("## %s\n\n", kind->name);
		text(kind->summary);
		printf(" (%s%s%s%s%s). Example: ", kind->stream ? "TCP" : "",
		       kind->stream && kind->datagram ? " and " : "", kind->datagram ? "UDP" : "",
		       kind->rfc ? ", " : "", kind->rfc ? kind->rfc : "");
		text(kind->example);
		puts("\n");
		man_service_keys(kind->keys);
	}
	puts("# KEYS OF EVERY KIND\n");
	man_service_keys(service_keys);
}

/* Copy the prose, which is scdoc's already. NULL: there is none. False: it cannot be read. */
static bool prose(const char *path)
{
	char line[4096];
	FILE *f = path ? fopen(path, "r") : NULL;

	while (f && fgets(line, sizeof line, f))
		fputs(line, stdout);
	if (f) {
		puts("");
		fclose(f);
	}
	return !path || f;
}

static void man_head(const char *page, const char *summary)
{
	printf("%s(1) \"packetboat %s\" \"Packetboat\"\n\n# NAME\n\n%s - ", page, PACKETBOAT_VERSION, page);
	text(summary);
	puts("\n\n# SYNOPSIS\n");
}

static bool man_command(const struct command *c, const char *prose_file)
{
	char page[64];

	snprintf(page, sizeof page, "packetboat-%s", c->name);
	man_head(page, c->summary);
	printf("*packetboat %s* ", c->name);
	text(c->synopsis);
	puts("\n\n# DESCRIPTION\n");
	about(c->about ? c->about : c->summary);
	puts("\n# OPTIONS\n");
	for (const struct cli_option *o = c->options; o && o->id; o++)
		man_option(o);
	man_option(&(struct cli_option){ 'h', "help", NULL, "show a short form of this and exit", 'h' });
	if (strcmp(c->name, "serve") == 0)
		man_service_kinds();
	bool ok = prose(prose_file);
	man_examples(c->examples);
	puts("# EXIT STATUS\n\nSee *packetboat*(1): it is the same in every command.\n\n# SEE "
	     "ALSO\n\n*packetboat*(1)\n");
	return ok;
}

static bool man_all(const char *prose_file)
{
	man_head("packetboat", "TCP/IP, client and server: serve, call, and see who talks to whom");
	puts("*packetboat* COMMAND \\[ARGUMENT\\]...\n\n# COMMANDS\n");
	for (size_t i = 0; commands[i]; i++) {
		printf("*packetboat-%s*(1)\n\t", commands[i]->name);
		sentence(commands[i]->summary);
		puts(".\n");
	}
	puts("*packetboat help* \\[COMMAND\\]\n\tExplain a command.\n");
	puts("*packetboat --version*\n\tPrint the version.\n");
	return prose(prose_file);
}

static bool takes_file(const struct cli_option *o)
{
	return o->arg && (strstr(o->arg, "FILE") || strstr(o->arg, "DIR"));
}

static bool takes_other(const struct cli_option *o)
{
	return o->arg && !takes_file(o);
}

/* A variable of the completion: the command's options of which something is true (NULL: all). */
static void completion_options(const struct command *c, const char *variable,
			       bool (*is)(const struct cli_option *o))
{
	printf("\t\t%s='", variable);
	for (const struct cli_option *o = c->options; o && o->id; o++) {
		if (o->letter && (!is || is(o)))
			printf(" -%c", o->letter);
		if (o->name && (!is || is(o)))
			printf(" --%s", o->name);
	}
	puts(" '");
}

/* One case of the completion: which options a command has, and after which of them a file or another value follows. */
static void completion_command(const struct command *c)
{
	printf("\t%s)\n", c->name);
	completion_options(c, "options", NULL);
	completion_options(c, "files", takes_file);
	completion_options(c, "values", takes_other);
	if (strcmp(c->name, "serve") == 0) {
		printf("\t\twords='");
		for (size_t i = 0; service_kinds[i]; i++)
			printf("%s%s://", i ? " " : "", service_kinds[i]->name);
		puts("'");
	}
	puts("\t\t;;");
}

static void completion(void)
{
	puts("# bash completion for packetboat, made from its option tables\n"
	     "_packetboat()\n{\n"
	     "\tlocal word=$2 before=$3 options='' files='' values='' words=''\n"
	     "\tCOMPREPLY=()");
	printf("\tif [[ $COMP_CWORD -eq 1 || ($COMP_CWORD -eq 2 && $before == help) ]]; then\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -W 'help --version");
	for (size_t i = 0; commands[i]; i++)
		printf(" %s", commands[i]->name);
	puts("' -- \"$word\")\n\t\treturn\n\tfi\n\tcase ${COMP_WORDS[1]} in");
	for (size_t i = 0; commands[i]; i++)
		completion_command(commands[i]);
	puts("\t*)\n\t\treturn\n\t\t;;\n\tesac\n"
	     "\tif [[ $files == *\" $before \"* ]]; then\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
	     "\telif [[ $values == *\" $before \"* ]]; then\n"
	     "\t\treturn\n"
	     "\telif [[ $word == -* ]]; then\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W \"--help $options\" -- \"$word\")\n"
	     "\telif [[ $words ]]; then\n"
	     "\t\tcompopt -o nospace\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
	     "\tfi\n}\n"
	     "complete -F _packetboat packetboat");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "", *name = argc > 2 ? argv[2] : "";
	const char *prose_file = argc > 3 ? argv[3] : NULL;
	const struct command *c = command_find(name);

	bool ok = true;

	if (strcmp(what, "completion") == 0)
		completion();
	else if (strcmp(what, "man") == 0 && strcmp(name, "packetboat") == 0)
		ok = man_all(prose_file);
	else if (strcmp(what, "man") == 0 && c)
		ok = man_command(c, prose_file);
	else
		return EXIT_USAGE;
	return ok && fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}
