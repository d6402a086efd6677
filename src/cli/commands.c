/* The table of commands. */
#include "cli/command.h"

#include <string.h>

extern const struct command command_connect;
extern const struct command command_demo;
extern const struct command command_drill;
extern const struct command command_get;
extern const struct command command_netstat;
extern const struct command command_ping;
extern const struct command command_ports;
extern const struct command command_serve;

/* One to a line: docs/meson.build reads them off here. */
/* clang-format off */
const struct command *const commands[] = {
	&command_serve,
	&command_connect,
	&command_get,
	&command_netstat,
	&command_ports,
	&command_ping,
	&command_demo,
	&command_drill,
	NULL,
};
/* clang-format on */

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}
