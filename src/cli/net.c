#include "cli/net.h"

#include <string.h>

int net_open(const struct command *c, const char *spec, struct pb_net **net)
{
	if (strcmp(spec, "host") != 0)
		return command_usage(c, "there is no network '%s'; there is 'host', this machine's own",
				     spec);
	if (pb_net_host(net) < 0)
		return command_fail(c, EXIT_FAILED, "out of memory");
	return EXIT_DONE;
}
