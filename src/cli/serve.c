/* packetboat serve: any number of services in one process, or shared by several workers. */
#include "base/list.h"
#include "cli/net.h"
#include "cli/net_auto.h"
#include "service/control.h"
#include "service/server.h"
#include "service/service.h"
#include "service/workers.h"

#include <errno.h>
#include <packetboat/packetboat.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { OPT_NET = 256, OPT_CAPTURE, OPT_LOG, OPT_WORKERS, OPT_GRACE };

static const struct cli_option serve_options[] = {
	{0,  "net",     "NET",     NET_OPTION_HELP,						   OPT_NET    },
	{ 0, "capture", "FILE",    CAPTURE_OPTION_HELP,                                               OPT_CAPTURE},
	{ 0, "log",     "FORM",    "log to standard error as text, json or none (text)",              OPT_LOG    },
	{ 0, "workers", "N",       "share the ports among N processes; one that crashes is replaced", OPT_WORKERS},
	{ 0, "grace",   "SECONDS", "how long connections may finish after SIGTERM (10)",              OPT_GRACE  },
	{ 0, NULL,      NULL,      NULL,							      0          },
};

static const struct cli_example serve_examples[] = {
	{"packetboat serve http://127.0.0.1:8080,root=./public",
         "serve the files of a directory to this machine"                         },
	{ "packetboat serve echo://:7007 daytime://:1313",
         "two small services, over TCP and UDP, on any address"                   },
	{ "packetboat serve relay://:9000,to=10.0.0.5:5432,allow=10.0.0.0/8",
         "pass connections on to a database, for callers of one network only"     },
	{ NULL,							       NULL},
};

static void help_keys(const struct spec_key *key)
{
	char left[64];

	for (; key && key->name; key++) {
		snprintf(left, sizeof left, "%s=%s", key->name, key->value);
		printf("      %-24s %s\n", left, key->help);
	}
}

static void help_kinds(void)
{
	printf("\nKinds of service, and their keys:\n");
	for (size_t i = 0; service_kinds[i]; i++) {
		const struct service_kind *kind = service_kinds[i];
		printf("  %-9s %s (%s%s%s%s%s)\n", kind->name, kind->summary, kind->stream ? "TCP" : "",
		       kind->stream && kind->datagram ? " and " : "", kind->datagram ? "UDP" : "",
		       kind->rfc ? ", " : "", kind->rfc ? kind->rfc : "");
		help_keys(kind->keys);
	}
	printf("\nKeys of every kind:\n");
	help_keys(service_keys);
	printf("\nA TIME is 500ms, 30s, 5m or 2h; a SIZE is in bytes, or 16k, 64m, 1g.\n");
}

struct serve {
	const struct command *command;
	struct server_config config;
	enum log_form log_form;
	long workers; /* 0: serve in this process, without a supervisor */
	const char *net, *capture;
};

/* What a serving process has. */
struct process {
	struct pb_loop *loop;
	struct pb_watch signals;
	struct server *server;
	bool interrupted; /* by SIGINT */
};

static int parse_log(struct serve *s, const char *value)
{
	static const char *const forms[] = { [LOG_TEXT] = "text", [LOG_JSON] = "json", [LOG_NONE] = "none" };

	for (int i = 0; i <= LOG_NONE; i++) {
		if (strcmp(value, forms[i]) == 0) {
			s->log_form = (enum log_form)i;
			return EXIT_DONE;
		}
	}
	return command_usage(s->command, "--log is text, json or none, not '%s'", value);
}

static int parse_option(struct serve *s, const struct options *o, int id)
{
	long long grace;

	switch (id) {
	case OPT_NET:
		s->net = o->value;
		return EXIT_DONE;
	case OPT_CAPTURE:
		s->capture = o->value;
		return EXIT_DONE;
	case OPT_LOG:
		return parse_log(s, o->value);
	case OPT_WORKERS:
		return option_number(o, "--workers", 1, SERVER_WORKERS_MAX, &s->workers) ? EXIT_DONE
											 : EXIT_USAGE;
	case OPT_GRACE:
		if (!option_seconds(o, "--grace", 0, 86400, &grace))
			return EXIT_USAGE;
		s->config.grace = grace;
		return EXIT_DONE;
	default:
		return EXIT_USAGE;
	}
}

static void on_signal(struct pb_watch *w, int ready)
{
	struct process *p = container_of(w, struct process, signals);
	struct signalfd_siginfo info;

	(void)ready;
	if (read(w->fd, &info, sizeof info) != sizeof info)
		return;
	server_drain(p->server);
	if (info.ssi_signo != SIGINT) /* does not count: a worker gets it, too, where a user has pressed ^C */
		return;
	if (p->interrupted)
		server_hurry(p->server);
	p->interrupted = true;
}

