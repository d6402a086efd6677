/* packetboat get: fetch URLs, side by side into files or one behind the other to standard output. */
#include "base/list.h"
#include "cli/command.h"
#include "cli/net.h"
#include "cli/net_auto.h"
#include "cli/progress.h"
#include "cli/save.h"
#include "client/http_client.h"

#include <errno.h>
#include <packetboat/loop.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
	PARALLEL_DEFAULT = 4,
	PARALLEL_MAX = 64,
	CONNECT_DEFAULT = 30,
	IDLE_DEFAULT = 60,
	SHOWN_HEAD_MAX = 65536
};

enum {
	OPT_CA = 256,
	OPT_IDLE,
	OPT_INSECURE,
	OPT_NET,
	OPT_CAPTURE,
	OPT_ERROR_BODY,
};

struct get;

/* One URL of the command line. */
struct job {
	struct http_transfer transfer;
	struct get *get;
	struct url url;
	const char *text; /* as it was written */
	char *path;       /* NULL: standard output */
	struct save save;
	bool running, opened;
	enum exit_code code;
	pb_time since;
	char *fields; /* of the final head, when that is to be shown */
	size_t fields_len;
	int fields_of; /* how many redirects came before them */
};

struct get {
	const struct command *command;
	/* What the options say. */
	const char *output, *directory, *net_spec, *capture;
	bool by_name, head_only, show_head, quiet, verbose, error_body;
	long parallel;
	struct http_config config;
	/* What happens. */
	struct http_client client;
	struct job *jobs;
	size_t count, next, running;
	struct progress progress;
	bool draws;
	struct pb_timer redraw;
	struct pb_watch signals;
	int killed; /* by this signal; 0: not */
};

static struct job *job_of(struct http_transfer *t)
{
	return container_of(t, struct job, transfer);
}

static const struct cli_option get_options[] = {
	{'o',     "output", "FILE", "save to FILE (one URL only); - is standard output", 'o' },
	{ 'O', "remote-name", NULL, "save each under the last part of its URL's path", 'O' },
	{ 'd',    "directory", "DIR", "where -O saves (the one you are in); implies -O", 'd' },
	{ 'j',    "parallel", "N", "transfers at a time when saving (4)", 'j' },
	{ 'I',   "head", NULL, "ask for the head only, and show it", 'I' },
	{ 'i',    "include", NULL, "show the head in front of the body", 'i' },
	{ 0,    "error-body", NULL, "write the body of an error (status 400 and above), too", OPT_ERROR_BODY },
	{ 'w',  "wait", "SECONDS", "longest time to get connected (30)", 'w' },
	{ 0,    "idle", "SECONDS", "longest time without a byte (60)", OPT_IDLE },
	{ 0,    "ca", "FILE", "trust these authorities (PEM) instead of the system's", OPT_CA },
	{ 0,    "insecure", NULL, "take any certificate: anybody can listen and change what you get",
         OPT_INSECURE },
	{ '4',    NULL, NULL, "IPv4 only", '4' },
	{ '6',    NULL, NULL, "IPv6 only", '6' },
	{ 0,   "net", "NET", NET_OPTION_HELP, OPT_NET },
	{ 0,    "capture", "FILE", CAPTURE_OPTION_HELP, OPT_CAPTURE },
	{ 'q',    "quiet", NULL, "no progress", 'q' },
	{ 'v',   "verbose", NULL, "tell each step", 'v' },
	{ 0   },
};

/* Something to be said takes the progress away first; it is drawn again below. */
static void make_room(struct get *g)
{
	if (g->draws)
		progress_clear(&g->progress);
}

static enum exit_code code_of(const struct http_transfer *t)
{
	switch (t->failure) {
	case HTTP_FINE:
		return EXIT_DONE;
	case HTTP_FAIL_SYSTEM:
		return exit_code_of(t->err);
	case HTTP_FAIL_NAME:
		return EXIT_NOT_FOUND;
	case HTTP_FAIL_TLS:
		return EXIT_TLS;
	case HTTP_FAIL_PROTOCOL:
		return EXIT_PROTOCOL;
	case HTTP_FAIL_REFUSED:
		return EXIT_FAILED;
	}
	abort();
}

static void job_fail(struct job *j, enum exit_code code, const char *why)
{
	char text[URL_TEXT];

	if (j->code != EXIT_DONE)
		return; /* the first reason is the one that counts */
	make_room(j->get);
	j->code = code;
	command_fail(j->get->command, code, "%s: %s", url_text(&j->transfer.url, text), why);
}

