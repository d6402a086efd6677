/* packetboat demo: which network to play on. */
#include "cli/demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUOTE_WIDTH 74

enum { OPTION_NET = 256, OPTION_SEED, OPTION_CAPTURE };

#define SEED_DEFAULT 18 /* so that everybody sees the same; its line loses what shows most */

static const struct cli_option demo_options[] = {
	{0,  "net",     "host",   "play on the host's own network instead",                OPTION_NET    },
	{ 0, "seed",    "NUMBER", "what chance follows from: ports, numbers, losses (18)", OPTION_SEED   },
	{ 0, "capture", "FILE",   "write the frames to a pcapng file, as Wireshark reads", OPTION_CAPTURE},
	{ 0, NULL,      NULL,     NULL,						    0             },
};

void demo_quote(const char *lines)
{
	while (*lines) {
		size_t len = strcspn(lines, "\n"), cut = len;
		while (cut > QUOTE_WIDTH)
			for (cut--; cut > 0 && lines[cut] != ' '; cut--)
				;
		cut = cut ? cut : len;
		printf("   | %.*s\n", (int)cut, lines);
		lines += cut;
		lines += strspn(lines, " \n");
	}
}

static int run(const struct command *self, int argc, char **argv)
{
	const char *net = NULL, *capture = NULL;
	long seed = SEED_DEFAULT;
	bool seeded = false;
	struct options o;
	int id;

	options_init(&o, self, argc, argv);
	while ((id = options_next(&o)) != 0) {
		if (id < 0)
			return id == OPTIONS_HELP ? EXIT_DONE : EXIT_USAGE;
		if (id == OPTION_NET)
			net = o.value;
		else if (id == OPTION_CAPTURE)
			capture = o.value;
		else if (!(seeded = option_number(&o, "--seed", 0, INT32_MAX, &seed)))
			return EXIT_USAGE;
	}
	if (o.rest != argc)
		return command_usage(self, "takes no argument '%s'", argv[o.rest]);
	if (net && strcmp(net, "host") != 0)
		return command_usage(
			self, "--net: '%s' is not host; without --net it plays on stacks of our own", net);
	if (net && (capture || seeded))
		return command_usage(self, "--%s is for stacks of our own, not for --net host",
				     capture ? "capture" : "seed");
	bool color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	return net ? demo_on_host(self, color) : demo_on_stacks(self, color, (uint64_t)seed, capture);
}

static const struct cli_example demo_examples[] = {
	{"packetboat demo",                        "TCP/IP of our own, shown segment by segment"},
	{ "packetboat demo --capture demo.pcapng", "the same, and what Wireshark makes of it"   },
	{ "packetboat demo --net host",            "servers and clients on this machine"        },
	{ NULL,				    NULL					 },
};

const struct command command_demo = {
	.name = "demo",
	.summary = "tell the story of servers and clients while it happens",
	.synopsis = "[--seed NUMBER] [--capture FILE] | --net host",
	.about = "Plays servers and clients on TCP/IP stacks of our own, in one process and in virtual\n"
		 "time, and draws each segment: handshake, request and reply, close, ARP and ICMP, a\n"
		 "server process that dies, a server host that crashes, and a line that loses packets.\n"
		 "With --net host it plays on loopback addresses of this machine, with real sockets.\n"
		 "Ends by itself within seconds. No privileges are needed, and nothing is left behind.\n",
	.options = demo_options,
	.examples = demo_examples,
	.run = run,
};