/* SIGTERM and SIGINT arrive in the loop. The mask is the process's from here on. */
static int watch_signals(struct process *p)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? -errno : pb_watch_fd(p->loop, &p->signals, fd, POLLIN, on_signal);
}

/* Serve until drained. In a process of its own when there are workers. Returns an exit code. */
static int serve(struct server *server, struct log *log, unsigned worker)
{
	struct process p = { .server = server };
	struct control *control = NULL;
	int rc = pb_loop_new(&p.loop);

	if (rc == 0)
		rc = watch_signals(&p);
	if (rc == 0)
		rc = server_start(server, p.loop, worker);
	if (rc == 0) {
		net_auto_keep(p.loop);
		control = control_new(server, p.loop); /* without it netstat knows less; serving goes on */
		if (!control)
			log_say(log, "cannot tell netstat about connections: %s", strerror(errno));
		do {
			rc = pb_loop_turn(p.loop, PB_NEVER);
			log_flush(log);
		} while (rc >= 0 && !server_drained(server));
		net_auto_keep(NULL);
	}
	if (rc < 0)
		log_say(log, "cannot serve: %s", strerror(-rc));
	control_free(control);
	server_stop(server);
	if (p.signals.loop) {
		pb_watch_stop(&p.signals);
		close(p.signals.fd);
	}
	pb_loop_free(p.loop);
	return rc < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* As many descriptors as may be had: every connection is one. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void announce(const struct server *server)
{
	char text[128];

	for (size_t i = 0; server_listening(server, i, text, sizeof text); i++)
		fprintf(stderr, "listening on %s\n", text);
}

static int listen_and_serve(struct serve *s, const char *const *specs, size_t count)
{
	struct server_error error;
	struct server *server = server_new(&s->config, specs, count, &error);
	int code;

	if (!server && !error.err)
		return command_usage(s->command, "%s", error.text);
	if (!server)
		return command_fail(s->command, exit_code_of(error.err), "%s", error.text);
	announce(server);
	if (s->workers)
		code = workers_run((unsigned)s->workers, server, s->config.log, serve);
	else
		code = serve(server, s->config.log, 0);
	server_free(server);
	return code;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct serve s = { .command = self, .config = { .grace = PB_SEC(10) }, .net = "host" };
	struct options o;
	int id, code = EXIT_DONE;

	options_init(&o, self, argc, argv);
	while (code == EXIT_DONE && (id = options_next(&o)) != 0) {
		if (id < 0)
			return id == OPTIONS_HELP ? EXIT_DONE : EXIT_USAGE;
		code = parse_option(&s, &o, id);
	}
	if (code != EXIT_DONE)
		return code;
	if (o.rest == argc)
		return command_usage(self,
				     "what to serve? Name at least one SERVICE, as http://127.0.0.1:8080");
	code = net_open(self, s.net, s.capture, &s.config.net);
	if (code != EXIT_DONE)
		return code;
	if (s.workers && pb_stack_of(s.config.net)) {
		net_close(self, s.config.net);
		return command_usage(
			self, "--workers shares ports of the host; a device of our own stack has one "
			      "process (packetboat(1) says why); start one for each of several devices");
	}
	raise_descriptor_limit();
	s.config.workers = s.workers ? (unsigned)s.workers : 1;
	s.config.log = log_new(s.log_form, STDERR_FILENO);
	if (!s.config.log)
		return command_fail(self, EXIT_FAILED, "out of memory");
	code = listen_and_serve(&s, (const char *const *)argv + o.rest, (size_t)(argc - o.rest));
	log_free(s.config.log);
	net_close(self, s.config.net);
	return code;
}

const struct command command_serve = {
	.name = "serve",
	.summary = "serve files, echo and more over TCP and UDP",
	.synopsis = "[OPTION]... SERVICE...",
	.about = "A SERVICE is KIND://[ADDRESS]:PORT[,key=value]...: no ADDRESS or * is any, an IPv6\n"
		 "address stands in brackets, PORT is a number (0: any free one) or a registered name.\n"
		 "Says 'listening on ADDRESS:PORT/tcp (KIND)' on standard error for each socket once\n"
		 "callers are heard. SIGTERM or SIGINT: stops listening, lets connections finish, exits\n"
		 "with 0; a second SIGINT ends them at once.\n\n" NET_ABOUT,
	.options = serve_options,
	.help_more = help_kinds,
	.examples = serve_examples,
	.run = run,
};