/* What went wrong on our side: the disk is full, the reader of the pipe is gone. */
static int write_failed(struct job *j, int err)
{
	char why[512];

	snprintf(why, sizeof why, "cannot write %.400s: %s", j->path ? j->path : "to standard output",
		 strerror(-err));
	job_fail(j, EXIT_FAILED, why);
	if (!j->path)
		j->get->next = j->get->count; /* what comes behind it cannot be written either */
	return err;
}

static int job_write(struct job *j, const void *data, size_t len)
{
	int err = j->opened ? 0 : save_open(&j->save, j->path);

	if (!err) {
		j->opened = true;
		err = save_write(&j->save, data, len);
	}
	return err ? write_failed(j, err) : 0;
}

/* Remember the final head: which one that is shows only when it is over. */
static int on_field(struct http_transfer *t, const char *name, const char *value)
{
	struct job *j = job_of(t);
	size_t len = strlen(name) + strlen(value) + 4;

	if (!j->get->show_head)
		return 0;
	if (j->fields_of != t->redirects)
		j->fields_len = 0;
	j->fields_of = t->redirects;
	char *fields = realloc(j->fields, j->fields_len + len + 1);
	if (!fields)
		return -ENOMEM;
	j->fields = fields;
	snprintf(fields + j->fields_len, len + 1, "%s: %s\r\n", name, value);
	j->fields_len += len;
	return 0;
}

static int show_head(struct job *j)
{
	const struct reply *r = &j->transfer.reply;
	char line[128];
	int n = snprintf(line, sizeof line, "HTTP/%d.%d %d %s\r\n", r->parser.http_major,
			 r->parser.http_minor, r->status, r->reason);
	int err = job_write(j, line, (size_t)n);

	if (!err && j->fields_of == j->transfer.redirects && j->fields_len > 0)
		err = job_write(j, j->fields, j->fields_len);
	return err ? err : job_write(j, "\r\n", 2);
}

static int on_head(struct http_transfer *t)
{
	struct job *j = job_of(t);
	const struct reply *r = &t->reply;
	char why[128];
	int err = j->get->show_head && (r->status < 400 || j->get->error_body || j->get->head_only)
			  ? show_head(j)
			  : 0;

	if (err)
		return err;
	if (r->status >= 400) {
		snprintf(why, sizeof why, "%d %s", r->status, r->reason);
		job_fail(j, EXIT_FAILED, why);
		return j->get->error_body || j->get->head_only ? 0 : -ECANCELED;
	}
	return 0;
}

static int on_body(struct http_transfer *t, const char *data, size_t len)
{
	return job_write(job_of(t), data, len);
}

static void on_step(struct http_transfer *t, const char *text)
{
	struct job *j = job_of(t);

	make_room(j->get);
	fprintf(stderr, "%s: %s\n", j->text, text);
}

static void start_more(struct get *g);

/* An empty body makes an empty file; a transfer that failed leaves none. */
static void on_done(struct http_transfer *t)
{
	struct job *j = job_of(t);
	struct get *g = j->get;
	int err = 0;

	if (t->failure != HTTP_FINE)
		job_fail(j, code_of(t), t->error);
	if (t->failure == HTTP_FINE) {
		err = job_write(j, "", 0);
		if (!err && (err = save_finish(&j->save)))
			write_failed(j, err);
	} else if (j->opened) {
		save_discard(&j->save);
	}
	j->running = false;
	g->running--;
	start_more(g);
}

static const struct http_events events = {
	.head = on_head, .body = on_body, .field = on_field, .done = on_done
};
static const struct http_events verbose_events = {
	.head = on_head, .body = on_body, .field = on_field, .done = on_done, .step = on_step
};

static void start_more(struct get *g)
{
	while (g->next < g->count && g->running < (size_t)g->parallel) {
		struct job *j = &g->jobs[g->next++];
		j->running = true;
		j->since = pb_loop_now(g->config.loop);
		g->running++;
		http_start(&j->transfer, &g->client, &j->url, g->head_only,
			   g->verbose ? &verbose_events : &events);
	}
	if (g->running == 0)
		pb_loop_stop(g->config.loop);
}

static void on_redraw(struct pb_timer *timer)
{
	struct get *g = container_of(timer, struct get, redraw);
	pb_time now = pb_loop_now(g->config.loop);

	progress_begin(&g->progress);
	for (size_t i = 0; i < g->next; i++) {
		const struct job *j = &g->jobs[i];
		if (j->running)
			progress_row(&g->progress, &(struct progress_row){ .name = j->text,
									   .got = j->transfer.reply.got,
									   .length = j->transfer.reply.length,
									   .took = now - j->since });
	}
	progress_end(&g->progress);
	pb_timer_set(g->config.loop, timer, now + PROGRESS_EVERY);
}

/* Interrupted: leave no half files, then end as the signal would have ended us. */
static void on_signal(struct pb_watch *w, int ready)
{
	struct get *g = container_of(w, struct get, signals);
	struct signalfd_siginfo info;

	(void)ready;
	if (read(w->fd, &info, sizeof info) != sizeof info)
		return;
	g->killed = (int)info.ssi_signo;
	pb_loop_stop(g->config.loop);
}

/* Only where files are written: a write to a slow pipe has to stay interruptible. */
static int watch_signals(struct get *g, sigset_t *set)
{
	int fd;

	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	sigprocmask(SIG_BLOCK, set, NULL);
	return pb_watch_fd(g->config.loop, &g->signals, fd, POLLIN, on_signal);
}

static void unwatch_signals(struct get *g, const sigset_t *set)
{
	int fd = g->signals.fd;

	pb_watch_stop(&g->signals);
	close(fd);
	if (g->killed) {
		signal(g->killed, SIG_DFL);
		raise(g->killed);
	}
	sigprocmask(SIG_UNBLOCK, set, NULL);
}

static int first_failure(const struct get *g)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->jobs[i].code != EXIT_DONE)
			return g->jobs[i].code;
	return EXIT_DONE;
}

/* Fetch all, the loop being there. */
static int fetch(struct get *g)
{
	bool files = g->jobs[0].path != NULL;
	sigset_t set;
	int err = files ? watch_signals(g, &set) : 0;

	if (err < 0)
		return command_fail(g->command, exit_code_of(err), "cannot watch for signals: %s",
				    strerror(-err));
	http_client_init(&g->client, &g->config);
	g->draws = !g->quiet && !g->verbose && isatty(STDERR_FILENO) && (files || !isatty(STDOUT_FILENO));
	if (g->draws) {
		g->redraw.fn = on_redraw;
		pb_timer_set(g->config.loop, &g->redraw, pb_loop_now(g->config.loop) + PROGRESS_EVERY);
	}
	start_more(g);
	err = pb_loop_run(g->config.loop);
	make_room(g);
	pb_timer_stop(g->config.loop, &g->redraw);
	for (size_t i = 0; i < g->next; i++) {
		if (!g->jobs[i].running)
			continue;
		http_cancel(&g->jobs[i].transfer);
		if (g->jobs[i].opened)
			save_discard(&g->jobs[i].save);
	}
	http_client_free(&g->client);
	if (files)
		unwatch_signals(g, &set);
	if (err < 0)
		return command_fail(g->command, exit_code_of(err), "the loop failed: %s", strerror(-err));
	return first_failure(g);
}

/* With a net, a loop and a resolver. */
static int fetch_on_net(struct get *g)
{
	int code = net_open(g->command, g->net_spec, g->capture, &g->config.net);
	int err;

	if (code != EXIT_DONE)
		return code;
	err = pb_loop_new(&g->config.loop);
	if (!err)
		err = pb_loop_add_net(g->config.loop, g->config.net);
	if (!err)
		err = resolver_new(g->config.loop, g->config.net, &g->config.resolver);
	if (!err)
		net_auto_keep(g->config.loop);
	code = err ? command_fail(g->command, EXIT_FAILED, "cannot start: %s", strerror(-err)) : fetch(g);
	net_auto_keep(NULL);
	resolver_free(g->config.resolver);
	pb_loop_free(g->config.loop);
	net_close(g->command, g->config.net);
	return code;
}

/* Which file a job is saved to. Two under one name would overwrite each other. */
static int choose_path(struct get *g, struct job *j)
{
	if (g->output && strcmp(g->output, "-") != 0)
		j->path = strdup(g->output);
	else if (g->by_name)
		j->path = save_name(g->directory, &j->url);
	else
		return EXIT_DONE;
	if (!j->path)
		return command_fail(g->command, EXIT_FAILED, "out of memory");
	for (const struct job *other = g->jobs; other < j; other++)
		if (strcmp(other->path, j->path) == 0)
			return command_usage(
				g->command,
				"'%s' and '%s' would both be saved as %s; fetch one of them with -o FILE",
				other->text, j->text, j->path);
	return EXIT_DONE;
}

static int prepare(struct get *g, char **urls)
{
	struct url_error error;

	for (size_t i = 0; i < g->count; i++) {
		struct job *j = &g->jobs[i];
		j->get = g;
		j->text = urls[i];
		if (!url_parse(&j->url, j->text, &error))
			return command_usage(g->command, "'%s' is not a URL to get: %s", j->text, error.text);
		int code = choose_path(g, j);
		if (code != EXIT_DONE)
			return code;
	}
	return EXIT_DONE;
}

/* False: it has been said what is wrong. */
static bool take_option(struct get *g, const struct options *o, int id)
{
	long long ns;

	switch (id) {
	case 'o':
		g->output = o->value;
		return true;
	case 'd':
		g->directory = o->value;
		g->by_name = true;
		return true;
	case 'O':
		g->by_name = true;
		return true;
	case 'j':
		return option_number(o, "--parallel", 1, PARALLEL_MAX, &g->parallel);
	case 'I':
		g->head_only = g->show_head = true;
		return true;
	case 'i':
		g->show_head = true;
		return true;
	case OPT_ERROR_BODY:
		g->error_body = true;
		return true;
	case 'w':
	case OPT_IDLE:
		if (!option_seconds(o, id == 'w' ? "--wait" : "--idle", 0.001, 1e6, &ns))
			return false;
		*(id == 'w' ? &g->config.connect_timeout : &g->config.idle_timeout) = ns;
		return true;
	case OPT_CA:
		g->config.ca_file = o->value;
		return true;
	case OPT_INSECURE:
		g->config.insecure = true;
		return true;
	case '4':
	case '6':
		g->config.family = id == '4' ? AF_INET : AF_INET6;
		return true;
	case OPT_NET:
		g->net_spec = o->value;
		return true;
	case OPT_CAPTURE:
		g->capture = o->value;
		return true;
	case 'q':
		g->quiet = true;
		return true;
	default: /* 'v': options_next() answers nothing that is not in the table */
		g->verbose = true;
		return true;
	}
}

static int get_run(const struct command *self, int argc, char **argv)
{
	struct get g = {
		.command = self,
		.directory = ".",
		.net_spec = "host",
		.parallel = PARALLEL_DEFAULT,
		.config = {.family = AF_UNSPEC,
                           .connect_timeout = PB_SEC(CONNECT_DEFAULT),
                           .idle_timeout = PB_SEC(IDLE_DEFAULT)}
	};
	struct options o;
	int id, code;

	options_init(&o, self, argc, argv);
	while ((id = options_next(&o)) > 0)
		if (!take_option(&g, &o, id))
			return EXIT_USAGE;
	if (id < 0)
		return id == OPTIONS_HELP ? EXIT_DONE : EXIT_USAGE;
	g.count = (size_t)(argc - o.rest);
	if (g.count == 0)
		return command_usage(self, "which URL?");
	if (g.output && (g.count > 1 || g.by_name))
		return command_usage(self, "-o FILE is for one URL; -O saves each under its own name");
	if (!g.output && !g.by_name)
		g.parallel = 1; /* standard output takes one after the other, in their order */
	g.jobs = calloc(g.count, sizeof *g.jobs);
	if (!g.jobs)
		return command_fail(self, EXIT_FAILED, "out of memory");
	code = prepare(&g, argv + o.rest);
	if (code == EXIT_DONE)
		code = fetch_on_net(&g);
	for (size_t i = 0; i < g.count; i++) {
		free(g.jobs[i].path);
		free(g.jobs[i].fields);
	}
	free(g.jobs);
	return code;
}

static const struct cli_example get_examples[] = {
	{"packetboat get http://localhost:8080/",                       "show a page" },
	{ "packetboat get -o debian.iso https://example.org/debian.iso",
         "save a file; it appears when it is whole" },
	{ "packetboat get -d photos http://nas/1.jpg http://nas/2.jpg",                    "save several, side by side" },
	{ "packetboat get -vI example.org", "tell each step, and what the server says of the page" },
	{ NULL							   },
};

const struct command command_get = {
	.name = "get",
	.summary = "fetch URLs over HTTP, with or without TLS",
	.synopsis = "[OPTION]... URL...",
	.about =
		"Bodies go to standard output, in the order of the URLs, unless they are saved. A\n"
		"URL without a scheme means http. Redirects are followed, but not from https to\n"
		"http. A file is FILE.part until it is whole. A status of 400 or above is a\n"
		"failure (exit code 1); of several failures, the exit code is the first URL's.\n\n" NET_ABOUT,
	.options = get_options,
	.examples = get_examples,
	.run = get_run,
};
